"""The tablet's screens, tapped through over a real store: the way in, disputes, the whole visit, hands and eyes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared_schema.ids import FieldKey, ItemId
from shared_schema.operations import (
    Answer,
    Count,
    YesNo,
)
from shared_schema.problems import Problem
from tests.e2e import tablet_stage as stage
from tests.e2e.marks import SCREENS

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

pytestmark = SCREENS
Start = Callable[..., "Driver"]
AtItem = Callable[..., "Driver"]

# --- the way in --------------------------------------------------------------------------------------------


def test_a_tablet_that_is_not_enrolled_says_what_to_do(tmp_path: Path) -> None:
    """A sentence and two fields; an empty field is named."""
    from mobile.actions import Desk
    from mobile.store import Store
    from mobile.vault import Vault
    from tests.e2e.screen_driver import running

    store = Store.open(tmp_path / "tablet.db", Vault.headless(tmp_path))
    with running(store, Desk(store, bytes, lambda: 0), language="zh") as driver:
        assert "这台平板还没有注册" in driver.texts()
        driver.press("start.enrol")
        assert "请填写服务器地址和注册码。" in driver.texts()


def test_a_person_is_chosen_then_a_visit(start: Start) -> None:
    """Who am I, the work list, the visit: each one tap from the one before."""
    driver = start()
    assert {"陈向东", "林晓喆", "赵敏"} <= driver.texts()
    driver.shown(lambda: driver.tap(driver.widget("PersonLine", person=stage.SECOND)))
    assert {"和平街道办事处", "区档案馆", "青年路 18 号"} & driver.texts()
    driver.shown(lambda: driver.tap(driver.widget("WorkLine", key=stage.VISIT)))
    assert {"检查尚未开始", "责任制落实与制度建设"} <= driver.texts()


def test_a_visit_opens_with_two_members_the_task_letter_and_recusal(start: Start) -> None:
    """The sheet says what is missing, and records nothing until all is there."""
    driver = start(person=stage.LEADER)
    driver.shown(lambda: driver.session.go(inspection=stage.VISIT))
    driver.press("visit.open")
    driver.settle()
    driver.press("visit.open")
    assert "请勾选两名以上到场人员、出示任务书、询问回避。" in driver.texts()
    assert driver.inspection(stage.VISIT).stage == "prepared"
    for words_said in ("林晓喆", "已向被检单位出示检查任务书", "已询问回避，无人需要回避"):
        driver.tap(driver.widget("Tick", text=words_said))
    driver.shown(lambda: driver.press("visit.open"))
    assert driver.inspection(stage.VISIT).stage == "opened"
    assert "检查尚未开始" not in driver.texts()


# --- disputes ----------------------------------------------------------------------------------------------


@pytest.fixture
def disputed(tablet: stage.Stage, tmp_path: Path) -> stage.Stage:
    """The tablet after it heard that a colleague answered A06 otherwise."""
    other = stage.set_up(tmp_path / "other", "tab-2")
    for one, person, ok in ((tablet, stage.LEADER, True), (other, stage.SECOND, False)):
        store, desk = one.open()
        stage.open_visit(desk)
        desk.answer(person, stage.VISIT, "A06", YesNo(ok))
        store.close()
    stage.tell(tablet, stage.VISIT, *stage.outbox(other))
    return tablet


def test_a_dispute_shows_both_values_with_author_and_time(at_item: AtItem, disputed: stage.Stage) -> None:
    """Side by side, and a member who is not the leader is offered no decision."""
    driver = at_item("A06", stage.SECOND)
    values = list(driver.widgets("DisputeValue"))
    assert {value.text for value in values} == {"符合", "不符合"}
    assert any("陈向东" in value.by and "2026-11-21" in value.by for value in values)
    assert {value.y for value in values} == {values[0].y}
    assert not any(value.may for value in values)
    assert driver.root.ids.bottom.disputes == 1


def test_the_leader_settles_a_dispute_with_a_reason(at_item: AtItem, disputed: stage.Stage) -> None:
    """Without a reason nothing is settled; with one the value adopted stands."""
    driver = at_item("A06")
    value = next(one for one in driver.widgets("DisputeValue") if one.text == "不符合")
    driver.tap(value.children[0])
    driver.settle()
    driver.press("dispute.settle")
    assert "请写明理由。" in driver.texts()
    driver.type_into(driver.field("dispute.reason"), "考评表原件中没有保密内容。")
    driver.shown(lambda: driver.press("dispute.settle"))
    state = driver.inspection(stage.VISIT)
    assert state.disputes == ()
    cell = state.items[ItemId("A06")].answer
    assert cell is not None
    assert cell.field == FieldKey("answer/A06")
    assert cell.value == Answer("A06", YesNo(False))
    assert cell.standing[0].reason == "考评表原件中没有保密内容。"


# --- the whole ---------------------------------------------------------------------------------------------


def test_the_leader_deliberates_and_hands_in(at_item: AtItem) -> None:
    """Then nothing can be answered any more, and the screen says why."""
    driver = at_item("A06")
    driver.press("visit.deliberate")
    driver.settle()
    driver.shown(lambda: driver.press("deliberate.record"))
    driver.settle()
    driver.press("visit.submit")
    driver.settle()
    driver.shown(lambda: driver.press("visit.submit"))
    driver.settle()
    assert driver.inspection(stage.VISIT).stage == "submitted"
    assert "已提交，不能再修改。" in driver.texts()
    assert not driver.row("A06").active


def test_icons_among_words_are_drawn_and_not_spelled_out(at_item: AtItem) -> None:
    """Labels that know one colour and no markup are cheaper; none of them is given any."""
    from mobile.ui.kit_text import Words

    driver = at_item("A06")
    driver.shown(lambda: driver.tap(driver.row("A06").ids.quick, 0.9))
    marked = [one for one in driver.root.walk(restrict=True) if "[font=" in str(getattr(one, "text", ""))]
    assert {"SectionLine", "ItemLine"} <= {type(place).__name__ for one in marked for place in _around(one)}
    assert not [one for one in marked if isinstance(one, Words) or not one.markup]


def _around(widget: Any) -> Iterator[Any]:
    while widget.parent is not None and widget.parent is not widget:
        widget = widget.parent
        yield widget


def test_the_language_changes_at_once(at_item: AtItem, start: Start) -> None:
    """Every word on the screen follows, and the choice is kept."""
    driver = at_item("A06")
    driver.shown(lambda: driver.session.speak("en"))
    driver.settle()
    texts = driver.texts()
    assert {"Heping Subdistrict Office", "Record a finding", "Responsibility system and rules"} <= texts
    han = {text for text in texts if any("一" <= character <= "鿿" for character in text)}
    assert han == set()
    again = start(language="")
    assert again.session.shown.language == "en"


def test_a_restart_comes_back_to_the_item(at_item: AtItem, start: Start) -> None:
    """Person, inspection and item are where they were."""
    driver = at_item("C04")
    place = driver.session.place
    again = start()
    assert again.session.place == place
    assert again.widget("ItemPane").title.startswith("C04")


def test_the_screen_changes_only_when_the_tap_is_on_the_disk(
    at_item: AtItem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is a sentence, and the row stays as it was."""
    driver = at_item("A06")
    store = driver.session._tools.store
    told: list[str] = []
    driver.session.bind(on_told=lambda _, text, icon: told.append(text))

    def full(*_: object, **__: object) -> None:
        raise Problem("disk_full")

    monkeypatch.setattr(store, "record", full)
    zones = list(driver.row("A06").zones)
    driver.tap(driver.row("A06").ids.quick, 0.25)
    driver.until(lambda: told)
    assert told == ["存储空间不足，未保存。请清理空间后重试。"]
    assert driver.row("A06").zones == zones
    monkeypatch.undo()
    driver.shown(lambda: driver.tap(driver.row("A06").ids.quick, 0.25))
    assert driver.row("A06").zones != zones


