"""The power goes at every moment of a real season and a real visit: what was said to be saved is there, and whole.

Each count has its controls: the same disks of a program that does one thing wrong, which must be found out.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from random import Random
from typing import NamedTuple
from unittest.mock import patch

import pytest

from mobile.vault import Vault
from tests.torture import backup_story, server_story, tablet_story
from tests.torture.conftest import Count
from tests.torture.powercut import KINDS, Cut, Recording, cuts, lay_out, record
from tests.torture.share import PARTS, part_of
from tests.torture.syscalls import Say

SERVER_IMAGES, TABLET_IMAGES, BACKUP_IMAGES = 200_000, 100_000, 20_000
CONTROL_IMAGES = 20_000
GARBLED_PER_EVENT, GARBLED_MIN = 12, 3
"""How often chance must be asked for disks whose very first sector is garbage, to get some."""
LOOK_CLOSER_EVERY = 10
"""So many disks are looked at with plain SQLite for one that our own program is started on."""

Run = Callable[[Say], None]


class Story(NamedTuple):
    """What is recorded, and how a disk of it is looked at."""

    prepare: Callable[[Path], None]
    tell: Callable[..., None]
    watched: str
    """The folder whose disk loses power, below the one it is played in."""
    found: Callable[[Path], set[bytes]]
    """What is there. Raises whatever it finds wrong."""
    closer: Callable[[Path], None]
    """The program itself is started on it and goes on."""
    events_min: int
    """Fewer calls and words than this, and the story no longer does what it did."""
    acks_min: int = 30


def server_found(folder: Path) -> set[bytes]:
    return server_story.stored(folder)


def server_goes_on(folder: Path) -> None:
    with server_story.started(folder) as server:
        server_story.holds(server)
        before = server_story.stored(folder)
        first, *_ = server_story.batches()
        server_story.hands_in(server, [first], lambda _: None)
        server_story.sends_photo(server, 1, lambda _: None)
        assert before <= server_story.stored(folder)


def tablet_found(folder: Path) -> set[bytes]:
    with tablet_story.alone(folder) as tablet:
        tablet_story.is_sound(tablet)
        return tablet_story.stored(tablet)


def tablet_goes_on(folder: Path) -> None:
    with tablet_story.alone(folder) as tablet:
        tablet.store.set_setting("torture", "1")
        assert tablet.store.setting("torture") == "1"


SERVER = Story(server_story.prepare, server_story.tell, "", server_found, server_goes_on, 850)
TABLET = Story(tablet_story.prepare, tablet_story.tell, "T-1", tablet_found, tablet_goes_on, 450)
BACKUP = Story(
    backup_story.prepare,
    backup_story.tell,
    "",
    backup_story.stored,
    backup_story.has_its_keys,
    300,
    acks_min=2,
)
STORIES = {
    "server": (SERVER, SERVER_IMAGES),
    "tablet": (TABLET, TABLET_IMAGES),
    "backup": (BACKUP, BACKUP_IMAGES),
}


def recorded(story: Story, folder: Path, *, pragmas: tuple[str, ...] = ()) -> Recording:
    folder.mkdir()
    story.prepare(folder)
    return record(lambda said: story.tell(folder, said, pragmas=pragmas), folder / story.watched)


class Damage(NamedTuple):
    """What was wrong on one of the disks."""

    at: int
    kind: str
    what: str


class Outcome(NamedTuple):
    kinds: Counter[str]
    closer: int
    damage: list[Damage]


def looked_at(
    story: Story,
    recording: Recording,
    folder: Path,
    images: int,
    rnd: Random,
    control: "Control | None" = None,
) -> Outcome:
    """Every disk the recording could leave, looked at: what is missing of what was said, and what is not whole."""
    kinds: Counter[str] = Counter()
    damage: list[Damage] = []
    closer = 0
    for number, cut in enumerate(cuts(recording, images, rnd)):
        if control is not None and (not control.tells(recording, cut) or len(damage) >= control_damage_max()):
            continue
        kinds[cut.kind] += 1
        lay_out(cut.files, folder)
        try:
            lost = cut.acked - story.found(folder)
            if lost:
                damage.append(Damage(cut.at, cut.kind, f"lost {sorted(lost)[:3]}"))
            elif number % LOOK_CLOSER_EVERY == 0:
                closer += 1
                story.closer(folder)
        except Exception as err:  # noqa: BLE001 - whatever keeps a disk from being read is what we look for
            damage.append(Damage(cut.at, cut.kind, repr(err)))
    return Outcome(kinds, closer, damage)


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", STORIES)
def test_whatever_was_said_to_be_saved_is_there_after_a_power_cut(
    disk: Path, name: str, part: int, count: Count
) -> None:
    story, images = STORIES[name]
    recording = recorded(story, disk / "played")
    assert len(recording.events) >= story.events_min, "the story has become shorter"
    assert len(recording.acks) == len(set(recording.acks)) >= story.acks_min
    looked = looked_at(story, recording, disk / "cut", part_of(images), Random(f"{name} {part}"))
    count(f"{looked.kinds.total()} disks {dict(looked.kinds)}, {looked.closer} started on, 0 lost")
    assert looked.damage == []
    assert looked.kinds.total() >= part_of(images)
    assert min(looked.kinds[kind] for kind in KINDS) >= looked.kinds.total() // len(KINDS) - 1
    assert looked.closer >= looked.kinds.total() // LOOK_CLOSER_EVERY


def test_a_garbled_first_sector_takes_nothing_with_it(disk: Path, count: Count) -> None:
    """The salt that lies in it lies beside the wrapped key too, and the rest of it in the write-ahead log."""
    recording = recorded(TABLET, disk / "played")
    only = Control(TABLET, tells=_salt_is_garbage)
    images = len(recording.events) * GARBLED_PER_EVENT
    looked = looked_at(TABLET, recording, disk / "cut", images, Random(1), only)
    count(f"{looked.kinds.total()} disks without it, 0 lost")
    assert looked.damage == []
    assert looked.kinds.total() >= GARBLED_MIN


class Control(NamedTuple):
    """A program that does one thing wrong."""

    story: Story
    pragmas: tuple[str, ...] = ()
    broken: Callable[[], AbstractContextManager[object]] = nullcontext
    what: str = "lost"
    """Which damage it must do, at the least."""
    tells: Callable[[Recording, Cut], bool] = lambda _, __: True
    """Whether a disk is worth a look; for what happens too rarely to be met by chance."""
    images_per_event: int = 1


def control_damage_max() -> int:
    """It is found out with the first; a release wants to know how often."""
    return CONTROL_IMAGES if PARTS > 1 else 10


def _salt_in_the_file() -> AbstractContextManager[object]:
    def without_salt(self: Vault, *arguments: object, **named: object) -> None:
        init(self, *arguments, **named)  # type: ignore[arg-type]
        self._store_salt = b""

    init = Vault.__init__
    return patch.object(Vault, "__init__", without_salt)


def _salt_is_garbage(recording: Recording, cut: Cut) -> bool:
    return cut.files["tablet.db"][:16] != recording.before["tablet.db"][:16]


CONTROLS: Mapping[str, Control] = {
    "server: synchronous=NORMAL": Control(SERVER, ("synchronous=NORMAL",)),
    "server: synchronous=OFF": Control(SERVER, ("synchronous=OFF",)),
    "server: photos not flushed": Control(
        SERVER, broken=lambda: patch("server.storage.photo_files.flush"), what="photo"
    ),
    "server: receipts not flushed": Control(
        SERVER, broken=lambda: patch("server.storage.package_files.os"), what="receipt package"
    ),
    "tablet: synchronous=NORMAL": Control(TABLET, ("synchronous=NORMAL",)),
    "tablet: folders not flushed": Control(
        TABLET, broken=lambda: patch("mobile.files.flush_folder"), what="photo"
    ),
    "tablet: salt in the file": Control(
        TABLET, (), _salt_in_the_file, "store_damaged", _salt_is_garbage, images_per_event=GARBLED_PER_EVENT
    ),
}


@pytest.mark.parametrize("name", CONTROLS)
def test_a_program_that_flushes_too_little_is_found_out(disk: Path, name: str, count: Count) -> None:
    control = CONTROLS[name]
    with control.broken():
        recording = recorded(control.story, disk / "played", pragmas=control.pragmas)
        images = max(len(recording.events) * control.images_per_event, part_of(CONTROL_IMAGES))
        looked = looked_at(control.story, recording, disk / "cut", images, Random(name), control)
    found = [one for one in looked.damage if control.what in one.what]
    count(f"{len(found)} of {looked.kinds.total()} disks damaged")
    assert found != [], looked.damage[:3]
    shutil.rmtree(disk / "cut")
