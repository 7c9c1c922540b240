"""The page of findings: all of the visit, each a row; a tap opens what can be done with it."""

from collections.abc import Callable
from typing import Any

from kivy.metrics import dp
from kivy.properties import BooleanProperty, ObjectProperty, StringProperty
from kivy.utils import escape_markup

from mobile.rows import FindingRow
from mobile.ui.cards import SEVERITY_TONES
from mobile.ui.items import icon_markup
from mobile.ui.kit import load_rules
from mobile.ui.kit_controls import Press, button
from mobile.ui.kit_rows import show_rows
from mobile.ui.page import Page
from mobile.ui.shown import VisitShown
from mobile.ui.words import joined, say


class FindingItem(Press):
    """One finding of the list."""

    key = StringProperty("")
    code = StringProperty("")
    edge = StringProperty("")
    fact = StringProperty("")
    marks = StringProperty("")
    by = StringProperty("")
    faded = BooleanProperty(False)
    row = ObjectProperty(None, allownone=True)
    choose: Callable[[FindingRow], None]

    def on_release(self) -> None:
        FindingItem.choose(self.row)


class FindingsPage(Page):
    """All findings of the visit; withdrawn ones last."""

    empty = BooleanProperty(False)
    __events__ = ("on_finding", "on_leads")

    def __init__(self, **kwargs: Any) -> None:
        FindingItem.choose = lambda row: self.dispatch("on_finding", row)
        super().__init__(**kwargs)

    def show(self, visit: VisitShown) -> None:
        findings = visit.findings or ()
        live = [row for row in findings if not row.withdrawn]
        self.title = say("page.findings")
        self.detail = say(
            "findings.summary",
            count=len(live),
            fixed=sum(row.fixed for row in live),
            repeat=sum(bool(row.earlier) for row in live),
        )
        show_rows(self.ids.rows, [_line(row) for row in findings])
        self.empty = not findings
        acts = self.ids.acts
        acts.clear_widgets()
        if visit.leads:
            text = say("lead.all", count=len(visit.leads))
            acts.add_widget(button(text, lambda: self.dispatch("on_leads"), kind="outline", icon="search"))

    def on_leads(self) -> None:
        """The leads are asked for."""

    def on_finding(self, row: FindingRow) -> None:
        """A finding was tapped."""


def _line(row: FindingRow) -> dict[str, Any]:
    tone = SEVERITY_TONES.get(row.severity, "muted")
    heard = "" if row.accepts is None else say("finding.accepts" if row.accepts else "finding.objects")
    words = [row.severity_text, row.disposal_text, *row.marks, heard]
    return {
        "key": row.finding,
        "code": row.item,
        "edge": "dispute" if row.disputed else tone,
        "fact": row.fact,
        "marks": f"{icon_markup('finding', tone, dp(16))} {escape_markup(joined(*words))}",
        "by": joined(row.author, row.when),
        "faded": row.withdrawn,
        "row": row,
    }


load_rules(__file__)
