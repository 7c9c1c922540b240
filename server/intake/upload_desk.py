"""`/files` as an ASGI application: tus 1.0.0 for the tablets' photos, bodies streamed to the disk as they come.

Whatever touches the disk or the database runs on threads of its own, so that photos neither hold up the event
loop nor wait behind exchanges. While a thread writes and hashes, more bytes arrive; what has come meanwhile is
the next write, so a fast sender costs few hand-overs, and a slow one has every byte written at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, TypeVar

import structlog

from server import problems
from server.access.file_tokens import FileTokens
from server.intake import tus
from server.intake.holds import Hold, Holds, Message, Receive
from server.intake.uploads import Standing, Uploads, Writing
from server.storage.partials import KEPT_MS
from shared_schema.ids import DeviceId
from shared_schema.problems import Problem
from shared_schema.wire import PASS_HEADER, TUS_VERSION

THREADS = 8
RETRY_SECONDS = {423: 1, 429: 60, 503: 5, 507: 60}
"""By status, what a tablet is told of when to come again."""

Send = Callable[[Message], Awaitable[None]]
T = TypeVar("T")

log = structlog.get_logger(__name__)


class Answer(NamedTuple):
    """What goes back."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


class Gone(Exception):
    """The sender is gone; nobody waits for an answer."""


class UploadDesk:
    """Answers the requests below `/files`."""

    def __init__(self, uploads: Uploads, tokens: FileTokens, clock: Callable[[], int]) -> None:
        self._uploads = uploads
        self._tokens = tokens
        self._clock = clock
        self._holds = Holds()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="photos")

    def close(self) -> None:
        """Ends the threads, when they have done what was begun."""
        self._pool.shutdown()

    async def answer(self, scope: Mapping[str, Any], name: str, receive: Receive, send: Send) -> None:
        """One request, for the upload of that name or (empty) for a new one."""
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        method = tus.method_of(scope["method"], headers)
        try:
            answer = await self._answer(method, name, headers, receive)
        except Gone:
            return
        except Problem as problem:
            log.info("refused", path="/files", method=method, code=problem.code)
            answer = _refusal(problem)
        await _send(send, answer, bodiless=method == "HEAD")

    async def _answer(self, method: str, name: str, headers: tus.Headers, receive: Receive) -> Answer:
        if method == "OPTIONS":
            return Answer(204, tus.abilities())
        if method not in (tus.METHODS[2:] if name else ("POST",)):
            refusal = _refusal(Problem("not_found", what=method))
            return Answer(405, {**refusal.headers, "allow": ", ".join(tus.METHODS)}, refusal.body)
        if method != "GET":
            tus.check_version(headers)
        device = await self._device(headers)
        match method:
            case "GET":
                content, media_type = await self._run(self._uploads.read, device, name, self._clock())
                return Answer(200, {"content-type": media_type, "cache-control": "no-store"}, content)
            case "POST":
                return await self._create(device, tus.read_creation(headers), receive)
            case "PATCH":
                return await self._go_on(device, name, tus.read_part(headers), receive)
            case "HEAD":
                async with self._holds.take((device, name)):
                    return _told(await self._run(self._uploads.look, device, name, self._clock()))
            case _:
                async with self._holds.take((device, name)):
                    await self._run(self._uploads.forget, device, name)
                return Answer(204)

    async def _device(self, headers: tus.Headers) -> DeviceId:
        token, now_ms = headers.get(PASS_HEADER, ""), self._clock()
        known = self._tokens.known(token, now_ms)
        return known if known is not None else await self._run(self._tokens.verify, token, now_ms)

    async def _create(self, device: DeviceId, asked: tus.Creation, receive: Receive) -> Answer:
        name = self._uploads.name_for(asked)
        if not asked.has_body:
            standing = await self._run(self._uploads.begin, device, name, asked, self._clock())
            return _created(standing, {})
        async with self._holds.take((device, name)) as hold:
            standing = await self._run(self._uploads.begin, device, name, asked, self._clock())
            if standing.offset == 0:
                standing = await self._receive(
                    device, standing.name, tus.Part(0, asked.body_bytes), receive, hold
                )
            else:
                # It is under way already, perhaps with other parts: its sender goes on from where it is. One that
                # is whole and was never finished is not here yet, and may not be what it is named.
                await _drained(receive, hold)
                standing = await self._run(self._uploads.look, device, name, self._clock())
            return _created(standing, {"upload-offset": str(standing.offset)})

    async def _go_on(self, device: DeviceId, name: str, part: tus.Part, receive: Receive) -> Answer:
        async with self._holds.take((device, name)) as hold:
            if part.body_bytes == 0:
                standing = await self._run(self._uploads.look, device, name, self._clock())
                if standing.offset != part.offset:
                    raise Problem("upload_offset", offset=standing.offset)
            else:
                standing = await self._receive(device, name, part, receive, hold)
        return Answer(204, {"upload-offset": str(standing.offset), **_expiry(standing)})

    async def _receive(
        self, device: DeviceId, name: str, part: tus.Part, receive: Receive, hold: Hold
    ) -> Standing:
        """Takes a body in; how the upload stands then. Whatever ends the body early, its bytes stay."""
        writing = await self._run(self._uploads.go_on, device, name, part, self._clock())
        try:
            last = await self._body(writing, receive, hold)
        except BaseException:
            self._let_go(device, name, writing)
            raise
        return await self._run(self._ended, device, name, writing, last)

    def _ended(self, device: DeviceId, name: str, writing: Writing, last: list[bytes]) -> Standing:
        """Writes the last bytes and, if that was all, finishes; in one go, on one thread."""
        now_ms, note = self._clock(), writing.note
        try:
            writing.write(last)
            if writing.room_bytes == 0:
                self._uploads.finish(device, name, note, now_ms, writing.hashed)
        finally:
            self._let_go(device, name, writing)
        return Standing(name, note.size_bytes, writing.offset, note.metadata, now_ms + KEPT_MS)

    def _let_go(self, device: DeviceId, name: str, writing: Writing) -> None:
        writing.close()
        self._uploads.stopped(device, name, self._clock())

    async def _body(self, writing: Writing, receive: Receive, hold: Hold) -> list[bytes]:
        """Writes a body while it arrives; the end of it, which is still to be written."""
        room_bytes = writing.room_bytes
        while True:
            body, more = await _next(receive, hold)
            room_bytes -= len(body)
            if room_bytes < 0:
                raise Problem("request_too_large", limit_bytes=writing.note.size_bytes)
            if not more:
                return [body]
            if body:
                # What comes meanwhile waits with the connection, and is the next that is written.
                await self._run(writing.write, [body])

    def _start(self, run: Callable[..., T], *args: Any) -> "asyncio.Future[T]":
        return asyncio.get_running_loop().run_in_executor(self._pool, partial(run, *args))

    async def _run(self, run: Callable[..., T], *args: Any) -> T:
        """Runs it on a thread, to its end: a request that is given up must not let go of an upload in use."""
        work = self._start(run, *args)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            while not work.done():
                with suppress(asyncio.CancelledError):  # whoever gives up twice waits as long
                    await asyncio.wait([work])
            raise


