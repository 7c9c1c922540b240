"""The exchange: one request and its reply in one transaction, whatever way the request came.

An operation is refused only for what can never become right, as a function of the operation and the
registers, never of the order or the time of arrival; and a refused one never takes its batch down.
Where people change the registers, the tablet hands in again what was refused, and it is judged anew.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog
from msgspec import Raw

from server.intake import news, projection, seals
from server.problems import facts_of
from server.storage import assignments, chains, devices, migrations, op_log, photos, registers
from server.storage.database import Connection
from server.storage.op_log import Refusal
from server.storage.registers import InspectionRow
from shared_schema import wire
from shared_schema.answers import check_answer
from shared_schema.checklist import Checklist
from shared_schema.ids import DeviceId, InspectionId, PersonId, digest
from shared_schema.operations import OP_BYTES_MAX, Operation, Unknown, read, read_envelope
from shared_schema.problems import Problem
from shared_schema.roles import Role, may_write
from shared_schema.wire import ExchangeReply, ExchangeRequest, Head, OpStatus

PHOTOS_WANTED_MAX = 200

log = structlog.get_logger(__name__)

RoleOf = Callable[[InspectionRow, PersonId], Role | None]
"""The role in which a person writes on an inspection, None for none. Raises inspection_unknown where it is hidden."""


def exchange(conn: Connection, request_bytes: bytes, *, device: DeviceId, now_ms: int) -> bytes:
    """The reply to a tablet whose signature over the request has been checked.

    Raises request_too_large, request_malformed, protocol_too_new, device_unknown, device_revoked; then
    nothing has been changed.
    """
    request = wire.read_request(request_bytes)
    if request.device != device:
        raise Problem("request_malformed", where="device")
    tablet = devices.get(conn, device)
    if tablet is None:
        raise Problem("device_unknown", device=device)
    if tablet.revoked_at_ms is not None:
        raise Problem("device_revoked", device=device)
    members = registers.squad_members(conn, tablet.squad)

    def role_of(row: InspectionRow, person: PersonId) -> Role | None:
        if row.squad != tablet.squad:
            raise Problem("inspection_unknown", inspection=row.id)
        return members.get(person)

    statuses = take(conn, [bytes(raw) for raw in request.ops], device=device, role_of=role_of, now_ms=now_ms)
    devices.seen(conn, device, now_ms, request.app)
    return wire.encode(_reply(conn, request, tablet, statuses, now_ms))


def _reply(
    conn: Connection,
    request: ExchangeRequest,
    tablet: devices.DeviceRow,
    statuses: Sequence[OpStatus],
    now_ms: int,
) -> ExchangeReply:
    inspections = registers.inspections(conn, squad=tablet.squad)
    assigned = assignments.of_squad(conn, tablet.squad)
    has_already = {one.id for one in statuses if one.status in {"accepted", "duplicate", "held"}}
    told = news.after_cursors(conn, inspections, request, has_already)
    tips = chains.tips(conn, tablet.id, [head.epoch for head in request.heads])
    return ExchangeReply(
        server=migrations.server_id(conn),
        received_at_ms=now_ms,
        statuses=tuple(statuses),
        receipts=tuple(Head(head.epoch, *tips.get(head.epoch, chains.Tip())) for head in request.heads),
        assignments=None if wire.assignments_digest(assigned) == request.assignments else assigned,
        checklists=tuple(
            wire.ChecklistDocument(one, Raw(registers.checklist_content(conn, one)))
            for one in sorted({row.checklist for row in inspections} - set(request.checklists))
        ),
        news=told.news,
        rewound=told.rewound,
        gone=tuple(sorted(set(request.cursors) - {row.id for row in inspections})),
        photos_wanted=photos.wanted(conn, tablet.id, PHOTOS_WANTED_MAX),
        more=told.more,
    )


# --- taking operations in --------------------------------------------------------------------------


def take(
    conn: Connection, raws: Sequence[bytes], *, device: DeviceId, role_of: RoleOf, now_ms: int
) -> list[OpStatus]:
    """What became of each of these operations, in order; the inspections they touch are brought up to date."""
    batch = [_read(raw) for raw in raws]
    op_log.lock(conn, [one.inspection for one in batch if isinstance(one, Operation)])
    known = op_log.known(conn, [one.id for one in batch if isinstance(one, Operation)])
    judge = _Judge(conn, device, role_of)
    statuses: list[OpStatus] = []
    fresh: list[Operation] = []
    refused: list[Refusal] = []
    for raw, one in zip(raws, batch, strict=True):
        if isinstance(one, Problem):
            refused.append(_refusal(raw, one))
            statuses.append(_refused(one, refused[-1].op))
        elif one.id in known:
            if known[one.id] == one.hash:
                statuses.append(OpStatus("duplicate", one.id))
            else:
                refused.append(_refusal(raw, Problem("op_id_reused", op=one.id)))
                statuses.append(OpStatus("id_reused", one.id))
        elif (problem := judge(one)) is not None:
            refused.append(_refusal(raw, problem))
            statuses.append(_refused(problem, one.id))
        else:
            fresh.append(one)
            known[one.id] = one.hash
            statuses.append(OpStatus("held" if isinstance(one.body, Unknown) else "accepted", one.id))
    op_log.append(conn, fresh, now_ms=now_ms)
    op_log.pardon(conn, device, [one.hash for one in fresh])
    op_log.refuse(conn, device, refused, now_ms=now_ms)
    for author in sorted({device} | {one.device for one in fresh}):
        epochs = {one.epoch for one in fresh if one.device == author}
        chains.advance(
            conn, author, epochs | {one.epoch for one in refused if one.epoch and author == device}
        )
    projection.project(conn, {one.inspection for one in fresh}, decoded={one.id: one for one in fresh})
    return statuses


def _read(raw: bytes) -> Operation | Problem:
    try:
        return read(raw)
    except Problem as problem:
        return problem


def _refused(problem: Problem, op: str) -> OpStatus:
    return OpStatus("refused", op, problem.code, facts_of(problem))


class _Place(NamedTuple):
    op: str = ""
    inspection: str = ""
    person: str = ""
    epoch: str = ""
    seq: int = 0
    prev: str = ""


def _refusal(raw: bytes, problem: Problem) -> Refusal:
    """What is kept of a refused operation: its bytes, as many as an operation may have, and its place in the
    chain of the tablet that sent it: a number it has given away, whatever else it says there.
    """
    try:
        envelope = read_envelope(raw)
        place = _Place(
            envelope.id, envelope.inspection, envelope.person, envelope.epoch, envelope.seq, envelope.prev
        )
    except Problem:
        place = _Place()
    return Refusal(digest(raw), problem.code, facts_of(problem), raw[:OP_BYTES_MAX], *place)


class _Judge:
    """Says what is wrong with an operation for good, if anything is."""

    def __init__(self, conn: Connection, device: DeviceId, role_of: RoleOf) -> None:
        self._conn = conn
        self._device = device
        self._role_of = role_of
        self._inspections: dict[InspectionId, InspectionRow | None] = {}
        self._checklists: dict[str, Checklist] = {}

    def __call__(self, operation: Operation) -> Problem | None:
        try:
            self._check(operation)
        except Problem as problem:
            return problem
        return None

    def _check(self, operation: Operation) -> None:
        row = self._inspection(operation.inspection)
        role = self._role_of(row, operation.person)
        if operation.device != self._device and not self._may_bring(operation):
            raise Problem("op_wrong_device", device=operation.device)
        if operation.device != devices.CONSOLE and (role is None or not may_write(role, operation)):
            raise Problem("author_not_allowed", person=operation.person, kind=operation.kind)
        if not isinstance(operation.body, Unknown):
            if row.checklist not in self._checklists:
                self._checklists[row.checklist] = projection.checklist_of(self._conn, row.checklist)
            self._check_answer(self._checklists[row.checklist], operation)

    def _check_answer(self, checklist: Checklist, operation: Operation) -> None:
        try:
            check_answer(checklist, operation.body)
        except Problem:
            raise
        except Exception:
            # A bug of ours must not keep the tablet's other operations out, so it is taken unchecked.
            log.exception("answer not checked", op=operation.id, inspection=operation.inspection)

    def _may_bring(self, operation: Operation) -> bool:
        """Whether this tablet may hand in what another one, or the console, has made.

        After a restore tablets bring back what the server has lost. One tablet of a squad may write for any
        of its members anyway; what the console makes carries our seal, which no tablet can forge.
        """
        if operation.device == devices.CONSOLE:
            return seals.is_sealed(operation.raw, migrations.seal_key(self._conn))
        mine, theirs = (devices.get(self._conn, one) for one in (self._device, operation.device))
        return mine is not None and theirs is not None and mine.squad == theirs.squad

    def _inspection(self, inspection: InspectionId) -> InspectionRow:
        if inspection not in self._inspections:
            self._inspections[inspection] = registers.inspection(self._conn, inspection)
        row = self._inspections[inspection]
        if row is None:
            raise Problem("inspection_unknown", inspection=inspection)
        return row
