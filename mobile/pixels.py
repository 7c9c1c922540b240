"""What a picture becomes before it is kept: stripped, upright, shrunk, marked, encoded. Pillow works here alone.

Loaded when the first picture comes: no start needs it.
"""

import warnings
from collections.abc import Sequence
from io import BytesIO
from typing import NamedTuple

from PIL import ExifTags, Image, UnidentifiedImageError

from mobile import photo_marks
from mobile.photo_marks import Mark
from shared_schema.problems import Problem
from shared_schema.wire import PHOTO_BYTES_MAX

FORMATS = ("JPEG", "PNG", "WEBP")  # nothing else is even tried: decoders are where pictures bite
PIXELS_MAX = 40_000_000  # the cameras of tablets in use make 12 to 20 million
SIDE_PIXELS = 1600  # a fitting is recognisable, a line of text on a desk is not meant to be
QUALITY = 80
THUMBNAIL_PIXELS = 256
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By what EXIF calls orientation, what brings a picture upright."""


class Drawn(NamedTuple):
    """A picture as two JPEGs, and the size of the larger in pixels."""

    whole: bytes
    small: bytes
    width: int
    height: int


def taken(content: bytes, stamp: str) -> Drawn:
    """A picture taken in; `stamp` is written below it, one fact a line.

    Raises photo_type, photo_damaged, photo_too_large, photo_too_many_pixels.
    """
    picture = _decode(content)
    picture.thumbnail((SIDE_PIXELS, SIDE_PIXELS - photo_marks.strip_pixels(SIDE_PIXELS, stamp)))
    return _drawn(photo_marks.with_strip(picture, stamp))


def marked(kept: bytes, marks: Sequence[Mark], stamp: str) -> Drawn:
    """A kept photo with marks drawn into it; the strip with the stamp is written over again."""
    picture = _opened(kept)
    height = picture.height - photo_marks.strip_pixels(picture.width, stamp)
    photo_marks.draw(picture, marks, height)
    if stamp:
        photo_marks.write_strip(picture, height, stamp)
    return _drawn(picture)


def rgb(kept: bytes) -> tuple[int, int, bytes]:
    """Width, height and pixels of a kept photo: RGB, row by row from the top."""
    picture = _opened(kept)
    return picture.width, picture.height, picture.tobytes()


def grey(content: bytes) -> Image.Image:
    """A picture to look for codes in. Raises photo_type, photo_damaged, photo_too_large, photo_too_many_pixels."""
    return _decode(content).convert("L")


def _opened(kept: bytes) -> Image.Image:
    with Image.open(BytesIO(kept), formats=("JPEG",)) as opened:
        return _plain(opened)


def _drawn(picture: Image.Image) -> Drawn:
    small = picture.copy()
    small.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
    return Drawn(_jpeg(picture), _jpeg(small), picture.width, picture.height)


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
        return _plain(_upright(opened))
    except Image.DecompressionBombError as err:
        raise Problem("photo_too_many_pixels", limit_pixels=PIXELS_MAX) from err
    except UnidentifiedImageError as err:
        raise Problem("photo_type") from err
    except (OSError, ValueError, SyntaxError) as err:
        raise Problem("photo_damaged") from err


def _upright(picture: Image.Image) -> Image.Image:
    """As it was held. Of what the camera wrote only the turn is read: the rest is often not what it should be."""
    turn = _TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    return picture if turn is None else picture.transpose(turn)


def _plain(picture: Image.Image) -> Image.Image:
    """In RGB; what was transparent is white."""
    if picture.mode.startswith("I"):
        # Greys of 16 bits: converted as they are, all but the darkest come out white.
        picture = picture.point(lambda grey: grey / 256).convert("L")
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
