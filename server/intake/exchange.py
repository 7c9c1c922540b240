"""The exchange: one request and its reply in one transaction, whatever way the request came.

An operation is refused only for what can never become right by itself (see `judge`), and a refused one
never takes its batch down: it lies in quarantine, in its tablet's chain, and can be admitted by a person.
Where people change the registers, the tablet hands in again what was refused, and it is judged anew.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from itertools import compress
from types import MappingProxyType
from typing import Any, NamedTuple

from msgspec import Raw
from msgspec.structs import replace

from server.access import keys
from server.access.devices import is_signed
from server.intake import news, projection, receipts
from server.intake.judge import Judge, RoleOf
from server.intake.roster import roster
from server.problems import facts_of
from server.storage import chains, devices, group, migrations, op_log, packages, photos, registers
from server.storage.database import Connection
from server.storage.devices import Contact, DeviceRow
from server.storage.op_log import Refusal, Span
from server.storage.packages import Told
from server.storage.registers import InspectionRow
from shared_schema import wire
from shared_schema.ids import DeviceId, InspectionId, PersonId, digest
from shared_schema.operations import AT_MS_MAX, OP_BYTES_MAX, Operation, Unknown, read, read_place
from shared_schema.problems import Problem
from shared_schema.proofs import Link, Place, head_text, link_in, link_of, proven, reply_text
from shared_schema.roles import Role
from shared_schema.wire import ExchangeReply, ExchangeRequest, OpStatus, SignedHead

PHOTOS_WANTED_MAX = 200
CLOCK_JUMP_MS = 10 * 60 * 1000
"""A clock that stands further off than before by more than this is shown to people; it still decides nothing."""


class Taken(NamedTuple):
    """What became of each operation, in order; and by inspection where those that were taken now stand in its log."""

    statuses: list[OpStatus]
    spans: Mapping[InspectionId, Span]
    fresh: Sequence[Operation] = ()
    """Those that were new, in order."""


def exchange(
    conn: Connection, request_bytes: bytes, *, device: DeviceId, now_ms: int, by_hand: bool = False
) -> bytes:
    """The reply to a tablet whose signature over the request has been checked; `by_hand`: it was carried as a file.

    Raises request_too_large, request_malformed, protocol_too_new, device_unknown, bases_unknown; then nothing has been
    changed.
    """
    decoded: dict[bytes, Operation] = {}
    find = cache(partial(op_log.beginning, conn))
    request = wire.read_request(request_bytes, decoded, find)
    packed = request_bytes.startswith(wire.PACKED)
    if request.device != device:
        raise Problem("request_malformed", where="device")
    tablet = devices.get(conn, device)
    if tablet is None:
        raise Problem("device_unknown", device=device)
    heads = _keep_heads(conn, tablet, request)
    inspections = registers.inspections(conn, squad=tablet.squad)
    all_read = len(decoded) == len(request.ops)
    taken = take(
        conn,
        list(decoded) if all_read else [bytes(raw) for raw in request.ops],
        device=device,
        role_of=lambda author: role_of(conn, author, tablet),
        proofs=heads,
        epochs=[one.epoch for one in request.heads],
        now_ms=now_ms,
        decoded=decoded,
        planned=inspections,
    )
    sent_at_ms = max(-AT_MS_MAX, min(request.sent_at_ms, AT_MS_MAX))  # no column holds what JSON can say
    ahead_ms = sent_at_ms - now_ms if sent_at_ms and not by_hand else None
    seen = Contact(now_ms, request.app, ahead_ms)
    if tablet.revoked_at_ms is None:
        ready: dict[str, bytes] = {}
        if packed:
            news.remember(
                conn,
                taken.fresh,
                taken.spans,
                lambda: wire.packed_operations(request_bytes, find),
                len(request.ops),
            )
        inspections = [_after(row, taken.spans) for row in inspections]
        reply = answer(conn, request, tablet, taken, now_ms, ready if packed else None, inspections)
        _note(conn, device, seen, _told(request, reply))
        body = wire.encode_packed(reply, ready) if packed else wire.encode(reply)
        return _signed(conn, request_bytes, body) if request.signed else body
    _note(conn, device, seen)
    if not by_hand:  # a file may lie about for days before it reaches the tablet, if it does
        devices.told_revoked(conn, device, now_ms)
    turned_away = ExchangeReply(
        server=migrations.server_id(conn),
        received_at_ms=now_ms,
        statuses=tuple(taken.statuses),
        receipt=receipts.own(conn, request, now_ms, revoked=True),
        revoked=True,
    )
    body = wire.encode_packed(turned_away) if packed else wire.encode(turned_away)
    return _signed(conn, request_bytes, body) if request.signed else body


def _signed(conn: Connection, asked: bytes, reply: bytes) -> bytes:
    return wire.signed_reply(keys.sign(conn, reply_text(asked, reply)), reply)


def _has_already(taken: Taken) -> set[str]:
    return {one.id for one in taken.statuses if one.status in {"accepted", "duplicate", "held"}}


def _keep_heads(conn: Connection, tablet: DeviceRow, request: ExchangeRequest) -> list[SignedHead]:
    """The heads of this request that are really signed by the tablets they name; they are kept."""
    own = [
        SignedHead(tablet.id, one.epoch, one.seq, one.hash, one.signature)
        for one in request.heads
        if one.signature and one.hash
    ]
    keys: dict[str, str] = {tablet.id: tablet.public_key}
    good: list[SignedHead] = []
    fresh: list[SignedHead] = []
    for head in (*own, *request.proofs):
        if chains.is_kept(conn, head):
            good.append(head)
            continue
        if head.device not in keys:
            author = devices.get(conn, head.device)
            keys[head.device] = "" if author is None else author.public_key
        text = head_text(head.device, head.epoch, head.seq, head.hash)
        if is_signed(keys[head.device], head.signature, text):
            fresh.append(head)
    chains.keep_heads(conn, fresh)
    return good + fresh


def role_of(conn: Connection, author: str, asking: DeviceRow | None = None) -> RoleOf:
    """In which role people write on the tablet that made an operation. Raises device_revoked.

    Of a tablet that nobody knows (a restored server has forgotten it) no word can be checked: raises op_not_proven.
    """
    if author == devices.CONSOLE:
        return lambda _row, _person: None
    tablet = asking if asking is not None and author == asking.id else devices.get(conn, author)
    if tablet is None:
        raise Problem("op_not_proven", device=author)
    if tablet.revoked_at_ms is not None:
        raise Problem("device_revoked", device=author)
    squad, members = tablet.squad, roster(conn, tablet.squad).members

    def role(row: InspectionRow, person: PersonId) -> Role | None:
        if row.squad != squad:
            raise Problem("inspection_unknown", inspection=row.id)
        return members.get(person)

    return role


def _after(row: InspectionRow, spans: Mapping[InspectionId, Span]) -> InspectionRow:
    """An inspection after what was appended just now."""
    span = spans.get(row.id)
    return row if span is None else replace(row, last_number=span.last, log_head=span.log_head)


def _note(conn: Connection, device: DeviceId, contact: Contact, told: Told | None = None) -> None:
    """Notes a contact, after the reply where there is a writer that goes on: a server that is killed before forgets
    that the tablet was here, and nothing else.
    """
    # Each contact by itself: a clock that jumped between two is seen from both.
    facts: dict[Contact | str, Any] = {contact: None, **({} if told is None else {"told": told})}
    commit = group.of(conn)
    if commit is None:
        _write_note(conn, device, facts)
    else:
        commit.put_off(_write_note, device, facts)


def _write_note(conn: Connection, device: str, facts: Mapping[Contact | str, Any]) -> None:
    contacts = [one for one in facts if isinstance(one, Contact)]
    if contacts:
        devices.seen(conn, DeviceId(device), contacts, CLOCK_JUMP_MS)
    if "told" in facts:
        packages.keep_told(conn, device, facts["told"])


def _told(request: ExchangeRequest, reply: ExchangeReply) -> Told:
    """Where the tablet stands now, whether this reply reaches it or not."""
    assignments, peers = [request.assignments], [request.peers]
    if reply.assignments is not None:
        assignments.append(wire.assignments_digest(reply.assignments))
    if reply.peers is not None:
        peers.append(wire.peers_digest(reply.peers))
    return Told(request.cursors, request.last_read, request.checklists, tuple(assignments), tuple(peers))


def answer(
    conn: Connection,
    request: ExchangeRequest,
    tablet: DeviceRow,
    taken: Taken,
    now_ms: int,
    ready: dict[str, bytes] | None = None,
    inspections: Sequence[InspectionRow] | None = None,
) -> ExchangeReply:
    """What a tablet that may be told anything is told; changes nothing.

    `ready` is given, by inspection, the news that is packed already, and left out of the reply itself. `inspections`
    are those of its squad as they are, where they are at hand.
    """
    if inspections is None:
        inspections = registers.inspections(conn, squad=tablet.squad)
    squad = roster(conn, tablet.squad)
    told = news.after_cursors(conn, inspections, request, taken.spans, _has_already(taken), ready)
    return ExchangeReply(
        server=migrations.server_id(conn),
        received_at_ms=now_ms,
        statuses=tuple(taken.statuses),
        receipt=receipts.own(conn, request, now_ms),
        relayed=receipts.relayed(conn, request, now_ms),
        assignments=None if squad.assignments_digest == request.assignments else squad.assignments,
        peers=None if squad.peers_digest == request.peers else squad.peers,
        checklists=tuple(
            wire.ChecklistDocument(one, Raw(registers.checklist_content(conn, one)))
            for one in sorted({row.checklist for row in inspections} - set(request.checklists))
        ),
        news=told.news,
        proofs=told.proofs,
        rewound=told.rewound,
        gone=tuple(sorted(set(request.cursors) - {row.id for row in inspections})),
        photos_wanted=photos.wanted(conn, tablet.id, PHOTOS_WANTED_MAX),
        finds_bases=True,
        more=told.more,
    )


# --- taking operations in --------------------------------------------------------------------------


def take(
    conn: Connection,
    raws: Sequence[bytes],
    *,
    device: DeviceId,
    role_of: Callable[[str], RoleOf],
    proofs: Iterable[SignedHead] = (),
    epochs: Iterable[str] = (),
    now_ms: int,
    decoded: Mapping[bytes, Operation] = MappingProxyType({}),
    planned: Iterable[InspectionRow] = (),
) -> Taken:
    """What became of each of these operations, in order; the inspections they touch are brought up to date.

    `role_of` tells of a tablet by its id; `proofs` are heads whose signatures have been checked; `epochs` are those
    that whoever brings them calls its own; `decoded` are those operations, by their bytes, that have been read already;
    of `planned` inspections the plan need not be looked up.

    What the console made is taken first, wherever it stands: by it the rest is late, or takes back what was accepted.
    """
    if not raws:
        return Taken([], {})
    batch = [decoded.get(raw) or _read(raw) for raw in raws]
    op_log.lock(conn, [one.inspection for one in batch if isinstance(one, Operation)])
    sealed = [isinstance(one, Operation) and one.device == devices.CONSOLE for one in batch]
    judge = partial(Judge, conn, role_of, planned)
    take_some = partial(_take, conn, device=device, proofs=list(proofs), epochs=epochs, now_ms=now_ms)
    if not any(sealed):
        return take_some(raws, batch, judge())
    halves = [
        take_some(list(compress(raws, chosen)), list(compress(batch, chosen)), judge())
        for chosen in (sealed, [not one for one in sealed])
    ]
    return _together(sealed, *halves)


def _together(sealed: Iterable[bool], first: Taken, rest: Taken) -> Taken:
    """What became of all, in the order in which they came; in the logs the rest stands behind the first."""
    statuses = {True: iter(first.statuses), False: iter(rest.statuses)}
    spans = {**first.spans, **rest.spans}
    for one in first.spans.keys() & rest.spans.keys():
        spans[one] = rest.spans[one]._replace(first=first.spans[one].first, before=first.spans[one].before)
    return Taken([next(statuses[one]) for one in sealed], spans, [*first.fresh, *rest.fresh])


def _take(
    conn: Connection,
    raws: Sequence[bytes],
    batch: Sequence[Operation | Problem],
    judge: Judge,
    *,
    device: DeviceId,
    proofs: Iterable[SignedHead],
    epochs: Iterable[str],
    now_ms: int,
) -> Taken:
    readable = [one for one in batch if isinstance(one, Operation)]
    known = op_log.known(conn, [one.id for one in readable])
    odd = {
        digest(raw): link_in(raw) for raw, one in zip(raws, batch, strict=True) if isinstance(one, Problem)
    }
    signed = _proven(conn, device, [*readable, *odd.values()], proofs)
    own = {*epochs, *(one.epoch for one in readable if one.device == device)}
    statuses: list[OpStatus] = []
    fresh: list[Operation] = []
    refused: list[Refusal] = []
    for raw, one in zip(raws, batch, strict=True):
        place = odd[digest(raw)] if isinstance(one, Problem) else one
        hash_ = place.hash
        ours = place.device == device or hash_ in signed
        whose = place.device if ours else device
        placed = ours or place.epoch in own
        if isinstance(one, Problem):
            refused.append(_refusal(raw, one, whose, placed)._replace(home=ours))
            statuses.append(_refused(one, refused[-1].op))
        elif one.id in known:
            if known[one.id] == hash_:
                statuses.append(OpStatus("duplicate", one.id))
            else:
                refused.append(_refusal(raw, Problem("op_id_reused", op=one.id), whose, placed))
                statuses.append(OpStatus("id_reused", one.id))
        elif (problem := judge(one, proven=ours)) is not None:
            refused.append(_refusal(raw, problem, whose, placed)._replace(home=ours))
            statuses.append(_refused(problem, one.id))
        else:
            fresh.append(one)
            known[one.id] = hash_
            statuses.append(OpStatus("held" if isinstance(one.body, Unknown) else "accepted", one.id))
    spans = op_log.append(conn, fresh, now_ms=now_ms)
    op_log.pardon(conn, [one.hash for one in fresh], now_ms=now_ms)
    op_log.refuse(conn, refused, now_ms=now_ms)
    _advance(conn, [*fresh, *refused])
    _project(conn, fresh, spans)
    return Taken(statuses, spans, fresh)


def _project(conn: Connection, fresh: Iterable[Operation], spans: Mapping[InspectionId, Span]) -> None:
    by_inspection: dict[InspectionId, list[Operation]] = {}
    for one in fresh:
        by_inspection.setdefault(one.inspection, []).append(one)
    projection.project(
        conn, {one: dict(enumerate(mine, spans[one].first)) for one, mine in by_inspection.items()}
    )


def _advance(conn: Connection, stored: Iterable[Operation | Refusal]) -> None:
    """Moves the tips of the chains that these are part of."""
    links: dict[tuple[str, str], list[chains.Link]] = {}
    for one in stored:
        if one.epoch:
            mine = links.get((one.device, one.epoch))
            if mine is None:
                mine = links[one.device, one.epoch] = []
            mine.append((one.seq, one.prev, one.hash))
    chains.advance(conn, links)


def _proven(
    conn: Connection, device: DeviceId, batch: Iterable[Operation | Link], proofs: Iterable[SignedHead]
) -> set[str]:
    """The hashes of those operations of other tablets for which these have signed."""
    links = [link_of(one) for one in batch if one.device not in (device, devices.CONSOLE)]
    if not links:
        return set()
    spans: dict[tuple[str, str], list[int]] = {}
    for one in links:
        spans.setdefault((one.device, one.epoch), []).append(one.seq)
    followed: set[Place] = set()
    for (author, epoch), numbers in spans.items():
        hashes = chains.followed(conn, author, epoch, min(numbers), max(numbers))
        followed |= {(author, epoch, one) for one in hashes}
    return proven(links, proofs, followed)


def _read(raw: bytes) -> Operation | Problem:
    try:
        return read(raw)
    except Problem as problem:
        return problem


def _refused(problem: Problem, op: str) -> OpStatus:
    return OpStatus("refused", op, problem.code, facts_of(problem))


def _refusal(raw: bytes, problem: Problem, author: str, placed: bool = True) -> Refusal:
    """What is kept of a refused operation: its bytes, as many as an operation may have, and its place in the
    chain of its author: a number that has been given away, whatever else it says there.

    Not `placed` is what waits under the name of whoever brought it, and is of a chain of another tablet.
    """
    refusal = Refusal(digest(raw), problem.code, facts_of(problem), raw[:OP_BYTES_MAX], author)
    place = read_place(raw)
    if place is None:
        return refusal
    refusal = refusal._replace(op=place.id, inspection=place.inspection, person=place.person)
    return refusal._replace(epoch=place.epoch, seq=place.seq, prev=place.prev) if placed else refusal