async def _next(receive: Receive, hold: Hold) -> tuple[bytes, bool]:
    """The next bytes of a body, and whether there are more. Raises Gone, upload_taken_over, busy."""
    message = await hold.receive(receive)
    if message["type"] == "http.disconnect":
        raise Gone
    return message.get("body", b""), message.get("more_body", False)


async def _drained(receive: Receive, hold: Hold) -> None:
    """Reads a body to its end and keeps none of it: its sender listens only then."""
    more = True
    while more:
        _, more = await _next(receive, hold)


def _created(standing: Standing, more: Mapping[str, str]) -> Answer:
    return Answer(201, {"location": f"/files/{standing.name}", **more, **_expiry(standing)})


def _told(standing: Standing) -> Answer:
    metadata = {"upload-metadata": standing.metadata} if standing.metadata else {}
    offset, size = str(standing.offset), str(standing.size_bytes)
    told = {"upload-offset": offset, "upload-length": size, "cache-control": "no-store"}
    return Answer(200, {**told, **metadata, **_expiry(standing)})


def _expiry(standing: Standing) -> dict[str, str]:
    """Only of what is unfinished can one say that it will expire."""
    return {} if standing.done else tus.expiry(standing.expires_at_ms)


def _refusal(problem: Problem) -> Answer:
    status, body = problems.reply(problem)
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    if status == 412:
        headers["tus-version"] = TUS_VERSION
    if status in RETRY_SECONDS:
        headers["retry-after"] = str(RETRY_SECONDS[status])
    return Answer(status, headers, body)


async def _send(send: Send, answer: Answer, *, bodiless: bool) -> None:
    headers = {"tus-resumable": TUS_VERSION, **answer.headers}
    if answer.status != 204:
        headers["content-length"] = "0" if bodiless else str(len(answer.body))
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": b"" if bodiless else answer.body})
