"""Uploads under way: for each a file of the bytes that have arrived, and beside it a note of what it is to become.

How far an upload is, is the size of its file and is written down nowhere else, so the two cannot disagree.
Each tablet has a folder of its own, so that no tablet can reach another's uploads, whatever it may call them.
"""

import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from server.storage.disk import disk_problems
from server.storage.photo_files import check_name
from shared_schema.ids import DeviceId, digest
from shared_schema.problems import Problem

KEPT_MS = 7 * 24 * 60 * 60 * 1000
"""A broken upload goes on where it was for a week after its last byte; then its bytes are removed."""

_NAME = re.compile(r"[0-9a-z]{26,64}(-[0-9]{1,8})?")
_NOTE_SUFFIX = ".note"


class Note(Struct, frozen=True, omit_defaults=True):
    """What an upload is to become."""

    size_bytes: int
    metadata: str = ""
    """The header as its sender gave it."""
    sha256: str = ""
    """As its sender named it; else as it was found when the upload was whole."""
    named: bool = False
    """Whether its sender named the hash."""


_decoder = msgspec.json.Decoder(Note)


class Partials:
    """The folder of uploads under way."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, device: DeviceId, name: str) -> Path:
        """Where an upload's bytes lie. Raises not_found for what is no upload's name."""
        if not _NAME.fullmatch(name):
            raise Problem("not_found", what="upload")
        return self._folder(device) / name

    def note(self, device: DeviceId, name: str) -> Note:
        """What an upload is to become. Raises not_found."""
        try:
            return _decoder.decode(self._note_path(device, name).read_bytes())
        except (FileNotFoundError, msgspec.DecodeError) as err:
            # One that cannot be read was being written when the server was killed: nobody has heard of it yet.
            raise Problem("not_found", what="upload") from err

    def write_note(self, device: DeviceId, name: str, note: Note, now_ms: int) -> None:
        """Begins an upload, or notes what was found out about it. Raises disk_full."""
        path = self._note_path(device, name)
        unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
        with disk_problems():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                unfinished.write_bytes(msgspec.json.encode(note))
                _stamp(unfinished, now_ms)
                unfinished.replace(path)
            finally:
                unfinished.unlink(missing_ok=True)

    def start(self, device: DeviceId, name: str) -> None:
        """Makes the file for the bytes, unless it is there. Raises disk_full."""
        with disk_problems():
            self.path(device, name).touch(mode=0o600)

    def offset(self, device: DeviceId, name: str) -> int | None:
        """How many bytes have arrived; None where there is no file."""
        try:
            return self.path(device, name).stat().st_size
        except FileNotFoundError:
            return None

    def count(self, device: DeviceId) -> int:
        """How many uploads of a tablet are begun and not whole and taken."""
        try:
            with os.scandir(self._folder(device)) as files:
                return sum(not one.name.endswith((_NOTE_SUFFIX, ".new")) for one in files)
        except FileNotFoundError:
            return 0

    def touch(self, device: DeviceId, name: str, now_ms: int) -> None:
        """Bytes arrive: the week begins anew."""
        _stamp(self._note_path(device, name), now_ms)

    def expires_at_ms(self, device: DeviceId, name: str) -> int:
        """Until when it can go on. Raises not_found."""
        try:
            return _stamped(self._note_path(device, name)) + KEPT_MS
        except FileNotFoundError as err:
            raise Problem("not_found", what="upload") from err

    def remove(self, device: DeviceId, name: str) -> None:
        """Forgets an upload and its bytes."""
        self._note_path(device, name).unlink(missing_ok=True)
        self.path(device, name).unlink(missing_ok=True)

    def on_its_way(self, sha256: str, size_bytes: int) -> int:
        """How many bytes of a photo have arrived from whichever tablet is furthest with it; else 0."""
        name = named(check_name(sha256), size_bytes)
        found = 0
        for path in self._root.glob(f"*/{name}"):
            try:
                found = max(found, path.stat().st_size)
            except FileNotFoundError:
                continue  # it came to its end just now
        return found

    def sweep(self, now_ms: int) -> int:
        """Removes what expired; how many files that were."""
        removed = 0
        for path in list(self._files()):
            note = path if path.suffix in {_NOTE_SUFFIX, ".new"} else path.with_name(path.name + _NOTE_SUFFIX)
            try:
                stamped_ms = _stamped(note) if note.exists() else _stamped(path)
                if stamped_ms + KEPT_MS < now_ms:
                    path.unlink()
                    removed += 1
            except FileNotFoundError:
                continue  # its upload came to its end just now
        return removed

    def _files(self) -> Iterator[Path]:
        # Bytes before their notes, or bytes without a note would count as new.
        files = [path for path in self._root.glob("*/*") if path.is_file()]
        yield from sorted(files, key=lambda path: path.suffix == _NOTE_SUFFIX)

    def _folder(self, device: DeviceId) -> Path:
        return self._root / digest(device.encode())[:16]

    def _note_path(self, device: DeviceId, name: str) -> Path:
        path = self.path(device, name)
        return path.with_name(path.name + _NOTE_SUFFIX)


def named(sha256: str, size_bytes: int) -> str:
    """The upload of a photo whose hash is known beforehand: named by it, so that the same is always found again."""
    return f"{sha256}-{size_bytes}"


def _stamp(path: Path, now_ms: int) -> None:
    try:
        os.utime(path, ns=(now_ms * 1_000_000, now_ms * 1_000_000))
    except FileNotFoundError:
        return  # removed meanwhile, and so nothing expires


def _stamped(path: Path) -> int:
    return path.stat().st_mtime_ns // 1_000_000
