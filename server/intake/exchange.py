"""The exchange: one request and its reply in one transaction, whatever way the request came.

An operation is refused only for what can never become right by itself (see `judge`), and a refused one
never takes its batch down: it lies in quarantine, in its tablet's chain, and can be admitted by a person.
Where people change the registers, the tablet hands in again what was refused, and it is judged anew.
"""

from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any

from msgspec import Raw
from msgspec.structs import replace

from server.access import keys
from server.access.devices import is_signed
from server.intake import news, receipts, taking
from server.intake.judge import RoleOf
from server.intake.roster import roster
from server.storage import chains, devices, group, migrations, op_log, packages, photos, registers
from server.storage.database import Connection
from server.storage.devices import Contact, DeviceRow
from server.storage.op_log import Span
from server.storage.packages import Told
from server.storage.registers import InspectionRow
from shared_schema import wire
from shared_schema.ids import DeviceId, InspectionId, PersonId
from shared_schema.operations import AT_MS_MAX, Operation
from shared_schema.problems import Problem
from shared_schema.proofs import head_text, reply_text
from shared_schema.roles import Role
from shared_schema.wire import ExchangeReply, ExchangeRequest, SignedHead

PHOTOS_WANTED_MAX = 200
CLOCK_JUMP_MS = 10 * 60 * 1000
"""A clock that stands further off than before by more than this is shown to people; it still decides nothing."""


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
    taken = taking.take(
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


def _has_already(taken: taking.Taken) -> set[str]:
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
    taken: taking.Taken,
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
