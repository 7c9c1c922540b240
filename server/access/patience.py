"""Patience with slow senders ends: a request that stalls, in its head or in its body, is given up.

Otherwise a few machines that send one byte a minute could keep everybody else out. And those for whom there is no room
are told when to come again.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from server import problems
from shared_schema.problems import Problem

STALL_SECONDS = 30.0
"""A field line that brings nothing for so long is broken; the tablet tries again by itself."""

BODY_WAITING_BYTES_MAX = 512 * 1024
"""So much of a body may have come before the application asks for it; then its sender waits. Of all connections
together 256 MB. With the 64 KB that the library has, a photo is thirty turns of the event loop and not five."""

GATHERED_BYTES_MAX = 16 * 1024
"""What is larger is sent at once, with what was written before it."""

HEAD_BYTES_MAX = 64 * 1024
"""A head larger than this, and than one read of the socket, is refused; so is what follows a body in chunks."""

HAND_OVER_SECONDS = 0.02
HAND_OVERS_MAX = 250
"""Five seconds in all for the application to fetch what a broken line had brought."""

AGAIN_SECONDS = 5
"""After so long, somebody for whom there is no room now may come again."""

Message = MutableMapping[str, Any]
Asgi = Callable[[Any, Any, Any], Awaitable[None]]


def patient_body(app: Asgi) -> Asgi:
    """The app, with bodies that must keep coming. A stalled one raises busy where it is read."""

    async def served(scope: Any, receive: Callable[[], Awaitable[Message]], send: Any) -> None:
        whole = scope["type"] != "http"

        async def patient() -> Message:
            nonlocal whole
            if whole:
                return await receive()
            try:
                async with asyncio.timeout(STALL_SECONDS):
                    message = await receive()
            except TimeoutError as err:
                raise Problem("busy") from err
            whole = message["type"] != "http.request" or not message.get("more_body", False)
            return message

        await app(scope, patient, send)

    return served


async def come_again(_scope: Any, _receive: Any, send: Callable[[Message], Awaitable[None]]) -> None:
    """Answers `busy` and when to come again; of the request nothing is read, and the connection ends."""
    status, headers, body = _last_answer(Problem("busy"))
    again = (b"retry-after", str(AGAIN_SECONDS).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, again]})
    await send({"type": "http.response.body", "body": body})


def _last_answer(problem: Problem) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers and body of an answer after which the connection ends."""
    status, body = problems.reply(problem)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
    ]
    return status, headers, body


class _Gathered:
    """A connection whose replies leave in one piece: their heads would else be sent, and read, by themselves."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        """All else is the transport's own."""
        return getattr(self._transport, name)

    def write(self, part: bytes) -> None:
        """Sends with whatever else is written before the event loop turns, where both are small."""
        if not self._parts:
            self._loop.call_soon(self.flush)
        self._parts.append(part)
        if len(part) > GATHERED_BYTES_MAX:
            self.flush()  # or its sender would not be told to wait when the line is full

    def flush(self) -> None:
        """Sends what was written."""
        parts, self._parts = self._parts, []
        if parts:
            self._transport.write(b"".join(parts))

    def close(self) -> None:
        """Ends the connection after what was written."""
        self.flush()
        self._transport.close()


class _Pieces:
    """What came of a body since it was last asked for; in the place of the library's bytes, to which each is copied.

    Put together once, and one by itself not at all.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size += len(piece)

    def __len__(self) -> int:
        return self._size

    def __bytes__(self) -> bytes:
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)


class PatientProtocol(HttpToolsProtocol):
    """HTTP whose heads must arrive in time, for so many connections as the server was told to have at once."""

    _due: asyncio.TimerHandle | None = None
    _framing_bytes = 0
    """What came since the last byte of a body: heads, and what stands after the chunks of a body."""
    _in_head = False
    _hand_overs = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Takes the counting of connections over: the library's own refusal does not say when to come again."""
        super().__init__(*args, **kwargs)
        self._connections_max, self.limit_concurrency = self.limit_concurrency, None
        self._app, self.app = self.app, self._admitted

    async def _admitted(self, scope: Any, receive: Any, send: Any) -> None:
        crowded = self._connections_max is not None and len(self.connections) >= self._connections_max
        await (come_again if crowded else self._app)(scope, receive, send)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection that says nothing is given up too."""
        super().connection_made(_Gathered(transport, self.loop))  # type: ignore[arg-type]
        self._start()

    def data_received(self, data: bytes) -> None:
        """Ends a connection on which a head goes on and on: the parser would keep all of it.

        What still comes of a body after its answer no application reads, so that nobody else sees it stall: there each
        piece starts the clock anew.
        """
        self._framing_bytes += len(data)
        super().data_received(data)
        cycle: RequestResponseCycle | None = self.cycle  # before the first request there is none
        if cycle is not None and cycle.response_complete and not self._in_head:
            self._start()
        if self._framing_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self._refuse(Problem("request_too_large", limit_bytes=HEAD_BYTES_MAX))

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is refused in our words."""
        self._refuse(Problem("request_malformed", where=msg))

    def _refuse(self, problem: Problem) -> None:
        status, headers, body = _last_answer(problem)
        head = b"".join(b"%s: %s\r\n" % header for header in headers)
        phrase = HTTPStatus(status).phrase.encode()
        self.transport.write(b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (status, phrase, head, body))
        self.transport.close()

    def on_message_begin(self) -> None:
        """Starts the clock with the first byte of a head."""
        super().on_message_begin()
        self._in_head = True
        self._start()

    def on_headers_complete(self) -> None:
        """Stops it with the last."""
        self._stop()
        self._in_head = False
        self._framing_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keeps a piece until the application asks for it."""
        self._framing_bytes = 0
        cycle = self.cycle
        if cycle.response_complete:
            return
        waiting: _Pieces | bytearray = cycle.body
        if not isinstance(waiting, _Pieces):
            waiting = cycle.body = _Pieces()  # type: ignore[assignment]
        waiting.add(body)
        if len(waiting) > BODY_WAITING_BYTES_MAX:
            self.flow.pause_reading()
        cycle.message_event.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """The clock does not outlive the connection.

        What arrived before the line broke is still handed over, for a while: the library would throw it away, and of
        a photo on a bad line that may be all there is.
        """
        self._stop()
        cycle: RequestResponseCycle | None = self.cycle
        unread = cycle is not None and cycle.body and not cycle.response_complete
        if unread and self._hand_overs < HAND_OVERS_MAX:
            self._hand_overs += 1
            self.loop.call_later(HAND_OVER_SECONDS, self.connection_lost, exc)
            return
        super().connection_lost(exc)

    def _start(self) -> None:
        self._stop()
        self._due = self.loop.call_later(STALL_SECONDS, self.transport.close)

    def _stop(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
