"""The verbs of photos."""

from mobile.photos import Taken
from mobile.tap import Seen, Tap
from shared_schema.ids import InspectionId, PersonId
from shared_schema.operations import (
    EvidenceAttached,
    EvidenceRemoved,
    Operation,
)
from shared_schema.problems import Problem


class OnPhotos:
    """Photos on items and findings."""

    _tap: Tap

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
