"""What a tap calls on the desk, which of these calls are under way, and what calls take them back."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from mobile.actions import Desk
from shared_schema.ids import InspectionId, PersonId
from shared_schema.operations import AnswerValue


class Call(NamedTuple):
    """One verb of the desk, without the person and the inspection."""

    verb: str
    args: tuple[Any, ...] = ()
    facts: Mapping[str, Any] = {}


class Asked(NamedTuple):
    """One tap: who calls what on which inspection of which desk."""

    desk: Desk
    person: PersonId
    inspection: InspectionId
    calls: tuple[Call, ...]


class UnderWay:
    """The taps that were asked for and are not committed yet; used on the screens' thread."""

    def __init__(self) -> None:
        self._asked: list[Asked] = []

    def begin(self, asked: Asked) -> bool:
        """Whether it is to be done: not where it is the last one asked again, a button pressed twice."""
        if self._asked and self._asked[-1] == asked:
            return False
        self._asked.append(asked)
        return True

    def end(self, asked: Asked) -> None:
        """It is committed, or has failed."""
        # By identity: yes, no and yes again are three taps, of which two are equal.
        self._asked = [one for one in self._asked if one is not asked]

    def answer(self, person: str, inspection: str, item: str) -> AnswerValue | None:
        """The answer to an item that was asked for last and is not committed yet; None where none is."""
        for asked in reversed(self._asked):
            if (asked.person, asked.inspection) == (person, inspection):
                for call in reversed(asked.calls):
                    if call.verb == "answer" and call.args[0] == item:
                        answer: AnswerValue = call.args[1]
                        return answer
        return None


def made(desk: Desk, person: PersonId, inspection: InspectionId, calls: Iterable[Call]) -> tuple[Call, ...]:
    """Makes the calls one after the other, on the worker's thread; the calls that take them back, last one first."""
    backs = []
    for verb, args, facts in calls:
        before = desk.said(inspection)
        operation = getattr(desk, verb)(person, inspection, *args, **facts)
        instead = desk.unsaid(before, operation)
        if instead is not None:
            backs.append(Call("put_back", (instead, operation.id)))
    return tuple(reversed(backs))
