"""What hurried hands do: pressing twice, going on before the words at the bottom are gone, a form the disk refuses."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from shared_schema.ids import InspectionId, ItemId, PersonId
from shared_schema.operations import Answer, Count, Finding, YesNo
from shared_schema.problems import Problem
from tests.e2e import tablet_stage as stage
from tests.e2e.hand import Hand, word
from tests.e2e.marks import SCREENS

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

pytestmark = SCREENS
AtItem = Callable[..., "Driver"]
OTHER = InspectionId("visit-archive")


def press_twice(driver: "Driver", key: str) -> None:
    """Two touches in two frames: the second finds the sheet on its way out."""
    from kivy.tests.common import UnitTestTouch

    push = driver.pressable(word(key))
    for _ in range(2):
        touch = UnitTestTouch(*push.to_window(*push.center))
        touch.touch_down()
        driver.pump()
        touch.touch_up()
        driver.pump()


@contextmanager
def held(driver: "Driver") -> Iterator[None]:
    """The store's thread comes to nothing meanwhile: a disk that takes its time."""
    go_on = threading.Event()
    driver.session._worker.call(go_on.wait)
    try:
        yield
    finally:
        go_on.set()


# --- undo belongs to the visit and the person it was offered to ----------------------------------------------


@pytest.mark.parametrize("gone_to", ["", OTHER])
def test_a_tap_is_taken_back_where_it_was_made(at_item: AtItem, tablet: stage.Stage, gone_to: str) -> None:
    """From the work list and from another visit too; nothing is written into the other one."""
    store, desk = tablet.open()
    stage.open_visit(desk, OTHER)
    store.close()
    driver = at_item("A03")
    driver.shown(lambda: driver.session.do("answer", "A03", Count(2)))
    driver.settle()
    before = driver.inspection(OTHER)
    driver.shown(lambda: driver.session.go(inspection=gone_to, section="A", item=""))
    assert (driver.root.ids.snackbar.shift, driver.root.ids.snackbar.action) == (0, "撤销")
    driver.shown(driver.root.ids.snackbar.act)
    driver.settle()
    assert driver.root.ids.snackbar.text == "已撤销"
    assert ItemId("A03") not in driver.inspection(stage.VISIT).items
    assert driver.inspection(OTHER) == before


def test_whoever_takes_over_is_not_offered_what_another_tapped(at_item: AtItem) -> None:
    """Or they would take it back in the other's name."""
    driver = at_item("A03")
    driver.shown(lambda: driver.session.do("answer", "A03", Count(2)))
    driver.shown(lambda: driver.session.go(person=stage.SECOND))
    driver.settle(0.3)
    assert driver.root.ids.snackbar.shift == 1
    driver.root.ids.snackbar.act()
    driver.settle()
    assert ItemId("A03") in driver.inspection(stage.VISIT).items


# --- pressed twice -------------------------------------------------------------------------------------------


def test_a_button_pressed_twice_records_once(at_item: AtItem) -> None:
    """A sheet that slides out takes no touch any more."""
    driver = at_item("E02")
    driver.press("finding.add")
    driver.settle()
    driver.type_into(driver.field("finding.fact"), "保密室门未锁")
    press_twice(driver, "finding.record")
    driver.settle()
    assert len(driver.inspection(stage.VISIT).findings) == 1


def test_a_colleague_consents_once_however_often_the_button_is_pressed(at_item: AtItem) -> None:
    """Looking at a PIN takes a moment, in which the sheet is still there."""
    driver = at_item("B03")
    driver.session._opened = driver.session._tools._replace(consent_by=lambda *_: None)
    driver.shown(lambda: driver.session.do("not_applicable", "B03", "no_power", "无定密权"))
    driver.settle()
    Hand(driver).ask_here("林晓喆", "2468")
    made = driver.session._tools.store.head().seq
    press_twice(driver, "consent.record")
    driver.settle()
    assert driver.session._tools.store.head().seq == made + 1
    item = driver.inspection(stage.VISIT).items[ItemId("B03")]
    assert [cell.standing[0].person for cell in item.consents] == [PersonId(stage.SECOND)]


def test_the_unit_accepts_all_once_however_slow_the_disk_is(at_item: AtItem) -> None:
    """The button stays until the commit is shown; pressed again before, it is the same tap."""
    driver = at_item("E02")
    for item in ("A03", "E01"):
        finding = Finding(finding=f"F-{item}", item=item, fact="去向无记录")
        driver.shown(partial(driver.session.do, "record_finding", finding))
    driver.shown(lambda: driver.session.go(section="@closing", item="", pane="items"))
    driver.settle()
    driver.scroll_to(driver.app.visit.pages["@closing"].findings)
    made = driver.session._tools.store.head().seq
    with held(driver):
        for _ in range(2):
            driver.press("closing.accept_all")
    driver.settle()
    assert driver.session._tools.store.head().seq == made + 2
    # What is shown says so, while the button has still to be taken from the page.
    driver.app.visit.pages["@closing"].dispatch("on_accept_all")
    driver.settle()
    assert driver.session._tools.store.head().seq == made + 2


# --- tapped on before it is shown ------------------------------------------------------------------------------


def quick(driver: "Driver", widget: Any, *across: float) -> None:
    """Taps at these fractions of a widget's width, while the disk takes its time."""
    with held(driver):
        for x in across:
            driver.tap(widget, x)
    driver.settle()


