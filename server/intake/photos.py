"""Taking in whole photos: the right type, the right size, the right hash, safely kept, then noted."""

import hashlib
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from server.intake.picture_head import read_head
from server.storage import photos
from server.storage.database import Database
from server.storage.photo_store import PhotoStore
from shared_schema.ids import DeviceId, digest
from shared_schema.problems import Problem
from shared_schema.wire import PHOTO_BYTES_MAX, PHOTO_PIXELS_MAX

HASH_STEP_BYTES = 1024 * 1024


def media_type_of(picture: BinaryIO | Path) -> str:
    """The media type that its head tells; no pixel is decoded. Raises photo_type, photo_too_many_pixels."""
    if isinstance(picture, Path):
        with picture.open("rb") as file:
            head = read_head(file)
    else:
        head = read_head(picture)
    if head is None:
        raise Problem("photo_type")
    if head.width * head.height > PHOTO_PIXELS_MAX:
        raise Problem("photo_too_many_pixels", limit_pixels=PHOTO_PIXELS_MAX)
    return head.media_type


def hash_on(so_far: "hashlib._Hash", path: Path) -> None:
    """Hashes a file, in steps."""
    with path.open("rb") as file:
        while step := file.read(HASH_STEP_BYTES):
            so_far.update(step)


def take_photo(
    db: Database, store: PhotoStore, sha256: str, content: bytes, *, device: DeviceId, now_ms: int
) -> None:
    """Keeps a photo that came whole; returning is the receipt for it.

    Raises photo_too_large, photo_wrong_hash, photo_type, photo_too_many_pixels, disk_full, busy.
    """
    if len(content) > PHOTO_BYTES_MAX:
        raise Problem("photo_too_large", limit_bytes=PHOTO_BYTES_MAX)
    if digest(content) != sha256:
        raise Problem("photo_wrong_hash")
    media_type = media_type_of(BytesIO(content))
    store.put(sha256, content)
    db.write(
        lambda conn: photos.add(
            conn,
            sha256=sha256,
            size_bytes=len(content),
            media_type=media_type,
            device=device,
            now_ms=now_ms,
        )
    )


def undamaged(store: PhotoStore, sha256: str) -> bytes | None:
    """A photo's bytes, if it is here, can be read, and is what it was. Raises busy."""
    try:
        return store.get(sha256)
    except Problem as problem:
        if problem.code not in {"not_found", "disk_failing"}:
            raise
        return None
