"""One inspection as screens and scores see it: what stands on every field, by whom, and what is disputed.

Everything here is read off a merged State by `merge.view`; nothing here is ever stored or sent.
"""

from collections.abc import Mapping
from typing import Generic, Literal, NamedTuple, TypeVar, cast

from shared_schema.ids import DeviceId, FieldKey, FindingId, ItemId, OpId, PersonId
from shared_schema.operations import (
    Answer,
    Body,
    DeviceChecked,
    EvidenceAttached,
    EvidenceRemoved,
    Finding,
    FindingDuplicateOf,
    FindingFixed,
    FindingRepeatOf,
    FindingWithdrawn,
    InterviewHeld,
    LeadChecked,
    MeasureProposed,
    NaConsent,
    NotApplicable,
    Note,
    Operation,
    SampleDrawn,
    ScoringClosed,
    SignatureRefused,
    Signed,
    UnitStated,
)

Stage = Literal[
    "prepared",
    "opened",
    "deliberated",
    "submitted",
    "returned",
    "accepted",
    "locked",
    "aborted",
]

T = TypeVar("T")


class Standing(NamedTuple, Generic[T]):
    """One value that stands on a field, and its author. `reason` is given where a settlement put it there."""

    value: T
    op: OpId
    person: PersonId
    device: DeviceId
    at_ms: int
    reason: str = ""


class Cell(NamedTuple, Generic[T]):
    """All that stands on one field (never nothing), in an order that no clock and no arrival decides."""

    field: FieldKey
    standing: tuple[Standing[T], ...]
    disputed: bool

    @property
    def value(self) -> T:
        """The value, where all that stands agrees; of a disputed cell merely the first."""
        return self.standing[0].value

    @property
    def ops(self) -> tuple[OpId, ...]:
        """The standing operations: what a new value written by someone who sees this cell replaces."""
        return tuple(one.op for one in self.standing)


class Item(NamedTuple):
    """What stands on one checklist item."""

    item: ItemId
    answer: Cell[Answer | NotApplicable] | None = None
    consents: tuple[Cell[NaConsent], ...] = ()
    notes: tuple[Cell[Note], ...] = ()

    def consented(self, standing: Standing[Answer | NotApplicable]) -> bool:
        """Whether another member than its author stands behind this N/A, or a settlement decided it."""
        na = standing.value
        if not isinstance(na, NotApplicable) or self.answer is None:
            return False
        if standing.reason:
            return True
        others = {
            one.person
            for one in self.answer.standing
            if isinstance(one.value, NotApplicable) and one.value.reason == na.reason
        }
        for cell in self.consents:
            if not cell.disputed and cell.value.consents and cell.value.reason == na.reason:
                others.add(cell.standing[0].person)
        return bool(others - {standing.person})


class FindingState(NamedTuple):
    """One finding with all that hangs on it."""

    finding: FindingId
    record: Cell[Finding | FindingWithdrawn] | None = None
    """None while only something that hangs on the finding has arrived."""
    repeat_of: Cell[FindingRepeatOf] | None = None
    duplicate_of: Cell[FindingDuplicateOf] | None = None
    fix: Cell[FindingFixed] | None = None
    statement: Cell[UnitStated] | None = None

    @property
    def text(self) -> Finding | None:
        """The finding as it reads (of a dispute the first reading), or None when it is withdrawn."""
        if self.record is None:
            return None
        return next(
            (one.value for one in self.record.standing if isinstance(one.value, Finding)),
            None,
        )

    @property
    def item(self) -> ItemId | None:
        """The checklist item it is about."""
        return None if self.record is None else ItemId(self.record.value.item)

    @property
    def withdrawn(self) -> bool:
        """Whether all that stands says it is taken back."""
        return self.record is not None and self.text is None

    @property
    def duplicate(self) -> str:
        """The finding whose fact this is, or "" (a disputed mark counts as no mark)."""
        cell = self.duplicate_of
        return "" if cell is None or cell.disputed else cell.value.other

    @property
    def earlier(self) -> str:
        """The earlier finding it repeats, or "" (a disputed mark counts as no mark)."""
        cell = self.repeat_of
        return "" if cell is None or cell.disputed else cell.value.earlier


class Inspection(NamedTuple):
    """One inspection, whole."""

    stage: Stage
    stage_cell: Cell[Body] | None
    items: Mapping[ItemId, Item]
    findings: Mapping[FindingId, FindingState]
    samples: tuple[Cell[SampleDrawn], ...]
    devices: tuple[Cell[DeviceChecked], ...]
    interviews: tuple[Cell[InterviewHeld], ...]
    evidence: tuple[Cell[EvidenceAttached | EvidenceRemoved], ...]
    signatures: tuple[Cell[Signed | SignatureRefused], ...]
    measures: tuple[Cell[MeasureProposed], ...]
    disputes: tuple[Cell[Body], ...]
    held: tuple[Operation, ...]
    """Operations of kinds this version does not know yet: kept, passed on, not counted."""
    leads: tuple[Cell[LeadChecked], ...] = ()
    closings: tuple[Cell[ScoringClosed], ...] = ()
    """Whose own scoring is closed, of a visit that is scored blind."""

    def photos(self, item: ItemId) -> tuple[Standing[EvidenceAttached], ...]:
        """The photos that stand on an item and its findings."""
        return tuple(
            cast("Standing[EvidenceAttached]", one)
            for cell in self.evidence
            for one in cell.standing
            if isinstance(one.value, EvidenceAttached) and one.value.item == item
        )


NOTHING = Inspection("prepared", None, {}, {}, (), (), (), (), (), (), (), ())
"""The inspection before anything was recorded."""
