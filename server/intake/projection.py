"""Projection: brings touched inspections up to date, in the transaction that took their operations.

Rows are a function of log, checklist and plan. Where several requests share a commit, each inspection
they touch is brought up to date once, just before it. A stored state only shortens the fold, and so does
what is remembered of the last projection: one that another version stored is thrown away, and what was
rolled back is forgotten. What crashes here is a bug of ours and must not stop anybody else: the
inspection gets a row that says so, its operations stay, and `rebuild` heals it after the fix.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import structlog

from server.intake.score_rows import Kept, error_rows, rows_of
from server.storage import engines, group, op_log, registers, rows, states
from server.storage.database import Connection
from server.storage.registers import InspectionRow
from server.storage.states import Folded
from shared_schema import merge
from shared_schema.checklist import Checklist, from_bytes
from shared_schema.facts import moved
from shared_schema.ids import InspectionId, OpId
from shared_schema.merge import Seen, State
from shared_schema.operations import (
    KINDS,
    STAGE_KINDS,
    EvidenceAttached,
    EvidenceRemoved,
    Operation,
    read_logged,
    stands_for,
)
from shared_schema.pricing import Memo
from shared_schema.rules import ENGINE_VERSION
from shared_schema.scoring import score

REMEMBERED_MAX = 128
"""Inspections kept in memory between commits, with all that stands on them: about a megabyte each."""

CHECKLISTS_MAX = 64

log = structlog.get_logger(__name__)

Numbered = Mapping[int, Operation]
"""Operations of one inspection by their log numbers."""


class Projected(NamedTuple):
    """What is stored of one inspection besides its log; no state where it could not be worked out."""

    number: int
    state: bytes | None
    rows: rows.Rows


class Live(NamedTuple):
    """An inspection as the last commit left it, so that the next operations touch only what they move."""

    row: InspectionRow
    """Its place in the plan, and how far its log was folded."""
    folded: Folded
    seen: Seen
    memo: Memo
    kept: Kept
    rows: rows.Rows


_checklists: dict[str, Checklist] = {}
"""By their hashes, which name their content in every database; the one read first leaves first."""


def checklist_of(conn: Connection, checklist_hash: str) -> Checklist:
    """A checklist by its hash. Raises checklist_unknown."""
    known = _checklists.get(checklist_hash)
    if known is None:
        known = _checklists[checklist_hash] = from_bytes(registers.checklist_content(conn, checklist_hash))
        while len(_checklists) > CHECKLISTS_MAX:
            _checklists.pop(next(iter(_checklists)), None)
    return known


def versions_of(conn: Connection, checklist: Checklist) -> list[Checklist]:
    """All versions of a checklist that were ever read in."""
    return [checklist_of(conn, one) for one in registers.checklist_versions(conn, checklist.code)]


def project(conn: Connection, taken: Mapping[InspectionId, Numbered]) -> None:
    """Brings these inspections' states and score rows up to date with their logs, before the commit at the latest.

    By inspection the operations just taken, with their log numbers: they need not be read again.
    """
    commit = group.of(conn)
    for inspection, mine in sorted(taken.items()):
        if commit is None or _are_read_at_once(mine.values()):
            bring_up(conn, inspection, mine)
        else:
            commit.put_off(bring_up, inspection, mine)


def behind(conn: Connection) -> list[InspectionId]:
    """The inspections whose rows are not what their logs make now: not up to date, or another engine's."""
    return registers.behind(conn, ENGINE_VERSION)


def catch_up(conn: Connection) -> None:
    """Brings up to date what a server that was killed under load had put off, and what an earlier version scored."""
    project(conn, {one: {} for one in behind(conn)})


def _are_read_at_once(operations: Collection[Operation]) -> bool:
    """Whether an exchange reads of the rows what one of these says: photos wanted are told in the reply, a lock shuts
    out.
    """
    kinds = {one.kind for one in operations}
    if not kinds.isdisjoint(_KINDS_AT_ONCE):
        return True
    return "dispute_settled" in kinds and any(
        isinstance(stands_for(one.body), _READ_AT_ONCE) for one in operations
    )


_KINDS_AT_ONCE = frozenset({*STAGE_KINDS, *(kind for kind in KINDS if kind.startswith("evidence"))})
_READ_AT_ONCE: tuple[type, ...] = (
    EvidenceAttached,
    EvidenceRemoved,
    *(KINDS[kind] for kind in sorted(STAGE_KINDS)),
)


def bring_up(conn: Connection, inspection: str, decoded: Numbered) -> None:
    """Brings one inspection up to date now."""
    row = registers.inspection(conn, InspectionId(inspection))
    if row is None:
        return
    live = _recall(conn, row)
    try:
        now = _worked_out(conn, row, live, decoded)
    except Exception as err:
        if not engines.about_the_data(err):
            raise
        log.exception("projection failed", inspection=row.id, last_number=row.last_number)
        store(conn, row.id, failed(row))
        return
    try:
        with op_log.savepoint(conn):
            if live is None:
                rows.replace(conn, row.id, now.rows)
            else:
                rows.change(conn, live.rows, now.rows)
            states.store(conn, row.id, now.folded.number, states.content(now.folded))
    except Exception as err:
        if not engines.about_the_data(err):
            raise
        # A value that the database will not take, though everything before it did.
        log.exception("rows not stored", inspection=row.id)
        store(conn, row.id, failed(row))
        return
    _remember(conn, now)


