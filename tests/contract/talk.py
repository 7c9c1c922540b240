"""Talking to the server as a tablet does, below HTTP: requests as bytes, replies as structs."""

from collections.abc import Sequence
from typing import Any

from server.intake.exchange import exchange
from server.storage.database import Database
from server.storage.op_log import run
from shared_schema import wire
from shared_schema.ids import DeviceId
from shared_schema.operations import Operation
from shared_schema.proofs import head_text
from shared_schema.wire import ExchangeReply, Head, OpStatus, SignedHead
from tests.contract.plan import KEY
from tests.make import make_request

NOW_MS = 1_780_000_000_000


def say(
    db: Database, operations: Sequence[Operation] = (), *, device: str = "D-1", **changes: Any
) -> ExchangeReply:
    """One exchange of a tablet with these operations."""
    request = wire.encode(make_request(operations, **{"device": device, **changes}))
    return wire.read_reply(
        db.write(lambda conn: exchange(conn, request, device=DeviceId(device), now_ms=NOW_MS))
    )


def ask(db: Database, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    """What the database says to one statement."""
    return db.read(lambda conn: run(conn, sql, parameters))


def do(db: Database, sql: str, *parameters: object) -> None:
    """Changes the database behind the server's back."""
    db.write(lambda conn: run(conn, sql, parameters))


def signed(operation: Operation) -> SignedHead:
    """The head of a chain at this operation, signed by its tablet."""
    place = (operation.device, operation.epoch, operation.seq, operation.hash)
    return SignedHead(*place, KEY.sign(head_text(*place)).hex())


def held(reply: ExchangeReply) -> tuple[Head, ...]:
    """How far the server says that it holds each chain asked about."""
    assert reply.receipt is not None
    return tuple(Head(one.epoch, one.seq, one.hash) for one in reply.receipt.heads)


def outcomes(reply: ExchangeReply) -> list[str]:
    """What became of each operation: its status, or the problem of a refused one."""
    return [_outcome(status) for status in reply.statuses]


def _outcome(status: OpStatus) -> str:
    return status.problem or status.status


def news_of(reply: ExchangeReply, inspection: str) -> list[bytes]:
    """The operations told of an inspection."""
    return [bytes(raw) for one in reply.news if one.inspection == inspection for raw in one.ops]


def cursors_of(*replies: ExchangeReply) -> dict[str, Any]:
    """What a tablet that took in these replies says of its reading with its next request."""
    news = [one for reply in replies for one in reply.news]
    return {
        "cursors": {one.inspection: one.cursor for one in news},
        "last_read": {one.inspection: one.last_read for one in news if one.last_read},
    }
