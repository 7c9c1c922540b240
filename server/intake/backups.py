"""Backups: a verified copy of log, tables and photos beside a running server, and what tablets may forget by it.

One snapshot of the database is written down as contents and one signed list of them. Then all of it is read
back from the disk and compared; only then the server notes what this backup holds, for its receipts to tell.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from importlib import metadata
from io import BytesIO
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from server.intake.photos import media_type_of, undamaged
from server.storage import backup_notes, migrations, photos, table_copy, watermark
from server.storage.backup_files import BackupFiles, Kept, Manifest, Part, Photo, named, signed_text
from server.storage.backup_notes import Noted
from server.storage.database import Connection, Database
from server.storage.disk import Room
from server.storage.photo_store import PhotoStore
from server.storage.tables import SCHEMA_VERSION
from server.storage.watermark import Mark
from shared_schema.ids import DeviceId, digest
from shared_schema.problems import Problem

ELSEWHERE_MIN = 10
"""Where none of so many photos is found, it was looked in another place than the server keeps them in."""


class Secrets(msgspec.Struct, frozen=True):
    """The server's own keys, in hex. Whoever has them can speak for the server: they lie apart from the rest."""

    seal_key: str
    signing_key: str
    sealing_key: str


class Made(NamedTuple):
    """A backup that counts."""

    name: str
    manifest: Manifest
    copied: int
    """Contents that were not in the folder before."""
    copied_bytes: int
    pruned: Sequence[str]
    elsewhere: bool = False
    """None of the photos lay where it was looked: nobody was asked for any, and none was put there."""


class Checked(NamedTuple):
    """What one backup was found to hold, all of it."""

    name: str
    manifest: Manifest
    contents: int
    size_bytes: int


def back_up(
    db: Database,
    store: PhotoStore,
    files: BackupFiles,
    *,
    clock: Callable[[], int],
    keep: int = 0,
    room: Room | None = None,
) -> Made:
    """Makes a backup, verifies it and notes what it holds; of older ones `keep` newest stay (0: all).

    `db` may be open read-only, a server running. Raises backup_damaged where what was written is not what is read
    back (then it does not count), backup_foreign, store_in_use, disk_full, busy.

    Of photos that the server cannot read any more it no longer says that they are here: tablets are asked for them
    again. Those that it had lost, and that lie in their place again or in the folder, are here again; where
    `room` is given, nothing is put back into what operations need of it. Where not one of many is found, `store` is
    another one than the server's, or its disk is not there: then all this waits.
    """
    with files.locked(create=True):
        now_ms = clock()
        _check_ours(files, public_of(db.read(_secrets)))
        copying = _Copying(files, room)
        found = db.read(copying.tables)
        secret_text = msgspec.json.encode(found.secrets)
        text, size = _copied(files, copying, store, found, digest(secret_text), now_ms)
        files.write_keys(secret_text)
        private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(found.secrets.signing_key))
        name = files.keep(text, private.sign(signed_text(text)).hex(), now_ms)
        kept = files.read(name)
        _check_signature(files, kept)
        made = Checked(name, kept.manifest, *size)
        db.aside(lambda conn: _note(conn, made, found.mark, copying, clock()))
        pruned = files.prune(keep)
        return Made(name, kept.manifest, copying.count, copying.size_bytes, pruned, copying.elsewhere)


def _check_ours(files: BackupFiles, public: str) -> None:
    """Raises backup_foreign: keys that lie there would be written over, and nothing could be restored any more."""
    found = {public}
    before = _last(files)
    if before is not None:
        found.add(before.signing_key)
    with suppress(Problem):  # there are none yet, or damaged ones, which are written anew
        found.add(public_of(read_secrets(files)))
    if len(found) > 1:
        raise Problem("backup_foreign", what=files.root)


def _last(files: BackupFiles) -> Manifest | None:
    """What the newest backup holds; None where there is none yet, or its list cannot be read."""
    with suppress(Problem):
        return files.read(newest(files)).manifest
    return None


def _secrets(conn: Connection) -> Secrets:
    return Secrets(
        migrations.seal_key(conn).hex(),
        migrations.signing_key(conn).hex(),
        migrations.sealing_key(conn).hex(),
    )


