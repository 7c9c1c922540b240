"""The judge: says what is wrong with an operation for good, if anything is.

A function of the operation, the registers and the lock of its inspection, never of the order or the time of
arrival. But for two: of a number that was given twice the log keeps, after the lock, the one it has; and to a restored
server that has not got a lock, or an acceptance, back yet nothing is late and nothing was accepted (what counts though
the lock does not cover it, the console shows). Whatever it objects to is kept in quarantine, told to the tablet, and
shown to people.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import NamedTuple

import structlog

from server.intake import projection, seals
from server.storage import chains, devices, engines, migrations, op_log, registers
from server.storage.database import Connection
from server.storage.registers import InspectionRow
from shared_schema.answers import check_answer
from shared_schema.ids import InspectionId, PersonId
from shared_schema.operations import (
    KIND_OF,
    STAGE_FIELD,
    STAGE_KINDS,
    Accepted,
    Body,
    EvidenceAttached,
    Locked,
    Operation,
    Unknown,
    field_of,
    read_logged,
    stands_for,
)
from shared_schema.problems import Problem
from shared_schema.roles import Role, may_author, may_write

log = structlog.get_logger(__name__)

RoleOf = Callable[[InspectionRow, PersonId], Role | None]
"""The role in which a person writes on an inspection, None for none. Raises inspection_unknown where it is hidden."""
Covered = Mapping[tuple[str, str], int]
"""By tablet and epoch, the last number that a lock covers."""


_EACH_FOR_ITSELF = frozenset({"dispute_settled", "scoring_closed"})
"""Kinds of which not all may be written by whoever may write one: it depends on what is decided, and for whom."""
_SAY_STAGES = STAGE_KINDS | {"dispute_settled"}
_SHOW_PHOTOS = frozenset({"dispute_settled", "evidence_attached"})


class _Standing(NamedTuple):
    """What all operations of one kind, by one person on one tablet, about one inspection have in common."""

    checklist_hash: str
    covered: Covered | None
    """What the inspection's lock covers; None while it is not locked, and for the console."""


def covered_by(said: Iterable[object]) -> Covered:
    """What the locks among these cover."""
    covered: dict[tuple[str, str], int] = {}
    for body in said:
        if isinstance(body, Locked):
            for device, epoch, seq in body.covers:
                covered[device, epoch] = max(seq, covered.get((device, epoch), 0))
    return covered


