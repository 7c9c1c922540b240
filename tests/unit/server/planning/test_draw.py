"""Facts about the draw, on a district small enough to follow by hand, and on the demonstration season."""

import datetime as dt
from collections import Counter
from pathlib import Path

import msgspec
import pytest

import server.demo
from server.planning.candidates import candidates_of
from server.planning.draw import draw
from server.planning.files import read_registers
from server.planning.records import Candidates, DrawResult, Rule, Squad
from server.planning.verify import verify
from shared_schema.ids import PersonId, UnitId, digest
from tests.unit.server.planning.district import (
    BEA,
    CAI,
    DAN,
    DAYS,
    OFFICER,
    S1,
    S2,
    A,
    B,
    C,
    D,
    make_candidates,
    make_hosts,
)


def squad_of(result: DrawResult, unit: UnitId) -> str:
    return next(visit.squad for visit in result.assignments if visit.unit == unit)


def excluded(result: DrawResult, unit: UnitId) -> dict[str, tuple[Rule, tuple[str, ...]]]:
    """For a forced or left-over unit, by squad: the rule and who makes it apply."""
    row = next(row for row in (*result.forced, *result.infeasible) if row.unit == unit)
    return {exclusion.squad: (exclusion.rule, exclusion.because) for exclusion in row.exclusions}


# --- the rules, one by one -------------------------------------------------------------------------


def test_nobody_enters_their_own_unit_and_the_forced_choice_is_named() -> None:
    pool = make_candidates(squads=make_candidates().squads[:1])
    result = draw(pool, "1")
    assert excluded(result, A) == {S1: ("own_unit", ("ann",))}
    assert excluded(result, B) == {S1: ("own_unit", ("bea",))}
    assert {row.unit for row in result.infeasible} == {A, B}


@pytest.mark.parametrize(
    "parents", [{"D": "U-A"}, {"A": "U-D"}], ids=["the parent's people", "a child's people"]
)
def test_nobody_enters_the_parent_of_their_unit_nor_a_unit_below_it(parents: dict[str, str]) -> None:
    result = draw(make_candidates(hosts=make_hosts(**parents)), "1")
    assert squad_of(result, D) == S2
    assert excluded(result, D) == {S1: ("parent_unit", ("ann",))}


def test_nobody_enters_a_unit_they_declared_an_interest_in() -> None:
    result = draw(make_candidates(interests=((BEA, D),)), "1")
    assert squad_of(result, D) == S2
    assert excluded(result, D) == {S1: ("interest", ("bea",))}


def test_an_interest_of_the_officer_binds_the_squad_the_officer_is_on_call_for() -> None:
    first, second = make_candidates().squads
    squads = (msgspec.structs.replace(first, officer=OFFICER), second)
    result = draw(make_candidates(squads=squads, interests=((OFFICER, D),)), "1")
    assert excluded(result, D) == {S1: ("interest", ("officer",))}


def test_two_of_last_years_visitors_do_not_come_again_but_one_may() -> None:
    both = draw(make_candidates(last_year=((D, (CAI, DAN)),)), "1")
    assert excluded(both, D) == {S2: ("same_as_last_year", ("cai", "dan"))}
    one = draw(make_candidates(last_year=((D, (CAI,)),)), "1")
    assert D not in {row.unit for row in one.forced}


def test_no_two_units_visit_each_other() -> None:
    """Cai of C is on S2, which alone may visit A and B; so S1, with people of A and B, must not visit C."""
    result = draw(make_candidates(), "1")
    assert {squad_of(result, A), squad_of(result, B)} == {S2}
    assert [row.unit for row in result.infeasible] == [C]
    assert excluded(result, C) == {S1: ("reciprocal", ("U-A", "U-B")), S2: ("own_unit", ("cai",))}


def test_a_squad_of_one_and_a_squad_of_beginners_visit_nobody() -> None:
    squads = (
        Squad(code=S1, members=(CAI,), leader=CAI),
        Squad(code=S2, members=(BEA, DAN), leader=BEA),
    )
    result = draw(make_candidates(squads=squads), "1")
    assert result.assignments == ()
    assert excluded(result, D) == {S1: ("squad_too_small", ()), S2: ("nobody_experienced", ())}


