"""The tablet's screens, tapped through over a real store with the default checklist."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared_schema.ids import FieldKey, InspectionId, ItemId
from shared_schema.inspection import Inspection
from shared_schema.operations import (
    Actual,
    Answer,
    ClauseHit,
    Clauses,
    Count,
    NotApplicable,
    Present,
    Ratio,
    Value,
    YesNo,
)
from shared_schema.problems import Problem
from tests.e2e import tablet_stage as stage

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("screens")]
Start = Callable[..., "Driver"]


@pytest.fixture
def tablet(tmp_path: Path) -> stage.Stage:
    """A tablet with its squad's visits, nothing recorded yet."""
    return stage.set_up(tmp_path / "tablet")


@pytest.fixture
def start(tablet: stage.Stage) -> Iterator[Start]:
    """Starts the app on the tablet; a second start is a restart."""
    import mobile.ui  # noqa: F401 — says that this file needs Kivy
    from tests.e2e.screen_driver import running

    with ExitStack() as stack:
        inner = ExitStack()
        stack.push(lambda *_: inner.close())

        def begin(**asked: str) -> "Driver":
            inner.close()
            return inner.enter_context(running(*tablet.open(), **{"language": "zh", **asked}))

        yield begin


def at_item(start: Start, tablet: stage.Stage, item: str, person: str = stage.LEADER) -> "Driver":
    """The app with an item of the open visit on the screen."""
    store, desk = tablet.open()
    if desk.visit(stage.VISIT).inspection.stage == "prepared":
        stage.open_visit(desk)
    store.close()
    driver = start(person=person)
    driver.shown(lambda: driver.session.go(inspection=stage.VISIT, item=item, pane="item"))
    driver.settle()
    return driver


def inspection(driver: "Driver") -> Inspection:
    """The inspection as the store has it."""
    found: list[Inspection] = []
    desk = driver.session._tools.desk
    driver.session._worker.call(lambda: desk.visit(InspectionId(stage.VISIT)).inspection, found.append)
    driver.until(lambda: found)
    return found[0]


def answer_of(driver: "Driver", item: str) -> Any:
    """The answer that stands in the store."""
    cell = inspection(driver).items[ItemId(item)].answer
    assert cell is not None
    return cell.value.answer if isinstance(cell.value, Answer) else cell.value


# --- the way in --------------------------------------------------------------------------------------------


def test_a_tablet_that_is_not_enrolled_says_what_to_do(tmp_path: Path) -> None:
    """A sentence and two fields; an empty field is named."""
    from mobile.actions import Desk
    from mobile.store import Store
    from mobile.vault import Vault
    from tests.e2e.screen_driver import running

    store = Store.open(tmp_path / "tablet.db", Vault(tmp_path))
    with running(store, Desk(store, bytes, lambda: 0), language="zh") as driver:
        assert "这台平板还没有注册" in driver.texts()
        driver.press("start.enrol")
        assert "请填写服务器地址和注册码。" in driver.texts()


def test_a_person_is_chosen_then_a_visit(start: Start) -> None:
    """Who am I, the work list, the visit: each one tap from the one before."""
    driver = start()
    assert {"陈向东", "林晓喆", "赵敏"} <= driver.texts()
    driver.shown(lambda: driver.tap(driver.widget("PersonLine", person=stage.SECOND)))
    assert {"万新街道办事处", "区档案馆", "程林路 18 号"} & driver.texts()
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
    assert inspection(driver).stage == "prepared"
    for words_said in ("林晓喆", "已向被检单位出示检查任务书", "已询问回避，无人需要回避"):
        driver.tap(driver.widget("Tick", text=words_said))
    driver.shown(lambda: driver.press("visit.open"))
    assert inspection(driver).stage == "opened"
    assert "检查尚未开始" not in driver.texts()


# --- answers of every kind ---------------------------------------------------------------------------------


def test_yes_or_no_is_answered_in_the_row(start: Start, tablet: stage.Stage) -> None:
    """The left half says met, the right half not met; the other one replaces it."""
    driver = at_item(start, tablet, "A06")
    quick = driver.row("A06").ids.quick
    driver.shown(lambda: driver.tap(quick, 0.25))
    assert answer_of(driver, "A06") == YesNo(True)
    driver.shown(lambda: driver.tap(quick, 0.75))
    assert answer_of(driver, "A06") == YesNo(False)
    assert not inspection(driver).disputes
    assert driver.row("A06").edge == "bad"


