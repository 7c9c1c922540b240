"""Package files: read whole or in volumes, which are kept until the set is whole; receipts kept to be carried back."""

import os
import secrets
import shutil
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

from server.storage.disk import disk_problems, flush
from shared_schema import volumes
from shared_schema.package import Read, read_start
from shared_schema.problems import Problem
from shared_schema.volumes import HEADER_BYTES, Volume

COPY_BYTES = 1024 * 1024
FREE_PERCENT_MIN = 5
"""Of the disk: below this a package waits on its stick, because operations need the room."""
_UNFINISHED = ".partial"


class Piece(NamedTuple):
    """Some bytes of a file."""

    path: Path
    offset_bytes: int
    size_bytes: int


class Source(NamedTuple):
    """A whole package on disk, in one file or in several, to be read as often as wanted."""

    pieces: tuple[Piece, ...]

    @property
    def size_bytes(self) -> int:
        """Of the package."""
        return sum(one.size_bytes for one in self.pieces)

    def opened(self, stack: ExitStack) -> Read:
        """Reads it from its beginning; the files are closed with the stack."""
        chunks = _reading(self.pieces)
        stack.callback(chunks.close)
        next(chunks)
        return chunks.send


def _reading(pieces: Iterable[Piece]) -> Generator[bytes, int, None]:
    """Is sent how many bytes are wanted, and yields at most so many."""
    wanted = yield b""
    for piece in pieces:
        left = piece.size_bytes
        try:
            opened = piece.path.open("rb")
        except FileNotFoundError as err:
            raise Problem("busy") from err  # somebody else handed in the same volumes, and was first
        with opened as file:
            file.seek(piece.offset_bytes)
            while left and (content := file.read(min(wanted, left))):
                left -= len(content)
                wanted = yield content
    while True:
        yield b""


class Incoming(NamedTuple):
    """What some files come to: packages that are whole, and sets of which volumes are still missing."""

    whole: tuple[Source, ...]
    waiting: tuple[tuple[Volume, tuple[int, ...]], ...]
    """One volume of each such set, and the numbers that are missing."""