class Judge:
    """Judges the operations of one request, and remembers what it has looked up for it."""

    def __init__(
        self, conn: Connection, role_of: Callable[[str], RoleOf], planned: Iterable[InspectionRow] = ()
    ) -> None:
        self._conn = conn
        self._role_of = role_of
        self._roles: dict[str, RoleOf] = {}
        self._inspections: dict[InspectionId, InspectionRow | None] = {row.id: row for row in planned}
        self._locks: dict[InspectionId, Covered | None] = {}
        self._screened: dict[str, bool] = {}
        """By campaign, whether it wants a second look at photos."""
        self._standings: dict[tuple[str, str, str, str], _Standing] = {}
        self._checks: dict[str, Callable[[Body], None]] = {}
        """By checklist."""

    def __call__(self, operation: Operation, *, proven: bool) -> Problem | None:
        """What is wrong with it; `proven`: its tablet sent it itself, or has signed for it."""
        try:
            self._check(operation, proven)
        except Problem as problem:
            return problem
        return None

    def _check(self, operation: Operation, proven: bool) -> None:
        inspection, device, kind, body = (
            operation.inspection,
            operation.device,
            operation.kind,
            operation.body,
        )
        place = (inspection, operation.person, device, kind)
        standing = self._standings.get(place) if proven else None
        if standing is None:
            standing = self._stand(operation, proven)
            # Each of the console's is sealed for itself.
            if kind not in _EACH_FOR_ITSELF and device != devices.CONSOLE:
                self._standings[place] = standing
        if standing.covered is not None and self._is_late(operation, standing.covered):
            raise Problem("op_late", inspection=inspection)
        if isinstance(body, Unknown):
            return
        if kind in _SAY_STAGES and device != devices.CONSOLE:
            self._check_replaced(operation)
        check = self._checks.get(standing.checklist_hash) or self._check_of(standing.checklist_hash)
        try:
            check(body)
            if kind in _SHOW_PHOTOS:
                self._check_screened(operation)
        except Problem:
            raise
        except Exception as err:
            if engines.is_of_the_database(err):
                raise
            # A bug of ours must not keep the tablet's other operations out, so it is taken unchecked.
            log.exception("answer not checked", op=operation.id, inspection=inspection)

    def _is_late(self, operation: Operation, covered: Covered) -> bool:
        """Whether a lock does not cover it: made after it, or on a branch of its chain that had not come by then."""
        place = (operation.device, operation.epoch)
        return operation.seq > covered.get(place, 0) or chains.is_beside(
            self._conn, *place, operation.seq, operation.hash
        )

    def _check_of(self, checklist_hash: str) -> Callable[[Body], None]:
        """What checks an answer under a checklist. Raises checklist_unknown."""
        checklist = projection.checklist_of(self._conn, checklist_hash)
        versions = partial(projection.versions_of, self._conn, checklist)
        check = self._checks[checklist_hash] = partial(check_answer, checklist, versions=versions)
        return check

    def _check_replaced(self, operation: Operation) -> None:
        """Raises author_not_allowed where a squad would take back what the coordinator has accepted or locked."""
        if field_of(operation.body, operation.person) != STAGE_FIELD:
            return
        for raw in op_log.by_console(self._conn, operation.bases):
            if isinstance(stands_for(read_logged(raw).body), Accepted | Locked):
                raise Problem("author_not_allowed", person=operation.person, kind=operation.kind)

    def _check_screened(self, operation: Operation) -> None:
        """Raises photo_not_screened where the campaign asks for a second look and no colleague has taken it.

        A settlement may be by whoever looked, so there it is only asked that somebody of the squad did.
        """
        body = stands_for(operation.body)
        if not isinstance(body, EvidenceAttached) or operation.device == devices.CONSOLE:
            return
        row = self._inspection(operation.inspection)
        if row.campaign not in self._screened:
            self._screened[row.campaign] = registers.screens_photos(self._conn, row.campaign)
        if not self._screened[row.campaign]:
            return
        role = self._roles[operation.device](row, PersonId(body.screened_by))
        himself = body is operation.body and body.screened_by == operation.person
        if himself or role is None or not may_author(role, "evidence_attached"):
            raise Problem("photo_not_screened", item=body.item)

    def _stand(self, operation: Operation, proven: bool) -> _Standing:
        """Raises inspection_unknown, op_wrong_device, op_not_proven, author_not_allowed, device_revoked."""
        row = self._inspection(operation.inspection)
        console = operation.device == devices.CONSOLE
        if console and not seals.is_sealed(operation.raw, migrations.seal_key(self._conn)):
            raise Problem("op_wrong_device", device=operation.device)
        if operation.device not in self._roles:
            self._roles[operation.device] = self._role_of(operation.device)
        if not console and not proven:
            raise Problem("op_not_proven", device=operation.device)
        role = self._roles[operation.device](row, operation.person)
        if console:
            return _Standing(row.checklist, None)
        if role is None or not may_write(role, operation):
            raise Problem("author_not_allowed", person=operation.person, kind=operation.kind)
        if operation.inspection not in self._locks:
            self._locks[operation.inspection] = self._lock(operation.inspection)
        return _Standing(row.checklist, self._locks[operation.inspection])

    def _lock(self, inspection: InspectionId) -> Covered | None:
        """What the inspection's lock covers; None while it is not locked."""
        said: Iterable[Operation]
        match registers.stage(self._conn, inspection):
            case "locked":
                state = projection.state_of(self._conn, self._inspection(inspection))
                said = state.fields.get(STAGE_FIELD, ())
            case "":
                # A bug of ours keeps the state from us: what was ever locked stays locked until it is mended.
                said = list(map(read_logged, op_log.of_kind(self._conn, inspection, KIND_OF[Locked])))
                if not said:
                    return None
            case _:
                return None
        return covered_by(stands_for(one.body) for one in said)

    def _inspection(self, inspection: InspectionId) -> InspectionRow:
        if inspection not in self._inspections:
            self._inspections[inspection] = registers.inspection(self._conn, inspection)
        row = self._inspections[inspection]
        if row is None:
            raise Problem("inspection_unknown", inspection=inspection)
        return row
