"""The last good copy of the store: proven before it is kept, and put back without losing the damaged file."""

import os
from pathlib import Path

import pytest

from mobile import good_copy
from mobile.actions import Desk
from mobile.store import Store
from mobile.vault import Vault
from shared_schema.operations import Count
from shared_schema.problems import Problem
from tests.e2e import tablet_stage as stage
from tests.unit.mobile import sealed
from tests.unit.mobile.killing import killed_everywhere


def tap(store: Store, count: int) -> None:
    Desk(store, os.urandom, lambda: sealed.NOW_MS).answer(stage.LEADER, stage.VISIT, "A03", Count(count))


def damage(path: Path) -> None:
    """Every page but the first is no longer what was written."""
    content = bytearray(path.read_bytes())
    for start in range(4096, len(content), 4096):
        content[start : start + 40] = b"\xff" * 40
    path.write_bytes(content)


@pytest.fixture
def place(tmp_path: Path) -> tuple[Path, Vault]:
    """A tablet at work, its store closed."""
    sealed.with_pin(tmp_path)
    return sealed.store_path(tmp_path), sealed.unlocked(tmp_path)


def test_a_closed_store_is_copied_when_there_is_something_new(place: tuple[Path, Vault]) -> None:
    """Once; and the copy says what it holds."""
    store, vault = place
    assert good_copy.look(store, vault) is None
    assert good_copy.keep(store, vault)
    assert not good_copy.keep(store, vault)
    kept = good_copy.look(store, vault)
    assert kept is not None
    assert (kept.operations, kept.received) == (5, 0)
    opened = Store.open(store, vault)
    tap(opened, 7)
    opened.close()
    assert good_copy.keep(store, vault)
    again = good_copy.look(store, vault)
    assert again is not None
    assert again.operations == 6
    assert {path.name for path in store.parent.glob("tablet.db*")} == {"tablet.db", "tablet.db.good"}


def test_a_clock_that_was_ahead_keeps_no_copy_old(place: tuple[Path, Vault]) -> None:
    """It is set right, and the copy of before is of next year."""
    store, vault = place
    ahead_ns = store.stat().st_mtime_ns + 365 * 86_400 * 10**9
    os.utime(store, ns=(ahead_ns, ahead_ns))
    assert good_copy.keep(store, vault)
    opened = Store.open(store, vault)
    tap(opened, 7)
    opened.close()
    assert store.stat().st_mtime_ns < ahead_ns
    assert good_copy.keep(store, vault)
    kept = good_copy.look(store, vault)
    assert kept is not None
    assert kept.operations == 6


def test_a_damaged_store_is_never_taken_for_a_good_copy(place: tuple[Path, Vault]) -> None:
    """The copy of before stays."""
    store, vault = place
    good_copy.keep(store, vault)
    before = good_copy.path_of(store).read_bytes()
    damage(store)
    os.utime(store, ns=(2**62, 2**62))
    assert not good_copy.keep(store, vault)
    assert good_copy.path_of(store).read_bytes() == before


def test_the_copy_is_put_back_and_the_damaged_file_kept(place: tuple[Path, Vault]) -> None:
    """What came after the copy is not in it; the file it came from is there for who can mend it."""
    store, vault = place
    good_copy.keep(store, vault)
    opened = Store.open(store, vault)
    tap(opened, 7)
    opened.close()
    damage(store)
    harmed = store.read_bytes()
    with pytest.raises(Problem, match="store_damaged"):
        Store.open(store, vault)
    aside = good_copy.put_back(store)
    assert aside.read_bytes() == harmed
    opened = Store.open(store, vault)
    assert opened.head().seq == 5
    tap(opened, 8)
    opened.close()


def _damaged(folder: Path) -> None:
    sealed.with_pin(folder)
    store, vault = sealed.store_path(folder), sealed.unlocked(folder)
    good_copy.keep(store, vault)
    damage(store)


def _put_back(folder: Path) -> None:
    good_copy.put_back(sealed.store_path(folder))


def _there(folder: Path) -> None:
    """The store is there, damaged still or as the copy has it, and can be put back once more."""
    store, vault = sealed.store_path(folder), sealed.unlocked(folder)
    assert store.exists()
    good_copy.put_back(store)
    opened = Store.open(store, vault)
    assert opened.head().seq == 5
    opened.close()


@pytest.mark.e2e
def test_killed_at_any_step_of_putting_back_there_is_a_store(tmp_path: Path) -> None:
    """A missing store would be taken for a new tablet."""
    assert killed_everywhere(tmp_path, _damaged, _put_back, _there) > 5


def _worked_on(folder: Path) -> None:
    sealed.with_pin(folder)


def _copied(folder: Path) -> None:
    good_copy.keep(sealed.store_path(folder), sealed.unlocked(folder))


def _sound(folder: Path) -> None:
    store, vault = sealed.store_path(folder), sealed.unlocked(folder)
    kept = good_copy.look(store, vault)
    assert kept is None or kept.operations == 5
    Store.open(store, vault).close()


@pytest.mark.e2e
def test_killed_at_any_step_of_copying_store_and_copy_are_sound(tmp_path: Path) -> None:
    """A copy is there whole, or not at all."""
    assert killed_everywhere(tmp_path, _worked_on, _copied, _sound) > 15
