"""Stored states: of each inspection's fold what a cold start needs, by log numbers, however long its history is.

A state is a function of the log up to its number. The operations that stand or are held are named by
their log numbers, their bytes are in the log. Of what was replaced only what has not arrived is kept:
the log takes each id once, so what is in it is never folded a second time.
"""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from server.storage.op_log import one_of, run
from shared_schema import merge
from shared_schema.ids import FieldKey, InspectionId, OpId, digest
from shared_schema.merge import State
from shared_schema.operations import Unknown, read_logged

NAME_LENGTH = 16


class Folded(NamedTuple):
    """The fold of a log up to a number, and the log numbers of what stands or is held."""

    number: int
    state: State
    numbers: Mapping[OpId, int]


NOTHING = Folded(0, merge.EMPTY, {})


class _Content(msgspec.Struct, array_like=True):
    version: str
    standing: list[int]
    held: list[int]
    awaited: list[tuple[str, list[str]]]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Content)


@lru_cache(maxsize=8)
def _version(name: str) -> str:
    return digest(f"by numbers {name}".encode())[:NAME_LENGTH]


def content(folded: Folded) -> bytes:
    """A state as bytes; the same log gives the same bytes."""
    state, numbers = folded.state, folded.numbers
    held = {numbers[one.id] for one in state.held}
    return _encoder.encode(
        _Content(
            _version(merge.version()),
            sorted(set(numbers.values()) - held if held else numbers.values()),
            sorted(held),
            [(field, sorted(ids)) for field, ids in sorted(state.replaced.items())],
        )
    )


def stored(conn: Connection, inspection: InspectionId) -> tuple[int, bytes] | None:
    """The stored bytes and the last log number folded into them."""
    rows = run(conn, "SELECT number, content FROM state WHERE inspection = ?", (inspection,))
    return (rows[0][0], bytes(rows[0][1])) if rows else None


def load(conn: Connection, inspection: InspectionId) -> Folded | None:
    """The stored fold; None where there is none, or another version stored it, or it is not fit to go on from."""
    found = stored(conn, inspection)
    if found is None:
        return None
    try:
        parts = _decoder.decode(found[1])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if parts.version != _version(merge.version()):
        return None
    raws = _raws(conn, inspection, [*parts.standing, *parts.held])
    if len(raws) != len(parts.standing) + len(parts.held):
        return None
    standing, held = (
        [read_logged(raws[number]) for number in numbers] for numbers in (parts.standing, parts.held)
    )
    if any(isinstance(one.body, Unknown) for one in standing):
        return None  # it was counted by a version that looked less closely: now it is held
    numbers = zip((one.id for one in (*standing, *held)), (*parts.standing, *parts.held), strict=True)
    awaited = {FieldKey(field): frozenset(map(OpId, ids)) for field, ids in parts.awaited}
    return Folded(found[0], merge.state_from(standing, held, awaited), dict(numbers))


def store(conn: Connection, inspection: InspectionId, number: int, packed: bytes) -> None:
    """Stores the fold of the log up to that number."""
    run(
        conn,
        "INSERT INTO state (inspection, number, content) VALUES (?, ?, ?)"
        " ON CONFLICT (inspection) DO UPDATE SET number = excluded.number, content = excluded.content",
        (inspection, number, packed),
    )


def drop(conn: Connection, inspection: InspectionId) -> None:
    """Forgets the stored state, so that the log is folded from its start."""
    run(conn, "DELETE FROM state WHERE inspection = ?", (inspection,))


def arrived(conn: Connection, inspection: InspectionId, ids: Iterable[OpId]) -> set[OpId]:
    """Which of these operations the inspection's log holds."""
    where, value = one_of(conn, "id", ids)
    rows = run(conn, f"SELECT id FROM operation WHERE inspection = ? AND {where}", (inspection, value))  # noqa: S608 - a condition of this package
    return {OpId(row[0]) for row in rows}


def _raws(conn: Connection, inspection: InspectionId, numbers: list[int]) -> Mapping[int, bytes]:
    sqlite = conn.dialect.name == "sqlite"
    value: Any = json.dumps(numbers) if sqlite else numbers
    among = "IN (SELECT value FROM json_each(?))" if sqlite else "= ANY(?)"
    return dict(
        run(
            conn,
            f"SELECT number, raw FROM operation WHERE inspection = ? AND number {among}",  # noqa: S608
            (inspection, value),
        )
    )
