"""The page of computers: the samples drawn, and what each computer looked like."""

from collections.abc import Callable
from functools import partial
from typing import Any

from kivy.metrics import dp
from kivy.properties import BooleanProperty, ObjectProperty, StringProperty
from kivy.utils import escape_markup

from mobile.page_rows import ComputerRow, SampleRow
from mobile.ui.items import icon_markup
from mobile.ui.kit import load_rules
from mobile.ui.kit_controls import Press, button
from mobile.ui.kit_rows import show_rows
from mobile.ui.page import Page, picks
from mobile.ui.shown import VisitShown
from mobile.ui.words import joined, say

COMPUTER_LOOKS = {
    "drawn": ("pending", "warn", "warn"),
    "checked": ("answered", "ok", "ok"),
    "replaced": ("sync", "muted", "muted"),
    "listed": ("open", "ink_3", ""),
}
"""By state: its icon, the icon's tone, and the tone of the bar at the left."""


class ComputerLine(Press):
    """One computer."""

    key = StringProperty("")
    number = StringProperty("")
    detail = StringProperty("")
    state_text = StringProperty("")
    edge = StringProperty("")
    row = ObjectProperty(None, allownone=True)
    choose: Callable[[ComputerRow], None]

    def on_release(self) -> None:
        ComputerLine.choose(self.row)


class ComputersPage(Page):
    """What was drawn comes first, then what was checked, then the rest of the inventory."""

    empty = BooleanProperty(False)
    checked = StringProperty("")
    __events__ = ("on_draw_sample", "on_add", "on_computer", "on_sample")

    def __init__(self, **kwargs: Any) -> None:
        ComputerLine.choose = lambda row: self.dispatch("on_computer", row)
        super().__init__(**kwargs)
        self._acts: tuple[bool, str] | None = None

    def show(self, visit: VisitShown) -> None:
        page = visit.computers
        if page is None:
            return
        self.title, self.detail, self.checked = say("page.computers"), page.inventory_text, page.checked_text
        self._show_acts(may_draw=page.may_draw and bool(page.classified + page.ordinary))
        samples = self.ids.samples
        samples.clear_widgets()
        chips = [(one.text, partial(self.dispatch, "on_sample", one)) for one in page.samples]
        if page.may_check:
            chips.append((say("computers.add"), partial(self.dispatch, "on_add")))
        if chips:
            samples.add_widget(picks(*chips))
        show_rows(self.ids.rows, [_line(row) for row in page.computers])
        self.empty = not page.computers

    def _show_acts(self, *, may_draw: bool) -> None:
        now = (may_draw, say("computers.draw"))
        if now == self._acts:
            return
        self._acts = now
        self.ids.acts.clear_widgets()
        if may_draw:
            draw = partial(self.dispatch, "on_draw_sample")
            self.ids.acts.add_widget(button(say("computers.draw"), draw, kind="primary", icon="draw"))

    def on_draw_sample(self) -> None:
        """A sample is wanted."""

    def on_add(self) -> None:
        """A computer that is not in the inventory."""

    def on_computer(self, row: ComputerRow) -> None:
        """A computer was tapped."""

    def on_sample(self, row: SampleRow) -> None:
        """A sample was tapped."""


def _line(row: ComputerRow) -> dict[str, Any]:
    icon, tone, edge = COMPUTER_LOOKS[row.state]
    if row.disputed:
        icon, tone, edge = "disputed", "dispute", "dispute"
    elif row.problems:
        icon, tone, edge = "problem", "bad", "bad"
    state = f"{say('device.problems')} {row.problems}" if row.problems else row.state_text
    return {
        "key": row.register_no,
        "number": row.register_no,
        "detail": joined(row.class_text, row.detail, row.tool_report),
        "state_text": f"{icon_markup(icon, tone, dp(17))}  {escape_markup(state)}",
        "edge": edge,
        "row": row,
    }


load_rules(__file__)
