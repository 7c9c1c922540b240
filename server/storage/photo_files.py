"""Photo files on disk, named by the hash of their bytes; what is there is whole and safe from a power cut."""

import secrets
from pathlib import Path

from server.storage.disk import disk_problems, flush
from shared_schema.ids import digest
from shared_schema.problems import Problem

_UNFINISHED = Path("uploads/put")
"""Among the uploads under way: of both, what a killed server left goes after a week."""


def check_name(sha256: str) -> str:
    """The hash, if it is one: nothing else ever names a file or an object. Raises not_found."""
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise Problem("not_found", what="photo")
    return sha256


class PhotoFiles:
    """The folder of photos. Names come from hashes alone, never from a person."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._safe_folders: set[Path] = set()

    def path(self, sha256: str) -> Path:
        """Where a photo lies or would lie."""
        return self._root / check_name(sha256)[:2] / sha256

    def has(self, sha256: str) -> bool:
        """Whether the photo is here, can be read, and is what it was. Raises not_found for what is no hash."""
        check_name(sha256)
        try:
            return bool(self.get(sha256))
        except Problem:
            return False

    def get(self, sha256: str) -> bytes:
        """The photo's bytes, which are what they were. Raises not_found, disk_failing."""
        try:
            with disk_problems():
                content = self.path(sha256).read_bytes()
        except (FileNotFoundError, IsADirectoryError) as err:
            raise Problem("not_found", what=sha256) from err
        if digest(content) != sha256:
            raise Problem("not_found", what=sha256)
        return content

    def put(self, sha256: str, content: bytes) -> None:
        """Keeps a photo, in place of one that is no longer what it was; when this returns, no power cut can take it.

        Raises photo_wrong_hash, disk_full, disk_failing.
        """
        target = self.path(sha256)
        if digest(content) != sha256:
            raise Problem("photo_wrong_hash")
        with disk_problems():
            partial = self._root / _UNFINISHED / f"{sha256}.{secrets.token_hex(8)}"
            try:
                if self.has(sha256):
                    self._flush(target.parent)
                else:
                    partial.parent.mkdir(parents=True, exist_ok=True)
                    partial.write_bytes(content)
                    self.keep(sha256, partial)
            finally:
                partial.unlink(missing_ok=True)

    def keep(self, sha256: str, path: Path) -> None:
        """Takes over a file of the same disk whose hash was checked; safe when this returns.

        Raises disk_full, disk_failing.
        """
        target = self.path(sha256)
        with disk_problems():
            flush(path)
            if target.parent not in self._safe_folders:
                target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
            self._flush(target.parent)

    def _flush(self, folder: Path) -> None:
        """Makes the names survive. The folders above hold the same names ever after, so once is enough for them.

        Also where the photo was here: whoever put it may not have got as far as this, and may have been killed.
        """
        flush(folder)
        if folder not in self._safe_folders:
            for above in (self._root, self._root.parent):
                flush(above)
            self._safe_folders.add(folder)
