"""The tablet's program and a hand on it, in a process of its own: `python -m tests.e2e.hand_program`.

It is put together as `hucha-tablet` is, set up by the environment, behind its door. Reads one call a line from standard
input (a JSON list: name, arguments), does it by touches on the real app, and answers with one line, a `Said`. What is
on the disk when a line is written was there before it was written; the process may be killed at any moment.
"""

import os
import sys
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

CLOCK_MS = 1_795_222_800_000


class Said(msgspec.Struct):
    """Where the person is, what is on the disk, and what a call gave."""

    place: dict[str, str]
    screen: str
    seq: int = 0
    """Number of the last operation."""
    kept: dict[str, str] = {}
    """What was half typed, and where lists stood."""
    typed: dict[str, str] = {}
    """The same as the program has it: what is not written yet too."""
    scrolled: float | None = None
    """Where the list of items stands on the screen."""
    photos: int = 0
    """Pictures that wait for a colleague, each of them whole."""
    given: Any = None


def main() -> None:
    """Runs the app until standard input ends."""
    from mobile.main import assembled, before_kivy
    from mobile.settings import from_environment

    settings = from_environment(os.environ)
    os.environ.update(KIVY_GL_BACKEND="mock")
    os.environ.setdefault("SDL_VIDEODRIVER", "offscreen")
    before_kivy(settings)
    from mobile.ui.tools import Begin
    from tests.e2e.hand import Hand
    from tests.e2e.screen_driver import Driver

    with assembled(settings, Begin(language="zh"), lambda: CLOCK_MS) as app:
        driver = Driver(app)
        hand = Hand(driver)
        driver.until(lambda: driver.gate.step or driver.session.shown is not None)
        driver.settle()
        _say(driver, None)
        for line in sys.stdin:
            name, *arguments = msgspec.json.decode(line)
            given = getattr(hand, name)(*arguments)
            _say(driver, given)


def _say(driver: "Driver", given: object) -> None:
    """Asked after everything that was to be written."""
    from mobile import photos
    from mobile.ui.memory import memory
    from mobile.ui.session import MEMORY

    session, tools = driver.session, driver.session.tools
    said = Said(
        session.place._asdict(), "locked" if session.shown is None else session.shown.screen, given=given
    )

    def look() -> None:
        assert tools is not None
        store = tools.store
        said.seq = store.head().seq if store.identity() is not None else 0
        said.kept = msgspec.json.decode(store.setting(MEMORY, "{}"), type=dict[str, str])
        drafts = tools.desk.drafts.of(session.place.inspection) if session.place.inspection else ()
        held = tools.photos
        assert held is not None
        said.photos = sum(photos.fetch(one.sha256, held.folder, held.vault) is not None for one in drafts)

    if said.screen == "visit":
        said.scrolled = driver.app.visit.items.ids.rows.scroll_y
    if tools is not None:
        session._worker.ask(look).result(60)
        said.typed = dict(memory._kept)
    sys.stdout.write(msgspec.json.encode(said).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