def projected(conn: Connection, row: InspectionRow) -> Projected:
    """What the log makes of an inspection from its start; for a comparison, because it remembers nothing."""
    try:
        now = _worked_out(conn, row, None, {}, shortcut=False)
        return Projected(now.folded.number, states.content(now.folded), now.rows)
    except Exception as err:
        if not engines.about_the_data(err):
            raise
        log.exception("projection failed", inspection=row.id, last_number=row.last_number)
        return failed(row)


def failed(row: InspectionRow) -> Projected:
    """What is stored of an inspection that a bug keeps us from working out."""
    return Projected(row.last_number, None, error_rows(row, row.last_number))


def state_of(conn: Connection, row: InspectionRow) -> State:
    """The inspection as all of its log makes it."""
    return _fold(conn, row, None, {}, shortcut=True)[1].state


def store(conn: Connection, inspection: InspectionId, new: Projected) -> None:
    """Replaces an inspection's rows and state, whatever is stored."""
    _forget(conn, inspection)
    rows.replace(conn, inspection, new.rows)
    if new.state is None:
        states.drop(conn, inspection)
    else:
        states.store(conn, inspection, new.number, new.state)


# --- working it out --------------------------------------------------------------------------------


def _worked_out(
    conn: Connection,
    row: InspectionRow,
    live: Live | None,
    decoded: Numbered,
    *,
    shortcut: bool = True,
) -> Live:
    folded, seen = _fold(conn, row, live, decoded, shortcut=shortcut)
    memo, kept = (Memo(), Kept()) if live is None else (live.memo, live.kept)
    sheet = score(checklist_of(conn, row.checklist), seen.inspection, memo)
    made = rows_of(row, folded.number, folded.state, seen.inspection, sheet, kept)
    return Live(row, folded, seen, memo, kept, made)


def _fold(
    conn: Connection,
    row: InspectionRow,
    live: Live | None,
    decoded: Numbered,
    *,
    shortcut: bool,
) -> tuple[Folded, Seen]:
    if live is not None:
        start, seen = live.folded, live.seen
    else:
        start = (states.load(conn, row.id) if shortcut else None) or states.NOTHING
        seen = Seen(start.state, merge.view(start.state))
    if row.last_number == start.number:
        return start, seen
    numbered = _numbered(conn, row, start.number, decoded)
    fresh = {one.id: number for number, one in numbered.items()}
    seen = merge.advance(seen, numbered.values())
    state = merge.forget(seen.state, _arrived(conn, row.id, start, seen.state, fresh))
    folded = Folded(row.last_number, state, _numbers(start, state, fresh))
    return folded, Seen(state, seen.inspection)


def _numbered(conn: Connection, row: InspectionRow, after: int, decoded: Numbered) -> Numbered:
    """What the log holds after a number, in order."""
    wanted = range(after + 1, row.last_number + 1)
    if decoded.keys() >= set(wanted):
        return decoded if len(decoded) == len(wanted) else {number: decoded[number] for number in wanted}
    return {
        one.number: decoded.get(one.number) or read_logged(one.raw)
        for one in op_log.after(conn, row.id, after)
    }


def _arrived(
    conn: Connection, inspection: InspectionId, start: Folded, state: State, fresh: Mapping[OpId, int]
) -> set[OpId]:
    """Of what is replaced, what the log holds already, so that it need not be remembered."""
    replaced: set[OpId] = set()
    for field, ids in state.replaced.items():
        if start.state.replaced.get(field) is not ids:
            replaced |= ids
    here = {one for one in replaced if one in fresh or one in start.numbers}
    rest = replaced - here
    return here | fresh.keys() | (states.arrived(conn, inspection, rest) if rest else set())


def _numbers(start: Folded, state: State, fresh: Mapping[OpId, int]) -> Mapping[OpId, int]:
    """The log numbers of what stands and what is held."""
    numbers = dict(start.numbers)
    fields = moved(start.state.fields, state.fields)
    for field in fields:
        for one in start.state.fields.get(field, ()):
            numbers.pop(one.id, None)
    for field in fields:
        for one in state.fields.get(field, ()):
            numbers[one.id] = fresh[one.id] if one.id in fresh else start.numbers[one.id]
    for one in state.held:
        if one.id not in numbers:
            numbers[one.id] = fresh[one.id]
    return numbers


# --- what is remembered ----------------------------------------------------------------------------


def _memory(conn: Connection) -> dict[Any, Any]:
    """By inspection, as the last projection left it; the one used longest ago first."""
    commit = group.of(conn)
    return {} if commit is None else commit.memory.setdefault("projection", {})


def _recall(conn: Connection, row: InspectionRow) -> Live | None:
    """The inspection as it was left, taken out of the memory; None where the plan or the log is another by now."""
    live: Live | None = _memory(conn).pop(row.id, None)
    if live is None or _place(live.row) != _place(row):
        return None
    before = op_log.head_at(conn, row.id, live.row.last_number) if live.row.last_number else ""
    return live if before == live.row.log_head else None


def _place(row: InspectionRow) -> tuple[object, ...]:
    return (row.campaign, row.unit, row.squad, row.checklist)


def _remember(conn: Connection, live: Live) -> None:
    memory = _memory(conn)
    memory[live.row.id] = live
    while len(memory) > REMEMBERED_MAX:
        del memory[next(iter(memory))]


def _forget(conn: Connection, inspection: InspectionId) -> None:
    _memory(conn).pop(inspection, None)
