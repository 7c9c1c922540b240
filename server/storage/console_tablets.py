"""What the console reads of tablets: who has them, what is held of their chains, their photos, their open codes."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, exists, func, select

from server.storage.tables import (
    chain,
    clock_jump,
    device,
    enrolment,
    evidence,
    operation,
    person,
    photo,
    refusal,
    signed_head,
    squad,
)


class TabletLine(NamedTuple):
    """One tablet of a campaign's squad. `accepted`: its operations in the log; `refused`: those in quarantine."""

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
    revoked_why: str
    replaced_by: str
    told_revoked_at_ms: int | None
    clock_ahead_ms: int | None
    holder: str
    holder_zh: str
    holder_en: str
    accepted: int
    refused: int
    jumps: int
    photos_expected: int
    photos_here: int


class Run(NamedTuple):
    """One chain of a tablet: how far it was announced and received, is held without a gap, and is backed up."""

    device: str
    epoch: str
    announced: int
    highest: int
    held: int
    hash: str
    backed_up: int


class CodeLine(NamedTuple):
    """One code that is still good; the code itself is nowhere kept."""

    device: str
    squad: str
    squad_zh: str
    squad_en: str
    expires_at_ms: int
    holder: str
    holder_zh: str
    holder_en: str
    replaces: str
    replaces_name: str


def _of_campaign(campaign_id: str) -> Select[Any]:
    return (
        select(device.c.id).join(squad, squad.c.id == device.c.squad).where(squad.c.campaign == campaign_id)
    )


def _per_device(column: Any, count: Any, *where: Any) -> Any:
    return select(column.label("device"), count.label("count")).where(*where).group_by(column).subquery()


def tablets(conn: Connection, campaign_id: str) -> list[TabletLine]:
    """Every tablet enrolled for a squad of the campaign, by squad; those turned away last."""
    distinct = func.count(evidence.c.sha256.distinct())
    arrived = exists().where(photo.c.sha256 == evidence.c.sha256)
    counts = [
        _per_device(operation.c.device, func.count()),
        _per_device(refusal.c.device, func.count()),
        _per_device(clock_jump.c.device, func.count()),
        _per_device(evidence.c.device, distinct),
        _per_device(evidence.c.device, distinct, arrived),
    ]
    source = device.join(squad, squad.c.id == device.c.squad).outerjoin(
        person, person.c.id == device.c.holder
    )
    for each in counts:
        source = source.outerjoin(each, each.c.device == device.c.id)
    query = (
        select(
            device.c.id,
            squad.c.id,
            squad.c.name_zh,
            squad.c.name_en,
            *[device.c[name] for name in TabletLine._fields[4:16]],
            func.coalesce(person.c.name_zh, device.c.holder),
            func.coalesce(person.c.name_en, ""),
            *[func.coalesce(each.c.count, 0) for each in counts],
        )
        .select_from(source)
        .where(squad.c.campaign == campaign_id)
        .order_by(squad.c.id, device.c.revoked_at_ms.is_not(None), device.c.id)
    )
    return [TabletLine._make(row) for row in conn.execute(query)]


def runs(conn: Connection, campaign_id: str) -> list[Run]:
    """Every chain of the campaign's tablets, by tablet and epoch."""
    ours = _of_campaign(campaign_id)

    def highest(table: Any) -> dict[tuple[str, str], int]:
        query = (
            select(table.c.device, table.c.epoch, func.max(table.c.seq))
            .where(table.c.device.in_(ours), table.c.seq > 0)
            .group_by(table.c.device, table.c.epoch)
        )
        return {(row[0], row[1]): row[2] for row in conn.execute(query)}

    announced, logged, refused = highest(signed_head), highest(operation), highest(refusal)
    tips = {
        (row[0], row[1]): tuple(row[2:])
        for row in conn.execute(
            select(chain.c.device, chain.c.epoch, chain.c.seq, chain.c.hash, chain.c.backed_up).where(
                chain.c.device.in_(ours)
            )
        )
    }
    found = []
    for place in sorted({*announced, *logged, *refused, *tips}):
        received = max(logged.get(place, 0), refused.get(place, 0))
        seq, hash_, backed_up = tips.get(place, (0, "", 0))
        found.append(Run(*place, max(received, announced.get(place, 0)), received, seq, hash_, backed_up))
    return found


def delivered_since(conn: Connection, device_id: str, since_ms: int) -> int:
    """How many operations of a tablet have come since then, taken in or not."""
    counts = [
        conn.execute(
            select(func.count()).where(table.c.device == device_id, table.c.received_at_ms >= since_ms)
        ).scalar_one()
        for table in (operation, refusal)
    ]
    return sum(counts)


def refused(conn: Connection, device_id: str) -> list[tuple[str, int, int]]:
    """Why operations of a tablet lie in quarantine: problem, how many, when the last one came. No content."""
    query = (
        select(refusal.c.problem, func.count(), func.max(refusal.c.received_at_ms))
        .where(refusal.c.device == device_id)
        .group_by(refusal.c.problem)
        .order_by(refusal.c.problem)
    )
    return [(row[0], row[1], row[2]) for row in conn.execute(query)]


def names(conn: Connection, ids: Iterable[str]) -> dict[str, str]:
    """What tablets are called, as far as they have a name."""
    query = select(device.c.id, device.c.name).where(device.c.id.in_(sorted(set(ids))))
    return {row[0]: row[1] for row in conn.execute(query) if row[1]}


def codes(conn: Connection, campaign_id: str, now_ms: int) -> list[CodeLine]:
    """Codes of the campaign's squads that are still good, the first to expire first."""
    old = device.alias("old")
    query = (
        select(
            enrolment.c.device,
            enrolment.c.squad,
            squad.c.name_zh,
            squad.c.name_en,
            enrolment.c.expires_at_ms,
            enrolment.c.holder,
            func.coalesce(person.c.name_zh, enrolment.c.holder),
            func.coalesce(person.c.name_en, ""),
            enrolment.c.replaces,
            func.coalesce(old.c.name, ""),
        )
        .select_from(
            enrolment.join(squad, squad.c.id == enrolment.c.squad)
            .outerjoin(person, person.c.id == enrolment.c.holder)
            .outerjoin(old, old.c.id == enrolment.c.replaces)
        )
        .where(
            squad.c.campaign == campaign_id,
            enrolment.c.used_at_ms.is_(None),
            enrolment.c.expires_at_ms > now_ms,
        )
        .order_by(enrolment.c.expires_at_ms, enrolment.c.device)
    )
    return [CodeLine._make(row) for row in conn.execute(query)]
