"""The check of a draw finds whatever somebody may have changed in a published result."""

import datetime as dt
from typing import Any

import msgspec
import pytest

from server.planning.draw import draw
from server.planning.records import Candidates, DrawResult, Explained, Squad
from server.planning.verify import verify
from shared_schema.ids import SquadId, UnitId
from tests.unit.server.planning.district import (
    ANN,
    BEA,
    CAI,
    DAN,
    DAYS,
    MONDAY,
    OFFICER,
    S1,
    S2,
    A,
    B,
    C,
    D,
    E,
    make_candidates,
    make_hosts,
)

replace = msgspec.structs.replace
TEAM = Squad(code=S1, members=(ANN, BEA), leader=ANN)


def with_visit(result: DrawResult, unit: UnitId, **changes: Any) -> DrawResult:
    """The result with one visit changed."""
    visits = tuple(replace(v, **changes) if v.unit == unit else v for v in result.assignments)
    return replace(result, assignments=visits)


def rules(pool: Candidates, result: DrawResult) -> set[tuple[str, str]]:
    return {(found.rule, found.where) for found in verify(pool, result)}


def test_a_drawn_result_is_good() -> None:
    pool = make_candidates()
    assert verify(pool, draw(pool, "1")) == []


@pytest.mark.parametrize(
    ("changes", "unit", "rule"),
    [
        ({}, A, "own_unit"),
        ({"hosts": make_hosts(D="U-A")}, D, "parent_unit"),
        ({"hosts": make_hosts(A="U-D")}, D, "parent_unit"),
        ({"interests": ((BEA, D),)}, D, "interest"),
        ({"last_year": ((D, (ANN, BEA)),)}, D, "same_as_last_year"),
    ],
    ids=["own unit", "parent", "child", "interest", "last year"],
)
def test_a_visit_moved_to_an_excluded_squad_is_found(
    changes: dict[str, Any], unit: UnitId, rule: str
) -> None:
    pool = make_candidates(**changes)
    moved = with_visit(draw(pool, "1"), unit, squad=S1)
    assert (rule, unit) in rules(pool, moved)


def test_a_visit_returned_is_found_on_both_sides() -> None:
    """C is visited by the squad with Ann of A, while A is visited by the squad with Cai of C."""
    pool = make_candidates()
    result = draw(pool, "1")
    first = result.assignments[0]
    visits = sorted((*result.assignments, replace(first, unit=C, squad=S1)), key=lambda visit: visit.unit)
    returned = replace(result, assignments=tuple(visits), infeasible=())
    assert {("reciprocal", C), ("reciprocal", A), ("reciprocal", B)} <= rules(pool, returned)


def test_an_officers_interest_counts() -> None:
    first, second = make_candidates().squads
    pool = make_candidates(squads=(replace(first, officer=OFFICER), second), interests=((OFFICER, D),))
    assert ("interest", D) in rules(pool, with_visit(draw(pool, "1"), D, squad=S1))


def test_unfit_squads_are_found() -> None:
    pool = make_candidates(members_min=3)
    good = draw(make_candidates(), "1")
    assert {rule for rule, _ in rules(pool, good)} >= {"squad_too_small", "inputs_hash"}
    beginners = tuple(replace(member, experienced=False) for member in make_candidates().members)
    assert ("nobody_experienced", D) in rules(make_candidates(members=beginners), good)


def test_a_unit_left_out_is_found() -> None:
    pool = make_candidates()
    result = draw(pool, "1")
    assert ("every_unit_once", "assignments") in rules(
        pool, replace(result, assignments=result.assignments[1:])
    )
    assert ("every_unit_once", "assignments") in rules(pool, replace(result, infeasible=()))


def test_rows_out_of_order_are_found() -> None:
    pool = make_candidates()
    result = draw(pool, "1")
    assert ("sorted", "assignments") in rules(pool, replace(result, assignments=result.assignments[::-1]))


def test_days_outside_the_window_and_crowded_days_are_found() -> None:
    pool = make_candidates()
    result = draw(pool, "1")
    sunday = MONDAY - dt.timedelta(days=1)
    assert ("day_in_window", D) in rules(pool, with_visit(result, D, day=sunday))
    one_day = replace(result, assignments=tuple(replace(v, day=DAYS[0]) for v in result.assignments))
    found = {rule for rule, _ in rules(pool, one_day)}
    assert {"visits_per_day", "turns_counted", "one_a_day_first"} <= found


def test_loads_that_could_be_even_are_found() -> None:
    pool = make_candidates()
    result = draw(pool, "1")
    all_on_one = replace(result, assignments=tuple(replace(v, squad=S2) for v in result.assignments))
    assert "even_loads" in {rule for rule, _ in rules(pool, all_on_one)}


def test_a_forced_choice_not_named_is_found_and_so_is_one_that_was_free() -> None:
    pool = make_candidates()
    result = draw(pool, "1")
    assert ("forced_choice_named", A) in rules(pool, replace(result, forced=()))
    free = next(v for v in result.assignments if v.unit not in {row.unit for row in result.forced})
    named = (*result.forced, Explained(unit=free.unit, squad=free.squad, exclusions=()))
    assert ("forced_choice_named", free.unit) in rules(pool, replace(result, forced=named))


def test_reasons_other_than_the_true_ones_are_found() -> None:
    pool = make_candidates()
    result = draw(pool, "1")
    row = result.forced[0]
    vague = replace(row, exclusions=tuple(replace(reason, rule="interest") for reason in row.exclusions))
    assert ("reasons_are_true", row.unit) in rules(pool, replace(result, forced=(vague, *result.forced[1:])))


def test_a_unit_called_infeasible_that_is_not_is_found() -> None:
    pool = make_candidates()
    result = draw(pool, "1")
    left_out = tuple(visit for visit in result.assignments if visit.unit != E)
    called = replace(
        result, assignments=left_out, infeasible=(*result.infeasible, Explained(unit=E, exclusions=()))
    )
    assert ("infeasible_is_true", E) in rules(pool, called)


def test_other_candidates_are_found_by_their_hash() -> None:
    result = draw(make_candidates(), "1")
    assert ("inputs_hash", "candidates") in rules(make_candidates(interests=((CAI, D),)), result)


@pytest.mark.parametrize(
    ("squads", "rule", "where"),
    [
        ((TEAM, Squad(code=S2, members=(ANN, CAI), leader=CAI)), "one_squad_each", "ann"),
        ((replace(TEAM, members=(ANN, OFFICER)),), "members_from_the_pool", "officer"),
        ((replace(TEAM, leader=CAI),), "leader_is_a_member", "S1"),
        ((replace(TEAM, officer=DAN),), "officer_is_certified", "S1"),
        ((replace(TEAM, members=(ANN, BEA, CAI)), Squad(code=S2, members=(DAN,), leader=DAN)), "even_squads", "squads"),
    ],
)  # fmt: skip
def test_squads_that_could_not_have_been_formed_are_found(
    squads: tuple[Squad, ...], rule: str, where: str
) -> None:
    pool = make_candidates(squads=(), squad_count=2)
    assert (rule, where) in rules(pool, replace(draw(pool, "1"), squads=squads, assignments=()))


def test_squads_other_than_those_given_are_found() -> None:
    pool = make_candidates()
    result = draw(pool, "1")
    assert ("given_squads", "squads") in rules(pool, replace(result, squads=result.squads[::-1][:1]))
    unknown = with_visit(result, D, squad=SquadId("S9"))
    assert ("known_squad", D) in rules(pool, unknown)
