"""apply(state, operations) -> state: what stands, what is replaced, what is in dispute.

Each field is a register of the operations that no known operation replaces. An operation removes
what its author had on the screen (`bases`) and adds itself, unless it was itself replaced already.
Removing is remembered, so that an operation arriving after its own replacement does not come back:
that makes the result independent of order, grouping and repetition. More than one differing
standing value is a dispute, and stays one until somebody who saw both decides. No clock is read.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, cast

import msgspec

from shared_schema.ids import FieldKey, FindingId, ItemId, OpId
from shared_schema.inspection import (
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
    agreement,
    field_of,
    read,
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
    """The state after more operations of the same inspection, in whatever order and however often."""
    replaced = dict(state.replaced)
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
        if field not in standing:
            standing[field] = {one.id: one for one in state.fields.get(field, ())}
            gone[field] = set(state.replaced.get(field, ()))
        # Bases count even when this operation was itself replaced already: its author had seen them.
        gone[field].update(operation.bases)
        for base in operation.bases:
            standing[field].pop(base, None)
        if operation.id not in gone[field]:
            standing[field].setdefault(operation.id, operation)
    fields = dict(state.fields)
    for field, ones in standing.items():
        if gone[field]:
            replaced[field] = frozenset(gone[field])
        if ones:
            fields[field] = tuple(sorted(ones.values(), key=_place))
        else:
            fields.pop(field, None)
    return State(fields, replaced, tuple(sorted(held.values(), key=_place)))


def _place(operation: Operation) -> tuple[str, str, int, str]:
    return (operation.device, operation.epoch, operation.seq, operation.id)


# --- bytes -----------------------------------------------------------------------------------------


class _Stored(msgspec.Struct, array_like=True):
    version: str
    standing: list[bytes]
    held: list[bytes]
    replaced: list[tuple[str, list[str]]]


def _version() -> str:
    """The merge and what it reads: a version that learns a kind or a type of answer folds again what it had held."""
    return " ".join((str(MERGE_VERSION), *sorted(KINDS), *sorted(ANSWER_TYPES)))


def dump(state: State) -> bytes:
    """A state as bytes; equal states give equal bytes."""
    standing = sorted((one for field in state.fields.values() for one in field), key=_place)
    return msgspec.msgpack.encode(
        _Stored(
            _version(),
            [one.raw for one in standing],
            [one.raw for one in state.held],
            [(field, sorted(ids)) for field, ids in sorted(state.replaced.items())],
        )
    )


def load(stored: bytes) -> State | None:
    """The state from its bytes; None when another version stored it, and it must be folded again."""
    version, *_ = msgspec.msgpack.decode(stored)
    if version != _version():
        return None
    parts = msgspec.msgpack.decode(stored, type=_Stored)
    fields: dict[FieldKey, list[Operation]] = {}
    for raw in parts.standing:
        operation = read(raw)
        field = field_of(operation.body, operation.person)
        assert field is not None, "a held operation among the standing ones"
        fields.setdefault(field, []).append(operation)
    replaced = {FieldKey(field): frozenset(map(OpId, ids)) for field, ids in parts.replaced}
    return State(
        {field: tuple(ones) for field, ones in fields.items()}, replaced, tuple(map(read, parts.held))
    )


# --- the view --------------------------------------------------------------------------------------


def view(state: State) -> Inspection:
    """The inspection as screens and scores see it."""
    cells = {field: _cell(field, standing) for field, standing in sorted(state.fields.items())}
    families: dict[str, list[Cell[Any]]] = {}
    for field, cell in cells.items():
        families.setdefault(field.partition("/")[0], []).append(cell)

    def family(name: str) -> tuple[Cell[Any], ...]:
        return tuple(families.get(name, ()))

    items: dict[ItemId, Item] = {}
    for name, slot in (
        ("answer", "answer"),
        ("consent", "consents"),
        ("note", "notes"),
    ):
        for cell in family(name):
            item_id = ItemId(cell.value.item)
            item = items.get(item_id) or Item(item_id)
            value: Any = cell if slot == "answer" else (*getattr(item, slot), cell)
            items[item_id] = item._replace(**{slot: value})

    findings: dict[FindingId, FindingState] = {}
    for name, slot in (
        ("finding", "record"),
        ("repeat_of", "repeat_of"),
        ("duplicate_of", "duplicate_of"),
        ("fix", "fix"),
        ("statement", "statement"),
    ):
        for cell in family(name):
            finding_id = FindingId(cell.value.finding)
            finding = findings.get(finding_id) or FindingState(finding_id)
            slots: dict[str, Any] = {slot: cell}
            findings[finding_id] = finding._replace(**slots)

    stage_cell = cells.get(FieldKey("stage"))
    return Inspection(
        stage="prepared" if stage_cell is None else cast(Stage, _stage_of(stage_cell.value)),
        stage_cell=stage_cell,
        items=dict(sorted(items.items())),
        findings=dict(sorted(findings.items())),
        samples=family("sample"),
        devices=family("device"),
        interviews=family("interview"),
        evidence=family("evidence"),
        signatures=family("signature"),
        measures=family("measure"),
        disputes=tuple(cell for cell in cells.values() if cell.disputed),
        held=state.held,
    )


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
        Standing(
            stands_for(one.body),
            one.id,
            one.person,
            one.device,
            one.at_ms,
            one.body.reason if isinstance(one.body, DisputeSettled) else "",
        )
        for one in operations
    )


def _stage_of(body: Body) -> str:
    return type(body).__name__.lower()


def _reach(operation: Operation) -> int:
    return _STAGE_RANK[_stage_of(stands_for(operation.body))]


Fold = Callable[[State, Iterable[Operation]], State]
"""The shape of `apply`: what the simulation swaps for a deliberately broken one."""

assert set(_STAGE_RANK) >= STAGE_KINDS
