"""A package to the byte, without disk and database: what is written is read, and what is not so is refused by name."""

import zlib
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from shared_schema import package
from shared_schema.ids import digest
from shared_schema.package import CHUNK_BYTES, Content, Header, Manifest, Part, Unsealed
from shared_schema.problems import Problem
from shared_schema.wire import PHOTO_BYTES_MAX, REQUEST_BYTES_MAX

HEADER = Header(suite="std-1", receiver="0a" * 32, ephemeral="0b" * 32)
SENDER = "D-1"
SIGNATURE = bytes(range(64))
HASH = "0c" * 32


def seal(number: int, last: bool, content: bytes) -> bytes:
    """Stands for the cipher: says which chunk it is, and whether the last, in as many bytes."""
    return content + number.to_bytes(8, "big") + bytes([last]) * 8


def opens(number: int, last: bool, chunk: bytes) -> bytes:
    if chunk != seal(number, last, chunk[:-16]):
        raise ValueError("another chunk")
    return chunk[:-16]


def picture(size_bytes: int, shade: int = 1) -> Content:
    content = bytes([shade]) * size_bytes
    return package.photo(digest(content), size_bytes, lambda: content)


def manifest_of(contents: Sequence[Content]) -> bytes:
    return msgspec.json.encode(
        Manifest(
            kind="request", server="S", device=SENDER, squad="S-1", parts=tuple(one.part for one in contents)
        )
    )


def write(contents: Sequence[Content]) -> bytes:
    manifest = manifest_of(contents)
    pieces = list(package.package_bytes(HEADER, SENDER, manifest, contents, signature=SIGNATURE, seal=seal))
    assert all(len(one) == CHUNK_BYTES + 16 for one in pieces[1:-1])
    assert 16 < len(pieces[-1]) <= CHUNK_BYTES + 16
    whole = b"".join(pieces)
    assert package.whole_bytes(HEADER, SENDER, manifest, contents) == len(whole)
    return whole


def read(content: bytes, step_bytes: int = 10**9) -> list[tuple[Part, bytes]]:
    stream = BytesIO(content)

    def take(count: int) -> bytes:
        return stream.read(min(count, step_bytes))

    start = package.read_start(take)
    assert start.header == HEADER
    assert start.digest == digest(package.start_bytes(HEADER))
    unsealed = Unsealed(take, opens)
    signed = package.read_signed(unsealed)
    assert (signed.sender, signed.signature) == (SENDER, SIGNATURE)
    return list(package.read_parts(unsealed, package.read_manifest(signed.manifest)))


def refused(run: Any, *args: object) -> str:
    with pytest.raises(Problem) as caught:
        run(*args)
    return f"{caught.value.code} {caught.value.facts.get('what', caught.value.facts.get('where', ''))}"


REQUEST = package.message("request", b'{"device":"D-1"}' * 9)
HEAD_BYTES = 1 + len(SENDER) + 64 + 4


def filling(plain_bytes: int, *contents: Content) -> list[Content]:
    """These, and a photo just as large as makes it so many bytes before they are sealed."""
    size = 1000
    while True:
        found = [*contents, picture(size)]
        plain = HEAD_BYTES + len(manifest_of(found)) + sum(one.part.stored_bytes for one in found)
        if plain == plain_bytes:  # the size itself stands in the manifest
            return found
        size += plain_bytes - plain


@pytest.mark.parametrize("chunks", [1, 2, 3])
@pytest.mark.parametrize("beside", [-1, 0, 1])
def test_what_is_written_is_read(chunks: int, beside: int) -> None:
    """A package that ends with a chunk, a byte before and a byte behind; from whatever gives few bytes at a time."""
    contents = filling(chunks * CHUNK_BYTES + beside, REQUEST)
    size = contents[1].part.size_bytes
    whole = write(contents)
    assert len(whole) == len(package.start_bytes(HEADER)) + chunks * CHUNK_BYTES + beside + 16 * (
        chunks + (beside > 0)
    )
    found = [(part.kind, content) for part, content in read(whole)]
    assert found == [("request", b'{"device":"D-1"}' * 9), ("photo", bytes([1]) * size)]
    assert read(whole, 7777) == read(whole)


