"""A package in several files: dealt out to the byte, each checked by itself, and one set never taken for another."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest

from shared_schema import volumes
from shared_schema.package import PACKAGE_BYTES_MAX
from shared_schema.problems import Problem
from shared_schema.volumes import DIGEST_BYTES, HEADER_BYTES, VOLUME_BYTES_MIN, VOLUMES_MAX, Volume

NAMED, OTHER = "0a" * 32, "0b" * 32
AROUND = HEADER_BYTES + DIGEST_BYTES
WHOLE = bytes(range(256)) * 4


def written(content: bytes = WHOLE, volume_bytes: int = 300 + AROUND, piece: int = 77) -> list[bytes]:
    pieces = [content[at : at + piece] for at in range(0, len(content), piece)]
    files: dict[int, bytes] = {}
    for volume, some in volumes.split(pieces, volumes.plan(NAMED, len(content), volume_bytes)):
        files[volume.number] = files.get(volume.number, b"") + some
    return list(files.values())


def checked(content: bytes, step_bytes: int = 50) -> Volume:
    stream = BytesIO(content)
    volume = volumes.read_header(stream.read(HEADER_BYTES))
    volumes.check(volume, stream.read, step_bytes)
    return volume


def refused(run: Callable[[], object]) -> str:
    with pytest.raises(Problem) as caught:
        run()
    return f"{caught.value.code} {caught.value.facts.get('what', caught.value.facts.get('where', ''))}"


@pytest.mark.parametrize("piece", [1, 77, 300, 5000])
def test_what_is_dealt_out_comes_together(piece: int) -> None:
    files = written(piece=piece)
    found = [checked(one) for one in files]
    assert found == volumes.plan(NAMED, len(WHOLE), 300 + AROUND)
    assert [(one.number, one.of, one.offset_bytes, one.size_bytes) for one in found] == [
        (1, 4, 0, 300), (2, 4, 300, 300), (3, 4, 600, 300), (4, 4, 900, 124),
    ]  # fmt: skip
    assert all(len(one) <= 300 + AROUND for one in files)
    assert b"".join(one[HEADER_BYTES:-DIGEST_BYTES] for one in files) == WHOLE
    assert volumes.in_order([found[2], found[0], found[3], found[1], found[0]]) == found


def test_a_package_that_just_fits_has_no_empty_volume() -> None:
    assert [one.size_bytes for one in volumes.plan(NAMED, 900, 300 + AROUND)] == [300] * 3
    assert len(volumes.plan(NAMED, 10 * VOLUMES_MAX, 10 + AROUND)) == VOLUMES_MAX
    assert refused(lambda: volumes.plan(NAMED, 10 * VOLUMES_MAX + 1, 10 + AROUND)) == (
        "package_too_large volumes"
    )


def test_every_flipped_bit_and_every_other_length_of_a_volume_is_seen() -> None:
    """Of header, content and digest; what one bit more or less makes of a header is refused, whatever it says."""
    whole = written(volume_bytes=100 + AROUND)[2]
    for at in range(len(whole) * 8):
        changed = bytearray(whole)
        changed[at // 8] ^= 1 << at % 8
        assert refused(lambda changed=changed: checked(changed)).startswith("package_")  # type: ignore[misc]
    for length in range(len(whole)):
        assert refused(lambda length=length: checked(whole[:length])).startswith("package_damaged volume")  # type: ignore[misc]
    assert refused(lambda: checked(whole + b"\0")) == "package_damaged volume 3"


@pytest.mark.parametrize(
    ("volume", "said"),
    [
        (Volume(1, 1, NAMED, 10, 0, 10), ""),
        (Volume(VOLUMES_MAX, VOLUMES_MAX, NAMED, PACKAGE_BYTES_MAX, PACKAGE_BYTES_MAX - 1, 1), ""),
        (Volume(0, 1, NAMED, 10, 0, 10), "package_damaged volume"),
        (Volume(2, 1, NAMED, 10, 0, 10), "package_damaged volume"),
        (Volume(1, 1, NAMED, 10, 1, 10), "package_damaged volume"),
        (Volume(1, 1, NAMED, 10, 10, 0), "package_damaged volume"),
        (Volume(1, VOLUMES_MAX + 1, NAMED, 10, 0, 10), "package_too_large volumes"),
        (Volume(1, 1, NAMED, PACKAGE_BYTES_MAX + 1, 0, 10), "package_too_large package"),
    ],
)
def test_a_header_is_read_where_it_can_be_so(volume: Volume, said: str) -> None:
    content = volumes.header_bytes(volume)
    assert len(content) == HEADER_BYTES
    if said:
        assert refused(lambda: volumes.read_header(content)) == said
    else:
        assert volumes.read_header(content + b"more") == volume


@pytest.mark.parametrize(("version", "code"), [(0, "package_damaged volume"), (2, "package_too_new ")])
def test_a_header_of_another_version_is_refused(version: int, code: str) -> None:
    content = volumes.header_bytes(Volume(1, 1, NAMED, 10, 0, 10))
    content = content[:8] + version.to_bytes(2, "big") + content[10:]
    assert refused(lambda: volumes.read_header(content)) == code


def test_what_is_missing_is_told_and_different_sets_are_no_set() -> None:
    one, two, three = volumes.plan(NAMED, 900, 300 + AROUND)
    assert volumes.missing([three, one]) == [2]
    assert volumes.missing([one, two, three]) == []
    assert refused(lambda: volumes.in_order([three, one])) == "package_incomplete "
    for other in (two._replace(package=OTHER), two._replace(of=4), two._replace(total_bytes=901)):
        assert refused(lambda other=other: volumes.missing([one, other])) == (  # type: ignore[misc]
            "package_damaged volumes of different packages"
        )
    assert refused(lambda: volumes.missing([])).startswith("package_damaged")


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({1: {"offset_bytes": 299}}, "volume 2"),
        ({1: {"offset_bytes": 301}}, "volume 2"),
        ({1: {"size_bytes": 299}}, "volume 3"),
        ({2: {"size_bytes": 299}}, "volumes"),
    ],
)
def test_volumes_lie_one_behind_the_other_and_end_where_the_package_ends(
    changes: dict[int, dict[str, Any]], where: str
) -> None:
    found = volumes.plan(NAMED, 900, 300 + AROUND)
    for place, told in changes.items():
        found[place] = found[place]._replace(**told)
    assert refused(lambda: volumes.in_order(found)) == f"package_damaged {where}"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("600M", 600_000_000), (" 4.7g ", 4_700_000_000), ("4.7GB", 4_700_000_000), ("100k", 100_000),
        (str(VOLUME_BYTES_MIN), VOLUME_BYTES_MIN), ("70000B", 70_000),
    ],
)  # fmt: skip
def test_a_size_is_read_as_it_is_printed_on_discs(text: str, size: int) -> None:
    assert volumes.read_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "M", "4,7G", "4.75G", "-600M", "6e8", "600 M", str(VOLUME_BYTES_MIN - 1), "0"]
)
def test_what_is_no_size_or_too_small_is_said(text: str) -> None:
    with pytest.raises(Problem, match="form_invalid"):
        volumes.read_size(text)
