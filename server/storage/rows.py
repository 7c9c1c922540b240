"""Score rows: an inspection's rows in the score tables, written from plain tuples, whole or in part, and read back."""
# ruff: noqa: S608 - the texts are put together from constants of this package; values are always parameters

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import Boolean, Connection, Table

from server.storage import group
from server.storage.op_log import Row, run, run_many
from server.storage.tables import ROWS, Points, evidence
from shared_schema.ids import InspectionId

Rows = Mapping[str, Sequence[Row]]
"""By table, rows in the order of its columns. Points are texts such as "12.50"; a table left out has no rows."""


WANTED = "photos wanted"
"""Under this name it is remembered which photos are wanted: it follows from rows, and is forgotten with them."""


@lru_cache(maxsize=64)
def _insert(table: Table) -> str:
    names = [column.name for column in table.columns]
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"


@lru_cache(maxsize=64)
def _upsert(table: Table) -> str:
    key = [column.name for column in table.primary_key]
    rest = [column.name for column in table.columns if not column.primary_key]
    values = ", ".join(f"{name} = excluded.{name}" for name in rest)
    return f"{_insert(table)} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {values}"


@lru_cache(maxsize=64)
def _delete(table: Table) -> str:
    return f"DELETE FROM {table.name} WHERE " + " AND ".join(f"{one.name} = ?" for one in table.primary_key)


@lru_cache(maxsize=64)
def _select(table: Table) -> str:
    names = ", ".join(column.name for column in table.columns)
    return f"SELECT {names} FROM {table.name} WHERE inspection = ?"


@lru_cache(maxsize=64)
def _places(table: Table, kind: type) -> tuple[int, ...]:
    return tuple(at for at, column in enumerate(table.columns) if isinstance(column.type, kind))


def replace(conn: Connection, inspection: InspectionId, rows: Rows) -> None:
    """Replaces all rows of one inspection."""
    group.memory(conn, WANTED).clear()
    for table in ROWS:
        run(conn, f"DELETE FROM {table.name} WHERE inspection = ?", (inspection,))
        run_many(conn, _insert(table), rows.get(table.name, ()))


def change(conn: Connection, before: Rows, now: Rows) -> None:
    """Brings rows that were written as `before` to `now`, touching only those that differ.

    The very same list has the very same rows. Raises ValueError for two rows with one key.
    """
    for table in ROWS:
        was, becomes = before.get(table.name, ()), now.get(table.name, ())
        if was is becomes:
            continue
        width = len(table.primary_key)
        if len({row[:width] for row in becomes}) < len(becomes):
            raise ValueError(f"two rows of {table.name} have one key")
        old, new = set(map(id, was)), set(map(id, becomes))
        gone = {row[:width]: row for row in was if id(row) not in new}
        fresh = {row[:width]: row for row in becomes if id(row) not in old}
        if table is evidence and (gone or fresh):
            group.memory(conn, WANTED).clear()
        run_many(conn, _delete(table), [key for key in gone if key not in fresh])
        run_many(conn, _upsert(table), [row for key, row in fresh.items() if gone.get(key) != row])


def stored(conn: Connection, inspection: InspectionId) -> Rows:
    """The rows of one inspection as `replace` was given them, each table sorted."""
    return {
        table.name: in_order(map(_as_given(table), run(conn, _select(table), (inspection,))))
        for table in ROWS
    }


def in_order(rows: Any) -> list[Row]:
    """Rows in an order that does not depend on the database (tables have no order)."""
    return sorted(rows, key=repr)


def inspections_with_rows(conn: Connection) -> set[InspectionId]:
    """Every inspection that has a row in any score table."""
    return {
        InspectionId(row[0])
        for table in ROWS
        for row in run(conn, f"SELECT DISTINCT inspection FROM {table.name}")
    }


def _as_given(table: Table) -> Any:
    points = _places(table, Points)
    flags = _places(table, Boolean)

    def one(row: Row) -> Row:
        values = list(row)
        for at in points:
            values[at] = f"{values[at]:f}" if isinstance(values[at], Decimal) else values[at]
        for at in flags:
            values[at] = bool(values[at])
        return tuple(values)

    return one
