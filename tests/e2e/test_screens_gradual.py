"""Long pages come a part at a time."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from shared_schema.ids import InspectionId
from shared_schema.operations import Count, Finding
from tests.e2e import tablet_stage as stage
from tests.e2e.marks import SCREENS

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

pytestmark = SCREENS
FINDINGS = 30
OTHER = InspectionId("visit-archive")
PANES = ("sections", "items", "item")


def test_the_last_page_comes_a_part_before_each_frame(
    start: Callable[..., "Driver"], tablet: stage.Stage
) -> None:
    """Its steps at once, thirty findings by the handful; a second look makes nothing anew that did not change."""
    store, desk = tablet.open()
    stage.open_visit(desk)
    for number in range(FINDINGS):
        desk.record_finding(
            stage.LEADER, stage.VISIT, Finding(finding=f"f-{number}", item="A03", fact="一台")
        )
    store.close()
    driver = start(person=stage.LEADER)
    page = driver.app.visit.pages["@closing"]
    driver.session.go(inspection=stage.VISIT, section="@closing")
    while not (page.steps.ids.held.children and driver.session.shown.place.section == "@closing"):
        driver.pump()
    assert len(page.findings.ids.held.children) < FINDINGS
    assert not page.signatures.ids.held.children
    driver.settle()
    assert len(page.findings.ids.held.children) == FINDINGS
    assert page.signatures.ids.held.children
    stayed = list(page.findings.ids.held.children)
    driver.shown(lambda: driver.session.go(section="A"))
    driver.shown(lambda: driver.session.go(section="@closing"))
    driver.settle()
    assert page.findings.ids.held.children == stayed


def test_what_is_made_beforehand_waits_for_the_finger(start: Callable[..., "Driver"]) -> None:
    """While the screen is touched no part of a screen that nobody asked for is made, and afterwards all are."""
    from kivy.tests.common import UnitTestTouch

    driver = start(person=stage.LEADER)
    making = driver.app._afterwards
    driver.until(lambda: making._next is not None)
    touch = UnitTestTouch(3, 3)
    touch.touch_down()
    assert not making._next.is_triggered
    touch.touch_up()
    assert not making._next.is_triggered
    driver.until(lambda: "visit" in driver.app.screens._made and len(driver.app.visit.pages.made()) > 4)


def test_a_visit_is_entered_a_pane_before_each_frame(
    start: Callable[..., "Driver"], tablet: stage.Stage
) -> None:
    """What is not filled yet has an empty place: nothing of the visit before is seen. Its own screen stays whole."""
    store, desk = tablet.open()
    for visit in (stage.VISIT, OTHER):
        stage.open_visit(desk, visit)
    desk.answer(stage.LEADER, stage.VISIT, "A03", Count(2))
    store.close()
    driver = start(person=stage.LEADER)
    driver.shown(lambda: driver.session.go(inspection=stage.VISIT, section="A", item="A03"))
    driver.settle()
    screen = driver.app.visit

    def placed() -> tuple[str, ...]:
        return tuple(name for name in PANES if getattr(screen, name).parent)

    assert placed() == PANES
    assert driver.row("A03").edge == "bad"
    driver.session.go(inspection=OTHER, section="A", item="")
    while driver.session.shown.place.inspection != OTHER:
        driver.pump()
    steps = [placed()]
    while len(steps[-1]) < len(PANES):
        driver.pump()
        steps.append(placed())
        if "items" in steps[-1]:
            assert driver.row("A03").edge == ""
    assert list(dict.fromkeys(steps)) == [(), PANES[:1], PANES[:2], PANES]
    driver.session.go(section="B")
    while driver.session.shown.place.section != "B":
        assert placed() == PANES
        driver.pump()
    assert placed() == PANES


def test_a_row_in_sight_is_filled_however_fast_the_list_goes(at_item: Callable[..., "Driver"]) -> None:
    """One that only comes near waits a frame, so that no frame both places and fills it; one seen does not."""
    driver = at_item("A03")
    driver.shown(lambda: driver.session.go(only="open"))
    driver.settle()
    rows = driver.app.visit.items.ids.rows
    late = 0
    for height in (*(1 - frame / 80 for frame in range(80)), 1, 0.2, 0.9, 0.5, 0):
        rows.scroll_y = height
        driver.pump()
        for index, line in rows.view_adapter.views.items():
            filled = line.key == rows.data[index]["key"]
            assert filled or not rows.in_sight(index)
            late += not filled
    assert late
