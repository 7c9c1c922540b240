"""What nothing that a tablet leaves behind may show, and the search for it in every file of a folder.

A search for bytes alone would cry wolf: the three with which a JPEG begins come by chance in a few megabytes that are
encrypted. So what begins like one must go on like one.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

Traces = Mapping[str, tuple[bytes, ...]]
"""By what it is, the bytes that would show it."""

SEGMENTS = frozenset({*range(0xC0, 0xD0), *range(0xDA, 0xF0), 0xFE})
"""Markers of a JPEG that a length follows: tables, frames, scans, APP0 to APP15, comments."""
SEGMENTS_MIN = 3
"""So many in a row are no chance."""
PICTURES = {
    "a PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "a WebP": re.compile(rb"RIFF....WEBP", re.DOTALL),
    "what a camera wrote": re.compile(rb"Exif\0\0|http://ns\.adobe\.com/xap/|ICC_PROFILE\0|JFIF\0"),
}
STRETCH_BYTES = 64


def of_texts(texts: Mapping[str, str]) -> Traces:
    """Texts as they may lie in a file: plain, as a program keeps them in memory, escaped in JSON."""
    return {
        what: (text.encode(), text.encode("utf-16-le"), json.dumps(text)[1:-1].encode())
        for what, text in texts.items()
    }


def of_keys(keys: Mapping[str, bytes]) -> Traces:
    """Keys as they may lie in a file: raw, in hex, in base64."""
    return {
        what: (key, key.hex().encode(), base64.b64encode(key).rstrip(b"=")[:-1]) for what, key in keys.items()
    }


def of_pictures(pictures: Mapping[str, bytes]) -> Traces:
    """A stretch out of the middle of each: its head may be cut off, and its metadata gone."""
    middles = {what: len(content) // 2 for what, content in pictures.items()}
    return {
        what: (content[middles[what] : middles[what] + STRETCH_BYTES],) for what, content in pictures.items()
    }


def found_in(folder: Path, traces: Traces) -> dict[str, list[str]]:
    """By file, what can be read in it: of these traces, and any picture."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            hits = list(_hits(path.read_bytes(), traces))
            if hits:
                found[path.relative_to(folder).as_posix()] = hits
    return found


def _hits(content: bytes, traces: Traces) -> Iterator[str]:
    yield from (what for what, forms in traces.items() if any(form in content for form in forms))
    yield from (what for what, pattern in PICTURES.items() if pattern.search(content))
    if any(_is_jpeg(content, one.start()) for one in re.finditer(rb"\xff\xd8\xff", content)):
        yield "a JPEG"


def _is_jpeg(content: bytes, start: int) -> bool:
    """Whether segment follows on segment, whichever it begins with."""
    place = start + 2
    for _ in range(SEGMENTS_MIN):
        marker, length = content[place : place + 2], int.from_bytes(content[place + 2 : place + 4])
        if len(marker) < 2 or marker[0] != 0xFF or marker[1] not in SEGMENTS or length < 2:
            return False
        place += 2 + length
    return True
