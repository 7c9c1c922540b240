"""Computers, samples and talks as rows: what was drawn, what is due, and what is done."""

import pytest
from msgspec.structs import replace

from mobile import computer_views
from mobile.page_rows import ComputerRow
from shared_schema.operations import SampleDrawn
from shared_schema.problems import Problem
from tests.unit.mobile.world import ANNA, LEADER, VISIT, Tablet


@pytest.fixture
def drawn(one: Tablet) -> Tablet:
    """Two computers drawn of all, in an open visit."""
    one.open_visit()
    one.desk.draw_sample(ANNA, VISIT, 2, item="E09", seed="seed-1", sample="S-1")
    return one


def numbers(tablet: Tablet) -> tuple[str, ...]:
    body = tablet.desk.visit(VISIT).inspection.samples[0].value
    assert isinstance(body, SampleDrawn)
    return body.drawn


def computers(tablet: Tablet) -> dict[str, ComputerRow]:
    page = computer_views.computers_page(tablet.desk.visit(VISIT), ANNA)
    return {row.register_no: row for row in page.computers}


def test_what_was_drawn_comes_first_and_can_be_drawn_again(drawn: Tablet) -> None:
    """The seed and the hash are shown, and this tablet says whether they give these numbers."""
    page = computer_views.computers_page(drawn.desk.visit(VISIT), ANNA)
    (sample,) = page.samples
    assert (sample.seed, sample.drawn, sample.verified) == ("seed-1", numbers(drawn), True)
    assert len(sample.population_hash) == 64
    assert {row.register_no for row in page.computers[:2]} == set(numbers(drawn))
    assert [row.state for row in page.computers[:3]] == ["drawn", "drawn", "listed"]
    assert page.may_draw
    assert page.may_check


def test_kinds_are_said_in_words_and_a_register_may_have_its_own(drawn: Tablet) -> None:
    visit = drawn.desk.visit(VISIT)
    first, second, *rest = visit.assignment.inventory
    kinds = replace(first, kind="allinone"), replace(second, kind="瘦客户机"), *rest
    changed = visit._replace(assignment=replace(visit.assignment, inventory=kinds))
    rows = {row.register_no: row for row in computer_views.computers_page(changed, ANNA).computers}
    assert rows[first.register_no].detail.endswith("一体机")
    assert rows[second.register_no].detail.endswith("瘦客户机")
    english = computer_views.computers_page(changed, ANNA, "en").computers
    assert next(row for row in english if row.register_no == first.register_no).detail.endswith("All-in-one")


def test_computers_count_as_done_only_once_some_were_drawn_or_looked_at(one: Tablet) -> None:
    """Before, nothing is left, but nothing is done either."""
    one.open_visit()
    assert not computer_views.sampling_begun(one.desk.visit(VISIT))
    one.desk.check_device(ANNA, VISIT, "FM-099", classified=False)
    assert computer_views.sampling_begun(one.desk.visit(VISIT))
    assert computer_views.computers_left(one.desk.visit(VISIT)) == 0


def test_a_sample_of_another_inventory_is_said_to_be_so(drawn: Tablet) -> None:
    """After the inventory changed, nobody is told that the draw was checked."""
    visit = drawn.desk.visit(VISIT)
    other = visit.assignment.inventory[1:]
    changed = visit._replace(assignment=replace(visit.assignment, inventory=other))
    page = computer_views.computers_page(changed, ANNA)
    assert not page.samples[0].verified
    assert page.samples[0].verified_text == "本机清册已变，无法在此复核"


def test_results_are_counted_classified_and_ordinary(drawn: Tablet) -> None:
    """What the yearly report asks for."""
    first, second = numbers(drawn)
    drawn.desk.check_device(ANNA, VISIT, first, classified=True, problems=2, tool_report="BG-7")
    drawn.desk.check_device(ANNA, VISIT, second, classified=False)
    page = computer_views.computers_page(drawn.desk.visit(VISIT), ANNA)
    assert page.checked_text == "已检查：涉密 1 台，非涉密 1 台，发现问题 2 个"
    row = computers(drawn)[first]
    assert (row.state, row.problems, row.tool_report, row.classified) == ("checked", 2, "BG-7", True)


def test_another_computer_stands_in_with_a_reason(drawn: Tablet) -> None:
    """The one drawn says which is checked instead; the other is now to be checked."""
    first, _ = numbers(drawn)
    other = next(row.register_no for row in computers(drawn).values() if row.state == "listed")
    drawn.desk.substitute(ANNA, VISIT, "S-1", first, other, "已送修，有送修单")
    rows = computers(drawn)
    assert (rows[first].state, rows[first].state_text) == ("replaced", f"改查 {other}")
    assert (rows[other].state, rows[other].sample) == ("drawn", "S-1")
    page = computer_views.computers_page(drawn.desk.visit(VISIT), ANNA)
    assert page.samples[0].replaced == ((first, other, "已送修，有送修单"),)
    assert page.samples[0].verified


@pytest.mark.parametrize("case", ["no reason", "drawn already", "not in the inventory", "not drawn"])
def test_what_cannot_stand_in_is_refused(drawn: Tablet, case: str) -> None:
    """Nothing is written."""
    first, second = numbers(drawn)
    other = next(row.register_no for row in computers(drawn).values() if row.state == "listed")
    wanted = {
        "no reason": (first, other, " "),
        "drawn already": (first, second, "在用"),
        "not in the inventory": (first, "XX-1", "在用"),
        "not drawn": (other, first, "在用"),
    }[case]
    before = drawn.store.head()
    with pytest.raises(Problem) as told:
        drawn.desk.substitute(ANNA, VISIT, "S-1", *wanted)
    assert told.value.code == ("not_found" if case == "not drawn" else "substitute_invalid")
    assert drawn.store.head() == before


def test_a_category_is_due_until_as_many_talks_were_held(one: Tablet) -> None:
    """Every inspector records their own; together they count."""
    one.open_visit()
    rows = {row.category: row for row in computer_views.interview_rows(one.desk.visit(VISIT), ANNA)}
    assert list(rows) == ["leader", "secret_post", "ex_military", "other"]
    assert [row.done for row in rows.values()] == [False, False, False, True]
    assert rows["leader"].text == "还没有记录"
    one.desk.hold_interview(ANNA, VISIT, "leader", required=3, held=1, points="都能说清责任")
    one.desk.hold_interview(LEADER, VISIT, "leader", required=3, held=1)
    row = computer_views.interview_rows(one.desk.visit(VISIT), ANNA)[0]
    assert (row.required, row.held, row.done, row.text) == (3, 2, False, "已谈 2 / 应谈 3")
    assert row.own is not None
    assert row.own.points == "都能说清责任"
    one.desk.hold_interview(
        ANNA, VISIT, "leader", required=3, held=2, interview=row.own.interview, seen=row.own.seen
    )
    row = computer_views.interview_rows(one.desk.visit(VISIT), ANNA)[0]
    assert (row.held, row.done, len(row.talks)) == (3, True, 2)
