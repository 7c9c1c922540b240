"""Pictures of very many pixels in few bytes, put together by hand: as pictures in memory they would take gigabytes."""

import struct
import zlib


def black_png(width: int, height: int) -> bytes:
    """A whole PNG of so many black pixels, a bit each."""
    packed, row = zlib.compressobj(9), bytes(1 + (width + 7) // 8)
    return _png(width, height, 1, b"".join([*(packed.compress(row) for _ in range(height)), packed.flush()]))


def png_that_says(width: int, height: int) -> bytes:
    """A small file whose head claims that many pixels, a byte each; of its rows there are 50 at most."""
    return _png(width, height, 8, zlib.compress(bytes((width + 1) * min(height, 50)), 9))


def _png(width: int, height: int, bits: int, data: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
    )
