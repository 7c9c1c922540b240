"""The kit's controls: everything a finger can press, at least 48 dp high."""

from collections.abc import Callable
from typing import Any

from kivy.clock import Clock
from kivy.metrics import dp
from kivy.properties import (
    BooleanProperty,
    ColorProperty,
    ListProperty,
    NumericProperty,
    OptionProperty,
    StringProperty,
)
from kivy.uix.behaviors import ButtonBehavior
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.stacklayout import StackLayout
from kivy.uix.textinput import TextInput
from kivy.uix.widget import Widget

from mobile.ui import native_text
from mobile.ui.kit_text import font_for, width_of
from mobile.ui.theme import theme

TONES = ["accent", "ok", "warn", "bad", "dispute", "muted", "ink_2"]


class Panel(BoxLayout):
    """A column on the surface."""


class Card(BoxLayout):
    """A column with a border; `tone` puts a coloured edge at its left."""

    tone = StringProperty("")


class Rule(Widget):
    """A hairline."""


class Press(ButtonBehavior, BoxLayout):
    """Anything pressable; shows that it is pressed. What is `hidden` keeps its place and cannot be pressed."""

    hidden = BooleanProperty(False)

    def on_touch_down(self, touch: Any) -> bool:
        return bool(not self.hidden and super().on_touch_down(touch))


class Push(Press):
    """A button that says its verb, with an icon if that helps."""

    kind = OptionProperty("tonal", options=["primary", "tonal", "plain", "outline"])
    tone = OptionProperty("accent", options=TONES)
    ink = ColorProperty()
    icon = StringProperty("")
    text = StringProperty("")


class IconPush(Press):
    """A button that is an icon; `hint` says in words what it does (kept for the day Kivy has a screen reader)."""

    icon = StringProperty("")
    tone = StringProperty("ink_2")
    hint = StringProperty("")


class Chip(Press):
    """A small choice that can be on: a filter, a section, a person."""

    icon = StringProperty("")
    text = StringProperty("")
    count = StringProperty("")
    on = BooleanProperty(False)
    tone = OptionProperty("accent", options=TONES)


class Flow(StackLayout):
    """Things of their own width side by side; what has no room there begins a further line."""


class Badge(BoxLayout):
    """A state: a glyph and a word in the state's colour."""

    icon = StringProperty("")
    text = StringProperty("")
    tone = OptionProperty("muted", options=TONES)


class Segment(Press):
    """One choice of a `Segmented`."""

    key = StringProperty("")
    icon = StringProperty("")
    text = StringProperty("")
    on = BooleanProperty(False)
    tone = OptionProperty("accent", options=TONES)
    ink = ColorProperty()
    edge = StringProperty("")


class Segmented(BoxLayout):
    """A few choices side by side, of which one or none holds. Options are (key, text, icon, tone).

    Where one of them has no room for its words they stand below each other.
    """

    options = ListProperty()
    value = StringProperty("")
    line = NumericProperty(dp(48))
    """How high a choice is."""
    stacked = BooleanProperty(False)
    __events__ = ("on_pick",)

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.fbind("options", self._build)
        self.fbind("value", self._show)
        for name in ("options", "width"):
            self.fbind(name, self._fit)
        theme.bind(body=self._fit)
        self.fbind("stacked", self._edges)
        self._build()

    def _fit(self, *_: object) -> None:
        widest = max((_least(text, icon) for _, text, icon, _ in self.options), default=0)
        self.stacked = self.width < widest * len(self.options)

    def _build(self, *_: object) -> None:
        self.clear_widgets()
        for key, text, icon, tone in self.options:
            segment = Segment(key=key, text=text, icon=icon, tone=tone)
            segment.bind(on_release=lambda one: self.dispatch("on_pick", one.key))
            self.add_widget(segment)
        self._edges()
        self._show()

    def _edges(self, *_: object) -> None:
        """Which corners of which are round; where they come to stand does not make them anew."""
        last = len(self.children) - 1
        ends = {last: "left", 0: "right"}  # the last comes first among the children
        for index, segment in enumerate(self.children):
            segment.edge = "only" if last == 0 or self.stacked else ends.get(index, "middle")

    def _show(self, *_: object) -> None:
        for segment in self.children:
            segment.on = segment.key == self.value

    def on_pick(self, key: str) -> None:
        """The finger chose `key`; the value changes only when the choice is committed."""


