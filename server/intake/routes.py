"""What tablets call for everything but photos: `POST /sync`; bytes in, bytes out."""

import asyncio
from typing import Any

import structlog
from litestar import Request, Response, post
from litestar.params import RawBody

from server.access import devices
from server.access.routes import JSON, GivenClock, GivenDatabase, described
from server.intake.exchange import exchange
from server.storage.database import Database
from shared_schema import wire
from shared_schema.ids import DeviceId

AnyRequest = Request[Any, Any, Any]
SIGNED = (
    f"`{wire.DEVICE_HEADER}`: the tablet's id; `{wire.SIGNATURE_HEADER}`: its Ed25519 signature in hex over "
)

log = structlog.get_logger(__name__)


async def _verified(request: AnyRequest, db: Database, signed: bytes) -> DeviceId:
    """The tablet that signed these bytes. Raises device_unknown, device_revoked, signature_invalid."""
    device = request.headers.get(wire.DEVICE_HEADER, "")
    signature = request.headers.get(wire.SIGNATURE_HEADER, "")
    row = await asyncio.to_thread(db.read, lambda conn: devices.verify(conn, device, signature, signed))
    return row.id


@post(
    "/sync",
    status_code=200,
    request_max_body_size=wire.REQUEST_BYTES_MAX,
    operation_class=described(wire.ExchangeRequest, wire.ExchangeReply),
    summary="The exchange: unsent operations and cursors in; statuses, receipts and news out.",
    description=SIGNED + "the body.",
    tags=["tablets"],
)
async def sync(request: AnyRequest, body: RawBody, db: GivenDatabase, clock: GivenClock) -> Response[bytes]:
    """Answers one exchange after it is committed."""
    device = await _verified(request, db, body)
    now_ms = clock()
    reply = await asyncio.wrap_future(
        db.submit(lambda conn: exchange(conn, body, device=device, now_ms=now_ms), size=len(body), joins=True)
    )
    log.info(
        "exchange", device=device, asked_bytes=len(body), answered_bytes=len(reply), took_ms=clock() - now_ms
    )
    return Response(reply, media_type=JSON)
