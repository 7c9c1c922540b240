"""The squad's verbs: each checks, makes one operation, and writes it in one transaction.

A verb returns the Operation once it is committed, or raises a Problem with nothing written. `seen` is
what the person had on the screen for that field (a row's `seen`); without it, what the store holds
now. On a field in dispute an ordinary tap replaces only this person's own values: ending a dispute is
`settle`, by somebody who saw all of it.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mobile.photos import Taken
from mobile.store import Refused, Store
from shared_schema.checklist import Checklist
from shared_schema.ids import FieldKey, InspectionId, OpId, PersonId
from shared_schema.inspection import Inspection
from shared_schema.operations import AnswerValue, Body, Operation
from shared_schema.wire import Assignment

if TYPE_CHECKING:
    from shared_schema.scoring import ScoreSheet

Seen = Sequence[OpId] | None


class Visit(NamedTuple):
    """One inspection as this tablet holds it: everything a screen shows is read off this."""

    assignment: Assignment
    checklist: Checklist
    inspection: Inspection
    sheet: "ScoreSheet"
    unsent: int
    refused: tuple[Refused, ...]
    gone: bool


class Desk:
    """The verbs over one store. `entropy(n)` gives n random bytes, `clock()` the tablet's milliseconds."""

    def __init__(self, store: Store, entropy: Callable[[int], bytes], clock: Callable[[], int]) -> None:
        raise NotImplementedError

    def visits(self) -> tuple[Visit, ...]:
        """All assigned inspections."""
        raise NotImplementedError

    def visit(self, inspection: InspectionId) -> Visit:
        """One inspection. Raises inspection_unknown."""
        raise NotImplementedError

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
        raise NotImplementedError

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
        raise NotImplementedError

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
        raise NotImplementedError

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
        raise NotImplementedError

    def note(
        self, person: PersonId, inspection: InspectionId, item: str, text: str, *, seen: Seen = None
    ) -> Operation:
        """This person's own note on an item; an empty text takes it back."""
        raise NotImplementedError

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
        raise NotImplementedError

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
    ) -> Operation:
        """Puts a photo on an item or a finding. Raises photo_forbidden."""
        raise NotImplementedError
