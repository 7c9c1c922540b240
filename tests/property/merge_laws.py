"""The laws of merging, each as a function of a fold, so that wrong folds can be held against them too."""

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from hypothesis import strategies as st

from shared_schema import merge
from shared_schema.ids import OpId
from shared_schema.operations import EvidenceRemoved, FindingWithdrawn, Operation
from tests.property.strategies import History, Oracle, Step, play, steps


class Case(NamedTuple):
    """A script, how the clocks of its tablets are off, and a source of orders and groupings."""

    script: Sequence[Step]
    clocks: tuple[int, int, int]
    seed: int


YEAR_MS = 366 * 86_400_000
cases = st.builds(
    Case,
    steps,
    st.tuples(*[st.sampled_from([0, -YEAR_MS, 10 * YEAR_MS, -1500])] * 3),
    st.integers(0, 2**32),
)

Law = Callable[[merge.Fold, Case], None]


def standing(state: merge.State) -> dict[str, set[OpId]]:
    """The standing operations of each field; none of them twice."""
    for operations in state.fields.values():
        assert len({one.id for one in operations}) == len(operations), "one operation stands twice"
    return {str(field): {one.id for one in operations} for field, operations in state.fields.items()}


def _shuffled(operations: Sequence[Operation], random: Random) -> list[list[Operation]]:
    """The same operations in another order, in groups, some of them more than once."""
    mixed = [*operations, *random.choices(operations, k=len(operations) // 2)] if operations else []
    random.shuffle(mixed)
    groups: list[list[Operation]] = []
    while mixed:
        size = random.randint(1, 4)
        groups.append(mixed[:size])
        mixed = mixed[size:]
    return groups


def order_does_not_matter(fold: merge.Fold, case: Case) -> None:
    """Any order, grouping and repetition gives the same state, byte for byte."""
    ops = play(case.script, fold, case.clocks).ops
    random = Random(case.seed)
    once = fold(merge.EMPTY, ops)
    for _ in range(3):
        state = merge.EMPTY
        for group in _shuffled(ops, random):
            state = fold(state, group)
        assert merge.dump(state) == merge.dump(once)
        assert merge.view(state) == merge.view(once)


def twice_is_once(fold: merge.Fold, case: Case) -> None:
    """What was applied before changes nothing when it comes again."""
    ops = play(case.script, fold, case.clocks).ops
    once = fold(merge.EMPTY, ops)
    assert merge.dump(fold(once, ops)) == merge.dump(once)
    assert merge.dump(fold(fold(merge.EMPTY, ops), ops[::-1])) == merge.dump(once)


def a_tap_is_never_hidden(fold: merge.Fold, case: Case) -> None:
    """An operation stands, or one whose author really had it took it off (never by looking at bases)."""
    history = play(case.script, fold, case.clocks)
    for known in _what_some_place_knows(history, case):
        state = fold(merge.EMPTY, [tap.op for tap in history.taps if tap.op.id in known])
        stands = {one for ops in standing(state).values() for one in ops}
        oracle = Oracle(history.taps)
        for op in known - stands:
            assert any(
                op in oracle.taps[later].reached and oracle.field(later) == oracle.field(op)
                for later in known
            ), f"{op} is hidden"


def what_was_seen_is_replaced(fold: merge.Fold, case: Case) -> None:
    """What stands is exactly what the oracle says, also where only some operations have arrived."""
    history = play(case.script, fold, case.clocks)
    oracle = Oracle(history.taps)
    for known in _what_some_place_knows(history, case):
        arrived = [tap.op for tap in history.taps if tap.op.id in known]
        Random(case.seed).shuffle(arrived)
        state = fold(merge.EMPTY, arrived)
        assert standing(state) == {str(field): set(ops) for field, ops in oracle.everywhere(known).items()}


def a_difference_stands(fold: merge.Fold, case: Case) -> None:
    """A field is in dispute exactly where differing values stand; equal values of two people agree."""
    history = play(case.script, fold, case.clocks)
    oracle = Oracle(history.taps)
    known = frozenset(oracle.taps)
    expected = {
        str(field)
        for field, ops in oracle.everywhere(known).items()
        if len(oracle.values(frozenset(ops))) > 1
    }
    inspection = merge.view(fold(merge.EMPTY, history.ops))
    assert {str(cell.field) for cell in inspection.disputes} == expected


def deleting_swallows_no_edit(fold: merge.Fold, case: Case) -> None:
    """Whoever takes a finding or a photo back takes back only what was on the screen."""
    history = play(case.script, fold, case.clocks)
    stands = {one for ops in standing(fold(merge.EMPTY, history.ops)).values() for one in ops}
    for one in history.taps:
        if not isinstance(one.op.body, FindingWithdrawn | EvidenceRemoved):
            continue
        oracle = Oracle(history.taps)
        for other in history.taps:
            concurrent = other.op.id not in one.reached and one.op.id not in other.reached
            if (
                concurrent
                and oracle.field(other.op.id) == oracle.field(one.op.id)
                and other.op.id != one.op.id
            ):
                by_others = [t for t in history.taps if other.op.id in t.reached and t is not one]
                assert other.op.id in stands or by_others, f"{one.op.id} swallowed {other.op.id}"


def no_clock_matters(fold: merge.Fold, case: Case) -> None:
    """The same taps with any clocks leave the same operations standing and the same disputes."""
    right = play(case.script, fold)
    wrong = play(case.script, fold, case.clocks)
    states = [fold(merge.EMPTY, history.ops) for history in (right, wrong)]
    assert standing(states[0]) == standing(states[1])
    assert [cell.field for cell in merge.view(states[0]).disputes] == [
        cell.field for cell in merge.view(states[1]).disputes
    ]


def a_state_survives_its_bytes(fold: merge.Fold, case: Case) -> None:
    """A stored state goes on as if it had never been stored."""
    ops = play(case.script, fold, case.clocks).ops
    half = len(ops) // 2
    stored = merge.load(merge.dump(fold(merge.EMPTY, ops[:half])))
    assert stored is not None
    assert stored == fold(merge.EMPTY, ops[:half])
    assert merge.dump(fold(stored, ops[half:])) == merge.dump(fold(merge.EMPTY, ops))


LAWS: tuple[Law, ...] = (
    order_does_not_matter,
    twice_is_once,
    a_tap_is_never_hidden,
    what_was_seen_is_replaced,
    a_difference_stands,
    deleting_swallows_no_edit,
    no_clock_matters,
    a_state_survives_its_bytes,
)


def _what_some_place_knows(history: History, case: Case) -> list[frozenset[OpId]]:
    """Everything, what each tablet has, and a part that no honest network would deliver."""
    everything = frozenset(tap.op.id for tap in history.taps)
    random = Random(case.seed)
    part = frozenset(one for one in sorted(everything) if random.random() < 0.6)
    return [everything, *map(frozenset, history.reached), part]