def _copied(
    files: BackupFiles,
    copying: "_Copying",
    store: PhotoStore,
    found: "_Found",
    keys_sha256: str,
    now_ms: int,
) -> tuple[bytes, tuple[int, int]]:
    """The list of what is in the folder now, all of it read back; how many contents, and how large."""
    here = copying.photos(store, found.photos)
    lost = copying.look_again(store, found.unnoted)
    # What was told stays told, until somebody brings it or it is taken out of the record.
    before = _last(files)
    told = [one for one in lost if before is not None and one in before.photos_missing]
    manifest = Manifest(
        program=metadata.version("hucha"),
        schema_version=SCHEMA_VERSION,
        server=found.server,
        signing_key=public_of(found.secrets),
        keys_sha256=keys_sha256,
        made_at_ms=now_ms,
        operations=found.operations,
        log_root=found.log_root,
        parts=tuple(found.parts),
        photos=(*here, *(one.photo for one in copying.again)),
        photos_missing=(*copying.gone, *told),
    )
    # What is not whole never gets a name, so it never counts.
    return msgspec.json.encode(manifest), _contents(files, manifest)


class _Found(NamedTuple):
    """One snapshot: its tables are in the folder already."""

    parts: Sequence[Part]
    photos: Sequence[tuple[str, int]]
    unnoted: Sequence[tuple[str, DeviceId]]
    operations: int
    log_root: str
    server: str
    secrets: "Secrets"
    mark: Mark


class _Again(NamedTuple):
    """A photo of the record that was not noted as here, and is."""

    photo: Photo
    media_type: str
    device: DeviceId


class _Copying:
    """Puts what is not in the folder yet, and counts that."""

    def __init__(self, files: BackupFiles, room: Room | None) -> None:
        self._files = files
        self._room = room
        self.again: list[_Again] = []
        self.gone: list[str] = []
        """Photos that are noted as here, and are not."""
        self.elsewhere = False
        self._mends = True
        self.count = 0
        self.size_bytes = 0

    def tables(self, conn: Connection) -> _Found:
        """Puts the tables of a snapshot."""
        self.count = self.size_bytes = 0
        parts = [
            Part(one.table, one.rows, self._put(one.content), len(one.content))
            for one in table_copy.pieces(conn)
        ]
        return _Found(
            parts,
            photos.all_of_them(conn),
            photos.unnoted(conn),
            *table_copy.log_root(conn),
            migrations.server_id(conn),
            _secrets(conn),
            watermark.mark(conn),
        )

    def photos(self, store: PhotoStore, rows: Sequence[tuple[str, int]]) -> list[Photo]:
        """Puts the photos; those that are gone stop none of the others.

        Photos never change: what the folder has is not fetched again.
        """
        if len(rows) >= ELSEWHERE_MIN:
            with suppress(Problem):  # it does not answer
                self.elsewhere = not any(store.has(sha256) for sha256, _ in rows)
                self._mends = not self.elsewhere
        here: list[Photo] = []
        for sha256, size_bytes in rows:
            if self._files.has(sha256, size_bytes):
                self._mend(store, sha256)
            else:
                content = undamaged(store, sha256)
                if content is None:
                    self.gone.append(sha256)
                    continue
                self._put(content)
            here.append(Photo(sha256, size_bytes))
        return here

    def _mend(self, store: PhotoStore, sha256: str) -> None:
        """Puts back what the folder has and the server has lost: nobody else would look for it."""
        if self._mends:
            try:
                if not store.has(sha256):
                    self._put_back(store, sha256, self._files.get(sha256))
            except Problem:  # it does not answer, or has no room: at the next backup
                self._mends = False

    def look_again(self, store: PhotoStore, rows: Iterable[tuple[str, DeviceId]]) -> list[str]:
        """Puts those that can be read again after all, and back into their place those that only the folder has.

        The others are told.
        """
        lost: list[str] = []
        for sha256, device in rows:
            found = self._found(store, sha256)
            if found is None:
                lost.append(sha256)
            else:
                content, media_type = found
                self._put(content)
                self.again.append(_Again(Photo(sha256, len(content)), media_type, device))
        return lost

    def _found(self, store: PhotoStore, sha256: str) -> tuple[bytes, str] | None:
        for look in (store.get, self._files.get):
            if self._mends:
                try:
                    content = look(sha256)
                    media_type = media_type_of(BytesIO(content))
                    self._put_back(store, sha256, content)
                except Problem as problem:  # it is not there or is no photo; else all the others wait too
                    self._mends = problem.code not in {"busy", "disk_full"}
                else:
                    return content, media_type
        return None

    def _put_back(self, store: PhotoStore, sha256: str, content: bytes) -> None:
        """Raises disk_full also where the disk is of somebody else, as when the photos' own is not mounted."""
        if self._room is not None and self._room.look().refuses and not store.has(sha256):
            raise Problem("disk_full")
        store.put(sha256, content)

    def _put(self, content: bytes) -> str:
        if not self._files.has(digest(content), len(content)):
            self.count += 1
            self.size_bytes += len(content)
        return self._files.put(content)


