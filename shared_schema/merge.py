"""apply(state, operations) -> state: what stands, what is replaced, what is in dispute.

Each field is a register of the operations that no known operation replaces. An operation removes
what its author had on the screen (`bases`) and adds itself, unless it was itself replaced already.
Removing is remembered, so that an operation arriving after its own replacement does not come back:
that makes the result independent of order, grouping and repetition. More than one differing
standing value is a dispute, and stays one until somebody who saw both decides. No clock is read.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple, cast

import msgspec

from shared_schema.ids import FieldKey, FindingId, ItemId, OpId
from shared_schema.inspection import (
    NOTHING,
    Cell,
    FindingState,
    Inspection,
    Item,
    Stage,
    Standing,
)
from shared_schema.operations import (
    ANSWER_TYPES,
    KINDS,
    STAGE_KINDS,
    Body,
    DisputeSettled,
    Operation,
    TakenBack,
    agreement,
    field_of,
    read,
    read_logged,
    stands_for,
)

MERGE_VERSION = 1
"""Part of every stored state: a state stored by another version is thrown away and folded again."""

_STAGE_RANK: Mapping[str, int] = {
    "prepared": 0, "opened": 1, "deliberated": 2, "submitted": 3, "returned": 3,
    "accepted": 4, "aborted": 4, "locked": 5,
}  # fmt: skip


class State(NamedTuple):
    """The fold of an inspection's operations. Treat as immutable."""

    fields: Mapping[FieldKey, tuple[Operation, ...]] = {}
    """The standing operations of each field, sorted by (device, epoch, seq, id)."""
    replaced: Mapping[FieldKey, frozenset[OpId]] = {}
    """By field, the operations that some known operation replaces, arrived or not."""
    held: tuple[Operation, ...] = ()


EMPTY = State()


def apply(state: State, operations: Iterable[Operation]) -> State:
    """The state after more operations of the same inspection, in whatever order and however often.

    What no operation writes stays the very same objects.
    """
    return _applied(state, operations)[0]


def _applied(state: State, operations: Iterable[Operation]) -> tuple[State, Collection[FieldKey]]:
    """The state after more operations, and the fields they write."""
    held = {operation.id: operation for operation in state.held}
    # Only of the fields written: what stands by its id, and what is replaced, put in order once at the end.
    standing: dict[FieldKey, dict[OpId, Operation]] = {}
    gone: dict[FieldKey, set[OpId]] = {}
    for operation in operations:
        field = field_of(operation.body, operation.person)
        if field is None:
            # What a newer version meant to replace cannot be judged here, so nothing is replaced.
            held[operation.id] = operation
            continue
        here = standing.get(field)
        if here is None:
            here = standing[field] = {one.id: one for one in state.fields.get(field, ())}
            gone[field] = set(state.replaced.get(field, ()))
        left = gone[field]
        # Bases count even when this operation was itself replaced already: its author had seen them.
        for base in operation.bases:
            left.add(base)
            here.pop(base, None)
        if operation.id not in left:
            here.setdefault(operation.id, operation)
    fields = dict(state.fields)
    replaced = dict(state.replaced)
    for field, ones in standing.items():
        if gone[field]:
            replaced[field] = frozenset(gone[field])
        if ones:
            fields[field] = tuple(sorted(ones.values(), key=_place) if len(ones) > 1 else ones.values())
        else:
            fields.pop(field, None)
    kept = state.held if len(held) == len(state.held) else tuple(sorted(held.values(), key=_place))
    return State(fields, replaced, kept), standing.keys()


def forget(state: State, arrived: Collection[OpId]) -> State:
    """The state without the memory that these operations are replaced.

    Right only where none of them can be applied again: a log that takes every id once and is folded in its own order
    gives each operation to `apply` one time. What it must remember is what was replaced and has not arrived.
    """
    replaced = {}
    for field, ids in state.replaced.items():
        left = ids.difference(arrived)
        if left:
            replaced[field] = left
    return State(state.fields, replaced, state.held)


def _place(operation: Operation) -> tuple[str, str, int, str]:
    return (operation.device, operation.epoch, operation.seq, operation.id)


# --- bytes -----------------------------------------------------------------------------------------


class _Stored(msgspec.Struct, array_like=True):
    version: str
    standing: list[bytes]
    held: list[bytes]
    replaced: list[tuple[str, list[str]]]


def version() -> str:
    """The merge and what it reads: a version that learns a kind or a type of answer folds again what it had held."""
    return " ".join((str(MERGE_VERSION), *sorted(KINDS), *sorted(ANSWER_TYPES)))


