"""`POST /enrol`, and what every route for tablets needs: bytes in, bytes out, and a true description of both."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Reference,
    RequestBody,
    Schema,
)
from litestar.params import RawBody

from server.access import devices
from server.access.throttle import Throttle
from server.storage.database import Database
from shared_schema import wire
from shared_schema.problems import Problem

ENROL_BYTES_MAX = 16 * 1024
DESCRIBED = (wire.EnrolRequest, wire.EnrolReply, wire.ExchangeRequest, wire.ExchangeReply, wire.ProblemReply)
JSON = "application/json"

Clock = Callable[[], int]
"""Milliseconds since 1970."""
GivenDatabase = NamedDependency[Database]
GivenClock = NamedDependency[Clock]
GivenThrottle = NamedDependency[Throttle]


def schemas() -> dict[str, Any]:
    """The JSON schemas of everything on the wire, by name."""
    _, components = msgspec.json.schema_components(DESCRIBED, ref_template="#/components/schemas/{name}")
    return components


def described(asks: type | str, answers: type | None) -> type[Operation]:
    """How OpenAPI shows a route that takes and gives bytes: a struct as JSON, or a media type."""

    @dataclass
    class Described(Operation):
        def __post_init__(self) -> None:
            media = {asks: OpenAPIMediaType(schema=Schema())} if isinstance(asks, str) else _json(asks)
            self.request_body = RequestBody(content=media, required=True)
            good = OpenAPIResponse(description="Done", content=None if answers is None else _json(answers))
            bad = OpenAPIResponse(
                description="Refused, and nothing was changed", content=_json(wire.ProblemReply)
            )
            self.responses = {"200" if answers is not None else "204": good, "4XX": bad, "5XX": bad}

    return Described


def _json(struct: type) -> dict[str, OpenAPIMediaType]:
    return {JSON: OpenAPIMediaType(schema=Reference(ref=f"#/components/schemas/{struct.__name__}"))}


@post(
    "/enrol",
    status_code=200,
    request_max_body_size=ENROL_BYTES_MAX,
    operation_class=described(wire.EnrolRequest, wire.EnrolReply),
    summary="A tablet introduces itself with a one-time code and its new public key.",
    tags=["tablets"],
)
async def enrol(
    request: Request[Any, Any, Any],
    body: RawBody,
    db: GivenDatabase,
    clock: GivenClock,
    throttle: GivenThrottle,
) -> Response[bytes]:
    """Admits a tablet. Raises request_malformed, enrolment_code_invalid, sign_in_throttled."""
    asked = wire.read_enrol(body)
    address = request.client.host if request.client else ""
    now_ms = clock()
    throttle.check("", address, now_ms)
    try:
        reply = await asyncio.wrap_future(db.submit(lambda conn: devices.enrol(conn, asked, now_ms)))
    except Problem as problem:
        if problem.code == "enrolment_code_invalid":
            throttle.failed("", address, now_ms)
        raise
    return Response(wire.encode(reply), media_type=JSON)
