"""One inspection's rows in the score tables: a pure function of its state, its sheet and its place in the plan."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from operator import is_
from typing import Any

from server.storage.op_log import Row
from server.storage.registers import InspectionRow
from server.storage.rows import Rows
from shared_schema.ids import FindingId
from shared_schema.inspection import Cell, FindingState, Inspection
from shared_schema.merge import State, differing
from shared_schema.operations import EvidenceAttached, Finding, Operation
from shared_schema.sheet import Deduction, ItemLine, ScoreSheet, SectionLine, sheet_bytes

STATUS_ERROR = "error"
"""The inspection could not be merged or scored: a bug. Its operations are kept; `rebuild` heals it after the fix."""


class Kept:
    """Rows made before, by what they were made from: of the very same objects the rows are the same."""

    def __init__(self) -> None:
        self._made: dict[tuple[object, str], tuple[tuple[object, ...], list[Row]]] = {}

    def rows(self, make: Callable[..., list[Row]], key: str, row: InspectionRow, *parts: object) -> list[Row]:
        """`make(row, *parts)`, which is a pure function; the place in the plan stays the same."""
        known = self._made.get((make, key))
        if known is not None and all(map(is_, known[0], parts)):
            return known[1]
        made = make(row, *parts)
        self._made[make, key] = parts, made
        return made


def rows_of(
    row: InspectionRow,
    number: int,
    state: State,
    inspection: Inspection,
    sheet: ScoreSheet,
    kept: Kept | None = None,
) -> Rows:
    """The rows, by table; `number` is the last log number in the state. Faster with what was kept of the last time."""
    made = (Kept() if kept is None else kept).rows
    return {
        "score_sheet": [(*_sheet(row, number, inspection, sheet), *made(_whole, "", row, sheet))],
        "score_section": [_section(row, one) for one in sheet.sections],
        "score_item": _flat(made(_item_line, one.item, row, one) for one in sheet.items),
        "score_deduction": [
            *_flat(made(_deductions, one.item, row, one) for one in sheet.items if one.deductions),
            *_aggravating(row, sheet),
        ],
        "finding": _flat(made(_finding, name, row, one) for name, one in inspection.findings.items()),
        "dispute": _flat(
            made(_dispute, cell.field, row, cell, _item(cell, inspection), state.fields[cell.field])
            for cell in inspection.disputes
        ),
        "checked_device": [
            (row.id, one.register_no, one.classified, one.problems, one.tool_report)
            for one in (cell.value for cell in inspection.devices)
        ],
        "interview": [
            (row.id, one.interview, one.category, one.required, one.held)
            for one in (cell.value for cell in inspection.interviews)
        ],
        "evidence": [line for cell in inspection.evidence for line in _evidence(row, cell)],
    }


def _flat(parts: Iterable[list[Row]]) -> list[Row]:
    return [row for part in parts for row in part]


def _whole(_row: InspectionRow, sheet: ScoreSheet) -> list[Any]:
    return [sheet_bytes(sheet)]


def _dispute(row: InspectionRow, cell: Cell[Any], item: str, standing: Sequence[Operation]) -> list[Row]:
    return [(row.id, cell.field, item, len(differing(standing)))]


def error_rows(row: InspectionRow, number: int) -> Rows:
    """The one row of an inspection that could not be worked out."""
    nothing = (None,) * 10
    place = (row.id, row.campaign, row.unit, row.squad)
    return {"score_sheet": [(*place, number, "", STATUS_ERROR, *nothing, 0, 0, 0, row.checklist, "", b"")]}


def _text(points: Decimal | None) -> str | None:
    return None if points is None else f"{points:f}"


def _range(low: Decimal, high: Decimal, applies: bool) -> tuple[str | None, str | None]:
    return (_text(low), _text(high)) if applies else (None, None)


def _section(row: InspectionRow, one: SectionLine) -> Row:
    earned = _range(one.low, one.high, one.applicable != 0)
    return (row.id, one.section, _text(one.max_points), _text(one.applicable), *earned)


def _item_line(row: InspectionRow, one: ItemLine) -> list[Row]:
    earned = _range(one.low, one.high, one.status != "not_applicable")
    return [(row.id, one.item, one.section, _text(one.max_points), *earned, one.status)]


def _sheet(row: InspectionRow, number: int, inspection: Inspection, sheet: ScoreSheet) -> Row:
    counts = sheet.counts
    low = sum((one.low for one in sheet.sections), Decimal(0))
    high = sum((one.high for one in sheet.sections), Decimal(0))
    return (
        row.id, row.campaign, row.unit, row.squad, number, inspection.stage, sheet.status,
        _text(sheet.percent), _text(sheet.percent_low), _text(sheet.percent_high),
        sheet.grade, sheet.grade_low, sheet.grade_high,
        _text(sheet.base if sheet.base is not None else low), _text(sheet.base if sheet.base is not None else high),
        _text(sheet.applicable), _text(sheet.aggravating),
        counts.open + counts.disputed + counts.na_without_consent, len(inspection.disputes), len(inspection.held),
        row.checklist, sheet.engine_version,
    )  # fmt: skip


def _deductions(row: InspectionRow, line: ItemLine) -> list[Row]:
    """What is charged for certain; the readings of a dispute are in the sheet only."""
    return [_deduction(row, line.item, at, one) for at, one in enumerate(line.deductions)]


def _aggravating(row: InspectionRow, sheet: ScoreSheet) -> list[Row]:
    return [
        (
            row.id, extra.item, 0, _text(extra.points_high), extra.kind, extra.kind, extra.zh, extra.en,
            " ".join(extra.source.ops), " ".join(extra.source.persons), " ".join(extra.source.devices),
            " ".join(extra.source.findings), " ".join(extra.source.evidence),
        )
        for extra in sheet.extras
        if extra.kind == "aggravating" and extra.points_low == extra.points_high and extra.points_high
    ]  # fmt: skip


def _deduction(row: InspectionRow, item: str, at: int, one: Deduction) -> Row:
    source = one.source
    return (
        row.id, item, at, _text(one.charged), one.rule, one.code, one.zh, one.en,
        " ".join(source.ops), " ".join(source.persons), " ".join(source.devices),
        " ".join(source.findings), " ".join(source.evidence),
    )  # fmt: skip


def _finding(row: InspectionRow, one: FindingState) -> list[Row]:
    """A finding as it reads; none while only something that hangs on it has arrived."""
    if one.record is None:
        return []
    author = next((s for s in one.record.standing if isinstance(s.value, Finding)), one.record.standing[0])
    text = one.text
    cells: tuple[Cell[Any] | None, ...] = (
        one.record,
        one.repeat_of,
        one.duplicate_of,
        one.fix,
        one.statement,
    )
    disputed = any(cell.disputed for cell in cells if cell is not None)
    read = (
        ("", "", "", "", False, author.value.occurrences, "", "", "")
        if text is None
        else (
            text.severity, text.cause, text.fact, " ".join(text.basis), text.common, text.occurrences,
            text.device, text.disposal, text.due,
        )
    )  # fmt: skip
    return [(
        row.id, one.finding, author.value.item, *read, one.fix is not None, one.earlier, one.duplicate,
        one.withdrawn, disputed, author.person, author.op,
    )]  # fmt: skip


def _item(cell: Cell[Any], inspection: Inspection) -> str:
    """The checklist item that a disputed field is about; "" for the whole inspection."""
    item = getattr(cell.value, "item", "")
    finding = inspection.findings.get(FindingId(getattr(cell.value, "finding", "")))
    return str(item or (finding.item if finding is not None else "") or "")


def _evidence(row: InspectionRow, cell: Cell[Any]) -> Iterator[Row]:
    """The photo as attached; none once all that stands says it was removed."""
    for one in cell.standing:
        photo = one.value
        if isinstance(photo, EvidenceAttached):
            yield (
                row.id, photo.evidence, photo.item, photo.finding, photo.sha256, photo.size_bytes,
                photo.media_type, photo.caption, one.person, one.device, one.op,
            )  # fmt: skip
            return
