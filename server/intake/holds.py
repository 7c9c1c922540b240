"""One request at a time has hold of an upload, and a newer one takes it over.

A tablet that asks again has given its former request up: its line broke, or changed, and the server may hear of
that only minutes later. So the former one is cut off where it waits for bytes; what it has got stays written.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from shared_schema.problems import Problem

HAND_OVER_SECONDS = 30
"""A former request that does not let go in that time is finishing on a very slow disk: the newer one comes again."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


class Hold:
    """One request's hold of an upload."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self._cut = False
        self._waiting: asyncio.Task[Any] | None = None

    def is_cut(self) -> bool:
        """Whether a newer request waits for this one's end; it may begin to at any moment."""
        return self._cut

    async def receive(self, receive: Receive) -> Message:
        """The request's next message. Raises upload_taken_over when there is a newer request."""
        if self.is_cut():
            raise Problem("upload_taken_over")
        task = self._waiting = asyncio.current_task()
        try:
            return await receive()
        except asyncio.CancelledError as err:
            if self.is_cut() and task is not None and task.uncancel() == 0:
                raise Problem("upload_taken_over") from err
            raise
        finally:
            self._waiting = None

    def cut_off(self) -> None:
        """Lets the request end: at once where it waits for bytes, else when it next does."""
        if not self._cut:
            self._cut = True
            if self._waiting is not None:
                self._waiting.cancel()


class Holds:
    """Who has hold of which upload. For one event loop."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], Hold] = {}

    @asynccontextmanager
    async def take(self, key: tuple[str, str]) -> AsyncIterator[Hold]:
        """Takes hold, from whoever has it now. Raises busy."""
        try:
            async with asyncio.timeout(HAND_OVER_SECONDS):
                while (former := self._held.get(key)) is not None:
                    former.cut_off()
                    await former.gone.wait()
        except TimeoutError as err:
            raise Problem("busy") from err
        hold = self._held[key] = Hold()
        try:
            yield hold
        finally:
            del self._held[key]
            hold.gone.set()
