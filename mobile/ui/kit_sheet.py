"""What slides over a screen: a sheet for one task, a snackbar for one sentence."""

from collections.abc import Callable
from typing import Any

from kivy.animation import Animation
from kivy.clock import Clock
from kivy.properties import NumericProperty, OptionProperty, StringProperty
from kivy.uix.anchorlayout import AnchorLayout
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.widget import Widget

SLIDE_SECONDS = 0.12
SNACKBAR_SECONDS = 5


class Shield:
    """What lies over others, mixed in before a layout: whatever is beneath is not touched."""

    def on_touch_down(self, touch: Any) -> bool:
        super().on_touch_down(touch)  # type: ignore[misc]
        return True

    def on_touch_move(self, touch: Any) -> bool:
        super().on_touch_move(touch)  # type: ignore[misc]
        return True

    def on_touch_up(self, touch: Any) -> bool:
        super().on_touch_up(touch)  # type: ignore[misc]
        return True


class Sheet(Shield, AnchorLayout):
    """For one task: a title, a body that scrolls, actions that do not. Docked right, or top above any keyboard."""

    title = StringProperty("")
    dock = OptionProperty("right", options=["right", "top"])
    shift = NumericProperty(1.0)
    """1 is away, 0 is here."""
    leaving = False
    """Its task is done or given up, and it slides out: nothing in it can be pressed a second time."""
    __events__ = ("on_close",)

    def put(self, *widgets: Widget) -> None:
        for widget in widgets:
            self.ids.body.add_widget(widget)

    def keep(self, *widgets: Widget) -> None:
        """Puts these between body and actions, where nothing scrolls: a pad to draw on must not move."""
        self.ids.foot.clear_widgets()
        for widget in widgets:
            self.ids.foot.add_widget(widget)

    def act(self, *buttons: Widget) -> None:
        for one in buttons:
            self.ids.actions.add_widget(one)

    def slide_in(self) -> None:
        Animation(shift=0, duration=SLIDE_SECONDS, t="out_quad").start(self)

    def slide_out(self, then: Callable[[], object]) -> None:
        self.leaving = True
        leaving = Animation(shift=1, duration=SLIDE_SECONDS, t="in_quad")
        leaving.bind(on_complete=lambda *_: then())
        leaving.start(self)

    def on_touch_down(self, touch: Any) -> bool:
        if self.leaving:
            return bool(self.ids.panel.collide_point(*touch.pos))
        # A touch beside the sheet sends it away.
        if self.shift < 1 and not self.ids.panel.collide_point(*touch.pos):
            self.dispatch("on_close")
            return True
        return super().on_touch_down(touch)

    def on_close(self) -> None:
        """The sheet wants to go."""


class Snackbar(BoxLayout):
    """One sentence at the bottom, with at most one action; goes by itself."""

    text = StringProperty("")
    icon = StringProperty("")
    action = StringProperty("")
    shift = NumericProperty(1.0)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._then: Callable[[], object] | None = None
        self._away = Clock.create_trigger(lambda _: self.hide(), SNACKBAR_SECONDS)

    def tell(
        self, text: str, *, icon: str = "", action: str = "", then: Callable[[], object] | None = None
    ) -> None:
        self.text, self.icon, self.action, self._then = text, icon, action, then
        Animation.cancel_all(self, "shift")
        Animation(shift=0, duration=SLIDE_SECONDS, t="out_quad").start(self)
        self._away.cancel()
        self._away()

    def hide(self) -> None:
        Animation(shift=1, duration=SLIDE_SECONDS, t="in_quad").start(self)

    def withdraw(self) -> None:
        """An act that is offered is offered no longer."""
        if self.action:
            self.hide()
            self._then = None

    def act(self) -> None:
        self.hide()
        if self._then is not None:
            self._then()

    def on_touch_down(self, touch: Any) -> bool:
        return bool(self.shift < 1 and super().on_touch_down(touch))
