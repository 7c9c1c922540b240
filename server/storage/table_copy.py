"""Every table as lines of JSON, and back: what a backup holds, whichever kind of database it came from.

A part begins with the names of its columns; each line after it is a row. Rows are in the order of their
key and parts break at the same places each time, so that what did not change is the same bytes again.
"""

import binascii
import zlib
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Column, Connection, LargeBinary, Table, func, insert, select, text

from server.storage.tables import inspection, metadata, operation, session
from shared_schema.ids import digest
from shared_schema.problems import Problem

LEFT_OUT = frozenset({session.name})
"""People sign in again: whoever has a copy of a backup must not be somebody by that."""
SECRETS = ("seal_key", "signing_key", "sealing_key")
"""Of `meta`: they are kept apart from the tables."""
PART_ROWS = 5000
PAGE_ROWS = 1000
LEVEL = 3
PART_BYTES_MAX = 1 << 30
"""Of an unpacked part: what is larger is no part of ours."""

_encoder = msgspec.json.Encoder()


class Piece(NamedTuple):
    """A part of a table, compressed."""

    table: str
    rows: int
    content: bytes


def pieces(conn: Connection) -> Iterator[Piece]:
    """All tables of a snapshot, one part after the other."""
    for table in metadata.sorted_tables:
        if table.name not in LEFT_OUT:
            yield from _pieces(conn, table)


def _pieces(conn: Connection, table: Table) -> Iterator[Piece]:
    columns = [str(column.name) for column in table.columns]
    binary = [isinstance(column.type, LargeBinary) for column in table.columns]
    order: list[Column[Any]] = list(table.primary_key.columns)
    if table is operation:
        # A log only grows at its end, so that of an inspection nobody writes to any more nothing is copied again.
        order = [table.c.inspection, table.c.number]
    query = select(table).order_by(*order)
    if table.name == "meta":
        query = query.where(table.c.key.not_in(SECRETS))
    found = conn.execute(query.execution_options(yield_per=PAGE_ROWS))
    place = columns.index("inspection") if table is operation else None
    for rows in _broken(found, place):
        lines = [_encoder.encode(columns)]
        for row in rows:
            values = [
                bytes(one) if raw and one is not None else one for one, raw in zip(row, binary, strict=True)
            ]
            lines.append(_encoder.encode(values))
        yield Piece(str(table.name), len(rows), zlib.compress(b"\n".join(lines), LEVEL))


def _broken(rows: Iterator[Any] | Any, place: int | None) -> Iterator[Sequence[Any]]:
    """Rows, broken into parts: at every so many, and where the value at that place changes."""
    for _, same in groupby(rows, key=lambda row: None if place is None else row[place]):
        batch: list[Any] = []
        for row in same:
            batch.append(row)
            if len(batch) == PART_ROWS:
                yield batch
                batch = []
        if batch:
            yield batch


def fill(conn: Connection, table_name: str, content: bytes) -> int:
    """Puts a part's rows into its table; how many. Columns we do not know are left out.

    Raises backup_damaged where it cannot be read.
    """
    table = metadata.tables.get(table_name)
    if table is None:
        return 0  # of a version that had one more
    try:
        unpacked = zlib.decompressobj()
        head, *lines = unpacked.decompress(content, PART_BYTES_MAX).split(b"\n")
        names = msgspec.json.decode(head, type=list[str])
        known = [(place, name) for place, name in enumerate(names) if name in table.c]
        binary = {name for _, name in known if isinstance(table.c[name].type, LargeBinary)}
        rows = []
        for line in lines:
            row = msgspec.json.decode(line, type=list[Any])
            rows.append({
                name: _bytes(row[place]) if name in binary else row[place]
                for place, name in known
            })  # fmt: skip
    except (zlib.error, binascii.Error, msgspec.DecodeError, IndexError, TypeError) as err:
        raise Problem("backup_damaged", where=table_name) from err
    for start in range(0, len(rows), PAGE_ROWS):
        conn.execute(insert(table), rows[start : start + PAGE_ROWS])
    return len(rows)


def _bytes(value: str | None) -> bytes | None:
    return None if value is None else binascii.a2b_base64(value)


def follow_up(conn: Connection) -> None:
    """After all parts: numbers that the database counts by itself go on after the highest."""
    if conn.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        column = table.autoincrement_column
        if column is not None and len(table.primary_key.columns) == 1:
            sequence = f"pg_get_serial_sequence('{table.name}', '{column.name}')"
            highest = f"SELECT setval({sequence}, coalesce(max({column.name}), 1)) FROM {table.name}"  # noqa: S608
            conn.execute(text(highest))


def is_empty(conn: Connection) -> bool:
    """Whether a database has nothing but what it was made with."""
    return not any(
        conn.execute(select(table).limit(1)).first()
        for table in metadata.sorted_tables
        if table.name != "meta"
    )


def log_root(conn: Connection) -> tuple[int, str]:
    """How many operations there are, and one hash over the logs of all inspections, in the order of their ids' bytes:
    databases sort texts each in its own way.
    """
    (count,) = conn.execute(select(func.count()).select_from(operation)).one()
    heads = conn.execute(select(inspection.c.id, inspection.c.last_number, inspection.c.log_head))
    lines = sorted(tuple(row) for row in heads)
    return count, digest("\n".join(f"{one} {number} {head}" for one, number, head in lines).encode())
