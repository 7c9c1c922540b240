"""What tablets call for everything but photos: `POST /sync`; bytes in, bytes out."""

import asyncio
from typing import Any

import structlog
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.exceptions import InternalServerException

from server.access.routes import JSON, Clock, described
from server.access.signers import Signers
from server.intake.exchange import exchange
from server.storage.database import Database
from shared_schema import wire
from shared_schema.problems import Problem

SIGNED = (
    f"`{wire.DEVICE_HEADER}`: the tablet's id; `{wire.SIGNATURE_HEADER}`: its Ed25519 signature in hex over "
)

ARRIVING_BYTES_MAX = 256 * 1024 * 1024
"""With more than this of large requests on their way in, the next bytes of one are answered `busy`: whoever sends them
has not proved anything yet, and eight megabytes of every connection there may be would fill the memory."""
SMALL_BYTES_MAX = 64 * 1024
"""So much of each is taken in whoever else sends: nearly all requests are no larger."""

log = structlog.get_logger(__name__)


class ExchangeDesk:
    """Answers exchanges. One thing given to the route: several would each be a task of the event loop."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._signers = Signers(db)
        self._arriving_bytes = 0

    async def body(self, request: Request[Any, Any, Any]) -> bytes:
        """All that is sent. Raises busy (no room for it, or its sender is gone), and what the framework raises."""
        parts: list[bytes] = []
        size = 0
        try:
            async for part in request.stream():
                parts.append(part)
                size += len(part)
                self._arriving_bytes += len(part)
                if size > SMALL_BYTES_MAX and self._arriving_bytes > ARRIVING_BYTES_MAX:
                    raise Problem("busy")
        except InternalServerException as err:
            raise Problem("busy") from err
        finally:
            self._arriving_bytes -= size
        return b"".join(parts)

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
async def sync(request: Request[Any, Any, Any], exchanges: GivenExchanges) -> Response[bytes]:
    """Answers one exchange."""
    headers = request.headers
    reply = await exchanges.answer(
        headers.get(wire.DEVICE_HEADER, ""),
        headers.get(wire.SIGNATURE_HEADER, ""),
        await exchanges.body(request),
    )
    return Response(reply, media_type=JSON)
