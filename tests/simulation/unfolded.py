"""What a log comes to, worked out from all its operations at once: what the folding code is held against."""

from collections.abc import Iterable
from typing import NamedTuple

from shared_schema.checklist import Checklist
from shared_schema.ids import FieldKey
from shared_schema.inspection import Inspection
from shared_schema.merge import State, view
from shared_schema.operations import Operation, field_of, read
from shared_schema.problems import Problem
from shared_schema.scoring import score
from shared_schema.sheet import sheet_bytes


class Reading(NamedTuple):
    """What a set of operations comes to."""

    state: State
    inspection: Inspection
    sheet: bytes


def readable(raws: Iterable[bytes]) -> list[Operation]:
    """The operations that can be read."""
    found = []
    for raw in raws:
        try:
            found.append(read(raw))
        except Problem:
            continue
    return found


def unfolded(raws: Iterable[bytes], checklist: Checklist) -> Reading:
    """What operations come to by a checklist: on each field, those that no other one names as a base."""
    by_field: dict[FieldKey, list[Operation]] = {}
    held = {}
    for one in readable(raws):
        field = field_of(one.body, one.person)
        if field is None:
            held[one.id] = one
        else:
            by_field.setdefault(field, []).append(one)
    standing = {}
    for field, ops in by_field.items():
        gone = {base for one in ops for base in one.bases}
        left = {one.id: one for one in ops if one.id not in gone}
        if left:
            standing[field] = tuple(sorted(left.values(), key=_place))
    state = State(standing, {}, tuple(sorted(held.values(), key=_place)))
    inspection = _view(state)
    return Reading(state, inspection, sheet_bytes(_score(checklist, inspection)))


def _place(one: Operation) -> tuple[str, str, int, str]:
    return one.device, one.epoch, one.seq, one.id


_view, _score = view, score  # as they are now: a mutant put in later must not reach the reference too
