"""The log of operations, each once, as received; its numbers; and the stored states that shorten folding it.

This is the hot path, so it speaks to the driver in one text for two dialects (`run`, `run_many`).

Numbers are counted per inspection in the inspection's own row, inside the transaction that inserts,
with the rows locked in sorted order. An identity column would not do: on PostgreSQL a later number
can be committed first, and a tablet's cursor then skips the earlier one for ever.
"""
# ruff: noqa: S608 - the texts are put together from constants of this package; values are always parameters

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection

from server.storage import engines
from shared_schema.ids import InspectionId
from shared_schema.operations import Operation, Unknown
from shared_schema.proofs import next_head

Row = tuple[Any, ...]


@lru_cache(maxsize=256)
def _for_psycopg(sql: str) -> str:
    return sql.replace("?", "%s")


def run(conn: Connection, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
    """Runs one statement at the driver, with `?` for parameters; the rows it gives, if it gives rows."""
    cursor: Any = conn.connection.cursor()
    try:
        cursor.execute(sql if conn.dialect.name == "sqlite" else _for_psycopg(sql), parameters)
        rows: list[Row] = cursor.fetchall() if cursor.description is not None else []
        return rows
    finally:
        cursor.close()


def run_many(conn: Connection, sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """Runs one statement for each of the rows at the driver."""
    if not rows:
        return
    cursor: Any = conn.connection.cursor()
    try:
        cursor.executemany(sql if conn.dialect.name == "sqlite" else _for_psycopg(sql), rows)
    finally:
        cursor.close()


def one_of(conn: Connection, column: str, values: Iterable[str]) -> tuple[str, Any]:
    """A condition `column is one of these`, and its one parameter: a single text however many there are."""
    if conn.dialect.name == "sqlite":
        return f"{column} IN (SELECT value FROM json_each(?))", json.dumps(list(values))
    return f"{column} = ANY(?)", list(values)


# --- operations ------------------------------------------------------------------------------------


def lock(conn: Connection, inspections: Iterable[InspectionId]) -> None:
    """Keeps other writers off these inspections until the end of the transaction.

    On SQLite the writing transaction has the whole file already.
    """
    wanted = sorted(set(inspections))
    if conn.dialect.name != "sqlite" and wanted:
        where, value = one_of(conn, "id", wanted)
        run(conn, f"SELECT id FROM inspection WHERE {where} ORDER BY id FOR UPDATE", (value,))


def known(conn: Connection, ids: Iterable[str]) -> dict[str, str]:
    """By id, the hash of those operations that the log has already."""
    given, value = _given(conn, ids)
    # Each is looked up as it stands: a condition `IN` would sort them into a table of its own first.
    each = f"SELECT id, hash FROM {given} CROSS JOIN operation WHERE id = given.value"
    return dict(run(conn, each, (value,)))


def by_console(conn: Connection, ids: Iterable[str]) -> list[bytes]:
    """Of these operations, the bytes of those that were made at the console."""
    where, value = one_of(conn, "id", ids)
    rows = run(conn, f"SELECT raw FROM operation WHERE {where} AND device = 'console'", (value,))
    return [bytes(raw) for (raw,) in rows]


def of_kind(conn: Connection, inspection: InspectionId, kind: str) -> list[bytes]:
    """The bytes of all operations of one kind in an inspection's log, in order."""
    rows = run(
        conn,
        "SELECT raw FROM operation WHERE inspection = ? AND kind = ? ORDER BY number",
        (inspection, kind),
    )
    return [bytes(raw) for (raw,) in rows]


def beginning(conn: Connection, beginnings: tuple[str, ...]) -> list[str]:
    """For each of these, the first id of the log from there on: the one that begins so, where any does."""
    given, value = _given(conn, beginnings)
    first = "SELECT id FROM operation WHERE id >= given.value ORDER BY id LIMIT 1"
    return [
        id_ or "" for (id_,) in run(conn, f"SELECT ({first}) FROM {given} ORDER BY given.place", (value,))
    ]


def _given(conn: Connection, values: Iterable[str]) -> tuple[str, Any]:
    """A table `given` of these, each as `value` with its `place`, and its one parameter."""
    if conn.dialect.name == "sqlite":
        listed = "(SELECT key AS place, value FROM json_each(?)) AS given"
        return listed, json.dumps(list(values))
    return "unnest(?::text[]) WITH ORDINALITY AS given(value, place)", list(values)


_INSERT = (
    "INSERT INTO operation (id, inspection, number, person, device, epoch, seq, prev, hash, kind,"
    " at_ms, received_at_ms, held, raw, log_head) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class Span(NamedTuple):
    """The numbers that operations were given in their inspection's log, and the hash over the log after them."""

    first: int
    last: int
    log_head: str
    before: str
    """The hash over the log before them."""


def append(conn: Connection, operations: Sequence[Operation], *, now_ms: int) -> dict[InspectionId, Span]:
    """Appends operations that the log has not got, in this order; by inspection, the numbers they were given.

    Their inspections exist and are locked.
    """
    batches: dict[InspectionId, list[Operation]] = {}
    for operation in operations:
        batches.setdefault(operation.inspection, []).append(operation)
    return {one: _append(conn, one, batches[one], now_ms) for one in sorted(batches)}


def _append(conn: Connection, inspection: InspectionId, batch: Sequence[Operation], now_ms: int) -> Span:
    ((last_number, head),) = run(
        conn,
        "UPDATE inspection SET last_number = last_number + ? WHERE id = ? RETURNING last_number, log_head",
        (len(batch), inspection),
    )
    before, rows = str(head), []
    # What SQLite's driver has no conversion to look for: it takes a twentieth of an insert for each value of another
    # type, and true and false are whole numbers there.
    no, yes = (0, 1) if conn.dialect.name == "sqlite" else (False, True)
    for number, one in enumerate(batch, start=last_number - len(batch) + 1):
        id_, _, person, device, epoch, seq, prev, at_ms, _, kind, body, raw, hash_ = one
        head = next_head(head, hash_)
        rows.append((
            id_, inspection, number, person, device, epoch, seq, prev, hash_,
            kind, at_ms, now_ms, yes if isinstance(body, Unknown) else no, bytearray(raw), head,
        ))  # fmt: skip
    run_many(conn, _INSERT, rows)
    run(conn, "UPDATE inspection SET log_head = ? WHERE id = ?", (head, inspection))
    return Span(last_number - len(batch) + 1, last_number, head, before)


class Refusal(NamedTuple):
    """An operation that was not taken, with its bytes, and its place in its tablet's chain where that can be read."""

    hash: str
    problem: str
    facts: Mapping[str, str]
    raw: bytes
    device: str
    """Whose it is: the tablet it names, where that one's signature answers for it, else who brought it."""
    op: str = ""
    inspection: str = ""
    person: str = ""
    epoch: str = ""
    seq: int = 0
    prev: str = ""
    home: bool = False
    """Whether it has come from its author, or under its author's signature."""


def refuse(conn: Connection, refusals: Sequence[Refusal], *, now_ms: int) -> None:
    """Keeps what was refused, for the reason it is refused now; once, where its author has brought or signed it: under
    the author's name, whoever had brought it before.
    """
    run_many(
        conn,
        "INSERT INTO refusal (device, hash, problem, facts, received_at_ms, raw, op, inspection, person,"
        " epoch, seq, prev) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (device, hash)"
        " DO UPDATE SET problem = excluded.problem, facts = excluded.facts",
        [
            (one.device, one.hash, one.problem, json.dumps(one.facts, ensure_ascii=False), now_ms, one.raw,
             one.op, one.inspection, one.person, one.epoch, one.seq, one.prev)
            for one in refusals
        ],
    )  # fmt: skip
    for author in sorted({one.device for one in refusals if one.home}):
        where, value = one_of(
            conn, "hash", [one.hash for one in refusals if one.home and one.device == author]
        )
        run(
            conn,
            f"DELETE FROM refusal WHERE {where} AND device <> ?",
            (value, author),
        )


def refusal(conn: Connection, device: str, hash_: str) -> tuple[str, bytes] | None:
    """What was wrong with an operation in quarantine, and its bytes."""
    rows = run(conn, "SELECT problem, raw FROM refusal WHERE device = ? AND hash = ?", (device, hash_))
    return (rows[0][0], bytes(rows[0][1])) if rows else None


_ADMIT = (
    "INSERT INTO admission (hash, op, device, problem, admitted_by, why, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (hash) DO NOTHING"
)


def pardon(conn: Connection, hashes: Sequence[str], *, now_ms: int) -> None:
    """Forgets all refusals of what has been taken in after all, whoever brought it: the bytes are in the log now.

    That it had waited, and why, is kept; nobody decided it (`admitted_by` is "").
    """
    if not hashes or not run(conn, "SELECT 1 FROM refusal LIMIT 1"):
        return
    where, value = one_of(conn, "hash", hashes)
    waited = run(conn, f"DELETE FROM refusal WHERE {where} RETURNING hash, op, device, problem", (value,))
    run_many(conn, _ADMIT, [(*row, "", "", now_ms) for row in sorted(waited)])


def admit(
    conn: Connection,
    operation: Operation,
    *,
    problem: str,
    admitted_by: str,
    why: str,
    now_ms: int,
) -> Span:
    """Moves an operation of a tablet from quarantine into the log, and keeps who decided that and why."""
    spans = append(conn, [operation], now_ms=now_ms)
    run(
        conn,
        _ADMIT,
        (operation.hash, operation.id, operation.device, problem, admitted_by, why, now_ms),
    )
    pardon(conn, [operation.hash], now_ms=now_ms)
    return spans[operation.inspection]


class Logged(NamedTuple):
    """An operation's place in its inspection's log and in its tablet's chain, and its bytes."""

    number: int
    id: str
    log_head: str
    """The hash over the log up to it."""
    raw: bytes
    device: str
    epoch: str
    seq: int


_LOGGED = ", ".join(Logged._fields)


def after(conn: Connection, inspection: InspectionId, number: int, limit: int | None = None) -> list[Logged]:
    """The operations of an inspection after a log number, in order."""
    most = "" if limit is None else f" LIMIT {int(limit)}"
    rows = run(
        conn,
        f"SELECT {_LOGGED} FROM operation WHERE inspection = ? AND number > ? ORDER BY number{most}",
        (inspection, number),
    )
    return [Logged(*row) for row in rows]


class Filed(NamedTuple):
    """An operation with what it is filed under."""

    number: int
    id: str
    device: str
    epoch: str
    seq: int
    prev: str
    hash: str
    log_head: str
    raw: bytes


def whole(conn: Connection, inspection: InspectionId) -> list[Filed]:
    """The whole log of an inspection as it is filed, in order."""
    columns = ", ".join(Filed._fields)
    rows = run(conn, f"SELECT {columns} FROM operation WHERE inspection = ? ORDER BY number", (inspection,))
    return [Filed(*row) for row in rows]


def head_at(conn: Connection, inspection: InspectionId, number: int) -> str:
    """The hash over the inspection's log up to a number; "" where it does not reach that far."""
    rows = run(
        conn, "SELECT log_head FROM operation WHERE inspection = ? AND number = ?", (inspection, number)
    )
    return str(rows[0][0]) if rows else ""


@contextmanager
def savepoint(conn: Connection) -> Iterator[None]:
    """Takes back what the block did when it raises, and nothing else."""
    nested = engines.Savepoint(conn)
    try:
        yield
    except BaseException:
        # A full disk may have ended the whole transaction: then that is to be told, not that there is no savepoint.
        if engines.in_transaction(conn):
            nested.roll_back()
        raise
    nested.release()