def test_occurrences_are_counted_in_the_row(start: Start, tablet: stage.Stage) -> None:
    """None at all is one tap; plus and minus count from there."""
    driver = at_item(start, tablet, "A03")
    quick = driver.row("A03").ids.quick
    driver.shown(lambda: driver.tap(quick, 0.2))
    assert answer_of(driver, "A03") == Count(0)
    driver.shown(lambda: driver.tap(quick, 0.9))
    driver.shown(lambda: driver.tap(quick, 0.9))
    assert answer_of(driver, "A03") == Count(2)
    driver.shown(lambda: driver.tap(quick, 0.1))
    assert answer_of(driver, "A03") == Count(1)


def test_occurrences_are_counted_on_the_item_with_what_they_cost(start: Start, tablet: stage.Stage) -> None:
    """Each step is recorded, and the deduction is seen at once."""
    driver = at_item(start, tablet, "A03")
    stepper = driver.widget("Stepper")
    driver.shown(lambda: driver.tap(stepper, 0.9))
    driver.shown(lambda: driver.tap(stepper, 0.9))
    assert answer_of(driver, "A03") == Count(1)
    assert any(text.startswith("−0.5") for text in driver.texts())


def test_clauses_are_ticked(start: Start, tablet: stage.Stage) -> None:
    """Each clause that applies is one tick; none of them is one, too."""
    driver = at_item(start, tablet, "A01")
    driver.shown(lambda: driver.tap(driver.widget("Tick", text="未听取汇报")))
    assert answer_of(driver, "A01") == Clauses((ClauseHit("b"),))
    driver.shown(lambda: driver.tap(driver.widget("Tick", text="无明确部署要求")))
    assert answer_of(driver, "A01") == Clauses((ClauseHit("a"), ClauseHit("b")))
    driver.shown(lambda: driver.tap(driver.widget("Tick", text="以上情形均未发现")))
    assert answer_of(driver, "A01") == Clauses()


def test_a_clause_with_discretion_asks_for_amount_and_reason(start: Start, tablet: stage.Stage) -> None:
    """Nothing is recorded before there is a reason."""
    driver = at_item(start, tablet, "A02")
    driver.tap(driver.widget("Tick", text="违规问题未跟进"))
    driver.settle()
    driver.press("clauses.record")
    assert "请写明理由后记录。" in driver.texts()
    driver.type_into(driver.field("clauses.reason"), "两次会议未传达")
    driver.tap(driver.widget("AmountStepper").children[0])
    driver.shown(lambda: driver.press("clauses.record"))
    assert answer_of(driver, "A02") == Clauses((ClauseHit("b", Decimal("0.3"), "两次会议未传达"),))


def test_a_ratio_is_typed_and_recorded(start: Start, tablet: stage.Stage) -> None:
    """More conforming than sampled is refused with a sentence."""
    driver = at_item(start, tablet, "A04")
    driver.type_into(driver.field("ratio.sampled"), "8")
    driver.type_into(driver.field("ratio.conforming"), "9")
    driver.press("answer.record")
    assert "符合数不能大于抽查数。" in driver.texts()
    driver.type_into(driver.field("ratio.conforming"), "7")
    driver.tap(driver.widget("Tick", text="样本就是全部"))
    driver.shown(lambda: driver.press("answer.record"))
    assert answer_of(driver, "A04") == Ratio(8, 7, 8)


def test_a_figure_is_typed_and_recorded(start: Start, tablet: stage.Stage) -> None:
    """A percentage is an exact decimal."""
    driver = at_item(start, tablet, "H02")
    driver.type_into(driver.field("value.figure"), "92.5")
    driver.type_into(driver.field("value.sampled"), "20")
    driver.shown(lambda: driver.press("answer.record"))
    assert answer_of(driver, "H02") == Value(Decimal("92.5"), 20)


def test_times_really_done_are_counted(start: Start, tablet: stage.Stage) -> None:
    """A shortfall item takes how many times it was done."""
    driver = at_item(start, tablet, "H04")
    driver.shown(lambda: driver.tap(driver.row("H04").ids.quick, 0.9))
    driver.shown(lambda: driver.tap(driver.widget("Stepper"), 0.9))
    assert answer_of(driver, "H04") == Actual(2)