def _note(conn: Connection, made: Checked, mark: Mark, copying: _Copying, now_ms: int) -> None:
    if migrations.server_id(conn) != made.manifest.server:
        return  # restored meanwhile: what was copied is of the one before
    if not copying.elsewhere:
        photos.ask_again(
            conn, copying.gone
        )  # of others that are told as missing, one may have come meanwhile
    for one in copying.again:
        photos.add(
            conn,
            sha256=one.photo.sha256,
            size_bytes=one.photo.size_bytes,
            media_type=one.media_type,
            device=one.device,
            now_ms=now_ms,
        )
    watermark.note(conn, mark, [one.sha256 for one in made.manifest.photos])
    note_last(conn, made, now_ms)


def note_last(conn: Connection, made: Checked, now_ms: int) -> None:
    """Notes it as the last backup, for people to see."""
    backup_notes.keep(
        conn,
        Noted(
            name=made.name,
            made_at_ms=made.manifest.made_at_ms,
            noted_at_ms=now_ms,
            operations=made.manifest.operations,
            photos=len(made.manifest.photos),
            photos_missing=len(made.manifest.photos_missing),
            size_bytes=made.size_bytes,
            log_root=made.manifest.log_root,
        ),
    )


# --- checking --------------------------------------------------------------------------------------


def check(files: BackupFiles, name: str = "") -> list[Checked]:
    """Reads every byte of the backups of a folder, or of one. Raises backup_damaged naming the place, not_found."""
    with files.locked(create=False):
        names = [name] if name else files.names()
        if not names:
            raise Problem("not_found", what=files.root)
        return [verify(files, files.read(one)) for one in names]


def newest(files: BackupFiles) -> str:
    """The name of the newest backup. Raises not_found."""
    names = files.names()
    if not names:
        raise Problem("not_found", what=files.root)
    return names[-1]


def verify(files: BackupFiles, kept: Kept) -> Checked:
    """Reads every byte of a backup. Raises backup_damaged, naming the place."""
    _check_signature(files, kept)
    count, size_bytes = _contents(files, kept.manifest)
    return Checked(kept.name, kept.manifest, count, size_bytes)


def _check_signature(files: BackupFiles, kept: Kept) -> None:
    """Signed by the key it names; and the secret keys that lie with it, if they do, are the ones it was made with."""
    public = kept.manifest.signing_key
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        key.verify(bytes.fromhex(kept.signature), signed_text(kept.text))
    except (InvalidSignature, ValueError) as err:
        raise Problem("backup_damaged", where=f"{kept.name}: signature") from err
    if files.keys_path.exists() and digest(files.keys()) != kept.manifest.keys_sha256:
        raise Problem("backup_damaged", where=f"{kept.name}: {files.keys_path.name}")


def _contents(files: BackupFiles, manifest: Manifest) -> tuple[int, int]:
    """Reads every content; how many, and how large they are together. Raises backup_damaged, naming all that are."""
    wanted = dict.fromkeys(named(manifest))
    size_bytes, damaged = 0, []
    for sha256 in wanted:
        try:
            size_bytes += len(files.get(sha256))
        except Problem as problem:
            damaged.append(str(problem.facts["where"]))
    if damaged:
        raise Problem("backup_damaged", where="; ".join(damaged))
    return len(wanted), size_bytes


def read_secrets(files: BackupFiles) -> Secrets:
    """The server's keys. Raises not_found, backup_damaged."""
    try:
        return msgspec.json.decode(files.keys(), type=Secrets)
    except msgspec.DecodeError as err:
        raise Problem("backup_damaged", where=files.keys_path.name) from err


def public_of(secrets: Secrets) -> str:
    """The public half of the signing key, raw, in hex. Raises backup_damaged."""
    try:
        private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secrets.signing_key))
    except ValueError as err:
        raise Problem("backup_damaged", where="keys.json") from err
    return private.public_key().public_bytes_raw().hex()
