"""The verbs of findings: recorded, amended, withdrawn, repeated, fixed, and what the unit says of them."""

from msgspec.structs import replace

from mobile.tap import Seen, Tap
from shared_schema.ids import FieldKey, InspectionId, PersonId
from shared_schema.operations import (
    Finding,
    FindingAmended,
    FindingDuplicateOf,
    FindingFixed,
    FindingRepeatOf,
    FindingWithdrawn,
    Operation,
    TakenBack,
    UnitStated,
    stands_for,
)
from shared_schema.problems import Problem


class OnFindings:
    """What is done with findings."""

    _tap: Tap

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
        known = self._finding(inspection, finding, person, seen)
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

    def _finding(
        self, inspection: InspectionId, finding: str, person: PersonId, seen: Seen = None
    ) -> Finding | FindingWithdrawn:
        """The finding as this person has it: of a dispute their own, else what they see. Raises not_found."""
        field = FieldKey(f"finding/{finding}")
        shown = self._tap.shown(inspection, field, person, seen)
        standing = shown or self._tap.standing(inspection, field, person)
        for one in sorted(standing, key=lambda one: one.person != person):
            body = stands_for(one.body)
            if isinstance(body, TakenBack):
                continue
            assert isinstance(body, Finding | FindingWithdrawn), "another body on a finding's field"
            return body
        raise Problem("not_found", what=finding)
