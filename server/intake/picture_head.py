"""What the first bytes of a picture say of it: its type, its width and height. Pure but for the file that is read.

Pillow would keep every segment of a JPEG before its size is told: 20 MB of empty ones are half a gigabyte, and half a
minute of a processor that serves others too. Here what is not asked about is stepped over, and only so often.
"""

import struct
from typing import BinaryIO, NamedTuple

STEPS_MAX = 4096
"""Segments, and bytes that fill up between them. Real photos have some dozens, with a colour profile some hundred."""
HEAD_BYTES = 30
"""So many tell the size of a PNG or a WebP."""
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"

_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The JPEG segments that tell the size, by how the picture is coded."""
_SCAN, _FILL = 0xDA, 0xFF
_ALONE = frozenset({0x00, 0x01, *range(0xD0, 0xDA)})
"""These have no length, and no place before the size."""


class Head(NamedTuple):
    """What a picture says it is."""

    media_type: str
    width: int
    height: int


def read_head(file: BinaryIO) -> Head | None:
    """The head of a JPEG, PNG or WebP, read from where the file stands; None for whatever else."""
    start = file.read(HEAD_BYTES)
    found: Head | None = None
    if start.startswith(PNG):
        found = _png(start)
    elif start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        found = _webp(start)
    elif start.startswith(JPEG):
        file.seek(len(JPEG) - len(start), 1)
        found = _jpeg(file)
    return found if found is not None and found.width and found.height else None


def _png(start: bytes) -> Head | None:
    if len(start) < HEAD_BYTES or start[12:16] != b"IHDR":
        return None
    return Head("image/png", *struct.unpack(">II", start[16:24]))


def _webp(start: bytes) -> Head | None:
    if len(start) < HEAD_BYTES:
        return None
    kind, body = start[12:16], start[20:]
    if kind == b"VP8X":
        size = (int.from_bytes(body[at : at + 3], "little") + 1 for at in (4, 7))
    elif kind == b"VP8L" and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        size = ((bits >> by & 0x3FFF) + 1 for by in (0, 14))
    elif kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        size = (int.from_bytes(body[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    else:
        return None
    return Head("image/webp", *size)


def _jpeg(file: BinaryIO) -> Head | None:
    """Read on to where the picture itself begins, behind its one size."""
    found: Head | None = None
    for _ in range(STEPS_MAX):
        mark = file.read(2)
        if len(mark) < 2 or mark[0] != _FILL or mark[1] in _ALONE:
            return None
        if mark[1] == _FILL:
            file.seek(-1, 1)
            continue
        if mark[1] == _SCAN:
            return found
        length = int.from_bytes(file.read(2), "big")
        if length < 2:
            return None
        if mark[1] not in _SIZES:
            file.seek(length - 2, 1)
            continue
        told = file.read(length - 2)
        if found is not None or len(told) < 5 or told[0] != 8:
            return None
        height, width = struct.unpack(">HH", told[1:5])
        found = Head("image/jpeg", width, height)
    return None