def answer_of(driver: "Driver", item: str) -> Any:
    """The answer that stands; one value alone, however quickly it was tapped."""
    cell = driver.inspection(stage.VISIT).items[ItemId(item)].answer
    assert cell is not None
    assert len(cell.standing) == 1
    assert isinstance(cell.value, Answer)
    return cell.value.answer


def test_two_quick_taps_on_plus_are_two(at_item: AtItem) -> None:
    """On the item and in its row; the second starts from what the first one asked for."""
    driver = at_item("A03")
    quick(driver, driver.widget("Stepper"), 0.9, 0.9, 0.9)
    assert answer_of(driver, "A03") == Count(2)  # the first of an item that is open is none at all
    quick(driver, driver.row("A03").ids.quick, 0.9, 0.9)
    assert answer_of(driver, "A03") == Count(4)
    quick(driver, driver.row("A03").ids.quick, 0.1, 0.1, 0.9)
    assert answer_of(driver, "A03") == Count(3)
    quick(driver, driver.widget("Stepper"), 0.9, 0.1)
    assert answer_of(driver, "A03") == Count(3)


def test_two_quick_taps_on_plus_of_an_open_item_are_two(at_item: AtItem) -> None:
    driver = at_item("A03")
    quick(driver, driver.row("A03").ids.quick, 0.9, 0.9)
    assert answer_of(driver, "A03") == Count(2)


def test_a_tap_that_the_disk_refused_is_not_counted_on(
    at_item: AtItem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one starts from what stands again."""
    driver = at_item("A03")
    driver.shown(lambda: driver.session.do("answer", "A03", Count(3)))

    def full(*_: object, **__: object) -> None:
        raise Problem("disk_full")

    with monkeypatch.context() as patch:
        patch.setattr(driver.session._tools.desk, "answer", full, raising=False)
        quick(driver, driver.widget("Stepper"), 0.9, 0.9)
    quick(driver, driver.widget("Stepper"), 0.9)
    assert answer_of(driver, "A03") == Count(4)


def test_the_opposite_of_a_tap_that_is_not_shown_yet_is_recorded(at_item: AtItem) -> None:
    """No, and at once yes again: what is shown is yes all the while."""
    driver = at_item("A06")
    driver.shown(lambda: driver.session.do("answer", "A06", YesNo(True)))
    driver.settle()
    made = driver.session._tools.store.head().seq
    quick(driver, driver.widget("YesNoAnswer"), 0.8, 0.2)
    assert answer_of(driver, "A06") == YesNo(True)
    assert driver.session._tools.store.head().seq == made + 2


def test_clauses_ticked_one_after_the_other_all_apply(at_item: AtItem) -> None:
    """None of them waits until the one before is shown."""
    driver = at_item("A01")
    lines = [one for one in driver.widgets("ClauseLine") if not one.row.low][:2]
    ticks = [next(one for one in line.walk() if type(one).__name__ == "Tick") for line in lines]
    with held(driver):
        for tick in ticks:
            driver.tap(tick)
    driver.settle()
    assert {hit.clause for hit in answer_of(driver, "A01").hit} == {line.row.clause for line in lines}


# --- what the disk refuses, and what is left half filled -------------------------------------------------------


def test_what_could_not_be_recorded_is_still_in_its_form(
    at_item: AtItem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full: nothing is saved, and nothing has to be written a second time."""
    driver = at_item("B03")

    def full(*_: object, **__: object) -> None:
        raise Problem("disk_full")

    for form, field, record in (
        ("finding.add", "finding.fact", "finding.record"),
        ("na.mark", "na.explanation", "na.record"),
    ):
        driver.scroll_to(driver.pressable(word(form)))
        driver.press(form)
        driver.settle()
        driver.type_into(driver.field(field), "保密室门未锁")
        for tick in list(driver.widgets("Tick"))[:1]:
            driver.tap(tick)
        with monkeypatch.context() as patch:
            for verb in ("record_finding", "not_applicable"):
                patch.setattr(driver.session._tools.desk, verb, full, raising=False)
            driver.press(record)
            driver.settle(0.3)
        assert driver.root.ids.snackbar.text.startswith("存储空间不足")
        driver.press(form)
        driver.settle()
        assert driver.field(field).text == "保密室门未锁"
        driver.root.close(at_once=True)


def reach(driver: "Driver", key: str) -> None:
    """Presses a button of a page that may have to be scrolled first."""
    driver.scroll_to(driver.pressable(word(key)))
    driver.press(key)


LEFT: dict[str, Callable[["Driver"], None]] = {
    "deliberate.opinion": lambda driver: driver.press("visit.deliberate"),
    "abort.reason": lambda driver: reach(driver, "abort.title"),
    "measure.reason": lambda driver: reach(driver, "measure.add"),
}
"""Fields that are written at the end of a visit, and how their sheets are opened."""


@pytest.mark.parametrize("key", LEFT)
def test_a_sheet_that_was_left_is_half_filled_and_one_that_was_cancelled_empty(
    at_item: AtItem, key: str
) -> None:
    """A touch beside it, or the lock, only leaves it."""
    driver = at_item("E02")
    driver.shown(lambda: driver.session.go(section="@closing", item="", pane="items"))
    driver.settle(0.2)
    for text, left in (("", True), ("全组一致认为基本符合", False), ("", True)):
        LEFT[key](driver)
        driver.settle()
        assert driver.field(key).text == text
        driver.type_into(driver.field(key), "全组一致认为基本符合")
        if left:
            driver.tap_at(20, 300)
        else:
            driver.press("cancel")
        driver.settle()
        assert driver.root.sheet is None
