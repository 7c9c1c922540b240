"""Freezing scores, and recomputing what was frozen from the log alone.

A freeze keeps, for each inspection, the last log number it counts, the checklist's hash, the engine
version and the sheet. Whoever has the log and the checklist can make the same bytes again; what
arrives later is kept in the log and listed as after the freeze, and moves nothing in it.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from server.storage import evaluation as store
from server.storage import registers
from server.storage.database import Connection
from shared_schema import merge
from shared_schema.checklist import Checklist, from_bytes
from shared_schema.ids import make_id
from shared_schema.operations import read_logged
from shared_schema.problems import Problem
from shared_schema.rules import ENGINE_VERSION
from shared_schema.scoring import score
from shared_schema.sheet import ScoreSheet, sheet_bytes, sheet_from_bytes

CLOSED = ("accepted", "locked", "aborted")


class Recomputed(NamedTuple):
    """How many frozen sheets were made again, and every difference found, a sentence each."""

    sheets: int
    differences: tuple[str, ...]


def freeze(conn: Connection, campaign: str, by: str, now_ms: int) -> str:
    """Freeze every inspection of a campaign and return the freeze's id, which names its content.

    Freezing the same content again returns the same freeze. Raises freeze_blocked, naming the first
    unit that is not accepted or whose score is still a range.
    """
    rows = store.sheet_rows(conn, campaign)
    blocked = [*store.units_unvisited(conn, campaign), *(row.unit for row in rows if not _final(row))]
    if blocked or not rows:
        raise Problem("freeze_blocked", count=len(blocked), first="、".join(sorted(blocked)[:5]) or campaign)
    findings: dict[str, list[dict[str, object]]] = {}
    for one in store.finding_rows(conn, campaign):
        findings.setdefault(one.inspection, []).append(one._asdict())
    sheets = [
        {
            "inspection": row.inspection,
            "number": row.number,
            "checklist": row.checklist,
            "percent": _text(sheet.percent),
            "grade": sheet.grade,
            "sheet": row.sheet,
            "findings": msgspec.json.encode(findings.get(row.inspection, [])),
        }
        for row in rows
        for sheet in (sheet_from_bytes(row.sheet),)
    ]
    freeze_id = _name(campaign, [(row.inspection, row.sheet, findings.get(row.inspection)) for row in rows])
    if store.latest_freeze(conn, campaign) != freeze_id:
        store.put_freeze(conn, freeze_id, campaign, now_ms, by, ENGINE_VERSION, sheets)
    return freeze_id


def recompute(checklist: Checklist, operations: Sequence[bytes]) -> ScoreSheet:
    """The sheet of one inspection from its operations alone, in whatever order they are given."""
    return score(checklist, merge.view(merge.apply(merge.EMPTY, map(read_logged, operations))))


def recompute_all(conn: Connection) -> Recomputed:
    """Make every frozen sheet again from the log and compare it byte for byte.

    The engine version tells who made a sheet and is no part of what was found: a later engine that makes the same of
    the same operations differs in nothing.
    """
    rows = store.frozen_rows(conn)
    checklists: dict[str, Checklist] = {}
    differences = []
    for row in rows:
        if row.checklist not in checklists:
            checklists[row.checklist] = from_bytes(registers.checklist_content(conn, row.checklist))
        sheet = recompute(checklists[row.checklist], store.operations_until(conn, row.inspection, row.number))
        if sheet_bytes(sheet) == row.sheet:
            continue
        frozen = sheet_from_bytes(row.sheet)
        if sheet_bytes(replace(sheet, engine_version=frozen.engine_version)) != row.sheet:
            differences.append(
                f"{row.inspection}: frozen {frozen.percent} {frozen.grade} by engine {frozen.engine_version}, "
                f"recomputed {sheet.percent} {sheet.grade} by engine {sheet.engine_version}"
            )
    return Recomputed(len(rows), tuple(differences))


def _final(row: store.SheetRow) -> bool:
    return row.stage in CLOSED and row.sheet != b"" and sheet_from_bytes(row.sheet).status != "open"


def _text(number: object) -> str | None:
    return None if number is None else str(number)


def _name(campaign: str, content: Sequence[tuple[object, ...]]) -> str:
    return make_id(sha256(msgspec.json.encode([campaign, *content])).digest()[:16])
