"""rebuild: works every inspection out again from its log, and compares with what is stored, or replaces it."""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from server.intake import projection
from server.intake.projection import Projected
from server.storage import op_log, registers, rows, states
from server.storage.database import Connection, Database
from server.storage.op_log import Row
from server.storage.registers import InspectionRow
from server.storage.tables import ROWS
from shared_schema.ids import InspectionId, digest
from shared_schema.operations import read_envelope
from shared_schema.problems import Problem
from shared_schema.proofs import next_head


class Difference(NamedTuple):
    """One row that is not as the log makes it."""

    inspection: str
    table: str
    key: str
    what: str

    def __str__(self) -> str:
        return f"{self.inspection} {self.table} {self.key}: {self.what}"


class Report(NamedTuple):
    """What was worked out again, and all that differed from what was stored."""

    inspections: int
    operations: int
    rows: int
    differences: tuple[Difference, ...]
    errors: tuple[InspectionId, ...] = ()
    """Inspections that a bug keeps us from working out; their rows say `error`."""


def rebuild(db: Database, check: bool) -> Report:
    """Compares every state and score row with what its log makes of it; unless `check`, stores the latter."""
    found = []
    for row in db.read(registers.inspections):
        if check:
            found.append(db.read(partial(_one, row.id)))
        else:
            found.append(db.write(partial(_again, row.id)))
    strays = db.read(_strays) if check else db.write(_drop_strays)
    return Report(
        len(found),
        sum(one.operations for one in found),
        sum(one.rows for one in found),
        (*(difference for one in found for difference in one.differences), *strays),
        tuple(error for one in found for error in one.errors),
    )


def _one(inspection: InspectionId, conn: Connection) -> Report:
    """How one inspection compares, over one snapshot."""
    return _compare(conn, _row(conn, inspection))[0]


def _again(inspection: InspectionId, conn: Connection) -> Report:
    op_log.lock(conn, [inspection])
    row = _row(conn, inspection)
    report, new = _compare(conn, row)
    projection.store(conn, row.id, new)
    return report


def _row(conn: Connection, inspection: InspectionId) -> InspectionRow:
    row = registers.inspection(conn, inspection)
    if row is None:
        raise Problem("inspection_unknown", inspection=inspection)
    return row


def _compare(conn: Connection, row: InspectionRow) -> tuple[Report, Projected]:
    if row.last_number:
        new = projection.projected(conn, row)
    else:
        new = Projected(0, None, {})
    differences = [*_log(conn, row), *_state(conn, row, new), *_rows(conn, row, new.rows)]
    count = sum(len(lines) for lines in new.rows.values())
    errors = (row.id,) if row.last_number and new.state is None else ()
    return Report(1, row.last_number, count, tuple(differences), errors), new


def _log(conn: Connection, row: InspectionRow) -> Iterator[Difference]:
    """The log itself: every number once, every operation the bytes it is filed under."""
    logged = op_log.whole(conn, row.id)
    if [one.number for one in logged] != list(range(1, row.last_number + 1)):
        yield Difference(row.id, "operation", "number", f"the numbers are not 1 to {row.last_number}")
    head = ""
    for one in logged:
        head = next_head(head, one.hash)
        if one.log_head != head:
            yield Difference(
                row.id, "operation", one.id, "the log up to here is not what it was when it was taken in"
            )
            break
    if head != row.log_head:
        yield Difference(row.id, "inspection", "log_head", "not the head of the log")
    for one in logged:
        if _filed_under(one.raw) != (row.id, one.id, one.device, one.epoch, one.seq, one.prev, one.hash):
            yield Difference(row.id, "operation", one.id, "the bytes are not what they are filed under")


def _filed_under(raw: bytes) -> tuple[object, ...]:
    try:
        one = read_envelope(raw)
    except Problem:
        return ()
    return (one.inspection, one.id, one.device, one.epoch, one.seq, one.prev, digest(raw))


def _state(conn: Connection, row: InspectionRow, new: Projected) -> Iterator[Difference]:
    stored = states.stored(conn, row.id)
    wanted = None if new.state is None else (new.number, new.state)
    if stored != wanted:
        what = "missing" if stored is None else "not to be there" if wanted is None else "other bytes"
        yield Difference(row.id, "state", "content", what)


def _rows(conn: Connection, row: InspectionRow, wanted: rows.Rows) -> Iterator[Difference]:
    stored = rows.stored(conn, row.id)
    for table in ROWS:
        width = len(table.primary_key)
        names = [column.name for column in table.columns]
        old = {line[:width]: line for line in stored[table.name]}
        new = {line[:width]: line for line in wanted.get(table.name, ())}
        for key in sorted(old.keys() | new.keys(), key=repr):
            if old.get(key) != new.get(key):
                label = "/".join(str(part) for part in key[1:])
                yield Difference(row.id, table.name, label, _what(names, old.get(key), new.get(key)))


def _what(names: list[str], old: Row | None, new: Row | None) -> str:
    if old is None or new is None:
        return "missing" if old is None else "not in the log"
    return ", ".join(
        f"{name} is {_short(was)}, must be {_short(becomes)}"
        for name, was, becomes in zip(names, old, new, strict=True)
        if was != becomes
    )


def _short(value: object) -> str:
    return f"{len(value)} bytes" if isinstance(value, bytes) else repr(value)[:80]


def _strays(conn: Connection) -> tuple[Difference, ...]:
    """Rows and states of inspections that are in no plan."""
    planned = {row.id for row in registers.inspections(conn)}
    stray = rows.inspections_with_rows(conn) - planned
    return tuple(Difference(one, "score_sheet", "", "no such inspection") for one in sorted(stray))


def _drop_strays(conn: Connection) -> tuple[Difference, ...]:
    found = _strays(conn)
    for one in found:
        rows.replace(conn, InspectionId(one.inspection), {})
        states.drop(conn, InspectionId(one.inspection))
    return found
