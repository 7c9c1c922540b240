"""Photos: taken in, stripped, shrunk, hashed and kept until the server has said it holds them.

Of what the camera wrote beside the picture (place, time, device) nothing is kept: the picture is drawn anew and only
its pixels stay. The file is on the disk before any operation names it.
A picture is only ever whole in memory; what lies on the disk, half written too, is encrypted.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mobile.files import destroy as destroy_file
from mobile.vault import FILE_EXTRA_BYTES, Vault
from shared_schema.ids import digest
from shared_schema.problems import Problem
from shared_schema.wire import PHOTO_BYTES_MAX

if TYPE_CHECKING:
    from mobile.photo_marks import Mark
    from mobile.pixels import Drawn

MEDIA_TYPE = "image/jpeg"


class Taken(NamedTuple):
    """A photo as kept: re-encoded, without what the camera wrote into it."""

    sha256: str
    size_bytes: int
    media_type: str
    width: int
    height: int


def take(content: bytes, folder: Path, vault: Vault, stamp: str = "") -> Taken:
    """Takes in a picture and keeps it with its thumbnail; `stamp` is written below it, one fact a line.

    Raises photo_type, photo_damaged, photo_too_large, photo_too_many_pixels, disk_full, disk_failing;
    then nothing is kept.
    """
    from mobile import pixels

    return _keep(pixels.taken(content, stamp), folder, vault)


def redraw(sha256: str, folder: Path, vault: Vault, marks: "Sequence[Mark]", stamp: str = "") -> Taken:
    """Keeps a photo of this tablet anew with marks drawn into it, and leaves the old one for `destroy`.

    Raises not_found, disk_full, disk_failing. A cover leaves nothing beneath; the strip with the stamp is written
    over again.
    """
    from mobile import pixels

    content = fetch(sha256, folder, vault)
    if content is None:
        raise Problem("not_found", what=sha256)
    return _keep(pixels.marked(content, marks, stamp), folder, vault)


def destroy(sha256: str, folder: Path) -> None:
    """Writes over a photo and its thumbnail, finished or not, the salts of their keys first, and removes them."""
    for path in (photo_path(folder, sha256), thumbnail_path(folder, sha256)):
        destroy_file(path)
        destroy_file(path.with_name(path.name + ".part"))


def held(folder: Path) -> tuple[str, ...]:
    """Of which photos there is a file here, a thumbnail, or one that was half written."""
    files = folder.iterdir() if folder.exists() else ()
    return tuple(sorted({path.name.partition(".")[0] for path in files}))


def _keep(drawn: "Drawn", folder: Path, vault: Vault) -> Taken:
    """Both files of a picture, on the disk when it returns, or neither. Raises disk_full, disk_failing."""
    taken = Taken(digest(drawn.whole), len(drawn.whole), MEDIA_TYPE, drawn.width, drawn.height)
    already = photo_path(folder, taken.sha256).exists()
    try:
        vault.keep(thumbnail_path(folder, taken.sha256), drawn.small)
        vault.keep(photo_path(folder, taken.sha256), drawn.whole)
    except Problem:
        # The same picture may have been kept before; then it stays. What is wrong with the disk is what is told.
        if not already:
            with suppress(OSError, Problem):
                destroy(taken.sha256, folder)
        raise
    return taken


def take_file(path: Path, folder: Path, vault: Vault) -> Taken:
    """`take` of a picture in a file."""
    if path.stat().st_size > PHOTO_BYTES_MAX:
        raise Problem("photo_too_large", limit_bytes=PHOTO_BYTES_MAX)
    return take(path.read_bytes(), folder, vault)


def fetch_thumbnail(sha256: str, folder: Path, vault: Vault) -> bytes | None:
    """The small picture of a kept photo; None where there is none, or it is damaged."""
    try:
        return vault.fetch(thumbnail_path(folder, sha256))
    except FileNotFoundError:
        return None
    except Problem as problem:
        if problem.code != "file_damaged":
            raise
        return None


def fetch(sha256: str, folder: Path, vault: Vault) -> bytes | None:
    """The bytes of a kept photo; None where the file is gone or no longer what it was."""
    try:
        content = vault.fetch(photo_path(folder, sha256))
    except FileNotFoundError:
        return None
    except Problem as problem:
        if problem.code != "file_damaged":
            raise
        return None
    return content if digest(content) == sha256 else None


def size_bytes(sha256: str, folder: Path) -> int:
    """How long a kept photo is; 0 where the file is gone."""
    try:
        return photo_path(folder, sha256).stat().st_size - FILE_EXTRA_BYTES
    except OSError:
        return 0


def photo_path(folder: Path, sha256: str) -> Path:
    """Where a photo lies."""
    return folder / f"{sha256}.jpg"


def thumbnail_path(folder: Path, sha256: str) -> Path:
    """Where a photo's thumbnail lies."""
    return folder / f"{sha256}.thumbnail.jpg"
