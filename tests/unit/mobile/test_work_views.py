"""The order of the work list: today, then what is still to come, then what is done."""

from msgspec.structs import replace

from mobile.settling import Settlement
from mobile.work_views import work_rows
from shared_schema.ids import InspectionId
from tests.unit.mobile.world import ANNA, LEADER, Tablet

TODAY = "2026-06-02"


def planned(tablet: Tablet, *days: str) -> list[InspectionId]:
    """The tablet's visits, the first so many on these days; the others are another squad's now."""
    known = [InspectionId(one) for one in tablet.store.assignments()]
    now = [
        replace(tablet.store.assignments()[one][0], planned_date=day)
        for one, day in zip(known, days, strict=False)
    ]
    gone = known[len(days) :]
    tablet.store.settle(Settlement(journal=tablet.store.journal(), assignments=now, gone=gone))
    return known[: len(days)]


def opened(tablet: Tablet, visit: InspectionId) -> None:
    tablet.desk.open_visit(LEADER, visit, members=[LEADER, ANNA], task_letter_shown=True, recusal_asked=True)


def test_today_comes_first_then_what_is_to_come_then_what_is_done(one: Tablet) -> None:
    """What is overdue leads what is to come; a visit under way on another day does not push today's down."""
    overdue, today, tomorrow, later, done, today_open = visits = planned(
        one, "2026-06-01", TODAY, "2026-06-03", "2026-06-09", TODAY, TODAY
    )
    for visit in (later, done, today_open):
        opened(one, visit)
    one.desk.deliberate(LEADER, done)
    one.desk.submit(LEADER, done)
    rows = work_rows(one.desk.visits(), today=TODAY)
    assert [row.inspection for row in rows if not row.gone] == [
        today_open, today, overdue, tomorrow, later, done
    ]  # fmt: skip
    assert {row.inspection for row in rows if row.today} == {today, today_open}, (
        "what is handed in is not to do"
    )
    assert all(row.gone for row in rows[len(visits) :])


def test_without_a_day_the_list_goes_by_date(one: Tablet) -> None:
    """A clock that no calendar has marks nothing, a visit without a date neither."""
    first, second, undated = planned(one, "2026-06-01", TODAY, "")
    rows = work_rows(one.desk.visits())
    assert [row.inspection for row in rows if not row.gone] == [undated, first, second]
    assert not any(row.today for row in rows)