def _least(text: str, icon: str) -> float:
    """The width in px a `Segment` needs, chosen or not."""
    return width_of(text, font_for(text, True), theme.body) + dp(16 + 6 * 3 + (20 if icon else 0))


class Stepper(BoxLayout):
    """A whole number with minus and plus; `typed` lets it be typed as well. Unset is shown as a dash."""

    value = NumericProperty(None, allownone=True)
    lowest = NumericProperty(0)
    highest = NumericProperty(1_000_000)
    typed = BooleanProperty(False)
    tone = StringProperty("ink")
    __events__ = ("on_step",)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.latest: Callable[[], float | None] = lambda: self.value
        """What a step starts from: what was asked for last, where that takes a moment to be shown."""

    def step(self, by: int) -> None:
        latest = self.latest()
        self.offer(self.lowest if latest is None else latest + by)

    def offer(self, value: float) -> None:
        wanted = int(min(self.highest, max(self.lowest, value)))
        if wanted != self.latest():
            self.dispatch("on_step", wanted)

    def on_step(self, value: int) -> None:
        """The finger wants `value`; what is shown changes only when it is committed."""


class Progress(Widget):
    """How much is done, 0 to 1."""

    value = NumericProperty(0.0)
    tone = StringProperty("accent")


class Tick(Press):
    """A statement that can be ticked."""

    on = BooleanProperty(False)
    text = StringProperty("")
    detail = StringProperty("")
    trailing = StringProperty("")
    radio = BooleanProperty(False)


class Typed(TextInput):
    """A text input in the kit's clothes; `filter_number` keeps letters out."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        # Suggestions of Android keyboards double words (kivy #7337); what is typed is kept by us.
        self.keyboard_suggestions = False


class Field(BoxLayout):
    """A labelled text field. `text` follows what is typed; `on_done` when it is left or confirmed."""

    label = StringProperty("")
    text = StringProperty("")
    hint = StringProperty("")
    problem = StringProperty("")
    lines = NumericProperty(1)
    numeric = BooleanProperty(False)
    limit = NumericProperty(400)
    focused = BooleanProperty(False)
    edge = NumericProperty(1)
    __events__ = ("on_done",)

    def on_focused(self, *_: object) -> None:
        if self.focused and self.lines > 1 and native_text.HERE:
            self.ids.entry.focus = False
            native_text.ask(self.label, self.text, int(self.limit), self._typed_elsewhere)
        elif not self.focused:
            self.dispatch("on_done")

    def _typed_elsewhere(self, text: str) -> None:
        self.text = text
        self.dispatch("on_done")

    def on_done(self) -> None:
        """The finger left the field."""

    def take_focus(self) -> None:
        Clock.schedule_once(lambda _: setattr(self.ids.entry, "focus", True), 0)


def button(text: str, then: Callable[[], object], **looks: Any) -> Push:
    """A button made in Python."""
    push = Push(text=text, **looks)
    push.bind(on_release=lambda _: then())
    return push


def gap(height: float) -> Widget:
    """Empty space of a height in dp."""
    return Widget(size_hint_y=None, height=dp(height))


def corners(edge: str, radius: float) -> list[tuple[float, float]]:
    """The corner radii of a piece of a joined row: only outer corners are round."""
    left = (radius, radius) if edge in ("left", "only") else (0, 0)
    right = (radius, radius) if edge in ("right", "only") else (0, 0)
    return [left, right, right, left]
