"""What evaluation and the yearly report read and keep: score sheets, freezes, and the season's counts."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, exists, func, select

from server.storage.tables import (
    campaign,
    checked_device,
    dispute,
    evidence,
    finding,
    freeze,
    frozen_sheet,
    inspection,
    interview,
    operation,
    person,
    photo,
    score_sheet,
    squad,
    squad_member,
    unit,
)
from shared_schema.problems import Problem

HANDED_IN = ("submitted", "accepted", "locked")


class SheetRow(NamedTuple):
    """One inspection of a campaign with its standing score sheet."""

    inspection: str
    unit: str
    unit_zh: str
    unit_en: str
    unit_kind: str
    squad: str
    squad_zh: str
    planned_date: str
    checklist: str
    number: int
    stage: str
    sheet: bytes


class FrozenRow(NamedTuple):
    """One inspection's sheet as frozen."""

    freeze: str
    inspection: str
    number: int
    checklist: str
    sheet: bytes
    findings: bytes
    """JSON of its FindingRows."""


class FindingRow(NamedTuple):
    """One finding as the score rows hold it."""

    inspection: str
    finding: str
    unit: str
    item: str
    severity: str
    cause: str
    fact: str
    common: bool
    occurrences: int
    disposal: str
    due: str
    fixed: bool
    repeat_of: str
    duplicate_of: str
    withdrawn: bool
    basis: str
    """As in the table: `shlex.split` takes it apart."""


class OperationRow(NamedTuple):
    """One operation as the log holds it."""

    id: str
    kind: str
    person: str
    device: str
    seq: int
    hash: str


class PhotoRow(NamedTuple):
    """One photo that stands on an inspection."""

    evidence: str
    sha256: str
    size_bytes: int
    received: bool


class Counts(NamedTuple):
    """The counters of the yearly report, over the visits handed in."""

    units: int
    units_inspected: int
    squads: int
    squad_members: int
    certified_officers: int
    classified_computers: int
    ordinary_computers: int
    findings: int
    findings_common: int
    findings_repeat: int
    findings_fixed: int
    interviews: int
    photos: int
    operations: int
    tablets: int
    disputes_settled: int
    disputes_open: int


def campaign_of(conn: Connection, campaign_id: str) -> tuple[int, str, str]:
    """Year and titles of a campaign. Raises not_found."""
    query = select(campaign.c.year, campaign.c.title_zh, campaign.c.title_en).where(
        campaign.c.id == campaign_id
    )
    row = conn.execute(query).one_or_none()
    if row is None:
        raise Problem("not_found", what=campaign_id)
    return row[0], row[1], row[2]


def campaign_checklist(conn: Connection, campaign_id: str) -> str:
    """The hash of the checklist a campaign uses."""
    return str(conn.execute(select(campaign.c.checklist).where(campaign.c.id == campaign_id)).scalar_one())


def sheet_rows(conn: Connection, campaign_id: str) -> list[SheetRow]:
    """Every inspection of a campaign that has a score sheet, by unit."""
    query = (
        select(
            score_sheet.c.inspection,
            unit.c.id,
            unit.c.name_zh,
            unit.c.name_en,
            unit.c.kind,
            squad.c.id,
            squad.c.name_zh,
            inspection.c.planned_date,
            score_sheet.c.checklist,
            score_sheet.c.number,
            score_sheet.c.stage,
            score_sheet.c.sheet,
        )
        .join(inspection, inspection.c.id == score_sheet.c.inspection)
        .join(unit, unit.c.id == inspection.c.unit)
        .join(squad, squad.c.id == inspection.c.squad)
        .where(inspection.c.campaign == campaign_id)
        .order_by(unit.c.id, score_sheet.c.inspection)
    )
    return [SheetRow._make(row) for row in conn.execute(query)]


