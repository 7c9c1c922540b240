"""A visit's own pages, tapped through over a real store: findings, computers, talks, the end of the visit."""

import gc
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from shared_schema.chance import draw_sample
from shared_schema.ids import FindingId
from shared_schema.locale.tablet_pages import TABLET_PAGES
from shared_schema.operations import Aborted, DeviceChecked, Finding, SampleDrawn, SignatureRefused, Signed
from tests.e2e import tablet_stage as stage
from tests.e2e.marks import SCREENS
from tests.e2e.tablet_story import SIGNATURE

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

pytestmark = SCREENS
AtPage = Callable[..., "Driver"]


@pytest.fixture
def at_page(start: Callable[..., "Driver"], tablet: stage.Stage) -> AtPage:
    """Starts the app on one page of an open visit with two findings."""

    def begin(page: str, person: str = stage.LEADER) -> "Driver":
        store, desk = tablet.open()
        stage.open_visit(desk)
        for finding, item, fact in (("F-1", "A03", "台账 3 台、现场 2 台"), ("F-2", "E01", "去向无记录")):
            desk.record_finding(stage.LEADER, stage.VISIT, Finding(finding=finding, item=item, fact=fact))
        store.close()
        driver = start(person=person)
        driver.shown(lambda: driver.session.go(inspection=stage.VISIT, section=page, item="", pane="items"))
        driver.settle()
        return driver

    return begin


def act(driver: "Driver", kind: str, **looks: object) -> None:
    """Taps a widget and lets the sheet come."""
    widget = driver.widget(kind, **looks)
    driver.tap(widget)
    driver.settle()


# --- findings ----------------------------------------------------------------------------------------------


def test_everything_that_hangs_on_a_finding_is_recorded_from_its_sheet(at_page: AtPage) -> None:
    """A repeat of last year's, the same fact as another, fixed on the spot, the unit's word; then taken back."""
    driver = at_page("@findings")
    assert "共 2 个，已当场整改 0，屡查屡犯 0" in driver.texts()

    act(driver, "FindingItem", key="F-2")
    act(driver, "ActLine", text="屡查屡犯")
    driver.shown(lambda: driver.tap(driver.widget("Tick", text="一台非涉密计算机未装防护软件")))
    driver.settle()

    act(driver, "FindingItem", key="F-1")
    act(driver, "ActLine", text="与另一问题为同一事实")
    driver.shown(lambda: driver.tap(driver.widget("Tick", text="去向无记录")))
    driver.settle()

    act(driver, "FindingItem", key="F-1")
    act(driver, "ActLine", text="当场整改")
    driver.press("save")
    assert "整改前、整改后都要写。" in driver.texts()
    driver.type_into(driver.field("finding.after"), "已补登 2 台")
    driver.shown(lambda: driver.press("save"))
    driver.settle()

    act(driver, "FindingItem", key="F-1")
    act(driver, "ActLine", text="单位说明")
    driver.tap(driver.widget("Segment", text="有异议"))
    driver.press("save")
    assert "有异议时请写明单位的说明。" in driver.texts()
    driver.type_into(driver.field("finding.statement"), "第三台已报废")
    driver.shown(lambda: driver.press("save"))
    driver.settle()

    findings = driver.inspection(stage.VISIT).findings
    first, second = findings[FindingId("F-1")], findings[FindingId("F-2")]
    assert (second.earlier, first.duplicate) == ("F-2025-7", "F-2")
    assert first.fix is not None
    assert (first.fix.value.before, first.fix.value.after) == ("台账 3 台、现场 2 台", "已补登 2 台")
    assert first.statement is not None
    assert (first.statement.value.accepts, first.statement.value.statement) == (False, "第三台已报废")

    act(driver, "FindingItem", key="F-1")
    act(driver, "ActLine", text="撤销问题")
    driver.type_into(driver.field("finding.withdraw_reason"), "复核后属实已报废")
    driver.shown(lambda: driver.press("finding.withdraw"))
    assert driver.inspection(stage.VISIT).findings[FindingId("F-1")].withdrawn
    assert "共 1 个，已当场整改 0，屡查屡犯 1" in driver.texts()


