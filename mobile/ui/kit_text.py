"""Text and icons of the kit: a label that breaks Chinese rightly and is exactly as high as its lines."""

from functools import lru_cache
from typing import Any

from kivy.clock import Clock
from kivy.core.text import Label as CoreLabel
from kivy.properties import (
    BooleanProperty,
    ColorProperty,
    NumericProperty,
    ObjectProperty,
    OptionProperty,
    StringProperty,
)
from kivy.uix.label import Label
from kivy.uix.widget import Widget

from mobile.ui.icons import ICONS, glyph
from mobile.ui.theme import theme
from mobile.ui.wrap import wrap

HAN = range(0x3400, 0xA000)
STAMPS_MAX = 128
FREE_RIGHT = 1
"""So many px of a paragraph's width are left free at the right: Kivy measures a little short of what it draws."""


@lru_cache(maxsize=8)
def _ruler(font: str, size: float) -> CoreLabel:
    return CoreLabel(font_name=font, font_size=size)


@lru_cache(maxsize=20_000)
def width_of(text: str, font: str, size: float) -> float:
    """The width of a piece of text in px; Han characters come again and again, so each is measured once."""
    width: float = _ruler(font, size).get_extents(text)[0]
    return width


def room_of(text: str, font: str, size: float) -> float:
    """How wide a paragraph must be in px so that none of its words is torn."""
    return max((width_of(word, font, size) for word in text.split()), default=0) + FREE_RIGHT


@lru_cache(maxsize=4_000)
def broken(text: str, width: int, font: str, size: float, lines_max: int) -> str:
    """The text broken into lines for a width in px."""
    return wrap(text, width, lambda piece: width_of(piece, font, size), lines_max)


def font_for(text: str, strong: bool) -> str:
    """The font to draw it with: the heavier one has GB 2312 only, and names hold characters that it has not.

    Kivy's own `bold` is not used: it thickens the heavier font once more, and measures it without (2.3.1).
    """
    return "Strong" if strong and drawable(text) else "Sans"


def drawable(text: str) -> bool:
    """Whether the heavier font has every character."""
    return not any(ord(one) in HAN and not _in_gb2312(one) for one in text)


@lru_cache(maxsize=8_000)
def _in_gb2312(character: str) -> bool:
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def warm_fonts(*_: object) -> None:
    """Draws one character of markup in every font and size there is.

    Kivy keeps one font object for a file and a size. The first label with markup changes how that object measures,
    so what was measured before is drawn wider than its room, and the last figure is cut off (2.3.1).
    """
    for size in (theme.hint, theme.body, theme.item, theme.title, theme.score):
        for font in ("Sans", "Strong"):
            for one in (int(size), float(size)):
                Label(text="0", markup=True, font_name=font, font_size=one).texture_update()
    width_of.cache_clear()
    broken.cache_clear()
    _drawn.cache_clear()


@lru_cache(maxsize=STAMPS_MAX)
def _drawn(
    text: str, font: str, size: float, colour: tuple[float, ...], room: tuple[float | None, ...], flow: str
) -> Label:
    """These words as a picture. The label is kept with it: it draws them again where the window has lost it."""
    label = Label(
        text=text, font_name=font, font_size=size, color=colour, text_size=room, halign=flow, markup=True
    )
    label.texture_update()
    return label


class Stamp(Label):
    """Words with markup that many rows show alike, such as those of a quick control: drawn once for them all."""

    def texture_update(self, *_: object) -> None:
        if not self.text:
            self.texture, self.texture_size = None, (0, 0)
            return
        label = _drawn(
            self.text, self.font_name, self.font_size, tuple(self.color), tuple(self.text_size), self.halign
        )
        self.texture, self.texture_size = label.texture, label.texture_size


class Words(Label):
    """Words in one font, size and colour.

    Kivy's label watches forty properties of each label (2.3.1), of which ours change seven: half of all the objects of
    a screen, and a third of the time it takes to make one.
    """

    WATCHED = ("text", "font_name", "font_size", "color", "text_size", "halign", "line_height")
    PADDING = (0, 0, 1, 0)
    """A pixel at the right, because Kivy measures a little short of what it draws."""

    def __init__(self, **kwargs: object) -> None:
        self._trigger_texture = Clock.create_trigger(self.texture_update, -1)
        self._drawer: CoreLabel | None = None
        Widget.__init__(self, **kwargs)
        for name in self.WATCHED:
            self.fbind(name, self._trigger_texture)
        self._trigger_texture()

    def texture_update(self, *_: object) -> None:
        """Draws the words anew."""
        if not self.text:
            self.texture, self.texture_size = None, (0, 0)
            return
        # It is kept, because it draws them again where the window has lost them.
        self._drawer = CoreLabel(
            text=self.text, font_name=self.font_name, font_size=self.font_size, color=self.color,
            text_size=self.text_size, halign=self.halign, line_height=self.line_height, padding=self.PADDING,
        )  # fmt: skip
        self._drawer.refresh()
        self.texture = self._drawer.texture
        self.texture_size = self._drawer.texture.size

    def on_touch_down(self, touch: Any) -> bool:
        """There is nothing in words to be pressed."""
        return bool(Widget.on_touch_down(self, touch))


class Text(Words):
    """A paragraph. `content` is what it says, `text` the same broken into lines."""

    text: Any

    content = StringProperty("")
    tone = StringProperty("ink")
    type = StringProperty("body")
    strong = BooleanProperty(False)
    lines_max = NumericProperty(0)
    flow = OptionProperty("left", options=["left", "center", "right"])
    grow = BooleanProperty(True)
    """Whether its height follows its lines."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        for name in ("parent", "content", "width", "font_size", "font_name", "lines_max"):
            self.fbind(name, self._break)

    def _break(self, *_: object) -> None:
        # At once, not with the next round of layout: a paragraph's height decides where everything below it is,
        # and Kivy gives up after a number of rounds.
        if self.parent is None or self.width <= 1:
            return
        room = int(self.width) - FREE_RIGHT
        lines = broken(self.content, room, self.font_name, self.font_size, int(self.lines_max))
        if lines != self.text:
            self.text = lines
            self.texture_update()
            self._trigger_texture.cancel()


class Caption(Words):
    """One line that is never broken and as wide as its words, such as the label of a button."""

    strong = BooleanProperty(False)
    tint = ObjectProperty(None, allownone=True)


class Icon(Words):
    """One icon of the family."""

    PADDING = (0, 0, 0, 0)

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
