"""A long page made a part before each frame."""

from collections.abc import Iterator
from typing import Any

from kivy.clock import Clock


class Gradually:
    """Makes the first part at once and one more before each next frame, in the place of what was still to come.

    A long page made whole is a quarter of a second in which nothing moves, and nobody sees its end at first.
    """

    def __init__(self) -> None:
        self._next: Any = None

    def make(self, parts: Iterator[None]) -> None:
        """Each step of the iterator makes a part."""
        self.stop()

        def one_more(*_: object) -> bool:
            return next(parts, self) is None

        self._next = Clock.schedule_interval(one_more, 0) if one_more() else None

    def stop(self) -> None:
        """What is still to come is not made."""
        if self._next is not None:
            self._next.cancel()
