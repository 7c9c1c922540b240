"""The edge of the console: session, policy, form token, headers and audit trail of every request.

Everything is decided here, before a page is entered: a route without a policy serves nobody, and a
read of scores whose audit line cannot be written is not answered.
"""

from functools import partial
from typing import Any

import structlog
from anyio import to_thread
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from server.access import audit, sessions
from server.console import forms
from server.console.context import LANGUAGE_COOKIE, Asking, Console, asking, console_of, remember
from server.console.policy import policy_of
from server.storage.database import Connection
from shared_schema.problems import Language, Problem

log = structlog.get_logger(__name__)

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
STATIC = "/static/"
PLAIN_FORM_BYTES_MAX = 64 * 1024
"""Of a form without files, where one with files may be as large as a package."""
CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
HSTS = "max-age=31536000"


class Edge(ASGIMiddleware):
    """Finds out who is asking, and writes headers and audit lines on the way out."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Serves one request."""
        connection: ASGIConnection[Any, Any, Any, Any] = ASGIConnection(scope, receive, send)
        console = console_of(connection)
        remember(connection, await to_thread.run_sync(partial(_find, console, connection)))
        refused = False

        async def leave(message: Message) -> None:
            nonlocal refused
            if refused:
                return
            if message["type"] == "http.response.start":
                _seal(MutableScopeHeaders.from_message(message), console)
                try:
                    await _leave_line(console, connection, message["status"])
                except Problem as problem:
                    log.warning("audit line could not be written", error=str(problem))
                    refused = True
                    await _refuse(send)
                    return
            await send(message)

        await next_app(scope, receive, leave)


def _find(console: Console, connection: ASGIConnection[Any, Any, Any, Any]) -> Asking:
    """The session behind the request's cookie, if it is alive."""
    cookies = connection.cookies
    language: Language = "en" if cookies.get(LANGUAGE_COOKIE) == "en" else "zh"
    visitor = cookies.get(console.visitor_cookie) or console.entropy(sessions.TOKEN_BYTES).hex()
    token = cookies.get(console.session_cookie, "")
    if token and not connection.scope["path"].startswith(STATIC):
        now_ms = console.clock()
        found = console.db.read(lambda conn: sessions.find(conn, token, now_ms))
        if found is not None:
            if found.stale:
                console.db.write(lambda conn: sessions.touch(conn, token, now_ms))
            return Asking(found.who, language, found.who.csrf, token, visitor)
    return Asking(None, language, sessions.visitor_csrf(visitor), "", visitor)


def check_policy(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A guard. Raises not_signed_in, not_allowed."""
    policy = policy_of(handler.opt)
    action = connection.scope["path"]
    if "\x00" in action or b"%00" in connection.scope["query_string"]:
        raise Problem("request_malformed", where="%00")  # PostgreSQL cannot even be asked for it
    if policy is None:
        raise Problem("not_allowed", action=action)
    if policy.public:
        return
    who = asking(connection).who
    if who is None:
        raise Problem("not_signed_in")
    if who.role not in policy.roles:
        raise Problem("not_allowed", action=action)


async def check_form(request: Request[Any, Any, Any]) -> None:
    """Before a handler: whatever changes something carries the token of its own session.

    Raises csrf_missing, request_too_large.
    """
    if request.method in SAFE_METHODS:
        return
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise Problem("csrf_missing")
    policy = policy_of(request.route_handler.opt)
    if policy is not None and policy.streamed:
        if request.content_type[0] == "multipart/form-data":
            return  # `streaming.arriving` asks for the token, before the first byte of a file is kept
        # The route lets in what a package may have, and this is read whole.
        length = request.content_length
        if length is None or length > PLAIN_FORM_BYTES_MAX:
            raise Problem("request_too_large", limit_bytes=PLAIN_FORM_BYTES_MAX)
    fields: dict[str, list[str]] = {}
    for name, given in (await request.form()).multi_items():
        if isinstance(given, str):
            fields.setdefault(name, []).append(given)
    forms.keep(request, fields)
    token = request.headers.get(CSRF_HEADER) or forms.value(request, CSRF_FIELD)
    if not sessions.same(token, asking(request).csrf):
        raise Problem("csrf_missing")


async def _leave_line(console: Console, connection: ASGIConnection[Any, Any, Any, Any], status: int) -> None:
    """Writes the audit line of a successful read, or of being turned away."""
    policy = policy_of(connection.route_handler.opt)
    action = policy.read if policy and 200 <= status < 300 else ""
    if status == 403:
        action = "denied"
    if not action:
        return
    who = asking(connection).who
    what = connection.scope["path"] if status == 403 else _what(connection)
    line = partial(_record, console.clock(), "" if who is None else who.login, action, what)
    await to_thread.run_sync(partial(console.db.write, line))


def _record(at_ms: int, who: str, action: str, what: str, conn: Connection) -> None:
    audit.record(conn, at_ms, who, action, what)


def _what(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    return " ".join(str(value) for value in connection.path_params.values())


def _seal(headers: MutableScopeHeaders, console: Console) -> None:
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    headers.setdefault("cache-control", "no-store")
    headers.setdefault("vary", "HX-Request")
    if console.secure:
        headers.setdefault("strict-transport-security", HSTS)


async def _refuse(send: Send) -> None:
    """An empty 503 in place of an answer that would have left no line."""
    await send({"type": "http.response.start", "status": 503, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
