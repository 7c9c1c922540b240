"""ScoreSheet: the result of one inspection with its trace, and its explanation for a person.

No point is an orphan: for every item `max_points − points` is the sum of what its deductions charged,
and sections, base, percentage and grade follow from the lines. Figures that no decimal can hold are
shown to 12 places and carried exactly beside it (`exact`, as "7/3").
"""

from collections.abc import MutableMapping
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Raw, Struct

from shared_schema.figures import exact as fraction
from shared_schema.ids import ItemId

LineStatus = Literal["answered", "not_applicable", "open", "disputed", "na_without_consent"]
ExtraKind = Literal["aggravating", "veto", "bonus"]
GateState = Literal["fired", "possible", "not"]
SheetStatus = Literal["scored", "open", "not_scorable", "aborted"]


class Source(Struct, frozen=True, omit_defaults=True):
    """Where a figure comes from: operations and those who made them, findings, photos; each sorted."""

    ops: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


class Deduction(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One reason for which points go, as it would be (`points`) and as it was charged after the limits."""

    rule: str
    code: str
    """Stable: not_met, occurrences, finding, finding_repeat, shortfall, clause/<id>, tier, ratio, ratio_zero."""
    points: Decimal
    charged: Decimal
    zh: str
    en: str
    scope: Literal["item", "section"] = "item"
    limited_by: Literal["", "cap", "item"] = ""
    """Why less was charged than would be: the rule's cap, or the item has nothing left."""
    exact: str = ""
    source: Source = Source()


class NotCharged(Struct, frozen=True, omit_defaults=True):
    """A finding that takes nothing away, and why: withdrawn, the same fact as another, or only an explanation."""

    finding: str
    why: Literal["withdrawn", "duplicate", "explains"]
    of: str = ""
    """For a duplicate, the finding under which the fact is charged."""


class Reading(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of several values an item may turn out to have while it is in dispute."""

    applicable: bool
    low: Decimal
    high: Decimal
    deductions: tuple[Deduction, ...] = ()
    source: Source = Source()


class ItemLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One item with points."""

    item: str
    section: str
    max_points: Decimal
    status: LineStatus
    points: Decimal | None = None
    """What it earned; None while open, and when it does not apply."""
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)
    exact: str = ""
    failed: bool = False
    zh: str = ""
    en: str = ""
    deductions: tuple[Deduction, ...] = ()
    readings: tuple[Reading, ...] = ()
    """While in dispute: each value that may come to stand."""
    not_charged: tuple[NotCharged, ...] = ()
    na_reason: str = ""
    warnings: tuple[str, ...] = ()
    """finding_without_points, unfit_answer, held, na_with_findings, withdrawal_moves_nothing,
    withdrawal_moved_nothing, findings_exceed_count, abort_possible."""
    source: Source = Source()


class SectionLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One section: its items' points less what is charged to the section whole, never below 0."""

    section: str
    max_points: Decimal
    applicable: Decimal | None = None
    points: Decimal | None = None
    """None while open, and when nothing in it applies."""
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)
    deducted: Decimal = Decimal(0)
    """Charged by its items to the section (`scope: section`)."""
    waived: Decimal = Decimal(0)
    """The part of it that was not there to be taken."""
    ratio_low: Decimal | None = None
    ratio_high: Decimal | None = None
    """Points of applicable points, to 4 places; both None when nothing applies."""
    exact: str = ""


class ExtraLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An aggravating item, a veto or a bonus; unanswered is none."""

    item: str
    kind: ExtraKind
    status: Literal["none", "answered", "disputed"] = "none"
    count_low: int = 0
    count_high: int = 0
    points_low: Decimal = Decimal(0)
    points_high: Decimal = Decimal(0)
    zh: str = ""
    en: str = ""
    warnings: tuple[str, ...] = ()
    source: Source = Source()


class GateLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A gate or a veto that fired, or may fire while something is open."""

    gate: str
    kind: Literal["veto", "gate"]
    grade: str
    state: GateState
    zh: str = ""
    en: str = ""


class Counts(Struct, frozen=True, kw_only=True):
    """How many items stand how, and how many operations are held."""

    items: int
    answered: int
    not_applicable: int
    open: int
    disputed: int
    na_without_consent: int
    held: int


