"""The garbage collector, kept out of the way of whoever is using the screen.

A pass over all there is looks at half a million objects once a visit is open, and meanwhile nothing moves: up to half a
second. But screens and pages stay as long as the program runs, and what goes is mostly a sheet. So a short pass, soon
after the last touch, looks only at what has come since the one before, and what it leaves is looked at no more until a
long pass: when the screen is locked or has been left alone for long, and enough has come to be worth it.
"""

import gc
from collections.abc import Callable

from kivy.clock import Clock
from kivy.core.window import Window

REST_SECONDS = 1.0
LONG_REST_SECONDS = 20.0
PASSES_MAX = 200
"""After so many passes over young objects, of some 7 000 each, a short one follows even while the screen is touched."""
KEPT_WORTH = 150_000
"""So many objects must have been kept since the last long pass to make the next one worth its time."""
KEPT_MAX = 1_500_000
"""With so many it no longer waits for the screen to be left alone. A visit without any rest keeps half of that."""


class Collector:
    """Passes at rest only."""

    def __init__(self) -> None:
        self._over: Callable[[], int] = int
        self._looked_under = 0
        self._kept = 0
        """Objects kept by short passes since the last long one; many are gone since, but to count those takes 50 ms."""
        self._rest = Clock.create_trigger(self._short_pass, REST_SECONDS)
        self._long_rest = Clock.create_trigger(self.unwatched, LONG_REST_SECONDS)

    def begin(self, over: Callable[[], int] = int) -> None:
        """The start is over: what there is now stays.

        `over` gives the uid of the sheet that lies over the screen, 0 for none: a sheet goes soon, so none is kept.
        """
        self._over = over
        gc.freeze()
        young, middle, _full = gc.get_threshold()
        gc.set_threshold(young, middle, PASSES_MAX)
        gc.enable()
        Window.bind(on_touch_down=self._touched, on_touch_up=self._touched, on_textinput=self._touched)

    def unwatched(self, *_: object) -> None:
        """Nobody is using the screen now: the time for a long pass, where one is worth it."""
        if self._kept >= KEPT_WORTH and not self._over():
            self._long_pass()

    def _touched(self, *_: object) -> None:
        for rest in (self._rest, self._long_rest):
            rest.cancel()
            rest()

    def _short_pass(self, *_: object) -> None:
        over = self._over()
        if over and over == self._looked_under:
            return  # no sheet has gone since
        self._looked_under = over
        gc.collect()
        if not over:
            self._kept += len(gc.get_objects())
            gc.freeze()
            if self._kept >= KEPT_MAX:
                self._long_pass()

    def _long_pass(self) -> None:
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        self._kept = 0
