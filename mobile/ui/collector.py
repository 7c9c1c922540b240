"""The garbage collector's long pass, kept out of the way of whoever is using the screen.

A full pass looks at every object there is, half a million of them once a visit is open, and meanwhile nothing moves: a
quarter of a second. What the start has made stays for good and is looked at no more. The rest is looked at when nobody
has touched the screen for a while, or at the latest when there is very much of it.
"""

import gc

from kivy.clock import Clock
from kivy.core.window import Window

REST_SECONDS = 2.0
PASSES_MAX = 200
"""After so many shorter passes, of some 7 000 new objects each, a full one follows even while the screen is touched."""


class Collector:
    """Full passes at rest only."""

    def __init__(self) -> None:
        self._rest = Clock.create_trigger(self._collect, REST_SECONDS)

    def begin(self) -> None:
        """The start is over: what there is now stays."""
        gc.freeze()
        young, middle, _full = gc.get_threshold()
        gc.set_threshold(young, middle, PASSES_MAX)
        gc.enable()
        Window.bind(on_touch_down=self._touched, on_touch_up=self._touched, on_textinput=self._touched)

    def _touched(self, *_: object) -> None:
        self._rest.cancel()
        self._rest()

    def _collect(self, *_: object) -> None:
        gc.collect()
