"""A real server process on a folder of data: started, ended by any signal, started again on the same data."""

import re
import signal
import subprocess
import sys
from pathlib import Path

START_SECONDS_MAX = 60.0


class ServerProcess:
    """One server process after another on the same data."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.url = ""
        self.port = 0
        """Kept from the first start on, so that tablets find it again."""
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts a process and waits until it listens."""
        serve = [sys.executable, "-m", "server", "serve", "--data", str(self._data), "--port", str(self.port)]
        with (self._data / "server.log").open("ab") as log:
            self.process = subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=log)
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode()
        found = re.search(r"http://[^\s:]+:(\d+)", line)
        assert found, f"no address in {line!r}, see {self._data / 'server.log'}"
        self.url, self.port = found.group(), int(found[1])

    def send(self, with_signal: signal.Signals) -> None:
        """Sends it a signal."""
        assert self.process is not None
        self.process.send_signal(with_signal)

    def end(self, with_signal: signal.Signals) -> int:
        """Ends the process; its exit code."""
        assert self.process is not None
        self.send(with_signal)
        return self.wait(START_SECONDS_MAX)

    def wait(self, seconds: float) -> int:
        """Waits so long at most for its end; its exit code."""
        assert self.process is not None
        code = self.process.wait(seconds)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def peak_bytes(self) -> int:
        """The most memory it has had in use so far."""
        assert self.process is not None
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text("utf-8"))
        assert found
        return int(found[1]) * 1024
