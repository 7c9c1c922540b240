"""A picture that comes back while the tablet is locked, as Android's camera program brings it: nothing of it is lost.

Java is a stand-in. All the rest is the program's: pausing locks, the door forgets its keys, a PIN opens it again.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mobile import photos
from mobile.door import Door, Opened
from mobile.photo_sources import AndroidSource, left_behind
from mobile.settings import Settings
from mobile.vault import is_sealed
from shared_schema.problems import Problem
from tests.e2e import tablet_stage as stage
from tests.e2e.marks import SCREENS
from tests.e2e.photo_hand import scene
from tests.unit.mobile import sealed
from tests.unit.mobile.java import Java

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

pytestmark = SCREENS
ITEM = "F02"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A tablet with its PINs, in the middle of a visit."""
    settings = Settings(tmp_path / "data", secrets=tmp_path / "secrets")
    door = Door(settings, os.urandom, lambda: stage.MORNING_MS, sealed.QUICK)
    opened = door.open_unprotected()
    assert opened is not None
    stage.enrol(opened.store, "tab-1")
    from mobile.actions import Desk

    stage.open_visit(Desk(opened.store, os.urandom, lambda: stage.MORNING_MS))
    door.give_pin(sealed.CHEN, sealed.PIN)
    door.give_pin(sealed.LIN, sealed.OTHER)
    door.lock()
    return settings


@pytest.fixture
def start(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], "Driver"]]:
    """Starts the program; a second start is a restart."""
    from mobile.ui.photo_desk import PhotoTools
    from tests.e2e.screen_driver import behind_a_door

    def tools(opened: Opened) -> PhotoTools:
        folder = left_behind(settings.photos)
        return PhotoTools(
            opened.vault,
            settings.photos,
            lambda: AndroidSource(folder),
            tuple,
            os.urandom,
            lambda: stage.MORNING_MS,
        )

    with ExitStack() as stack:

        def begin() -> "Driver":
            stack.close()
            return stack.enter_context(
                behind_a_door(settings, lambda: stage.MORNING_MS, photos=tools, language="zh")
            )

        yield begin


@pytest.fixture
def java(monkeypatch: pytest.MonkeyPatch) -> Java:
    return Java().install(monkeypatch)


def unlock(driver: "Driver", names: Any = sealed.CHEN, pin: str = sealed.PIN) -> None:
    """Somebody's PIN."""
    gate = driver.gate
    driver.until(lambda: not gate.busy and gate.holders)
    gate.pick(next(one for one in gate.holders if one.names.person == names.person))
    for digit in pin:
        gate.type(digit)
    gate.enter()
    driver.until(lambda: gate.step == "" and driver.session.shown is not None)


def to_the_item(driver: "Driver") -> None:
    driver.until(lambda: driver.session.shown.place.person)
    driver.shown(lambda: driver.session.go(inspection=stage.VISIT, item=ITEM, pane="item"))
    driver.settle()


def shoot(driver: "Driver", java: Java, brings: bytes | None) -> None:
    """The camera program is in front, so this one is paused; it brings something, and comes back."""
    from mobile.ui.photo_desk import Wanted

    before: list[tuple[Any, int]] = []
    java.answers["Activity.startActivityForResult"] = lambda intent, request: before.append((intent, request))
    desk = driver.session.photo_desk
    source = desk.camera()
    assert isinstance(source, AndroidSource)
    desk.take(driver.session.shown.visit, Wanted(ITEM), source, lambda _: None)
    driver.until(lambda: before)
    driver.app.on_pause()
    driver.until(lambda: driver.gate.step)
    driver.settle()
    assert driver.gate._door._vault is None, "the keys are forgotten"
    if brings is not None:
        source.path.write_bytes(brings)
    for back in list(java.results):
        back(AndroidSource.REQUEST, -1, None)
    wait(lambda: not java.results)
    driver.settle()


