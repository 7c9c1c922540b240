"""The score table for evaluators, as CSV, XLSX and JSON.

All three are functions of the sheets alone (the newest freeze's, or while there is none the standing
ones, marked provisional): the same sheets give the same bytes on every machine and every day.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec
import xlsxwriter

from server.storage import evaluation as store
from server.storage import registers
from server.storage.database import Connection
from shared_schema.checklist import Checklist, from_bytes
from shared_schema.rules import ENGINE_VERSION
from shared_schema.sheet import Counts, ScoreSheet, sheet_from_bytes

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
FIXED_DAY = datetime(2000, 1, 1, tzinfo=UTC)  # a workbook carries a date; ours must not depend on the day

Cell = str | int | Decimal | None


class Scored(NamedTuple):
    """One unit's row before it is written."""

    row: store.SheetRow
    sheet: ScoreSheet


class Table(NamedTuple):
    """What an export is made of."""

    campaign: str
    title_zh: str
    title_en: str
    version: str
    """Names the freeze; "provisional" while nothing is frozen."""
    checklist: Checklist
    scored: tuple[Scored, ...]
    findings: tuple[store.FindingRow, ...]


def table(conn: Connection, campaign: str) -> Table:
    """The campaign's table as it stands frozen, or provisionally. Raises not_found."""
    _, title_zh, title_en = store.campaign_of(conn, campaign)
    rows = store.sheet_rows(conn, campaign)
    findings = store.finding_rows(conn, campaign)
    version = store.latest_freeze(conn, campaign)
    if version is not None:
        frozen = {one.inspection: one for one in store.frozen_rows(conn, version)}
        rows = [
            row._replace(sheet=frozen[row.inspection].sheet, number=frozen[row.inspection].number)
            for row in rows
            if row.inspection in frozen
        ]
        findings = [
            store.FindingRow(**one)
            for row in rows
            for one in msgspec.json.decode(frozen[row.inspection].findings)
        ]
    scored = tuple(Scored(row, _sheet(row)) for row in rows)
    checklist = from_bytes(registers.checklist_content(conn, _checklist_hash(conn, campaign, rows)))
    return Table(
        campaign,
        title_zh,
        title_en,
        version or "provisional",
        checklist,
        scored,
        tuple(findings),
    )


def _sheet(row: store.SheetRow) -> ScoreSheet:
    """The row's sheet; where the server could not work it out, one that says nothing but that it is open."""
    if row.sheet:
        return sheet_from_bytes(row.sheet)
    none = Counts(items=0, answered=0, not_applicable=0, open=0, disputed=0, na_without_consent=0, held=0)
    return ScoreSheet(
        checklist="",
        checklist_version="",
        checklist_hash=row.checklist,
        engine_version=ENGINE_VERSION,
        status="open",
        counts=none,
    )


def _checklist_hash(conn: Connection, campaign: str, rows: Sequence[store.SheetRow]) -> str:
    return rows[0].checklist if rows else store.campaign_checklist(conn, campaign)


# --- the columns ------------------------------------------------------------------------------------

_COLUMNS: tuple[tuple[str, str], ...] = (
    ("unit", "单位代码"),
    ("name_zh", "单位名称"),
    ("name_en", "英文名称"),
    ("kind", "类别"),
    ("squad", "检查分队"),
    ("planned_date", "检查日期"),
    ("stage", "阶段"),
    ("percent", "得分"),
    ("percent_low", "得分下限"),
    ("percent_high", "得分上限"),
    ("grade", "等次代码"),
    ("grade_zh", "等次"),
    ("base", "实际得分"),
    ("applicable", "应得分"),
    ("aggravating", "加重扣分"),
    ("fired", "触发的限制"),
    ("items_not_applicable", "合理缺项数"),
    ("findings", "问题数"),
    ("findings_fixed", "立行立改数"),
    ("version", "数据版本"),
)


def columns(made_of: Table) -> tuple[tuple[str, str], ...]:
    """(stable name, Chinese heading) of each column; each section adds what it earned and what was due."""
    sections = tuple(
        pair
        for section in made_of.checklist.sections
        for pair in (
            (f"section_{section.id}", f"{section.id} {section.title.zh} 得分"),
            (f"section_{section.id}_due", f"{section.id} 应得分"),
        )
    )
    return (*_COLUMNS[:-1], *sections, _COLUMNS[-1])


def cells(made_of: Table) -> Iterable[tuple[Cell, ...]]:
    """One row for each unit, by unit code."""
    for row, sheet in made_of.scored:
        mine = [
            one
            for one in made_of.findings
            if one.inspection == row.inspection and not one.withdrawn and not one.duplicate_of
        ]
        sections: dict[str, tuple[Cell, Cell]] = {
            line.section: (line.points, line.applicable) for line in sheet.sections
        }
        yield (
            row.unit,
            row.unit_zh,
            row.unit_en,
            row.unit_kind,
            row.squad,
            row.planned_date,
            row.stage,
            sheet.percent,
            sheet.percent_low,
            sheet.percent_high,
            sheet.grade,
            made_of.checklist.grade(sheet.grade).zh if sheet.grade else "",
            sheet.base,
            sheet.applicable,
            sheet.aggravating,
            " ".join(sheet.fired),
            sheet.counts.not_applicable,
            len(mine),
            sum(one.fixed for one in mine),
            *(
                cell
                for section in made_of.checklist.sections
                for cell in sections.get(section.id, (None, None))
            ),
            made_of.version,
        )


