"""Makes the pictures of what is seen before a tablet is open: `python -m tests.e2e.door_screens [FOLDER [NAMES]]`.

Those of every screen in four looks, for the folder `all`; and without names the three of docs/screens.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from mobile.door import Door
from mobile.settings import Settings
from shared_schema.problems import Problem
from tests.e2e import tablet_stage as stage
from tests.e2e.picture_list import DOOR, touch, words_of
from tests.e2e.tablet_screens import DOCS, LANGUAGES, PALETTES, keep, keep_large
from tests.unit.mobile import sealed

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

WRONG = "000111"
LATE_MS = 3_600_000
"""A clock that has lost its battery: 1970-01-01 09:00 in China."""


class Tablet:
    """A tablet on which the leader and a member have a PIN, started as often as a picture needs."""

    def __init__(self, folder: Path, stack: ExitStack, language: str) -> None:
        self.settings = Settings(folder / "data", secrets=folder / "secrets", camera="a-camera")
        self.now_ms = stage.MORNING_MS
        self._stack, self._language = stack, language

    def enrol(self) -> None:
        """Enrolled, exchanged once, two PINs."""
        door = Door(self.settings, os.urandom, lambda: self.now_ms, sealed.QUICK)
        opened = door.open_unprotected()
        assert opened is not None
        stage.enrol(opened.store, "tab-1")
        for names, pin in ((sealed.CHEN, sealed.PIN), (sealed.LIN, sealed.OTHER)):
            door.give_pin(names, pin)
        door.lock()

    def start(self, person: str = "") -> "Driver":
        """A start of the program; the one before has ended."""
        from mobile.main import photo_tools
        from tests.e2e.screen_driver import behind_a_door

        self._stack.close()
        return self._stack.enter_context(
            behind_a_door(
                self.settings,
                lambda: self.now_ms,
                photos=lambda opened: photo_tools(opened, self.settings, lambda: self.now_ms),
                language=self._language,
                person=person,
            )
        )

    def unlocked(self) -> "Driver":
        """The leader at work."""
        driver = self.start(person="p-chen")
        enter(driver, sealed.PIN)
        driver.until(lambda: driver.session.shown is not None)
        return driver

    def break_store(self) -> None:
        """A disk that has gone bad under the store."""
        path = self.settings.store_path
        path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 8192)


def enter(driver: "Driver", pin: str, *, whole: bool = True) -> None:
    """A PIN on the pad, with the tick or without."""
    for digit in pin:
        driver.gate.type(digit)
    if whole:
        driver.gate.enter()
        driver.until(lambda: not driver.gate.busy)


def _start(tablet: Tablet) -> "Driver":
    shutil.rmtree(tablet.settings.folder, ignore_errors=True)
    driver = tablet.start()
    driver.app.screens["start"].enrol()
    return driver


def _names(tablet: Tablet) -> "Driver":
    return tablet.start()


def _pad(tablet: Tablet) -> "Driver":
    driver = tablet.start(person="p-chen")
    enter(driver, sealed.PIN[:3], whole=False)
    return driver


def _wrong(tablet: Tablet) -> "Driver":
    driver = tablet.start(person="p-chen")
    enter(driver, WRONG)
    return driver


def _wait(tablet: Tablet) -> "Driver":
    driver = tablet.start(person="p-lin")
    for _ in range(3):
        enter(driver, WRONG)
    driver.until(lambda: driver.gate.wait_seconds)
    return driver


def _first(tablet: Tablet) -> "Driver":
    driver = tablet.unlocked()
    driver.gate.ask("p-zhao")
    return driver


def _again(tablet: Tablet) -> "Driver":
    driver = _first(tablet)
    enter(driver, "445566")
    enter(driver, "4455", whole=False)
    return driver


def _clock(tablet: Tablet) -> "Driver":
    tablet.now_ms = LATE_MS
    return tablet.start()


def _menu(tablet: Tablet) -> "Driver":
    driver = tablet.unlocked()
    driver.root.ids.top.dispatch("on_menu")
    return driver


def _forgotten(tablet: Tablet) -> "Driver":
    driver = _menu(tablet)
    driver.settle()
    touch(driver, driver.pressable(words_of("unlock.forgotten")))
    return driver


def _damaged(tablet: Tablet) -> "Driver":
    driver = tablet.unlocked()
    driver.shown(lambda: driver.session.go(inspection=stage.VISIT))
    driver.session.do("open_visit", members=["p-chen", "p-lin"], task_letter_shown=True, recusal_asked=True)
    driver.until(lambda: driver.session.shown.visit.head.stage == "opened")
    driver = _found_broken(tablet)
    driver.gate.kept = driver.gate.kept._replace(at_ms=stage.MORNING_MS)
    return driver


def _lost(tablet: Tablet) -> "Driver":
    driver = _found_broken(tablet)
    driver.gate.kept = None
    return driver


def _found_broken(tablet: Tablet) -> "Driver":
    driver = tablet.start(person="p-chen")
    tablet.break_store()
    enter(driver, sealed.PIN)
    driver.until(lambda: driver.gate.step == "damaged")
    return driver


def _problem(tablet: Tablet) -> "Driver":
    driver = tablet.start()
    driver.gate._cannot(Problem("schema_too_new", theirs=9, ours=8))
    return driver


def _wiped(tablet: Tablet) -> "Driver":
    driver = tablet.unlocked()
    driver.gate.destroy("pin")
    driver.until(lambda: driver.gate.step == "wiped")
    return driver


def _stuck(tablet: Tablet) -> "Driver":
    path = tablet.settings.store_path
    path.with_name(path.name + "-stuck").mkdir()
    return _wiped(tablet)


def _revoked(tablet: Tablet) -> "Driver":
    driver = tablet.unlocked()
    driver.gate.destroy("revoked")
    driver.until(lambda: driver.gate.step == "wiped")
    return driver


WAYS: dict[str, Callable[[Tablet], "Driver"]] = {
    "start": _start,
    "unlock-names": _names,
    "unlock": _pad,
    "unlock-wrong": _wrong,
    "unlock-wait": _wait,
    "unlock-set": _first,
    "unlock-again": _again,
    "unlock-clock": _clock,
    "menu-pins": _menu,
    "forgotten": _forgotten,
    "damaged": _damaged,
    "damaged-none": _lost,
    "problem": _problem,
    "wiped": _wiped,
    "wiped-revoked": _revoked,
    "wiped-left": _stuck,
}
KEPT = {
    "tablet-unlock": ("unlock", "zh", "light"),
    "tablet-unlock-en": ("unlock-names", "en", "light"),
    "tablet-unlock-contrast": ("unlock-wait", "zh", "high_contrast"),
}
"""Which of them the documents show larger."""


def main() -> None:
    """Each in both languages; the palette is switched where one is."""
    os.environ.update(
        KIVY_NO_ARGS="1", KIVY_NO_FILELOG="1", KIVY_LOG_MODE="PYTHON", KIVY_HOME=tempfile.mkdtemp()
    )
    os.environ.update(KCFG_GRAPHICS_WIDTH="1280", KCFG_GRAPHICS_HEIGHT="800")
    os.environ.setdefault("SDL_VIDEODRIVER", "offscreen")
    out = Path(sys.argv[1]) if sys.argv[1:] else DOCS
    names = (
        [name for name in sys.argv[2].split(",") if name in DOOR]
        if sys.argv[2:] and sys.argv[2]
        else list(DOOR)
    )
    (out / "all").mkdir(parents=True, exist_ok=True)
    for name in names:
        for language in LANGUAGES:
            with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
                tablet = Tablet(Path(folder), stack, language)
                tablet.enrol()
                driver = WAYS[name](tablet)
                driver.draw_only_what_is_kept()
                _keep(driver, out, name, language)


def _keep(driver: "Driver", out: Path, name: str, language: str) -> None:
    from mobile.ui.theme import theme

    for palette in PALETTES:
        theme.palette = palette
        driver.rest()
        for kept, look in KEPT.items():
            if look == (name, language, palette):
                keep_large(driver, out / f"{kept}.png")
        keep(driver, out / "all", name, language, palette)
    theme.palette = "light"


if __name__ == "__main__":
    main()
