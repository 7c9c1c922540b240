"""What the console's lists read: campaigns, inspections, findings, freezes. One query each."""

import shlex
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    func,
    literal,
    or_,
    select,
)

from server.storage.tables import (
    campaign,
    finding,
    freeze,
    frozen_sheet,
    inspection,
    score_item,
    score_sheet,
    squad,
    unit,
)

STAGES = ("prepared", "opened", "deliberated", "submitted", "returned", "accepted", "locked", "aborted")
LIST_ROWS_MAX = 100

stage_now = case(
    (score_sheet.c.stage.is_(None), literal("prepared")),
    (score_sheet.c.stage == "", literal("error")),
    else_=score_sheet.c.stage,
)
"""Where an inspection stands. `error`: a bug of ours kept it from being worked out; its operations are safe."""


class Campaign(NamedTuple):
    """One campaign, as the chooser shows it."""

    id: str
    year: int
    kind: str
    title_zh: str
    title_en: str
    checklist: str
    state: str
    draw_seed: str


class InspectionLine(NamedTuple):
    """One inspection in the list. Figures are None until the first operation has arrived."""

    id: str
    campaign: str
    unit: str
    unit_zh: str
    unit_en: str
    unit_kind: str
    squad: str
    squad_zh: str
    squad_en: str
    planned_date: str
    checklist: str
    responsible_person: str
    number: int
    stage: str
    percent: str | None
    percent_low: str | None
    percent_high: str | None
    grade: str | None
    grade_low: str | None
    grade_high: str | None
    items_open: int
    disputes: int
    held: int
    items: int
    findings: int


class Filter(NamedTuple):
    """What the list of inspections is narrowed to; empty fields narrow nothing."""

    q: str = ""
    stage: str = ""
    squad: str = ""
    grade: str = ""
    only: str = ""
    page: int = 1


class FindingLine(NamedTuple):
    """One finding of a campaign that is neither withdrawn nor a duplicate."""

    inspection: str
    unit: str
    unit_zh: str
    unit_en: str
    finding: str
    item: str
    severity: str
    fact: str
    basis: str
    occurrences: int
    common: bool
    disposal: str
    due: str
    fixed: bool
    repeat_of: str
    disputed: bool

    @property
    def articles(self) -> tuple[str, ...]:
        """What it rests on, one by one."""
        return tuple(shlex.split(self.basis))


class Freeze(NamedTuple):
    """One freeze: when, by whom, by which engine, of how many inspections."""

    id: str
    at_ms: int
    by: str
    engine: str
    sheets: int


class Later(NamedTuple):
    """One inspection with so many operations after the freeze."""

    inspection: str
    unit: str
    operations: int


# --- campaigns -------------------------------------------------------------------------------------


def campaigns(conn: Connection) -> list[Campaign]:
    """Every campaign, newest first."""
    query = select(*[campaign.c[name] for name in Campaign._fields])
    return [Campaign(*row) for row in conn.execute(query.order_by(campaign.c.year.desc(), campaign.c.id))]


def draw_of(conn: Connection, campaign_id: str) -> str | None:
    """The draw's inputs hash and result as JSON, empty where there was none; None without such a campaign."""
    query = select(func.coalesce(campaign.c.draw, "")).where(campaign.c.id == campaign_id)
    return conn.execute(query).scalar_one_or_none()


# --- progress --------------------------------------------------------------------------------------


# --- inspections -----------------------------------------------------------------------------------


def _inspections() -> Select[Any]:
    items = (
        select(score_item.c.inspection, func.count().label("count"))
        .group_by(score_item.c.inspection)
        .subquery()
    )
    found = (
        select(finding.c.inspection, func.count().label("count"))
        .where(finding.c.withdrawn.is_(False), finding.c.duplicate_of == "")
        .group_by(finding.c.inspection)
        .subquery()
    )
    return select(
        inspection.c.id,
        inspection.c.campaign,
        inspection.c.unit,
        unit.c.name_zh,
        unit.c.name_en,
        unit.c.kind,
        inspection.c.squad,
        squad.c.name_zh,
        squad.c.name_en,
        inspection.c.planned_date,
        inspection.c.checklist,
        inspection.c.responsible_person,
        inspection.c.last_number,
        stage_now,
        *[score_sheet.c[name] for name in InspectionLine._fields[14:20]],
        *[func.coalesce(score_sheet.c[name], 0) for name in InspectionLine._fields[20:23]],
        func.coalesce(items.c.count, 0),
        func.coalesce(found.c.count, 0),
    ).select_from(
        inspection.join(unit, unit.c.id == inspection.c.unit)
        .join(squad, squad.c.id == inspection.c.squad)
        .outerjoin(score_sheet, score_sheet.c.inspection == inspection.c.id)
        .outerjoin(items, items.c.inspection == inspection.c.id)
        .outerjoin(found, found.c.inspection == inspection.c.id)
    )


