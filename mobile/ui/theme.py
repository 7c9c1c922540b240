"""The tokens of `shared_schema.look` as live Kivy properties: change the palette and every widget follows."""

from collections.abc import Mapping
from pathlib import Path

from kivy.core.text import LabelBase
from kivy.event import EventDispatcher
from kivy.metrics import dp, sp
from kivy.properties import ColorProperty, NumericProperty, StringProperty
from kivy.utils import get_color_from_hex

from shared_schema.look import HIGH_CONTRAST, LIGHT, TYPE

FONTS = Path(__file__).parent / "fonts"
PALETTES: Mapping[str, Mapping[str, str]] = {"light": LIGHT, "high_contrast": HIGH_CONTRAST}
SCALES = (1.0, 1.15, 1.3)
"""The sizes of type a person can choose from; at the largest every row still shows two lines."""
LINE_HEIGHT = 0.94
"""Of the font's own line, which is 1.45 em high: two lines of item text fit a row of 56 dp."""


def register_fonts() -> None:
    """Makes the shipped fonts known: `Sans` and the heavier `Strong` for words, `Icons` for icons.

    Kivy's own font has no Han characters, so ours takes its name as well.
    """
    regular, strong = str(FONTS / "NotoSansSC-Regular.ttf"), str(FONTS / "NotoSansSC-SemiBold.ttf")
    for name, file in (("Sans", regular), ("Roboto", regular), ("Strong", strong)):
        LabelBase.register(name, file)
    LabelBase.register("Icons", str(FONTS / "MaterialSymbols-Rounded.ttf"))


class Theme(EventDispatcher):
    """Colours by their token's name, and type sizes; bound to from every kv rule."""

    palette = StringProperty("light")
    painted = NumericProperty(0)
    """Counts palettes: a rule that asks for a colour by name passes it, and so follows the palette."""
    scale = NumericProperty(1.0)

    canvas = ColorProperty()
    surface = ColorProperty()
    ink = ColorProperty()
    ink_2 = ColorProperty()
    ink_3 = ColorProperty()
    line = ColorProperty()
    line_strong = ColorProperty()
    accent = ColorProperty()
    accent_weak = ColorProperty()
    ok = ColorProperty()
    ok_weak = ColorProperty()
    warn = ColorProperty()
    warn_weak = ColorProperty()
    bad = ColorProperty()
    bad_weak = ColorProperty()
    dispute = ColorProperty()
    dispute_weak = ColorProperty()
    muted = ColorProperty()
    accent_ink = ColorProperty()
    """The token `on_accent`: Kivy would take that name for the handler of `accent`."""

    track = ColorProperty()
    """The part of a progress bar that is not done."""

    hint = NumericProperty()
    body = NumericProperty()
    item = NumericProperty()
    title = NumericProperty()
    score = NumericProperty()

    row = NumericProperty(1.0)
    """What rows of several lines are higher by, so that larger type has room in them."""

    radius = NumericProperty()
    hairline = NumericProperty(1)

    def __init__(self) -> None:
        super().__init__()
        self.on_palette()
        self.on_scale()
        self.radius = dp(6)
        self.hairline = max(1, round(dp(1)))

    def on_palette(self, *_: object) -> None:
        for name, colour in PALETTES[self.palette].items():
            setattr(self, "accent_ink" if name == "on_accent" else name, get_color_from_hex(colour))
        # High contrast draws hairlines black, and what is not done yet must not look done.
        self.track = self.line if self.palette == "light" else self.accent_weak
        self.painted += 1

    def on_scale(self, *_: object) -> None:
        for name, size in TYPE.items():
            setattr(self, name, round(sp(size) * self.scale))
        self.row = max(1.0, self.scale)

    def tone(self, name: str, *_: object) -> list[float]:
        """The colour of that name: a state (ok, warn, bad, dispute, muted), an ink, the accent."""
        return list(getattr(self, name))

    def size(self, name: str, *_: object) -> float:
        """The type size of that name: hint, body, item, title, score."""
        return float(getattr(self, name))

    def weak(self, name: str, *_: object) -> list[float]:
        """The quiet background that goes with a state's colour."""
        return list(getattr(self, "canvas" if name in ("muted", "ink_2") else f"{name}_weak"))


theme = Theme()
