"""A process of its own that makes small pictures: decoders are where pictures bite, so they bite nobody else.

Reads lengths and bytes of photos from standard input and answers each with the length and bytes of a JPEG, or
with the length 0 where it is no picture we take. It imports nothing of the server, has little memory and little
time, holds no open files, and is thrown away after some hundred pictures.
"""

import resource
import struct
import sys
import warnings
from io import BytesIO
from typing import BinaryIO

from PIL import Image, ImageOps

LENGTH = struct.Struct(">I")
FORMATS = ("JPEG", "PNG", "WEBP")
MEMORY_BYTES_MAX = 1024**3
"""40 million pixels are 160 MB in the widest form, and are copied twice."""
SIDE_PIXELS = 480
"""The console draws them at 180 to 240 points; screens have up to two pixels a point."""
QUALITY = 80


def main(pixels_max: int, cpu_seconds_max: int) -> None:
    """Serves until standard input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds_max, cpu_seconds_max))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while (content := _read(sys.stdin.buffer)) is not None:
        small = make(content, pixels_max)
        sys.stdout.buffer.write(LENGTH.pack(len(small)) + small)
        sys.stdout.buffer.flush()


def make(content: bytes, pixels_max: int) -> bytes:
    """A JPEG of at most SIDE_PIXELS a side, upright, of the pixels alone; empty for what is none of ours."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(BytesIO(content), formats=FORMATS) as opened:
                if opened.width * opened.height > pixels_max:
                    return b""
                opened.draft("RGB", (SIDE_PIXELS, SIDE_PIXELS))  # a JPEG is read at a fraction of its size
                upright = ImageOps.exif_transpose(opened)
                upright.thumbnail((SIDE_PIXELS, SIDE_PIXELS))
                plain = _flat(upright)
        out = BytesIO()
        plain.save(out, "JPEG", quality=QUALITY)
        return out.getvalue()
    except Exception:  # noqa: BLE001 - whatever a decoder says of a stranger's bytes, it is no picture for us
        return b""


def _flat(picture: Image.Image) -> Image.Image:
    """The pixels on white, in a new picture that has none of the old one's metadata."""
    if picture.mode.startswith("I"):
        # Greys of 16 bits: converted as they are, all but the darkest come out white.
        picture = picture.point(lambda grey: grey / 256).convert("L")
    shown = picture.convert("RGBA") if picture.has_transparency_data else picture.convert("RGB")
    flat = Image.new("RGB", shown.size, "white")
    flat.paste(shown, mask=shown.getchannel("A") if shown.mode == "RGBA" else None)
    return flat


def _read(stream: BinaryIO) -> bytes | None:
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    content = stream.read(length)
    return content if len(content) == length else None


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
