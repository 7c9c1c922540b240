"""A package on disk, in one file or in several volumes, to be read from its beginning."""

from collections.abc import Generator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from shared_schema import volumes
from shared_schema.package import Read
from shared_schema.problems import Problem
from shared_schema.volumes import HEADER_BYTES, Volume


class Piece(NamedTuple):
    """Some bytes of a file."""

    path: Path
    offset_bytes: int
    size_bytes: int


class Source(NamedTuple):
    """A whole package."""

    pieces: tuple[Piece, ...]

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
