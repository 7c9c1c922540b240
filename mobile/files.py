"""Files that are there whole or not at all, and files that are destroyed."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from shared_schema.problems import Problem

FULL = {errno.ENOSPC, errno.EDQUOT}
FAILING = {errno.EIO, errno.ENXIO, errno.EROFS}
"""What storage answers that is breaking, or was found damaged and is now read-only."""


@contextmanager
def disk_problems() -> Iterator[None]:
    """A disk that is full or failing is a Problem; any other error of files stays what it is."""
    try:
        yield
    except OSError as err:
        if err.errno in FULL:
            raise Problem("disk_full") from err
        if err.errno in FAILING:
            raise Problem("disk_failing") from err
        raise


def write_whole(path: Path, content: bytes, *, destroy_old: bool = False) -> None:
    """`put_whole` of a file of the tablet's own; its folder is made. Raises disk_full, disk_failing."""
    with disk_problems():
        make_folder(path.parent)
        put_whole(path, content, destroy_old=destroy_old)


def put_whole(path: Path, content: bytes, *, destroy_old: bool = False) -> None:
    """Writes a file so that it is either there whole, after a power cut too, or not at all.

    With `destroy_old` what stood there before is written over as well, once the new file has its name. Raises
    OSError; then the old file is there or the new one, and nothing else.
    """
    unfinished = path.with_name(path.name + ".part")
    try:
        _write(unfinished, content)
        _put_in_place(unfinished, path, destroy_old=destroy_old)
    except OSError:
        with suppress(OSError):  # what was not finished takes up room; but the first error is the one to tell
            unfinished.unlink(missing_ok=True)
        raise


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _put_in_place(unfinished: Path, path: Path, *, destroy_old: bool) -> None:
    # The old file's bytes are reached through what is opened before its name is given away.
    old = _opened(path) if destroy_old else None
    unfinished.replace(path)
    flush_folder(path.parent)
    if old is not None:
        _overwrite(old)


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it that only their owner can enter, on the disk when it returns."""
    if not folder.exists():
        make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        flush_folder(folder.parent)


def rename(path: Path, target: Path) -> None:
    """Gives a file another name, on the disk when it returns."""
    path.replace(target)
    flush_folder(path.parent)


def destroy(path: Path) -> None:
    """Writes over a file, then removes it; one that is not there is fine.

    Flash storage may keep old blocks all the same. What must be unreadable is therefore encrypted, and the key,
    which is short, is destroyed first.
    """
    try:
        descriptor = _opened(path)
    except OSError:  # what may not be written over may go all the same
        _remove(path)
        raise
    if descriptor is None:
        return
    try:
        _overwrite(descriptor)
    finally:
        _remove(path)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """Makes the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int | None:
    try:
        return os.open(path, os.O_WRONLY)
    except FileNotFoundError:
        return None


def _overwrite(descriptor: int) -> None:
    """Writes zeros over an open file, and closes it."""
    try:
        left = os.fstat(descriptor).st_size
        while left > 0:
            left -= os.write(descriptor, bytes(min(left, 1 << 20)))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
