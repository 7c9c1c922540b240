"""A visit rehearsed on the same screens drawn here, in a window of 1280x800: where a real pointer and real keys go.

`python -m tests.e2e.rehearsal URL CODE PERSON PIN VISIT` enrols a tablet of its own there and prints an `Act` a line.
"""

import io
import os
import subprocess
import sys
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from PIL import Image

from tests.e2e.marks import DRAWN

if TYPE_CHECKING:
    from tests.e2e.hand import Hand

ROOT = Path(__file__).resolve().parents[2]
ITEM, NOTE = "A06", "灭火器"
SMALL = (160, 100)
"""A picture this small looks the same whatever library has drawn it, and another screen looks different."""
SNACKBARS = (0, 83, 160, 93)
"""Where one comes and goes by itself, in px of a small picture: whether it is still there says how fast somebody is."""


class Act(NamedTuple):
    """One touch, or one text typed, of a rehearsal."""

    step: str
    x: int
    y: int
    """Where, in px from the window's upper left."""
    text: str
    """What is typed there, "" for a touch alone."""
    before: str
    """A small picture of the screen just before, grey, as PNG in base 64."""

    @property
    def picture(self) -> Image.Image:
        """What the screen must look like before this is done."""
        return Image.open(io.BytesIO(b64decode(self.before)))


def small(picture: Image.Image) -> Image.Image:
    """Small, grey, and without snackbars, to be compared."""
    made = picture.convert("L").resize(SMALL, Image.Resampling.BOX)
    made.paste(0, SNACKBARS)
    return made


def rehearse(*asked: str) -> dict[str, list[Act]]:
    """By step what is done in it, at this address with this code, by this person with this PIN, in this visit."""
    said = subprocess.run(
        [sys.executable, "-m", "tests.e2e.rehearsal", *asked],
        cwd=ROOT, check=True, capture_output=True, text=True, env=os.environ | DRAWN,
    ).stdout  # fmt: skip
    done: dict[str, list[Act]] = {}
    for line in said.splitlines():
        act = msgspec.json.decode(line, type=Act)
        done.setdefault(act.step, []).append(act)
    return done


def steps(hand: "Hand", url: str, code: str, person: str, pin: str, visit: str) -> Iterator[str]:
    """Does it all, and says before each step what it is."""
    yield "enrol"
    hand.enrol(url, code)
    yield "sign_up"
    hand.sign_up(person, pin)
    yield "visit"
    hand.enter(visit)
    hand.open_visit("成员2", "成员3")
    hand.answer(ITEM, 0.25)
    hand.item(ITEM)
    yield "note"
    hand.note(NOTE)
    yield "noted"
    hand.item(ITEM)
    hand.driver.gate.lock()
    hand.driver.gate.cancel()
    yield "unlock"
    hand.unlock(person, pin)


def main() -> None:
    """Rehearses, and prints what was done."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"HUCHA_TABLET_DATA": f"{folder}/data", "HUCHA_TABLET_SECRETS": f"{folder}/secrets"}
        from mobile.main import assembled, before_kivy
        from mobile.settings import from_environment

        settings = from_environment(os.environ)
        before_kivy(settings)
        from mobile.ui.tools import Begin

        with assembled(settings, Begin(language="zh")) as app:
            _rehearse(app, *sys.argv[1:])


def _rehearse(app: Any, *asked: str) -> None:
    from kivy.core.window import Window

    from tests.e2e.hand import Hand
    from tests.e2e.screen_driver import Driver

    class Noted(Driver):
        """Notes where it touches, what it types and what it saw. It does not scroll: a pointer would have to drag."""

        step = ""

        def note(self, x: float, y: float, text: str = "") -> None:
            out = io.BytesIO()
            small(self.seen()).save(out, "PNG")
            before = b64encode(out.getvalue()).decode()
            act = Act(self.step, round(x), round(Window.height - y), text, before)
            sys.stdout.write(msgspec.json.encode(act).decode() + "\n")

        def tap_at(self, x: float, y: float) -> None:
            self.note(x, y)
            super().tap_at(x, y)

        def type_into(self, field: Any, text: str) -> None:
            x, y = field.ids.entry.to_window(*field.ids.entry.center)
            self.note(x, y, text)
            super().type_into(field, text)

        def scroll_to(self, widget: Any) -> None:
            y = widget.to_window(0, widget.center_y)[1]
            assert self.root.ids.bottom.top < y < self.root.ids.top.y, f"{widget} is not on the screen"

    driver = Noted(app)
    driver.until(lambda: driver.gate.step or driver.session.shown is not None)
    driver.settle()
    for step in steps(Hand(driver), *asked):
        driver.step = step


if __name__ == "__main__":
    main()
