"""What the console reads of quarantine: what was refused and waits, and what a person admitted and why."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, select

from server.storage.console_reads import LIST_ROWS_MAX
from server.storage.tables import account, admission, device, inspection, operation, refusal, squad, unit


class RefusalLine(NamedTuple):
    """One refused operation, as far as its envelope could be read; `unit` is "" where there is no such inspection."""

    device: str
    device_name: str
    squad: str
    squad_zh: str
    squad_en: str
    hash: str
    problem: str
    facts: str
    received_at_ms: int
    op: str
    inspection: str
    person: str
    epoch: str
    seq: int
    unit: str
    unit_zh: str
    unit_en: str
    checklist: str
    raw: bytes


class AdmissionLine(NamedTuple):
    """One operation that a person let in: why it had been refused, by whom it was admitted, for what reason, when."""

    hash: str
    op: str
    device: str
    device_name: str
    problem: str
    admitted_by: str
    admitted_by_name: str
    why: str
    at_ms: int
    inspection: str
    unit: str
    unit_zh: str
    unit_en: str
    person: str
    kind: str


class Sift(NamedTuple):
    """What the list of waiting operations is narrowed to; empty fields narrow nothing."""

    squad: str = ""
    tablet: str = ""
    why: str = ""
    page: int = 1


def _waiting(*what: Any) -> Select[Any]:
    return select(*what).select_from(
        refusal.join(device, device.c.id == refusal.c.device)
        .join(squad, squad.c.id == device.c.squad)
        .outerjoin(inspection, inspection.c.id == refusal.c.inspection)
        .outerjoin(unit, unit.c.id == inspection.c.unit)
    )


_LINE = (
    refusal.c.device,
    device.c.name,
    squad.c.id,
    squad.c.name_zh,
    squad.c.name_en,
    *[refusal.c[name] for name in RefusalLine._fields[5:14]],
    func.coalesce(unit.c.id, ""),
    func.coalesce(unit.c.name_zh, ""),
    func.coalesce(unit.c.name_en, ""),
    func.coalesce(inspection.c.checklist, ""),
    refusal.c.raw,
)


def waiting(conn: Connection, campaign_id: str, by: Sift) -> tuple[list[RefusalLine], int]:
    """One page of what waits of the campaign's tablets, newest first, and how many there are in all."""
    wheres = [squad.c.campaign == campaign_id]
    for column, wanted in ((squad.c.id, by.squad), (device.c.id, by.tablet), (refusal.c.problem, by.why)):
        if wanted:
            wheres.append(column == wanted)
    total = conn.execute(_waiting(func.count()).where(*wheres)).scalar_one()
    query = (
        _waiting(*_LINE)
        .where(*wheres)
        .order_by(refusal.c.received_at_ms.desc(), refusal.c.hash)
        .limit(LIST_ROWS_MAX)
        .offset((by.page - 1) * LIST_ROWS_MAX)
    )
    return [RefusalLine(*row) for row in conn.execute(query)], total


def one(conn: Connection, campaign_id: str, device_id: str, hash_: str) -> RefusalLine | None:
    """One refused operation of a tablet of the campaign."""
    query = _waiting(*_LINE).where(
        squad.c.campaign == campaign_id, refusal.c.device == device_id, refusal.c.hash == hash_
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else RefusalLine(*row)


def of_inspection(conn: Connection, inspection_id: str) -> list[RefusalLine]:
    """What waits of one inspection, newest first."""
    query = (
        _waiting(*_LINE)
        .where(refusal.c.inspection == inspection_id)
        .order_by(refusal.c.received_at_ms.desc(), refusal.c.hash)
        .limit(LIST_ROWS_MAX)
    )
    return [RefusalLine(*row) for row in conn.execute(query)]


def reasons(conn: Connection, campaign_id: str) -> list[tuple[str, int]]:
    """For which reasons operations of the campaign's tablets wait, and how many for each, most first."""
    query = (
        _waiting(refusal.c.problem, func.count())
        .where(squad.c.campaign == campaign_id)
        .group_by(refusal.c.problem)
        .order_by(func.count().desc(), refusal.c.problem)
    )
    return [(row[0], row[1]) for row in conn.execute(query)]


def _admitted() -> Select[Any]:
    return select(
        admission.c.hash,
        admission.c.op,
        admission.c.device,
        func.coalesce(device.c.name, ""),
        admission.c.problem,
        admission.c.admitted_by,
        func.coalesce(account.c.name, admission.c.admitted_by),
        admission.c.why,
        admission.c.at_ms,
        inspection.c.id,
        unit.c.id,
        unit.c.name_zh,
        unit.c.name_en,
        operation.c.person,
        operation.c.kind,
    ).select_from(
        admission.join(operation, operation.c.id == admission.c.op)
        .join(inspection, inspection.c.id == operation.c.inspection)
        .join(unit, unit.c.id == inspection.c.unit)
        .outerjoin(device, device.c.id == admission.c.device)
        .outerjoin(account, account.c.login == admission.c.admitted_by)
    )


def admitted(conn: Connection, campaign_id: str) -> list[AdmissionLine]:
    """What was admitted into the campaign's inspections, newest first."""
    query = (
        _admitted()
        .where(inspection.c.campaign == campaign_id)
        .order_by(admission.c.at_ms.desc(), admission.c.hash)
        .limit(LIST_ROWS_MAX)
    )
    return [AdmissionLine(*row) for row in conn.execute(query)]


def admitted_to(conn: Connection, inspection_id: str) -> dict[str, AdmissionLine]:
    """By operation, what was admitted into one inspection."""
    query = _admitted().where(operation.c.inspection == inspection_id).order_by(admission.c.at_ms)
    return {row[1]: AdmissionLine(*row) for row in conn.execute(query)}
