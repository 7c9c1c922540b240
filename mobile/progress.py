"""How far a long work is: told by the thread it runs on, looked at and stopped from another."""

from collections.abc import Callable, Mapping
from typing import NamedTuple


class Count(NamedTuple):
    """So many of so many."""

    done: int
    whole: int
    """0: how many there will be is not known."""


Report = Callable[[str, int, int], None]
"""Told a word of what is counted, how many are done, and of how many. May raise Stopped."""
Counts = Mapping[str, Count]
"""By word, in the order in which they were first told."""


class Stopped(Exception):
    """Whoever looks on does not want the rest of it: the work takes back what it has begun."""


def unwatched(word: str, done: int, whole: int) -> None:
    """Nobody looks on."""


class Watch:
    """The `Report` of one work. It is asked how far that is, not told: no count is too quick for a screen."""

    def __init__(self) -> None:
        self.at: Counts = {}
        """Never changed in place, so that another thread can read it at any time."""
        self.stopped = False
        """Set from any thread; the work ends with the next it tells."""

    def __call__(self, word: str, done: int, whole: int) -> None:
        if self.stopped:
            raise Stopped
        self.at = {**self.at, word: Count(done, whole)}
