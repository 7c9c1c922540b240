"""What must survive a power cut is on the disk before anyone relies on it; and what a disk can answer."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import structlog

from shared_schema.problems import Problem

FULL = {errno.ENOSPC, errno.EDQUOT}
FAILING = {errno.EIO, errno.ENXIO, errno.EROFS}
"""What a disk answers that is breaking, was pulled out, or was found damaged and is now read-only."""

UNFLUSHED = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EACCES, errno.EPERM}
"""What some file systems, of sticks and of other machines above all, say of a folder that is to be flushed."""

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
    """Puts on the disk what was written to a file, or, where that can be done, the names that were put into a folder.

    A folder that we may not read is somebody else's, and lay there before us.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as err:
        if err.errno not in UNFLUSHED or not path.is_dir():
            raise


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it; no power cut can take them when this returns.

    All above it are flushed, because whoever made some of them may have been killed before doing so.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for above in folder.absolute().parents:
        flush(above)


class Left(NamedTuple):
    """How much of a disk is free."""

    percent: float
    warns: bool
    refuses: bool
    """So little that photos have to wait."""


class Room:
    """How full the disk of a folder is, and from where on that matters."""

    def __init__(
        self,
        folder: Path,
        *,
        warn_percent: float = 10,
        refuse_percent: float = 5,
        free: Callable[[Path], float] | None = None,
    ) -> None:
        """`free(folder)` is the percentage of its disk that is free; without it the real one."""
        self._folder = folder
        self.warn_percent = warn_percent
        self.refuse_percent = refuse_percent
        self._free = free or free_percent

    def look(self) -> Left:
        """How it is now."""
        percent = self._free(self._folder)
        return Left(percent, percent < self.warn_percent, percent < self.refuse_percent)


def free_percent(folder: Path) -> float:
    """How much of the folder's disk is free for us, in percent."""
    usage = shutil.disk_usage(folder)
    return 100 * usage.free / usage.total