# --- computers and talks -----------------------------------------------------------------------------------


def test_a_sample_is_drawn_checked_and_substituted(at_page: AtPage, tablet: stage.Stage) -> None:
    """Seed and hash are shown and recorded, and give the same numbers to anybody who draws again."""
    driver = at_page("@computers")
    driver.press("computers.draw")
    driver.settle()
    driver.tap(driver.widget("Segment", text="涉密 5"))
    for _ in range(2):
        driver.tap(driver.widget("Stepper"), 0.1)
    driver.shown(lambda: driver.press("sample.record"))
    driver.settle()
    body = driver.inspection(stage.VISIT).samples[0].value
    assert isinstance(body, SampleDrawn)
    classified = [f"SM-{n:03}" for n in range(1, 6)]
    assert (body.population_hash, body.drawn) == draw_sample(classified, 3, body.seed)

    act(driver, "Chip", text="从 5 中抽 3")
    assert body.seed in driver.texts()
    assert "可复核：按清册和种子重抽，结果相同" in driver.texts()
    driver.root.close(at_once=True)

    act(driver, "ComputerLine", key=body.drawn[0])
    driver.tap(driver.widget("Stepper"), 0.9)
    driver.tap(driver.widget("Stepper"), 0.9)
    driver.type_into(driver.field("device.report"), "JC-7")
    driver.shown(lambda: driver.press("device.record"))
    driver.settle()
    (checked,) = driver.inspection(stage.VISIT).devices
    assert checked.value == DeviceChecked(
        register_no=body.drawn[0], classified=True, problems=2, tool_report="JC-7"
    )
    assert "已检查：涉密 1 台，非涉密 0 台，发现问题 2 个" in driver.texts()

    act(driver, "ComputerLine", key=body.drawn[1])
    driver.press("device.substitute")
    driver.settle()
    other = next(one for one in classified if one not in body.drawn)
    driver.tap(driver.widget("Chip", text=other))
    driver.press("substitute.record")
    assert "请写明原因。" in driver.texts()
    driver.type_into(driver.field("substitute.reason"), "已送修")
    driver.shown(lambda: driver.press("substitute.record"))
    body = driver.inspection(stage.VISIT).samples[0].value
    assert body.replaced == ((body.drawn[1], other, "已送修"),)


def test_talks_are_counted_by_category(at_page: AtPage) -> None:
    """Due and held; writing it once more replaces one's own record."""
    driver = at_page("@interviews")
    assert "必谈 0 / 3 类已完成" in driver.texts()
    for taps in (1, 2):
        driver.tap(_recorders(driver)[0])
        driver.settle()
        due, held = driver.widgets("Stepper")
        if taps == 1:
            driver.tap(due, 0.9)
            driver.tap(due, 0.9)
        driver.tap(held, 0.9)
        driver.shown(lambda: driver.press("interview.record"))
        driver.settle()
    (cell,) = driver.inspection(stage.VISIT).interviews
    assert (cell.value.category, cell.value.required, cell.value.held) == ("leader", 2, 2)
    assert "必谈 1 / 3 类已完成" in driver.texts()


def _recorders(driver: "Driver") -> "list[object]":
    """The buttons that record talks, in the order of the categories."""
    return [one for card in driver.widgets("InterviewCard") for one in card.walk() if _says(one, "记录访谈")]


def _says(widget: object, text: str) -> bool:
    return type(widget).__name__ == "Push" and getattr(widget, "text", "") == text


# --- the end of the visit ----------------------------------------------------------------------------------