def units_unvisited(conn: Connection, campaign_id: str) -> list[str]:
    """Units assigned in the campaign whose inspection has not one operation yet."""
    query = (
        select(inspection.c.unit)
        .where(inspection.c.campaign == campaign_id)
        .where(~exists().where(score_sheet.c.inspection == inspection.c.id))
        .order_by(inspection.c.unit)
    )
    return list(conn.execute(query).scalars())


def operations_until(conn: Connection, inspection_id: str, number: int) -> list[bytes]:
    """The operations of an inspection up to a log number, as received, in log order."""
    query = (
        select(operation.c.raw)
        .where(operation.c.inspection == inspection_id, operation.c.number <= number)
        .order_by(operation.c.number)
    )
    return [bytes(raw) for raw in conn.execute(query).scalars()]


def put_freeze(
    conn: Connection,
    freeze_id: str,
    campaign_id: str,
    at_ms: int,
    by: str,
    engine: str,
    rows: Sequence[Mapping[str, object]],
) -> None:
    """Keep a freeze and its sheets."""
    conn.execute(
        freeze.insert().values(id=freeze_id, campaign=campaign_id, at_ms=at_ms, by=by, engine=engine)
    )
    conn.execute(frozen_sheet.insert(), [{"freeze": freeze_id, **row} for row in rows])


def latest_freeze(conn: Connection, campaign_id: str) -> str | None:
    """The newest freeze of a campaign."""
    query = (
        select(freeze.c.id)
        .where(freeze.c.campaign == campaign_id)
        .order_by(freeze.c.at_ms.desc(), freeze.c.id)
    )
    return conn.execute(query.limit(1)).scalar_one_or_none()


def frozen_rows(conn: Connection, freeze_id: str | None = None) -> list[FrozenRow]:
    """The sheets of one freeze, or of all."""
    query = select(
        frozen_sheet.c.freeze,
        frozen_sheet.c.inspection,
        frozen_sheet.c.number,
        frozen_sheet.c.checklist,
        frozen_sheet.c.sheet,
        frozen_sheet.c.findings,
    ).order_by(frozen_sheet.c.freeze, frozen_sheet.c.inspection)
    if freeze_id is not None:
        query = query.where(frozen_sheet.c.freeze == freeze_id)
    return [FrozenRow._make(row) for row in conn.execute(query)]


def arrived_after(conn: Connection, freeze_id: str) -> list[tuple[str, str, str, str]]:
    """What arrived after a freeze: (inspection, operation, kind, person), in log order."""
    query = (
        select(operation.c.inspection, operation.c.id, operation.c.kind, operation.c.person)
        .join(frozen_sheet, frozen_sheet.c.inspection == operation.c.inspection)
        .where(frozen_sheet.c.freeze == freeze_id, operation.c.number > frozen_sheet.c.number)
        .order_by(operation.c.inspection, operation.c.number)
    )
    return [(row[0], row[1], row[2], row[3]) for row in conn.execute(query)]


def finding_rows(conn: Connection, campaign_id: str) -> list[FindingRow]:
    """Every finding of a campaign, by unit and finding."""
    columns = [getattr(finding.c, name) for name in FindingRow._fields if name != "unit"]
    query = (
        select(*columns[:2], inspection.c.unit, *columns[2:])
        .join(inspection, inspection.c.id == finding.c.inspection)
        .where(inspection.c.campaign == campaign_id)
        .order_by(inspection.c.unit, finding.c.finding)
    )
    return [FindingRow._make(row) for row in conn.execute(query)]


