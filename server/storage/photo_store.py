"""Where finished photos lie: on this machine's disk, or in an S3-compatible store. One Protocol, two ways."""

from pathlib import Path
from typing import Protocol

from server.storage.photo_files import PhotoFiles
from server.storage.photo_objects import PhotoObjects


class PhotoStore(Protocol):
    """Photos by the hash of their bytes, hashes alone being their names. What is there is whole and stays."""

    def has(self, sha256: str) -> bool:
        """Whether the photo is here; on a disk, also what it was. Raises busy while the store does not answer."""
        ...

    def get(self, sha256: str) -> bytes:
        """The photo's bytes, which are what they were. Raises not_found (also of a damaged one), disk_failing, busy."""
        ...

    def put(self, sha256: str, content: bytes) -> None:
        """Keeps bytes, in place of damaged ones; no power cut can take them when this returns.

        Raises photo_wrong_hash, disk_full, disk_failing, busy.
        """
        ...

    def keep(self, sha256: str, path: Path) -> None:
        """Takes a file over whose hash was checked, for good when this returns. Raises disk_full, busy."""
        ...


def open_photo_store(address: str, folder: Path) -> PhotoStore:
    """The store at an `s3://…` address; the folder where there is none. Raises ValueError, naming the mistake."""
    return PhotoObjects.open(address) if address else PhotoFiles(folder)
