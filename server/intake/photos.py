"""Taking in a photo's bytes: the right type, the right hash, safely on disk, then noted."""

from server.storage import photos
from server.storage.database import Database
from server.storage.photo_files import PhotoFiles
from shared_schema.ids import DeviceId
from shared_schema.problems import Problem
from shared_schema.wire import PHOTO_BYTES_MAX

MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp")


def media_type_of(content: bytes) -> str:
    """What the bytes begin like. Raises photo_type. Whether they are a whole picture is for who draws it."""
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    raise Problem("photo_type")


def take_photo(
    db: Database, files: PhotoFiles, sha256: str, content: bytes, *, device: DeviceId, now_ms: int
) -> None:
    """Keeps a photo; returning is the receipt for it.

    Raises photo_too_large, photo_type, photo_wrong_hash, disk_full, busy.
    """
    if len(content) > PHOTO_BYTES_MAX:
        raise Problem("photo_too_large", limit_bytes=PHOTO_BYTES_MAX)
    media_type = media_type_of(content)
    files.put(sha256, content)
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


def has_photo(db: Database, files: PhotoFiles, sha256: str) -> bool:
    """Whether the photo needs no sending."""
    return files.has(sha256) and db.read(lambda conn: photos.has(conn, sha256))