def test_a_second_visit_on_a_day_comes_only_when_no_day_is_free() -> None:
    result = draw(make_candidates(), "1")
    assert all(visit.turn == 1 for visit in result.assignments)
    crowded = draw(make_candidates(days=DAYS[:2]), "1")
    assert max(Counter((visit.squad, visit.day) for visit in crowded.assignments).values()) == 2


def test_what_the_days_cannot_hold_is_left_over_and_says_so() -> None:
    result = draw(make_candidates(days=DAYS[:1], visits_per_day_max=1), "1")
    assert len(result.assignments) == 2
    left = [row.unit for row in result.infeasible if row.unit not in (A, B, C)]
    assert left
    assert {rule for rule, _ in excluded(result, left[0]).values()} == {"days_full"}


def test_given_squads_are_kept() -> None:
    pool = make_candidates()
    assert draw(pool, "1").squads == pool.squads


def test_a_person_on_two_squads_is_a_mistake_of_the_caller() -> None:
    twice = tuple(msgspec.structs.replace(squad, members=(CAI, DAN)) for squad in make_candidates().squads)
    with pytest.raises(ValueError, match="squad member is given twice"):
        draw(make_candidates(squads=twice), "1")


def test_a_squad_of_strangers_is_a_mistake_of_the_caller() -> None:
    stranger = Squad(code=S1, members=(PersonId("x"),), leader=PersonId("x"))
    with pytest.raises(ValueError, match="not given"):
        draw(make_candidates(squads=(stranger,)), "1")


# --- the demonstration season ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def season() -> tuple[Candidates, str]:
    registers = read_registers(Path(server.demo.__path__[0]))
    facts = registers.season.draw
    pool = candidates_of(
        registers.units,
        registers.people,
        registers.interests,
        registers.last_visits,
        facts,
        registers.season.window.days(),
    )
    return pool, facts.seed


def test_the_season_draws_82_visits_for_8_squads_without_a_forced_choice(
    season: tuple[Candidates, str],
) -> None:
    pool, seed = season
    result = draw(pool, seed)
    assert verify(pool, result) == []
    assert len(result.assignments) == 82
    assert (result.forced, result.infeasible) == ((), ())
    assert sorted(len(squad.members) for squad in result.squads) == [3, 3, 4, 4, 4, 4, 4, 4]
    assert {squad.officer for squad in result.squads} == {"P031", "P032", "P033"}
    assert sorted(Counter(visit.squad for visit in result.assignments).values()) == [10] * 6 + [11] * 2


def test_the_season_can_be_drawn_again_by_every_later_version(season: tuple[Candidates, str]) -> None:
    """A draw once published must come out the same for ever: a changed digest needs a new METHOD."""
    pool, seed = season
    result = draw(pool, seed)
    drawn = "\n".join(f"{v.unit} {v.squad} {v.day} {v.turn}" for v in result.assignments)
    assert (result.method, result.inputs_hash, digest(drawn.encode())) == (
        "hucha-draw/1",
        "d264ca3201fa13485cdcdff4b01bb6558bcfef4baaa9e69f2a3224f1960036f2",
        "6dafc457fef7929f9f9ccf0011ba9b3052ef5fb386039115ea05d1c290c14eee",
    )


def test_other_seeds_draw_other_squads(season: tuple[Candidates, str]) -> None:
    pool, _ = season
    results = [draw(pool, str(seed)) for seed in range(20)]
    assert all(verify(pool, result) == [] for result in results)
    assert len({result.squads for result in results}) == 20
    assert len({squad_of(result, UnitId("U064")) for result in results}) > 4


def test_units_visited_in_their_own_right_and_the_authority_are_told_apart(
    season: tuple[Candidates, str],
) -> None:
    pool, _ = season
    assert [host.code for host in pool.hosts if not host.visited] == ["SA01"]
    assert len(pool.hosts) == 83


def test_days_are_working_days_of_the_window(season: tuple[Candidates, str]) -> None:
    pool, _ = season
    assert len(pool.days) == 49
    assert dt.date(2026, 6, 19) not in pool.days
    assert {day.isoweekday() for day in pool.days} == {1, 2, 3, 4, 5}
