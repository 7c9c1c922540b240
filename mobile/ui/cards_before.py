"""The cards of an item about what was before: the coordinator's remarks, and what earlier inspections found."""

from functools import partial

from mobile.rows import ItemDetail
from mobile.ui.cards import Fact, Said
from mobile.ui.kit_controls import Card, button
from mobile.ui.kit_text import Text
from mobile.ui.words import joined, say


class RemarkCard(Card):
    """Why the coordinator sent this item back."""

    def show(self, detail: ItemDetail) -> None:
        self.tone = "warn"
        self.clear_widgets()
        self.add_widget(Fact(icon="undo", text=say("remark.title"), tone="warn"))
        for remark in detail.remarks:
            self.add_widget(Text(content=remark))


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
