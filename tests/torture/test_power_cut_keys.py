"""The power goes while keys are made, PINs tried, a store is taken over or destroyed: what was said holds."""

from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from mobile import wipe
from mobile.keyring import TRIES_MAX
from shared_schema.problems import Problem
from tests.torture.conftest import Count
from tests.torture.powercut import cuts, lay_out, record
from tests.torture.share import part_of
from tests.torture.syscalls import Say
from tests.unit.mobile import sealed, test_keyring, test_takeover, test_wipe

IMAGES = 100_000
SAID = frozenset[bytes]


class Scene(NamedTuple):
    """What is done, and what must hold of every disk that it may leave, by what was said until then."""

    prepare: Callable[[Path], None]
    act: Callable[[Path, Say], object]
    holds: Callable[[Path, SAID], object]
    events_min: int
    """Fewer calls and words than this, and it no longer does what it did."""


def sets_up(folder: Path, said: Say) -> None:
    ring = test_keyring.opened(folder)
    master = ring.set_up()
    said(b"set up")
    ring.add(test_keyring.CHEN, test_keyring.PIN, master)
    said(b"pin")


def is_set_up(folder: Path, said: SAID) -> None:
    """Never a keyring that nothing opens; and once there is a PIN, nothing opens without it."""
    ring = test_keyring.opened(folder)
    assert ring.exists() >= (b"set up" in said)
    if not ring.exists():
        return
    master = ring.unprotected()
    assert (b"pin" in said) <= (master is None)
    assert master or ring.unlock("p-chen", test_keyring.PIN, test_keyring.NOW_MS)


def mistypes(folder: Path, said: Say) -> None:
    ring = test_keyring.opened(folder)
    for number in range(1, 4):
        with pytest.raises(Problem, match="pin_wrong"):
            ring.unlock("p-chen", "000111", test_keyring.NOW_MS)
        said(b"wrong %d" % number)


def is_counted(folder: Path, said: SAID) -> None:
    """A battery taken out gives nobody a try."""
    ring = test_keyring.opened(folder)
    wrong = sum(one.startswith(b"wrong") for one in said)
    assert ring.holders(test_keyring.NOW_MS)[0].left <= TRIES_MAX - wrong
    ring.unlock("p-chen", test_keyring.PIN, test_keyring.NOW_MS + 3_600_000)


def destroys(folder: Path, said: Say) -> None:
    test_wipe.wipe_it(folder)
    said(b"destroyed")


def is_destroyed(folder: Path, said: SAID) -> None:
    if said:
        assert test_wipe.data_files(folder) == set(), "destroyed, and there again"
        assert wipe.wiped(folder / "data") is not None
    test_wipe.gone(folder)


def takes_over(folder: Path, said: Say) -> None:
    test_takeover.take_over(folder)
    said(b"taken over")


def is_taken_over(folder: Path, said: SAID) -> None:
    if said:
        assert sealed.found_in(folder / "data") == {}
    test_takeover.whole(folder)


def has_a_pin(folder: Path) -> None:
    ring = test_keyring.opened(folder)
    ring.add(test_keyring.CHEN, test_keyring.PIN, ring.set_up())


SCENES: Mapping[str, Scene] = {
    "setting up": Scene(lambda folder: None, sets_up, is_set_up, 15),
    "mistyping": Scene(has_a_pin, mistypes, is_counted, 20),
    "destroying": Scene(sealed.with_pin, destroys, is_destroyed, 25),
    "taking over": Scene(test_takeover.prepared, takes_over, is_taken_over, 50),
}


def damaged(disk: Path, name: str) -> tuple[int, list[str]]:
    """How many disks were looked at, and what was wrong with which."""
    scene, played, cut = SCENES[name], disk / "played", disk / "cut"
    played.mkdir()
    scene.prepare(played)
    recording = record(lambda said: scene.act(played, said), played)
    assert len(recording.events) >= scene.events_min, "it no longer does what it did"
    images = max(len(recording.events), part_of(IMAGES // len(SCENES)))
    looked, wrong = 0, []
    for one in cuts(recording, images, Random(name)):
        looked += 1
        lay_out(one.files, cut)
        try:
            scene.holds(cut, one.acked)
        except (AssertionError, OSError, Problem, pytest.fail.Exception) as err:
            wrong.append(f"{one.kind} before event {one.at}, {recording.events[one.at - 1]}: {err!r}"[:500])
    assert looked >= images
    return looked, wrong


@pytest.mark.parametrize("name", SCENES)
def test_whatever_was_said_holds_after_a_power_cut(disk: Path, name: str, count: Count) -> None:
    looked, wrong = damaged(disk, name)
    count(f"{looked} disks")
    assert not wrong, "\n".join(wrong[:5])


@pytest.mark.parametrize("name", SCENES)
def test_a_tablet_that_does_not_flush_its_keys_is_found_out(
    disk: Path, name: str, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the same disks of a program that does one thing less."""
    monkeypatch.setattr("mobile.files.flush_folder", lambda _: None)
    looked, wrong = damaged(disk, name)
    count(f"{looked} disks, {len(wrong)} damaged")
    assert wrong
