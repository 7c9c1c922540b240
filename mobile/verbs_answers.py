"""The verbs of answering: opening the visit, answers, N/A and consents, notes, and taking a tap back."""

from collections.abc import Sequence

from mobile.store import Store
from mobile.tap import Seen, Tap
from shared_schema.ids import InspectionId, OpId, PersonId
from shared_schema.merge import State
from shared_schema.operations import (
    Answer,
    AnswerValue,
    Body,
    DisputeSettled,
    NaConsent,
    NotApplicable,
    Note,
    Opened,
    Operation,
    TakenBack,
    can_be_unsaid,
    field_of,
    stands_for,
)
from shared_schema.problems import Problem


class Answering:
    """Opening, answering, and taking back."""

    _tap: Tap
    _store: Store

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