def test_signatures_are_drawn_on_paper_or_refused(at_page: AtPage) -> None:
    """On the screen the strokes are kept, on paper its number, of a refusal the reason and the witness."""
    driver = at_page("@closing")
    lines = list(driver.widgets("SignatureLine"))
    assert [line.text for line in lines] == ["未签字"] * 4
    _sign(driver, 0)
    pad = driver.widget("SignPad")
    driver.press("sign.record")
    assert "请先手写签名。" in driver.texts()
    left, low = pad.to_window(pad.x, pad.y)
    for stroke in SIGNATURE:
        driver.drag([(left + x * pad.width / 1000, low + y * pad.width / 1000) for x, y, _ in stroke])
    driver.shown(lambda: driver.press("sign.record"))
    driver.settle()

    _sign(driver, 1)
    driver.tap(driver.widget("Segment", text="纸上签字"))
    driver.settle()
    driver.type_into(driver.field("sign.paper_ref"), "笔录第 3 页")
    driver.shown(lambda: driver.press("sign.record"))
    driver.settle()

    _sign(driver, 3)
    driver.tap(driver.widget("Segment", text="拒签"))
    driver.settle()
    driver.press("sign.record")
    assert "请写明原因和见证人。" in driver.texts()
    driver.type_into(driver.field("sign.reason"), "对 A03 有异议")
    driver.tap(driver.widget("Chip", text="赵敏"))
    driver.shown(lambda: driver.press("sign.record"))
    driver.settle()

    signed = {cell.field: cell.value for cell in driver.inspection(stage.VISIT).signatures}
    drawn = signed["signature/leader"]  # type: ignore[index]
    assert isinstance(drawn, Signed)
    assert [len(stroke) for stroke in drawn.strokes] == [len(stroke) for stroke in SIGNATURE]
    for kept, wanted in zip(drawn.strokes, SIGNATURE, strict=True):
        for (x, y, _), (wanted_x, wanted_y, _) in zip(kept, wanted, strict=True):
            assert abs(x - wanted_x) <= 2
            assert abs(y - wanted_y) <= 2
    assert signed["signature/inspector/林晓喆"] == Signed(  # type: ignore[index]
        role="inspector", name="林晓喆", method="paper", paper_ref="笔录第 3 页"
    )
    assert signed["signature/unit_head"] == SignatureRefused(  # type: ignore[index]
        role="unit_head", reason="对 A03 有异议", witness="赵敏"
    )


def test_signatures_that_are_drawn_anew_let_the_earlier_lines_go(at_page: AtPage) -> None:
    """Nothing that stays, such as the palette, holds a line that is no longer on the page."""
    driver = at_page("@closing")
    seen = [weakref.ref(line) for line in driver.widgets("SignatureLine")]
    driver.app.visit.pages["@closing"].forget()
    driver.app.visit.pages["@closing"].show(driver.session.shown.visit)
    driver.settle()
    gc.collect()
    assert [one() for one in seen] == [None] * 4
    assert len(list(driver.widgets("SignatureLine"))) == 4


def test_a_sheet_that_was_sent_away_is_let_go(at_page: AtPage) -> None:
    driver = at_page("@closing")
    _sign(driver, 0)
    seen = [weakref.ref(one) for one in driver.root.sheet.walk(restrict=True)]
    assert driver.widget("Segmented") in [one() for one in seen]
    driver.root.close(at_once=True)
    driver.settle()
    gc.collect()
    assert [type(one()).__name__ for one in seen if one() is not None] == []


def test_the_visit_ends_with_the_units_word_deliberation_and_handing_in(at_page: AtPage) -> None:
    """Step by step from one page; then everything is locked."""
    driver = at_page("@closing")
    findings = driver.app.visit.pages["@closing"].findings
    driver.scroll_to(findings)

    def offered() -> bool:
        return any(_says(one, "单位全部认可") for one in driver.root.walk(restrict=True))

    def accept_all() -> None:
        # Something else may be shown meanwhile: what this tap does is waited for, and with it what takes it back.
        driver.until(offered)
        driver.settle()
        driver.press("closing.accept_all")
        driver.until(lambda: not offered())
        driver.settle()

    accept_all()
    known = driver.inspection(stage.VISIT).findings.values()
    assert len(known) > 1
    assert all(one.statement for one in known)
    # Taken back as a whole, by one tap, and said again.
    driver.root.ids.snackbar.act()
    driver.until(offered)
    assert not any(one.statement for one in driver.inspection(stage.VISIT).findings.values())
    accept_all()
    driver.scroll_to(driver.app.visit.pages["@closing"].steps)
    driver.tap(next(line for line in driver.widgets("StepLine") if line.text == "小组评议").children[0])
    driver.settle()
    driver.shown(lambda: driver.press("deliberate.record"))
    driver.settle()
    driver.tap(next(line for line in driver.widgets("StepLine") if line.text == "提交检查").children[0])
    driver.settle()
    driver.shown(lambda: driver.press("visit.submit"))
    driver.settle()
    assert driver.inspection(stage.VISIT).stage == "submitted"
    assert all(line.disabled for line in driver.widgets("SignatureLine"))
    assert not offered()


