"""News: the operations of a squad's inspections after a tablet's cursors, as many as fit one reply."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Raw

from server.storage import chains, op_log
from server.storage.database import Connection
from server.storage.devices import CONSOLE
from server.storage.op_log import Span
from server.storage.registers import InspectionRow
from shared_schema.ids import InspectionId
from shared_schema.wire import REPLY_OPS_MAX, ExchangeRequest, News, SignedHead

REPLY_OPS_BYTES_MAX = 4 * 1024 * 1024
"""A reply must get through a slow link in one go; what does not fit comes with the next."""


class Told(NamedTuple):
    """The news, and whether there is more."""

    news: tuple[News, ...]
    more: bool
    rewound: tuple[InspectionId, ...] = ()
    """Inspections whose log is not the one this tablet has read."""
    proofs: tuple[SignedHead, ...] = ()
    """Heads that answer for the news."""


def after_cursors(
    conn: Connection,
    inspections: Sequence[InspectionRow],
    request: ExchangeRequest,
    spans: Mapping[InspectionId, Span],
    has_already: Collection[str],
) -> Told:
    """What this tablet has not read of these inspections.

    `has_already` are the operations it sent just now, `spans` says where those that were new stand in the logs.
    """
    cursors = _valid_cursors(conn, inspections, request)
    news: list[News] = []
    ops_left, bytes_left = REPLY_OPS_MAX, REPLY_OPS_BYTES_MAX
    more = full = False
    furthest: dict[tuple[str, str], int] = {}
    for row in inspections:
        start = cursors.get(row.id, 0)
        if start == row.last_number and start == request.cursors.get(row.id, 0):
            continue
        cursor, ops = start, []
        last_read = request.last_read.get(row.id, "") if start else ""
        span = spans.get(row.id)
        if span is not None and span.first == start + 1:
            cursor, last_read = span.last, span.log_head  # it need not read again what it wrote itself
        # Of what no longer fits, only the cursor is told: a log that was rewound must be begun again.
        page = [] if full or ops_left < 1 else op_log.after(conn, row.id, cursor, limit=REPLY_OPS_MAX)
        for one in page:
            if one.id not in has_already:
                if ops_left < 1 or bytes_left < len(one.raw):
                    full = True
                    break
                ops_left -= 1
                bytes_left -= len(one.raw)
                ops.append(Raw(one.raw))
                place = (one.device, one.epoch)
                furthest[place] = max(one.seq, furthest.get(place, 0))
            cursor, last_read = one.number, one.log_head
        more = more or cursor < row.last_number
        news.append(News(row.id, cursor, tuple(ops), last_read))
    rewound = tuple(row.id for row in inspections if row.id in request.cursors and row.id not in cursors)
    return Told(tuple(news), more, rewound, tuple(_heads(conn, request.device, furthest)))


def _heads(conn: Connection, asking: str, furthest: Mapping[tuple[str, str], int]) -> Iterator[SignedHead]:
    for (device, epoch), seq in sorted(furthest.items()):
        if device not in (asking, CONSOLE):
            head = chains.head_over(conn, device, epoch, seq)
            if head is not None:
                yield head


def _valid_cursors(
    conn: Connection, inspections: Sequence[InspectionRow], request: ExchangeRequest
) -> Mapping[InspectionId, int]:
    """The tablet's cursors, without those that a log restored from a backup no longer agrees with."""
    valid = {}
    for row in inspections:
        cursor = request.cursors.get(row.id, 0)
        last_read = request.last_read.get(row.id, "")
        if cursor == row.last_number:
            head = row.log_head
        elif last_read and cursor < row.last_number:
            head = op_log.head_at(conn, row.id, cursor)
        else:
            head = ""
        if cursor <= row.last_number and last_read in {"", head}:
            valid[row.id] = cursor
    return valid