def counts(conn: Connection, campaign_id: str) -> Counts:
    """The counters of the yearly report."""
    mine = select(inspection.c.id).where(inspection.c.campaign == campaign_id)
    handed_in = mine.where(
        exists().where(score_sheet.c.inspection == inspection.c.id, score_sheet.c.stage.in_(HANDED_IN))
    )
    squads = select(squad.c.id).where(squad.c.campaign == campaign_id)
    members = select(squad_member.c.person).where(squad_member.c.squad.in_(squads)).distinct()
    live = and_(finding.c.inspection.in_(handed_in), ~finding.c.withdrawn, finding.c.duplicate_of == "")

    def count(table_query: object) -> int:
        return int(conn.execute(table_query).scalar_one())  # type: ignore[call-overload]

    def rows(table: object, *conditions: object) -> int:
        return count(select(func.count()).select_from(table).where(*conditions))  # type: ignore[arg-type]

    def computers(classified: bool) -> int:
        return rows(
            checked_device,
            checked_device.c.inspection.in_(handed_in),
            checked_device.c.classified.is_(classified),
        )

    return Counts(
        units=count(
            select(func.count(inspection.c.unit.distinct())).where(inspection.c.campaign == campaign_id)
        ),
        units_inspected=count(
            select(func.count(inspection.c.unit.distinct())).where(inspection.c.id.in_(handed_in))
        ),
        squads=rows(squad, squad.c.campaign == campaign_id),
        squad_members=count(select(func.count()).select_from(members.subquery())),
        certified_officers=rows(person, person.c.id.in_(members), person.c.certified_no != ""),
        classified_computers=computers(True),
        ordinary_computers=computers(False),
        findings=rows(finding, live),
        findings_common=rows(finding, live, finding.c.common),
        findings_repeat=rows(finding, live, finding.c.repeat_of != ""),
        findings_fixed=rows(finding, live, finding.c.fixed),
        interviews=count(
            select(func.coalesce(func.sum(interview.c.held), 0)).where(interview.c.inspection.in_(handed_in))
        ),
        photos=rows(evidence, evidence.c.inspection.in_(handed_in)),
        operations=rows(operation, operation.c.inspection.in_(mine)),
        tablets=count(
            select(func.count(operation.c.device.distinct())).where(
                operation.c.inspection.in_(mine), operation.c.device != "console"
            )
        ),
        disputes_settled=rows(
            operation, operation.c.inspection.in_(mine), operation.c.kind == "dispute_settled"
        ),
        disputes_open=rows(dispute, dispute.c.inspection.in_(mine)),
    )


def handed_in(conn: Connection, campaign_id: str) -> int:
    """How many inspections of a campaign are handed in."""
    query = select(func.count()).where(
        score_sheet.c.campaign == campaign_id, score_sheet.c.stage.in_(HANDED_IN)
    )
    return int(conn.execute(query).scalar_one())


def is_open(conn: Connection, inspection_id: str) -> bool:
    """Whether an inspection's score is still a range, or something on it is in dispute or held."""
    query = select(score_sheet.c.status, score_sheet.c.disputes, score_sheet.c.held).where(
        score_sheet.c.inspection == inspection_id
    )
    status, disputes, held = conn.execute(query).one()
    return status not in ("scored", "not_scorable", "aborted") or disputes > 0 or held > 0


def operation_rows(conn: Connection, op_ids: Sequence[str]) -> list[OperationRow]:
    """What the log says of these operations, by tablet and number."""
    columns = [getattr(operation.c, name) for name in OperationRow._fields]
    query = select(*columns).where(operation.c.id.in_(op_ids))
    return [
        OperationRow._make(row) for row in conn.execute(query.order_by(operation.c.device, operation.c.seq))
    ]


def photo_rows(conn: Connection, evidence_ids: Sequence[str]) -> list[PhotoRow]:
    """Photos by their evidence, and whether their bytes have arrived."""
    query = (
        select(evidence.c.evidence, evidence.c.sha256, evidence.c.size_bytes, photo.c.sha256.is_not(None))
        .join(photo, photo.c.sha256 == evidence.c.sha256, isouter=True)
        .where(evidence.c.evidence.in_(evidence_ids))
        .order_by(evidence.c.evidence)
    )
    return [PhotoRow._make(row) for row in conn.execute(query)]
