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
    """A running server, with whatever processes it has started: a database's work is its server's."""

    host: str
    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """What they have used so far, in the kernel and outside, those that have ended among them."""
        fields = [text.rpartition(")")[2].split() for text in self._told("stat")]
        return sum(int(ticks) for one in fields for ticks in one[11:15]) / _TICKS

    def peak_bytes(self) -> int:
        """The most memory each has held, added up; what they share is counted once."""
        told = self._told("status")
        shared = [_kib("RssShmem", text) for text in told]
        return (sum(_kib("VmHWM", text) for text in told) - sum(shared) + max(shared)) * 1024

    def _told(self, name: str) -> list[str]:
        return [text for text in (_read(f"/proc/{pid}/{name}") for pid in _family(self.pid)) if text]


def _family(pid: int) -> Iterator[int]:
    yield pid
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in _read(thread).split():
            yield from _family(int(child))


def _read(path: str | Path) -> str:
    try:
        return Path(path).read_text()
    except OSError:  # ended meanwhile
        return ""


def _kib(name: str, status: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", status)
    return int(found[1]) if found else 0  # a process that is ending holds nothing


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
