"""The squad's verbs: each checks, makes one operation, and writes it in one transaction.

A verb returns the Operation once it is committed, or raises a Problem with nothing written. `seen` is
what the person had on the screen for that field (a row's `seen`); without it, what the store holds
now. On a field in dispute an ordinary tap replaces only this person's own values: ending a dispute is
`settle`, by somebody who saw all of it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from msgspec.structs import replace

from mobile.blind import Blind, blind, seen_by
from mobile.drafts import Drafts
from mobile.photos import Taken
from mobile.store import Refused, Store
from mobile.tap import Seen, Tap, disputed
from mobile.visit import Visit
from shared_schema.answers import on_removed_items
from shared_schema.chance import draw_sample
from shared_schema.checklist import Checklist
from shared_schema.ids import FieldKey, InspectionId, OpId, PersonId
from shared_schema.inspection import NOTHING, Stage
from shared_schema.merge import Seen as SeenState
from shared_schema.merge import State, look_again, view
from shared_schema.operations import (
    KIND_OF,
    Aborted,
    Answer,
    AnswerValue,
    Body,
    Decision,
    Deliberated,
    DeviceChecked,
    DisputeSettled,
    EvidenceAttached,
    EvidenceRemoved,
    Finding,
    FindingAmended,
    FindingDuplicateOf,
    FindingFixed,
    FindingRepeatOf,
    FindingWithdrawn,
    InterviewCategory,
    InterviewHeld,
    LeadChecked,
    MeasureProposed,
    NaConsent,
    NotApplicable,
    Note,
    Opened,
    Operation,
    SampleDrawn,
    ScoringClosed,
    SignatureRefused,
    Signed,
    SignerRole,
    Submitted,
    TakenBack,
    UnitStated,
    body_bytes,
    can_be_unsaid,
    field_of,
    read_envelope,
    stands_for,
)
from shared_schema.pricing import Memo
from shared_schema.problems import Problem
from shared_schema.scoring import score
from shared_schema.sheet import ScoreSheet
from shared_schema.wire import Assignment

Measure = Literal["register_and_keep", "stop_use", "delete", "interview_head", "transfer"]


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


class Desk:
    """The verbs over one store. `entropy(n)` gives n random bytes, `clock()` the tablet's milliseconds."""

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

    # -- what the screens read --------------------------------------------------------------------------

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

    # -- answering --------------------------------------------------------------------------------------

    def open_visit(
        self,
        person: PersonId,
        inspection: InspectionId,
        *,
        members: Sequence[PersonId],
        task_letter_shown: bool,
        recusal_asked: bool,
        seen: Seen = None,
    ) -> Operation:
        """Opens the visit: at least two members present."""
        return self._tap.write(
            person, inspection, Opened(tuple(members), task_letter_shown, recusal_asked), seen
        )

    def answer(
        self,
        person: PersonId,
        inspection: InspectionId,
        item: str,
        answer: AnswerValue,
        *,
        from_paper: bool = False,
        paper_ref: str = "",
        seen: Seen = None,
    ) -> Operation:
        """Answers an item. Raises answer_not_allowed, item_unknown."""
        return self._tap.write(person, inspection, Answer(item, answer, from_paper, paper_ref), seen)

    def not_applicable(
        self,
        person: PersonId,
        inspection: InspectionId,
        item: str,
        reason: str,
        explanation: str = "",
        *,
        seen: Seen = None,
    ) -> Operation:
        """Says that an item does not apply; it counts once another member consents."""
        return self._tap.write(person, inspection, NotApplicable(item, reason, explanation), seen)

    def consent(
        self,
        person: PersonId,
        inspection: InspectionId,
        item: str,
        reason: str,
        *,
        consents: bool = True,
        seen: Seen = None,
    ) -> Operation:
        """Stands behind another member's N/A, or no longer. Raises consent_needs_another."""
        others = (
            stands_for(one.body)
            for one in self._tap.standing(inspection, f"answer/{item}", person)
            if one.person != person
        )
        if not any(isinstance(one, NotApplicable) and one.reason == reason for one in others):
            raise Problem("consent_needs_another")
        return self._tap.write(person, inspection, NaConsent(item, reason, consents), seen)

    def note(
        self, person: PersonId, inspection: InspectionId, item: str, text: str, *, seen: Seen = None
    ) -> Operation:
        """This person's own note on an item; an empty text takes it back."""
        return self._tap.write(person, inspection, Note(item, text), seen)

    # -- taking a tap back ------------------------------------------------------------------------------

    def said(self, inspection: InspectionId) -> State:
        """What stands now: to be remembered before a tap that may be taken back."""
        return self._store.state(inspection)

    def unsaid(self, before: State, made: Operation) -> Body | None:
        """What `put_back` records in the place of a tap just made: what it replaced, or that nothing stands.

        None where it cannot be taken back: a stage, a draw, a settlement, a closed scoring.
        """
        field = field_of(made.body, made.person)
        if field is None or isinstance(made.body, DisputeSettled) or not can_be_unsaid(field, made.person):
            return None
        stood = [one for one in before.fields.get(field, ()) if one.id in made.bases]
        return stands_for(stood[0].body) if stood else TakenBack(field)

    def put_back(self, person: PersonId, inspection: InspectionId, body: Body, instead_of: OpId) -> Operation:
        """Takes one's last tap back: what stood before is recorded again in its place, and only in its place."""
        return self._tap.write(person, inspection, body, (instead_of,))

    # -- findings ---------------------------------------------------------------------------------------

    def record_finding(self, person: PersonId, inspection: InspectionId, text: Finding) -> Operation:
        """A problem found; `text.finding` may be empty and is then given a new id."""
        named = replace(text, finding=text.finding or self._tap.new_id())
        return self._tap.write(person, inspection, named, None)

    def amend_finding(
        self,
        person: PersonId,
        inspection: InspectionId,
        text: Finding,
        reason: str = "",
        *,
        seen: Seen = None,
    ) -> Operation:
        """The finding as it reads now, whole."""
        self._finding(inspection, text.finding, person)
        fields = {name: getattr(text, name) for name in Finding.__struct_fields__}
        return self._tap.write(person, inspection, FindingAmended(**fields, reason=reason), seen)

    def withdraw_finding(
        self, person: PersonId, inspection: InspectionId, finding: str, reason: str, *, seen: Seen = None
    ) -> Operation:
        """Takes a finding back; a concurrent amendment still stands beside this, as a dispute."""
        known = self._finding(inspection, finding, person)
        body = FindingWithdrawn(finding, known.item, reason, known.occurrences)
        return self._tap.write(person, inspection, body, seen)

    def repeat_of(
        self, person: PersonId, inspection: InspectionId, finding: str, earlier: str, *, seen: Seen = None
    ) -> Operation:
        """The finding repeats one of an earlier inspection; an empty `earlier` says it does not."""
        self._finding(inspection, finding, person)
        return self._tap.write(person, inspection, FindingRepeatOf(finding, earlier), seen)

    def duplicate_of(
        self, person: PersonId, inspection: InspectionId, finding: str, other: str, *, seen: Seen = None
    ) -> Operation:
        """The finding is the same fact as another; an empty `other` says it is not."""
        for one in (finding, other):
            if one:
                self._finding(inspection, one, person)
        return self._tap.write(person, inspection, FindingDuplicateOf(finding, other), seen)

    def fix(
        self,
        person: PersonId,
        inspection: InspectionId,
        finding: str,
        before: str,
        after: str,
        *,
        seen: Seen = None,
    ) -> Operation:
        """Fixed on the spot (立行立改)."""
        self._finding(inspection, finding, person)
        return self._tap.write(person, inspection, FindingFixed(finding, before, after), seen)

    def unit_states(
        self,
        person: PersonId,
        inspection: InspectionId,
        finding: str,
        statement: str,
        *,
        accepts: bool = True,
        seen: Seen = None,
    ) -> Operation:
        """What the unit says of a finding."""
        self._finding(inspection, finding, person)
        return self._tap.write(person, inspection, UnitStated(finding, statement, accepts), seen)

    # -- samples, computers, talks ----------------------------------------------------------------------

    def draw_sample(
        self,
        person: PersonId,
        inspection: InspectionId,
        size: int,
        *,
        population: Sequence[str] | None = None,
        item: str = "",
        seed: str = "",
        sample: str = "",
        replaced: Sequence[tuple[str, str, str]] = (),
        seen: Seen = None,
    ) -> Operation:
        """Draws a sample that anyone can draw again; from the unit's computers unless a population is given."""
        if population is None:
            population = [one.register_no for one in self._tap.assigned(inspection)[0].inventory]
        seed = seed or self._tap.new_id()
        population_hash, drawn = draw_sample(population, size, seed)
        body = SampleDrawn(
            sample=sample or self._tap.new_id(),
            item=item,
            population_hash=population_hash,
            population_size=len(set(population)),
            seed=seed,
            drawn=drawn,
            replaced=tuple(replaced),
        )
        return self._tap.write(person, inspection, body, seen)

    def substitute(
        self, person: PersonId, inspection: InspectionId, sample: str, drawn: str, other: str, reason: str
    ) -> Operation:
        """Another computer is checked instead of one that was drawn. Raises not_found, substitute_invalid."""
        standing = self._tap.standing(inspection, f"sample/{sample}", person)
        body = stands_for(standing[0].body) if standing else None
        if not isinstance(body, SampleDrawn) or drawn not in body.drawn:
            raise Problem("not_found", what=drawn)
        kept = tuple(one for one in body.replaced if one[0] != drawn)
        taken = {*body.drawn, *(one[1] for one in kept)}
        known = {one.register_no for one in self._tap.assigned(inspection)[0].inventory}
        if not reason.strip() or other in taken or other not in known:
            raise Problem("substitute_invalid", register_no=other)
        amended = replace(body, replaced=(*kept, (drawn, other, reason.strip())))
        return self._tap.write(person, inspection, amended, tuple(one.id for one in standing))

    def check_device(
        self,
        person: PersonId,
        inspection: InspectionId,
        register_no: str,
        *,
        classified: bool,
        problems: int = 0,
        tool_report: str = "",
        remark: str = "",
        seen: Seen = None,
    ) -> Operation:
        """The result of looking at one computer."""
        body = DeviceChecked(
            register_no=register_no,
            classified=classified,
            problems=problems,
            tool_report=tool_report,
            remark=remark,
        )
        return self._tap.write(person, inspection, body, seen)

    def hold_interview(
        self,
        person: PersonId,
        inspection: InspectionId,
        category: InterviewCategory,
        *,
        required: int,
        held: int,
        points: str = "",
        interview: str = "",
        seen: Seen = None,
    ) -> Operation:
        """Talks of one category; `interview` names an earlier record to write anew."""
        body = InterviewHeld(
            interview=interview or self._tap.new_id(),
            category=category,
            required=required,
            held=held,
            points=points,
        )
        return self._tap.write(person, inspection, body, seen)

    # -- photos -----------------------------------------------------------------------------------------

    def attach_photo(
        self,
        person: PersonId,
        inspection: InspectionId,
        item: str,
        taken: Taken,
        *,
        finding: str = "",
        caption: str = "",
        screened_by: str = "",
        evidence: str = "",
    ) -> Operation:
        """Puts a photo on an item or a finding; `evidence` is the id that its draft had.

        Raises photo_forbidden, not_allowed (screened by its taker).
        """
        if screened_by:
            self._tap.role(inspection, PersonId(screened_by), "evidence_attached")
            if screened_by == person:
                raise Problem("not_allowed", action="screened_by")
        body = EvidenceAttached(
            evidence=evidence or self._tap.new_id(),
            item=item,
            finding=finding,
            sha256=taken.sha256,
            size_bytes=taken.size_bytes,
            media_type="image/jpeg",
            caption=caption,
            screened_by=screened_by,
        )
        return self._tap.write(person, inspection, body, None, photo=(taken.sha256, taken.media_type))

    def remove_photo(
        self, person: PersonId, inspection: InspectionId, evidence: str, reason: str, *, seen: Seen = None
    ) -> Operation:
        """The photo is no longer part of the record."""
        if not self._tap.standing(inspection, f"evidence/{evidence}", person):
            raise Problem("not_found", what=evidence)
        return self._tap.write(person, inspection, EvidenceRemoved(evidence, reason), seen)

    # -- signatures and measures ------------------------------------------------------------------------

    def sign(
        self,
        person: PersonId,
        inspection: InspectionId,
        role: SignerRole,
        name: str,
        *,
        method: Literal["drawn", "paper"],
        strokes: Sequence[Sequence[tuple[int, int, int]]] = (),
        paper_ref: str = "",
        seen: Seen = None,
    ) -> Operation:
        """A signature: drawn on glass, or on paper by its number."""
        body = Signed(
            role=role,
            name=name,
            method=method,
            strokes=tuple(map(tuple, strokes)),
            paper_ref=paper_ref,
        )
        return self._tap.write(person, inspection, body, seen)

    def refuse_signature(
        self,
        person: PersonId,
        inspection: InspectionId,
        role: SignerRole,
        *,
        reason: str,
        witness: str,
        name: str = "",
        seen: Seen = None,
    ) -> Operation:
        """The signature was refused (拒签)."""
        body = SignatureRefused(role=role, name=name, reason=reason, witness=witness)
        return self._tap.write(person, inspection, body, seen)

    def propose_measure(
        self,
        person: PersonId,
        inspection: InspectionId,
        what: Measure,
        reason: str,
        *,
        paper_ref: str = "",
        measure: str = "",
        seen: Seen = None,
    ) -> Operation:
        """A measure the squad proposes."""
        body = MeasureProposed(
            measure=measure or self._tap.new_id(), what=what, reason=reason, paper_ref=paper_ref
        )
        return self._tap.write(person, inspection, body, seen)

    # -- blind scoring, and leads ------------------------------------------------------------------------

    def close_scoring(
        self, person: PersonId, inspection: InspectionId, member: PersonId, reason: str = ""
    ) -> Operation:
        """Closes this person's own scoring, for good; the leader may close another's, with a reason."""
        if member != person and (not reason.strip() or not self._tap.leads(inspection, person)):
            raise Problem("author_not_allowed", person=person, kind="scoring_closed")
        return self._tap.write(person, inspection, ScoringClosed(member, reason.strip()), None)

    def check_lead(
        self,
        person: PersonId,
        inspection: InspectionId,
        lead: str,
        *,
        verified: bool,
        note: str = "",
        seen: Seen = None,
    ) -> Operation:
        """What became of a lead on site. Raises lead_unknown."""
        if all(one.lead != lead for one in self._tap.assigned(inspection)[0].leads):
            raise Problem("lead_unknown", lead=lead)
        return self._tap.write(person, inspection, LeadChecked(lead, verified, note), seen)

    # -- the leader's -----------------------------------------------------------------------------------

    def settle(
        self,
        person: PersonId,
        inspection: InspectionId,
        field: FieldKey,
        decision: Body | OpId,
        reason: str,
        *,
        seen: Seen = None,
    ) -> Operation:
        """Ends a dispute: by the standing operation agreed with, or by another value. Raises not_disputed."""
        standing = self._tap.shown(inspection, field, person, seen)
        if not disputed(field, standing):
            raise Problem("not_disputed", field=field)
        kept = ""
        if isinstance(decision, str):
            chosen = next((one for one in standing if one.id == decision), None)
            if chosen is None:
                raise Problem("not_found", what=decision)
            kept, decided = chosen.id, _decision_of(chosen)
        else:
            decided = Decision(KIND_OF[type(decision)], body_bytes(decision))
        body = DisputeSettled(field, decided, reason, kept)
        return self._tap.write(person, inspection, body, seen, decision=decided.kind)

    def deliberate(
        self, person: PersonId, inspection: InspectionId, opinion: str = "", *, seen: Seen = None
    ) -> Operation:
        """The squad has deliberated (评议)."""
        return self._tap.write(person, inspection, Deliberated(opinion), seen)

    def submit(
        self, person: PersonId, inspection: InspectionId, remark: str = "", *, seen: Seen = None
    ) -> Operation:
        """The leader hands the inspection in."""
        return self._tap.write(person, inspection, Submitted(remark), seen)

    def abort(
        self,
        person: PersonId,
        inspection: InspectionId,
        cause: Literal["basic_item", "refusal", "emergency"],
        reason: str,
        *,
        seen: Seen = None,
    ) -> Operation:
        """The visit was broken off."""
        return self._tap.write(person, inspection, Aborted(cause, reason), seen)

    def _finding(self, inspection: str, finding: str, person: PersonId) -> Finding | FindingWithdrawn:
        """The finding as this tablet knows it. Raises not_found."""
        for one in self._tap.standing(inspection, f"finding/{finding}", person):
            body = stands_for(one.body)
            if isinstance(body, TakenBack):
                continue
            assert isinstance(body, Finding | FindingWithdrawn), "another body on a finding's field"
            return body
        raise Problem("not_found", what=finding)


def _decision_of(chosen: Operation) -> Decision:
    """The value of an operation as it came, with whatever a newer version wrote into it."""
    if isinstance(chosen.body, DisputeSettled):
        return chosen.body.decision
    return Decision(chosen.kind, read_envelope(chosen.raw).body)
