"""The cards of the item pane: the answer, who differs, notes, findings; and the small lines they are made of."""

from collections.abc import Callable, Sequence
from typing import Any

from kivy.properties import BooleanProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout

from mobile.rows import FindingRow, ItemDetail, ValueRow
from mobile.ui.answer_control import AnswerControl
from mobile.ui.answers import CONTROLS
from mobile.ui.items import ITEM_LOOKS
from mobile.ui.kit import load_rules
from mobile.ui.kit_controls import Badge, Card, Field, Press, Tick, button
from mobile.ui.kit_text import Text
from mobile.ui.words import joined, say, words
from mobile.words import listed
from shared_schema.operations import AnswerValue

SEVERITY_TONES = {"severe": "bad", "general": "warn", "minor": "ink_2"}


class Fact(BoxLayout):
    """One thing to know about the item, with its icon."""

    icon = StringProperty("")
    text = StringProperty("")
    tone = StringProperty("ink_2")


class Said(BoxLayout):
    """What somebody said, and who."""

    text = StringProperty("")
    by = StringProperty("")
    strong = BooleanProperty(False)


class AnswerCard(Card):
    """The answer: its control, the points it costs, and N/A."""

    points = StringProperty("")
    deductions = StringProperty("")
    __events__ = ("on_answer", "on_paper", "on_na", "on_consent", "on_from_paper", "on_consent_here")

    def __init__(self, asked: Callable[[str], AnswerValue | None], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._asked = asked
        self._controls: dict[str, AnswerControl] = {}
        self._paper: Field | None = None
        self._item = ""
        self._copied = Tick()
        self._copied.bind(on_release=lambda _: self.dispatch("on_from_paper"))
        self._asks_pins = False

    def show(self, detail: ItemDetail, *, copying: bool = False, asks_pins: bool = False) -> None:
        self._asks_pins = asks_pins
        self._show_control(detail)
        self._show_paper(detail, copying=copying)
        # What lies outside the sections has no points of its own, but says in words what it does.
        figures = detail.points_text[:1].isdigit()
        self.points = say("item.points", points=detail.points_text) if figures else detail.points_text
        self.deductions = "\n".join(f"{row.points}  {row.text}".strip() for row in detail.deductions)
        self._show_standing(detail)
        self._show_acts(detail)

    @property
    def paper_ref(self) -> str:
        """The number of the paper record, where the item asks for one."""
        return "" if self._paper is None else self._paper.text.strip()

    def _show_control(self, detail: ItemDetail) -> None:
        control = self._controls.get(detail.control)
        if control is None:
            control = self._controls[detail.control] = CONTROLS[detail.control](self._asked)
            control.bind(on_answer=lambda _, answer: self.dispatch("on_answer", answer))
        if control.parent is None:
            self.ids.control.clear_widgets()
            self.ids.control.add_widget(control)
        control.show(detail)
        if detail.item != self._item:
            self._item, self._paper = detail.item, None
            self.ids.paper.clear_widgets()

    def _show_paper(self, detail: ItemDetail, *, copying: bool) -> None:
        """Its paper's number, where only that is kept or the answer is copied; and whether it is copied."""
        place, may = self.ids.paper, "answer" in detail.may
        if self._paper is None:
            self._paper = Field(label=say("paper.number"), limit=400)
            self._paper.text = detail.paper_ref
            self._paper.bind(on_done=lambda _: self._paper_done(detail.item))
        self._paper.disabled = not may
        self._copied.text, self._copied.on = say("paper.from"), copying or detail.from_paper
        self._copied.detail = say("paper.from_detail") if copying else ""
        self._copied.disabled = not may
        wanted: list[Any] = []
        if detail.by_number or copying or detail.paper_ref or detail.from_paper:
            wanted.append(self._paper)
        if detail.by_number:
            wanted.append(Fact(icon="lock", text=say("paper.hint"), tone="warn"))
        if may or detail.from_paper:
            wanted.append(self._copied)
        if [type(one) for one in reversed(place.children)] != [type(one) for one in wanted] or (
            wanted and wanted[0].parent is not place
        ):
            place.clear_widgets()
            for widget in wanted:
                place.add_widget(widget)

    def _paper_done(self, item: str) -> None:
        """The number was typed after the answer: the same answer is recorded again, with it."""
        self.dispatch("on_paper", item, self.paper_ref)

    def _show_standing(self, detail: ItemDetail) -> None:
        """Of what stands without a dispute, only what the control cannot show: N/A, its consents, a settlement."""
        standing = self.ids.standing
        standing.clear_widgets()
        if detail.disputed:
            return
        if not detail.values:
            for one in detail.na_reasons:
                if one.holds:
                    said = say("na.profile", reason=one.text)
                    standing.add_widget(Fact(icon="not_applicable", text=said, tone="ink_2"))
            return
        first = detail.values[0]
        if first.na_reason:
            standing.add_widget(Said(text=first.text, strong=True, by=_by(first)))
            if first.explanation:
                standing.add_widget(Said(text=first.explanation))
            icon = ITEM_LOOKS[detail.state][0]
            words_said = (
                say("na.consented", names=listed(detail.consents, words.language))
                if detail.consents
                else say("na.pending")
            )
            standing.add_widget(
                Fact(icon=icon, text=words_said, tone="warn" if not detail.consents else "ink_2")
            )
        else:
            standing.add_widget(Said(by=" / ".join(_by(value) for value in detail.values)))
        if first.reason:
            standing.add_widget(
                Fact(icon="settle", text=say("item.settled", reason=first.reason), tone="dispute")
            )

    def _show_acts(self, detail: ItemDetail) -> None:
        acts = self.ids.acts
        acts.clear_widgets()
        if detail.may_consent:
            acts.add_widget(
                button(say("na.consent"), lambda: self.dispatch("on_consent"), kind="primary", icon="check")
            )
        if detail.consent_from and self._asks_pins:
            here = button(
                say("consent.here"), lambda: self.dispatch("on_consent_here"), kind="tonal", icon="people"
            )
            acts.add_widget(here)
        if detail.na_reasons and "not_applicable" in detail.may:
            acts.add_widget(
                button(say("na.mark"), lambda: self.dispatch("on_na"), kind="plain", icon="not_applicable")
            )

    def on_answer(self, answer: AnswerValue) -> None:
        """A whole answer."""

    def on_paper(self, item: str, paper_ref: str) -> None:
        """The paper record's number was typed."""

    def on_na(self) -> None:
        """N/A was tapped."""

    def on_consent(self) -> None:
        """This person stands behind the N/A."""

    def on_from_paper(self) -> None:
        """Answers are copied from paper from now on, or no longer."""

    def on_consent_here(self) -> None:
        """A colleague would consent on this tablet."""


class DisputeValue(BoxLayout):
    """One of the values in dispute."""

    text = StringProperty("")
    explanation = StringProperty("")
    by = StringProperty("")
    may = BooleanProperty(False)
    chosen = BooleanProperty(False)
    __events__ = ("on_adopt",)

    def on_adopt(self) -> None:
        """The leader would adopt this one."""


class DisputeCard(Card):
    """What colleagues differ on, side by side, with author and time."""

    title = StringProperty("")
    explain = StringProperty("")
    __events__ = ("on_adopt",)

    def show(self, values: Sequence[ValueRow], *, may_settle: bool, title: str = "") -> None:
        self.title = title or say("dispute.title")
        self.explain = say("dispute.leader" if may_settle else "dispute.member")
        grid = self.ids.sides
        grid.clear_widgets()
        for value in values:
            one = DisputeValue(text=value.text, explanation=value.explanation, by=_by(value), may=may_settle)
            one.bind(on_adopt=lambda _, op=value.op: self.dispatch("on_adopt", op))
            grid.add_widget(one)

    def on_adopt(self, op: str) -> None:
        """The leader would adopt the value of this operation."""


class NoteCard(Card):
    """One's own note to tap on, and the colleagues'."""

    own = StringProperty("")
    may = BooleanProperty(False)
    __events__ = ("on_edit",)

    def show(self, detail: ItemDetail) -> None:
        self.own, self.may = detail.own_note, "note" in detail.may
        others = self.ids.others
        others.clear_widgets()
        for note in detail.notes:
            if not note.mine:
                others.add_widget(Said(text=note.text, by=joined(note.author, note.when)))

    def on_edit(self) -> None:
        """The note was tapped."""


class FindingLine(Press):
    """One finding: how severe, what, by whom."""

    fact = StringProperty("")
    by = StringProperty("")

    def __init__(self, row: FindingRow, **kwargs: Any) -> None:
        super().__init__(fact=row.fact, by=joined(row.author, row.when), **kwargs)
        self.row = row
        badges = self.ids.badges
        # Of a withdrawn finding nothing is left to grade or to dispose of: only its mark says how it stands.
        if row.severity:
            tone = SEVERITY_TONES[row.severity]
            badges.add_widget(Badge(icon="finding", text=row.severity_text, tone=tone))
            badges.add_widget(Badge(text=row.disposal_text))
        for mark in row.marks:
            badges.add_widget(Badge(text=mark, tone="dispute" if row.disputed else "muted"))


class FindingsCard(Card):
    """The findings of this item."""

    may = BooleanProperty(False)
    __events__ = ("on_add", "on_open")

    def show(self, detail: ItemDetail) -> None:
        self.may = "finding" in detail.may
        rows = self.ids.rows
        rows.clear_widgets()
        for row in detail.findings:
            finding = FindingLine(row)
            finding.bind(on_release=lambda one: self.dispatch("on_open", one.row))
            rows.add_widget(finding)
        if not detail.findings:
            rows.add_widget(Text(content=say("finding.none"), tone="ink_2"))

    def on_add(self) -> None:
        """A new finding."""

    def on_open(self, row: FindingRow) -> None:
        """A finding was tapped."""


def _by(value: ValueRow) -> str:
    return joined(say("dispute.mine", name=value.author) if value.mine else value.author, value.when)


load_rules(__file__)
