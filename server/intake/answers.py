"""What a package for a tablet tells it: the replies to its requests, and then all the news there is.

Over the network a tablet asks again while there is more. By hand it cannot, so the requests it would make
next are answered too. What was asked is told with each reply, because a file may be read late.
"""

from collections.abc import Iterator, Sequence

from msgspec import Raw
from msgspec.structs import replace

from server.intake.exchange import answer, exchange
from server.intake.taking import Taken
from server.storage import packages
from server.storage.database import Connection
from server.storage.devices import DeviceRow
from server.storage.packages import Told
from shared_schema import wire
from shared_schema.ids import digest
from shared_schema.package import Answer
from shared_schema.wire import ExchangeReply, ExchangeRequest

PAGES_MAX = 64
"""So many thousand operations of news in one package; what is more comes with the next."""


def of_requests(
    conn: Connection, requests: Sequence[bytes], tablet: DeviceRow, *, now_ms: int
) -> list[Answer]:
    """Runs the exchange for each of these requests of a tablet; what to tell it.

    Raises request_malformed, protocol_too_new and what else `exchange` raises.
    """
    told: list[Answer] = []
    for raw in requests:
        request = wire.read_request(raw)
        reply = wire.read_reply(exchange(conn, raw, device=tablet.id, now_ms=now_ms, by_hand=True))
        only_for_these = ExchangeReply(
            server=reply.server,
            received_at_ms=reply.received_at_ms,
            statuses=reply.statuses,
            receipt=reply.receipt,
            relayed=reply.relayed,
            revoked=reply.revoked,
            more=not reply.revoked,
        )
        hashes = tuple(digest(bytes(one)) for one in request.ops)
        told.append(Answer(reply=Raw(wire.encode(only_for_these)), ops=hashes))
    if requests and tablet.revoked_at_ms is None:
        first = replace(wire.read_request(requests[0]), ops=(), proofs=(), photos=())
        base = Told(assignments=(first.assignments,), peers=(first.peers,))
        told += _pages(conn, first, tablet, base, now_ms)
    return told


def untold(conn: Connection, tablet: DeviceRow, *, now_ms: int) -> list[Answer]:
    """All that a tablet has not been told since it last asked, and its assignments anew."""
    base = packages.told_of(conn, tablet.id) or Told(
        assignments=(wire.assignments_digest(()),), peers=(wire.peers_digest(()),)
    )
    asked = ExchangeRequest(
        device=tablet.id,
        cursors=dict(base.cursors),
        last_read=dict(base.last_read),
        checklists=base.checklists,
    )
    return list(_pages(conn, asked, tablet, base, now_ms))


def _pages(
    conn: Connection, request: ExchangeRequest, tablet: DeviceRow, base: Told, now_ms: int
) -> Iterator[Answer]:
    """The reply to this request, and to those that a tablet makes next while there is more."""
    for _ in range(PAGES_MAX):
        reply = answer(conn, request, tablet, Taken([], {}), now_ms)
        yield Answer(
            reply=Raw(wire.encode(reply)),
            last_read=_starts(request, reply),
            assignments=base.assignments,
            peers=base.peers,
        )
        base = _told_now(base, reply)
        if not reply.more:
            break
        request = _next(request, reply, base)
    packages.keep_told(conn, tablet.id, _kept(conn, tablet, base))


def _starts(request: ExchangeRequest, reply: ExchangeReply) -> dict[str, str]:
    """By inspection, what names its log before the first operation of the news; left out at its start."""
    begun_anew = set(reply.rewound)
    return {
        one.inspection: request.last_read[one.inspection]
        for one in reply.news
        if one.inspection not in begun_anew
        and request.cursors.get(one.inspection)
        and one.inspection in request.last_read
    }


def _told_now(base: Told, reply: ExchangeReply) -> Told:
    assignments, peers = base.assignments, base.peers
    if reply.assignments is not None:
        assignments = (*assignments, wire.assignments_digest(reply.assignments))[-packages.TOLD_MAX :]
    if reply.peers is not None:
        peers = (*peers, wire.peers_digest(reply.peers))[-packages.TOLD_MAX :]
    return replace(base, assignments=assignments, peers=peers)


def _kept(conn: Connection, tablet: DeviceRow, base: Told) -> Told:
    """Where the tablet stood when it last asked stays; what it has been told since is added."""
    before = packages.told_of(conn, tablet.id) or Told()
    return replace(before, assignments=base.assignments, peers=base.peers)


def _next(request: ExchangeRequest, reply: ExchangeReply, base: Told) -> ExchangeRequest:
    """What a tablet asks that has taken in this reply."""
    gone = set(reply.gone)
    cursors = {**request.cursors, **{one.inspection: one.cursor for one in reply.news}}
    last_read = {**request.last_read, **{one.inspection: one.last_read for one in reply.news}}
    return replace(
        request,
        cursors={one: number for one, number in cursors.items() if one not in gone},
        last_read={one: head for one, head in last_read.items() if head and one not in gone},
        checklists=(*request.checklists, *(one.hash for one in reply.checklists)),
        assignments=base.assignments[-1] if base.assignments else request.assignments,
        peers=base.peers[-1] if base.peers else request.peers,
    )