def dump(state: State) -> bytes:
    """A state as bytes; equal states give equal bytes."""
    standing = sorted((one for field in state.fields.values() for one in field), key=_place)
    return msgspec.msgpack.encode(
        _Stored(
            version(),
            [one.raw for one in standing],
            [one.raw for one in state.held],
            [(field, sorted(ids)) for field, ids in sorted(state.replaced.items())],
        )
    )


def load(stored: bytes) -> State | None:
    """The state from its bytes; None when another version stored it, and it must be folded again."""
    found, *_ = msgspec.msgpack.decode(stored)
    if found != version():
        return None
    parts = msgspec.msgpack.decode(stored, type=_Stored)
    replaced = {FieldKey(field): frozenset(map(OpId, ids)) for field, ids in parts.replaced}
    return state_from(map(read, parts.standing), map(read_logged, parts.held), replaced)


def state_from(
    standing: Iterable[Operation],
    held: Iterable[Operation],
    replaced: Mapping[FieldKey, frozenset[OpId]],
) -> State:
    """The state whose standing and held operations are these, in whatever order."""
    fields: dict[FieldKey, list[Operation]] = {}
    for operation in standing:
        field = field_of(operation.body, operation.person)
        assert field is not None, "a held operation among the standing ones"
        fields.setdefault(field, []).append(operation)
    return State(
        {field: tuple(sorted(ones, key=_place)) for field, ones in fields.items()},
        replaced,
        tuple(sorted(held, key=_place)),
    )


# --- the view --------------------------------------------------------------------------------------


class Seen(NamedTuple):
    """A state and what it looks like, kept together so that more operations touch only their own fields."""

    state: State = EMPTY
    inspection: Inspection = NOTHING


def view(state: State) -> Inspection:
    """The inspection as screens and scores see it."""
    return _revised(NOTHING, _cells(state.fields.items()), state.held)


def advance(seen: Seen, operations: Iterable[Operation]) -> Seen:
    """The same after more operations: what they do not touch stays the very same objects."""
    return _follow(seen, *_applied(seen.state, operations))


def look_again(seen: Seen, state: State) -> Seen:
    """The view of another state of the same inspection: what is the same in both stays the very same objects."""
    before, now = seen.state.fields, state.fields
    moved = [field for field, ones in now.items() if before.get(field) is not ones]
    return _follow(seen, state, [*moved, *(field for field in before if field not in now)])


def _follow(seen: Seen, state: State, moved: Collection[FieldKey]) -> Seen:
    """The view of another state, where no other fields have moved."""
    before = seen.state.fields
    cells = _cells((field, state.fields[field]) for field in moved if field in state.fields)
    if any(field in before and field not in cells for field in moved):
        return Seen(state, view(state))
    return Seen(state, _revised(seen.inspection, cells, state.held))


def _revised(
    before: Inspection, cells: Mapping[FieldKey, Cell[Any]], held: tuple[Operation, ...]
) -> Inspection:
    """The inspection with these cells new or in the place of what was there."""
    families: dict[str, list[Cell[Any]]] = {}
    for field, cell in cells.items():
        families.setdefault(field.partition("/")[0], []).append(cell)
    stage_cell = cells.get(FieldKey("stage"), before.stage_cell)
    return Inspection(
        stage="prepared" if stage_cell is None else cast(Stage, _stage_of(stage_cell.value)),
        stage_cell=stage_cell,
        items=_items(before.items, families),
        findings=_findings(before.findings, families),
        samples=_family(before.samples, families.get("sample")),
        devices=_family(before.devices, families.get("device")),
        interviews=_family(before.interviews, families.get("interview")),
        evidence=_family(before.evidence, families.get("evidence")),
        signatures=_family(before.signatures, families.get("signature")),
        measures=_family(before.measures, families.get("measure")),
        disputes=_disputes(before.disputes, cells),
        held=held,
        leads=_family(before.leads, families.get("lead")),
        closings=_family(before.closings, families.get("scoring")),
    )


def _items(before: Mapping[ItemId, Item], families: Mapping[str, list[Cell[Any]]]) -> Mapping[ItemId, Item]:
    answers, consents, notes = (families.get(name, ()) for name in ("answer", "consent", "note"))
    if not (answers or consents or notes):
        return before
    items = dict(before)
    for cell in answers:
        item = ItemId(cell.value.item)
        items[item] = (items.get(item) or Item(item))._replace(answer=cell)
    for item, ones in _by_item(consents):
        known = items.get(item) or Item(item)
        items[item] = known._replace(consents=_family(known.consents, ones))
    for item, ones in _by_item(notes):
        known = items.get(item) or Item(item)
        items[item] = known._replace(notes=_family(known.notes, ones))
    return items if len(items) == len(before) else dict(sorted(items.items()))


