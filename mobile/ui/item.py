"""The item pane: what is asked, how and on what basis; the answer, who differs, notes and findings."""

from collections.abc import Sequence
from typing import Any

from kivy.properties import BooleanProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout

from mobile.rows import FindingRow, ItemDetail, ValueRow
from mobile.ui.answers import CONTROLS, AnswerControl
from mobile.ui.items import ITEM_LOOKS
from mobile.ui.kit import load_rules
from mobile.ui.kit_controls import Badge, Card, Field, Press, button
from mobile.ui.kit_text import Text
from mobile.ui.session import Session
from mobile.ui.shown import VisitShown
from mobile.ui.words import joined, say
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


class ItemText(BoxLayout):
    """What is asked, how to check it and on what basis."""

    text = StringProperty("")

    def show(self, detail: ItemDetail) -> None:
        self.text = detail.text
        wanted = [
            (icon, f"{say(key)}  {told}")
            for icon, key, told in (
                ("method", "item.method", detail.methods),
                ("basis", "item.basis", detail.basis),
                ("letter", "item.evidence", detail.evidence),
            )
            if told
        ]
        wanted.append(("camera" if detail.photo_allowed else "no_camera", detail.photo_text))
        if detail.guidance:
            wanted.append(("info", detail.guidance))
        # Widgets are dear and items are many: the lines of the item before are written anew.
        facts = self.ids.facts
        for surplus in facts.children[: max(0, len(facts.children) - len(wanted))]:
            facts.remove_widget(surplus)
        while len(facts.children) < len(wanted):
            facts.add_widget(Fact())
        for fact, (icon, told) in zip(reversed(facts.children), wanted, strict=True):
            fact.icon, fact.text = icon, told


