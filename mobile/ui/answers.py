"""The answer controls of the item pane: one for each kind of response a checklist can ask for.

Each shows what stands and reports a whole answer; what is typed halfway stays in the control until it
is recorded.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

from kivy.properties import BooleanProperty, NumericProperty, StringProperty

from mobile.rows import ItemDetail
from mobile.ui.answer_control import AnswerControl, number_of
from mobile.ui.clauses import ClausesAnswer
from mobile.ui.kit import load_rules
from mobile.ui.kit_controls import Field, Tick
from mobile.ui.memory import memory
from mobile.ui.words import say, words
from shared_schema.operations import Actual, AnswerValue, Count, Present, Ratio, Value, YesNo


class YesNoAnswer(AnswerControl):
    """Met or not met."""

    value = StringProperty("")

    def fill(self, detail: ItemDetail, answer: AnswerValue | None) -> None:
        self.ids.choice.options = [
            ("yes", say("yes_no.yes"), "check", "ok"),
            ("no", say("yes_no.no"), "close", "bad"),
        ]
        self.value = "" if not isinstance(answer, YesNo) else "yes" if answer.ok else "no"

    def pick(self, key: str) -> None:
        if (answer := YesNo(key == "yes")) != self.latest:
            self.give(answer)


class PresentAnswer(AnswerControl):
    """A veto: it happened or not."""

    value = StringProperty("")

    def fill(self, detail: ItemDetail, answer: AnswerValue | None) -> None:
        self.ids.choice.options = [
            ("no", say("present.no"), "check", "ok"),
            ("yes", say("present.yes"), "problem", "bad"),
        ]
        self.value = "" if not isinstance(answer, Present) else "yes" if answer.present else "no"

    def pick(self, key: str) -> None:
        if (answer := Present(key == "yes")) != self.latest:
            self.give(answer)


class CountAnswer(AnswerControl):
    """How many problems were found, or (`actual`) how many times something was really done."""

    number = NumericProperty(None, allownone=True)
    highest = NumericProperty(1_000_000)
    unit = StringProperty("")
    label = StringProperty("")
    none_text = StringProperty("")
    tight = BooleanProperty(False)
    found_is_bad = BooleanProperty(True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ids.steps.latest = lambda: number_of(self.latest)

    def fill(self, detail: ItemDetail, answer: AnswerValue | None) -> None:
        self.found_is_bad = detail.control == "count"
        self.label = say("count.found" if self.found_is_bad else "actual.done")
        self.none_text = say("count.none_long") if self.found_is_bad else "0"
        # Checklists name the unit in Chinese only.
        self.unit = detail.unit if words.language == "zh" else ""
        self.number = number_of(answer)

    def offer(self, number: float) -> None:
        answer = Count(int(number)) if self.found_is_bad else Actual(int(number))
        if answer != self.latest:
            self.give(answer)


class FormAnswer(AnswerControl):
    """Figures that make sense only together: typed, then recorded."""

    problem = StringProperty("")
    changed = BooleanProperty(False)
    whole = BooleanProperty(False)
    labels: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._before: tuple[str, ...] | None = None
        self.entries = [Field(numeric=True) for _ in self.labels]
        for entry in self.entries:
            entry.bind(text=self._typed)
            self.ids.fields.add_widget(entry)
        self.bind(whole=self._typed)

    def put(self, detail: ItemDetail, *texts: str, whole: bool = False) -> None:
        """Shows what stands, unless something else is half typed over what has not changed."""
        for entry, label in zip(self.entries, self.labels, strict=True):
            entry.label = say(label)
            entry.disabled = not self.may
        # Another person's form is another form, though the item be the same.
        now = (f"{memory.scope}/{detail.item}", *texts, str(whole))
        if now == self._before:
            return
        # On another item first what was left half typed there; on this one something new stands.
        drafts = [memory.draft(self._form(detail.item, index)) for index in range(len(texts))]
        back = self._before is None or self._before[0] != now[0]
        self._before = None
        for entry, text, draft in zip(self.entries, texts, drafts, strict=True):
            entry.text = (back and draft) or text
        self.whole, self.problem = whole, ""
        self._before = now
        self._typed()

    def _typed(self, *_: object) -> None:
        if self._before is not None:
            now = (*(entry.text for entry in self.entries), str(self.whole))
            self.changed = now != self._before[1:]
            for index, (entry, stands) in enumerate(zip(self.entries, self._before[1:], strict=False)):
                form = self._form(self._item, index)
                memory.keep_draft(form, "" if entry.text == stands else entry.text)

    @staticmethod
    def _form(item: str, index: int) -> str:
        return f"{item}/answer/{index}"

    def record(self) -> None:
        answer = self.read(*(entry.text.strip() for entry in self.entries))
        if isinstance(answer, str):
            self.problem = answer
        else:
            self.problem = ""
            self.give(answer)

    def read(self, *texts: str) -> AnswerValue | str:
        """The answer typed, or the sentence that says what is missing."""
        raise NotImplementedError


class RatioAnswer(FormAnswer):
    """How many of the sampled conform."""

    labels = ("ratio.sampled", "ratio.conforming")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.all = Tick()
        self.all.bind(on_release=lambda _: setattr(self, "whole", not self.whole))
        self.bind(whole=self.all.setter("on"))
        self.add_widget(self.all, index=1)

    def fill(self, detail: ItemDetail, answer: AnswerValue | None) -> None:
        self.all.text, self.all.disabled = say("ratio.all"), not self.may
        ratio = answer if isinstance(answer, Ratio) else None
        texts = ("", "") if ratio is None else (str(ratio.sampled), str(ratio.conforming))
        self.put(detail, *texts, whole=ratio is not None and ratio.population == ratio.sampled)

    def read(self, *texts: str) -> AnswerValue | str:
        sampled, conforming = (_whole(text) for text in texts)
        if sampled is None or conforming is None:
            return say("value.cure")
        if conforming > sampled:
            return say("ratio.cure")
        return Ratio(sampled, conforming, sampled if self.whole else None)


class ValueAnswer(FormAnswer):
    """A measured figure."""

    labels = ("value.figure", "value.sampled")

    def fill(self, detail: ItemDetail, answer: AnswerValue | None) -> None:
        value = answer if isinstance(answer, Value) else None
        sampled = "" if value is None or value.sampled is None else str(value.sampled)
        self.put(detail, "" if value is None else str(value.value), sampled)

    def read(self, *texts: str) -> AnswerValue | str:
        figure = _decimal(texts[0])
        sampled = _whole(texts[1])
        if figure is None or (texts[1] and sampled is None):
            return say("value.cure")
        return Value(figure, sampled)


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _decimal(text: str) -> Decimal | None:
    try:
        figure = Decimal(text)
    except InvalidOperation:
        return None
    return figure if figure.is_finite() and figure >= 0 else None


CONTROLS: dict[str, type[AnswerControl]] = {
    "yes_no": YesNoAnswer,
    "present": PresentAnswer,
    "count": CountAnswer,
    "actual": CountAnswer,
    "clauses": ClausesAnswer,
    "ratio": RatioAnswer,
    "value": ValueAnswer,
}
"""The control of each kind of answer."""

load_rules(__file__)
