"""The control for items of clauses: each clause that applies is ticked, some with amount and reason."""

from decimal import Decimal
from typing import Any

from kivy.properties import BooleanProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout

from mobile.rows import ClauseRow, ItemDetail
from mobile.ui.answer_control import AnswerControl
from mobile.ui.kit import load_rules
from mobile.ui.memory import memory
from mobile.ui.words import say
from shared_schema.operations import AnswerValue, ClauseHit, Clauses


class Discretion(BoxLayout):
    """The amount within its bounds, and the reason for it."""

    low = StringProperty("")
    high = StringProperty("")
    by = StringProperty("")
    amount = StringProperty("")
    reason = StringProperty("")
    problem = StringProperty("")
    __events__ = ("on_record",)

    def on_record(self) -> None:
        """Amount and reason are given."""


class ClauseLine(BoxLayout):
    """One clause; where the amount is at discretion, ticking it asks for amount and reason first."""

    text = StringProperty("")
    points = StringProperty("")
    on = BooleanProperty(False)
    may = BooleanProperty(False)
    filling = BooleanProperty(False)
    __events__ = ("on_tick", "on_record")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.row: ClauseRow | None = None
        self.item = ""
        self.form: Discretion | None = None

    @property
    def draft(self) -> str:
        """Where its half-written reason is kept."""
        return "" if self.row is None else f"{self.item}/clause/{self.row.clause}"

    def show(self, row: ClauseRow, hit: ClauseHit | None, *, item: str, may: bool) -> None:
        """Shows the clause as it stands; a form that is being filled in stays as it is."""
        if row != self.row or item != self.item:
            self.row, self.item = row, item
            self.fill(False)
            self.form = None
        self.may, self.text, self.points = may, row.text, _clause_points(row, hit)
        if hit is not None and row.low:
            self.fill(True)
            assert self.form is not None
            self.form.problem, self.form.reason = "", hit.reason
            memory.forget(self.draft)
            self.form.amount = row.low if hit.deduct is None else str(hit.deduct)
        elif self.on:
            self.fill(False)
        elif row.low and may and memory.draft(self.draft):
            self.fill(True)
        self.on = hit is not None

    def fill(self, filling: bool) -> None:
        """Opens or closes the form for amount and reason."""
        row = self.row
        self.filling = filling
        if not filling:
            if self.form is not None and self.form.parent is not None:
                self.remove_widget(self.form)
            return
        if self.form is None and row is not None:
            self.form = Discretion(low=row.low, high=row.high, by=row.step, amount=row.low)
            self.form.bind(on_record=lambda _: self.dispatch("on_record"))
            memory.follow(self.form, self.draft, "reason")
        if self.form is not None and self.form.parent is None:
            self.add_widget(self.form)

    def on_tick(self) -> None:
        """The clause was ticked or unticked."""

    def on_record(self) -> None:
        """Amount and reason are given."""

    def hit(self) -> ClauseHit:
        """What is recorded of it."""
        assert self.row is not None
        if self.form is None:
            return ClauseHit(self.row.clause)
        return ClauseHit(self.row.clause, Decimal(self.form.amount), self.form.reason.strip())


class AmountStepper(BoxLayout):
    """An amount of points between two bounds, in steps; decimals as text, never a float."""

    amount = StringProperty("")
    lowest = StringProperty("")
    highest = StringProperty("")
    by = StringProperty("")
    __events__ = ("on_amount_wanted",)

    def step(self, direction: int) -> None:
        if not self.amount:
            return
        wanted = Decimal(self.amount) + direction * Decimal(self.by)
        if Decimal(self.lowest) <= wanted <= Decimal(self.highest):
            self.dispatch("on_amount_wanted", str(wanted))

    def on_amount_wanted(self, amount: str) -> None:
        """The finger wants this amount."""


class ClausesAnswer(AnswerControl):
    """The clauses that apply, each once."""

    none_found = BooleanProperty(False)

    def fill(self, detail: ItemDetail, answer: AnswerValue | None) -> None:
        hits = {hit.clause: hit for hit in answer.hit} if isinstance(answer, Clauses) else {}
        self.none_found = isinstance(answer, Clauses) and not answer.hit
        place = self.ids.clauses
        for line in place.children[: max(0, len(place.children) - len(detail.clauses))]:
            place.remove_widget(line)
        while len(place.children) < len(detail.clauses):
            line = ClauseLine()
            line.bind(on_tick=self._tick, on_record=self._record)
            place.add_widget(line)
        for line, row in zip(reversed(place.children), detail.clauses, strict=True):
            line.show(row, hits.get(row.clause), item=detail.item, may=self.may)

    def _tick(self, line: ClauseLine) -> None:
        if line.row is not None and line.row.clause in self._hit():
            self._give(without=line)
        elif line.filling:
            memory.forget(line.draft)
            line.fill(False)
        elif line.row is not None and line.row.low:
            line.fill(True)
        else:
            self._give(added=line)

    def _record(self, line: ClauseLine) -> None:
        assert line.form is not None
        line.form.problem = "" if line.form.reason.strip() else say("clauses.reason_missing")
        if not line.form.problem:
            self._give(added=line)

    def _give(self, *, added: ClauseLine | None = None, without: ClauseLine | None = None) -> None:
        lines, hit = list(reversed(self.ids.clauses.children)), self._hit()
        self.give(
            Clauses(
                tuple(
                    line.hit()
                    for line in lines
                    if line is not without and (line.row.clause in hit or line is added)
                )
            )
        )

    def _hit(self) -> set[str]:
        """The clauses that apply, those ticked a moment ago among them."""
        latest = self.latest
        return {hit.clause for hit in latest.hit} if isinstance(latest, Clauses) else set()

    def none(self) -> None:
        if self.latest != Clauses():
            self.give(Clauses())


def _clause_points(row: ClauseRow, hit: ClauseHit | None) -> str:
    if not row.low:
        return say("clauses.deduct", points=row.points)
    if hit is not None and hit.deduct is not None:
        return say("clauses.deduct", points=hit.deduct)
    return say("clauses.discretion", low=row.low, high=row.high)


load_rules(__file__)
