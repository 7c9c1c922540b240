"""What must survive a power cut is on the disk before anyone relies on it; and what a disk can answer."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from shared_schema.problems import Problem

FULL = {errno.ENOSPC, errno.EDQUOT}
FAILING = {errno.EIO, errno.ENXIO, errno.EROFS}
"""What a disk answers that is breaking, was pulled out, or was found damaged and is now read-only."""

log = structlog.get_logger(__name__)


@contextmanager
def disk_problems() -> Iterator[None]:
    """A disk that is full or failing is a Problem; any other error of files stays what it is."""
    try:
        yield
    except OSError as err:
        if err.errno in FULL:
            raise Problem("disk_full") from err
        if err.errno in FAILING:
            log.error("disk_failing", error=repr(err))  # noqa: TRY400 - a trace says nothing of a disk
            raise Problem("disk_failing") from err
        raise


def flush(path: Path) -> None:
    """Puts on the disk what was written to a file, or the names that were put into a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