def _narrowed(campaign_id: str, by: Filter) -> ColumnElement[bool]:
    wanted: list[ColumnElement[bool]] = [inspection.c.campaign == campaign_id]
    if by.q:
        wanted.append(
            or_(
                *[
                    column.icontains(by.q, autoescape=True)
                    for column in (inspection.c.unit, unit.c.name_zh, unit.c.name_en)
                ]
            )
        )
    if by.stage:
        wanted.append(stage_now == by.stage)
    if by.squad:
        wanted.append(inspection.c.squad == by.squad)
    if by.grade:
        wanted.append(
            score_sheet.c.grade.is_(None) if by.grade == "open" else score_sheet.c.grade == by.grade
        )
    if by.only == "disputed":
        wanted.append(score_sheet.c.disputes > 0)
    if by.only == "held":
        wanted.append(score_sheet.c.held > 0)
    return and_(*wanted)


def inspections(conn: Connection, campaign_id: str, by: Filter) -> tuple[list[InspectionLine], int]:
    """One page of the campaign's inspections by unit code, and how many there are in all."""
    where = _narrowed(campaign_id, by)
    count = select(func.count()).select_from(
        inspection.join(unit, unit.c.id == inspection.c.unit).outerjoin(
            score_sheet, score_sheet.c.inspection == inspection.c.id
        )
    )
    total = conn.execute(count.where(where)).scalar_one()
    rows = conn.execute(
        _inspections()
        .where(where)
        .order_by(inspection.c.unit, inspection.c.id)
        .limit(LIST_ROWS_MAX)
        .offset((max(by.page, 1) - 1) * LIST_ROWS_MAX)
    )
    return [InspectionLine(*row) for row in rows], total


def stages_of(conn: Connection, campaign_id: str) -> dict[str, str]:
    """The stage of each inspection of the campaign."""
    rows = conn.execute(
        select(inspection.c.id, stage_now)
        .outerjoin(score_sheet, score_sheet.c.inspection == inspection.c.id)
        .where(inspection.c.campaign == campaign_id)
    )
    return {row[0]: row[1] for row in rows}


def inspection_line(conn: Connection, inspection_id: str) -> InspectionLine | None:
    """One inspection as the list shows it."""
    row = conn.execute(_inspections().where(inspection.c.id == inspection_id)).one_or_none()
    return None if row is None else InspectionLine(*row)


# --- findings --------------------------------------------------------------------------------------


def findings(conn: Connection, campaign_id: str, only: str = "") -> list[FindingLine]:
    """The campaign's findings by unit and item; `only` is one of open, fixed, repeat, disputed, or empty."""
    narrowed: dict[str, ColumnElement[bool]] = {
        "open": finding.c.fixed.is_(False),
        "fixed": finding.c.fixed.is_(True),
        "repeat": finding.c.repeat_of != "",
        "disputed": finding.c.disputed.is_(True),
    }
    query = (
        select(
            finding.c.inspection,
            inspection.c.unit,
            unit.c.name_zh,
            unit.c.name_en,
            *[finding.c[name] for name in FindingLine._fields[4:]],
        )
        .select_from(
            finding.join(inspection, inspection.c.id == finding.c.inspection).join(
                unit, unit.c.id == inspection.c.unit
            )
        )
        .where(
            inspection.c.campaign == campaign_id,
            finding.c.withdrawn.is_(False),
            finding.c.duplicate_of == "",
            *([narrowed[only]] if only in narrowed else []),
        )
        .order_by(inspection.c.unit, finding.c.item, finding.c.finding)
    )
    return [FindingLine(*row) for row in conn.execute(query)]


# --- freezes ---------------------------------------------------------------------------------------


def freezes(conn: Connection, campaign_id: str) -> list[Freeze]:
    """The campaign's freezes, newest first."""
    query = (
        select(
            freeze.c.id, freeze.c.at_ms, freeze.c.by, freeze.c.engine, func.count(frozen_sheet.c.inspection)
        )
        .outerjoin(frozen_sheet, frozen_sheet.c.freeze == freeze.c.id)
        .where(freeze.c.campaign == campaign_id)
        .group_by(freeze.c.id, freeze.c.at_ms, freeze.c.by, freeze.c.engine)
        .order_by(freeze.c.at_ms.desc(), freeze.c.id)
    )
    return [Freeze(*row) for row in conn.execute(query)]


def after_freeze(conn: Connection, campaign_id: str, freeze_id: str) -> list[Later]:
    """Inspections with operations that arrived after a freeze had counted them."""
    query = (
        select(inspection.c.id, inspection.c.unit, inspection.c.last_number - frozen_sheet.c.number)
        .join(frozen_sheet, frozen_sheet.c.inspection == inspection.c.id)
        .where(
            inspection.c.campaign == campaign_id,
            frozen_sheet.c.freeze == freeze_id,
            inspection.c.last_number > frozen_sheet.c.number,
        )
        .order_by(inspection.c.unit)
    )
    return [Later(*row) for row in conn.execute(query)]