def safe(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return "'" + text if text.startswith(FORMULA_STARTS) else text


# --- the files --------------------------------------------------------------------------------------


def csv_bytes(made_of: Table) -> bytes:
    """UTF-8 with a mark that Excel knows it by; the first line holds the stable column names."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([name for name, _ in columns(made_of)])
    for row in cells(made_of):
        writer.writerow(
            ["" if cell is None else safe(cell) if isinstance(cell, str) else str(cell) for cell in row]
        )
    return out.getvalue().encode("utf-8-sig")


def xlsx_bytes(made_of: Table) -> bytes:
    """A workbook: the table, every deduction, every finding. Texts are typed as text, never as formulas."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(
        out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    book.set_properties({"title": made_of.title_zh, "created": FIXED_DAY})
    head = book.add_format(
        {"bold": True, "bg_color": "#E6EEF6", "bottom": 1, "text_wrap": True, "valign": "top"}
    )
    points = book.add_format({"num_format": "0.00"})

    def sheet(
        name: str, headings: Sequence[str], widths: Sequence[int], rows: Iterable[Sequence[Cell]]
    ) -> None:
        page = book.add_worksheet(name)
        page.freeze_panes(1, 2)
        page.set_landscape()
        page.set_paper(9)
        page.fit_to_pages(1, 0)
        page.repeat_rows(0)
        page.set_footer(f"&L内部 {made_of.version}&R第 &P 页 共 &N 页")
        for column, heading in enumerate(headings):
            page.write_string(0, column, heading, head)
            page.set_column(column, column, widths[column] if column < len(widths) else 10)
        last = 0
        for last, row in enumerate(rows, start=1):
            for column, cell in enumerate(row):
                if isinstance(cell, Decimal):
                    page.write_number(last, column, cell, points)
                elif isinstance(cell, int):
                    page.write_number(last, column, cell)
                elif cell:
                    page.write_string(last, column, cell)
        page.autofilter(0, 0, max(last, 1), len(headings) - 1)

    sheet("得分表", [zh for _, zh in columns(made_of)], (9, 26, 26, 11, 10, 12), cells(made_of))
    sheet(
        "扣分明细",
        (
            "单位代码",
            "单位名称",
            "检查项",
            "扣分",
            "规则",
            "说明",
            "检查人员",
            "平板",
            "问题",
            "照片",
            "记录编号",
        ),
        (9, 24, 8, 8, 14, 60, 14, 28, 28, 28, 30),
        _deductions(made_of),
    )
    sheet(
        "问题",
        (
            "单位代码",
            "问题编号",
            "检查项",
            "程度",
            "成因",
            "事实",
            "共性",
            "次数",
            "处置",
            "期限",
            "已整改",
            "屡查屡犯",
            "撤销",
            "依据",
        ),
        (9, 18, 8, 9, 16, 60, 6, 6, 10, 12, 8, 20, 6, 24),
        _findings(made_of),
    )
    book.close()
    return out.getvalue()


def _deductions(made_of: Table) -> Iterable[tuple[Cell, ...]]:
    for row, sheet in made_of.scored:
        for line in sheet.items:
            for one in line.deductions:
                source = one.source
                yield (
                    row.unit,
                    row.unit_zh,
                    line.item,
                    one.charged,
                    one.rule,
                    one.zh,
                    " ".join(source.persons),
                    " ".join(source.devices),
                    " ".join(source.findings),
                    " ".join(source.evidence),
                    " ".join(source.ops),
                )
        for extra in sheet.extras:
            if extra.points_high and extra.kind == "aggravating":
                who, ops = " ".join(extra.source.persons), " ".join(extra.source.ops)
                yield (
                    row.unit,
                    row.unit_zh,
                    extra.item,
                    extra.points_high,
                    extra.kind,
                    extra.zh,
                    who,
                    "",
                    "",
                    "",
                    ops,
                )


def _findings(made_of: Table) -> Iterable[tuple[Cell, ...]]:
    for one in made_of.findings:
        yield (
            one.unit,
            one.finding,
            one.item,
            one.severity,
            one.cause,
            one.fact,
            "是" if one.common else "",
            one.occurrences,
            one.disposal,
            one.due,
            "是" if one.fixed else "",
            one.repeat_of,
            "是" if one.withdrawn else "",
            one.basis,
        )


def json_bytes(made_of: Table) -> bytes:
    """Everything, with each unit's whole score sheet and its traces down to operations."""
    return msgspec.json.format(
        msgspec.json.encode(
            {
                "campaign": made_of.campaign,
                "title": {"zh": made_of.title_zh, "en": made_of.title_en},
                "version": made_of.version,
                "checklist": {"code": made_of.checklist.code, "version": made_of.checklist.version},
                "units": [
                    {
                        "unit": row.unit,
                        "name": {"zh": row.unit_zh, "en": row.unit_en},
                        "kind": row.unit_kind,
                        "squad": row.squad,
                        "planned_date": row.planned_date,
                        "inspection": row.inspection,
                        "stage": row.stage,
                        "operations": row.number,
                        "sheet": sheet,
                    }
                    for row, sheet in made_of.scored
                ],
                "findings": [one._asdict() for one in made_of.findings],
            }
        ),
        indent=1,
    )


def export_csv(conn: Connection, campaign: str) -> bytes:
    """The campaign's table as CSV."""
    return csv_bytes(table(conn, campaign))


def export_xlsx(conn: Connection, campaign: str) -> bytes:
    """The campaign's table as a workbook."""
    return xlsx_bytes(table(conn, campaign))


def export_json(conn: Connection, campaign: str) -> bytes:
    """The campaign's table with all traces as JSON."""
    return json_bytes(table(conn, campaign))
