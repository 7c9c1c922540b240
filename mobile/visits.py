"""What the screens read: the visits of one store, viewed and scored once for each state."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from mobile.blind import Blind, blind, seen_by
from mobile.drafts import Drafts
from mobile.store import Refused, Store
from mobile.tap import Tap
from mobile.visit import Visit
from shared_schema.answers import on_removed_items
from shared_schema.checklist import Checklist
from shared_schema.ids import InspectionId, PersonId
from shared_schema.inspection import NOTHING, Stage
from shared_schema.merge import Seen as SeenState
from shared_schema.merge import State, look_again, view
from shared_schema.pricing import Memo
from shared_schema.problems import Problem
from shared_schema.scoring import score
from shared_schema.sheet import ScoreSheet
from shared_schema.wire import Assignment

NOBODY = PersonId("")


class _Read(NamedTuple):
    """What was worked out of a state, and what it follows from."""

    state: State
    assignment: Assignment
    scoring: Blind
    seen: SeenState
    sheet: ScoreSheet


class Unreadable(NamedTuple):
    """An assigned inspection that this version cannot show: its checklist has not arrived, or is too new for it."""

    assignment: Assignment
    problem: Problem
    stage: Stage
    unsent: int
    gone: bool


class Visits:
    """The visits as a person may see them. `entropy(n)` gives n random bytes, `clock()` the tablet's milliseconds."""

    def __init__(self, store: Store, entropy: Callable[[int], bytes], clock: Callable[[], int]) -> None:
        self._store = store
        self._tap = Tap(store, entropy, clock)
        self.clock = clock
        self.drafts = Drafts(store)
        self._read_before: dict[tuple[str, str], _Read] = {}
        self._blank: dict[str, ScoreSheet] = {}
        self._memo_of: tuple[str, str, str] | None = None
        self._memo = Memo()
        """Of the visit that was scored last, which is the one at hand; one for each of 300 would fill the memory."""

    def visits(self, person: PersonId = NOBODY) -> tuple[Visit, ...]:
        """All assigned inspections this version can show, as this person may see them.

        Those that are gone or were cleared from here are among them.
        """
        unsent, purged, refusals = self._store.unsent(), self._store.purged(), self._store.refusals()
        return tuple(
            self._visit(inspection, unsent, refusals, person)._replace(purged=inspection in purged)
            for inspection in (
                InspectionId(one.inspection) for one in self.assigned() if not self._unreadable(one)
            )
        )

    def assigned(self) -> tuple[Assignment, ...]:
        """All assigned inspections, without looking into any of them: a tap asks this, and they may be 300."""
        return tuple([assignment for assignment, _ in self._store.assignments().values()])

    def unreadable(self) -> tuple[Unreadable, ...]:
        """Assigned inspections that `visits` leaves out; what was recorded of them is exchanged as ever."""
        unsent = self._store.unsent()
        return tuple(
            Unreadable(
                assignment=one,
                problem=problem,
                stage=view(self._store.state(one.inspection)).stage,
                unsent=unsent.get(one.inspection, 0),
                gone=gone,
            )
            for one, gone in self._store.assignments().values()
            if (problem := self._unreadable(one)) is not None
        )

    def visit(self, inspection: InspectionId, person: PersonId = NOBODY) -> Visit:
        """One inspection as this person may see it.

        Raises inspection_unknown, checklist_unknown, checklist_too_new, visit_purged.
        """
        if inspection in self._store.purged():
            raise Problem("visit_purged")
        return self._visit(inspection, self._store.unsent(), self._store.refusals(), person)

    def _visit(
        self,
        inspection: InspectionId,
        unsent: Mapping[str, int],
        refusals: Mapping[str, tuple[Refused, ...]],
        person: PersonId,
    ) -> Visit:
        assignment, gone = self._tap.assigned(inspection)
        checklist = self._store.checklist(assignment.checklist)
        read = self._read(assignment, checklist, person)
        refused = refusals.get(inspection, ())
        if read.scoring.on:
            refused = tuple(one for one in refused if one.operation.person == person)
        removed = on_removed_items(checklist, read.seen.inspection)
        return Visit(
            assignment=assignment,
            checklist=checklist,
            inspection=read.seen.inspection,
            sheet=read.sheet,
            unsent=unsent.get(inspection, 0),
            refused=refused,
            gone=gone,
            scoring=read.scoring,
            versions=tuple(self._store.checklists()) if removed else (),
        )

    def _unreadable(self, assignment: Assignment) -> Problem | None:
        try:
            self._store.checklist(assignment.checklist)
        except Problem as problem:
            return problem
        return None

    def _read(self, assignment: Assignment, checklist: Checklist, person: PersonId) -> "_Read":
        """The view and the score of the state as it is, worked out once for each; after a tap only what moved."""
        state = self._store.state(InspectionId(assignment.inspection))
        key = (assignment.inspection, person if assignment.blind else NOBODY)
        known = self._read_before.get(key)
        if known is None or known.state is not state or known.assignment != assignment:
            scoring = blind(assignment, state)
            before = SeenState() if known is None else known.seen
            seen = look_again(before, seen_by(state, person, scoring))
            if seen.state.fields or seen.state.held:
                sheet = score(checklist, seen.inspection, self._memo_for((*key, assignment.checklist)))
            else:
                sheet = self._untouched(assignment.checklist, checklist)
            known = _Read(state, assignment, scoring, seen, sheet)
            self._read_before[key] = known
        return known

    def _untouched(self, which: str, checklist: Checklist) -> ScoreSheet:
        """The sheet of a visit where nothing is recorded: the same for all 300 that begin under a checklist."""
        if which not in self._blank:
            self._blank[which] = score(checklist, NOTHING)
        return self._blank[which]

    def _memo_for(self, which: tuple[str, str, str]) -> Memo:
        """What scoring this visit for this person under this checklist has worked out before, if it was the last."""
        if self._memo_of != which:
            self._memo_of, self._memo = which, Memo()
        return self._memo
