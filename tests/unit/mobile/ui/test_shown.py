"""What the screens get after every tap: the rows of the place shown, and of no other."""

import gc
import sys
from collections.abc import Callable

import pytest

from mobile import closing_views, computer_views, photo_views, views
from mobile.actions import Desk
from mobile.ui.shown import PAGES, Place, Shown, gather, person_rows
from shared_schema.operations import Finding
from tests.unit.mobile.world import LEADER, VISIT, Tablet

ROWS = {
    "@findings": {"finding_rows"},
    "@computers": {"computers_page"},
    "@interviews": set(),  # four lines: what is missing is read off them everywhere
    "@photos": {"photos_page"},
    "@closing": {"closing_page", "finding_rows"},
    "A": set(),
}  # fmt: skip
"""What makes the rows of each page."""
MAKERS = (
    (views, "finding_rows"),
    (views, "dispute_rows"),
    (views, "lead_rows"),
    (views, "work_rows"),
    (views, "refused_rows"),
    (computer_views, "computers_page"),
    (photo_views, "photos_page"),
    (closing_views, "closing_page"),
    (Desk, "visits"),
)


def shown_at(tablet: Tablet, section: str) -> Shown:
    place = Place(LEADER, VISIT, section)
    return gather(tablet.desk, tablet.store.sync_state(), place, "zh")


@pytest.mark.parametrize("section", ROWS)
def test_a_tap_waits_for_the_rows_of_one_page_only(
    one: Tablet, section: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither for another page's, nor for what a sheet would ask for, nor for other visits."""
    one.open_visit()
    called: set[str] = set()
    for owner, name in MAKERS:
        made = getattr(owner, name)

        def counted(*args: object, _made: Callable[..., object] = made, _name: str = name) -> object:
            called.add(_name)
            return _made(*args)

        monkeypatch.setattr(owner, name, counted)
    assert shown_at(one, section).visit is not None
    assert called == ROWS[section]


def test_every_page_has_its_rows_here() -> None:
    assert set(PAGES) == set(ROWS) - {"A"}


def test_a_row_looks_at_its_own_findings_and_at_no_others(one: Tablet) -> None:
    """Sixty findings and forty rows are not 2 400 looks: each is sorted to its item once."""
    one.open_visit()
    few = calls(lambda: views.item_rows(one.desk.visit(VISIT), "A", LEADER))
    elsewhere = next(item for item in one.desk.visit(VISIT).checklist.items if item.id.startswith("B"))
    for number in range(60):
        text = Finding(finding=f"f-{number}", item=elsewhere.id, fact="一台")
        one.desk.record_finding(LEADER, VISIT, text)
    many = calls(lambda: views.item_rows(one.desk.visit(VISIT), "A", LEADER))
    assert many - few <= 60 * 5


def test_who_is_in_the_squad_costs_no_more_calls_however_many_visits_there_are(one: Tablet) -> None:
    """It is asked at every tap, and a squad may have 300 visits."""
    known = one.desk.assigned()
    assert len(known) >= 10
    assert calls(one.desk.assigned) < len(known)
    assert calls(lambda: person_rows(known * 30, "zh")) == calls(lambda: person_rows(known, "zh"))


def calls(run: Callable[[], object]) -> int:
    """How many Python functions are called meanwhile: the same on every machine."""
    count = [0]

    def called(frame: object, event: str, what: object) -> None:
        if event == "call":
            count[0] += 1

    before = sys.getprofile()
    gc.disable()  # what it would end just then has calls of its own
    sys.setprofile(called)
    try:
        run()
    finally:
        sys.setprofile(before)
        gc.enable()
    return count[0]
