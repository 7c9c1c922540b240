"""The registers: what a coordinator enters (units, people, checklists, campaigns, squads, inspections).

Everything goes in with `put_…`, which adds rows or brings them up to date, and comes out as structs.
"""
# ruff: noqa: S608 - the texts are put together from constants of this module; values are always parameters

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Table, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from server.storage import tables
from server.storage.edition import renew
from server.storage.op_log import Row, run
from shared_schema.checklist import from_bytes
from shared_schema.ids import ChecklistHash, InspectionId, PersonId, SquadId, UnitId, digest
from shared_schema.problems import Problem
from shared_schema.roles import Role

Fields = Mapping[str, Any] | Struct
"""One row by column name, or a struct with fields of those names."""


class InspectionRow(Struct, frozen=True, kw_only=True):
    """One inspection as planned, and how far its log reaches."""

    id: InspectionId
    campaign: str
    unit: UnitId
    squad: SquadId
    planned_date: str
    checklist: str
    responsible_person: str
    last_number: int = 0
    log_head: str = ""


class UnitRow(Struct, frozen=True, kw_only=True):
    """One unit; `profile` says what it has (key areas, classified systems …)."""

    id: UnitId
    name_zh: str
    name_en: str
    kind: str
    parent_area: str = ""
    parent_system: str = ""
    address: str = ""
    contact: str = ""
    profile: dict[str, bool] = {}


def put_units(conn: Connection, rows: Iterable[Fields]) -> None:
    """Adds or updates units; `profile` is a mapping of flags."""
    _put(conn, tables.unit, rows)


def put_people(conn: Connection, rows: Iterable[Fields]) -> None:
    """Adds or updates people."""
    _put(conn, tables.person, rows)


def put_inventory(conn: Connection, rows: Iterable[Fields]) -> None:
    """Adds or updates computers of units' inventories."""
    _put(conn, tables.inventory, rows)


def put_earlier_findings(conn: Connection, rows: Iterable[Fields]) -> None:
    """Adds or updates findings of earlier years."""
    _put(conn, tables.earlier_finding, rows)


def put_campaign(conn: Connection, row: Fields) -> None:
    """Adds or updates one campaign; `draw` may be given as data."""
    _put(conn, tables.campaign, [row])


def put_squads(conn: Connection, squads: Iterable[Fields], members: Iterable[Fields]) -> None:
    """Adds or updates squads, and makes `members` (squad, person, role) the whole membership of these squads."""
    squads = list(squads)
    _put(conn, tables.squad, squads)
    ids = [_plain(squad)["id"] for squad in squads]
    conn.execute(delete(tables.squad_member).where(tables.squad_member.c.squad.in_(ids)))
    renew(conn)
    _put(conn, tables.squad_member, members)


def put_checklist(conn: Connection, content: bytes) -> ChecklistHash:
    """Adds a checklist version in its canonical bytes; its hash. The same again changes nothing.

    Raises checklist_invalid, and checklist_in_use for other content under a code and version already in use.
    """
    made = from_bytes(content)
    name = ChecklistHash(digest(content))
    table = tables.checklist
    same_name = (table.c.code == made.code) & (table.c.version == made.version)
    for old in conn.execute(select(table.c.hash).where(same_name, table.c.hash != name)).scalars().all():
        for user in (tables.inspection, tables.campaign):
            if conn.execute(select(func.count()).where(user.c.checklist == old)).scalar_one():
                raise Problem("checklist_in_use", code=made.code, version=made.version)
        conn.execute(delete(table).where(table.c.hash == old))
    row = {"hash": name, "code": made.code, "version": made.version, "content": content}
    _put(conn, table, [{**row, "title_zh": made.title.zh, "title_en": made.title.en}])
    return name


def put_inspections(conn: Connection, rows: Iterable[Fields]) -> None:
    """Adds inspections, or plans them anew.

    Raises checklist_in_use where one that has operations would change its checklist.
    """
    table = tables.inspection
    for row in map(_plain, rows):
        old = inspection(conn, row["id"])
        if old is not None and old.last_number and old.checklist != row["checklist"]:
            raise Problem("checklist_in_use", code=old.checklist, version=row["id"])
        row.pop("last_number", None)
        row.pop("log_head", None)
        _put(conn, table, [row])
        # The score sheet repeats these three for analysts; all else in it comes from the log.
        sheet = tables.score_sheet
        conn.execute(
            update(sheet)
            .where(sheet.c.inspection == row["id"])
            .values({name: row[name] for name in ("campaign", "unit", "squad")})
        )


