"""What the board of a campaign's progress reads: stages, squads, tablets, disputes, refusals. One query each."""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, case, exists, func, select

from server.storage.console_reads import LIST_ROWS_MAX, STAGES, stage_now
from server.storage.tables import (
    device,
    dispute,
    evidence,
    inspection,
    operation,
    photo,
    refusal,
    score_sheet,
    squad,
    unit,
)


class SquadLine(NamedTuple):
    """How far one squad is: visits by reach, what is open, and when its tablets were last heard of."""

    squad: str
    name_zh: str
    name_en: str
    expected: int
    visited: int
    submitted: int
    accepted: int
    disputes: int
    held: int
    seen_at_ms: int | None


class TabletLine(NamedTuple):
    """One tablet of a campaign: last contact, how far its operations are here, refused ones, photos awaited."""

    id: str
    squad: str
    squad_zh: str
    squad_en: str
    name: str
    app: str
    platform: str
    public_key: str
    enrolled_at_ms: int
    seen_at_ms: int | None
    revoked_at_ms: int | None
    received: int
    refused: int
    photos_expected: int
    photos_here: int


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


class RefusalLine(NamedTuple):
    """One operation that was refused for good, and why."""

    device: str
    squad: str
    hash: str
    problem: str
    facts: str
    received_at_ms: int


def stage_counts(conn: Connection, campaign_id: str) -> dict[str, int]:
    """How many inspections stand in each stage."""
    rows = conn.execute(
        select(stage_now, func.count())
        .select_from(inspection.outerjoin(score_sheet, score_sheet.c.inspection == inspection.c.id))
        .where(inspection.c.campaign == campaign_id)
        .group_by(stage_now)
    )
    return {row[0]: row[1] for row in rows}


def squad_board(conn: Connection, campaign_id: str) -> list[SquadLine]:
    """One line for each squad of the campaign."""

    def reached(*stages: str) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((stage_now.in_(stages), 1), else_=0)), 0)

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
            func.coalesce(func.sum(score_sheet.c.disputes), 0),
            func.coalesce(func.sum(score_sheet.c.held), 0),
            func.max(seen.c.seen),
        )
        .select_from(
            squad.outerjoin(inspection, inspection.c.squad == squad.c.id)
            .outerjoin(score_sheet, score_sheet.c.inspection == inspection.c.id)
            .outerjoin(seen, seen.c.squad == squad.c.id)
        )
        .where(squad.c.campaign == campaign_id)
        .group_by(squad.c.id, squad.c.name_zh, squad.c.name_en)
        .order_by(squad.c.id)
    )
    return [SquadLine(*row) for row in conn.execute(query)]


def tablets(conn: Connection, campaign_id: str) -> list[TabletLine]:
    """Every tablet enrolled for a squad of the campaign."""

    def per_device(column: Any, count: Any, *where: Any) -> Any:
        return select(column.label("device"), count.label("count")).where(*where).group_by(column).subquery()

    received = per_device(operation.c.device, func.count())
    refused = per_device(refusal.c.device, func.count())
    expected = per_device(evidence.c.device, func.count(evidence.c.sha256.distinct()))
    here = per_device(
        evidence.c.device,
        func.count(evidence.c.sha256.distinct()),
        exists().where(photo.c.sha256 == evidence.c.sha256),
    )
    query = (
        select(
            device.c.id,
            squad.c.id,
            squad.c.name_zh,
            squad.c.name_en,
            *[device.c[name] for name in TabletLine._fields[4:11]],
            *[func.coalesce(each.c.count, 0) for each in (received, refused, expected, here)],
        )
        .select_from(
            device.join(squad, squad.c.id == device.c.squad)
            .outerjoin(received, received.c.device == device.c.id)
            .outerjoin(refused, refused.c.device == device.c.id)
            .outerjoin(expected, expected.c.device == device.c.id)
            .outerjoin(here, here.c.device == device.c.id)
        )
        .where(squad.c.campaign == campaign_id)
        .order_by(squad.c.id, device.c.id)
    )
    return [TabletLine(*row) for row in conn.execute(query)]


def refusals(conn: Connection, campaign_id: str) -> list[RefusalLine]:
    """Operations of the campaign's tablets that were refused, newest first."""
    query = (
        select(
            refusal.c.device,
            device.c.squad,
            refusal.c.hash,
            refusal.c.problem,
            refusal.c.facts,
            refusal.c.received_at_ms,
        )
        .select_from(
            refusal.join(device, device.c.id == refusal.c.device).join(squad, squad.c.id == device.c.squad)
        )
        .where(squad.c.campaign == campaign_id)
        .order_by(refusal.c.received_at_ms.desc(), refusal.c.hash)
        .limit(LIST_ROWS_MAX)
    )
    return [RefusalLine(*row) for row in conn.execute(query)]


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
