"""What the first frame does not need: made when it is first asked for, and loaded in the frames after the first.

A screen's rules and classes cost as much as its drawing, and most of them are of screens that a start does not show.
The one place that says what may come later, and the only one that imports by name.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

LATER = (
    "mobile.ui.cards",
    "mobile.ui.answers",
    "mobile.ui.signature",
    "mobile.ui.thumbnails",
    "mobile.ui.photos",
    "mobile.ui.cards_before",
    "mobile.ui.item",
    "mobile.ui.visit",
    "mobile.ui.sheets_item",
    "mobile.ui.sheets_visit",
    "mobile.ui.sheets_finding",
    "mobile.ui.finding_form",
    "mobile.ui.sheets_closing",
    "mobile.ui.sheets_computers",
    "mobile.ui.sheets_briefing",
    "mobile.ui.sheets_lists",
    "mobile.ui.sheets_photo",
    "mobile.ui.photo_view",
    "mobile.ui.page_acts",
    "mobile.ui.at_visit",
    "mobile.ui.findings",
    "mobile.ui.computers",
    "mobile.ui.interviews",
    "mobile.ui.closing",
    "mobile.ui.sync_center",
    "mobile.ui.sheets_purge",
    "mobile.ui.tour",
)  # fmt: skip
"""A module a frame: those of a visit first, where most taps lead."""


def load() -> Iterator[None]:
    """Loads what is left, a module with each step."""
    for name in LATER:
        import_module(name)
        yield


class Lazily:
    """Widgets by name, made when they are first asked for."""

    def __init__(self, sources: Mapping[str, tuple[str, str]], *args: object) -> None:
        """`sources` names module and class of each; all are made with `args`."""
        self._sources, self._args = sources, args
        self._made: dict[str, Any] = {}
        self._then: dict[str, list[Callable[[Any], object]]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._sources

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            module, kind = self._sources[name]
            self._made[name] = getattr(import_module(module), kind)(*self._args)
            for then in self._then.get(name, ()):
                then(self._made[name])
        return self._made[name]

    def made(self) -> tuple[Any, ...]:
        """Those there are by now."""
        return tuple(self._made.values())

    def when_made(self, name: str, then: Callable[[Any], object]) -> None:
        """Does something with a widget as soon as there is one, such as binding its events."""
        self._then.setdefault(name, []).append(then)
        if name in self._made:
            then(self._made[name])