def test_every_flipped_bit_of_the_clear_beginning_is_another_package_or_none() -> None:
    """Whoever seals takes its digest into the key."""
    whole = package.start_bytes(HEADER)
    for at in range(len(whole) * 8):
        changed = bytearray(whole)
        changed[at // 8] ^= 1 << at % 8
        try:
            start = package.read_start(BytesIO(changed).read)
        except Problem as problem:
            assert problem.code in {"package_damaged", "package_suite", "package_too_new"}  # noqa: PT017
        else:
            assert start.digest != digest(whole)


BEGINNING = package.start_bytes(HEADER)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "package_damaged start"),
        (BEGINNING[:11], "package_damaged start"),
        (BEGINNING[:-1], "package_damaged header"),
        (b"X" + BEGINNING[1:], "package_damaged start"),
        (b"HUCHAHCX\0\2" + BEGINNING[10:], "package_too_new "),
        (b"HUCHAHCX\0\0" + BEGINNING[10:], "package_damaged header"),
        (BEGINNING[:10] + b"\x04\x01" + BEGINNING[12:].ljust(1025), "package_damaged header"),
        (BEGINNING[:10] + b"\x00\x02{}", "package_damaged header"),
        (BEGINNING[:10] + b"\x00\x02\xff\xff", "package_damaged header"),
        (package.start_bytes(replace(HEADER, suite="sm-1")), "package_suite "),
    ],
)
def test_a_beginning_that_is_none_is_refused(content: bytes, said: str) -> None:
    assert refused(package.read_start, BytesIO(content).read) == said


def test_the_clear_beginning_may_be_as_long_as_its_limit() -> None:
    content = BEGINNING[12:].ljust(1024)
    start = package.read_start(BytesIO(BEGINNING[:10] + b"\x04\x00" + content).read)
    assert start.header == HEADER


def test_chunks_that_are_changed_cut_or_followed_by_others_are_refused() -> None:
    whole = write([picture(3 * CHUNK_BYTES)])
    at = len(BEGINNING)
    step = CHUNK_BYTES + 16
    chunks = [whole[place : place + step] for place in range(at, len(whole), step)]
    assert len(chunks) == 4
    for wrong in (
        [chunks[1], chunks[0], *chunks[2:]],
        chunks[:3],
        [*chunks[:3], chunks[3][:-1]],
        [*chunks, seal(4, True, b"")],
        [],
    ):
        assert refused(read, BEGINNING + b"".join(wrong)).startswith("package_damaged chunk")
    longer = [*chunks[:3], seal(3, False, chunks[3][:-16].ljust(CHUNK_BYTES)), seal(4, True, b"more")]
    assert refused(read, BEGINNING + b"".join(longer)) == "package_damaged length"
    assert refused(read, BEGINNING + b"".join([*chunks[:2], seal(2, True, chunks[2][:-16])])) == (
        "package_damaged length"
    )


def test_what_lies_behind_the_last_part_is_refused_though_a_chunk_ends_with_it() -> None:
    """Nothing that no digest answers for, in a chunk of its own or not."""
    whole = write(filling(CHUNK_BYTES))
    plain = whole[len(BEGINNING) : -16]
    assert len(plain) == CHUNK_BYTES
    behind = BEGINNING + seal(0, False, plain) + seal(1, True, b"x")
    assert refused(read, behind) == "package_damaged length"
    more = BEGINNING + seal(0, False, plain) + seal(1, False, bytes(CHUNK_BYTES)) + b"and so on"
    assert refused(read, more) == "package_damaged length", "and is not read to its end"


def test_a_package_over_the_limit_is_neither_written_nor_read(monkeypatch: pytest.MonkeyPatch) -> None:
    contents = [picture(2 * CHUNK_BYTES)]
    whole = write(contents)
    manifest = manifest_of(contents)
    monkeypatch.setattr(package, "PACKAGE_BYTES_MAX", len(whole))
    assert package.whole_bytes(HEADER, SENDER, manifest, contents) == len(whole)
    monkeypatch.setattr(package, "PACKAGE_BYTES_MAX", len(whole) - 1)
    assert refused(package.whole_bytes, HEADER, SENDER, manifest, contents) == "package_too_large package"
    monkeypatch.setattr(package, "PACKAGE_BYTES_MAX", len(whole) - len(BEGINNING))
    assert read(whole)
    monkeypatch.setattr(package, "PACKAGE_BYTES_MAX", len(whole) - len(BEGINNING) - 1)
    assert refused(read, whole) == "package_too_large package"
    long = bytes(package.MANIFEST_BYTES_MAX + 1)
    monkeypatch.undo()
    assert refused(package.whole_bytes, HEADER, SENDER, long, []) == "package_too_large package"
    assert package.whole_bytes(HEADER, SENDER, long[:-1], [])


def test_a_photo_that_changed_while_it_was_written_ends_the_writing() -> None:
    """Its size is said already."""
    for content in (b"", b"x" * 99, b"x" * 101):
        photo = package.photo(HASH, 100, lambda content=content: content)  # type: ignore[misc]
        assert refused(write, [photo]).startswith("package_damaged")


