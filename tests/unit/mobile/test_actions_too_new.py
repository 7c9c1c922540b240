"""A visit whose checklist is newer than the app: it stays in sight, says why, and its exchange goes on."""

import pytest

from mobile import views
from mobile.ui.shown import Place, Shown, gather
from shared_schema.problems import Language, Problem
from tests.unit.mobile.world import COUNT, LEADER, VISIT, Server, Tablet, too_new


def shown(tablet: Tablet, place: Place, language: Language = "zh") -> Shown:
    return gather(tablet.desk, tablet.store.sync_state(), place, language)


@pytest.mark.parametrize(("language", "word"), [("zh", "需升级应用"), ("en", "Update the app")])
def test_it_stands_in_the_work_list_and_says_why(one: Tablet, language: Language, word: str) -> None:
    """In its place, with what waits to be sent; the other visits are as they were."""
    one.open_visit()
    too_new(one, VISIT)
    here = shown(one, Place(LEADER), language)
    assert len(here.work) == 10
    row = here.work[0]
    assert (row.inspection, row.stage, row.stage_text, row.unsent) == (VISIT, "opened", word, 1)
    assert row.unreadable == Problem("checklist_too_new").message(language)
    assert not any(one.unreadable for one in here.work[1:])
    assert VISIT not in {one.assignment.inspection for one in one.desk.visits()}


def test_the_people_list_does_not_empty(one: Tablet) -> None:
    """Though nothing that is assigned can be shown."""
    before = shown(one, Place()).people
    too_new(one, *one.store.assignments())
    assert shown(one, Place()).people == before
    assert len(shown(one, Place(LEADER)).work) == 10


def test_it_cannot_be_opened_and_nothing_can_be_recorded_in_it(one: Tablet) -> None:
    """Whoever stood in it is back at the work list; a verb says what is the matter."""
    one.open_visit()
    too_new(one, VISIT)
    assert shown(one, Place(LEADER, VISIT, item=COUNT)).screen == "work"
    with pytest.raises(Problem, match="checklist_too_new"):
        one.answer(COUNT, 1)


def test_what_was_recorded_of_it_reaches_the_server(server: Server, one: Tablet, two: Tablet) -> None:
    """From the tablet that cannot read it, and from a colleague's by way of it."""
    made = [one.open_visit(), one.answer(COUNT, 1)]
    too_new(one, VISIT)
    assert one.meet().accepted == 2
    assert server.log()[-2:] == [op.raw for op in made]
    two.meet()
    theirs = two.answer(COUNT, 2)
    two.meet()
    one.meet()
    assert theirs.id in one.standing(f"answer/{COUNT}")


def test_one_whose_checklist_has_not_come_says_so(one: Tablet) -> None:
    """Another sentence: it wants an exchange, and no new app."""
    too_new(one, VISIT)
    one.store._db.execute("DELETE FROM checklist")
    one.reopen()
    rows = views.work_rows(one.desk.visits(), "en", one.desk.unreadable())
    assert {row.stage_text for row in rows} == {"No checklist yet"}
    assert {row.unreadable for row in rows} == {
        "This visit's checklist has not arrived: connect and sync once."
    }
