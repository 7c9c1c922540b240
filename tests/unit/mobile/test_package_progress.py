"""A package tells how far it is while it is written or read; one that is stopped leaves no file."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from mobile import package, package_files
from mobile.progress import Count, Stopped, Watch
from shared_schema.problems import Problem
from tests.unit.mobile import by_hand
from tests.unit.mobile.test_package import photographed
from tests.unit.mobile.world import BEN, COUNT, YES_NO, Server, Tablet

Told = tuple[str, int, int]
SPLIT_BYTES = 1500


@pytest.fixture
def photos(one: Tablet) -> Tablet:
    """The leader's tablet with three photos to carry."""
    one.open_visit()
    for shade in (10, 20, 30):
        photographed(one, shade)
    return one


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_photos_are_counted_as_they_are_looked_at_and_as_they_are_written(
    photos: Tablet, tmp_path: Path
) -> None:
    told: list[Told] = []
    package.write(by_hand.tools(photos), tmp_path, report=lambda *one: told.append(one))
    assert told[:3] == [("photos_checked", number, 3) for number in range(3)]
    written = [one for one in told if one[0] == "photos_written"]
    assert written == sorted(written)
    assert written[-1] == ("photos_written", 3, 3)


def test_a_photo_counts_with_its_last_byte(photos: Tablet, tmp_path: Path) -> None:
    """Smaller pieces than a package has, so that each photo lies in several."""
    from shared_schema import package as format_

    told: list[Told] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(format_, "CHUNK_BYTES", 100)
        package.write(by_hand.tools(photos), tmp_path, report=lambda *one: told.append(one))
    counts = [done for word, done, _ in told if word == "photos_written"]
    assert sorted(set(counts)) == [0, 1, 2, 3]
    assert counts.count(1) > 2


def test_without_photos_the_bytes_are_counted(one: Tablet, tmp_path: Path) -> None:
    one.open_visit()
    watch = Watch()
    written = package.write(by_hand.tools(one), tmp_path, report=watch)
    size = written.files[0].stat().st_size
    assert watch.at == {"bytes_written": Count(size, size)}


@pytest.mark.parametrize("split", [0, SPLIT_BYTES])
@pytest.mark.parametrize(
    ("word", "enough"), [("photos_checked", 1), ("photos_written", 0), ("photos_written", 3)]
)
def test_one_that_is_stopped_leaves_no_file(
    photos: Tablet, tmp_path: Path, word: str, enough: int, split: int
) -> None:
    """In the middle of a volume, between two of them, and with its last byte; what waited waits on."""
    folder = tmp_path / "stick"
    folder.mkdir()
    watch, begun = Watch(), []

    def report(told: str, done: int, whole: int) -> None:
        begun.extend(left(folder))
        watch.stopped = watch.stopped or (told, done) == (word, enough)
        watch(told, done, whole)

    with pytest.raises(Stopped):
        package.write(by_hand.tools(photos), folder, split, report)
    assert bool(begun) == (word == "photos_written")
    assert left(folder) == []
    assert len(package.write(by_hand.tools(photos), folder, split).files) == (
        len(left(folder)) if split else 1
    )


def test_one_that_finds_no_room_leaves_no_file(
    photos: Tablet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The volumes before the one that did not fit go too: alone they are good for nothing."""
    flush: Callable[..., None] = package_files._flush
    flushed: list[object] = []

    def full(file: object) -> None:
        if len(flushed) == 2:
            raise OSError(errno.ENOSPC, "no room")
        flushed.append(file)
        flush(file)

    monkeypatch.setattr(package_files, "_flush", full)
    (tmp_path / "stick").mkdir()
    with pytest.raises(OSError, match="no room"):
        package.write(by_hand.tools(photos), tmp_path / "stick", SPLIT_BYTES)
    assert len(flushed) == 2
    assert left(tmp_path / "stick") == []


@pytest.fixture
def answered(one: Tablet, two: Tablet, server: Server, tmp_path: Path) -> Path:
    """The server's package for this tablet: what became of its records, and a colleague's."""
    one.open_visit()
    one.meet()
    two.meet()
    two.answer(COUNT, 3, BEN)
    two.meet()
    one.answer(YES_NO, True)
    taken = by_hand.take(server, *by_hand.write(one, tmp_path / "stick").files)
    assert taken.path is not None
    return taken.path


def test_reading_counts_what_is_checked_and_then_what_is_taken_in(one: Tablet, answered: Path) -> None:
    """First all of the file, then its records: one's own that are answered for, and what the server tells."""
    told: list[Told] = []
    read = package.read(by_hand.tools(one), [answered], lambda *one: told.append(one))
    assert (read.accepted, read.news) == (1, 1)
    size = answered.stat().st_size
    words = [word for word, _, _ in told]
    assert words == sorted(words)
    assert ("bytes_checked", size, size) in told
    assert [done for word, done, whole in told if (word, whole) == ("records_taken", 3)] == [0, 1, 3]


@pytest.mark.parametrize("word", ["bytes_checked", "records_taken"])
def test_one_whose_reading_is_stopped_is_read_whole_or_not_at_all(
    one: Tablet, answered: Path, word: str
) -> None:
    """While it is checked nothing is applied; what is being applied is applied to its end."""
    watch, before = Watch(), one.fold()

    def report(told: str, done: int, whole: int) -> None:
        watch.stopped = watch.stopped or (told == word and done > 0)
        watch(told, done, whole)

    if word == "bytes_checked":
        with pytest.raises(Stopped):
            package.read(by_hand.tools(one), [answered], report)
        assert one.fold() == before
        watch.stopped, word = False, "nothing"
    read = package.read(by_hand.tools(one), [answered], report)
    assert (read.accepted, read.news) == (1, 1)


def test_a_damaged_one_that_is_read_says_so_as_before(one: Tablet, tmp_path: Path) -> None:
    (tmp_path / "broken.hcx").write_bytes(b"no package")
    watch = Watch()
    with pytest.raises(Problem, match="package_damaged"):
        package.read(by_hand.tools(one), [tmp_path / "broken.hcx"], watch)
    assert watch.at == {"bytes_checked": Count(10, 10)}
