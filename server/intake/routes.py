"""What tablets call for everything but photos: `POST /sync`; bytes in, bytes out."""

import asyncio
from typing import Any

import structlog
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import RawBody

from server.access.routes import JSON, Clock, described
from server.access.signers import Signers
from server.intake.exchange import exchange
from server.storage.database import Database
from shared_schema import wire

SIGNED = (
    f"`{wire.DEVICE_HEADER}`: the tablet's id; `{wire.SIGNATURE_HEADER}`: its Ed25519 signature in hex over "
)

log = structlog.get_logger(__name__)


class ExchangeDesk:
    """Answers exchanges. One thing given to the route: several would each be a task of the event loop."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._signers = Signers(db)

    async def answer(self, device_id: str, signature: str, body: bytes) -> bytes:
        """The reply, after it is committed. Raises device_unknown, signature_invalid, and what `exchange` raises."""
        device = await self._signers.verified(device_id, signature, body)
        now_ms = self._clock()
        reply = await asyncio.wrap_future(
            self._db.submit(
                lambda conn: exchange(conn, body, device=device, now_ms=now_ms), size=len(body), joins=True
            )
        )
        took_ms = self._clock() - now_ms
        log.info("exchange", device=device, asked_bytes=len(body), answered_bytes=len(reply), took_ms=took_ms)
        return reply


GivenExchanges = NamedDependency[ExchangeDesk]


@post(
    "/sync",
    status_code=200,
    request_max_body_size=wire.REQUEST_BYTES_MAX,
    operation_class=described(wire.ExchangeRequest, wire.ExchangeReply),
    summary="The exchange: unsent operations and cursors in; statuses, receipts and news out.",
    description=SIGNED + "the body.",
    tags=["tablets"],
)
async def sync(request: Request[Any, Any, Any], body: RawBody, exchanges: GivenExchanges) -> Response[bytes]:
    """Answers one exchange."""
    headers = request.headers
    reply = await exchanges.answer(
        headers.get(wire.DEVICE_HEADER, ""), headers.get(wire.SIGNATURE_HEADER, ""), body
    )
    return Response(reply, media_type=JSON)
