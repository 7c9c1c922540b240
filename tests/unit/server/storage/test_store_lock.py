"""One server for one database: a second is told what to do, and a disk that knows no locks is not called a server."""

import errno
import fcntl
from pathlib import Path

import pytest

from server.storage.store_lock import StoreLock
from shared_schema.problems import Problem


def test_a_second_is_refused_and_told_the_cure_in_both_languages(tmp_path: Path) -> None:
    database = tmp_path / "hucha.db"
    first = StoreLock(database)
    with pytest.raises(Problem, match="store_in_use") as told:
        StoreLock(database)
    assert "先结束" in told.value.message("zh")
    assert "end it first" in told.value.message("en")
    first.release()
    StoreLock(database).release()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP])
def test_a_disk_that_knows_no_locks_is_not_called_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Nobody would find the process that is to be ended."""

    def no_locks(*_: object) -> None:
        raise OSError(number, "no locks here")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(OSError, match="no locks here"):
        StoreLock(tmp_path / "hucha.db")
