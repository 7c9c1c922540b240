"""The smallest HTTP/1.1 client that keeps its connection: a benchmark must not measure its own client."""

import asyncio
import time
from collections.abc import Mapping
from types import TracebackType
from typing import NamedTuple, Self

IDLE_SECONDS_MAX = 2.0
"""Servers hang up after some seconds without a request; so do we, before that."""


class Reply(NamedTuple):
    """What came back, and how many bytes it took on the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    wire_bytes: int


class Link:
    """One connection, opened when first needed and again when the server closed it."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._used = 0.0
        self.sent_bytes = 0
        self.received_bytes = 0

    async def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One request and its reply. Raises ConnectionError."""
        given = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: {self._host}\r\ncontent-length: {len(body)}\r\n{given}\r\n"
        ).encode()
        if time.monotonic() - self._used > IDLE_SECONDS_MAX:
            await self.close()
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port, limit=2**20)
        self._writer.write(head)
        if body:
            self._writer.write(body)
        await self._writer.drain()
        self.sent_bytes += len(head) + len(body)
        try:
            reply = await self._reply(method)
            self._used = time.monotonic()
            return reply
        except asyncio.IncompleteReadError as err:
            await self.close()
            raise ConnectionResetError("the server closed the connection") from err

    async def send_part(
        self, method: str, path: str, part: bytes, whole: int, headers: Mapping[str, str]
    ) -> None:
        """Sends a request whose body breaks off, and hangs up."""
        given = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"{method} {path} HTTP/1.1\r\nhost: {self._host}\r\ncontent-length: {whole}\r\n{given}\r\n".encode()
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        self._writer.write(head + part)
        await self._writer.drain()
        await self.close()

    async def _reply(self, method: str) -> Reply:
        assert self._reader is not None
        head = await self._reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status = int(first.split(" ")[1])
        if method == "HEAD" or status == 204:
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            body = await self._chunks(self._reader)
        else:
            body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        self.received_bytes += len(head) + len(body)
        if headers.get("connection", "").lower() == "close":
            await self.close()
        return Reply(status, headers, body, len(head) + len(body))

    @staticmethod
    async def _chunks(reader: asyncio.StreamReader) -> bytes:
        body = b""
        while length := int(await reader.readuntil(b"\r\n"), 16):
            body += (await reader.readexactly(length + 2))[:-2]
        await reader.readexactly(2)
        return body

    async def close(self) -> None:
        """Hangs up."""
        writer, self._writer, self._reader = self._writer, None, None
        if writer is not None:
            writer.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
