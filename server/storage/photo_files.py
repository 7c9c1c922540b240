"""Photo files on disk, named by the hash of their bytes; what is there is whole and safe from a power cut."""

import errno
import os
import secrets
from pathlib import Path

from server.storage.disk import flush
from shared_schema.ids import digest
from shared_schema.problems import Problem


class PhotoFiles:
    """The folder of photos. Names come from hashes alone, never from a person."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, sha256: str) -> Path:
        """Where a photo lies or would lie."""
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise Problem("not_found", what="photo")
        return self._root / sha256[:2] / sha256

    def has(self, sha256: str) -> bool:
        """Whether the photo is here."""
        return self.path(sha256).exists()

    def get(self, sha256: str) -> bytes:
        """The photo's bytes. Raises not_found."""
        try:
            return self.path(sha256).read_bytes()
        except FileNotFoundError as err:
            raise Problem("not_found", what=sha256) from err

    def put(self, sha256: str, content: bytes) -> None:
        """Keeps a photo; when this returns, a power cut cannot take it. Raises photo_wrong_hash, disk_full."""
        target = self.path(sha256)
        if digest(content) != sha256:
            raise Problem("photo_wrong_hash")
        try:
            if not target.exists():
                self._write(target, content)
            # Also where it was here: whoever put it may not have got as far as this, and may have been killed.
            for folder in (target.parent, self._root, self._root.parent):
                flush(folder)
        except OSError as err:
            if err.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise Problem("disk_full") from err
            raise

    def _write(self, target: Path, content: bytes) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}.{secrets.token_hex(8)}.partial")
        try:
            with partial.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
