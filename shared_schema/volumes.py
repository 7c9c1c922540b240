"""A package in several files: each says which it is of how many, and is checked by itself.

Any of them tells how many there are, they may come in any order, and what has come is kept until the
rest is there.
"""

import hashlib
import re
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from shared_schema.package import PACKAGE_BYTES_MAX
from shared_schema.problems import Problem

MAGIC = b"HUCHAVOL"
VERSION = 1
VOLUMES_MAX = 999
VOLUME_BYTES_MIN = 64 * 1024
"""Below this a volume would be little more than its header."""

_HEADER = struct.Struct(">8sHHH32sQQQ")
HEADER_BYTES = _HEADER.size
DIGEST_BYTES = 32
_UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3}


class Volume(NamedTuple):
    """One file of a set."""

    number: int
    """Counted from 1."""
    of: int
    """How many there are."""
    package: str
    """The digest of the package's clear beginning."""
    total_bytes: int
    offset_bytes: int
    size_bytes: int
    """Of the package in this volume."""


def is_volume(start: bytes) -> bool:
    """Whether a file that begins like this is a volume."""
    return start.startswith(MAGIC)


def read_size(text: str) -> int:
    """`600M`, `4.7G` or a number as bytes; units are thousands, as printed on discs. Raises form_invalid."""
    found = re.fullmatch(r"(\d+)(?:\.(\d))?([KMG]?)B?", text.strip().upper())
    if found is None:
        raise Problem("form_invalid", field="split", cure="600M, 4.7G")
    tenths = int(found[1]) * 10 + int(found[2] or 0)
    size = tenths * _UNITS[found[3]] // 10
    if size < VOLUME_BYTES_MIN:
        raise Problem("form_invalid", field="split", cure=f">= {VOLUME_BYTES_MIN}")
    return size


def plan(package: str, total_bytes: int, volume_bytes: int) -> list[Volume]:
    """The volumes of a package, none larger than so many bytes. Raises package_too_large."""
    room = volume_bytes - HEADER_BYTES - DIGEST_BYTES
    count = -(-total_bytes // room)
    if count > VOLUMES_MAX:
        raise Problem("package_too_large", what="volumes", limit=VOLUMES_MAX)
    return [
        Volume(number + 1, count, package, total_bytes, number * room, min(room, total_bytes - number * room))
        for number in range(count)
    ]


def header_bytes(volume: Volume) -> bytes:
    """The beginning of a volume."""
    return _HEADER.pack(
        MAGIC,
        VERSION,
        volume.number,
        volume.of,
        bytes.fromhex(volume.package),
        volume.total_bytes,
        volume.offset_bytes,
        volume.size_bytes,
    )


def read_header(content: bytes) -> Volume:
    """What a volume says of itself. Raises package_damaged, package_too_new, package_too_large."""
    if len(content) < HEADER_BYTES or not is_volume(content):
        raise Problem("package_damaged", where="volume")
    _, version, number, count, package, total, offset, size = _HEADER.unpack(content[:HEADER_BYTES])
    if version > VERSION:
        raise Problem("package_too_new", theirs=version, ours=VERSION)
    if count > VOLUMES_MAX:
        raise Problem("package_too_large", what="volumes", limit=VOLUMES_MAX)
    if total > PACKAGE_BYTES_MAX:
        raise Problem("package_too_large", what="package", limit=PACKAGE_BYTES_MAX)
    sound = version == VERSION and 1 <= number <= count and offset + size <= total and size > 0
    if not sound:
        raise Problem("package_damaged", where="volume")
    return Volume(number, count, package.hex(), total, offset, size)


def split(pieces: Iterable[bytes], volumes: Iterable[Volume]) -> Iterator[tuple[Volume, bytes]]:
    """The bytes of a package dealt out to its volumes, in order: each with its header, and its digest at its end."""
    source = iter(pieces)
    waiting = bytearray()
    for volume in volumes:
        hashed = hashlib.sha256(header_bytes(volume))
        yield volume, header_bytes(volume)
        left = volume.size_bytes
        while left:
            if not waiting:
                waiting += next(source)
            some = bytes(waiting[:left])
            del waiting[:left]
            left -= len(some)
            hashed.update(some)
            yield volume, some
        yield volume, hashed.digest()


def check(volume: Volume, read: Callable[[int], bytes], step_bytes: int = 1024 * 1024) -> None:
    """Whether a volume is as it was written; `read` stands behind its header. Raises package_damaged."""
    hashed = hashlib.sha256(header_bytes(volume))
    left = volume.size_bytes
    while left:
        some = read(min(left, step_bytes))
        if not some:
            raise Problem("package_damaged", where=f"volume {volume.number}")
        hashed.update(some)
        left -= len(some)
    if read(DIGEST_BYTES + 1) != hashed.digest():
        raise Problem("package_damaged", where=f"volume {volume.number}")


def missing(found: Iterable[Volume]) -> list[int]:
    """The numbers of the set that are not there yet. Raises package_damaged for volumes of different sets."""
    volumes = list(found)
    sets = {(one.package, one.of, one.total_bytes) for one in volumes}
    if len(sets) != 1:
        raise Problem("package_damaged", where="volumes of different packages")
    have = {one.number for one in volumes}
    return [number for number in range(1, volumes[0].of + 1) if number not in have]


def in_order(volumes: Iterable[Volume]) -> list[Volume]:
    """The volumes of a whole set, one after another without a gap. Raises package_incomplete, package_damaged."""
    ordered = sorted(set(volumes), key=lambda one: one.number)
    absent = missing(ordered)
    if absent:
        numbers = ", ".join(map(str, absent[:20]))
        raise Problem("package_incomplete", have=len(ordered), count=ordered[0].of, missing=numbers)
    at = 0
    for one in ordered:
        if one.offset_bytes != at:
            raise Problem("package_damaged", where=f"volume {one.number}")
        at += one.size_bytes
    if at != ordered[0].total_bytes:
        raise Problem("package_damaged", where="volumes")
    return ordered
