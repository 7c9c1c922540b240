"""Photos: taken in, stripped, shrunk, hashed and kept until the server has said it holds them.

What the camera wrote beside the picture (place, time, device) never reaches the disk: the picture is
drawn anew and only its pixels are kept. The file is on the disk before any operation names it.
"""

import warnings
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageOps, UnidentifiedImageError

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


def take(content: bytes, folder: Path, vault: Vault) -> Taken:
    """Takes in a picture and keeps it with its thumbnail.

    Raises photo_type, photo_too_large, photo_too_many_pixels, disk_full, disk_failing.
    """
    picture = _decode(content)
    picture.thumbnail((SIDE_PIXELS, SIDE_PIXELS))
    kept = _jpeg(picture)
    taken = Taken(digest(kept), len(kept), MEDIA_TYPE, picture.width, picture.height)
    picture.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
    vault.keep(thumbnail_path(folder, taken.sha256), _jpeg(picture))
    vault.keep(photo_path(folder, taken.sha256), kept)
    return taken


def take_file(path: Path, folder: Path, vault: Vault) -> Taken:
    """`take` of a picture in a file."""
    if path.stat().st_size > PHOTO_BYTES_MAX:
        raise Problem("photo_too_large", limit_bytes=PHOTO_BYTES_MAX)
    return take(path.read_bytes(), folder, vault)


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
        # JPEG alone can be decoded at a fraction of its size, four times as fast.
        opened.draft("RGB", (SIDE_PIXELS, SIDE_PIXELS))
        return _plain(ImageOps.exif_transpose(opened))
    except Image.DecompressionBombError as err:
        raise Problem("photo_too_many_pixels", limit_pixels=PIXELS_MAX) from err
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as err:
        raise Problem("photo_type") from err


def _plain(picture: Image.Image) -> Image.Image:
    """In RGB; what was transparent is white."""
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
