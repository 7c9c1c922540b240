"""The server of a benchmark: a real process, started by its command, with its CPU time and memory read from outside."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

COMMAND = f"{shlex.quote(sys.executable)} -m server serve --data {{data}} --port 0"
ROOT = Path(__file__).resolve().parents[2]
_TICKS = os.sysconf("SC_CLK_TCK")


class Server(NamedTuple):
    """A running server."""

    host: str
    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """What it has used so far, in the kernel and outside."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def peak_bytes(self) -> int:
        """The most memory it has held."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found, "the kernel tells the peak of every process"
        return int(found[1]) * 1024


@contextlib.contextmanager
def serving(data: Path, command: str = COMMAND) -> Iterator[Server]:
    """A server over this folder, for as long as the block lasts."""
    env = {"HUCHA_LOG_LEVEL": "warning", **os.environ}
    with subprocess.Popen(
        shlex.split(command.format(data=data)), cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            address = re.search(r"http://([^:/\s]+):(\d+)", process.stdout.readline())
            if address is None:
                raise RuntimeError(f"the server did not say where it listens: {command}")
            yield Server(address[1], int(address[2]), process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
