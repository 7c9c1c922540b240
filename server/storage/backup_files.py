"""A folder of backups: contents named by their hash, and one signed list for each backup of what belongs to it.

A content that is there is whole, and several backups share it. A list is written last, after all it names
is on the disk; what no list names is no backup, and is swept away by the next one.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from server.storage.disk import disk_problems, flush
from server.storage.photo_files import check_name
from shared_schema.ids import digest
from shared_schema.problems import Problem

FORMAT = 1
_LIST = "backup-{}.json"
_DAMAGED = ".damaged"
_UNFINISHED = ".partial"
_TIME = "%Y%m%dT%H%M%S"


class Part(Struct, frozen=True):
    """A piece of a table: so many rows, lying under the hash of its compressed bytes."""

    table: str
    rows: int
    sha256: str
    size_bytes: int


class Photo(Struct, frozen=True):
    """A photo, lying under its hash."""

    sha256: str
    size_bytes: int


class Manifest(Struct, frozen=True, kw_only=True):
    """What one backup holds."""

    format: int = FORMAT
    program: str
    schema_version: int
    server: str
    """The identity of the database that was backed up."""
    signing_key: str
    """Its public Ed25519 key, raw, in hex."""
    keys_sha256: str
    """Of the file with its secret keys."""
    made_at_ms: int
    operations: int
    log_root: str
    """Over the logs of all inspections: equal roots, equal logs."""
    parts: tuple[Part, ...]
    photos: tuple[Photo, ...]
    photos_missing: tuple[str, ...] = ()
    """Photos of the record that the server itself could not read any more."""


class Signed(Struct, frozen=True):
    """A list as it lies in its file: `manifest` is the exact JSON that `signature` is over."""

    manifest: str
    signature: str


class Kept(Struct, frozen=True):
    """One list: its file's name, its exact bytes, and what they say."""

    name: str
    text: bytes
    signature: str
    manifest: Manifest


def signed_text(manifest: bytes) -> bytes:
    """What the server signs of a backup."""
    return b"hucha backup 1\n" + manifest