class AnswerCard(Card):
    """The answer: its control, the points it costs, and N/A."""

    points = StringProperty("")
    deductions = StringProperty("")
    __events__ = ("on_answer", "on_paper", "on_na", "on_consent")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._controls: dict[str, AnswerControl] = {}
        self._paper: Field | None = None
        self._item = ""

    def show(self, detail: ItemDetail) -> None:
        self._show_control(detail)
        self._show_paper(detail)
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
            control = self._controls[detail.control] = CONTROLS[detail.control]()
            control.bind(on_answer=lambda _, answer: self.dispatch("on_answer", answer))
        if control.parent is None:
            self.ids.control.clear_widgets()
            self.ids.control.add_widget(control)
        control.show(detail)
        if detail.item != self._item:
            self._item, self._paper = detail.item, None
            self.ids.paper.clear_widgets()

    def _show_paper(self, detail: ItemDetail) -> None:
        if not detail.by_number:
            return
        if self._paper is None:
            self._paper = Field(label=say("paper.number"), limit=400)
            self._paper.text = detail.paper_ref
            self.ids.paper.add_widget(self._paper)
            self.ids.paper.add_widget(Fact(icon="lock", text=say("paper.hint"), tone="warn"))
            self._paper.bind(on_done=lambda _: self._paper_done(detail.item))
        self._paper.disabled = "answer" not in detail.may

    def _paper_done(self, item: str) -> None:
        """The number was typed after the answer: the same answer is recorded again, with it."""
        self.dispatch("on_paper", item, self.paper_ref)

    def _show_standing(self, detail: ItemDetail) -> None:
        """Of what stands without a dispute, only what the control cannot show: N/A, its consents, a settlement."""
        standing = self.ids.standing
        standing.clear_widgets()
        if detail.disputed or not detail.values:
            return
        first = detail.values[0]
        if first.na_reason:
            standing.add_widget(Said(text=first.text, strong=True, by=_by(first)))
            if first.explanation:
                standing.add_widget(Said(text=first.explanation))
            icon = ITEM_LOOKS[detail.state][0]
            words_said = (
                say("na.consented", names="、".join(detail.consents))
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
        badges.add_widget(Badge(icon="finding", text=row.severity_text, tone=SEVERITY_TONES[row.severity]))
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


class ItemPane(BoxLayout):
    """One item, whole. Only the cards whose rows changed are drawn again."""

    title = StringProperty("")
    state_icon = StringProperty("")
    state_text = StringProperty("")
    state_tone = StringProperty("muted")
    previous = StringProperty("")
    following = StringProperty("")
    alone = BooleanProperty(False)
    __events__ = ("on_list", "on_na", "on_note", "on_add_finding", "on_finding", "on_settle")

    def __init__(self, session: Session, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.session = session
        self.detail: ItemDetail | None = None
        self._language = ""
        self.text, self.dispute, self.answer = ItemText(), DisputeCard(), AnswerCard()
        self.note, self.findings = NoteCard(), FindingsCard()
        self.answer.bind(on_answer=self._answered, on_paper=self._paper, on_consent=self._consented)
        self.answer.bind(on_na=lambda _: self.dispatch("on_na"))
        self.dispute.bind(on_adopt=lambda _, op: self.dispatch("on_settle", op))
        self.note.bind(on_edit=lambda _: self.dispatch("on_note"))
        self.findings.bind(on_add=lambda _: self.dispatch("on_add_finding"))
        self.findings.bind(on_open=lambda _, row: self.dispatch("on_finding", row))

    def show(self, visit: VisitShown, language: str) -> None:
        detail, before = visit.detail, self.detail
        order = [row.item for row in visit.items]
        place = order.index(detail.item) if detail is not None and detail.item in order else -1
        self.previous = order[place - 1] if place > 0 else ""
        self.following = order[place + 1] if 0 <= place < len(order) - 1 else ""
        if detail == before and language == self._language:
            return
        self.detail, self._language = detail, language
        column = self.ids.column
        if detail is None:
            self.title = self.state_text = ""
            column.clear_widgets()
            column.add_widget(Text(content=say("visit.choose_item"), tone="ink_2", flow="center"))
            return
        self._show(detail, column, another=before is None or before.item != detail.item)

    def _show(self, detail: ItemDetail, column: BoxLayout, *, another: bool) -> None:
        self.title = say("item.of_section", code=detail.code, section=detail.section)
        icon, tone, _ = ITEM_LOOKS[detail.state]
        self.state_icon, self.state_text = icon, detail.state_text
        self.state_tone = "muted" if tone == "ink_3" else tone
        self.text.show(detail)
        self.answer.show(detail)
        self.note.show(detail)
        self.findings.show(detail)
        if detail.disputed:
            self.dispute.show(detail.values, may_settle="dispute_settled" in detail.may)
        wanted = [
            self.text,
            *([self.dispute] if detail.disputed else []),
            self.answer,
            self.note,
            self.findings,
        ]
        if list(reversed(column.children)) != wanted:
            column.clear_widgets()
            for card in wanted:
                column.add_widget(card)
        if another:
            self.ids.scroll.scroll_y = 1

    def go(self, item: str) -> None:
        if item:
            self.session.go(item=item, pane="item")

    def _answered(self, _card: object, answer: AnswerValue) -> None:
        if self.detail is not None:
            self.session.do(
                "answer", self.detail.item, answer, paper_ref=self.answer.paper_ref, seen=self.detail.seen
            )

    def _paper(self, _card: object, item: str, paper_ref: str) -> None:
        detail = self.detail
        if detail is None or detail.item != item or detail.current is None or paper_ref == detail.paper_ref:
            return
        self.session.do("answer", item, detail.current.answer, paper_ref=paper_ref, seen=detail.seen)

    def _consented(self, _card: object) -> None:
        detail = self.detail
        if detail is not None and detail.values:
            self.session.do("consent", detail.item, detail.values[0].na_reason, seen=detail.consent_seen)

    def on_list(self) -> None:
        """Back to the list of items."""

    def on_na(self) -> None:
        """N/A was tapped."""

    def on_note(self) -> None:
        """The note was tapped."""

    def on_add_finding(self) -> None:
        """A new finding."""

    def on_finding(self, row: FindingRow) -> None:
        """A finding was tapped."""

    def on_settle(self, op: str) -> None:
        """The leader would adopt this value."""


load_rules(__file__)
