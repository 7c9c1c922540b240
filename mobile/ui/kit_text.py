"""Text and icons of the kit: a label that breaks Chinese rightly and is exactly as high as its lines."""

from functools import lru_cache

from kivy.clock import Clock
from kivy.core.text import Label as CoreLabel
from kivy.properties import (
    BooleanProperty,
    ColorProperty,
    NumericProperty,
    OptionProperty,
    StringProperty,
)
from kivy.uix.label import Label

from mobile.ui.icons import ICONS, glyph
from mobile.ui.theme import theme
from mobile.ui.wrap import wrap


@lru_cache(maxsize=8)
def _ruler(bold: bool, size: float) -> CoreLabel:
    return CoreLabel(font_name="Sans", font_size=size, bold=bold)


@lru_cache(maxsize=20_000)
def width_of(text: str, bold: bool, size: float) -> float:
    """The width of a piece of text in px; Han characters come again and again, so each is measured once."""
    width: float = _ruler(bold, size).get_extents(text)[0]
    return width


@lru_cache(maxsize=4_000)
def broken(text: str, width: int, bold: bool, size: float, lines_max: int) -> str:
    """The text broken into lines for a width in px."""
    return wrap(text, width, lambda piece: width_of(piece, bold, size), lines_max)


def drawable(text: str) -> bool:
    """Whether the heavier font can draw it: it has GB 2312 only, and names hold characters that have not."""
    return not any("㐀" <= character <= "鿿" and not _in_gb2312(character) for character in text)


@lru_cache(maxsize=8_000)
def _in_gb2312(character: str) -> bool:
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


class Text(Label):
    """A paragraph. `content` is what it says, `text` the same broken into lines."""

    content = StringProperty("")
    strong = BooleanProperty(False)
    lines_max = NumericProperty(0)
    flow = OptionProperty("left", options=["left", "center", "right"])
    grow = BooleanProperty(True)
    """Whether its height follows its lines."""

    def __init__(self, **kwargs: object) -> None:
        self._rebreak = Clock.create_trigger(self._break, -1)
        super().__init__(**kwargs)
        for name in ("content", "width", "font_size", "bold", "lines_max"):
            self.fbind(name, self._rebreak)
        self._rebreak()

    def _break(self, *_: object) -> None:
        if self.width > 1:
            self.text = broken(self.content, int(self.width), self.bold, self.font_size, int(self.lines_max))


class Caption(Label):
    """One line that is never broken and as wide as its words, such as the label of a button."""

    strong = BooleanProperty(False)


class Icon(Label):
    """One icon of the family."""

    name = StringProperty("")
    tint = ColorProperty()
    size_dp = NumericProperty(24)

    def __init__(self, **kwargs: object) -> None:
        self.tint = theme.ink_2
        super().__init__(**kwargs)
        self.fbind("name", self._draw)
        self._draw()

    def _draw(self, *_: object) -> None:
        self.text = glyph(self.name) if self.name in ICONS else ""
