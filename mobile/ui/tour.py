"""The two-minute tour: seven short cards, to be skipped at any of them and opened again from the menu."""

from collections.abc import Callable

from mobile.ui.icons import ICONS
from mobile.ui.kit_controls import button, gap
from mobile.ui.kit_sheet import Sheet
from mobile.ui.kit_text import Icon, Text
from mobile.ui.words import say

STEPS = ("check", "letter", "method", "finding", "disputed", "sign", "sync")
"""The icon of each card; its words are `tour.1` and so on."""
assert set(STEPS) <= set(ICONS)


def tour(lay: Callable[[Sheet], None], done: Callable[[], None], step: int = 0) -> Sheet:
    """One card; `lay` lays the next in its place, `done` closes the last or skips the rest."""
    number, last = step + 1, step == len(STEPS) - 1
    sheet = Sheet(title=say("tour.title", number=number, count=len(STEPS)))
    sheet.put(
        gap(16),
        Icon(name=STEPS[step], size_dp=56),
        Text(content=say(f"tour.{number}"), type="title", strong=True),
        Text(content=say(f"tour.{number}.text"), type="item"),
    )
    if not last:
        sheet.act(button(say("tour.skip"), done, kind="plain"))
    if step:
        sheet.act(button(say("tour.back"), lambda: lay(tour(lay, done, step - 1)), kind="outline"))
    forward = done if last else lambda: lay(tour(lay, done, step + 1))
    sheet.act(button(say("tour.finish" if last else "tour.next"), forward, kind="primary"))
    sheet.step = step
    return sheet
