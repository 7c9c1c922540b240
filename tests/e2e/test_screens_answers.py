"""Answers of every kind, N/A, notes and findings, tapped and typed over a real store with the default checklist."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import asdict

from shared_schema.ids import ItemId
from shared_schema.locale.tablet import TABLET
from shared_schema.operations import (
    Actual,
    Answer,
    ClauseHit,
    Clauses,
    Count,
    Finding,
    FindingAmended,
    NotApplicable,
    Present,
    Ratio,
    Value,
    YesNo,
)
from tests.e2e import tablet_stage as stage
from tests.e2e.marks import SCREENS

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

pytestmark = SCREENS
Start = Callable[..., "Driver"]
AtItem = Callable[..., "Driver"]


def answer_of(driver: "Driver", item: str) -> Any:
    """The answer that stands in the store."""
    cell = driver.inspection(stage.VISIT).items[ItemId(item)].answer
    assert cell is not None
    return cell.value.answer if isinstance(cell.value, Answer) else cell.value


# --- answers of every kind ---------------------------------------------------------------------------------


def test_yes_or_no_is_answered_in_the_row(at_item: AtItem) -> None:
    """The left half says met, the right half not met; the other one replaces it."""
    driver = at_item("A06")
    quick = driver.row("A06").ids.quick
    driver.shown(lambda: driver.tap(quick, 0.25))
    assert answer_of(driver, "A06") == YesNo(True)
    driver.shown(lambda: driver.tap(quick, 0.75))
    assert answer_of(driver, "A06") == YesNo(False)
    assert not driver.inspection(stage.VISIT).disputes
    assert driver.row("A06").edge == "bad"


def test_occurrences_are_counted_in_the_row(at_item: AtItem) -> None:
    """None at all is one tap; plus and minus count from there."""
    driver = at_item("A03")
    quick = driver.row("A03").ids.quick
    driver.shown(lambda: driver.tap(quick, 0.2))
    assert answer_of(driver, "A03") == Count(0)
    driver.shown(lambda: driver.tap(quick, 0.9))
    driver.shown(lambda: driver.tap(quick, 0.9))
    assert answer_of(driver, "A03") == Count(2)
    driver.shown(lambda: driver.tap(quick, 0.1))
    assert answer_of(driver, "A03") == Count(1)


def test_occurrences_are_counted_on_the_item_with_what_they_cost(at_item: AtItem) -> None:
    """Each step is recorded, and the deduction is seen at once."""
    driver = at_item("A03")
    stepper = driver.widget("Stepper")
    driver.shown(lambda: driver.tap(stepper, 0.9))
    driver.shown(lambda: driver.tap(stepper, 0.9))
    assert answer_of(driver, "A03") == Count(1)
    assert any(text.startswith("−0.5") for text in driver.texts())


def test_clauses_are_ticked(at_item: AtItem) -> None:
    """Each clause that applies is one tick; none of them is one, too."""
    driver = at_item("A01")
    driver.shown(lambda: driver.tap(driver.widget("Tick", text="未听取汇报")))
    assert answer_of(driver, "A01") == Clauses((ClauseHit("b"),))
    driver.shown(lambda: driver.tap(driver.widget("Tick", text="无明确部署要求")))
    assert answer_of(driver, "A01") == Clauses((ClauseHit("a"), ClauseHit("b")))
    driver.shown(lambda: driver.tap(driver.widget("Tick", text="以上情形均未发现")))
    assert answer_of(driver, "A01") == Clauses()


def test_a_clause_with_discretion_asks_for_amount_and_reason(at_item: AtItem) -> None:
    """Nothing is recorded before there is a reason."""
    driver = at_item("A02")
    driver.tap(driver.widget("Tick", text="违规问题未跟进"))
    driver.settle()
    driver.press("clauses.record")
    assert "请写明理由后记录。" in driver.texts()
    driver.type_into(driver.field("clauses.reason"), "两次会议未传达")
    driver.tap(driver.widget("AmountStepper").children[0])
    driver.shown(lambda: driver.press("clauses.record"))
    assert answer_of(driver, "A02") == Clauses((ClauseHit("b", Decimal("0.3"), "两次会议未传达"),))


def test_a_ratio_is_typed_and_recorded(at_item: AtItem) -> None:
    """More conforming than sampled is refused with a sentence."""
    driver = at_item("A04")
    driver.type_into(driver.field("ratio.sampled"), "8")
    driver.type_into(driver.field("ratio.conforming"), "9")
    driver.press("answer.record")
    assert "符合数不能大于抽查数。" in driver.texts()
    driver.type_into(driver.field("ratio.conforming"), "7")
    driver.tap(driver.widget("Tick", text="样本就是全部"))
    driver.shown(lambda: driver.press("answer.record"))
    assert answer_of(driver, "A04") == Ratio(8, 7, 8)


def test_a_figure_is_typed_and_recorded(at_item: AtItem) -> None:
    """A percentage is an exact decimal."""
    driver = at_item("H02")
    driver.type_into(driver.field("value.figure"), "92.5")
    driver.type_into(driver.field("value.sampled"), "20")
    driver.shown(lambda: driver.press("answer.record"))
    assert answer_of(driver, "H02") == Value(Decimal("92.5"), 20)


def test_times_really_done_are_counted(at_item: AtItem) -> None:
    """A shortfall item takes how many times it was done."""
    driver = at_item("H04")
    driver.shown(lambda: driver.tap(driver.row("H04").ids.quick, 0.9))
    driver.shown(lambda: driver.tap(driver.widget("Stepper"), 0.9))
    assert answer_of(driver, "H04") == Actual(2)


def test_a_veto_is_said_to_have_happened_or_not(at_item: AtItem) -> None:
    """Of a veto only the number of the paper record is kept beside it."""
    driver = at_item("V01")
    assert "只记次数和纸质记录编号，不写具体内容。" in driver.texts()
    driver.shown(lambda: driver.tap(driver.widget("Segment", text="未发生")))
    assert answer_of(driver, "V01") == Present(False)
    driver.shown(lambda: driver.type_into(driver.field("paper.number"), "保查-2026-17"))
    cell = driver.inspection(stage.VISIT).items[ItemId("V01")].answer
    assert cell is not None
    assert cell.value == Answer("V01", Present(False), paper_ref="保查-2026-17")


# --- N/A, notes, findings ----------------------------------------------------------------------------------


def test_not_applicable_needs_a_reason(at_item: AtItem) -> None:
    """Where the unit's profile says nothing, none is chosen beforehand."""
    driver = at_item("B04")
    driver.scroll_to(driver.pressable("不适用…"))
    driver.press("na.mark")
    driver.settle()
    driver.press("na.record")
    assert "请选择理由。" in driver.texts()


