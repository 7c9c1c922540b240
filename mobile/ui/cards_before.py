"""The cards of an item about what came before: remarks and leads of the coordinator, earlier findings."""

from functools import partial
from typing import Any

from kivy.metrics import dp
from kivy.uix.boxlayout import BoxLayout

from mobile.rows import ItemDetail, LeadRow
from mobile.ui.cards import Fact, Said
from mobile.ui.kit_controls import Card, button
from mobile.ui.kit_text import Text
from mobile.ui.words import joined, say

LEAD_TONES = {"open": "warn", "true": "bad", "untrue": "ok", "disputed": "dispute"}
LEAD_ICONS = {"open": "pending", "true": "problem", "untrue": "answered", "disputed": "disputed"}


class RemarkCard(Card):
    """Why the coordinator sent this item back."""

    def show(self, detail: ItemDetail) -> None:
        self.tone = "warn"
        self.clear_widgets()
        self.add_widget(Fact(icon="undo", text=say("remark.title"), tone="warn"))
        for remark in detail.remarks:
            self.add_widget(Text(content=remark))


class LeadCard(Card):
    """One lead: what to verify, what was found, and the way to record it."""

    __events__ = ("on_check",)

    def __init__(self, row: LeadRow, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tone = LEAD_TONES[row.state]
        self.add_widget(
            Fact(icon=LEAD_ICONS[row.state], text=joined(row.item, row.state_text), tone=self.tone)
        )
        self.add_widget(Said(text=row.text, by=row.paper_ref, strong=True))
        for text, by in row.said:
            self.add_widget(Said(text=text, by=by))
        if row.may:
            check = partial(self.dispatch, "on_check", row)
            self.add_widget(button(say("lead.record"), check, kind="outline", icon="search"))

    def on_check(self, row: LeadRow) -> None:
        """What was found is to be recorded."""


class LeadsCard(BoxLayout):
    """What the coordinator asked to verify at this item."""

    __events__ = ("on_check",)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(orientation="vertical", size_hint_y=None, spacing=dp(12), **kwargs)
        self.bind(minimum_height=self.setter("height"))

    def show(self, detail: ItemDetail) -> None:
        self.clear_widgets()
        for row in detail.leads:
            card = LeadCard(row)
            card.bind(on_check=lambda _, one: self.dispatch("on_check", one))
            self.add_widget(card)

    def on_check(self, row: LeadRow) -> None:
        """What was found of one of them is to be recorded."""


class EarlierCard(Card):
    """What was found here before; found again, it is a repeat."""

    __events__ = ("on_again",)

    def show(self, detail: ItemDetail) -> None:
        self.clear_widgets()
        self.add_widget(Text(content=say("earlier.title"), strong=True))
        for row in detail.earlier:
            year = say("earlier.by", year=row.year)
            self.add_widget(Said(text=row.fact, by=joined(year, row.open_text)))
            if "finding" in detail.may:
                again = partial(self.dispatch, "on_again", row.finding)
                self.add_widget(button(say("earlier.again"), again, kind="outline", icon="history"))

    def on_again(self, finding: str) -> None:
        """It was found again."""
