"""What a coordinator tells squads before visits: leads to verify, which are scored blind, what is below photos."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from server.storage.edition import renew
from server.storage.tables import campaign, inspection, lead


class LeadLine(NamedTuple):
    """One lead of an inspection."""

    id: str
    item: str
    text: str
    paper_ref: str


def leads(conn: Connection, inspection_id: str) -> list[LeadLine]:
    """The leads of an inspection, by item."""
    columns = [lead.c[name] for name in LeadLine._fields]
    query = select(*columns).where(lead.c.inspection == inspection_id).order_by(lead.c.item, lead.c.id)
    return [LeadLine(*row) for row in conn.execute(query)]


def add_lead(conn: Connection, inspection_id: str, line: LeadLine) -> None:
    """Adds one lead; the squad's tablets get it with their next exchange."""
    renew(conn)
    conn.execute(insert(lead).values(inspection=inspection_id, **line._asdict()))


def remove_lead(conn: Connection, inspection_id: str, lead_id: str) -> None:
    """Takes one lead back; what a squad has recorded of it stays in the log."""
    renew(conn)
    conn.execute(delete(lead).where(lead.c.inspection == inspection_id, lead.c.id == lead_id))


def is_blind(conn: Connection, inspection_id: str) -> bool:
    """Whether the inspection is scored blind."""
    found = conn.execute(
        select(inspection.c.blind).where(inspection.c.id == inspection_id)
    ).scalar_one_or_none()
    return bool(found)


def score_blind(conn: Connection, inspections: Iterable[str], *, blind: bool) -> None:
    """Has these inspections scored blind, or no longer."""
    renew(conn)
    conn.execute(update(inspection).where(inspection.c.id.in_(list(inspections))).values(blind=blind))


def untouched(conn: Connection, campaign_id: str) -> dict[str, bool]:
    """By inspection of the campaign of which nothing has been received, whether it is scored blind."""
    query = (
        select(inspection.c.id, inspection.c.blind)
        .where(inspection.c.campaign == campaign_id, inspection.c.last_number == 0)
        .order_by(inspection.c.id)
    )
    return {name: bool(blind) for name, blind in conn.execute(query)}


def blind_inspections(conn: Connection, campaign_id: str) -> list[str]:
    """The inspections of a campaign that are scored blind."""
    query = select(inspection.c.id).where(inspection.c.campaign == campaign_id, inspection.c.blind)
    return list(conn.execute(query.order_by(inspection.c.id)).scalars())


def has_watermark(conn: Connection, campaign_id: str) -> bool:
    """Whether unit, item, time, inspector and squad are written below the campaign's photos."""
    found = conn.execute(
        select(campaign.c.watermark).where(campaign.c.id == campaign_id)
    ).scalar_one_or_none()
    return bool(found)


def set_watermark(conn: Connection, campaign_id: str, *, watermark: bool) -> None:
    """Has it written below photos taken from each tablet's next exchange on, or no longer."""
    renew(conn)
    conn.execute(update(campaign).where(campaign.c.id == campaign_id).values(watermark=watermark))
