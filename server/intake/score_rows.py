"""One inspection's rows in the score tables: a pure function of its state, its sheet and its place in the plan."""

import shlex
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from itertools import chain
from operator import is_
from typing import Any, TypeVar

from msgspec import Raw

from server.storage.op_log import Row
from server.storage.registers import InspectionRow
from server.storage.rows import Rows
from shared_schema.ids import FindingId
from shared_schema.inspection import Cell, FindingState, Inspection
from shared_schema.merge import State, differing
from shared_schema.operations import EvidenceAttached, Finding
from shared_schema.sheet import Deduction, ExtraLine, ItemLine, ScoreSheet, SectionLine, sheet_bytes

T = TypeVar("T")

STATUS_ERROR = "error"
"""The inspection could not be merged or scored: a bug. Its operations are kept; `rebuild` heals it after the fix."""


class Kept:
    """Rows made before, by what they were made from: of the very same objects the rows are the very same list."""

    def __init__(self) -> None:
        self.written: dict[str, tuple[ItemLine, Raw]] = {}
        """The sheet's lines as bytes."""
        self._same: dict[str, tuple[tuple[object, ...], list[Any]]] = {}
        self._each: dict[str, tuple[Mapping[Any, object], dict[Any, list[Row]], list[Row]]] = {}

    def same(self, name: str, parts: tuple[object, ...], make: Callable[[], list[Any]]) -> list[Any]:
        """What `make` makes of these parts, and of nothing else that changes."""
        known = self._same.get(name)
        if known is None or not all(map(is_, known[0], parts)):
            known = self._same[name] = parts, make()
        return known[1]

    def each(
        self,
        name: str,
        sources: Mapping[Any, T],
        make: Callable[[InspectionRow, T], list[Row]],
        row: InspectionRow,
    ) -> list[Row]:
        """The rows of each source by itself; the place in the plan stays the same."""
        before, made, rows = self._each.get(name, ({}, {}, []))
        fresh = [key for key, one in sources.items() if before.get(key) is not one]
        if not fresh and len(before) == len(sources):
            return rows
        for key in made.keys() - sources.keys():
            del made[key]
        for key in fresh:
            made[key] = make(row, sources[key])
        rows = list(chain.from_iterable(made.values()))
        self._each[name] = sources, made, rows
        return rows


def rows_of(
    row: InspectionRow,
    number: int,
    state: State,
    inspection: Inspection,
    sheet: ScoreSheet,
    kept: Kept | None = None,
) -> Rows:
    """The rows, by table; `number` is the last log number in the state. Faster with what was kept of the last time."""
    kept = Kept() if kept is None else kept
    same, each = kept.same, kept.each
    items = {one.item: one for one in sheet.items}
    charging: dict[str, ItemLine | ExtraLine] = {**items, **{one.item: one for one in sheet.extras}}
    devices, interviews, evidence = inspection.devices, inspection.interviews, inspection.evidence
    return {
        "score_sheet": [
            (
                *_sheet(row, number, inspection, sheet),
                *same("score_sheet", (sheet,), lambda: [sheet_bytes(sheet, kept.written)]),
            )
        ],
        "score_section": each("score_section", {one.section: one for one in sheet.sections}, _section, row),
        "score_item": each("score_item", items, _item_line, row),
        "score_deduction": each("score_deduction", charging, _charged, row),
        "finding": each("finding", inspection.findings, _finding, row),
        "dispute": same(
            "dispute",
            (inspection.disputes, inspection.findings),
            lambda: _disputes(row, state, inspection, kept),
        ),
        "checked_device": same("checked_device", (devices,), lambda: [
            (row.id, one.register_no, one.classified, one.problems, one.tool_report)
            for one in (cell.value for cell in devices)
        ]),
        "interview": same("interview", (interviews,), lambda: [
            (row.id, one.interview, one.category, one.required, one.held)
            for one in (cell.value for cell in interviews)
        ]),
        "evidence": same("evidence", (evidence,), lambda: [line for cell in evidence for line in _evidence(row, cell)]),
    }  # fmt: skip


def _disputes(row: InspectionRow, state: State, inspection: Inspection, kept: Kept) -> list[Row]:
    """By field and item: a finding may come to lie on another item, and its disputes with it."""
    items = {cell.field: _item(cell, inspection) for cell in inspection.disputes}
    cells = {(cell.field, items[cell.field]): cell for cell in inspection.disputes}

    def one(row: InspectionRow, cell: Cell[Any]) -> list[Row]:
        return [(row.id, cell.field, items[cell.field], len(differing(state.fields[cell.field])))]

    return kept.each("dispute", cells, one, row)


def error_rows(row: InspectionRow, number: int) -> Rows:
    """The one row of an inspection that could not be worked out."""
    nothing = (None,) * 10
    place = (row.id, row.campaign, row.unit, row.squad)
    return {"score_sheet": [(*place, number, "", STATUS_ERROR, *nothing, 0, 0, 0, row.checklist, "", b"")]}


def _text(points: Decimal | None) -> str | None:
    return None if points is None else f"{points:f}"


def _range(low: Decimal, high: Decimal, applies: bool) -> tuple[str | None, str | None]:
    return (_text(low), _text(high)) if applies else (None, None)


def _section(row: InspectionRow, one: SectionLine) -> list[Row]:
    earned = _range(one.low, one.high, one.applicable != 0)
    return [(row.id, one.section, _text(one.max_points), _text(one.applicable), *earned)]


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


def _charged(row: InspectionRow, line: ItemLine | ExtraLine) -> list[Row]:
    """What is charged for certain; the readings of a dispute are in the sheet only."""
    if isinstance(line, ItemLine):
        return [_deduction(row, line.item, at, one) for at, one in enumerate(line.deductions)]
    if line.kind != "aggravating" or line.points_low != line.points_high or not line.points_high:
        return []
    source = line.source
    return [(
        row.id, line.item, 0, _text(line.points_high), line.kind, line.kind, line.zh, line.en,
        " ".join(source.ops), " ".join(source.persons), " ".join(source.devices),
        " ".join(source.findings), " ".join(source.evidence),
    )]  # fmt: skip


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
            text.severity, text.cause, text.fact, shlex.join(text.basis), text.common, text.occurrences,
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
