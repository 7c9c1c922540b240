"""A benchmark's tablet: signs its requests and reads on, as the real one does; its changes were written beforehand."""

import zlib
from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from shared_schema import wire
from shared_schema.packing import pack
from shared_schema.proofs import head_text
from shared_schema.wire import ExchangeRequest, Head
from tests.bench.changes import Writer
from tests.bench.http import Link, Reply

REPLY_STATUS_OK = 200


class _News(Struct):
    inspection: str
    cursor: int = 0
    last_read: str = ""


class _Statuses(Struct):
    status: str


class _Told(Struct):
    """What the tablet needs of a reply to go on; the rest is skipped, so that reading it costs next to nothing."""

    statuses: list[_Statuses] = []
    news: list[_News] = []
    checklists: list[Raw] = []
    assignments: list[wire.Assignment] | None = None
    peers: list[wire.Peer] | None = None
    more: bool = False


_told = msgspec.json.Decoder(_Told)


class RefusedError(ConnectionError):
    """The server said no, and perhaps when to come again."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"{reply.status}: {reply.body[:300]!r}")
        self.wait_seconds = reply.headers.get("retry-after", "")


class Batch(Struct):
    """Changes ready to be sent, packed, and the signed head of the chain after them."""

    packed: bytes
    head: Head


def batches(writer: Writer, changes: int, size: int) -> list[Batch]:
    """So many changes, in batches."""
    made = []
    tablet = writer.tablet
    for start in range(0, changes, size):
        packed = pack(writer.write(min(size, changes - start)), shortens=True)
        text = head_text(tablet.device, writer.epoch, writer.seq, writer.head)
        signature = tablet.key.sign(text).hex()
        made.append(Batch(packed, Head(writer.epoch, writer.seq, writer.head, signature)))
    return made


class BenchTablet:
    """One tablet on one connection."""

    def __init__(self, writer: Writer, link: Link) -> None:
        self.writer = writer
        self.link = link
        self.accepted = 0
        self._cursors: dict[str, int] = {}
        self._last_read: dict[str, str] = {}
        self._checklists: tuple[str, ...] = ()
        self._assignments = ""
        self._peers = ""

    async def hello(self) -> None:
        """The first contact: what the squad is assigned, the checklist, and all news there is."""
        while (await self.exchange(None)).more:
            pass

    async def exchange(self, batch: Batch | None) -> _Told:
        """One exchange. Raises ConnectionError where the server was not reached, RefusedError where it said no."""
        reply = await self.link.ask("POST", "/sync", *self._signed(batch))
        if reply.status != REPLY_STATUS_OK:
            raise RefusedError(reply)
        return self._take_in(reply)

    def _signed(self, batch: Batch | None) -> tuple[bytes, dict[str, str]]:
        tablet = self.writer.tablet
        message = wire.encode(
            ExchangeRequest(
                device=tablet.device,
                app="bench",
                heads=() if batch is None else (batch.head,),
                cursors=self._cursors,
                last_read=self._last_read,
                checklists=self._checklists,
                assignments=self._assignments,
                peers=self._peers,
                signed=True,
            )
        )
        # As `wire.encode_packed` writes it, with the operations packed beforehand.
        parts = [] if batch is None else [batch.packed]
        body = wire.PACKED + msgspec.msgpack.encode((zlib.compress(message), parts))
        signature = tablet.key.sign(body).hex()
        return body, {wire.DEVICE_HEADER: tablet.device, wire.SIGNATURE_HEADER: signature}

    def _take_in(self, reply: Reply) -> _Told:
        _, body = wire.signature_of(reply.body)
        message, _ = msgspec.msgpack.decode(body[len(wire.PACKED) :])
        told = _told.decode(zlib.decompress(message))
        for one in told.news:
            self._cursors[one.inspection] = one.cursor
            if one.last_read:
                self._last_read[one.inspection] = one.last_read
        if told.assignments is not None:
            self._assignments = wire.assignments_digest(told.assignments)
            self._checklists = tuple(sorted({one.checklist for one in told.assignments}))
        if told.peers is not None:
            self._peers = wire.peers_digest(told.peers)
        self.accepted += sum(one.status == "accepted" for one in told.statuses)
        return told


def refused(tablets: Sequence[BenchTablet], expected: int) -> int:
    """How many changes were not taken as new: 0 in a sound run."""
    return expected - sum(tablet.accepted for tablet in tablets)
