"""What tablets call for everything but photos: `POST /sync`; bytes in, bytes out."""

import asyncio
from typing import Any

import structlog
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import RawBody

from server.access.routes import JSON, GivenClock, GivenDatabase, described
from server.access.signers import Signers
from server.intake.exchange import exchange
from shared_schema import wire

GivenSigners = NamedDependency[Signers]
AnyRequest = Request[Any, Any, Any]
SIGNED = (
    f"`{wire.DEVICE_HEADER}`: the tablet's id; `{wire.SIGNATURE_HEADER}`: its Ed25519 signature in hex over "
)

log = structlog.get_logger(__name__)


@post(
    "/sync",
    status_code=200,
    request_max_body_size=wire.REQUEST_BYTES_MAX,
    operation_class=described(wire.ExchangeRequest, wire.ExchangeReply),
    summary="The exchange: unsent operations and cursors in; statuses, receipts and news out.",
    description=SIGNED + "the body.",
    tags=["tablets"],
)
async def sync(
    request: AnyRequest, body: RawBody, db: GivenDatabase, signers: GivenSigners, clock: GivenClock
) -> Response[bytes]:
    """Answers one exchange after it is committed. Raises device_unknown, signature_invalid, and what it raises."""
    headers = request.headers
    device = await signers.verified(
        headers.get(wire.DEVICE_HEADER, ""), headers.get(wire.SIGNATURE_HEADER, ""), body
    )
    now_ms = clock()
    reply = await asyncio.wrap_future(
        db.submit(lambda conn: exchange(conn, body, device=device, now_ms=now_ms), size=len(body), joins=True)
    )
    log.info(
        "exchange", device=device, asked_bytes=len(body), answered_bytes=len(reply), took_ms=clock() - now_ms
    )
    return Response(reply, media_type=JSON)