def listed(*parts: dict[str, object]) -> bytes:
    facts = {"format": 1, "kind": "request", "server": "S", "device": "D-1", "squad": "S-1"}
    return msgspec.json.encode({**facts, "parts": [{"sha256": HASH, **one} for one in parts]})


def part(kind: str, size: int, stored: int | None = None) -> dict[str, object]:
    told = {"kind": kind, "size_bytes": size, "stored_bytes": size if stored is None else stored}
    return told if stored is None else {**told, "deflated": True}


FULL = part("request", REQUEST_BYTES_MAX)


@pytest.mark.parametrize(
    "parts",
    [
        [part("request", REQUEST_BYTES_MAX)],
        [part("photo", PHOTO_BYTES_MAX)],
        [part("answer", package.PART_BYTES_MAX)],
        [part("request", 2000, 100)],
        [part("request", 20, 0)],
        [FULL] * 16,
        [FULL] * 16 + [part("photo", PHOTO_BYTES_MAX)],
        [part("photo", 1)] * package.PARTS_MAX,
    ],
)
def test_a_manifest_at_its_limits_is_read(parts: list[dict[str, object]]) -> None:
    assert len(package.read_manifest(listed(*parts)).parts) == len(parts)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([part("request", REQUEST_BYTES_MAX + 1)], "package_too_large request"),
        ([part("request", 1, REQUEST_BYTES_MAX + 1)], "package_too_large request"),
        ([part("photo", PHOTO_BYTES_MAX + 1)], "package_too_large photo"),
        ([part("answer", package.PART_BYTES_MAX + 1)], "package_too_large answer"),
        ([part("request", 2001, 100)], "package_too_large deflated"),
        ([part("request", 21, 0)], "package_too_large deflated"),
        ([FULL] * 16 + [part("request", 1)], "package_too_large messages"),
        ([FULL] * 16 + [part("answer", 1)], "package_too_large messages"),
        ([part("photo", 1)] * (package.PARTS_MAX + 1), "package_too_large parts"),
        ([{"kind": "request", "size_bytes": 2, "stored_bytes": 1}], "package_damaged manifest"),
        ([{"kind": "letter", "size_bytes": 1, "stored_bytes": 1}], "package_damaged manifest"),
    ],
)
def test_a_manifest_over_a_limit_is_refused(parts: list[dict[str, object]], said: str) -> None:
    assert refused(package.read_manifest, listed(*parts)) == said


def test_a_manifest_that_is_too_new_or_none_is_refused() -> None:
    assert refused(package.read_manifest, b'{"format":2,"kind":["of","its","own"]}') == "package_too_new "
    for content in (b"", b"7", b"\xff", b"{}", b"[" * 100_000):
        assert refused(package.read_manifest, content) == "package_damaged manifest"


PLAIN = b'{"device":"D-1"}' * 9
SMALL = zlib.compress(PLAIN)


@pytest.mark.parametrize(
    ("stored", "size"),
    [
        (SMALL[:-1], len(PLAIN)),
        (SMALL + b"x", len(PLAIN)),
        (SMALL, len(PLAIN) - 1),
        (SMALL, len(PLAIN) + 1),
        (b"no stream", 9),
    ],
)
def test_a_deflated_part_is_just_what_it_says(stored: bytes, size: int) -> None:
    """As long as it says, to its end, and nothing behind it."""
    told = Part(
        kind="request", size_bytes=size, stored_bytes=len(stored), sha256=digest(stored), deflated=True
    )
    assert refused(read, write([Content(told, lambda: stored)])) == "package_damaged part 1"


def test_a_part_has_its_own_digest() -> None:
    """The second of two is named."""
    wrong = package.photo(HASH, 100, lambda: bytes(100))
    assert refused(read, write([picture(10), wrong])) == "package_damaged part 2"


def test_a_message_is_deflated_where_that_makes_it_smaller_and_arouses_no_suspicion() -> None:
    """By up to twenty to one, as a reader takes it."""
    assert package.message("request", PLAIN * 2).part.deflated
    assert not package.message("request", b"x").part.deflated
    assert not package.message("request", b" " * 100_000).part.deflated
    for content in (PLAIN * 2, b"x", b" " * 100_000):
        ((_, again),) = read(write([package.message("request", content)]))
        assert again == content


def test_the_code_that_people_compare_follows_from_the_signature() -> None:
    assert package.short_code(SIGNATURE) == "ZRPD-MD9M"
    assert package.short_code(SIGNATURE[::-1]) != package.short_code(SIGNATURE)
