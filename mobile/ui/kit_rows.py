"""Rows of a RecycleView, changed in place: what is not different is not touched.

`refresh_from_data` costs 50 to 160 ms and shuffles the views; a tap changes one row. A view that has
been scrolled away is kept by Kivy under its index and comes back *without* being filled again, so it
is brought up to date here too.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from kivy.effects.dampedscroll import DampedScrollEffect
from kivy.uix.recycleboxlayout import RecycleBoxLayout
from kivy.uix.recycleview import RecycleView


class Resting(DampedScrollEffect):
    """Pulled past an end, what scrolls swings back to that end and rests there.

    Kivy's own (2.3) swings on, back into the list, and stays where that ends: of a list a little longer than the
    screen the last row was never seen whole.
    """

    def update_velocity(self, dt: float) -> None:
        pulled = self.overscroll
        super().update_velocity(dt)
        if pulled and not self.is_manual and pulled * self.overscroll <= 0:
            self.velocity = 0
            low, high = sorted((self.min, self.max))
            self.value = low if pulled < 0 else high


class Rows(RecycleView):
    """A list of rows of one height; those that come next at either end are filled before they come into sight."""

    AHEAD = 1.5
    """So many rows at either end: a flick takes four frames to bring them into sight."""

    def get_viewport(self) -> tuple[float, float, float, float]:
        left, low, width, height = super().get_viewport()
        ahead = self.AHEAD * self.layout_manager.default_size[1]
        return left, low - ahead, width, height + 2 * ahead

    def in_sight(self, index: int) -> bool:
        """Whether any part of this row is to be seen."""
        _, low, _, height = super().get_viewport()
        place = self.layout_manager.view_opts[index]
        foot: float = place["pos"][1]
        return low < foot + place["size"][1] and foot < low + height


def rows_ahead(viewclass: str, count: int) -> Iterator[None]:
    """Makes so many rows of a class, one with each step.

    What a list no longer shows Kivy keeps for all lists (2.3); so one that is never shown makes them and lets them go.
    """
    high = 10
    layout = RecycleBoxLayout(default_size=(None, high), default_size_hint=(1, None), size_hint_y=None)
    layout.orientation, layout.height = "vertical", high * count
    view = Rows(size=(high, high * count))
    view.add_widget(layout)
    view.viewclass = viewclass
    for number in range(1, count + 1):
        view.data = [{"key": str(one)} for one in range(number)]
        yield
    view.data = []
    yield


def show_rows(view: Any, rows: Sequence[dict[str, Any]]) -> None:
    """Shows the rows; each is a whole dict with a `key`. Same keys in the same order: only what differs is drawn."""
    data = view.data
    if len(data) != len(rows) or any(old["key"] != new["key"] for old, new in zip(data, rows, strict=True)):
        view.data = list(rows)
        return
    for index, (old, new) in enumerate(zip(data, rows, strict=True)):
        if old != new:
            old.clear()
            old.update(new)
            for widget in _widgets_at(view, index):
                for name, value in new.items():
                    setattr(widget, name, value)


def _widgets_at(view: Any, index: int) -> list[Any]:
    adapter = view.view_adapter
    shown = adapter.get_visible_view(index)
    widgets = [] if shown is None else [shown]
    widgets.extend(dirty[index] for dirty in adapter.dirty_views.values() if index in dirty)
    return widgets