def test_a_row_that_was_scrolled_away_comes_back_as_it_is_now(at_item: AtItem) -> None:
    """Kivy gives a view back unfilled when it returns to its old place (kivy #7395)."""
    driver = at_item("E01")
    rows = driver.app.visit.items.ids.rows
    rows.scroll_y = 0
    driver.settle()
    assert "E01" not in {row.key for row in driver.widgets("ItemLine")}
    driver.shown(
        lambda: driver.session.do("answer", ItemId("E02"), Count(3)),
    )
    rows.scroll_y = 1
    driver.settle()
    assert [zone.text for zone in driver.row("E02").zones] == ["", "3", ""]


# --- hands and eyes ----------------------------------------------------------------------------------------


def test_every_target_is_large_enough(at_item: AtItem) -> None:
    """Whatever can be pressed is at least 48 dp high and wide."""
    driver = at_item("A01")
    for step in ("item", "visit.deliberate"):
        if step != "item":
            driver.press(step)
            driver.settle()
        small = [
            (type(widget).__name__, widget.width, widget.height)
            for widget in driver.root.walk(restrict=True)
            if hasattr(widget, "on_release") and not widget.disabled and widget.opacity
            if widget.width > 1 and (widget.height < 48 or widget.width < 48)
        ]
        assert small == []


def test_a_row_is_drawn_with_few_widgets(at_item: AtItem) -> None:
    """At most eight, so that long lists scroll (KivyMD's rows took 22 ms each)."""
    driver = at_item("A01")
    for row in driver.widgets("ItemLine"):
        assert len(list(row.walk(restrict=True))) <= 8
    assert all(row.height <= 57 for row in driver.widgets("ItemLine"))


def test_narrow_screens_show_two_panes_then_one(at_item: AtItem) -> None:
    """In the same order: sections, items, the item."""
    driver = at_item("A01")
    visit = driver.app.visit

    def panes(width: int, pane: str) -> list[str]:
        visit._pane, visit.width = pane, width
        visit._arrange()
        return [type(one).__name__ for one in reversed(visit.ids.panes.children)]

    assert panes(1280, "item") == ["SectionsPane", "ItemsPane", "ItemPane"]
    assert panes(800, "items") == ["SectionsPane", "ItemsPane"]
    assert panes(800, "item") == ["ItemPane"]
    assert panes(480, "sections") == ["SectionsPane"]
    assert panes(480, "items") == ["ItemsPane"]
    assert panes(480, "item") == ["ItemPane"]


def test_what_the_server_refused_is_shown_until_somebody_deals_with_it(
    start: Start, tablet: stage.Stage
) -> None:
    """What it was, why, and one button; the bar says how many."""
    store, desk = tablet.open()
    stage.open_visit(desk)
    refused = desk.answer(stage.LEADER, stage.VISIT, "A06", YesNo(True))
    store.close()
    stage.tell(
        tablet, stage.VISIT, refused=(refused.id, "stage_forbids", {"stage": "submitted", "kind": "answer"})
    )
    driver = start(person=stage.LEADER)
    driver.shown(lambda: driver.session.go(inspection=stage.VISIT))
    assert driver.root.ids.bottom.sync_text == "被拒 1 条"
    driver.root.ids.bottom.dispatch("on_exchange")
    driver.settle()
    assert any("不能再作此记录" in text.replace("\n", "") for text in driver.texts())
    driver.shown(lambda: driver.press("sync.set_aside"))
    assert driver.root.ids.bottom.sync_text == "已同步"