def test_a_veto_is_said_to_have_happened_or_not(start: Start, tablet: stage.Stage) -> None:
    """Of a veto only the number of the paper record is kept beside it."""
    driver = at_item(start, tablet, "V01")
    assert "只记次数和纸质记录编号，不写具体内容。" in driver.texts()
    driver.shown(lambda: driver.tap(driver.widget("Segment", text="未发生")))
    assert answer_of(driver, "V01") == Present(False)
    driver.shown(lambda: driver.type_into(driver.field("paper.number"), "保查-2026-17"))
    cell = inspection(driver).items[ItemId("V01")].answer
    assert cell is not None
    assert cell.value == Answer("V01", Present(False), paper_ref="保查-2026-17")


# --- N/A, notes, findings ----------------------------------------------------------------------------------


def test_not_applicable_needs_a_reason_and_a_colleague(start: Start, tablet: stage.Stage) -> None:
    """It waits, with the word for it, until another member of the squad stands behind it."""
    driver = at_item(start, tablet, "B03")
    driver.press("na.mark")
    driver.settle()
    driver.press("na.record")
    assert "请选择理由。" in driver.texts()
    driver.tap(driver.widget("Tick", text="无定密权限"))
    driver.type_into(driver.field("na.explanation"), "本单位没有定密权，文件由区委办代定。")
    driver.shown(lambda: driver.press("na.record"))
    assert answer_of(driver, "B03") == NotApplicable(
        "B03", "no_power", "本单位没有定密权，文件由区委办代定。"
    )
    assert "待另一名组员确认" in driver.texts()
    driver.settle()
    driver.shown(lambda: driver.session.go(person=stage.SECOND))
    driver.settle()
    driver.shown(lambda: driver.press("na.consent"))
    assert "已确认：林晓喆" in driver.texts()


def test_a_note_is_written_in_a_sheet_at_the_top(start: Start, tablet: stage.Stage) -> None:
    """The sheet touches the upper edge, where no keyboard covers it."""
    driver = at_item(start, tablet, "A06")
    driver.tap(driver.widget("NoteCard"))
    driver.settle()
    sheet = driver.widget("Sheet")
    assert sheet.ids.panel.top == sheet.top
    driver.type_into(driver.field("note.mine"), "考评办法第 6 条，2026 年 3 月印发。")
    driver.shown(lambda: driver.press("save"))
    notes = inspection(driver).items[ItemId("A06")].notes
    assert [note.value.text for note in notes] == ["考评办法第 6 条，2026 年 3 月印发。"]


def test_a_finding_is_recorded_and_amended(start: Start, tablet: stage.Stage) -> None:
    """Fact, severity, what follows; an empty fact is named."""
    driver = at_item(start, tablet, "A06")
    driver.press("finding.add")
    driver.settle()
    driver.press("finding.record")
    assert "请写明事实。" in driver.texts()
    driver.type_into(driver.field("finding.fact"), "考评表中没有保密一栏。")
    driver.tap(driver.widget("Segment", text="轻微"))
    driver.type_into(driver.field("finding.due"), "2026-12-20")
    driver.shown(lambda: driver.press("finding.record"))
    (finding,) = inspection(driver).findings.values()
    assert finding.text is not None
    assert (finding.text.fact, finding.text.severity, finding.text.due) == (
        "考评表中没有保密一栏。",
        "minor",
        "2026-12-20",
    )
    driver.settle()
    line = driver.widget("FindingLine")
    driver.scroll_to(line)
    driver.tap(line)
    driver.settle()
    driver.type_into(driver.field("finding.fact"), "考评表中有保密一栏，但未评分。")
    driver.shown(lambda: driver.press("finding.amend"))
    (finding,) = inspection(driver).findings.values()
    assert finding.text is not None
    assert finding.text.fact == "考评表中有保密一栏，但未评分。"


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


def test_a_dispute_shows_both_values_with_author_and_time(start: Start, disputed: stage.Stage) -> None:
    """Side by side, and a member who is not the leader is offered no decision."""
    driver = at_item(start, disputed, "A06", stage.SECOND)
    values = list(driver.widgets("DisputeValue"))
    assert {value.text for value in values} == {"符合", "不符合"}
    assert any("陈向东" in value.by and "2026-11-21" in value.by for value in values)
    assert {value.y for value in values} == {values[0].y}
    assert not any(value.may for value in values)
    assert driver.root.ids.bottom.disputes == 1


