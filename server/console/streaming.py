"""Forms with files, streamed to the disk as they arrive; no byte of a file is kept before the form's token has come.

The edge reads every other form whole. These may be as large as a package is, so they are read here, and the
token is asked for here: in the header, or in a field that stands before the first file.
"""

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from anyio import to_thread
from litestar.exceptions import InternalServerException
from multipart import MultipartError, MultipartSegment, PushMultipartParser

from server.access import audit, sessions
from server.console import forms
from server.console.context import asking
from server.console.edge import CSRF_FIELD, CSRF_HEADER
from server.console.render import AnyRequest
from server.storage.disk import disk_problems
from shared_schema.problems import Problem

FILES_MAX = 1000
"""Every volume of the largest set there can be."""
FIELD_BYTES_MAX = 4096
WRITE_BYTES = 1024 * 1024
"""So much is gathered before it is handed to a thread that writes it."""
NAME_LENGTH_MAX = 120


class Arrived(NamedTuple):
    """A file on our disk, and what its sender calls it: for people to read, and for nothing else."""

    path: Path
    name: str


def is_streamed(request: AnyRequest) -> bool:
    """Whether the request brings a form with files."""
    return request.content_type[0] == "multipart/form-data"


@asynccontextmanager
async def arriving(request: AnyRequest, folder: Path) -> AsyncIterator[list[Arrived]]:
    """The files of a form, for as long as the block lasts; its fields are kept as those of any form.

    Raises csrf_missing, form_invalid, request_too_large, disk_full, busy (the sender is gone).
    """
    form = _Form(request, folder)
    try:
        await form.read()
        yield form.files
    finally:
        await to_thread.run_sync(form.remove)


class _Form:
    """One form while it arrives."""

    def __init__(self, request: AnyRequest, folder: Path) -> None:
        self.files: list[Arrived] = []
        self._request = request
        self._folder = folder
        self._fields: dict[str, list[str]] = {}
        self._trusted = self._same(request.headers.get(CSRF_HEADER, ""))
        self._file: BinaryIO | None = None
        self._field: bytearray | None = None
        self._name = ""
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0

    async def read(self) -> None:
        boundary = self._request.content_type[1].get("boundary", "")
        try:
            parser = PushMultipartParser(boundary, max_segment_count=FILES_MAX, strict=True)
            async for chunk in self._request.stream():
                if chunk:
                    await self._take(parser.parse(chunk))
            await self._take(parser.parse(b"") if not parser.closed else iter(()))
        except MultipartError as err:
            raise Problem(
                "form_invalid", field="files", cure=f"请重新选择文件 / choose the files again ({err})"
            ) from err
        except InternalServerException as err:
            raise Problem("busy") from err  # the browser is gone
        if not self._trusted:
            raise Problem("csrf_missing")
        forms.keep(self._request, self._fields)

    async def _take(self, events: Iterator[MultipartSegment | bytes | bytearray | None]) -> None:
        for event in events:
            if isinstance(event, MultipartSegment):
                await self._begin(event)
            elif event is not None:
                await self._add(bytes(event))
            else:
                await self._end()

    async def _begin(self, part: MultipartSegment) -> None:
        self._name = part.name or ""
        if part.filename is None:
            self._field = bytearray()
            return
        if not self._trusted:
            raise Problem("csrf_missing")
        if part.filename == "":
            return  # a field for files in which none was chosen
        path = self._folder / f"{secrets.token_hex(16)}.hcx"
        self._file = await to_thread.run_sync(partial(_opened, path))
        name = part.filename.replace("\\", "/").rpartition("/")[2]
        self.files.append(Arrived(path, audit.plain(name, NAME_LENGTH_MAX)))

    async def _add(self, content: bytes) -> None:
        if self._field is not None:
            self._field += content
            if len(self._field) > FIELD_BYTES_MAX:
                raise Problem("request_too_large", limit_bytes=FIELD_BYTES_MAX)
        elif self._file is not None:
            self._waiting.append(content)
            self._waiting_bytes += len(content)
            if self._waiting_bytes >= WRITE_BYTES:
                await self._write()

    async def _end(self) -> None:
        if self._field is not None:
            text = self._field.decode("utf-8", "replace")
            self._fields.setdefault(self._name, []).append(text)
            self._trusted = self._trusted or (self._name == CSRF_FIELD and self._same(text))
            self._field = None
        elif self._file is not None:
            await self._write()
            self._close()

    async def _write(self) -> None:
        await to_thread.run_sync(partial(_written, self._file, self._waiting))
        self._waiting, self._waiting_bytes = [], 0

    def _same(self, token: str) -> bool:
        return sessions.same(token, asking(self._request).csrf)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def remove(self) -> None:
        """What arrived is no longer needed: it was taken, or it was refused."""
        self._close()
        for one in self.files:
            one.path.unlink(missing_ok=True)


def _opened(path: Path) -> BinaryIO:
    with disk_problems():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path.open("xb", buffering=0)


def _written(file: Any, pieces: list[bytes]) -> None:
    with disk_problems():
        for piece in pieces:
            left = memoryview(piece)
            while left:
                left = left[file.write(left) :]
