"""Small pictures of photos, kept by the photo's hash. A cache: what is missing or damaged is made again."""

import secrets
from pathlib import Path

from server.storage.disk import disk_problems
from server.storage.photo_files import check_name

JPEG_START = b"\xff\xd8\xff"
JPEG_END = b"\xff\xd9"


class ThumbnailFiles:
    """The folder of small pictures of one size."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def get(self, sha256: str) -> bytes | None:
        """The small picture of a photo, if there is a whole one. Raises not_found for what is no hash."""
        try:
            content = self._path(sha256).read_bytes()
        except FileNotFoundError:
            return None
        # They are not flushed to the disk, so a power cut may leave half of one.
        return content if content.startswith(JPEG_START) and content.endswith(JPEG_END) else None

    def put(self, sha256: str, content: bytes) -> None:
        """Keeps a small picture. Raises disk_full."""
        path = self._path(sha256)
        partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}.partial")
        with disk_problems():
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                partial.write_bytes(content)
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)

    def _path(self, sha256: str) -> Path:
        return self._root / check_name(sha256)[:2] / f"{sha256}.jpg"
