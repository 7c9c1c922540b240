"""One inspection as this tablet holds it, and what its rows look up in it."""

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import Literal, NamedTuple

from mobile.blind import OPEN, Blind
from mobile.store import Refused
from shared_schema.checklist import Checklist
from shared_schema.inspection import FindingState, Inspection
from shared_schema.operations import EvidenceAttached
from shared_schema.sheet import ItemLine, ScoreSheet
from shared_schema.wire import Assignment

ItemState = Literal["open", "answered", "problem", "disputed", "not_applicable", "na_without_consent"]
"""How an item stands. The word of each is `item.<state>` of locale.terms."""


class _Held(NamedTuple):
    assignment: Assignment
    checklist: Checklist
    inspection: Inspection
    sheet: ScoreSheet
    unsent: int
    refused: tuple[Refused, ...]
    gone: bool
    scoring: Blind = OPEN
    """While this is on, `inspection` and `sheet` are those of one person alone."""
    versions: tuple[Checklist, ...] = ()
    """Other versions of the checklist, where something stands on an item that this one no longer has."""
    purged: bool = False
    """It was cleared from this tablet: nothing of it can be shown but that."""


class Visit(_Held):
    """Everything a screen shows is read off this.

    Every row asks what hangs on its item, so that is sorted by item once for each revision, when first asked for.
    """

    @cached_property
    def findings_on(self) -> Mapping[str, tuple[FindingState, ...]]:
        """By item, the findings somebody has recorded, withdrawn ones too."""
        found: dict[str, tuple[FindingState, ...]] = {}
        for one in self.inspection.findings.values():
            if one.item is not None:
                found[one.item] = (*found.get(one.item, ()), one)
        return found

    @cached_property
    def states(self) -> Mapping[str, ItemState]:
        """By item, how it stands: the sheet's word, and *problem* where points go or a finding says so."""
        found: dict[str, ItemState] = {line.item: self._state(line) for line in self.sheet.items}
        for line in self.sheet.extras:
            bad = line.count_high > 0 and line.kind != "bonus"
            found[line.item] = "disputed" if line.status == "disputed" else "problem" if bad else "answered"
        return found

    def _state(self, line: ItemLine) -> ItemState:
        if line.status != "answered":
            return line.status
        lost = line.points is not None and line.points < line.max_points
        found = any(not one.withdrawn for one in self.findings_on.get(line.item, ()))
        return "problem" if lost or found else "answered"

    @cached_property
    def photos_on(self) -> Mapping[str, int]:
        """By item, how many photos stand on it and its findings."""
        standing = (one.value for cell in self.inspection.evidence for one in cell.standing)
        return Counter(one.item for one in standing if isinstance(one, EvidenceAttached))

    @cached_property
    def refused_on(self) -> Mapping[str, int]:
        """By item, how many operations of this tablet the server refused."""
        return Counter(getattr(one.operation.body, "item", "") for one in self.refused)
