"""What a tap calls on the desk, and what calls take it back; used on the worker's thread."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from mobile.actions import Desk
from shared_schema.ids import InspectionId, PersonId


class Call(NamedTuple):
    """One verb of the desk, without the person and the inspection."""

    verb: str
    args: tuple[Any, ...] = ()
    facts: Mapping[str, Any] = {}


def made(desk: Desk, person: PersonId, inspection: InspectionId, calls: Iterable[Call]) -> tuple[Call, ...]:
    """Makes the calls one after the other; the calls that take them back, the last one first."""
    backs = []
    for verb, args, facts in calls:
        before = desk.said(inspection)
        operation = getattr(desk, verb)(person, inspection, *args, **facts)
        instead = desk.unsaid(before, operation)
        if instead is not None:
            backs.append(Call("put_back", (instead, operation.id)))
    return tuple(reversed(backs))
