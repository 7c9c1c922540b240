"""News: the operations of a squad's inspections after a tablet's cursors, as many as fit one reply."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Raw

from server.storage import chains, group, op_log
from server.storage.database import Connection
from server.storage.devices import CONSOLE
from server.storage.op_log import Span
from server.storage.registers import InspectionRow
from shared_schema.ids import InspectionId
from shared_schema.operations import Operation
from shared_schema.wire import REPLY_OPS_MAX, ExchangeRequest, News, SignedHead

REPLY_OPS_BYTES_MAX = 4 * 1024 * 1024
"""A reply must get through a slow link in one go; what does not fit comes with the next."""


PARTS_MAX = 256
PART_BYTES_MAX = 128 * 1024
"""So many parts of requests are kept as they came, each no larger than this: 32 MiB at most."""


class Part(NamedTuple):
    """All operations of one request, of one chain and one inspection, packed as they came: news for colleagues."""

    packed: bytes
    span: Span
    ops: int
    size_bytes: int
    """Unpacked."""
    device: str
    epoch: str
    seq: int


def remember(
    conn: Connection,
    fresh: Sequence[Operation],
    spans: Mapping[InspectionId, Span],
    packed: Callable[[], bytes],
    count: int,
) -> None:
    """Keeps what a request brought, where all of it was new: packing it again for each colleague costs much more."""
    commit = group.of(conn)
    if commit is None or len(fresh) != count or len(spans) != 1:
        return
    first, last = fresh[0], fresh[-1]
    if any(one.device != first.device or one.epoch != first.epoch for one in fresh):
        return
    content = packed()
    if not content or len(content) > PART_BYTES_MAX:
        return
    ((inspection, span),) = spans.items()
    seq = max(one.seq for one in fresh)
    size_bytes = sum(len(one.raw) for one in fresh)
    parts = commit.memory.setdefault("news", {})
    parts[inspection, span.first] = Part(content, span, count, size_bytes, last.device, last.epoch, seq)
    while len(parts) > PARTS_MAX:
        del parts[next(iter(parts))]


def _parts(conn: Connection) -> Mapping[Any, Part]:
    commit = group.of(conn)
    return {} if commit is None else commit.memory.get("news", {})


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
    ready: dict[str, bytes] | None = None,
) -> Told:
    """What this tablet has not read of these inspections.

    `has_already` are the operations it sent just now, `spans` says where those that were new stand in the logs.
    Where `ready` is given, it takes the news that is packed already, by inspection, in place of the operations.
    """
    remembered = _parts(conn)
    cursors = _valid_cursors(conn, inspections, request, spans, remembered)
    parts = {} if ready is None or request.proofs else remembered
    news: list[News] = []
    room = _Room()
    more = False
    for row in inspections:
        start = cursors.get(row.id, 0)
        if start == row.last_number and start == request.cursors.get(row.id):
            continue
        cursor, ops = start, []
        last_read = request.last_read.get(row.id, "") if start else ""
        span = spans.get(row.id)
        if span is not None and span.first == start + 1:
            cursor, last_read = span.last, span.log_head  # it need not read again what it wrote itself
        part = parts.get((row.id, cursor + 1))
        if (
            part is not None
            and ready is not None
            and _tells_all(part, request, row, span)
            and room.part(part)
        ):
            ready[row.id] = part.packed
            cursor, last_read = part.span.last, part.span.log_head
        elif not room.full and cursor < row.last_number:
            # Of what no longer fits, only the cursor is told: a log that was rewound must be begun again.
            for one in op_log.after(conn, row.id, cursor, limit=REPLY_OPS_MAX):
                if one.id not in has_already:
                    if not room.one(one):
                        break
                    ops.append(Raw(one.raw))
                cursor, last_read = one.number, one.log_head
        if span is not None and span.first == cursor + 1:
            cursor, last_read = span.last, span.log_head
        more = more or cursor < row.last_number
        news.append(News(row.id, cursor, tuple(ops), last_read))
    rewound = tuple(row.id for row in inspections if row.id in request.cursors and row.id not in cursors)
    return Told(tuple(news), more, rewound, tuple(_heads(conn, request.device, room.furthest)))


class _Room:
    """What still fits into one reply, and how far in each chain the operations in it reach."""

    def __init__(self) -> None:
        self.full = False
        self.furthest: dict[tuple[str, str], int] = {}
        self._ops = REPLY_OPS_MAX
        self._bytes = REPLY_OPS_BYTES_MAX

    def one(self, one: op_log.Logged) -> bool:
        """Takes an operation in, if it fits; if not, nothing more fits."""
        if self._ops < 1 or self._bytes < len(one.raw):
            self.full = True
            return False
        self._take(1, len(one.raw), one.device, one.epoch, one.seq)
        return True

    def part(self, part: Part) -> bool:
        """Takes all of a part in, if it fits."""
        if self.full or part.ops > self._ops or part.size_bytes > self._bytes:
            return False
        self._take(part.ops, part.size_bytes, part.device, part.epoch, part.seq)
        return True

    def _take(self, count: int, size_bytes: int, device: str, epoch: str, seq: int) -> None:
        self._ops -= count
        self._bytes -= size_bytes
        self.full = self._ops < 1
        self.furthest[device, epoch] = max(seq, self.furthest.get((device, epoch), 0))


def _tells_all(part: Part, request: ExchangeRequest, row: InspectionRow, own: Span | None) -> bool:
    """Whether a part is a colleague's, and after it there is nothing more to tell of this inspection."""
    ends = row.last_number if own is None else own.first - 1
    return part.device != request.device and part.span.last in (row.last_number, ends)


def _heads(conn: Connection, asking: str, furthest: Mapping[tuple[str, str], int]) -> Iterator[SignedHead]:
    for (device, epoch), seq in sorted(furthest.items()):
        if device not in (asking, CONSOLE):
            head = chains.head_over(conn, device, epoch, seq)
            if head is not None:
                yield head


def _valid_cursors(
    conn: Connection,
    inspections: Sequence[InspectionRow],
    request: ExchangeRequest,
    spans: Mapping[InspectionId, Span],
    parts: Mapping[Any, Part],
) -> Mapping[InspectionId, int]:
    """The tablet's cursors, without those that a log restored from a backup no longer agrees with."""
    valid = {}
    for row in inspections:
        cursor = request.cursors.get(row.id, 0)
        last_read = request.last_read.get(row.id, "")
        if cursor > row.last_number:
            continue
        if last_read in {"", _head_at(conn, row, cursor, spans, parts) if last_read else ""}:
            valid[row.id] = cursor
    return valid


def _head_at(
    conn: Connection,
    row: InspectionRow,
    cursor: int,
    spans: Mapping[InspectionId, Span],
    parts: Mapping[Any, Part],
) -> str:
    """The hash over the log up to a cursor; mostly the log ends there, or did before something that is at hand."""
    if cursor == row.last_number:
        return row.log_head
    span, part = spans.get(row.id), parts.get((row.id, cursor + 1))
    if span is not None and span.first == cursor + 1:
        return span.before
    return part.span.before if part is not None else op_log.head_at(conn, row.id, cursor)