class PackageFiles:
    """The folder of packages of one server."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def arriving(self) -> Path:
        """Where files lie while they arrive; what is there when the server starts is of requests that are over."""
        return self._root / "arriving"

    def sweep(self) -> None:
        """Removes what was arriving or being written when the server was killed; only where nobody writes now."""
        shutil.rmtree(self.arriving, ignore_errors=True)
        for path in [*self._root.glob(f"out/*{_UNFINISHED}"), *self._root.glob(f"inbox/*/*{_UNFINISHED}")]:
            with suppress(OSError):  # it takes room, and keeps no server from starting
                path.unlink()

    def check_room(self, coming_bytes: int) -> None:
        """Raises disk_full where so much more would leave too little of the disk free; disk_failing."""
        with disk_problems():
            self._root.mkdir(parents=True, exist_ok=True)
            usage = shutil.disk_usage(self._root)
        if usage.free - coming_bytes < usage.total * FREE_PERCENT_MIN / 100:
            raise Problem("disk_full")

    # --- coming in ----------------------------------------------------------------------------------

    def incoming(self, paths: Iterable[Path]) -> Incoming:
        """What these files (and those in these folders) come to, with the volumes that came before.

        Raises package_damaged, package_too_new, package_too_large, not_found, disk_full.
        """
        whole: list[Source] = []
        sets: dict[str, dict[int, tuple[Volume, Path]]] = {}
        for path in files_in(paths):
            with path.open("rb") as file:
                start = file.read(HEADER_BYTES)
            if not volumes.is_volume(start):
                whole.append(Source((Piece(path, 0, path.stat().st_size),)))
                continue
            volume = _checked(path, start)
            sets.setdefault(volume.package, self._kept(volume.package))[volume.number] = (volume, path)
        waiting = []
        for found in sets.values():
            absent = volumes.missing(one for one, _ in found.values())
            if absent:
                waiting.append((next(iter(found.values()))[0], tuple(absent)))
                for volume, path in found.values():
                    self._keep(volume, path)
            else:
                paths_of = dict(found.values())
                ordered = volumes.in_order(paths_of)
                whole.append(
                    Source(tuple(Piece(paths_of[one], HEADER_BYTES, one.size_bytes) for one in ordered))
                )
        return Incoming(tuple(whole), tuple(waiting))

    def forget(self, digest: str) -> None:
        """The volumes of a package that has been taken are no longer needed."""
        shutil.rmtree(self._inbox(digest), ignore_errors=True)

    def digest_of(self, source: Source) -> str:
        """What names a package: of its clear beginning. Raises package_damaged, package_too_new, package_suite."""
        with ExitStack() as stack:
            return read_start(source.opened(stack)).digest

    def waiting(self) -> list[tuple[Volume, list[int]]]:
        """Sets of which some volumes have come: one volume of each, and the numbers that are missing."""
        found = []
        for folder in sorted((self._root / "inbox").glob("*")):
            kept = [volume for volume, _ in self._kept(folder.name).values()]
            if kept:
                found.append((kept[0], volumes.missing(kept)))
        return found

    def _inbox(self, digest: str) -> Path:
        return self._root / "inbox" / digest

    def _kept(self, digest: str) -> dict[int, tuple[Volume, Path]]:
        kept = {}
        for path in sorted(self._inbox(digest).glob("*.hcx")):
            # It may just have been taken; what cannot be read any more is asked for again.
            with suppress(OSError, Problem), path.open("rb") as file:
                volume = volumes.read_header(file.read(HEADER_BYTES))
                kept[volume.number] = (volume, path)
        return kept

    def _keep(self, volume: Volume, path: Path) -> None:
        target = self._inbox(volume.package) / f"{volume.number}.hcx"
        if path == target:
            return
        with path.open("rb") as file:
            self._write(target, iter(lambda: file.read(COPY_BYTES), b""))

    def _write(self, target: Path, content: Iterable[bytes]) -> None:
        """As `write` does it; the names of these folders themselves survive too."""
        write(target, content)
        with disk_problems():
            for folder in (self._root, self._root.parent):
                flush(folder)

    # --- going out ----------------------------------------------------------------------------------

    def give(self, digest: str, content: Iterable[bytes]) -> Path:
        """Keeps a package that is to be carried to a tablet. Raises disk_full."""
        path = self.given(digest)
        self._write(path, content)
        return path

    def given(self, digest: str) -> Path:
        """Where a package for a tablet lies or would lie. Raises not_found."""
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise Problem("not_found", what="package")
        return self._root / "out" / f"{digest}.hcx"


def files_in(paths: Iterable[Path]) -> Iterator[Path]:
    """These files, and those in these folders. Raises not_found."""
    for path in paths:
        if path.is_dir():
            yield from sorted(path.glob("*.hcx"))
        elif path.is_file():
            yield path
        else:
            raise Problem("not_found", what=path)


def _checked(path: Path, start: bytes) -> Volume:
    volume = volumes.read_header(start)
    with path.open("rb") as file:
        file.seek(HEADER_BYTES)
        volumes.check(volume, file.read)
    return volume


def copy_into(folder: Path, path: Path, code: str) -> Path:
    """Copies a package for a tablet into a folder, under the code that people compare. Raises disk_full."""
    target = folder / f"hucha-{code}.hcx"
    with path.open("rb") as file:
        write(target, iter(lambda: file.read(COPY_BYTES), b""))
    return target


def write(target: Path, content: Iterable[bytes]) -> None:
    """Writes a file so that it is there whole, after a power cut too, or not at all. Raises disk_full, disk_failing."""
    partial = target.with_name(f"{target.name}.{secrets.token_hex(8)}{_UNFINISHED}")
    with disk_problems():
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("xb") as file:
                for piece in content:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
            for folder in (target.parent, target.parent.parent):
                flush(folder)
        finally:
            partial.unlink(missing_ok=True)
