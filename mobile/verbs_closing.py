"""The verbs of the end of a visit: signatures, measures, blind scoring, leads, disputes, handing in."""

from collections.abc import Sequence
from typing import Literal

from mobile.tap import Seen, Tap, disputed
from shared_schema.ids import FieldKey, InspectionId, OpId, PersonId
from shared_schema.operations import (
    KIND_OF,
    Aborted,
    Body,
    Decision,
    Deliberated,
    DisputeSettled,
    LeadChecked,
    MeasureProposed,
    Operation,
    ScoringClosed,
    SignatureRefused,
    Signed,
    SignerRole,
    Submitted,
    body_bytes,
    read_envelope,
)
from shared_schema.problems import Problem

Measure = Literal["register_and_keep", "stop_use", "delete", "interview_head", "transfer"]


class Closing:
    """Everything that leads to the end of a visit, and what the leader does."""

    _tap: Tap

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


def _decision_of(chosen: Operation) -> Decision:
    """The value of an operation as it came, with whatever a newer version wrote into it."""
    if isinstance(chosen.body, DisputeSettled):
        return chosen.body.decision
    return Decision(chosen.kind, read_envelope(chosen.raw).body)
