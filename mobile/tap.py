"""One tap becomes one operation: who may, what it replaces, its place in the chain, one transaction."""

from collections.abc import Callable, Sequence

from mobile.blind import blind, seen_by
from mobile.store import Store
from shared_schema.answers import check_answer
from shared_schema.checklist import Checklist
from shared_schema.ids import ID_BYTES, FieldKey, InspectionId, OpId, PersonId, make_id
from shared_schema.inspection import Stage
from shared_schema.merge import State, view
from shared_schema.operations import (
    BASES_MAX,
    KIND_OF,
    STAGE_FIELD,
    Body,
    DisputeSettled,
    Envelope,
    Finding,
    FindingAmended,
    Note,
    Operation,
    body_bytes,
    field_of,
    make_operation,
    read,
)
from shared_schema.problems import Problem
from shared_schema.roles import Role, may_author, may_now
from shared_schema.wire import Assignment

BY_NUMBER = "只记次数和纸质记录编号 / only the count and the number of the paper record"
Seen = Sequence[OpId] | None
"""The operations a screen was showing for a field; None: whatever the store holds now."""


class Tap:
    """Makes operations over one store. `entropy(n)` gives n random bytes, `clock()` milliseconds."""

    def __init__(self, store: Store, entropy: Callable[[int], bytes], clock: Callable[[], int]) -> None:
        self._store = store
        self._entropy = entropy
        self._clock = clock

    def write(
        self,
        person: PersonId,
        inspection: InspectionId,
        body: Body,
        seen: Seen,
        *,
        photo: tuple[str, str] | None = None,
        decision: str = "",
    ) -> Operation:
        """Checks, makes and commits one operation; `decision` is the kind a settlement decides for."""
        kind = KIND_OF[type(body)]
        assignment, gone = self.assigned(inspection)
        if gone:
            raise Problem("inspection_unknown", inspection=inspection)
        if inspection in self._store.purged():
            raise Problem("visit_purged")
        role = self.role(inspection, person, kind, decision)
        state = self._store.state(inspection)
        stage = _stage(state)
        if not may_now(role, kind, stage):
            raise Problem("stage_forbids", stage=stage, kind=kind)
        if kind in blind(assignment, state).withheld(person):
            raise Problem("scoring_blind", kind=kind)
        checklist = self._store.checklist(assignment.checklist)
        check_answer(checklist, body, self._store.checklists)
        _check_wording(checklist, body)
        head = self._store.head()
        envelope = Envelope(
            id="-",
            inspection=inspection,
            person=person,
            device=self._device(),
            epoch=head.epoch,
            seq=head.seq + 1,
            prev=head.hash,
            at_ms=self._clock(),
            bases=self._bases(inspection, body, person, seen),
            kind=kind,
            body=body_bytes(body),
        )
        # Reading it back holds it to the bounds of the wire: what a server would refuse is never written.
        operation = read(make_operation(envelope))
        self._store.record(operation, photo)
        return operation

    def new_id(self) -> str:
        """A new id."""
        return make_id(self._entropy(ID_BYTES))

    def assigned(self, inspection: str) -> tuple[Assignment, bool]:
        """The assignment, and whether it is gone. Raises inspection_unknown."""
        found = self._store.assignments().get(inspection)
        if found is None:
            raise Problem("inspection_unknown", inspection=inspection)
        return found

    def role(self, inspection: str, person: str, kind: str, decision: str = "") -> Role:
        """The person's role on the inspection. Raises author_not_allowed."""
        members = self.assigned(inspection)[0].members
        role = next((one.role for one in members if one.person == person), None)
        if role is None or not may_author(role, kind, decision):
            raise Problem("author_not_allowed", person=person, kind=kind)
        return role

    def leads(self, inspection: str, person: str) -> bool:
        """Whether this person leads the squad on the inspection."""
        members = self.assigned(inspection)[0].members
        return any(one.person == person and one.role == "leader" for one in members)

    def standing(self, inspection: str, field: str, person: PersonId) -> tuple[Operation, ...]:
        """The operations that stand on a field, of those this person may see."""
        state = self._store.state(inspection)
        ones = {FieldKey(field): state.fields.get(FieldKey(field), ())}
        scoring = blind(self.assigned(inspection)[0], state)
        return seen_by(State(ones), person, scoring).fields.get(FieldKey(field), ())

    def shown(self, inspection: str, field: FieldKey, person: PersonId, seen: Seen) -> tuple[Operation, ...]:
        """Of what stands on a field, what this person had before their eyes.

        One's own taps on this tablet one has seen, even those the screen had not redrawn yet.
        """
        device = self._device()
        return tuple(
            one
            for one in self.standing(inspection, field, person)
            if seen is None or one.id in seen or (one.person == person and one.device == device)
        )

    def _bases(self, inspection: str, body: Body, person: PersonId, seen: Seen) -> tuple[OpId, ...]:
        """What the operation replaces: all that was seen, and of a dispute only one's own."""
        field = field_of(body, person)
        assert field is not None, "a verb of an unknown kind"
        standing = self.shown(inspection, field, person, seen)
        if not isinstance(body, DisputeSettled) and disputed(field, standing):
            standing = tuple(one for one in standing if one.person == person)
        return tuple(one.id for one in standing[:BASES_MAX])

    def _device(self) -> str:
        identity = self._store.identity()
        assert identity is not None, "an assignment without an enrolment"
        return identity.device


def _stage(state: State) -> Stage:
    """The stage, without the view of the whole that a screen gets: it is asked for at every tap."""
    standing = state.fields.get(STAGE_FIELD)
    return "prepared" if standing is None else view(State({STAGE_FIELD: standing})).stage


def disputed(field: FieldKey, standing: tuple[Operation, ...]) -> bool:
    """Whether these values together are a dispute (of the stage, only steps of the same reach are)."""
    return len(standing) > 1 and bool(view(State({field: standing})).disputes)


def _check_wording(checklist: Checklist, body: Body) -> None:
    """Of what is kept by its number only, no sentence may be written here; one of a colleague can still be taken back.

    Raises answer_not_allowed.
    """
    if isinstance(body, Note) and not body.text:
        return
    if isinstance(body, Note | Finding | FindingAmended) and checklist.by_number(body.item):
        raise Problem("answer_not_allowed", item=body.item, cure=BY_NUMBER)
