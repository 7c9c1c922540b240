"""Signing on glass: a pad that keeps the strokes as they are drawn, and a small picture of those that were kept.

A stroke is its points as (x, y, t): x and y in thousandths of the pad's width, y upwards from its lower edge,
t in milliseconds since the first touch. The strokes are the record; whatever is drawn or printed is made from them.
"""

from typing import Any

from kivy.graphics import Color, Line
from kivy.metrics import dp
from kivy.properties import BooleanProperty, ObjectProperty, StringProperty
from kivy.uix.widget import Widget

from mobile.ui.kit import load_rules
from mobile.ui.theme import theme

MILLI = 1000
STROKES_MAX = 200
POINTS_MAX = 3000
"""Some 40 kB, which leaves room for the rest of the operation; a long signature has 600."""
STEP_MILLI = 3
"""A point nearer than this to the one before says nothing new."""


class SignPad(Widget):
    """Where a finger or a stylus signs."""

    hint = StringProperty("")
    empty = BooleanProperty(True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.strokes: list[list[tuple[int, int, int]]] = []
        self._began: float | None = None
        self._touch: Any = None
        self._line: Any = None

    def clear(self) -> None:
        """Begins again."""
        self.strokes, self._began, self._touch, self.empty = [], None, None, True
        self.canvas.clear()

    def on_touch_down(self, touch: Any) -> bool:
        if self._touch is not None or not self.collide_point(*touch.pos):
            return bool(self.collide_point(*touch.pos))
        if len(self.strokes) >= STROKES_MAX or self._points() >= POINTS_MAX:
            return True
        touch.grab(self)
        self._touch = touch
        if self._began is None:
            self._began = touch.time_start
        self.strokes.append([])
        self.empty = False
        with self.canvas:
            Color(*theme.ink)
            self._line = Line(width=dp(1.4), cap="round", joint="round")
        self._add(touch)
        return True

    def on_touch_move(self, touch: Any) -> bool:
        if touch is self._touch:
            self._add(touch)
            return True
        return False

    def on_touch_up(self, touch: Any) -> bool:
        if touch is not self._touch:
            return False
        touch.ungrab(self)
        self._touch = None
        return True

    def _add(self, touch: Any) -> None:
        x = round((min(max(touch.x, self.x), self.right) - self.x) * MILLI / self.width)
        y = round((min(max(touch.y, self.y), self.top) - self.y) * MILLI / self.width)
        stroke = self.strokes[-1]
        if stroke and abs(x - stroke[-1][0]) < STEP_MILLI and abs(y - stroke[-1][1]) < STEP_MILLI:
            return
        if self._points() < POINTS_MAX:
            stroke.append((x, y, round((touch.time_update - (self._began or 0)) * MILLI)))
            self._line.points = [*self._line.points, touch.x, touch.y]

    def _points(self) -> int:
        return sum(map(len, self.strokes))


class Strokes(Widget):
    """Strokes as they were kept, as large as there is room."""

    strokes = ObjectProperty(())

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bind(pos=self._draw, size=self._draw, strokes=self._draw)
        theme.bind(palette=self._draw)

    def _draw(self, *_: object) -> None:
        self.canvas.clear()
        points = [point for stroke in self.strokes for point in stroke]
        if not points or self.width < 2:
            return
        left, low = min(one[0] for one in points), min(one[1] for one in points)
        wide = max(1, max(one[0] for one in points) - left)
        high = max(1, max(one[1] for one in points) - low)
        scale = min(self.width / wide, self.height / high)
        with self.canvas:
            Color(*theme.ink)
            for stroke in self.strokes:
                place = [
                    v for x, y, _ in stroke for v in (self.x + (x - left) * scale, self.y + (y - low) * scale)
                ]
                Line(points=place, width=dp(1), cap="round", joint="round")


load_rules(__file__)
