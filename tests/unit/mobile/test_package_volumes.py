"""A package in volumes, on the tablet's side: written split, and read in whatever order the sticks come in."""

import itertools
import shutil
from pathlib import Path

import pytest

from mobile import places
from mobile.package_files import source_of
from shared_schema.problems import Problem
from shared_schema.volumes import DIGEST_BYTES, HEADER_BYTES
from tests.parcels import in_volumes
from tests.unit.mobile import by_hand
from tests.unit.mobile.test_package import photographed
from tests.unit.mobile.world import Server, Tablet


def split(package: Path, folder: Path, count: int = 3) -> list[Path]:
    """A package as so many volumes in a folder."""
    whole = package.read_bytes()
    folder.mkdir()
    paths = []
    for number, content in enumerate(
        in_volumes(whole, -(-len(whole) // count) + HEADER_BYTES + DIGEST_BYTES)
    ):
        paths.append(folder / f"hucha-ABCDEFGH.{number + 1}-of-{count}.hcx")
        paths[-1].write_bytes(content)
    assert len(paths) == count
    return paths


@pytest.fixture
def reply(one: Tablet, server: Server, tmp_path: Path) -> list[Path]:
    """The server's answer to what a tablet handed in, in three volumes."""
    one.open_visit()
    taken = by_hand.take(server, *by_hand.write(one, tmp_path / "stick").files)
    assert taken.path is not None
    return split(taken.path, tmp_path / "reply")


def test_what_a_tablet_writes_split_is_taken_in_any_order(
    one: Tablet, server: Server, tmp_path: Path
) -> None:
    """None is larger than was asked for, and together they are what one file would have been."""
    one.open_visit()
    for shade in (10, 20):
        photographed(one, shade)
    written = by_hand.write(one, tmp_path / "stick", 1500)
    assert len(written.files) >= 3
    assert all(path.stat().st_size <= 1500 for path in written.files)
    assert source_of(written.files).pieces == source_of(written.files[::-1]).pieces
    taken = by_hand.take(server, *written.files[::-1])
    assert (taken.row.operations, taken.row.photos) == (written.operations, 2)
    assert taken.path is not None
    assert by_hand.read(one, taken.path).accepted == written.operations


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_volumes_of_an_answer_are_read_in_any_order(
    one: Tablet, reply: list[Path], order: tuple[int, ...]
) -> None:
    told = by_hand.read(one, *(reply[number] for number in order))
    assert (told.accepted, told.late) == (1, False)
    assert not one.store.outbox(1, 1)


@pytest.mark.parametrize("absent", range(3))
def test_of_a_set_that_is_not_whole_nothing_is_read_and_the_missing_one_is_named(
    one: Tablet, reply: list[Path], absent: int
) -> None:
    """The rest of it can come with another stick."""
    some = [path for number, path in enumerate(reply) if number != absent]
    with pytest.raises(Problem, match="package_incomplete") as raised:
        by_hand.read(one, *some)
    assert raised.value.facts == {"have": 2, "count": 3, "missing": str(absent + 1)}
    assert one.store.outbox(1, 1)
    assert by_hand.read(one, *some, reply[absent]).accepted == 1


def test_a_volume_of_another_set_is_refused_and_changes_nothing(
    one: Tablet, server: Server, reply: list[Path], tmp_path: Path
) -> None:
    """In its place, beside a whole set, and a package that is no volume among them."""
    _, given = by_hand.give(server, one.device)
    other = split(given, tmp_path / "other")
    for paths in ([*reply[:2], other[2]], [*reply, other[0]], [*reply, given], [given, *reply]):
        with pytest.raises(Problem, match="volumes of different packages"):
            by_hand.read(one, *paths)
    resplit = split(given, tmp_path / "again", 4)
    with pytest.raises(Problem, match="volumes of different packages"):
        by_hand.read(one, *other[:2], resplit[2], resplit[3])
    assert one.store.outbox(1, 1)
    assert by_hand.read(one, *reply).accepted == 1


def test_a_volume_that_comes_twice_is_one(one: Tablet, reply: list[Path]) -> None:
    """Copied to a second name, as people do who are not sure; listed and read it is the same set."""
    copy = shutil.copyfile(reply[1], reply[1].with_name("hucha-ABCDEFGH (1).hcx"))
    key = one.vault.make_sealing_key(bytes(32))
    (found,) = places.packages(reply[0].parent, key)
    assert (found.missing, found.ours, len(found.paths)) == (0, True, 4)
    assert by_hand.read(one, *found.paths).accepted == 1
    reply[2].unlink()
    (found,) = places.packages(reply[0].parent, key)
    assert found.missing == 1
    with pytest.raises(Problem, match="package_incomplete") as raised:
        source_of([reply[0], reply[1], copy])
    assert raised.value.facts == {"have": 2, "count": 3, "missing": "3"}


@pytest.mark.parametrize("number", range(3))
def test_a_volume_that_was_cut_off_is_named(one: Tablet, reply: list[Path], number: int) -> None:
    """Whoever copies again knows which."""
    content = reply[number].read_bytes()
    for damaged in (content[:-1], content[: HEADER_BYTES + 1], content + b"0"):
        reply[number].write_bytes(damaged)
        with pytest.raises(Problem, match=f"volume {number + 1}"):
            by_hand.read(one, *reply)
    assert one.store.outbox(1, 1)
