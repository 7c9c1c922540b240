"""What the answer controls of the item pane have in common: they show what stands and report a whole answer."""

from kivy.properties import BooleanProperty
from kivy.uix.boxlayout import BoxLayout

from mobile.rows import ItemDetail
from shared_schema.operations import AnswerValue


class AnswerControl(BoxLayout):
    """What the controls have in common."""

    may = BooleanProperty(False)
    __events__ = ("on_answer",)

    def show(self, detail: ItemDetail) -> None:
        """Shows what stands."""
        self.may = "answer" in detail.may
        self.fill(detail, None if detail.current is None else detail.current.answer)

    def fill(self, detail: ItemDetail, answer: AnswerValue | None) -> None:
        """Shows the answer this person starts from."""
        raise NotImplementedError

    def give(self, answer: AnswerValue) -> None:
        """The finger has answered."""
        self.dispatch("on_answer", answer)

    def on_answer(self, answer: AnswerValue) -> None:
        """A whole answer."""
