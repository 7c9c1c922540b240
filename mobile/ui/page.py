"""What a visit has beside its sections: the frame of such a page, and small lines that several pages are made of."""

from typing import Any

from kivy.properties import BooleanProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout

from mobile.ui.kit import load_rules
from mobile.ui.kit_controls import Chip, Press


class Page(BoxLayout):
    """A title, a line about the whole, acts at the right; what it shows comes below."""

    title = StringProperty("")
    detail = StringProperty("")
    narrow = BooleanProperty(False)
    __events__: tuple[str, ...] = ("on_sections",)

    def to_top(self) -> None:
        """A page that was left begins again at its top."""
        for name in ("rows", "scroll"):
            if name in self.ids:
                self.ids[name].scroll_y = 1

    def forget(self) -> None:
        """Everything is drawn anew with the next rows: another palette."""
        if "rows" in self.ids:
            self.ids.rows.data = []

    def on_sections(self) -> None:
        """Back to the sections, where they are not beside the page."""


class ColumnPage(Page):
    """A page of cards in one column that scrolls."""

    def put(self, *cards: Any) -> None:
        """Shows these cards, which stay what they are when the rows change."""
        column = self.ids.column
        if list(reversed(column.children)) != list(cards):
            column.clear_widgets()
            for card in cards:
                column.add_widget(card)


class ActLine(Press):
    """A line that leads on: an icon, what it does, and what stands there so far."""

    icon = StringProperty("")
    text = StringProperty("")
    detail = StringProperty("")
    tone = StringProperty("accent")


class Chips(BoxLayout):
    """Choices on one line, which scrolls sideways where it is too narrow."""

    def put(self, *chips: Chip) -> None:
        row = self.ids.row
        row.clear_widgets()
        for chip in chips:
            row.add_widget(chip)


def picks(*choices: tuple[str, Any]) -> Chips:
    """Chips of (what it says, what to do with a tap)."""
    chips = Chips()
    made = []
    for text, then in choices:
        chip = Chip(text=text)
        chip.bind(on_release=lambda _, then=then: then())
        made.append(chip)
    chips.put(*made)
    return chips


load_rules(__file__)
