"""Bodies tried on the exchange, each taken back again: what becomes of it, and that nothing is half applied."""

from collections.abc import Iterable
from typing import get_args

from sqlalchemy import Connection

from server.intake.exchange import exchange
from server.storage.database import Database
from server.storage.op_log import run
from server.storage.tables import metadata
from shared_schema import wire
from shared_schema.ids import DeviceId
from shared_schema.problems import REGISTRY, Problem
from tests.contract.talk import NOW_MS

STATUSES = set(get_args(wire.Status))


class TakenBackError(Exception):
    """Ends a trial so that nothing of it stays."""


def contents(conn: Connection) -> list[int]:
    """How much is in every table."""
    return [run(conn, f'SELECT count(*) FROM "{table}"')[0][0] for table in sorted(metadata.tables)]


def trial(conn: Connection, body: bytes) -> str:
    """What became of a body: a problem's code, or "taken". Nothing of it stays."""
    before = contents(conn)
    try:
        with conn.begin_nested():
            held = run(conn, "SELECT count(*) FROM operation")[0][0]
            reply = wire.read_reply(exchange(conn, body, device=DeviceId("D-1"), now_ms=NOW_MS))
            assert {one.status for one in reply.statuses} <= STATUSES
            assert all(one.problem in {"", *REGISTRY} for one in reply.statuses)
            taken = sum(one.status in {"accepted", "held"} for one in reply.statuses)
            assert run(conn, "SELECT count(*) FROM operation")[0][0] == held + taken
            raise TakenBackError
    except TakenBackError:
        return "taken"
    except Problem as problem:
        refused = problem.code
    assert REGISTRY[refused].status < 500
    assert contents(conn) == before, "a refused request has changed something"
    return refused


def trials(db: Database, bodies: Iterable[bytes]) -> dict[str, int]:
    """How often each outcome came."""

    def run_all(conn: Connection) -> dict[str, int]:
        counts: dict[str, int] = {}
        for body in bodies:
            outcome = trial(conn, body)
            counts[outcome] = counts.get(outcome, 0) + 1
        return counts

    return db.write(run_all)