def _by_item(cells: Iterable[Cell[Any]]) -> Iterable[tuple[ItemId, list[Cell[Any]]]]:
    found: dict[ItemId, list[Cell[Any]]] = {}
    for cell in cells:
        found.setdefault(ItemId(cell.value.item), []).append(cell)
    return found.items()


_FINDING_SLOTS = (
    ("finding", "record"),
    ("repeat_of", "repeat_of"),
    ("duplicate_of", "duplicate_of"),
    ("fix", "fix"),
    ("statement", "statement"),
)


def _findings(
    before: Mapping[FindingId, FindingState], families: Mapping[str, list[Cell[Any]]]
) -> Mapping[FindingId, FindingState]:
    findings: dict[FindingId, FindingState] | None = None
    for name, slot in _FINDING_SLOTS:
        for cell in families.get(name, ()):
            findings = dict(before) if findings is None else findings
            finding_id = FindingId(cell.value.finding)
            slots: dict[str, Any] = {slot: cell}
            known = findings.get(finding_id) or FindingState(finding_id)
            findings[finding_id] = known._replace(**slots)
    if findings is None:
        return before
    return findings if len(findings) == len(before) else dict(sorted(findings.items()))


def _family(before: tuple[Cell[Any], ...], cells: list[Cell[Any]] | None) -> tuple[Cell[Any], ...]:
    """The cells of one kind, in order of their fields."""
    if not cells:
        return before
    if not before and len(cells) == 1:
        return (cells[0],)
    by_field = {cell.field: cell for cell in (*before, *cells)}
    return tuple(by_field[field] for field in sorted(by_field))


def _disputes(before: tuple[Cell[Any], ...], cells: Mapping[FieldKey, Cell[Any]]) -> tuple[Cell[Any], ...]:
    fresh = [cell for cell in cells.values() if cell.disputed]
    if not fresh and not any(cell.field in cells for cell in before):
        return before
    return _family(tuple(cell for cell in before if cell.field not in cells), fresh)


def differing(operations: Iterable[Operation]) -> list[object]:
    """The differing values among operations on one field: two or more are a dispute."""
    values: list[object] = []
    hashed: set[object] = set()
    for operation in operations:
        value = agreement(operation.body)
        try:
            known = value in hashed
            hashed.add(value)
        except TypeError:  # a value with a mapping in it is looked for among all
            known = value in values
        if not known:
            values.append(value)
    return values


def _cells(fields: Iterable[tuple[FieldKey, tuple[Operation, ...]]]) -> dict[FieldKey, Cell[Any]]:
    """The cells of fields on which anything is said: a tap taken back says nothing and differs from nothing."""
    cells = {}
    for field, ones in fields:
        said = tuple([one for one in ones if not isinstance(stands_for(one.body), TakenBack)])
        if said:
            cells[field] = _cell(field, said)
    return cells


def _cell(field: FieldKey, operations: tuple[Operation, ...]) -> Cell[Any]:
    if field == "stage":
        # A colleague who opened the visit offline does not dispute that it was handed in meanwhile:
        # the furthest step counts, and only differing steps of the same reach are a dispute.
        reach = max(map(_reach, operations))
        operations = tuple(sorted(operations, key=lambda one: -_reach(one)))
        return Cell(
            field,
            _standing(operations),
            len(differing(o for o in operations if _reach(o) == reach)) > 1,
        )
    return Cell(
        field,
        _standing(operations),
        len(operations) > 1 and len(differing(operations)) > 1,
    )


def _standing(operations: Iterable[Operation]) -> tuple[Standing[Body], ...]:
    return tuple(
        [
            Standing(
                stands_for(one.body),
                one.id,
                one.person,
                one.device,
                one.at_ms,
                one.body.reason if isinstance(one.body, DisputeSettled) else "",
            )
            for one in operations
        ]
    )


def _stage_of(body: Body) -> str:
    return type(body).__name__.lower()


def _reach(operation: Operation) -> int:
    return _STAGE_RANK[_stage_of(stands_for(operation.body))]


Fold = Callable[[State, Iterable[Operation]], State]
"""The shape of `apply`: what the simulation swaps for a deliberately broken one."""

assert set(_STAGE_RANK) >= STAGE_KINDS