def test_not_applicable_needs_a_colleague(at_item: AtItem) -> None:
    """The unit's profile says why. It waits, with the word for it, until another member stands behind it."""
    driver = at_item("B03")
    assert "单位概况登记为“无定密权限”，本项可能不适用" in driver.texts()
    driver.scroll_to(driver.pressable("不适用…"))
    driver.press("na.mark")
    driver.settle()
    assert driver.widget("Tick", text="无定密权限").detail == "单位概况如此登记"
    driver.type_into(driver.field("na.explanation"), "本单位没有定密权，文件由区委办代定。")
    driver.shown(lambda: driver.press("na.record"))
    assert answer_of(driver, "B03") == NotApplicable(
        "B03", "no_power", "本单位没有定密权，文件由区委办代定。"
    )
    assert "待另一名组员确认" in driver.texts()
    driver.settle()
    driver.shown(lambda: driver.session.go(person=stage.SECOND))
    driver.settle()
    driver.scroll_to(driver.pressable("我确认不适用"))
    driver.shown(lambda: driver.press("na.consent"))
    assert "已确认：林晓喆" in driver.texts()


def test_a_note_is_written_in_a_sheet_at_the_top(at_item: AtItem) -> None:
    """The sheet touches the upper edge, where no keyboard covers it."""
    driver = at_item("A06")
    driver.tap(driver.widget("NoteCard"))
    driver.settle()
    sheet = driver.widget("Sheet")
    assert sheet.ids.panel.top == sheet.top
    driver.type_into(driver.field("note.mine"), "考评办法第 6 条，2026 年 3 月印发。")
    driver.shown(lambda: driver.press("save"))
    notes = driver.inspection(stage.VISIT).items[ItemId("A06")].notes
    assert [note.value.text for note in notes] == ["考评办法第 6 条，2026 年 3 月印发。"]


