"""The tablet upright: a visit tapped through from end to end, and turned while somebody is at work."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import pytest

from shared_schema.operations import Answer, Count, YesNo
from tests.e2e import tablet_stage as stage
from tests.e2e.marks import SCREENS

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

pytestmark = SCREENS
Turn = Callable[[int, int], None]
UPRIGHT, LYING = (800, 1280), (1280, 800)


@pytest.fixture
def turn() -> Iterator[Turn]:
    """Turns the tablet; afterwards it lies as it did."""
    from kivy.core.window import Window

    def turned(width: int, height: int) -> None:
        Window.size = width, height

    yield turned
    turned(*LYING)


def panes(driver: "Driver") -> list[str]:
    """What stands beside each other, from the left."""
    return [type(one).__name__ for one in reversed(driver.app.visit.ids.panes.children)]


def at(driver: "Driver", kind: str, **looks: object) -> None:
    """Taps it, and waits for what comes."""
    driver.tap(driver.widget(kind, **looks))
    driver.settle()


def test_a_visit_is_tapped_through_upright(start: Callable[..., "Driver"], turn: Turn) -> None:
    """Two panes, the item over them, each a tap from the one before: opened, answered, handed in."""
    turn(*UPRIGHT)
    driver = start()
    at(driver, "PersonLine", person=stage.LEADER)
    at(driver, "WorkLine", key=stage.VISIT)
    assert panes(driver) == ["SectionsPane", "ItemsPane"]
    driver.press("visit.open")
    driver.settle()
    for said in ("林晓喆", "已向被检单位出示检查任务书", "已询问回避，无人需要回避"):
        driver.tap(driver.widget("Tick", text=said))
    driver.shown(lambda: driver.press("visit.open"))
    driver.settle()
    driver.shown(lambda: driver.tap(driver.row("A06").ids.quick, 0.25))
    driver.tap(driver.row("A03"), 0.2)
    driver.settle()
    assert panes(driver) == ["ItemPane"]
    driver.shown(lambda: driver.tap(driver.pressable_icon("plus")))
    driver.settle()
    driver.tap(next(one for one in driver.app.visit.item.walk() if getattr(one, "icon", "") == "back"))
    driver.settle()
    items = driver.inspection(stage.VISIT).items
    assert items["A06"].answer.value == Answer("A06", YesNo(True))  # type: ignore[index, union-attr]
    assert items["A03"].answer.value == Answer("A03", Count(0))  # type: ignore[index, union-attr]
    at(driver, "PageLine", key="@closing")
    assert panes(driver) == ["SectionsPane", "ClosingPage"]
    for text, then in (("小组评议", "deliberate.record"), ("提交检查", "visit.submit")):
        driver.tap(next(line for line in driver.widgets("StepLine") if line.text == text).children[0])
        driver.settle()
        driver.shown(partial(driver.press, then))
        driver.settle()
    assert driver.inspection(stage.VISIT).stage == "submitted"


def test_turning_it_keeps_the_place_the_sheet_and_what_is_half_typed(
    at_item: Callable[..., "Driver"], turn: Turn
) -> None:
    """And turning it back leaves everything as it was."""
    driver = at_item("A04")
    driver.type_into(driver.field("ratio.sampled"), "8")
    driver.tap(driver.widget("NoteCard").children[-1])
    driver.settle()
    sheet = driver.root.sheet
    note = driver.field("note.mine")
    driver.type_into(note, "写到一半")
    place = driver.session.place
    for size, beside in ((UPRIGHT, ["ItemPane"]), (LYING, ["SectionsPane", "ItemsPane", "ItemPane"])):
        turn(*size)
        driver.settle()
        assert tuple(driver.root.size) == size
        assert panes(driver) == beside
        assert driver.session.place == place
        assert driver.root.sheet is sheet
        assert sheet.ids.panel.right <= size[0]
        assert note.text == "写到一半"
        assert driver.field("ratio.sampled").text == "8"
