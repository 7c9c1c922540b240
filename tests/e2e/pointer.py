"""A real pointer and real keys on the screen of a bare Debian; each press waits until the screen looks as rehearsed."""

import struct
import time
from collections.abc import Iterable

from PIL import Image, ImageChops, ImageStat

from tests.e2e.bare_debian import DISPLAY, PATIENCE_SECONDS, Debian
from tests.e2e.rehearsal import Act, small

SCREEN = (1280, 800)
FRAMES = "tmp/Xvfb_screen0"
"""Where the X server keeps what it shows, for anybody to read."""
UNLIKE_MAX = 1.0
"""How far two pictures of one screen are apart on average, of 255: up to 0.7 was seen, for an address or a state that
differ; the next screen is 3 or more away."""
MOVING_MIN = 0.1
"""From this on a picture has changed since the last: a cursor that blinks, or a key that was pressed, is less."""
STILL_SECONDS = 0.3
"""A screen that has stood still for so long is laid out: what was touched before may still move from under the hand."""


class Pointer:
    """On one screen."""

    def __init__(self, debian: Debian) -> None:
        self._debian = debian

    def seen(self) -> Image.Image:
        """What is on the screen now."""
        content = (self._debian.root / FRAMES).read_bytes()
        # The header of a window dump, in big-endian words of four bytes.
        words = struct.unpack(">20I", content[:80])
        header, width, height, line, colours = words[0], words[4], words[5], words[12], words[19]
        at = header + colours * 12
        return Image.frombuffer("RGB", (width, height), content[at:], "raw", "BGRX", line, 1)

    def do(self, acts: Iterable[Act], typed: str | None = None) -> None:
        """Does again what was rehearsed; instead of the texts typed then, `typed`."""
        for act in acts:
            self.until_like(act)
            self.click(act.x, act.y)
            if act.text:
                self.replace_by(act.text if typed is None else typed)

    def until_like(self, act: Act) -> None:
        """Waits until the screen looks as it did before this act, and stands still."""
        end, wanted, before = time.monotonic() + PATIENCE_SECONDS, act.picture, small(self.seen())
        while True:
            time.sleep(STILL_SECONDS)
            now = small(self.seen())
            apart, moved = unlike(now, wanted), unlike(now, before)
            if apart <= UNLIKE_MAX and moved < MOVING_MIN:
                return
            at = f"{act.step} at {act.x}, {act.y}"
            assert time.monotonic() < end, f"the screen is {apart:.1f} from {at}, and {moved:.1f} from before"
            before = now

    def click(self, x: int, y: int) -> None:
        """Presses and releases the first button there."""
        self._debian.do("xdotool", "mousemove", str(x), str(y), "sleep", "0.05", "click", "1")

    def replace_by(self, text: str) -> None:
        """Types over all that stands in the field that was clicked."""
        self._debian.do(
            "xdotool", "sleep", "0.2", "key", "ctrl+a", "sleep", "0.1", "type", "--delay", "30", text
        )

    def in_pinyin(self, act: Act, keys: str) -> str:
        """What the field holds after these keys and a space, as the clipboard gives it back."""
        do = self._debian.do
        self.click(act.x, act.y)
        do("xdotool", "sleep", "0.3", "key", "ctrl+a", "sleep", "0.2", "key", "BackSpace")
        do("fcitx5-remote", "-s", "pinyin")
        do("fcitx5-remote", "-o")
        do("xdotool", "type", "--delay", "120", keys)
        do("xdotool", "sleep", "0.5", "key", "space", "sleep", "0.5")
        do("fcitx5-remote", "-c")
        do("xdotool", "key", "ctrl+a", "sleep", "0.2", "key", "ctrl+c", "sleep", "0.5")
        return do("sh", "-c", "xclip -selection clipboard -o || true")


def unlike(one: Image.Image, other: Image.Image) -> float:
    """How far two small pictures are apart, 0 to 255."""
    return float(ImageStat.Stat(ImageChops.difference(one, other)).mean[0])


def start_screen(system: Debian) -> None:
    """A screen of the size of the rehearsal's."""
    width, height = (str(one) for one in SCREEN)
    screen = system.start(
        "Xvfb", DISPLAY, "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp", "-fbdir", "/tmp"
    )
    system.until("xdotool", "getdisplaygeometry", says=f"{width} {height}")
    assert screen.poll() is None, system.log("Xvfb")