@pytest.mark.parametrize(
    ("language", "item_basis", "added"),
    [("zh", "《实施条例》第 6 条", "《保密法》第8条"), ("en", "Regulations, art. 6", "Secrecy Law, art. 8")],
)
def test_a_finding_carries_its_basis_cause_and_computer(
    at_item: AtItem, language: str, item_basis: str, added: str
) -> None:
    """The basis begins as the item's; what is added to it is read back as the article it is, or as it was written."""
    driver = at_item("A06")
    if language == "en":
        driver.shown(lambda: driver.session.speak("en"))
    driver.press("finding.add")
    driver.settle()
    field = driver.field("finding.basis")
    assert field.text == item_basis
    driver.type_into(driver.field("finding.fact"), "考评表中没有保密一栏。")
    for key, text in (("finding.cause", "无专人"), ("finding.device", "FM-007")):
        driver.scroll_to(driver.field(key))
        driver.type_into(driver.field(key), text)
    driver.scroll_to(field)
    driver.type_into(field, f"{item_basis}；{added}; 本单位制度 3.2 节")
    driver.tap(driver.widget("Tick", text=TABLET["finding.common"][language == "en"]))
    driver.shown(lambda: driver.press("finding.record"))
    (finding,) = driver.inspection(stage.VISIT).findings.values()
    assert finding.text is not None
    assert finding.text.basis == ("reg:6", "law:8", "本单位制度 3.2 节")
    assert (finding.text.cause, finding.text.device, finding.text.common) == ("无专人", "FM-007", True)
    driver.settle()
    line = driver.widget("FindingLine")
    driver.scroll_to(line)
    driver.tap(line)
    driver.settle()
    assert any(item_basis in text and "本单位制度 3.2 节" in text for text in driver.texts())


def test_a_finding_is_recorded_and_amended(at_item: AtItem) -> None:
    """Fact, severity, what follows; an empty fact is named."""
    driver = at_item("A06")
    driver.press("finding.add")
    driver.settle()
    driver.press("finding.record")
    assert "请写明事实。" in driver.texts()
    driver.type_into(driver.field("finding.fact"), "考评表中没有保密一栏。")
    driver.tap(driver.widget("Segment", text="轻微"))
    driver.type_into(driver.field("finding.due"), "2026-12-20")
    driver.shown(lambda: driver.press("finding.record"))
    (finding,) = driver.inspection(stage.VISIT).findings.values()
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
    driver.tap(driver.widget("ActLine", text="修改内容"))
    driver.settle()
    driver.type_into(driver.field("finding.fact"), "考评表中有保密一栏，但未评分。")
    driver.shown(lambda: driver.press("finding.amend"))
    (finding,) = driver.inspection(stage.VISIT).findings.values()
    assert finding.text is not None
    assert finding.text.fact == "考评表中有保密一栏，但未评分。"


def test_everything_that_is_filled_into_a_finding_is_kept_until_it_is_recorded(
    at_item: AtItem, start: Start
) -> None:
    """Cause, common or single, computer, count, severity and deadline are there after leaving and a kill; an
    amendment half made is a draft of its own.
    """
    from mobile.ui.memory import memory

    driver = at_item("E01")
    _new_finding(driver)
    driver.type_into(driver.field("finding.fact"), "一台计算机未装防护软件")
    driver.tap(driver.widget("Segment", text="严重"))
    driver.tap(driver.widget("Segment", text="立行立改"))
    driver.tap(driver.widget("Segment", text="限期整改"))
    driver.type_into(driver.field("finding.due"), "2026-12-20")
    form = driver.root.sheet.form
    for field, text in ((form.device, "SM-003"), (form.cause, "采购后未登记")):
        driver.scroll_to(field)
        driver.type_into(field, text)
    for widget, across in ((form.occurrences, 0.9), (form.occurrences, 0.9), (form.common, 0.5)):
        driver.scroll_to(widget)
        driver.tap(widget, across)
    driver.until(lambda: not memory._changed)
    driver = start()
    driver.settle()
    _new_finding(driver)
    driver.shown(lambda: driver.press("finding.record"))
    assert memory._kept.keys() <= {"scroll.items"}
    (finding,) = driver.inspection(stage.VISIT).findings.values()
    expected = Finding(
        finding=finding.finding, item="E01", fact="一台计算机未装防护软件", severity="severe", due="2026-12-20",
        device="SM-003", cause="采购后未登记", occurrences=3, common=True, disposal="fix_by",
        basis=("law:31", "reg:34"),
    )  # fmt: skip
    assert finding.text == expected
    for text in ("轻微", "一般"):
        driver.settle()
        _amend(driver)
        assert driver.root.sheet.form.severity.value == ("severe" if text == "轻微" else "minor")
        driver.tap(driver.widget("Segment", text=text))
        driver.root.close(at_once=True)
    _amend(driver)
    driver.shown(lambda: driver.press("finding.amend"))
    (finding,) = driver.inspection(stage.VISIT).findings.values()
    assert finding.text == FindingAmended(**asdict(expected) | {"severity": "general"})
    assert memory._kept.keys() <= {"scroll.items"}


def _new_finding(driver: "Driver") -> None:
    driver.scroll_to(driver.widget("FindingsCard"))
    driver.press("finding.add")
    driver.settle()


def _amend(driver: "Driver") -> None:
    line = driver.widget("FindingLine")
    driver.scroll_to(line)
    driver.tap(line)
    driver.settle()
    driver.tap(driver.widget("ActLine", icon="edit"))
    driver.settle()
