"""A picture that can be moved and enlarged, and drawn on: what a finger draws is a mark, not yet a pixel."""

from collections.abc import Callable
from math import hypot
from typing import Any

from kivy.core.text import Label as CoreLabel
from kivy.graphics import Color, Line, Rectangle, Triangle
from kivy.properties import BooleanProperty, NumericProperty, ObjectProperty, StringProperty
from kivy.uix.stencilview import StencilView
from kivy.utils import get_color_from_hex

from mobile.photo_marks import (
    HALO,
    HEAD_OF_LINE,
    INK,
    LINE_OF_SIDE,
    SOLID,
    WHOLE,
    WORDS_OF_SIDE,
    Arrow,
    Box,
    Cover,
    Mark,
    Marks,
    Words,
    arrow_head,
)
from mobile.ui.photo_desk import Picture
from mobile.ui.thumbnails import texture_of

ZOOM_MAX = 8.0
STEP = 1.5
LEAST = WHOLE // 100
"""A drag shorter than this was a tap."""
SHAPES: dict[str, Callable[[int, int, int, int], Mark]] = {"arrow": Arrow, "box": Box, "cover": Cover}


class PictureArea(StencilView):
    """One picture: whole at first, enlarged by two fingers, the wheel or a double tap."""

    zoom = NumericProperty(1.0)
    tool = StringProperty("")
    """What one finger does: arrow, box, cover, words; "" moves the picture."""
    marks = ObjectProperty(())
    loading = BooleanProperty(True)
    still = BooleanProperty(False)
    """Only looked at: no finger moves or enlarges it."""
    __events__ = ("on_marked", "on_words")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._texture: Any = None
        self._body = 0
        self._middle = (0.5, 0.5)
        self._drawing: Mark | None = None
        self._fingers: list[Any] = []
        for name in ("pos", "size", "zoom", "marks"):
            self.fbind(name, self._draw)

    def show(self, picture: Picture | None, strip_pixels: int = 0) -> None:
        """Shows a picture; marks are placed on all of it but the strip at its lower edge."""
        self.loading = False
        self._texture = None if picture is None else texture_of(picture)
        self._body = 0 if picture is None else picture.height - strip_pixels
        self.fit()

    def release(self) -> None:
        """The picture is not shown any more: its millions of pixels do not wait for the garbage."""
        self._texture = None
        self.canvas.clear()

    def fit(self) -> None:
        """The whole picture."""
        self._middle, self.zoom = (0.5, 0.5), 1.0
        self._draw()

    def enlarge(self, factor: float, at: tuple[float, float] | None = None) -> None:
        """Enlarges or shrinks; what is at a point of the window stays there."""
        zoom = min(ZOOM_MAX, max(1.0, self.zoom * factor))
        if self._texture is None or zoom == self.zoom:
            return
        x, y = at or self.center
        across, up = self._fraction(x, y)
        scale = self._scale() / self.zoom * zoom
        self._middle = (
            across - (x - self.center_x) / (self._texture.width * scale),
            up - (y - self.center_y) / (self._texture.height * scale),
        )
        self.zoom = zoom
        self._hold()

    # --- where things are ------------------------------------------------------------------------------

    def _scale(self) -> float:
        """Pixels of the screen for each pixel of the picture."""
        fit = min(self.width / self._texture.width, self.height / self._texture.height)
        return float(fit * self.zoom)

    def _corner(self) -> tuple[float, float]:
        """Where the picture's lower left corner is on the screen."""
        scale = self._scale()
        return (
            self.center_x - self._middle[0] * self._texture.width * scale,
            self.center_y - self._middle[1] * self._texture.height * scale,
        )

    def _fraction(self, x: float, y: float) -> tuple[float, float]:
        """How far across and up the picture a point of the screen is."""
        left, low = self._corner()
        scale = self._scale()
        return (x - left) / (self._texture.width * scale), (y - low) / (self._texture.height * scale)

    def place(self, x: float, y: float) -> tuple[int, int]:
        """A point of the screen as marks give it, on the picture."""
        across, up = self._fraction(x, y)
        down = (1 - up) * self._texture.height / self._body
        return round(min(max(across, 0), 1) * WHOLE), round(min(max(down, 0), 1) * WHOLE)

    def spot(self, x: int, y: int) -> tuple[float, float]:
        """A place of a mark as a point of the screen."""
        left, low = self._corner()
        scale = self._scale()
        return (
            left + x / WHOLE * self._texture.width * scale,
            low + (self._texture.height - y / WHOLE * self._body) * scale,
        )

    def _hold(self) -> None:
        """The picture is not moved further than its edges."""
        scale = self._scale()
        held = []
        for middle, room, whole in (
            (self._middle[0], self.width, self._texture.width * scale),
            (self._middle[1], self.height, self._texture.height * scale),
        ):
            margin = min(0.5, room / whole / 2)
            held.append(min(max(middle, margin), 1 - margin))
        self._middle = (held[0], held[1])
        self._draw()

    # --- fingers ---------------------------------------------------------------------------------------

    def on_touch_down(self, touch: Any) -> bool:
        if self._texture is None or self.still or not self.collide_point(*touch.pos):
            return False
        if touch.is_mouse_scrolling:
            self.enlarge(STEP if touch.button == "scrolldown" else 1 / STEP, touch.pos)
            return True
        touch.grab(self)
        self._fingers.append(touch)
        if len(self._fingers) > 1:
            self._drawing = None  # the second finger means to enlarge
            self._draw()
        elif touch.is_double_tap and not self.tool:
            self.enlarge(1 / ZOOM_MAX if self.zoom > 1 else STEP * STEP, touch.pos)
        return True

    def on_touch_move(self, touch: Any) -> bool:
        if touch not in self._fingers:
            return False
        if touch.grab_current is not self:
            return True  # it comes once more, as a touch that was grabbed; moved twice it would run ahead of the finger
        if len(self._fingers) > 1:
            self._pinch(touch)
        elif self.tool in SHAPES:
            start = self.place(touch.ox, touch.oy)
            self._drawing = SHAPES[self.tool](*start, *self.place(*touch.pos))
            self._draw()
        elif not self.tool:
            scale = self._scale()
            self._middle = (
                self._middle[0] - touch.dx / (self._texture.width * scale),
                self._middle[1] - touch.dy / (self._texture.height * scale),
            )
            self._hold()
        return True

    def _pinch(self, touch: Any) -> None:
        other = next(one for one in self._fingers if one is not touch)
        before = hypot(touch.px - other.x, touch.py - other.y)
        after = hypot(touch.x - other.x, touch.y - other.y)
        if before > 1:
            self.enlarge(after / before, ((touch.x + other.x) / 2, (touch.y + other.y) / 2))

    def on_touch_up(self, touch: Any) -> bool:
        if touch not in self._fingers:
            return False
        if touch.grab_current is not self:
            return True
        touch.ungrab(self)
        self._fingers.remove(touch)
        mark, self._drawing = self._drawing, None
        if mark is not None and not isinstance(mark, Words):
            if max(abs(mark.to_x - mark.x), abs(mark.to_y - mark.y)) >= LEAST:
                self.dispatch("on_marked", mark)
            self._draw()
        elif self.tool == "words" and not self._fingers:
            self.dispatch("on_words", *self.place(*touch.pos))
        return True

    # --- drawing ---------------------------------------------------------------------------------------

    def _draw(self, *_: object) -> None:
        self.canvas.clear()
        if self._texture is None or self.width < 2 or self.height < 2:
            return
        scale = self._scale()
        size = (self._texture.width * scale, self._texture.height * scale)
        with self.canvas:
            Color(1, 1, 1, 1)
            Rectangle(texture=self._texture, pos=self._corner(), size=size)
            drawn: Marks = self.marks if self._drawing is None else (*self.marks, self._drawing)
            for mark in drawn:
                self._draw_mark(mark, max(self._texture.width, self._body) * scale)

    def _draw_mark(self, mark: Mark, side: float) -> None:
        start = self.spot(mark.x, mark.y)
        if isinstance(mark, Words):
            _draw_words(mark.text, start, side / WORDS_OF_SIDE)
            return
        end = self.spot(mark.to_x, mark.to_y)
        thick = max(2.0, side / LINE_OF_SIDE)
        left, low = min(start[0], end[0]), min(start[1], end[1])
        frame = (left, low, abs(end[0] - start[0]), abs(end[1] - start[1]))
        if isinstance(mark, Cover):
            Color(*get_color_from_hex(SOLID))
            Rectangle(pos=frame[:2], size=frame[2:])
            return
        for colour, edge in ((HALO, 1.5), (INK, 0)):
            Color(*get_color_from_hex(colour))
            wide = thick / 2 + edge  # Kivy measures a line from its middle
            if isinstance(mark, Box):
                Line(rectangle=frame, width=wide)
                continue
            Line(points=[*start, *end], width=wide, cap="none")
            head = arrow_head(start, end, thick * HEAD_OF_LINE, edge)
            Triangle(points=[value for corner in head for value in corner])

    def on_marked(self, mark: Mark) -> None:
        """Something was drawn."""

    def on_words(self, x: int, y: int) -> None:
        """Words shall stand here."""


def _draw_words(text: str, corner: tuple[float, float], size: float) -> None:
    label = CoreLabel(text=text, font_name="Sans", font_size=max(8, size), color=get_color_from_hex(INK))
    label.refresh()
    wide, high = label.texture.size
    edge = size * 0.3
    place = (corner[0] - edge, corner[1] - high - edge)
    Color(*get_color_from_hex(HALO))
    Rectangle(pos=place, size=(wide + 2 * edge, high + 2 * edge))
    Color(*get_color_from_hex(INK))
    Line(rectangle=(*place, wide + 2 * edge, high + 2 * edge), width=1)
    Color(1, 1, 1, 1)
    Rectangle(texture=label.texture, pos=(corner[0], corner[1] - high), size=label.texture.size)
