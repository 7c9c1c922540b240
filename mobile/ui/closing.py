"""The page that ends a visit: what is left, the summary, findings read to the unit, measures, signatures."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from kivy.properties import BooleanProperty, ObjectProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout

from mobile import page_rows
from mobile.page_rows import MeasureRow, SignatureRow, StepRow
from mobile.rows import FindingRow, SectionRow
from mobile.ui.cards import FindingLine, Said
from mobile.ui.gradually import Gradually
from mobile.ui.icons import ICONS
from mobile.ui.kit import load_rules
from mobile.ui.kit_controls import Card, Press, button
from mobile.ui.kit_text import Text
from mobile.ui.page import ColumnPage
from mobile.ui.shown import VisitShown
from mobile.ui.words import joined, say

SIGNATURE_LOOKS = {
    "missing": ("open", "ink_3"),
    "drawn": ("sign", "ok"),
    "paper": ("letter", "ok"),
    "refused": ("refused", "bad"),
}


LINES_A_FRAME = 8
"""Of findings: what a frame has time for."""


class StepLine(BoxLayout):
    """One step: done, or what is left and the way to it."""

    text = StringProperty("")
    done = BooleanProperty(False)


class SectionSum(BoxLayout):
    """One section of the summary."""

    code = StringProperty("")
    title = StringProperty("")
    progress = StringProperty("")
    problems = StringProperty("")
    points = StringProperty("")


class SignatureLine(Press):
    """One signature."""

    icon = StringProperty("")
    tone = StringProperty("ink_3")
    title = StringProperty("")
    name = StringProperty("")
    text = StringProperty("")
    strokes = ObjectProperty(())


class TitledCard(Card):
    """A card with a title, a line that explains, an act at its right, and what it holds."""

    title = StringProperty("")
    explain = StringProperty("")

    def put(self, widgets: Sequence[Any], *acts: Any) -> None:
        for place, wanted in ((self.ids.held, widgets), (self.ids.acts, acts)):
            place.clear_widgets()
            for widget in wanted:
                place.add_widget(widget)


class ClosingPage(ColumnPage):
    """Top to bottom in the order a squad goes through it with the unit."""

    __events__: tuple[str, ...] = (
        "on_step",
        "on_state",
        "on_accept_all",
        "on_measure",
        "on_sign",
        "on_abort",
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.steps, self.sections, self.findings = TitledCard(), TitledCard(), TitledCard()
        self.measures, self.signatures, self.locked = TitledCard(), TitledCard(), TitledCard()
        self._gradually = Gradually()
        self._made: dict[Any, object] = {}
        """By card, the rows it was made of."""

    def show(self, visit: VisitShown) -> None:
        page = visit.closing
        if page is None:
            return
        self.title, self.detail = say("page.closing"), joined(visit.head.stage_text, visit.score.text)
        self.put(self.steps, self.sections, self.findings, self.measures, self.signatures, self.locked)
        self._gradually.make(self._cards(visit, page))

    def _cards(self, visit: VisitShown, page: page_rows.ClosingPage) -> Iterator[None]:
        """The cards from top to bottom; those whose rows are as they were stay as they are."""
        if self._made:
            yield  # a commit tells twice: nothing is drawn for the first of them that is drawn again for the second
        may, opinion, scoring = visit.head.may, page.opinion, _scoring_act(visit)
        live = [row for row in visit.findings or () if not row.withdrawn]
        cards: tuple[tuple[TitledCard, object, Callable[[], Iterator[None] | None]], ...] = (
            (
                self.steps,
                (page.steps, may, opinion, scoring),
                lambda: self._show_steps(page.steps, may, opinion, scoring),
            ),
            (self.sections, visit.sections, lambda: self._show_sections(visit.sections)),
            (self.findings, (live, may), lambda: self._show_findings(live, may)),
            (
                self.measures,
                (page.measures, may),
                lambda: self._show_measures(page.measures, may="measure_proposed" in may),
            ),
            (
                self.signatures,
                (page.signatures, may),
                lambda: self._show_signatures(page.signatures, may="signed" in may),
            ),
            (self.locked, "", self._show_locked),
        )
        for card, rows, make in cards:
            made_of = (rows, visit.language)
            if self._made.get(card) != made_of:
                self._made.pop(card, None)  # until it is whole, it is made of nothing
                yield from make() or ()
                self._made[card] = made_of
                yield

    def forget(self) -> None:
        """Everything is drawn anew with the next rows: another palette."""
        self._made.clear()

    def _show_steps(self, steps: Sequence[StepRow], may: frozenset[str], opinion: str, scoring: str) -> None:
        self.steps.title = say("closing.steps")
        self.steps.explain = say("closing.opinion", text=opinion) if opinion else ""
        offered = {
            "scored": scoring,
            "answered": "closing.see_open",
            "settled": "closing.see_disputes",
            "deliberated": "visit.deliberate" if "deliberated" in may else "",
            "submitted": "visit.submit" if "submitted" in may else "",
        }
        lines = []
        for step in steps:
            line = StepLine(text=step.text, done=step.done)
            key = offered.get(step.step, "")
            if key and not step.done:
                line.add_widget(button(say(key), partial(self.dispatch, "on_step", step.step), kind="tonal"))
            lines.append(line)
        abort = button(say("abort.title"), lambda: self.dispatch("on_abort"), kind="outline", tone="bad")
        self.steps.put(lines, *([abort] if "aborted" in may else []))

    def _show_sections(self, rows: Sequence[SectionRow]) -> None:
        self.sections.title = say("closing.sections")
        self.sections.put([_section(row) for row in rows if row.points_text or row.problems])

    def _show_locked(self) -> None:
        self.locked.title = say("closing.locked")
        self.locked.put([Text(content=say("closing.locked_explain"), tone="ink_2", type="hint")])

    def _show_findings(self, rows: Sequence[FindingRow], may: frozenset[str]) -> Iterator[None]:
        """A handful before each frame: there may be a hundred."""
        self.findings.title = say("closing.findings")
        acts = []
        if any(row.unheard for row in rows) and "unit_stated" in may:
            accept = button(
                say("closing.accept_all"),
                lambda: self.dispatch("on_accept_all"),
                kind="tonal",
                icon="check",
            )
            acts.append(accept)
        self.findings.put([] if rows else [Text(content=say("closing.no_findings"), tone="ink_2")], *acts)
        for first in range(0, len(rows), LINES_A_FRAME):
            for row in rows[first : first + LINES_A_FRAME]:
                line = FindingLine(row)
                line.by = joined(row.item, row.statement_text or say("finding.not_heard"))
                line.bind(on_release=lambda one: self.dispatch("on_state", one.row))
                self.findings.ids.held.add_widget(line)
            yield

    def _show_measures(self, rows: Sequence[MeasureRow], *, may: bool) -> None:
        self.measures.title, self.measures.explain = say("closing.measures"), say("closing.measures_explain")
        said = [Said(text=joined(row.text, row.reason, row.paper_ref), by=row.by) for row in rows]
        acts = [button(say("measure.add"), lambda: self.dispatch("on_measure"), kind="tonal", icon="plus")]
        nothing = Text(content=say("closing.no_measures"), tone="ink_2")
        self.measures.put(said or [nothing], *(acts if may else []))

    def _show_signatures(self, rows: Sequence[SignatureRow], *, may: bool) -> None:
        self.signatures.title = say("closing.signatures")
        lines = []
        for row in rows:
            icon, tone = SIGNATURE_LOOKS[row.state]
            line = SignatureLine(
                icon="disputed" if row.disputed else icon,
                tone="dispute" if row.disputed else tone,
                title=row.title,
                name=row.called,
                text=joined(row.text, row.by),
                strokes=row.strokes,
                disabled=not may,
            )
            line.bind(on_release=lambda _, row=row: self.dispatch("on_sign", row))
            lines.append(line)
        self.signatures.put(lines)

    def on_step(self, step: str) -> None:
        """The way to what is left of a step."""

    def on_state(self, row: FindingRow) -> None:
        """The unit's word on a finding."""

    def on_accept_all(self) -> None:
        """The unit accepts every finding it has not answered to."""

    def on_measure(self) -> None:
        """A measure is to be proposed."""

    def on_abort(self) -> None:
        """The visit is to be broken off."""

    def on_sign(self, row: SignatureRow) -> None:
        """A signature was tapped."""


def _scoring_act(visit: VisitShown) -> str:
    """What this person can do about the blind scoring, if anything."""
    scoring = visit.head.scoring
    if scoring is None:
        return ""
    return "blind.close" if scoring.may_close else "blind.other" if scoring.may_close_others else ""


def _section(row: SectionRow) -> SectionSum:
    return SectionSum(
        code="" if row.section in ICONS else row.section,
        title=row.title,
        progress=row.progress_text,
        problems=str(row.problems or ""),
        points=row.points_text,
    )


load_rules(__file__)
