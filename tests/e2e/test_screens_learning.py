"""Learning to use the tablet: the tour, and a practice visit that touches nothing real."""

import os
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import pytest

from mobile import practice
from mobile.vault import Vault
from tests.e2e import tablet_stage as stage
from tests.e2e.marks import SCREENS

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

pytestmark = SCREENS


@pytest.fixture
def driver(tablet: stage.Stage) -> Iterator["Driver"]:
    """The app on the work list of a tablet that can make a practice."""
    from tests.e2e.screen_driver import running

    begin = partial(
        practice.begin, tablet.folder, Vault.headless(tablet.folder), os.urandom, lambda: stage.MORNING_MS
    )
    with running(*tablet.open(), practise=begin, language="zh", person=stage.LEADER) as started:
        started.settle()
        yield started


def head(driver: "Driver") -> object:
    """How far the chain of the store that is open reaches."""
    tools = driver.session.tools
    assert tools is not None
    return tools.store.head()


def test_the_tour_is_walked_skipped_and_opened_again(driver: "Driver") -> None:
    """Offered on the work list; at any card it can be skipped, and the menu has it again."""
    driver.press("learn.tour")
    driver.settle()
    for number in range(1, 8):
        assert f"两分钟入门 {number}/7" in driver.texts()
        driver.press("tour.finish" if number == 7 else "tour.next")
        driver.settle()
    assert driver.root.sheet is None
    driver.root.ids.top.dispatch("on_menu")
    driver.settle()
    driver.press("learn.tour")
    driver.settle()
    driver.press("tour.next")
    driver.settle()
    driver.press("tour.back")
    driver.settle()
    assert "两分钟入门 1/7" in driver.texts()
    driver.press("tour.skip")
    driver.settle()
    assert driver.root.sheet is None


def test_the_offer_is_put_away_for_good(driver: "Driver") -> None:
    """Whoever knows the tablet sees their work only."""
    assert "第一次使用？" in driver.texts()
    driver.press("learn.hide")
    driver.settle()
    assert "第一次使用？" not in driver.texts()


def test_a_practice_touches_nothing_real_and_ends_where_it_began(
    driver: "Driver", tablet: stage.Stage
) -> None:
    """Answer, settle, become another member; afterwards the own visits are there, with not one record more."""
    before = head(driver)
    driver.shown(lambda: driver.press("learn.practise"))
    driver.until(lambda: "练习单位" in {row.unit for row in driver.session.shown.work})
    driver.settle()
    assert "正在练习" in driver.texts()
    assert not {"和平街道办事处"} & driver.texts()
    driver.shown(lambda: driver.tap(driver.widget("WorkLine", key=practice.VISIT)))
    driver.settle()
    driver.shown(lambda: driver.tap(driver.row("P07").ids.quick, 0.75))
    assert driver.row("P07").row.state == "problem"
    assert driver.root.ids.top.subtitle.startswith("练习")
    driver.shown(lambda: driver.session.go(person="", inspection="", section="", item="", pane="items"))
    driver.settle()
    driver.shown(lambda: driver.tap(driver.widget("PersonLine", person=practice.SECOND)))
    driver.settle()
    driver.press("practice.end")
    driver.until(lambda: driver.session.shown.place.person == stage.LEADER)
    driver.settle()
    assert "和平街道办事处" in driver.texts()
    assert head(driver) == before
    assert list(tablet.folder.glob("practice.db*")) == []


def test_half_typed_text_of_the_own_visits_outlives_a_practice(driver: "Driver") -> None:
    """And what is typed in the practice is not found among the own."""
    from mobile.ui.memory import memory

    driver.shown(lambda: driver.session.go(inspection=stage.VISIT))
    memory.keep_draft("A04/ratio.sampled", "8")
    driver.session.practising.begin()
    driver.until(lambda: driver.session.practising.on)
    driver.until(lambda: "练习单位" in {row.unit for row in driver.session.shown.work})
    memory.keep_draft("P04/ratio.sampled", "3")
    driver.session.practising.end()
    driver.until(lambda: driver.session.shown.place.inspection == stage.VISIT)
    assert memory.draft("A04/ratio.sampled") == "8"
    assert [key for key in memory._kept if "P04" in key] == []


def test_a_short_list_stands_at_the_top_wherever_a_longer_one_was_scrolled_to(driver: "Driver") -> None:
    """The practice's one visit, say: at the lower end of the screen nobody looks for it."""
    rows = driver.app.screens["work"].ids.rows
    rows.scroll_y = 0
    driver.pump(2)
    driver.press("learn.practise")
    driver.until(lambda: driver.session.practising.on and len(list(driver.widgets("WorkLine"))) == 1)
    driver.settle()
    line = driver.widget("WorkLine")
    assert line.to_window(0, line.top)[1] > rows.top - line.height
