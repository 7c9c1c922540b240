"""What waits: operations held in the log for their kind, and refused ones, for when both are judged again."""
# ruff: noqa: S608 - the texts are put together from constants of this package; values are always parameters

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import Connection

from server.storage.op_log import one_of, run


class Held(NamedTuple):
    """An operation in the log whose kind was not known when it came."""

    id: str
    inspection: str
    raw: bytes


class Refused(NamedTuple):
    """A refused operation, under which tablet's name it waits, and why."""

    device: str
    hash: str
    problem: str
    raw: bytes


def held(conn: Connection) -> list[Held]:
    """All that is held, in the order of the logs."""
    rows = run(conn, "SELECT id, inspection, raw FROM operation WHERE held ORDER BY inspection, number")
    return [Held(name, inspection, bytes(raw)) for name, inspection, raw in rows]


def release(conn: Connection, ids: Sequence[str]) -> None:
    """These are held no longer."""
    where, value = one_of(conn, "id", ids)
    run(conn, f"UPDATE operation SET held = false WHERE {where}", (value,))


def refused(conn: Connection, problems: Iterable[str]) -> list[tuple[str, list[Refused]]]:
    """By tablet, what waits for one of these reasons, in the order of its chains."""
    where, value = one_of(conn, "problem", problems)
    rows = run(
        conn,
        f"SELECT device, hash, problem, raw FROM refusal WHERE {where} ORDER BY device, epoch, seq, hash",
        (value,),
    )
    waiting = [Refused(device, hash_, problem, bytes(raw)) for device, hash_, problem, raw in rows]
    return [(device, list(ones)) for device, ones in groupby(waiting, key=lambda one: one.device)]
