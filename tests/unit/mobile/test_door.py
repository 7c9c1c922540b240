"""The door on a disk with no room left: it opens all the same, and says so when it cannot."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mobile.door import RESERVE_BYTES, Door, Look
from mobile.settings import Settings
from shared_schema.problems import Problem
from tests.small_disk import elsewhere, small_disk
from tests.unit.mobile import sealed

DISK_BYTES = 8 << 20


class Disk:
    """A small disk with a tablet's data on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = Settings(folder / "data", secrets=folder / "secrets")
        self.door = Door(self.settings, os.urandom, lambda: sealed.NOW_MS, sealed.QUICK)

    def fill(self) -> None:
        """To the last byte."""
        with (self.folder / "video").open("ab", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    continue
        assert shutil.disk_usage(self.folder).free == 0

    def free(self) -> None:
        """The video was not worth it."""
        (self.folder / "video").unlink()


@pytest.fixture
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Disk]:
    """With a PIN set, and locked."""
    with small_disk(tmp_path / "disk", DISK_BYTES) as mounted:
        if not mounted:
            elsewhere(request.node.nodeid)
        made = Disk(tmp_path / "disk")
        assert made.door.open_unprotected() is not None
        made.door.give_pin(sealed.CHEN, sealed.PIN)
        made.door.lock()
        yield made
        made.door.lock()


def test_a_full_disk_locks_nobody_out(disk: Disk) -> None:
    """The room set aside is given up; then there is room to record, to exchange and to clear."""
    disk.fill()
    _, store = disk.door.unlock("p-chen", sealed.PIN)
    store.set_setting("a", "b" * 100_000)
    assert store.setting("a") == "b" * 100_000
    assert shutil.disk_usage(disk.folder).free > RESERVE_BYTES // 2


def test_wrong_pins_count_on_a_full_disk_too(disk: Disk) -> None:
    """No room is no way around the ten tries."""
    disk.fill()
    with pytest.raises(Problem, match="pin_wrong"):
        disk.door.unlock("p-chen", "000111")
    assert disk.door.seen().holders[0].left == 9


def test_when_that_room_is_used_up_too_it_says_so_and_opens_once_there_is_some(disk: Disk) -> None:
    """Nothing is harmed by the tries meanwhile, none is counted, and room is set aside anew."""
    disk.fill()
    disk.door.unlock("p-chen", sealed.PIN)
    disk.door.lock()
    disk.fill()
    for _ in range(3):
        with pytest.raises(Problem, match="disk_full"):
            disk.door.unlock("p-chen", sealed.PIN)
    assert disk.door.seen().holders[0].left == 10
    disk.free()
    disk.door.unlock("p-chen", sealed.PIN)
    disk.door.lock()
    disk.fill()
    disk.door.unlock("p-chen", sealed.PIN)


def test_a_full_disk_keeps_no_copy_and_locks_all_the_same(disk: Disk) -> None:
    """Nor does it keep the colours of the unlock screen; both are tried again the next time."""
    _, store = disk.door.unlock("p-chen", sealed.PIN)
    store.set_setting("a", "b" * 100_000)
    disk.fill()
    disk.door.remember(Look("en", "dark"))
    disk.door.lock()
    with pytest.raises(Problem, match="tablet_locked"):
        disk.door.kept()


def test_a_full_disk_saves_nobodys_keys(disk: Disk) -> None:
    """A tablet that was turned away is destroyed though there is no room even to note why."""
    disk.door.unlock("p-chen", sealed.PIN)
    disk.fill()
    assert disk.door.destroy("revoked").reason == "revoked"
    assert not disk.settings.store_path.exists()
    seen = disk.door.seen()
    assert seen.wiped is not None
    assert seen.wiped.reason == "revoked"
    with pytest.raises(Problem, match="keys_lost"):
        sealed.unlocked(disk.folder)
