"""What a picture's head tells, as Pillow reads it too, and what it costs to ask."""

import tracemalloc
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from server.intake.photos import media_type_of
from server.intake.picture_head import Head, read_head
from shared_schema.problems import Problem
from shared_schema.wire import PHOTO_BYTES_MAX, PHOTO_PIXELS_MAX
from tests.unit.server.intake.bombs import png_that_says

SIZE = (301, 257)
EXIF = Image.Exif()
EXIF[0x010F] = "Kamera"


def encoded(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    out = BytesIO()
    Image.new(mode, SIZE).save(out, kind, **options)
    return out.getvalue()


MORE = [Image.new("RGB", (20, 10), "red")]
PICTURES: dict[str, tuple[str, bytes]] = {
    "jpeg": ("jpeg", encoded("JPEG")),
    "jpeg progressive": ("jpeg", encoded("JPEG", progressive=True)),
    "jpeg grey": ("jpeg", encoded("JPEG", "L")),
    "jpeg inks": ("jpeg", encoded("JPEG", "CMYK")),
    "jpeg with much": ("jpeg", encoded("JPEG", exif=EXIF, comment=b"x" * 60_000, icc_profile=b"y" * 900_000)),
    "jpeg with a second": ("jpeg", encoded("MPO", save_all=True, append_images=MORE)),
    "jpeg filled up": ("jpeg", encoded("JPEG").replace(b"\xff\xdb", b"\xff\xff\xff\xdb", 1)),
    "png": ("png", encoded("PNG")),
    "png grey of 16 bits": ("png", encoded("PNG", "I;16")),
    "png palette": ("png", encoded("PNG", "P")),
    "png moving": ("png", encoded("PNG", save_all=True, append_images=[Image.new("RGB", SIZE, "red")])),
    "webp": ("webp", encoded("WEBP")),
    "webp exact": ("webp", encoded("WEBP", lossless=True)),
    "webp with alpha": ("webp", encoded("WEBP", "RGBA")),
    "webp with more": ("webp", encoded("WEBP", exif=EXIF)),
    "webp moving": ("webp", encoded("WEBP", save_all=True, append_images=[Image.new("RGB", SIZE, "red")])),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_what_its_head_says(name: str) -> None:
    kind, content = PICTURES[name]
    assert read_head(BytesIO(content)) == Head(f"image/{kind}", *SIZE)
    assert Image.open(BytesIO(content)).size == SIZE
    for length in range(33):
        assert read_head(BytesIO(content[:length])) in {None, Head(f"image/{kind}", *SIZE)}


JPEG, SECOND = encoded("JPEG"), encoded("JPEG").find(b"\xff\xc0")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xd8",
        b"\xff\xd8\xff\xd9",
        JPEG[:2] + b"\xff\xe0\0\1" + JPEG[2:],
        JPEG[:SECOND] + b"\xff\xda" + JPEG[SECOND + 2 :],
        JPEG[:SECOND] + JPEG[SECOND:].replace(SIZE[1].to_bytes(2, "big"), b"\0\0", 1),
        JPEG[:SECOND] + JPEG[SECOND : SECOND + 19] + JPEG[SECOND:],
        JPEG.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c"),
        encoded("PNG").replace(b"IHDR", b"IDAT", 1),
        encoded("WEBP").replace(b"VP8 ", b"VP9 ", 1),
        encoded("GIF"),
        encoded("TIFF"),
        encoded("BMP"),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
    ids=range(14),
)
def test_what_says_nothing_of_itself_or_two_things_is_no_picture(content: bytes) -> None:
    with pytest.raises(Problem, match="photo_type"):
        media_type_of(BytesIO(content))


def test_a_picture_of_as_many_pixels_as_may_be_is_taken_and_of_a_row_more_is_not() -> None:
    """What is refused here is refused for good."""
    assert PHOTO_PIXELS_MAX == 8000 * 5000
    assert media_type_of(BytesIO(png_that_says(8000, 5000))) == "image/png"
    with pytest.raises(Problem, match="photo_too_many_pixels"):
        media_type_of(BytesIO(png_that_says(8000, 5001)))


@pytest.mark.parametrize(
    "padded",
    [
        lambda count: JPEG[:2] + b"\xff\xe2\0\2" * (count // 4) + JPEG[2:],
        lambda count: JPEG[:2] + b"\xff" * count + JPEG[2:],
        lambda count: JPEG[:2] + b"\xff\xe1\0\x08Exif\0\0" * (count // 10) + JPEG[2:],
    ],
    ids=["segments", "filling", "exif"],
)
def test_a_head_without_end_costs_nothing_and_is_no_picture(padded: Callable[[int], bytes]) -> None:
    """As large as a photo may be: Pillow keeps all of it, some hundred megabytes."""
    content = padded(PHOTO_BYTES_MAX - 10_000)
    tracemalloc.start()
    try:
        file = BytesIO(content)
        before = tracemalloc.get_traced_memory()[0]
        with pytest.raises(Problem, match="photo_type"):
            media_type_of(file)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert peak < 100_000
