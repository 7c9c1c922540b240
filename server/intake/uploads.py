"""Resumable uploads of photos, between the protocol and the disk: begun, gone on with, finished, forgotten.

Bytes are on the disk as they arrive, and the size of the file is the offset. When an upload is whole, it is
verified, kept for good, noted in the database, and only then said to be here; whoever asks for an upload that
was whole when the server was killed, has it finished first. All of this is plain synchronous Python; the
caller sees to it that one request at a time has hold of an upload.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import structlog

from server.access import keys
from server.intake.photos import HASH_STEP_BYTES, hash_on, media_type_of, undamaged
from server.intake.tus import Creation, Part
from server.storage import devices, photos
from server.storage import partials as partial_files
from server.storage.database import Connection, Database
from server.storage.disk import Room, disk_problems
from server.storage.partials import Note, Partials
from server.storage.photo_store import PhotoStore
from shared_schema.ids import ID_BYTES, DeviceId, make_id
from shared_schema.problems import Problem
from shared_schema.proofs import refusal_text

SWEEP_EVERY_MS = 60 * 60 * 1000
OPEN_MAX = 1000
"""Of one tablet, begun and not whole. Ours has one at a time; files are what a disk can run out of, too."""
REFUSALS = {"photo_wrong_hash", "photo_type", "photo_too_many_pixels", "disk_failing"}
"""What is wrong with these will not get better by going on: the bytes are removed, and it begins anew."""
FOR_GOOD = {"photo_type", "photo_too_many_pixels"}
"""What is wrong with the very bytes, which no sending again mends."""

log = structlog.get_logger(__name__)


class Standing(NamedTuple):
    """How an upload stands."""

    name: str
    size_bytes: int
    offset: int
    metadata: str
    expires_at_ms: int

    @property
    def done(self) -> bool:
        """Whether the photo is here for good."""
        return self.offset == self.size_bytes


class Uploads:
    """The uploads of all tablets. `entropy(n)` gives n random bytes; `room` tells how full the disk is."""

    def __init__(
        self,
        db: Database,
        store: PhotoStore,
        partials: Partials,
        folder: Path,
        *,
        entropy: Callable[[int], bytes],
        room: Room | None = None,
    ) -> None:
        self._db = db
        self._store = store
        self._partials = partials
        self._room = room or Room(folder)
        self._entropy = entropy
        self._swept_at_ms = -SWEEP_EVERY_MS

    def name_for(self, asked: Creation) -> str:
        """What the upload is called: by its hash where that is known, so that asking again finds it."""
        if asked.sha256:
            return partial_files.named(asked.sha256, asked.size_bytes)
        return make_id(self._entropy(ID_BYTES))

    def begin(self, device: DeviceId, name: str, asked: Creation, now_ms: int) -> Standing:
        """Begins an upload, or finds the one there is. Raises disk_full, uploads_too_many, busy."""
        self.check_room()
        if abs(now_ms - self._swept_at_ms) >= SWEEP_EVERY_MS:  # also after a clock that was ahead
            self._swept_at_ms = now_ms
            self._partials.sweep(now_ms)
        if self._partials.offset(device, name) is None and self._partials.count(device) >= OPEN_MAX:
            raise Problem("uploads_too_many", limit_count=OPEN_MAX)
        note = Note(asked.size_bytes, asked.metadata, asked.sha256, named=bool(asked.sha256))
        self._partials.write_note(device, name, note, now_ms)
        standing = self._standing(device, name, note, now_ms)
        if standing.offset == 0:
            self._partials.start(device, name)
        return standing

    def look(self, device: DeviceId, name: str, now_ms: int) -> Standing:
        """How an upload stands; one that is whole is finished first. Raises not_found, and what `finish` raises."""
        note, standing = self._found(device, name, now_ms)
        if standing.done and self._partials.offset(device, name) is not None:
            self.finish(device, name, note, now_ms)
        return standing

    def read(self, device: DeviceId, name: str, now_ms: int) -> tuple[bytes, str]:
        """A photo and its media type, for the tablet that handed it in. Raises not_found, device_revoked, busy.

        Whoever only names a hash finds here whether the photo has to be sent, and nothing of the photo.
        """
        note, _ = self._found(device, name, now_ms)

        def run(conn: Connection) -> str | None:
            tablet = devices.get(conn, device)
            if tablet is not None and tablet.revoked_at_ms is not None:
                raise Problem("device_revoked", device=device)
            return photos.brought_by(conn, note.sha256, device)

        media_type = self._db.read(run, joins=True)
        content = None if media_type is None else undamaged(self._store, note.sha256)
        if media_type is None or content is None:
            raise Problem("not_found", what="photo")
        return content, media_type

    def go_on(self, device: DeviceId, name: str, part: Part, now_ms: int) -> "Writing":
        """The upload, open for a part. Raises upload_offset, request_too_large, disk_full, not_found."""
        note, standing = self._found(device, name, now_ms)
        offset, body_bytes = part
        if standing.offset != offset:
            raise Problem("upload_offset", offset=standing.offset)
        room_bytes = note.size_bytes - offset
        if room_bytes == 0 or (body_bytes is not None and body_bytes > room_bytes):
            raise Problem("request_too_large", limit_bytes=room_bytes)
        self.check_room()
        whole = body_bytes is None or offset + body_bytes == note.size_bytes
        self._partials.touch(device, name, now_ms)
        with disk_problems():
            return Writing(self._partials.path(device, name), note, offset, hashed=whole)

    def finish(
        self,
        device: DeviceId,
        name: str,
        note: Note,
        now_ms: int,
        hashed: "hashlib._Hash | None" = None,
    ) -> None:
        """Verifies and keeps a whole upload, and notes it: from then on the photo is here.

        Raises not_found; photo_wrong_hash, photo_type, photo_too_many_pixels, and disk_failing where what arrived
        cannot be read, after which the upload is empty again (what is refused for good with a `signature`);
        disk_full and busy, after which it is whole as before, or kept already, and finished when it is next asked for.
        """
        path = self._partials.path(device, name)
        arrived = self._partials.offset(device, name)
        if arrived is None or arrived < note.size_bytes:
            # It expired while its last bytes came, by a clock that jumped.
            raise Problem("not_found", what="upload")
        try:
            with disk_problems():
                if hashed is None:
                    hashed = hashlib.sha256()
                    hash_on(hashed, path)
                sha256 = hashed.hexdigest()
                if note.named and sha256 != note.sha256:
                    raise Problem("photo_wrong_hash")
                media_type = self._media_type(path, sha256)
        except Problem as problem:
            if problem.code in REFUSALS:
                self._partials.remove(device, name)
            raise
        if not note.named:
            found = Note(note.size_bytes, note.metadata, sha256)
            self._partials.write_note(device, name, found, now_ms)
        self._store.keep(sha256, path)
        self._noted(device, sha256, note.size_bytes, media_type, now_ms)

    def _media_type(self, path: Path, sha256: str) -> str:
        """What kind of photo it is. A refusal for good is signed: a tablet that was turned away destroys it by that."""
        try:
            return media_type_of(path)
        except Problem as problem:
            if problem.code not in FOR_GOOD:
                raise
            text = refusal_text(sha256, problem.code)
            signature = self._db.read(lambda conn: keys.sign(conn, text), joins=True)
            raise Problem(problem.code, **problem.facts, signature=signature) from problem

    def stopped(self, device: DeviceId, name: str, now_ms: int) -> None:
        """Bytes have arrived and no more come for now: it can go on for a week."""
        self._partials.touch(device, name, now_ms)

    def forget(self, device: DeviceId, name: str) -> None:
        """Ends an upload. A photo that has been received stays: it is evidence. Raises not_found."""
        self._partials.note(device, name)
        self._partials.remove(device, name)

    def check_room(self) -> None:
        """Raises disk_full while there is room for operations only."""
        left = self._room.look()
        if left.refuses:
            log.warning(
                "photos_refused", free_percent=round(left.percent, 1), below=self._room.refuse_percent
            )
            raise Problem("disk_full")
        if left.warns:
            log.warning(
                "disk_nearly_full", free_percent=round(left.percent, 1), below=self._room.warn_percent
            )

    def _found(self, device: DeviceId, name: str, now_ms: int) -> tuple[Note, Standing]:
        note = self._partials.note(device, name)
        standing = self._standing(device, name, note, now_ms)
        if standing.expires_at_ms < now_ms:
            self._partials.remove(device, name)
            raise Problem("not_found", what="upload")
        return note, standing

    def _noted(self, device: DeviceId, sha256: str, size_bytes: int, media_type: str, now_ms: int) -> None:
        def run(conn: Connection) -> None:
            photos.add(
                conn,
                sha256=sha256,
                size_bytes=size_bytes,
                media_type=media_type,
                device=device,
                now_ms=now_ms,
            )

        self._db.submit(run, joins=True).result()

    def _is_here(self, device: DeviceId, sha256: str, size_bytes: int, now_ms: int) -> bool:
        """Whether the photo needs no sending: it is read, because whoever asks is about to send it anew.

        One that was kept whole, and not noted before a kill, is noted now.
        """
        content = undamaged(self._store, sha256) if sha256 else None
        if content is None or len(content) != size_bytes:
            return False
        if not self._db.read(lambda conn: photos.has(conn, sha256), joins=True):
            self._noted(device, sha256, len(content), media_type_of(BytesIO(content)), now_ms)
        return True

    def _standing(self, device: DeviceId, name: str, note: Note, now_ms: int) -> Standing:
        """Without bytes of its own, an upload is either not begun or has become a photo: that is looked up."""
        offset = self._partials.offset(device, name)
        if offset is None:
            here = self._is_here(device, note.sha256, note.size_bytes, now_ms)
            if note.sha256 and not note.named and not here:
                # It was here, and the server has been restored from before that.
                self._partials.remove(device, name)
                raise Problem("not_found", what="upload")
            offset = note.size_bytes if here else 0
        expires_at_ms = self._partials.expires_at_ms(device, name)
        return Standing(name, note.size_bytes, min(offset, note.size_bytes), note.metadata, expires_at_ms)


class Writing:
    """An upload open for its next bytes. Its methods are called one after the other, by any threads."""

    def __init__(self, path: Path, note: Note, offset: int, *, hashed: bool) -> None:
        self.note = note
        self.offset = offset
        self._hashing = hashlib.sha256() if hashed else None
        self._behind = offset
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)

    @property
    def room_bytes(self) -> int:
        """How many bytes are still to come."""
        return self.note.size_bytes - self.offset

    @property
    def hashed(self) -> "hashlib._Hash | None":
        """The hash over all of it, where it was taken on the way."""
        return self._hashing

    def write(self, chunks: Sequence[bytes]) -> None:
        """Appends them. Raises disk_full, having appended what there was room for."""
        if self._behind and self._hashing is not None:
            self._catch_up(self._hashing)
            self._behind = 0
        with disk_problems():
            for chunk in chunks:
                self._append(chunk)

    def _catch_up(self, hashing: "hashlib._Hash") -> None:
        at = 0
        try:
            while step := os.pread(self._file, HASH_STEP_BYTES, at):
                hashing.update(step)
                at += len(step)
        except OSError:
            self._hashing = None  # `finish` reads it once more, and says what the disk said

    def _append(self, chunk: bytes) -> None:
        left = memoryview(chunk)
        while left:
            count = os.write(self._file, left)
            if self._hashing is not None:
                self._hashing.update(left[:count])
            self.offset += count
            left = left[count:]

    def close(self) -> None:
        """Lets go of the file."""
        os.close(self._file)