def wait(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def files(settings: Settings) -> list[Path]:
    return sorted(left_behind(settings.photos).glob("*"))


def drafts(driver: "Driver") -> list[Any]:
    """What waits for a colleague, as the store says."""
    found: list[Any] = []
    desk = driver.session._tools.desk
    driver.session._worker.call(lambda: (desk.drafts.of(stage.VISIT), desk.drafts.awaited()), found.append)
    driver.until(lambda: found)
    (standing, awaited) = found[0]
    return [*standing, *(one.path for one in awaited)]


def shot(start: Callable[[], "Driver"], java: Java) -> "Driver":
    """Somebody has unlocked, gone to the item and asked the camera program, which has left a picture."""
    driver = start()
    unlock(driver)
    to_the_item(driver)
    shoot(driver, java, scene())
    return driver


def test_a_picture_brought_to_a_locked_tablet_is_taken_in_when_somebody_unlocks(
    settings: Settings, start: Callable[[], "Driver"], java: Java
) -> None:
    """Whoever it is: it stays its taker's, of its item and its time; the readable file goes when it is safe."""
    driver = shot(start, java)
    assert len(files(settings)) == 1
    assert photos.held(settings.photos) == ()
    told: list[str] = []
    driver.session.bind(on_told=lambda _, text, icon: told.append(text))
    unlock(driver, sealed.LIN, sealed.OTHER)
    driver.until(lambda: not files(settings) and told)
    driver.settle()
    (draft,) = drafts(driver)
    assert (draft.item, draft.person, draft.at_ms) == (ITEM, stage.LEADER, stage.MORNING_MS)
    assert told == [f"锁定或中断前拍下的 {ITEM} 照片已加密存好，尚未附上"]
    assert photos.held(settings.photos) == (draft.sha256,)
    assert all(is_sealed(path) for path in settings.photos.iterdir())
    driver.gate.lock()
    driver.settle()
    unlock(driver)
    driver.settle()
    assert len(drafts(driver)) == 1, "taken in once"


def test_it_outlives_the_program_which_android_may_end_at_any_time(
    settings: Settings, start: Callable[[], "Driver"], java: Java
) -> None:
    """The camera program writes its file, and the program that asked for it is no more."""
    driver = shot(start, java)
    driver = start()
    assert len(files(settings)) == 1
    unlock(driver)
    driver.until(lambda: not files(settings))
    driver.settle()
    assert [one.item for one in drafts(driver)] == [ITEM]


def test_a_full_disk_keeps_the_file_for_the_next_time(
    settings: Settings, start: Callable[[], "Driver"], java: Java, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person is told, and the scene is past: the one copy there is stays. So it does when it is locked again."""
    driver = shot(start, java)
    told: list[str] = []
    driver.session.bind(on_told=lambda _, text, icon: told.append(text))
    take, problems = photos.take, iter(["disk_full", "tablet_locked"])

    def refuse(*given: Any) -> Any:
        code = next(problems, "")
        if code:
            raise Problem(code)
        return take(*given)

    monkeypatch.setattr(photos, "take", refuse)
    unlock(driver)
    driver.until(lambda: told)
    assert told == [Problem("disk_full").message("zh")]
    for left in (1, 1):
        assert len(files(settings)) == left
        driver.gate.lock()
        driver.settle()
        unlock(driver)
        driver.settle()
    driver.until(lambda: not files(settings))
    driver.settle()
    assert [one.item for one in drafts(driver)] == [ITEM]


@pytest.mark.parametrize("brought", [None, b"", b"\xff\xd8 no picture"])
def test_what_is_no_picture_leaves_nothing_behind(
    settings: Settings, start: Callable[[], "Driver"], java: Java, brought: bytes | None
) -> None:
    """The person went back without one, or it is damaged; nor does a file that nobody awaits stay."""
    driver = start()
    unlock(driver)
    to_the_item(driver)
    shoot(driver, java, brought)
    astray = left_behind(settings.photos) / "astray.jpg"
    astray.write_bytes(b"x")
    unlock(driver)
    driver.until(lambda: not files(settings))
    driver.settle()
    driver.until(lambda: drafts(driver) == [])
    assert photos.held(settings.photos) == ()


def test_where_nothing_is_locked_it_is_taken_in_at_once(
    settings: Settings, start: Callable[[], "Driver"], java: Java
) -> None:
    """As from any other camera: kept, told, and no file left."""
    driver = start()
    unlock(driver)
    to_the_item(driver)
    from mobile.ui.photo_desk import Wanted

    desk = driver.session.photo_desk
    source = desk.camera()

    def bring(_intent: object, request: int) -> None:
        source.path.write_bytes(scene())  # type: ignore[union-attr]
        for back in list(java.results):
            back(request, -1, None)

    java.answers["Activity.startActivityForResult"] = bring
    lines: list[Any] = []
    desk.take(driver.session.shown.visit, Wanted(ITEM), source, lines.append)  # type: ignore[arg-type]
    driver.until(lambda: lines and not files(settings))
    driver.settle()
    assert [one.item for one in drafts(driver)] == [ITEM]
