"""Blind double scoring: what a member may see and record before everybody has closed their own scoring; pure.

The one place that knows. A colleague's operations are taken out of the state itself, before anything is read off
it; so rows, progress, score, disputes and what a new tap replaces are the person's own, with no rule of theirs.
"""

from collections.abc import Sequence
from typing import NamedTuple

from shared_schema.ids import PersonId
from shared_schema.inspection import Inspection
from shared_schema.merge import State, view
from shared_schema.operations import KINDS, STAGE_FIELD, Opened, Operation, ScoringClosed, stands_for
from shared_schema.roles import may_author
from shared_schema.wire import Assignment

SHARED = frozenset({"stage", "sample", "signature", "scoring"})
"""Families of fields that say nothing of how anybody judges: who is here, which computers, who signs, who is done."""
_WHEN_ALL_ARE_DONE = frozenset({"deliberated", "submitted", "dispute_settled", "na_consent"})
_AFTER_ONE_IS_DONE = frozenset(
    {"opened", "aborted", "scoring_closed", "sample_drawn", "signed", "signature_refused"}
)


class Blind(NamedTuple):
    """How far the blind scoring of a visit is."""

    on: bool
    """False once everybody has closed their scoring, or the visit has gone on without."""
    scorers: tuple[PersonId, ...] = ()
    closed: frozenset[PersonId] = frozenset()

    @property
    def waiting(self) -> tuple[PersonId, ...]:
        """Who has not closed their scoring yet."""
        return tuple(one for one in self.scorers if one not in self.closed)

    def withheld(self, person: PersonId) -> frozenset[str]:
        """Kinds of operation this person is not offered meanwhile."""
        if not self.on:
            return frozenset({"scoring_closed"})
        return frozenset(KINDS) - _AFTER_ONE_IS_DONE if person in self.closed else _WHEN_ALL_ARE_DONE


OPEN = Blind(on=False)
"""A visit that is not scored blind."""


def blind(assignment: Assignment, state: State) -> Blind:
    """Whether colleagues' work is hidden now, and from whom scores are awaited.

    Those score who were present at the opening and may answer. Once the visit is deliberated, handed in or sent
    back, everything has been seen.
    """
    if not assignment.blind:
        return OPEN
    shared = {key: ones for key, ones in state.fields.items() if key.split("/")[0] in ("stage", "scoring")}
    seen = view(State(shared))
    present = {member for one in state.fields.get(STAGE_FIELD, ()) for member in _present(one)}
    roles = {one.person: one.role for one in assignment.members}
    scorers = tuple(
        PersonId(person)
        for person, role in sorted(roles.items())
        if may_author(role, "answer") and (not present or person in present)
    )
    leaders = {person for person, role in roles.items() if role == "leader"}
    closed = frozenset(
        PersonId(one.value.member)
        for cell in seen.closings
        for one in cell.standing
        if one.person == one.value.member or one.person in leaders
    )
    finished = seen.stage == "opened" and closed.issuperset(scorers)
    return Blind(seen.stage in ("prepared", "opened") and not finished, scorers, closed)


def _present(operation: Operation) -> Sequence[str]:
    body = stands_for(operation.body)
    return body.members if isinstance(body, Opened) else ()


def seen_by(state: State, person: PersonId, scoring: Blind) -> State:
    """The state as this person may see it: while scoring is blind, without what colleagues recorded."""
    if not scoring.on:
        return state
    fields = {}
    for field, ones in state.fields.items():
        own = ones if field.split("/")[0] in SHARED else tuple(one for one in ones if one.person == person)
        if own:
            fields[field] = own
    return State(fields, state.replaced, tuple(one for one in state.held if one.person == person))


def closed_by(inspection: Inspection) -> dict[PersonId, ScoringClosed]:
    """By member, how their scoring was closed: by themselves, or by the leader with a reason."""
    return {PersonId(cell.value.member): cell.value for cell in inspection.closings}
