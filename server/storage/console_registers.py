"""What the console's registers read: units, people and squads, checklists."""

from typing import NamedTuple

from sqlalchemy import Connection, and_, case, func, or_, select

from server.storage.tables import (
    campaign,
    checklist,
    inspection,
    inventory,
    person,
    squad,
    squad_member,
    unit,
)


class UnitLine(NamedTuple):
    """One unit with the size of its inventory and who visits it in the campaign."""

    id: str
    name_zh: str
    name_en: str
    kind: str
    parent_area: str
    parent_system: str
    address: str
    contact: str
    profile: str
    classified: int
    ordinary: int
    inspection: str | None
    squad_zh: str | None
    squad_en: str | None
    planned_date: str | None


class PersonLine(NamedTuple):
    """One person of the pool with the squad of the campaign they are in."""

    id: str
    name_zh: str
    name_en: str
    unit: str
    unit_zh: str | None
    unit_en: str | None
    experienced: bool
    certified_no: str
    certified_until: str
    squad: str | None
    role: str | None


class VisitLine(NamedTuple):
    """One planned visit."""

    inspection: str
    squad: str
    unit: str
    unit_zh: str
    unit_en: str
    planned_date: str


class ChecklistLine(NamedTuple):
    """One checklist version and how many campaigns use it."""

    hash: str
    code: str
    version: str
    title_zh: str
    title_en: str
    campaigns: int


def units(conn: Connection, campaign_id: str, q: str = "") -> list[UnitLine]:
    """The units by code, narrowed to those whose code or name holds `q`."""
    counted = (
        select(
            inventory.c.unit,
            func.sum(case((inventory.c.classified, 1), else_=0)).label("classified"),
            func.sum(case((inventory.c.classified, 0), else_=1)).label("ordinary"),
        )
        .group_by(inventory.c.unit)
        .subquery()
    )
    query = (
        select(
            *[unit.c[name] for name in UnitLine._fields[:9]],
            func.coalesce(counted.c.classified, 0),
            func.coalesce(counted.c.ordinary, 0),
            inspection.c.id,
            squad.c.name_zh,
            squad.c.name_en,
            inspection.c.planned_date,
        )
        .select_from(
            unit.outerjoin(counted, counted.c.unit == unit.c.id)
            .outerjoin(inspection, and_(inspection.c.unit == unit.c.id, inspection.c.campaign == campaign_id))
            .outerjoin(squad, squad.c.id == inspection.c.squad)
        )
        .order_by(unit.c.id)
    )
    if q:
        columns = (unit.c.id, unit.c.name_zh, unit.c.name_en)
        query = query.where(or_(*[column.icontains(q, autoescape=True) for column in columns]))
    return [UnitLine._make(row) for row in conn.execute(query)]


def people(conn: Connection, campaign_id: str) -> list[PersonLine]:
    """Everyone of the pool by id, with their squad and role in the campaign: a line for each squad they are in."""
    member = (
        select(squad_member.c.person, squad_member.c.role, squad.c.id.label("squad"))
        .join(squad, squad.c.id == squad_member.c.squad)
        .where(squad.c.campaign == campaign_id)
        .subquery()
    )
    query = (
        select(
            person.c.id,
            person.c.name_zh,
            person.c.name_en,
            person.c.unit,
            unit.c.name_zh,
            unit.c.name_en,
            person.c.experienced,
            person.c.certified_no,
            person.c.certified_until,
            member.c.squad,
            member.c.role,
        )
        .select_from(
            person.outerjoin(unit, unit.c.id == person.c.unit).outerjoin(
                member, member.c.person == person.c.id
            )
        )
        .order_by(person.c.id, member.c.squad)
    )
    return [PersonLine(*row) for row in conn.execute(query)]


def visits(conn: Connection, campaign_id: str) -> list[VisitLine]:
    """Every planned visit of the campaign by squad and date."""
    query = (
        select(
            inspection.c.id,
            inspection.c.squad,
            inspection.c.unit,
            unit.c.name_zh,
            unit.c.name_en,
            inspection.c.planned_date,
        )
        .join(unit, unit.c.id == inspection.c.unit)
        .where(inspection.c.campaign == campaign_id)
        .order_by(inspection.c.squad, inspection.c.planned_date, inspection.c.unit)
    )
    return [VisitLine(*row) for row in conn.execute(query)]


def squads(conn: Connection, campaign_id: str) -> list[tuple[str, str, str]]:
    """The campaign's squads as (id, Chinese name, English name)."""
    query = select(squad.c.id, squad.c.name_zh, squad.c.name_en).where(squad.c.campaign == campaign_id)
    return [(row[0], row[1], row[2]) for row in conn.execute(query.order_by(squad.c.id))]


def checklists(conn: Connection) -> list[ChecklistLine]:
    """Every checklist version, the newest of a code last."""
    query = (
        select(
            *[checklist.c[name] for name in ChecklistLine._fields[:5]],
            func.count(campaign.c.id),
        )
        .outerjoin(campaign, campaign.c.checklist == checklist.c.hash)
        .group_by(*[checklist.c[name] for name in ChecklistLine._fields[:5]])
        .order_by(checklist.c.code, checklist.c.version)
    )
    return [ChecklistLine._make(row) for row in conn.execute(query)]
