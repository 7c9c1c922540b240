"""One server process for one embedded database: a lock file held for as long as the process lives."""

import fcntl
import os
from pathlib import Path

from server.storage.disk import disk_problems
from shared_schema.problems import Problem


class StoreLock:
    """Holds PATH.lock. The system lets go of it when the process dies, however it dies."""

    def __init__(self, database: Path) -> None:
        """Takes the lock. Raises store_in_use, disk_full, disk_failing."""
        path = database.with_name(database.name + ".lock")
        with disk_problems():
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            os.close(self._file)
            if isinstance(err, BlockingIOError):
                raise Problem("store_in_use", path=database) from err
            raise  # a file system of another machine, mostly, that knows no locks

    def release(self) -> None:
        """Lets the next process in. The file stays: removing it would let two processes lock two files."""
        os.close(self._file)
