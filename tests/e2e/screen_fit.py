"""Looks whether every screen and sheet fits the tablet: `python -m tests.e2e.screen_fit [--size 1024x600]`.

Every word is drawn whole, and everything to press is at least 48 dp high and wide and inside the window. Those that
`picture_list` names are looked at, in a process for each window, because Kivy takes size and density when it is
imported. Prints a JSON list of finds; without arguments, of every window and look there is.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mobile.ui.wrap import ELLIPSIS
from tests.e2e.picture_list import DOOR, PICTURES

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

WINDOWS = (
    ("1024x600", "1"),
    ("600x1024", "1"),
    ("800x1280", "1"),
    ("800x1280", "1.5"),
    ("1280x800", "1"),
    ("1280x800", "1.5"),
    ("1920x1200", "1"),
    ("1920x1200", "1.5"),
    ("1920x1200", "2"),
    ("1200x1920", "2"),
)
"""Size in px and density: 7 to 13 inches, held either way."""
LOOKS = ("zh-1.0", "zh-1.3", "en-1.0", "en-1.3")
"""Language and scale of the type."""
TARGET_DP = 48
LEADING = 0.22
"""How much of its size a line of type may reach over: so much of its height above and below is empty."""
WORD = re.compile(r"[A-Za-z]+")


class Find(NamedTuple):
    """Something that does not fit: on which screen, what is wrong, the widget, what it says, by how many px."""

    screen: str
    wrong: str
    widget: str
    words: str
    px: float


class Box(NamedTuple):
    """A rectangle of the window in px."""

    left: float
    low: float
    right: float
    top: float

    def over(self, holder: "Box") -> tuple[float, float]:
        """How far it reaches over the holder, across and upright."""
        across = max(holder.left - self.left, self.right - holder.right)
        return across, max(holder.low - self.low, self.top - holder.top)


class Around(NamedTuple):
    """What a widget stands in: its holder, the window or what scrolls, and which ways that can be scrolled."""

    holder: Box
    sight: Box
    across: bool = False
    upright: bool = False


def misfits(driver: "Driver") -> Iterator[tuple[str, Any, float]]:
    """What is wrong on the sheet that is open, or else on the screen: what, the widget, by how many px."""
    from kivy.core.window import Window

    window = Box(0, 0, *Window.size)
    yield from _within(driver.root.sheet or driver.root, Around(window, window))


def _within(widget: Any, around: Around) -> Iterator[tuple[str, Any, float]]:
    from kivy.uix.label import Label
    from kivy.uix.scrollview import ScrollView

    if not widget.opacity or getattr(widget, "hidden", False):
        return
    box = _box(widget, widget.width, widget.height)
    if hasattr(widget, "on_release") and widget.width > 1:
        yield from _pressed(widget, box, around)
    if isinstance(widget, Label) and widget.font_name != "Icons":
        yield from _read(widget, box, around)
    inside = around._replace(holder=box)
    if isinstance(widget, ScrollView):
        inside = Around(box, box, bool(widget.do_scroll_x), bool(widget.do_scroll_y))
    for child in reversed(widget.children):
        yield from _within(child, inside)


def _box(widget: Any, wide: float, high: float) -> Box:
    left, low = widget.to_window(widget.center_x - wide / 2, widget.center_y - high / 2)
    return Box(left, low, left + wide, low + high)


def _pressed(widget: Any, box: Box, around: Around) -> Iterator[tuple[str, Any, float]]:
    from kivy.metrics import dp

    # What is a pixel short by rounding is large enough.
    if (short := dp(TARGET_DP) - min(box.right - box.left, box.top - box.low)) >= 1:
        yield "small", widget, short
    across, upright = box.over(around.sight)
    over = max(0 if around.across else across, 0 if around.upright else upright)
    if over > 1:
        yield "beside", widget, over
    elif not around.across and (over := box.over(around.holder)[0]) > 1:
        yield "over", widget, over


def _read(widget: Any, box: Box, around: Around) -> Iterator[tuple[str, Any, float]]:
    words = getattr(widget, "content", "") or widget.text
    if not words:
        return
    wide, high = widget.texture_size
    if widget.width <= 1 or (not wide and hasattr(widget, "content")):
        if hasattr(widget, "content"):
            yield "no room", widget, wide
        return
    ink = _box(widget, wide, high)
    if getattr(widget, "flow", "center") != "center":
        ink = ink._replace(left=box.left, right=box.left + wide)
    across, upright = ink.over(around.holder)
    across = max(across, wide - widget.width)
    sight = ink.over(around.sight)
    if not around.across:
        across = max(across, sight[0])
    if not around.upright:
        upright = max(upright, sight[1])
    if across > 1:
        yield "cut", widget, across
    elif upright > widget.font_size * LEADING:
        yield "cut above", widget, upright
    elif hasattr(widget, "content") and _torn(widget.content, widget.text):
        yield "torn", widget, 0


def _torn(content: str, text: str) -> bool:
    """Whether a word is broken within; what an ellipsis stands for is meant to be left out."""
    *whole, last = WORD.findall(text) or [""]
    return not {*whole, *((last,) if not text.endswith(ELLIPSIS) else ())} <= {*WORD.findall(content), ""}


def look(driver: "Driver", screen: str) -> Iterator[Find]:
    """What does not fit on the screen that is shown."""
    for wrong, widget, px in misfits(driver):
        words = str(getattr(widget, "content", "") or getattr(widget, "text", ""))
        yield Find(screen, wrong, type(widget).__name__, words, round(px, 1))


def at_work(looks: Sequence[str], names: Sequence[str]) -> Iterator[Find]:
    """What a squad at work sees."""
    from tests.e2e import tablet_screens as screens

    with screens.at_work(every=True) as driver:
        for one in looks:
            _look_like(driver, one)
            for name in names:
                if name in PICTURES:
                    try:
                        screens.go(driver, name)
                    except (AssertionError, StopIteration, AttributeError) as err:
                        yield Find(f"{name}-{one}", "not reached", "", str(err), 0)
                    else:
                        yield from look(driver, f"{name}-{one}")


def at_the_door(looks: Sequence[str], names: Sequence[str]) -> Iterator[Find]:
    """What is seen before the tablet is open."""
    from tests.e2e import door_screens as door

    for name in names:
        if name in DOOR:
            with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
                tablet = door.Tablet(Path(folder), stack, looks[0].split("-")[0])
                tablet.enrol()
                driver = door.WAYS[name](tablet)
                for one in looks:
                    _look_like(driver, one)
                    yield from look(driver, f"{name}-{one}")


def _look_like(driver: "Driver", one: str) -> None:
    language, scale = one.split("-")
    driver.session.speak(language)
    driver.session.enlarge(float(scale))
    driver.rest()


def main() -> None:
    """Prints what does not fit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--size", default="", help="of the window in px, as 1024x600; without it: all there are"
    )
    parser.add_argument("--density", default="1", help="px of a dp")
    parser.add_argument("--looks", default=",".join(LOOKS), help="languages and scales of the type")
    parser.add_argument("--only", default="", help="the names of some screens, with commas")
    asked = parser.parse_args()
    if not asked.size:
        for size, density in WINDOWS:
            command = [*sys.argv[1:], "--size", size, "--density", density]
            print(size, density, flush=True)
            subprocess.run([sys.executable, "-m", "tests.e2e.screen_fit", *command], check=True)
        return
    from tests.e2e.tablet_screens import window

    window(asked.size)
    os.environ["KIVY_METRICS_DENSITY"] = asked.density
    os.environ.setdefault("KIVY_GL_BACKEND", "mock")
    names = asked.only.split(",") if asked.only else [*PICTURES, *DOOR]
    looks = asked.looks.split(",")
    found = [*at_work(looks, names), *at_the_door(looks, names)]
    print(json.dumps(found, ensure_ascii=False))


if __name__ == "__main__":
    main()
