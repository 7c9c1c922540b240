"""Wrong ways to merge, each of which somebody once shipped; the laws of merging catch every one."""

from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, find, settings

from shared_schema import merge
from shared_schema.ids import OpId
from shared_schema.operations import EvidenceRemoved, FindingWithdrawn, Operation, agreement, field_of
from tests.property import merge_laws
from tests.property.merge_laws import Case, Law, cases
from tests.property.strategies import FACTS, Step


def _put(state: merge.State, operations: Iterable[Operation], **wrong: bool) -> merge.State:  # noqa: C901, PLR0912 - one branch for each mistake
    """`merge.apply` written out again, with one thing wrong."""
    fields, replaced = dict(state.fields), dict(state.replaced)
    for operation in operations:
        field = field_of(operation.body, operation.person)
        assert field is not None
        standing = fields.get(field, ())
        bases: tuple[OpId, ...] = operation.bases
        if wrong.get("forgotten_sibling"):
            bases = bases[:1]
        if wrong.get("bases_by_the_hub"):
            bases = tuple(one.id for one in standing if one.id != operation.id)
        if wrong.get("bases_without_disputes"):
            bases = (
                *bases,
                *(one.id for one in standing if one.person == operation.person and one != operation),
            )
        if wrong.get("early_return") and operation.id in replaced.get(field, ()):
            continue
        if wrong.get("equal_is_no_op") and any(
            agreement(o.body) == agreement(operation.body) for o in standing
        ):
            continue
        if wrong.get("first_wins") and standing and not bases:
            continue
        if wrong.get("delete_wins") and any(
            isinstance(o.body, FindingWithdrawn | EvidenceRemoved) for o in standing
        ):
            continue
        if bases:
            replaced[field] = replaced.get(field, frozenset()) | set(bases)
            standing = tuple(one for one in standing if one.id not in bases)
        if wrong.get("forgets_replaced"):
            replaced.pop(field, None)
        there = any(one.id == operation.id for one in standing) and not wrong.get("double_append")
        if operation.id not in replaced.get(field, ()) and not there:
            standing = (*standing, operation)
        if wrong.get("last_stamp_wins"):
            standing = (max(standing, key=lambda one: (one.at_ms, one.id)),) if standing else ()
        if not wrong.get("order_of_arrival"):
            standing = tuple(sorted(standing, key=lambda o: (o.device, o.epoch, o.seq, o.id)))
        fields[field] = standing
        if not standing:
            del fields[field]
    return merge.State(fields, replaced, state.held)


MUTANTS: dict[str, tuple[Law, ...]] = {
    "last_stamp_wins": (
        merge_laws.a_tap_is_never_hidden,
        merge_laws.a_difference_stands,
        merge_laws.no_clock_matters,
    ),
    "equal_is_no_op": (merge_laws.a_tap_is_never_hidden, merge_laws.order_does_not_matter),
    "forgets_replaced": (merge_laws.order_does_not_matter, merge_laws.what_was_seen_is_replaced),
    "early_return": (merge_laws.order_does_not_matter,),
    "bases_by_the_hub": (merge_laws.a_tap_is_never_hidden, merge_laws.order_does_not_matter),
    "bases_without_disputes": (merge_laws.order_does_not_matter,),
    "double_append": (merge_laws.twice_is_once, merge_laws.order_does_not_matter),
    "forgotten_sibling": (merge_laws.what_was_seen_is_replaced,),
    "first_wins": (merge_laws.a_tap_is_never_hidden,),
    "delete_wins": (merge_laws.deleting_swallows_no_edit, merge_laws.a_tap_is_never_hidden),
    "order_of_arrival": (merge_laws.order_does_not_matter,),
}
"""Each wrong merge and the laws that must catch it. The order of merge.md's list where it has one."""


@pytest.mark.parametrize(
    ("mutant", "law"),
    [(mutant, law) for mutant, laws in MUTANTS.items() for law in laws],
    ids=lambda one: one if isinstance(one, str) else one.__name__,
)
def test_a_wrong_merge_is_caught(mutant: str, law: Law) -> None:
    """The law fails on a fold with this mistake."""

    def caught(case: Case) -> bool:
        try:
            law(lambda state, operations: _put(state, operations, **{mutant: True}), case)
        except AssertionError:
            return True
        return False

    find(
        cases,
        caught,
        settings=settings(
            max_examples=1500,
            database=None,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("law", merge_laws.LAWS, ids=lambda law: law.__name__)
def test_the_copy_without_a_mistake_is_lawful(law: Law) -> None:
    """The copy that the mutants are made of keeps the laws itself, so what bites is the mistake."""
    random = Random(7)
    for seed in range(60):
        script = [
            Step(
                random.randrange(3), random.randint(-1, 2), random.randrange(len(FACTS)), random.randint(1, 7)
            )
            for _ in range(20)
        ]
        law(_put, Case(script, (0, 10**12, -(10**12)), seed))