def test_the_leader_settles_a_dispute_with_a_reason(start: Start, disputed: stage.Stage) -> None:
    """Without a reason nothing is settled; with one the value adopted stands."""
    driver = at_item(start, disputed, "A06")
    value = next(one for one in driver.widgets("DisputeValue") if one.text == "不符合")
    driver.tap(value.children[0])
    driver.settle()
    driver.press("dispute.settle")
    assert "请写明理由。" in driver.texts()
    driver.type_into(driver.field("dispute.reason"), "考评表原件中没有保密内容。")
    driver.shown(lambda: driver.press("dispute.settle"))
    state = inspection(driver)
    assert state.disputes == ()
    cell = state.items[ItemId("A06")].answer
    assert cell is not None
    assert cell.field == FieldKey("answer/A06")
    assert cell.value == Answer("A06", YesNo(False))
    assert cell.standing[0].reason == "考评表原件中没有保密内容。"


# --- the whole ---------------------------------------------------------------------------------------------


def test_the_leader_deliberates_and_hands_in(start: Start, tablet: stage.Stage) -> None:
    """Then nothing can be answered any more, and the screen says why."""
    driver = at_item(start, tablet, "A06")
    driver.press("visit.deliberate")
    driver.settle()
    driver.shown(lambda: driver.press("deliberate.record"))
    driver.settle()
    driver.press("visit.submit")
    driver.settle()
    driver.shown(lambda: driver.press("visit.submit"))
    driver.settle()
    assert inspection(driver).stage == "submitted"
    assert "已提交，不能再修改。" in driver.texts()
    assert not driver.row("A06").active


def test_the_language_changes_at_once(start: Start, tablet: stage.Stage) -> None:
    """Every word on the screen follows, and the choice is kept."""
    driver = at_item(start, tablet, "A06")
    driver.shown(lambda: driver.session.speak("en"))
    driver.settle()
    texts = driver.texts()
    assert {"Wanxin Subdistrict Office", "Record a finding", "Responsibility system and rules"} <= texts
    han = {text for text in texts if any("一" <= character <= "鿿" for character in text)}
    assert han == set()
    again = start(language="")
    assert again.session.shown.language == "en"


def test_a_restart_comes_back_to_the_item(start: Start, tablet: stage.Stage) -> None:
    """Person, inspection and item are where they were."""
    driver = at_item(start, tablet, "C04")
    place = driver.session.place
    again = start()
    assert again.session.place == place
    assert again.widget("ItemPane").title.startswith("C04")


def test_the_screen_changes_only_when_the_tap_is_on_the_disk(
    start: Start, tablet: stage.Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is a sentence, and the row stays as it was."""
    driver = at_item(start, tablet, "A06")
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


def test_a_row_that_was_scrolled_away_comes_back_as_it_is_now(start: Start, tablet: stage.Stage) -> None:
    """Kivy gives a view back unfilled when it returns to its old place (kivy #7395)."""
    driver = at_item(start, tablet, "E01")
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


def test_every_target_is_large_enough(start: Start, tablet: stage.Stage) -> None:
    """Whatever can be pressed is at least 48 dp high and wide."""
    driver = at_item(start, tablet, "A01")
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


def test_a_row_is_drawn_with_few_widgets(start: Start, tablet: stage.Stage) -> None:
    """At most eight, so that long lists scroll (KivyMD's rows took 22 ms each)."""
    driver = at_item(start, tablet, "A01")
    for row in driver.widgets("ItemLine"):
        assert len(list(row.walk(restrict=True))) <= 8
    assert all(row.height <= 57 for row in driver.widgets("ItemLine"))


def test_narrow_screens_show_two_panes_then_one(start: Start, tablet: stage.Stage) -> None:
    """In the same order: sections, items, the item."""
    driver = at_item(start, tablet, "A01")
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


def test_no_label_is_cut_off(start: Start, tablet: stage.Stage) -> None:
    """Kivy measures short of what it draws once a label with markup has used the font (2.3.1)."""
    from kivy.uix.label import Label

    driver = at_item(start, tablet, "A03")
    cut = []
    for widget in driver.root.walk(restrict=True):
        if isinstance(widget, Label) and widget.text and widget.texture and widget.font_name != "Icons":
            width, height = widget.texture.size
            pixels = widget.texture.pixels
            edge = max(pixels[(line * width + width - 1) * 4 + 3] for line in range(height))
            if edge > 200:
                cut.append((widget.text, edge))
    assert cut == []