def test_one_tap_is_recorded_once_however_long_nobody_tapped_before(
    start: Callable[..., "Driver"], at_page: AtPage
) -> None:
    """What the start makes afterwards, while nobody does anything, binds nothing a second time."""
    at_page("@closing")
    driver = start(person=stage.LEADER)
    driver.shown(driver.session.leave)
    driver = start(person=stage.LEADER)
    driver.until(
        lambda: driver.app._afterwards._next is not None and not driver.app._afterwards._next.is_triggered
    )
    driver.shown(lambda: driver.session.go(inspection=stage.VISIT, section="@closing", item="", pane="items"))
    driver.settle()
    before = driver.session.shown.sync.unsent
    driver.scroll_to(driver.app.visit.pages["@closing"].findings)
    driver.press("closing.accept_all")
    driver.settle()
    driver.until(lambda: driver.session.shown.sync.unsent > before)
    driver.settle()
    assert driver.session.shown.sync.unsent - before == 2


def _sign(driver: "Driver", place: int) -> None:
    line = list(driver.widgets("SignatureLine"))[place]
    driver.scroll_to(line)
    driver.tap(line)
    driver.settle()


def test_a_measure_is_proposed_with_a_reason(at_page: AtPage) -> None:
    """What, why, and the number of the paper."""
    driver = at_page("@closing")
    driver.scroll_to(driver.app.visit.pages["@closing"].measures)
    driver.press("measure.add")
    driver.settle()
    driver.type_into(driver.field("measure.reason"), "非密机存有敏感文件")
    driver.press("measure.record")
    assert "请选择一项措施，并写明理由。" in driver.texts()
    driver.tap(driver.widget("Tick", text="责令停止使用"))
    driver.shown(lambda: driver.press("measure.record"))
    (measure,) = driver.inspection(stage.VISIT).measures
    assert (measure.value.what, measure.value.reason) == ("stop_use", "非密机存有敏感文件")


# --- breaking off ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_leader_breaks_a_visit_off_with_a_cause_a_reason_and_a_tick(
    at_page: AtPage, language: str
) -> None:
    """Without any of the three nothing is recorded; afterwards nothing can be changed, and the screen says so."""
    driver = at_page("@closing")
    if language == "en":
        driver.shown(lambda: driver.session.speak(language))
        driver.settle()
    driver.press("abort.title")
    driver.settle()
    steps: tuple[Callable[[], object], ...] = (
        lambda: driver.tap(driver.widget("Tick", text=TABLET_PAGES["abort.cause_refusal"][language == "en"])),
        lambda: driver.type_into(driver.root.sheet.reason, "单位负责人不同意进入机房。"),
        lambda: driver.tap(driver.widget("Tick", text=TABLET_PAGES["abort.sure"][language == "en"])),
    )
    for step in steps:
        driver.press("abort.do")
        assert TABLET_PAGES["abort.missing"][language == "en"] in driver.texts()
        assert driver.inspection(stage.VISIT).stage == "opened"
        step()
    driver.shown(lambda: driver.press("abort.do"))
    driver.settle()
    state = driver.inspection(stage.VISIT)
    assert state.stage == "aborted"
    assert state.stage_cell is not None
    assert state.stage_cell.value == Aborted("refusal", "单位负责人不同意进入机房。")
    texts = driver.texts()
    assert any(text.startswith("已中止" if language == "zh" else "Aborted") for text in texts)
    assert TABLET_PAGES["abort.title"][language == "en"] not in texts


def test_a_member_who_does_not_lead_cannot_break_it_off(at_page: AtPage) -> None:
    """It is the leader's to decide, as handing in is."""
    driver = at_page("@closing", stage.SECOND)
    assert "中止检查" not in driver.texts()
