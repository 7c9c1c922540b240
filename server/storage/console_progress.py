"""What the board of a campaign's progress reads: stages, squads, disputes. One query each."""

from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from server.storage.console_reads import LIST_ROWS_MAX, STAGES, stage_now
from server.storage.tables import device, dispute, inspection, score_sheet, squad, unit


class SquadLine(NamedTuple):
    """How far one squad is: visits by reach, those `due` now, what is open, when its tablets were last heard of."""

    squad: str
    name_zh: str
    name_en: str
    expected: int
    visited: int
    submitted: int
    accepted: int
    due: int
    disputes: int
    held: int
    seen_at_ms: int | None


class DisputeLine(NamedTuple):
    """One open dispute of a campaign."""

    inspection: str
    unit: str
    unit_zh: str
    unit_en: str
    stage: str
    field: str
    item: str
    values_count: int


def stage_counts(conn: Connection, campaign_id: str) -> dict[str, int]:
    """How many inspections stand in each stage."""
    rows = conn.execute(
        select(stage_now, func.count())
        .select_from(inspection.outerjoin(score_sheet, score_sheet.c.inspection == inspection.c.id))
        .where(inspection.c.campaign == campaign_id)
        .group_by(stage_now)
    )
    return {row[0]: row[1] for row in rows}


def squad_board(conn: Connection, campaign_id: str, today: str = "") -> list[SquadLine]:
    """One line for each squad that is of the campaign or visits for it.

    Due are visits begun or given back, and those planned up to `today`.
    """

    def reached(*stages: str) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((stage_now.in_(stages), 1), else_=0)), 0)

    due = or_(
        stage_now.in_(("opened", "deliberated", "returned")),
        and_(stage_now == "prepared", inspection.c.id.is_not(None), inspection.c.planned_date <= today),
    )
    seen = (
        select(device.c.squad, func.max(device.c.seen_at_ms).label("seen"))
        .group_by(device.c.squad)
        .subquery()
    )
    query = (
        select(
            squad.c.id,
            squad.c.name_zh,
            squad.c.name_en,
            func.count(inspection.c.id),
            reached(*STAGES[1:]),
            reached("submitted", "accepted", "locked"),
            reached("accepted", "locked"),
            func.coalesce(func.sum(case((due, 1), else_=0)), 0),
            func.coalesce(func.sum(score_sheet.c.disputes), 0),
            func.coalesce(func.sum(score_sheet.c.held), 0),
            func.max(seen.c.seen),
        )
        .select_from(
            # A squad may also visit units of another campaign; those count there.
            squad.outerjoin(
                inspection, and_(inspection.c.squad == squad.c.id, inspection.c.campaign == campaign_id)
            )
            .outerjoin(score_sheet, score_sheet.c.inspection == inspection.c.id)
            .outerjoin(seen, seen.c.squad == squad.c.id)
        )
        .where(or_(squad.c.campaign == campaign_id, inspection.c.id.is_not(None)))
        .group_by(squad.c.id, squad.c.name_zh, squad.c.name_en)
        .order_by(squad.c.id)
    )
    return [SquadLine(*row) for row in conn.execute(query)]


def open_disputes(conn: Connection, campaign_id: str) -> list[DisputeLine]:
    """Every open dispute of the campaign, by unit."""
    query = (
        select(
            dispute.c.inspection,
            inspection.c.unit,
            unit.c.name_zh,
            unit.c.name_en,
            stage_now,
            dispute.c.field,
            dispute.c.item,
            dispute.c.values_count,
        )
        .select_from(
            dispute.join(inspection, inspection.c.id == dispute.c.inspection)
            .join(unit, unit.c.id == inspection.c.unit)
            .outerjoin(score_sheet, score_sheet.c.inspection == inspection.c.id)
        )
        .where(inspection.c.campaign == campaign_id)
        .order_by(inspection.c.unit, dispute.c.field)
        .limit(LIST_ROWS_MAX)
    )
    return [DisputeLine(*row) for row in conn.execute(query)]
