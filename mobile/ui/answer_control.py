"""What the answer controls of the item pane have in common: they show what stands and report a whole answer."""

from collections.abc import Callable
from typing import Any

from kivy.properties import BooleanProperty
from kivy.uix.boxlayout import BoxLayout

from mobile.rows import ItemDetail
from shared_schema.operations import Actual, AnswerValue, Count


class AnswerControl(BoxLayout):
    """What the controls have in common."""

    may = BooleanProperty(False)
    __events__ = ("on_answer",)

    def __init__(self, asked: Callable[[str], AnswerValue | None], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._asked = asked
        self._item = ""
        self._stands: AnswerValue | None = None

    def show(self, detail: ItemDetail) -> None:
        """Shows what stands."""
        self.may, self._item = "answer" in detail.may, detail.item
        self._stands = None if detail.current is None else detail.current.answer
        self.fill(detail, self._stands)

    @property
    def latest(self) -> AnswerValue | None:
        """What a tap starts from: the answer given a moment ago, which is not shown yet, or what stands."""
        return self._asked(self._item) or self._stands

    def fill(self, detail: ItemDetail, answer: AnswerValue | None) -> None:
        """Shows the answer this person starts from."""
        raise NotImplementedError

    def give(self, answer: AnswerValue) -> None:
        """The finger has answered."""
        self.dispatch("on_answer", answer)

    def on_answer(self, answer: AnswerValue) -> None:
        """A whole answer."""


def number_of(answer: AnswerValue | None) -> int | None:
    """The number of an answer that is one."""
    match answer:
        case Count(count=number) | Actual(actual=number):
            return number
    return None
