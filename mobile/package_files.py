"""A package on disk, in one file or in several volumes: written whole or not at all, read from its beginning."""

import errno
import os
import re
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack, suppress
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, NamedTuple

from mobile.files import flush_folder
from shared_schema import volumes
from shared_schema.package import CODE_LETTERS, Read
from shared_schema.problems import Problem
from shared_schema.volumes import HEADER_BYTES, Volume

SAFE_BYTES = 8 * 1024 * 1024
"""After so many bytes a stick has to have them: what is counted as written is, and the end is no long wait."""
UNFINISHED_SECONDS = 3600
"""For so long after its last byte a package may still be written."""
_LETTERS = f"[{CODE_LETTERS}]{{4}}"
_UNFINISHED = re.compile(rf"hucha-{_LETTERS}-{_LETTERS}(\.\d+-of-\d+)?\.hcx\.part")
"""What a package is called, or a volume of one, while it is written."""


class Piece(NamedTuple):
    """Some bytes of a file."""

    path: Path
    offset_bytes: int
    size_bytes: int


class Source(NamedTuple):
    """A whole package."""

    pieces: tuple[Piece, ...]

    @property
    def size_bytes(self) -> int:
        """Of the package, without what begins each volume."""
        return sum(one.size_bytes for one in self.pieces)

    def opened(self, stack: ExitStack) -> Read:
        """Reads it from its beginning; the files are closed with the stack."""
        chunks = _reading(self.pieces)
        stack.callback(chunks.close)
        next(chunks)
        return chunks.send


def source_of(paths: Sequence[Path]) -> Source:
    """The package in these files: one, or all the volumes of a set. Raises not_found, package_incomplete, …_damaged."""
    found: dict[Volume, Path] = {}
    for path in paths:
        if not path.is_file():
            raise Problem("not_found", what=path)
        with path.open("rb") as file:
            start = file.read(HEADER_BYTES)
            if not volumes.is_volume(start):
                if len(paths) > 1:
                    raise Problem("package_damaged", where="volumes of different packages")
                return Source((Piece(path, 0, path.stat().st_size),))
            volume = volumes.read_header(start)
            volumes.check(volume, file.read)
        found[volume] = path
    if not found:
        raise Problem("not_found", what="package")
    return Source(tuple(Piece(found[one], HEADER_BYTES, one.size_bytes) for one in volumes.in_order(found)))


def written(
    folder: Path,
    name: str,
    named: str,
    size: int,
    pieces: Iterable[bytes],
    split_bytes: int,
) -> tuple[Path, ...]:
    """Writes these pieces into one file, or into volumes of at most so many bytes; whatever stops it, no file is left.

    `named` is the digest that the package is known by, `size` its length in bytes. Raises form_invalid.
    """
    _sweep(folder, name)
    if not split_bytes or size <= split_bytes:
        path = folder / f"{name}.hcx"
        _keep(path, pieces)
        return (path,)
    kept: list[Path] = []
    dealt = volumes.split(pieces, volumes.plan(named, size, split_bytes))
    try:
        for volume, some in groupby(dealt, key=lambda one: one[0]):
            path = folder / f"{name}.{volume.number}-of-{volume.of}.hcx"
            _keep(path, (content for _, content in some))
            kept.append(path)
    except BaseException:
        _gone(*kept)
        raise
    return tuple(kept)


def _keep(path: Path, pieces: Iterable[bytes]) -> None:
    """Writes a file piece by piece; on a stick that is pulled out too early it does not have its name yet."""
    unfinished = path.with_name(path.name + ".part")
    try:
        with unfinished.open("wb") as file:
            unsafe = 0
            for one in pieces:
                file.write(one)
                unsafe += len(one)
                if unsafe >= SAFE_BYTES:
                    _flush(file)
                    unsafe = 0
            _flush(file)
        unfinished.replace(path)
        _flush_name(path)
    except BaseException:
        _gone(unfinished)
        raise


def _sweep(folder: Path, name: str) -> None:
    """Takes away what a package left unfinished on a stick that was pulled out: nobody else knows what it is.

    In a folder that several share another tablet may be writing one just now; what time it is there, a new file says.
    """
    new = folder / f"{name}.hcx.part"
    with suppress(OSError):
        new.touch()
        now = new.stat().st_mtime
        new.unlink()
        for path in folder.iterdir():
            with suppress(OSError):
                if _UNFINISHED.fullmatch(path.name) and now - path.stat().st_mtime > UNFINISHED_SECONDS:
                    path.unlink()


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _flush_name(path: Path) -> None:
    """Whoever reads that a package is written pulls the stick out: its name has to be there as well."""
    try:
        flush_folder(path.parent)
    except OSError as err:
        # Some file systems, of sticks above all, know no such thing.
        if err.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise


def _gone(*paths: Path) -> None:
    """Takes back what was begun; on a stick that was pulled out nothing can be."""
    for path in paths:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _reading(pieces: Sequence[Piece]) -> Generator[bytes, int, None]:
    """Is sent how many bytes are wanted, and yields at most so many."""
    wanted = yield b""
    for piece in pieces:
        left = piece.size_bytes
        with piece.path.open("rb") as file:
            file.seek(piece.offset_bytes)
            while left and (content := file.read(min(wanted, left))):
                left -= len(content)
                wanted = yield content
    while True:
        yield b""
