"""Blind scoring over real tablets: what a tap replaces, who is waited for, and how it ends; leads to verify."""

import pytest

from mobile import views
from shared_schema.ids import ItemId
from shared_schema.operations import Answer, Count, NotApplicable
from shared_schema.problems import Problem
from shared_schema.wire import Lead
from tests.unit.mobile.world import ANNA, COUNT, LEADER, NA, VISIT, YES_NO, Tablet, assigned


@pytest.fixture
def scoring(one: Tablet) -> Tablet:
    """A visit that is scored blind, opened with the leader and Anna, each of whom has answered an item."""
    assigned(one, blind=True).open_visit()
    one.answer(COUNT, 1)
    one.answer(COUNT, 3, ANNA)
    return one


def test_a_tap_does_not_replace_what_its_author_cannot_see(scoring: Tablet) -> None:
    """Both answers stand, though the second was recorded on the same tablet, from a screen that showed none."""
    assert len(scoring.standing(f"answer/{COUNT}")) == 2
    for person, count in ((LEADER, 1), (ANNA, 3)):
        visit = scoring.desk.visit(VISIT, person)
        cell = visit.inspection.items[ItemId(COUNT)].answer
        assert cell is not None
        assert not cell.disputed
        assert [one.value for one in cell.standing] == [Answer(COUNT, Count(count))]
        assert views.score_row(visit).disputes == 0


def test_nobody_who_is_not_signed_in_sees_any_answer(scoring: Tablet) -> None:
    """The work list of a tablet that waits for a name shows no progress."""
    assert scoring.desk.visit(VISIT).inspection.items == {}
    row = next(one for one in views.work_rows(scoring.desk.visits()) if one.inspection == VISIT)
    assert (row.done, row.blind) == (0, True)


def test_one_who_has_closed_waits_and_can_change_nothing(scoring: Tablet) -> None:
    """Until the others have closed too, or an answer could still follow what was overheard."""
    scoring.desk.close_scoring(LEADER, VISIT, LEADER)
    with pytest.raises(Problem) as caught:
        scoring.answer(YES_NO, True)
    assert caught.value.code == "scoring_blind"
    row = views.head(scoring.desk.visit(VISIT, LEADER), LEADER).scoring
    assert row is not None
    assert (row.closed, [person for person, _ in row.waiting], row.may_close) == (True, [ANNA], False)
    scoring.answer(YES_NO, True, ANNA)


def test_when_all_have_closed_differences_are_disputes(scoring: Tablet) -> None:
    """From then on it is a visit like any other."""
    for person in (LEADER, ANNA):
        scoring.desk.close_scoring(person, VISIT, person)
    for person in (LEADER, ANNA):
        visit = scoring.desk.visit(VISIT, person)
        assert [one.field for one in visit.inspection.disputes] == [f"answer/{COUNT}"]
        assert views.head(visit, person).scoring is None
    scoring.answer(YES_NO, True)
    scoring.desk.deliberate(LEADER, VISIT)


def test_the_leader_closes_for_a_member_who_had_to_leave(scoring: Tablet) -> None:
    """With a reason that stays on the record; deliberation waits for that."""
    scoring.desk.close_scoring(LEADER, VISIT, LEADER)
    with pytest.raises(Problem, match="scored blind"):
        scoring.desk.deliberate(LEADER, VISIT)
    scoring.desk.close_scoring(LEADER, VISIT, ANNA, "临时离开")
    assert not scoring.desk.visit(VISIT, LEADER).scoring.on
    scoring.desk.deliberate(LEADER, VISIT)


def test_consent_to_an_na_comes_after_the_scoring(scoring: Tablet) -> None:
    """Whoever is asked for it would learn the answer."""
    scoring.desk.not_applicable(ANNA, VISIT, NA, "no_power")
    detail = views.item_detail(scoring.desk.visit(VISIT, ANNA), ItemId(NA), ANNA)
    assert (detail.consent_from, detail.may_consent) == ((), False)
    with pytest.raises(Problem):
        scoring.desk.consent(LEADER, VISIT, NA, "no_power")
    for person in (LEADER, ANNA):
        scoring.desk.close_scoring(person, VISIT, person)
    scoring.desk.consent(LEADER, VISIT, NA, "no_power")
    cell = scoring.desk.visit(VISIT, ANNA).inspection.items[ItemId(NA)]
    assert cell.answer is not None
    assert isinstance(cell.answer.value, NotApplicable)
    assert cell.consented(cell.answer.standing[0])


def test_what_was_refused_of_a_colleague_is_not_told_either(scoring: Tablet) -> None:
    """Refusals say what was answered."""
    scoring.line.server.dismiss(ANNA)
    scoring.meet()
    assert [one.operation.person for one in scoring.desk.visit(VISIT, ANNA).refused] == [ANNA]
    assigned(scoring, blind=True)
    assert scoring.desk.visit(VISIT, LEADER).refused == ()


# --- leads -------------------------------------------------------------------------------------------------


@pytest.fixture
def led(one: Tablet) -> Tablet:
    """A visit with two leads: one on an item, one on none."""
    leads = (Lead("L-1", "核实台账缺页", COUNT, "线索 3 号"), Lead("L-2", "看值班室"))
    assigned(one, leads=leads).open_visit()
    return one


def test_leads_are_on_the_work_list_and_at_their_item(led: Tablet) -> None:
    """Until somebody has looked into them."""
    visit = led.desk.visit(VISIT, LEADER)
    assert views.work_rows([visit])[0].leads_open == 2
    detail = views.item_detail(visit, ItemId(COUNT), LEADER)
    assert [(one.text, one.paper_ref, one.state) for one in detail.leads] == [
        ("核实台账缺页", "线索 3 号", "open")
    ]
    row = next(row for row in views.item_rows(visit, "A", LEADER) if row.item == COUNT)
    assert "lead" in {badge.kind for badge in row.badges}


def test_a_lead_is_verified_or_not_with_a_note(led: Tablet) -> None:
    """What was found stands with its author; the next of the list is the one still open."""
    led.desk.check_lead(ANNA, VISIT, "L-1", verified=False, note="账页齐全")
    visit = led.desk.visit(VISIT, LEADER)
    first, second = views.lead_rows(visit, LEADER)
    assert (first.lead, first.state) == ("L-2", "open")
    assert (second.lead, second.state, second.said[0][0]) == ("L-1", "untrue", "查无此事。账页齐全")
    assert views.work_rows([visit])[0].leads_open == 1


def test_members_who_differ_on_a_lead_are_in_dispute(led: Tablet) -> None:
    """As with anything else, both stand until the leader settles it."""
    led.desk.check_lead(ANNA, VISIT, "L-1", verified=False)
    led.desk.check_lead(LEADER, VISIT, "L-1", verified=True, seen=())
    visit = led.desk.visit(VISIT, LEADER)
    assert [row.state for row in views.lead_rows(visit, LEADER) if row.lead == "L-1"] == ["disputed"]
    (dispute,) = views.dispute_rows(visit, LEADER)
    led.desk.settle(LEADER, VISIT, dispute.field, dispute.values[0].op, "一起看过", seen=dispute.seen)
    assert not led.desk.visit(VISIT, LEADER).inspection.disputes
