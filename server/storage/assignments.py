"""What the tablets of a squad need to work offline: its inspections, and no other unit's data."""

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, select

from server.storage.tables import (
    campaign,
    earlier_finding,
    inspection,
    inventory,
    lead,
    person,
    squad,
    squad_member,
    unit,
)
from shared_schema.wire import Assignment, EarlierFinding, InventoryDevice, Lead, Member


def of_squad(conn: Connection, squad_id: str) -> tuple[Assignment, ...]:
    """The squad's assignments, by inspection."""
    query = (
        select(
            inspection.c.id.label("inspection"),
            inspection.c.planned_date,
            inspection.c.checklist,
            inspection.c.blind,
            campaign.c.id.label("campaign"),
            campaign.c.title_zh.label("campaign_zh"),
            campaign.c.title_en.label("campaign_en"),
            campaign.c.watermark,
            unit.c.id.label("unit"),
            unit.c.name_zh.label("unit_zh"),
            unit.c.name_en.label("unit_en"),
            unit.c.kind.label("unit_kind"),
            unit.c.address,
            unit.c.contact,
            unit.c.profile,
            squad.c.id.label("squad"),
            squad.c.name_zh.label("squad_zh"),
            squad.c.name_en.label("squad_en"),
        )
        .join(campaign, campaign.c.id == inspection.c.campaign)
        .join(unit, unit.c.id == inspection.c.unit)
        .join(squad, squad.c.id == inspection.c.squad)
        .where(inspection.c.squad == squad_id)
        .order_by(inspection.c.id)
    )
    rows = [dict(row._mapping) for row in conn.execute(query)]
    units = {row["unit"] for row in rows}
    members = _members(conn, squad_id)
    computers, earlier = _computers(conn, units), _earlier(conn, units)
    leads = _leads(conn, {row["inspection"] for row in rows})
    return tuple(
        Assignment(
            **{**row, "profile": json.loads(row["profile"])},
            members=members,
            inventory=tuple(computers[row["unit"]]),
            earlier=tuple(earlier[row["unit"]]),
            leads=tuple(leads[row["inspection"]]),
        )
        for row in rows
    )


def _members(conn: Connection, squad_id: str) -> tuple[Member, ...]:
    query = (
        select(person.c.id, person.c.name_zh, person.c.name_en, squad_member.c.role)
        .join(squad_member, squad_member.c.person == person.c.id)
        .where(squad_member.c.squad == squad_id)
        .order_by(person.c.id)
    )
    return tuple(Member(*row) for row in conn.execute(query))


def _computers(conn: Connection, units: Iterable[str]) -> dict[str, list[InventoryDevice]]:
    found: dict[str, list[InventoryDevice]] = defaultdict(list)
    columns: list[Any] = [
        inventory.c.register_no,
        inventory.c.classified,
        inventory.c.department,
        inventory.c.kind,
    ]
    query = (
        select(inventory.c.unit, *columns).where(inventory.c.unit.in_(units)).order_by(*inventory.primary_key)
    )
    for unit_id, *rest in conn.execute(query):
        found[unit_id].append(InventoryDevice(*rest))
    return found


def _earlier(conn: Connection, units: Iterable[str]) -> dict[str, list[EarlierFinding]]:
    found: dict[str, list[EarlierFinding]] = defaultdict(list)
    table = earlier_finding
    columns: list[Any] = [table.c.id, table.c.year, table.c.item, table.c.fact, table.c.open]
    query = select(table.c.unit, *columns).where(table.c.unit.in_(units)).order_by(table.c.id)
    for unit_id, *rest in conn.execute(query):
        found[unit_id].append(EarlierFinding(*rest))
    return found


def _leads(conn: Connection, inspections: Iterable[str]) -> dict[str, list[Lead]]:
    found: dict[str, list[Lead]] = defaultdict(list)
    columns: list[Any] = [lead.c.id, lead.c.text, lead.c.item, lead.c.paper_ref]
    query = (
        select(lead.c.inspection, *columns)
        .where(lead.c.inspection.in_(inspections))
        .order_by(lead.c.item, lead.c.id)
    )
    for inspection_id, *rest in conn.execute(query):
        found[inspection_id].append(Lead(*rest))
    return found