def _plain(row: Fields) -> dict[str, Any]:
    return msgspec.structs.asdict(row) if isinstance(row, Struct) else dict(row)


def _put(conn: Connection, table: Table, rows: Iterable[Fields]) -> None:
    values = [
        {
            name: json.dumps(value, ensure_ascii=False, sort_keys=True)
            if isinstance(value, dict | list)
            else value
            for name, value in _plain(row).items()
        }
        for row in rows
    ]
    if not values:
        return
    renew(conn)
    insert = postgresql.insert(table) if conn.dialect.name == "postgresql" else sqlite.insert(table)
    keys = [column.name for column in table.primary_key]
    others = {name: insert.excluded[name] for name in values[0] if name not in keys}
    statement = (
        insert.on_conflict_do_update(index_elements=keys, set_=others)
        if others
        else insert.on_conflict_do_nothing(index_elements=keys)
    )
    conn.execute(statement, values)


# --- reading ---------------------------------------------------------------------------------------


_INSPECTION = ", ".join(InspectionRow.__struct_fields__)


def _inspection(row: Row) -> InspectionRow:
    return InspectionRow(**dict(zip(InspectionRow.__struct_fields__, row, strict=True)))


def inspection(conn: Connection, inspection_id: str) -> InspectionRow | None:
    """One inspection."""
    found = run(conn, f"SELECT {_INSPECTION} FROM inspection WHERE id = ?", (inspection_id,))
    return _inspection(found[0]) if found else None


def stage(conn: Connection, inspection_id: str) -> str | None:
    """The stage an inspection is in; None where nothing of it was received, "" where it could not be worked out."""
    found = run(conn, "SELECT stage FROM score_sheet WHERE inspection = ?", (inspection_id,))
    return str(found[0][0]) if found else None


def inspections(
    conn: Connection, *, campaign: str | None = None, squad: str | None = None
) -> list[InspectionRow]:
    """Inspections by id, of one campaign or squad or of all."""
    wanted = {"campaign": campaign, "squad": squad}
    where = [name for name, value in wanted.items() if value is not None]
    condition = f" WHERE {' AND '.join(f'{name} = ?' for name in where)}" if where else ""
    rows = run(
        conn, f"SELECT {_INSPECTION} FROM inspection{condition} ORDER BY id", [wanted[name] for name in where]
    )
    return [_inspection(row) for row in rows]


def checklist_versions(conn: Connection, code: str) -> list[str]:
    """The hashes of all versions of a checklist, by version."""
    return [
        row[0] for row in run(conn, "SELECT hash FROM checklist WHERE code = ? ORDER BY version", (code,))
    ]


def screens_photos(conn: Connection, campaign: str) -> bool:
    """Whether a campaign's photos count only once another member has looked at them."""
    return bool(run(conn, "SELECT 1 FROM campaign WHERE id = ? AND screening", (campaign,)))


def behind(conn: Connection, engine: str) -> list[InspectionId]:
    """The inspections whose rows are not up to date with their log, or that another engine version made."""
    rows = run(
        conn,
        "SELECT inspection.id FROM inspection LEFT JOIN score_sheet ON score_sheet.inspection = inspection.id"
        " WHERE inspection.last_number > coalesce(score_sheet.number, 0)"
        " OR inspection.last_number > 0 AND score_sheet.engine <> ? ORDER BY inspection.id",
        (engine,),
    )
    return [InspectionId(row[0]) for row in rows]


def units(conn: Connection) -> list[UnitRow]:
    """All units by id."""
    return [
        UnitRow(**{**row._mapping, "profile": json.loads(row.profile)})
        for row in conn.execute(select(tables.unit).order_by(tables.unit.c.id))
    ]


def squad_members(conn: Connection, squad: str) -> dict[PersonId, Role]:
    """The people of a squad and their roles in it."""
    rows = run(conn, "SELECT person, role FROM squad_member WHERE squad = ? ORDER BY person", (squad,))
    return {PersonId(person): role for person, role in rows}


def checklist_content(conn: Connection, checklist_hash: str) -> bytes:
    """The canonical bytes of a checklist. Raises checklist_unknown."""
    table = tables.checklist
    content = conn.execute(select(table.c.content).where(table.c.hash == checklist_hash)).scalar_one_or_none()
    if content is None:
        raise Problem("checklist_unknown", checklist=checklist_hash)
    return bytes(content)
