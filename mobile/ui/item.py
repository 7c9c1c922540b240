"""The item pane: what is asked, how and on what basis; below it the cards of answer, dispute, notes, findings."""

from collections.abc import Iterator
from typing import Any

from kivy.properties import BooleanProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout

from mobile.photo_views import ItemPhotos
from mobile.rows import FindingRow, ItemDetail
from mobile.ui.cards import AnswerCard, DisputeCard, Fact, FindingsCard, NoteCard
from mobile.ui.cards_before import EarlierCard, LeadsCard, RemarkCard
from mobile.ui.gradually import Gradually
from mobile.ui.items import ITEM_LOOKS
from mobile.ui.kit import load_rules
from mobile.ui.kit_text import Text
from mobile.ui.memory import memory
from mobile.ui.photos import PhotosCard
from mobile.ui.session import Session
from mobile.ui.shown import VisitShown
from mobile.ui.words import say
from shared_schema.ids import OpId
from shared_schema.operations import AnswerValue

COPYING = "copying from paper"


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
        if not detail.photo_allowed:
            wanted.append(
                ("no_camera", detail.photo_text)
            )  # where it is allowed, the card of photos says how
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


class ItemPane(BoxLayout):
    """One item, whole. Only the cards whose rows changed are drawn again."""

    title = StringProperty("")
    state_icon = StringProperty("")
    state_text = StringProperty("")
    state_tone = StringProperty("muted")
    previous = StringProperty("")
    following = StringProperty("")
    alone = BooleanProperty(False)
    __events__ = (
        "on_list", "on_na", "on_note", "on_add_finding", "on_finding", "on_settle", "on_again", "on_consent_here",
        "on_copying", "on_lead",
    )  # fmt: skip

    def __init__(self, session: Session, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.session = session
        self.detail: ItemDetail | None = None
        self._looks = ""
        self.text, self.dispute, self.answer = ItemText(), DisputeCard(), AnswerCard(session.asked)
        self.note, self.findings = NoteCard(), FindingsCard()
        self.remarks, self.earlier, self.photos = RemarkCard(), EarlierCard(), PhotosCard()
        self.leads = LeadsCard()
        self.item_photos: ItemPhotos | None = None
        self._gradually = Gradually()
        self.leads.bind(on_check=lambda _, row: self.dispatch("on_lead", row))
        self.earlier.bind(on_again=lambda _, finding: self.dispatch("on_again", finding))
        self.answer.bind(on_from_paper=self._from_paper)
        self.answer.bind(on_consent_here=lambda _: self.dispatch("on_consent_here"))
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
        looks = f"{language} {memory.scope}"
        if (detail, visit.item_photos) == (before, self.item_photos) and looks == self._looks:
            return
        self.item_photos = visit.item_photos
        another = before is None or detail is None or before.item != detail.item or looks != self._looks
        self.detail, self._looks = detail, looks
        column = self.ids.column
        if detail is None:
            self._gradually.stop()
            self.title = self.state_text = ""
            column.clear_widgets()
            column.add_widget(Text(content=say("visit.choose_item"), tone="ink_2", flow="center"))
            return
        self._gradually.make(self._cards(detail, column, another=another))

    def _cards(self, detail: ItemDetail, column: BoxLayout, *, another: bool) -> Iterator[None]:
        """First what is asked and answered, then what hangs on it."""
        self.title = say("item.of_section", code=detail.code, section=detail.section)
        icon, tone, _ = ITEM_LOOKS[detail.state]
        self.state_icon, self.state_text = icon, detail.state_text
        self.state_tone = "muted" if tone == "ink_3" else tone
        self.text.show(detail)
        self.answer.show(detail, copying=self.copying, asks_pins=self.session.asks_pins)
        self.remarks.show(detail)
        self.leads.show(detail)
        if detail.disputed:
            self.dispute.show(detail.values, may_settle="dispute_settled" in detail.may)
        first = [
            self.text,
            *([self.remarks] if detail.remarks else []),
            *([self.leads] if detail.leads else []),
            *([self.dispute] if detail.disputed else []),
            self.answer,
        ]
        rest = [
            # Of what is kept by its number no sentence may be written, so there is nowhere to write one.
            *([self.note] if not detail.by_number else []),
            *([self.findings] if detail.findings or not detail.by_number else []),
            *([self.photos] if self.item_photos is not None else []),
            *([self.earlier] if detail.earlier else []),
        ]
        # What hangs on the item before is not left standing below another one, not even for a frame.
        other = another or list(reversed(column.children)) != first + rest
        if other:
            column.clear_widgets()
            for card in first:
                column.add_widget(card)
        if another:
            self.ids.scroll.scroll_y = 1
        yield
        self.note.show(detail)
        self.findings.show(detail)
        yield
        self.earlier.show(detail)
        if self.item_photos is not None:
            self.photos.show(self.item_photos)
        for card in rest if other else ():
            column.add_widget(card)

    def go(self, item: str) -> None:
        if item:
            self.session.go(item=item, pane="item")

    @property
    def copying(self) -> bool:
        """Whether answers are being copied from paper just now; kept for the visit until it is ended."""
        return bool(memory.draft(COPYING))

    def record(self, item: str, answer: AnswerValue, seen: tuple[OpId, ...], paper_ref: str = "") -> None:
        """An answer of a row or of the item's card; it can be taken back."""
        self.session.do("answer", item, answer, from_paper=self.copying, paper_ref=paper_ref, seen=seen)

    def _answered(self, _card: object, answer: AnswerValue) -> None:
        if self.detail is not None:
            self.record(self.detail.item, answer, self.detail.seen, self.answer.paper_ref)

    def stop_copying(self) -> None:
        """Nothing more is copied from paper; what was copied stays so."""
        memory.keep_draft(COPYING, "")
        if self.detail is not None:
            self.answer.show(self.detail, copying=False, asks_pins=self.session.asks_pins)

    def _from_paper(self, _card: object) -> None:
        """From now on answers are copied from paper, or no longer; what stands on the item follows."""
        detail, copying = self.detail, not self.copying
        memory.keep_draft(COPYING, "1" if copying else "")
        self.dispatch("on_copying")
        if detail is None:
            return
        answer = self._latest(detail)
        if answer is not None and detail.from_paper != copying and "answer" in detail.may:
            self.record(detail.item, answer, detail.seen, detail.paper_ref)
        self.answer.show(detail, copying=copying, asks_pins=self.session.asks_pins)

    def _paper(self, _card: object, item: str, paper_ref: str) -> None:
        detail = self.detail
        if detail is None or detail.item != item or paper_ref == detail.paper_ref:
            return
        answer = self._latest(detail)
        if answer is not None:
            self.record(item, answer, detail.seen, paper_ref)

    def _latest(self, detail: ItemDetail) -> AnswerValue | None:
        """The answer given a moment ago, or the one that stands."""
        stands = None if detail.current is None else detail.current.answer
        return self.session.asked(detail.item) or stands

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

    def on_again(self, finding: str) -> None:
        """What an earlier inspection found was found again."""

    def on_copying(self) -> None:
        """Answers are copied from paper from now on, or no longer."""

    def on_consent_here(self) -> None:
        """A colleague would consent on this tablet."""

    def on_lead(self, row: object) -> None:
        """What was found of a lead is to be recorded."""

    def on_settle(self, op: str) -> None:
        """The leader would adopt this value."""


load_rules(__file__)
