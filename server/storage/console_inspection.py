"""What the console reads of one inspection: its merged view, its sheet, and its operations down to the bytes."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, false, func, select

from server.storage import registers, states
from server.storage.tables import (
    account,
    checklist,
    device,
    earlier_finding,
    evidence,
    inspection,
    operation,
    person,
    photo,
    score_sheet,
    squad_member,
)
from shared_schema import merge
from shared_schema.checklist import Checklist, from_bytes
from shared_schema.ids import InspectionId
from shared_schema.inspection import Inspection
from shared_schema.operations import Operation, read_logged
from shared_schema.problems import Problem
from shared_schema.sheet import ScoreSheet, sheet_from_bytes


class LogEntry(NamedTuple):
    """One operation with where it stands in the inspection's log and when the server took it."""

    operation: Operation
    number: int
    received_at_ms: int
    held: bool


class Name(NamedTuple):
    """What a person or a tablet is called in both languages."""

    zh: str
    en: str

    def read(self, language: str) -> str:
        """The name in that language, or in the other one where it is missing."""
        return (self.en or self.zh) if language == "en" else (self.zh or self.en)


class Member(NamedTuple):
    """One member of the squad."""

    person: str
    name_zh: str
    name_en: str
    role: str
    unit: str
    certified_no: str


class Picture(NamedTuple):
    """One photo that stands on the inspection; `here` once its bytes have arrived, and then its receipt and backup."""

    evidence: str
    item: str
    finding: str
    sha256: str
    size_bytes: int
    media_type: str
    caption: str
    person: str
    device: str
    op: str
    here: bool
    received_at_ms: int | None
    receipted_at_ms: int | None
    backed_up: bool


class EarlierLine(NamedTuple):
    """A finding of an earlier year."""

    id: str
    unit: str
    year: int
    item: str
    fact: str
    open: bool


def checklist_of(conn: Connection, hash_: str) -> Checklist:
    """The checklist of that hash. Raises checklist_unknown."""
    content = conn.execute(select(checklist.c.content).where(checklist.c.hash == hash_)).scalar_one_or_none()
    if content is None:
        raise Problem("checklist_unknown", checklist=hash_[:12])
    return from_bytes(content)


def versions_of(conn: Connection, known: Checklist) -> list[Checklist]:
    """All versions of a checklist, by version, the last first."""
    return [checklist_of(conn, one) for one in reversed(registers.checklist_versions(conn, known.code))]


def view_of(conn: Connection, inspection_id: str) -> Inspection:
    """The inspection as the stored state has it; folded from the log where another version stored the state."""
    stored = states.load(conn, InspectionId(inspection_id))
    if stored is not None:
        return merge.view(stored.state)
    folded = merge.apply(merge.EMPTY, (entry.operation for entry in log_of(conn, inspection_id)))
    return merge.view(folded)


def sheet_of(conn: Connection, inspection_id: str) -> ScoreSheet | None:
    """The score sheet with its traces; None before the first operation, and while it cannot be worked out."""
    content = conn.execute(
        select(score_sheet.c.sheet).where(score_sheet.c.inspection == inspection_id)
    ).scalar_one_or_none()
    return sheet_from_bytes(content) if content else None


_ENTRY = (operation.c.raw, operation.c.number, operation.c.received_at_ms, operation.c.held)


def _entry(raw: bytes, number: int, received_at_ms: int, held: bool) -> LogEntry:
    return LogEntry(read_logged(raw), number, received_at_ms, held)


def log_of(conn: Connection, inspection_id: str) -> list[LogEntry]:
    """Every operation of the inspection in the order the server numbered them."""
    query = select(*_ENTRY).where(operation.c.inspection == inspection_id).order_by(operation.c.number)
    return [_entry(*row) for row in conn.execute(query)]


def log_entry(conn: Connection, inspection_id: str, op_id: str) -> LogEntry | None:
    """One operation, if it belongs to this inspection."""
    query = select(*_ENTRY).where(operation.c.inspection == inspection_id, operation.c.id == op_id)
    row = conn.execute(query).one_or_none()
    return None if row is None else _entry(*row)


def members(conn: Connection, squad_id: str) -> list[Member]:
    """The squad's members, leader first."""
    query = (
        select(
            person.c.id,
            person.c.name_zh,
            person.c.name_en,
            squad_member.c.role,
            person.c.unit,
            person.c.certified_no,
        )
        .join(squad_member, squad_member.c.person == person.c.id)
        .where(squad_member.c.squad == squad_id)
    )
    found = [Member(*row) for row in conn.execute(query)]
    return sorted(found, key=lambda one: (one.role != "leader", one.person))


def person_names(conn: Connection, ids: Iterable[str]) -> dict[str, Name]:
    """What the authors of operations are called: squad members, and accounts that acted from the console."""
    wanted = sorted(set(ids))
    accounts = conn.execute(select(account.c.login, account.c.name).where(account.c.login.in_(wanted)))
    people = conn.execute(
        select(person.c.id, person.c.name_zh, person.c.name_en).where(person.c.id.in_(wanted))
    )
    names = {row[0]: Name(row[1], "") for row in accounts}
    return names | {row[0]: Name(row[1], row[2]) for row in people}


def device_names(conn: Connection, ids: Iterable[str]) -> dict[str, str]:
    """What tablets are called; those without a name are not in it."""
    query = select(device.c.id, device.c.name).where(device.c.id.in_(sorted(set(ids))))
    return {row[0]: row[1] for row in conn.execute(query) if row[1]}


def pictures(conn: Connection, inspection_id: str) -> list[Picture]:
    """The photos that stand on the inspection, by item."""
    query = (
        select(
            *[evidence.c[name] for name in Picture._fields[:-4]],
            photo.c.sha256.is_not(None),
            photo.c.received_at_ms,
            photo.c.receipted_at_ms,
            func.coalesce(photo.c.backed_up, false()),
        )
        .select_from(evidence.outerjoin(photo, photo.c.sha256 == evidence.c.sha256))
        .where(evidence.c.inspection == inspection_id)
        .order_by(evidence.c.item, evidence.c.evidence)
    )
    return [Picture._make(row) for row in conn.execute(query)]


def earlier_findings(conn: Connection, unit_id: str) -> list[EarlierLine]:
    """What earlier inspections found at the unit, newest first."""
    query = (
        select(*[earlier_finding.c[name] for name in EarlierLine._fields])
        .where(earlier_finding.c.unit == unit_id)
        .order_by(earlier_finding.c.year.desc(), earlier_finding.c.id)
    )
    return [EarlierLine(*row) for row in conn.execute(query)]


def campaign_of_inspection(conn: Connection, inspection_id: str) -> str | None:
    """The campaign an inspection belongs to."""
    return conn.execute(
        select(inspection.c.campaign).where(inspection.c.id == inspection_id)
    ).scalar_one_or_none()
