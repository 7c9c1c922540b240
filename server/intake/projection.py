"""Projection: brings touched inspections up to date, in the transaction that took their operations.

Rows are a function of log, checklist and plan. A stored state only shortens the fold: one that another
version stored is thrown away. What crashes here is a bug of ours and must not stop anybody else: the
inspection gets a row that says so, its operations stay, and `rebuild` heals it after the fix.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

import structlog

from server.intake.score_rows import error_rows, rows_of
from server.storage import engines, op_log, registers, rows
from server.storage.database import Connection
from server.storage.registers import InspectionRow
from shared_schema import merge
from shared_schema.checklist import Checklist, from_bytes
from shared_schema.ids import InspectionId
from shared_schema.merge import EMPTY, State
from shared_schema.operations import Operation, read
from shared_schema.scoring import score

log = structlog.get_logger(__name__)


class Projected(NamedTuple):
    """What is stored of one inspection besides its log; no state where it could not be worked out."""

    number: int
    state: bytes | None
    rows: rows.Rows


@lru_cache(maxsize=64)
def _checklist(content: bytes) -> Checklist:
    return from_bytes(content)


def checklist_of(conn: Connection, checklist_hash: str) -> Checklist:
    """A checklist by its hash. Raises checklist_unknown."""
    return _checklist(registers.checklist_content(conn, checklist_hash))


def project(
    conn: Connection, inspections: Iterable[InspectionId], *, decoded: Mapping[str, Operation] | None = None
) -> None:
    """Brings these inspections' states and score rows up to date with their logs.

    `decoded` holds, by id, operations of the log that the caller has read already.
    """
    for inspection in sorted(set(inspections)):
        row = registers.inspection(conn, inspection)
        if row is not None:
            _store(conn, row, projected(conn, row, shortcut=True, decoded=decoded or {}))


def projected(
    conn: Connection, row: InspectionRow, *, shortcut: bool, decoded: Mapping[str, Operation]
) -> Projected:
    """What the log makes of an inspection: from its start, or on from the stored state."""
    try:
        state, number = _fold(conn, row, shortcut, decoded)
        inspection = merge.view(state)
        sheet = score(checklist_of(conn, row.checklist), inspection)
        return Projected(number, merge.dump(state), rows_of(row, number, state, inspection, sheet))
    except Exception as err:
        if not engines.about_the_data(err):
            raise
        log.exception("projection failed", inspection=row.id, last_number=row.last_number)
        return failed(row)


def failed(row: InspectionRow) -> Projected:
    """What is stored of an inspection that a bug keeps us from working out."""
    return Projected(row.last_number, None, error_rows(row, row.last_number))


def state_of(conn: Connection, row: InspectionRow) -> State:
    """The inspection as all of its log makes it."""
    return _fold(conn, row, True, {})[0]


def _fold(
    conn: Connection, row: InspectionRow, shortcut: bool, decoded: Mapping[str, Operation]
) -> tuple[State, int]:
    state, number = EMPTY, 0
    if shortcut and (stored := op_log.load_state(conn, row.id)) is not None:
        loaded = merge.load(stored[1])
        if loaded is not None:
            state, number = loaded, stored[0]
    fresh = op_log.after(conn, row.id, number)
    if fresh:
        number = fresh[-1].number
    return merge.apply(state, [decoded.get(one.id) or read(one.raw) for one in fresh]), number


def _store(conn: Connection, row: InspectionRow, new: Projected) -> None:
    try:
        with op_log.savepoint(conn):
            store(conn, row.id, new)
    except Exception as err:
        if not engines.about_the_data(err):
            raise
        # A value that the database will not take, though everything before it did.
        log.exception("rows not stored", inspection=row.id)
        store(conn, row.id, failed(row))


def store(conn: Connection, inspection: InspectionId, new: Projected) -> None:
    """Replaces an inspection's rows and state."""
    rows.replace(conn, inspection, new.rows)
    if new.state is None:
        op_log.drop_state(conn, inspection)
    else:
        op_log.store_state(conn, inspection, new.number, new.state)