class ScoreSheet(Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """The score of one inspection. `percent` and `grade` are set only when nothing is open; the range always is."""

    checklist: str
    checklist_version: str
    checklist_hash: str
    engine_version: str
    status: SheetStatus
    counts: Counts
    percent: Decimal | None = None
    grade: str | None = None
    percent_low: Decimal | None = None
    percent_high: Decimal | None = None
    grade_low: str | None = None
    grade_high: str | None = None
    base: Decimal | None = None
    """The sum of the sections."""
    base_exact: str = ""
    applicable: Decimal | None = None
    """The sum of the points of the items that apply."""
    aggravating: Decimal | None = None
    """What the aggravating items take off, before it is limited by what there is."""
    bonus: Decimal | None = None
    """Percentage points added, after the bonus cap."""
    fired: tuple[str, ...] = ()
    """Vetoes, then gates, in the checklist's order."""
    aborted_by: tuple[str, ...] = ()
    steps: tuple[tuple[str, str], ...] = ()
    """How the percentage came about, one sentence a step, as (zh, en)."""
    items: tuple[ItemLine, ...] = ()
    sections: tuple[SectionLine, ...] = ()
    extras: tuple[ExtraLine, ...] = ()
    gates: tuple[GateLine, ...] = ()

    def line(self, item_id: str) -> ItemLine | None:
        """The line of an item with points."""
        return self._lines.get(item_id)

    @cached_property
    def _lines(self) -> dict[str, ItemLine]:
        return {line.item: line for line in self.items}


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(ScoreSheet)


def sheet_bytes(sheet: ScoreSheet, written: MutableMapping[str, tuple[ItemLine, Raw]] | None = None) -> bytes:
    """Canonical JSON, identical on every machine for the same checklist and operations.

    `written` remembers the lines' own bytes: of an earlier sheet, those of the very same lines are taken as they are.
    """
    if written is None:
        return _encoder.encode(sheet)
    for line in sheet.items:
        known = written.get(line.item)
        if known is None or known[0] is not line:
            written[line.item] = line, Raw(_encoder.encode(line))
    lines: Any = tuple([written[line.item][1] for line in sheet.items])
    return _encoder.encode(msgspec.structs.replace(sheet, items=lines))


def sheet_from_bytes(stored: bytes) -> ScoreSheet:
    """The sheet from its bytes."""
    return _decoder.decode(stored)


def exact_points(line: ItemLine | SectionLine) -> Fraction | None:
    """What the line earned, exactly."""
    if line.points is None:
        return None
    return Fraction(line.exact) if line.exact else fraction(line.points)


# --- why this score -----------------------------------------------------------------------------------


class Explanation(NamedTuple):
    """One sentence of a trace; `source` is empty for a sentence that only sums up."""

    zh: str
    en: str
    source: Source = Source()


_WHY = {
    "withdrawn": ("已撤销，不扣分", "withdrawn, not charged"),
    "duplicate": ("与 {of} 为同一事实，只计一次", "the same fact as {of}, charged once"),
    "explains": ("只作说明，不另扣分", "explains, does not charge by itself"),
}
_WARNINGS = {
    "finding_without_points": (
        "有问题记录，但本项为满分，请核对",
        "there is a finding, yet the item has full marks: check it",
    ),
    "unfit_answer": (
        "记录的答案不适用于本项评分规则，按未答处理",
        "the recorded answer does not fit the rule and counts as open",
    ),
    "held": (
        "有尚不能识别的记录涉及本项，暂按区间处理",
        "an operation not yet understood concerns this item, so it is a range",
    ),
    "na_with_findings": (
        "已标为不适用，但有问题记录，请核对",
        "it is marked N/A, yet there are findings: check it",
    ),
    "withdrawal_moves_nothing": (
        "因已达上限，单独撤销一个问题不改变得分",
        "because of the limit, withdrawing one finding alone does not move the score",
    ),
    "withdrawal_moved_nothing": (
        "有问题已撤销，但扣分仍达上限，得分不变",
        "a finding was withdrawn, yet the limit is still reached, so the score is the same",
    ),
    "findings_exceed_count": (
        "问题记录多于所填数量，按问题记录计",
        "there are more findings than the count says; the findings count",
    ),
    "abort_possible": (
        "本项若不合格将中止检查",
        "if this item fails, the visit is broken off",
    ),
}
_STATUS = {
    "answered": ("", ""),
    "not_applicable": ("不适用", "not applicable"),
    "open": ("未答", "open"),
    "disputed": ("有分歧，待解决", "in dispute"),
    "na_without_consent": ("标为不适用，待另一名组员确认", "marked N/A, awaiting another member's consent"),
}


def explain(sheet: ScoreSheet, item_id: str = "") -> tuple[Explanation, ...]:
    """Why this item has its points, sentence by sentence; without an item, how the percentage came about."""
    if not item_id:
        return tuple(Explanation(zh, en) for zh, en in sheet.steps)
    line = sheet.line(item_id)
    if line is None:
        return tuple(Explanation(one.zh, one.en, one.source) for one in sheet.extras if one.item == item_id)
    return (
        _headline(line),
        *(Explanation(one.zh, one.en, one.source) for one in line.deductions),
        *(sentence for reading in line.readings for sentence in _explain_reading(reading)),
        *(_not_charged(one) for one in line.not_charged),
        *(Explanation(*_WARNINGS[code]) for code in line.warnings if code in _WARNINGS),
    )


def _headline(line: ItemLine) -> Explanation:
    zh, en = _STATUS[line.status]
    if line.status == "not_applicable":
        return Explanation(
            f"{line.item}：{zh}（{line.na_reason}）", f"{line.item}: {en} ({line.na_reason})", line.source
        )
    if line.points is not None:
        return Explanation(
            f"{line.item}：满分 {line.max_points}，得 {line.points}{'。' + line.zh if line.zh else ''}",
            f"{line.item}: {line.points} of {line.max_points}{'. ' + line.en if line.en else ''}",
            line.source,
        )
    return Explanation(
        f"{line.item}：满分 {line.max_points}，{zh}，得 {line.low} 至 {line.high}",
        f"{line.item}: {line.low} to {line.high} of {line.max_points}, {en}",
        line.source,
    )


def _explain_reading(reading: Reading) -> tuple[Explanation, ...]:
    if not reading.applicable:
        return (Explanation("若不适用：不计分", "if not applicable: not counted", reading.source),)
    span = str(reading.high) if reading.low == reading.high else f"{reading.low} – {reading.high}"
    return (
        Explanation(f"若此值成立：得 {span}", f"if this value stands: {span}", reading.source),
        *(Explanation(one.zh, one.en, one.source) for one in reading.deductions),
    )


def _not_charged(one: NotCharged) -> Explanation:
    zh, en = _WHY[one.why]
    return Explanation(
        f"问题 {one.finding}：{zh.format(of=one.of)}",
        f"finding {one.finding}: {en.format(of=one.of)}",
        Source(findings=(one.finding,)),
    )


def line_of(sheet: ScoreSheet, item_id: ItemId) -> ItemLine | ExtraLine | None:
    """Whatever the sheet has on an id."""
    return sheet.line(item_id) or next((one for one in sheet.extras if one.item == item_id), None)