class BackupFiles:
    """The folder. Only its owner can enter it: backups are as confidential as the server."""

    def __init__(self, root: Path, keys: Path | None = None) -> None:
        """`keys` is where the server's secret keys lie, if not in the folder."""
        self.root = root
        self.keys_path = keys or root / "keys.json"

    @contextmanager
    def locked(self, *, create: bool) -> Iterator[None]:
        """Keeps every other backup and restore off the folder. Raises store_in_use, not_found."""
        if create:
            with disk_problems():
                self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
                (self.root / "contents").mkdir(exist_ok=True)
                flush(self.root.parent)
        elif not self.root.is_dir():
            raise Problem("not_found", what=self.root)
        handle = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as err:
            raise Problem("store_in_use", path=self.root) from err
        finally:
            os.close(handle)

    # --- contents -----------------------------------------------------------------------------------

    def path(self, sha256: str) -> Path:
        """Where a content lies."""
        return self.root / "contents" / check_name(sha256)[:2] / sha256

    def has(self, sha256: str, size_bytes: int) -> bool:
        """Whether a content is here, as far as its size says."""
        try:
            return self.path(sha256).stat().st_size == size_bytes
        except FileNotFoundError:
            return False

    def put(self, content: bytes) -> str:
        """Keeps a content and gives its hash; on the disk for good after `settle`. Raises disk_full."""
        sha256 = digest(content)
        if not self.has(sha256, len(content)):
            self._write(self.path(sha256), content)
        return sha256

    def get(self, sha256: str) -> bytes:
        """A content, which is what it was. Raises backup_damaged naming its file.

        A damaged one is renamed, so that the next backup copies it again; if it can be read after all, it counts.
        """
        path = self.path(sha256)
        aside = path.with_name(path.name + _DAMAGED)
        missing = False
        for place in (path, aside):
            try:
                content = place.read_bytes()
            except FileNotFoundError:
                missing = missing or place is path
            except OSError:  # a bad sector, or a disk that does not answer just now
                continue
            else:
                if digest(content) == sha256:
                    return content
        if missing:
            raise Problem("backup_damaged", where=f"{self._told(path)}: missing")
        with suppress(OSError):  # a copy on a disc stays as it is
            path.replace(aside)
        raise Problem("backup_damaged", where=self._told(path))

    def settle(self) -> None:
        """Makes the names of all contents survive a power cut, also those that a backup which was killed has put."""
        contents = self.root / "contents"
        for folder in (*contents.iterdir(), contents, self.root):
            flush(folder)

    def _write(self, path: Path, content: bytes, mode: int = 0o600) -> None:
        with disk_problems():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            partial = path.with_name(path.name + _UNFINISHED)
            partial.unlink(missing_ok=True)  # of keys, one that was left there could not be opened
            try:
                with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT, mode), "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)

    def _told(self, path: Path) -> str:
        return str(path.relative_to(self.root))

    # --- lists --------------------------------------------------------------------------------------

    def names(self) -> list[str]:
        """The backups of this folder, the oldest first."""
        return sorted(path.name for path in self.root.glob(_LIST.format("*")))

    def keep(self, manifest: bytes, signature: str, made_at_ms: int) -> str:
        """Makes a backup of what was put: from now on it counts, as the newest. Gives its name."""
        self.settle()
        name = _name_at(made_at_ms)
        for last in self.names()[-1:]:
            # By a clock that jumped the new one would be removed as the oldest, or an older one be restored for it.
            name = max(name, _name_at(_at_ms(last) + 1))
        self._write(self.root / name, msgspec.json.encode(Signed(manifest.decode(), signature)))
        flush(self.root)
        return name

    def read(self, name: str) -> Kept:
        """One list; its signature is not checked here. Raises not_found, backup_damaged, schema_too_new."""
        if "/" in name or name not in self.names():
            raise Problem("not_found", what=name)
        try:
            signed = msgspec.json.decode((self.root / name).read_bytes(), type=Signed)
            text = signed.manifest.encode()
            told = msgspec.json.decode(text, type=_Format)
            if told.format > FORMAT:
                raise Problem("schema_too_new", theirs=told.format, ours=FORMAT)
            return Kept(name, text, signed.signature, msgspec.json.decode(text, type=Manifest))
        except (msgspec.DecodeError, UnicodeError, OSError) as err:
            raise Problem("backup_damaged", where=name) from err

    def keys(self) -> bytes:
        """The file with the server's secret keys. Raises not_found, backup_damaged."""
        try:
            return self.keys_path.read_bytes()
        except FileNotFoundError as err:
            raise Problem("not_found", what=self.keys_path) from err
        except OSError as err:  # a bad sector, mostly
            raise Problem("backup_damaged", where=self.keys_path.name) from err

    def write_keys(self, content: bytes) -> None:
        """Keeps the server's secret keys; readable by the folder's owner alone."""
        with suppress(Problem):
            if self.keys() == content:
                return
        self._write(self.keys_path, content, 0o400)
        for folder in (self.keys_path.parent, self.keys_path.parent.parent):
            flush(folder)

    def prune(self, keep: int) -> list[str]:
        """Removes all but the newest backups, and every content that none of the others names; what was removed.

        What a killed backup left of its list goes as well.
        """
        names = self.names()
        gone = names[: max(0, len(names) - keep)] if keep else []
        for name in gone:
            (self.root / name).unlink()
        for half in self.root.glob(_LIST.format("*") + _UNFINISHED):
            half.unlink()
        flush(self.root)
        wanted: set[str] = set()
        for name in self.names():
            # A list that cannot be read may name anything: then nothing is swept.
            with suppress(Problem):
                manifest = self.read(name).manifest
                wanted.update((*named(manifest), *manifest.photos_missing))
                continue
            return gone
        for path in (self.root / "contents").glob("*/*"):
            whole = path.with_name(path.name.removesuffix(_DAMAGED))
            # A damaged one is all that is left of a content until there is a whole one again.
            if whole.name not in wanted or (whole != path and whole.exists()):
                path.unlink()
        return gone


def _name_at(made_at_ms: int) -> str:
    """Names sort as the backups were made."""
    at = datetime.fromtimestamp(made_at_ms // 1000, UTC)
    return _LIST.format(at.strftime(_TIME) + f".{made_at_ms % 1000:03}Z")


def _at_ms(name: str) -> int:
    """The time in a name; 0 where there is none."""
    stamp, _, rest = name.removeprefix(_LIST.partition("{")[0]).partition(".")
    try:
        return int(datetime.strptime(stamp, _TIME).replace(tzinfo=UTC).timestamp()) * 1000 + int(rest[:3])
    except ValueError:
        return 0


class _Format(Struct, frozen=True):
    format: int = FORMAT


def named(manifest: Manifest) -> Iterable[str]:
    """The hashes of all contents of a backup."""
    yield from (one.sha256 for one in manifest.parts)
    yield from (one.sha256 for one in manifest.photos)
