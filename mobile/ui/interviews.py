"""The page of talks: the compulsory categories, how many are due and held, and the points heard."""

from collections.abc import Iterator
from typing import Any

from kivy.properties import BooleanProperty, NumericProperty, StringProperty

from mobile.page_rows import InterviewRow
from mobile.ui.cards import Said
from mobile.ui.gradually import Gradually
from mobile.ui.kit import load_rules
from mobile.ui.kit_controls import Card
from mobile.ui.kit_text import Text
from mobile.ui.page import ColumnPage
from mobile.ui.shown import VisitShown
from mobile.ui.words import joined, say


class InterviewCard(Card):
    """One category."""

    title = StringProperty("")
    figures = StringProperty("")
    badge = StringProperty("")
    badge_icon = StringProperty("")
    badge_tone = StringProperty("muted")
    progress = NumericProperty(0)
    may = BooleanProperty(False)
    __events__ = ("on_record",)

    def show(self, row: InterviewRow) -> None:
        self.title, self.figures, self.may = row.title, row.text, row.may
        self.progress = (
            min(1.0, row.held / row.required) if row.required else float(bool(row.talks) and row.done)
        )
        self.badge = "" if not row.compulsory else say("page.done" if row.done else "interview.compulsory")
        self.badge_icon, self.badge_tone = ("check", "ok") if row.done else ("pending", "warn")
        said = self.ids.said
        said.clear_widgets()
        for talk in row.talks:
            figure = say("interview.progress_own", held=talk.held)
            who = say("dispute.mine", name=talk.author) if talk.mine else talk.author
            said.add_widget(Said(text=talk.points, by=joined(who, figure, talk.when)))

    def on_record(self) -> None:
        """Talks of this category are to be recorded."""


class InterviewsPage(ColumnPage):
    """The categories, the compulsory ones first."""

    __events__ = ("on_category",)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._cards: dict[str, InterviewCard] = {}
        self._explain = Text(tone="ink_2", type="hint")
        self._gradually = Gradually()

    def show(self, visit: VisitShown) -> None:
        self.title = say("page.interviews")
        done = sum(row.done for row in visit.interviews if row.compulsory)
        self.detail = say("interviews.summary", done=done)
        self._explain.content = say("interviews.explain")
        self._gradually.make(self._filled(visit))

    def _filled(self, visit: VisitShown) -> Iterator[None]:
        """A category before each frame, where its card is new."""
        for row in visit.interviews:
            card, new = self._cards.get(row.category), False
            if card is None:
                card, new = InterviewCard(), True
                self._cards[row.category] = card
            card.show(row)
            card.unbind(on_record=getattr(card, "then", None) or (lambda _: None))
            card.then = lambda _, row=row: self.dispatch("on_category", row)
            card.bind(on_record=card.then)
            if new:
                yield
        self.put(self._explain, *self._cards.values())

    def on_category(self, row: InterviewRow) -> None:
        """A category was tapped."""


load_rules(__file__)
