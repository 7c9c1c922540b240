"""Photos: taken in, stripped, shrunk, hashed and kept until the server has said it holds them.

What the camera wrote beside the picture (place, time, device) never reaches the disk: the picture is
drawn anew and only its pixels are kept. The file is on the disk before any operation names it.
A picture is only ever whole in memory; what lies on the disk, half written too, is encrypted.
"""

import warnings
from collections.abc import Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageOps, UnidentifiedImageError

from mobile import photo_marks
from mobile.files import destroy as destroy_file
from mobile.photo_marks import Mark
from mobile.vault import FILE_EXTRA_BYTES, Vault
from shared_schema.ids import digest
from shared_schema.problems import Problem
from shared_schema.wire import PHOTO_BYTES_MAX

FORMATS = ("JPEG", "PNG", "WEBP")  # nothing else is even tried: decoders are where pictures bite
PIXELS_MAX = 40_000_000  # the cameras of tablets in use make 12 to 20 million
SIDE_PIXELS = 1600  # a fitting is recognisable, a line of text on a desk is not meant to be
QUALITY = 80
THUMBNAIL_PIXELS = 256
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
    picture = _decode(content)
    picture.thumbnail((SIDE_PIXELS, SIDE_PIXELS - photo_marks.strip_pixels(SIDE_PIXELS, stamp)))
    return _keep(photo_marks.with_strip(picture, stamp), folder, vault)


def redraw(sha256: str, folder: Path, vault: Vault, marks: Sequence[Mark], stamp: str = "") -> Taken:
    """Keeps a photo of this tablet anew with marks drawn into it, and leaves the old one for `destroy`.

    Raises not_found, disk_full, disk_failing. A cover leaves nothing beneath; the strip with the stamp is written
    over again.
    """
    content = fetch(sha256, folder, vault)
    if content is None:
        raise Problem("not_found", what=sha256)
    picture = Image.open(BytesIO(content), formats=("JPEG",)).convert("RGB")
    height = picture.height - photo_marks.strip_pixels(picture.width, stamp)
    photo_marks.draw(picture, marks, height)
    if stamp:
        photo_marks.write_strip(picture, height, stamp)
    return _keep(picture, folder, vault)


def destroy(sha256: str, folder: Path) -> None:
    """Writes over a photo and its thumbnail, finished or not, the salts of their keys first, and removes them."""
    for path in (photo_path(folder, sha256), thumbnail_path(folder, sha256)):
        destroy_file(path)
        destroy_file(path.with_name(path.name + ".part"))


def held(folder: Path) -> tuple[str, ...]:
    """Of which photos there is a file here, a thumbnail, or one that was half written."""
    files = folder.iterdir() if folder.exists() else ()
    return tuple(sorted({path.name.partition(".")[0] for path in files}))


def _keep(picture: Image.Image, folder: Path, vault: Vault) -> Taken:
    """Both files of a picture, on the disk when it returns, or neither. Raises disk_full, disk_failing."""
    kept = _jpeg(picture)
    taken = Taken(digest(kept), len(kept), MEDIA_TYPE, picture.width, picture.height)
    small = picture.copy()
    small.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
    already = photo_path(folder, taken.sha256).exists()
    try:
        vault.keep(thumbnail_path(folder, taken.sha256), _jpeg(small))
        vault.keep(photo_path(folder, taken.sha256), kept)
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


def _decode(content: bytes) -> Image.Image:
    """The picture upright, in plain colours, not much larger than needed."""
    if len(content) > PHOTO_BYTES_MAX:
        raise Problem("photo_too_large", limit_bytes=PHOTO_BYTES_MAX)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit is ours, below
            opened = Image.open(BytesIO(content), formats=FORMATS)
        if opened.width * opened.height > PIXELS_MAX:
            raise Problem("photo_too_many_pixels", limit_pixels=PIXELS_MAX)
        # JPEG alone can be decoded at a fraction of its size, four times as fast: the smallest in which what is
        # wanted fits, so that must be asked for in the picture's own shape.
        longer = max(opened.size)
        wanted = (max(1, side * SIDE_PIXELS // longer) for side in opened.size)
        opened.draft("RGB", (next(wanted), next(wanted)))
        ImageOps.exif_transpose(opened, in_place=True)
        return _plain(opened)
    except Image.DecompressionBombError as err:
        raise Problem("photo_too_many_pixels", limit_pixels=PIXELS_MAX) from err
    except UnidentifiedImageError as err:
        raise Problem("photo_type") from err
    except (OSError, ValueError, SyntaxError) as err:
        raise Problem("photo_damaged") from err


def _plain(picture: Image.Image) -> Image.Image:
    """In RGB; what was transparent is white."""
    if picture.mode == "RGB" and not picture.has_transparency_data:
        picture.load()
        return picture
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layered = picture.convert("RGBA")
    plain = Image.new("RGB", layered.size, "white")
    plain.paste(layered, mask=layered.getchannel("A"))
    return plain


def _jpeg(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "JPEG", quality=QUALITY, exif=b"", comment=b"")
    return out.getvalue()
