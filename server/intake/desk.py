"""The coordinator's desk: operations made at the console go the way every operation goes."""

from collections.abc import Sequence

from msgspec.structs import replace

from server.access.devices import CONSOLE_DEVICE
from server.intake import projection, seals
from server.intake.taking import take
from server.storage import chains, migrations, op_log, registers
from server.storage.chains import Tip
from server.storage.database import Connection
from server.storage.registers import InspectionRow
from shared_schema.ids import PersonId
from shared_schema.merge import State, view
from shared_schema.operations import (
    BASES_MAX,
    KIND_OF,
    Body,
    DisputeSettled,
    Envelope,
    Locked,
    body_bytes,
    encode,
    field_of,
    make_operation,
)
from shared_schema.problems import Problem
from shared_schema.roles import Role, may_author, may_now
from shared_schema.wire import OpStatus

COVERED_CHAINS_MAX = 200
"""So many chains a lock names: with the longest ids and remark it is an operation that can be read."""


def record(
    conn: Connection,
    inspection: str,
    person: str,
    role: Role,
    body: Body,
    bases: Sequence[str] | None = None,
    *,
    now_ms: int,
    op: str = "",
) -> OpStatus:
    """Records one operation of a person at the console; `bases` is what the page showed, None for all that stands.

    Its id follows from its content, unless `op` names it: a season played twice has the same ids on two servers.

    Raises inspection_unknown, author_not_allowed, stage_forbids, not_disputed and what makes `take` refuse; then
    nothing is recorded.
    """
    row = registers.inspection(conn, inspection)
    if row is None:
        raise Problem("inspection_unknown", inspection=inspection)
    op_log.lock(conn, [row.id])
    state = projection.state_of(conn, row)
    kind = KIND_OF[type(body)]
    _check(state, role, kind, body, PersonId(person))
    if isinstance(body, Locked):
        body = replace(body, covers=tuple(chains.last_numbers(conn, row.id, COVERED_CHAINS_MAX)))
    field = field_of(body, PersonId(person))
    if bases is None:
        bases = [one.id for one in state.fields.get(field, ())] if field is not None else []
    epoch = migrations.server_id(conn)
    tip = chains.tips(conn, CONSOLE_DEVICE, [epoch]).get(epoch, Tip())
    envelope = Envelope(
        id=op or "-",
        inspection=row.id,
        person=person,
        device=CONSOLE_DEVICE,
        epoch=epoch,
        seq=tip.seq + 1,
        prev=tip.hash,
        at_ms=now_ms,
        bases=tuple(bases[:BASES_MAX]),
        kind=kind,
        body=body_bytes(body),
    )

    def role_of(_row: InspectionRow, _person: PersonId) -> Role:
        return role

    written = encode(envelope) if op else make_operation(envelope)
    raw = seals.seal(written, migrations.seal_key(conn))
    (status,) = take(conn, [raw], device=CONSOLE_DEVICE, role_of=lambda _: role_of, now_ms=now_ms).statuses
    if status.problem:
        raise Problem(status.problem, **status.facts)
    return status


def _check(state: State, role: Role, kind: str, body: Body, person: PersonId) -> None:
    """What a page should not have offered is refused here, where nothing is lost by refusing."""
    if not may_author(role, kind, body.decision.kind if isinstance(body, DisputeSettled) else ""):
        raise Problem("author_not_allowed", person=person, kind=kind)
    stage = view(state).stage
    if not may_now(role, kind, stage):
        raise Problem("stage_forbids", stage=stage, kind=kind)
    if isinstance(body, DisputeSettled) and body.field not in {cell.field for cell in view(state).disputes}:
        raise Problem("not_disputed", field=body.field)
