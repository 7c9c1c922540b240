"""What makes the tablet easy on people: undo, drafts, filters, search, paper, larger type, coming back after a kill."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared_schema.ids import ItemId, PersonId
from shared_schema.operations import Answer, ClauseHit, Clauses, Count, Finding, NotApplicable, Ratio, YesNo
from shared_schema.problems import Problem
from tests.e2e import tablet_stage as stage
from tests.e2e import tablet_story
from tests.e2e.hand import Hand
from tests.e2e.marks import SCREENS

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

pytestmark = SCREENS
Start = Callable[..., "Driver"]
AtItem = Callable[..., "Driver"]
PAGES = ("@findings", "@computers", "@interviews", "@closing")


def answer_of(driver: "Driver", item: str) -> Any:
    """The answer that stands in the store."""
    cell = driver.inspection(stage.VISIT).items[ItemId(item)].answer
    assert cell is not None
    return cell.value


# --- taking back, and not losing what is typed ---------------------------------------------------------------


def test_a_tap_is_taken_back_from_the_snackbar(at_item: AtItem) -> None:
    """A changed answer reads as before; a first one is unsaid, and its item is open again."""
    driver = at_item("A06")
    snackbar = driver.root.ids.snackbar
    driver.shown(lambda: driver.tap(driver.row("A06").ids.quick, 0.25))
    driver.shown(lambda: driver.tap(driver.row("A06").ids.quick, 0.75))
    driver.settle()
    assert (snackbar.text, snackbar.action) == ("已记录", "撤销")
    driver.shown(snackbar.act)
    assert answer_of(driver, "A06") == Answer("A06", YesNo(True))
    assert not driver.inspection(stage.VISIT).disputes
    driver.settle()
    assert (snackbar.text, snackbar.action) == ("已撤销", "")
    driver.shown(lambda: driver.session.go(item="A03"))
    driver.shown(lambda: driver.session.do("answer", "A03", Count(1)))
    driver.shown(snackbar.act)
    assert driver.row("A03").row.state == "open"
    assert ItemId("A03") not in driver.inspection(stage.VISIT).items


def test_a_finding_recorded_by_mistake_is_taken_back(at_item: AtItem) -> None:
    """It is gone from the item and from the page of findings; a withdrawn one comes back the same way."""
    driver = at_item("A03")
    snackbar = driver.root.ids.snackbar
    text = Finding(finding="F-1", item="A03", fact="台账缺页")
    driver.shown(lambda: driver.session.do("record_finding", text, told="已记录"))
    assert (snackbar.text, snackbar.action) == ("已记录", "撤销")
    driver.shown(snackbar.act)
    assert driver.inspection(stage.VISIT).findings == {}
    driver.shown(lambda: driver.session.do("record_finding", text))
    driver.shown(lambda: driver.session.do("withdraw_finding", "F-1", "看错"))
    driver.shown(snackbar.act)
    (known,) = driver.inspection(stage.VISIT).findings.values()
    assert known.text == text


def test_what_is_half_typed_is_there_again_after_leaving_and_after_a_kill(
    at_item: AtItem, start: Start
) -> None:
    """A ratio, a reason for discretion, a note, a finding; recorded, it is no draft any more."""
    driver = at_item("A04")
    driver.type_into(driver.field("ratio.sampled"), "8")
    driver.shown(lambda: driver.session.go(item="A02"))
    driver.settle()
    driver.tap(driver.widget("Tick", text="违规问题未跟进"))
    driver.settle()
    driver.type_into(driver.field("clauses.reason"), "两次会议")
    driver.scroll_to(driver.widget("FindingsCard"))
    driver.press("finding.add")
    driver.settle()
    driver.type_into(driver.field("finding.fact"), "写到一半")
    driver.root.close(at_once=True)
    driver.shown(lambda: driver.session.go(item="A04"))
    driver.settle()
    assert driver.field("ratio.sampled").text == "8"
    assert driver.field("ratio.conforming").text == ""
    driver.settle(0.7)

    # The next start reads only what is in the file: nothing is said on the way out.
    from mobile.ui.memory import memory

    memory._changed = False
    driver = start()
    driver.settle()
    assert driver.field("ratio.sampled").text == "8"
    driver.type_into(driver.field("ratio.conforming"), "7")
    driver.shown(lambda: driver.press("answer.record"))
    assert answer_of(driver, "A04").answer == Ratio(8, 7)
    driver.shown(lambda: driver.session.go(item="A02"))
    driver.settle()
    assert driver.field("clauses.reason").text == "两次会议"
    driver.scroll_to(driver.pressable("记录"))
    driver.shown(lambda: driver.press("clauses.record"))
    assert answer_of(driver, "A02").answer == Clauses((ClauseHit("b", Decimal("0.2"), "两次会议"),))
    driver.scroll_to(driver.widget("FindingsCard"))
    driver.press("finding.add")
    driver.settle()
    assert driver.field("finding.fact").text == "写到一半"
    driver.shown(lambda: driver.press("finding.record"))
    assert [key for key in memory._kept if not key.startswith("scroll.")] == []


def test_a_colleagues_drafts_are_not_mine(at_item: AtItem) -> None:
    """A draft belongs to the person who typed it."""
    driver = at_item("A04")
    driver.type_into(driver.field("ratio.sampled"), "8")
    driver.shown(lambda: driver.session.go(person=stage.SECOND))
    driver.settle()
    assert driver.field("ratio.sampled").text == ""


def test_the_list_comes_back_where_it_was_scrolled_to(at_item: AtItem, start: Start) -> None:
    """After a kill, to within a row."""
    driver = at_item("E01")
    driver.app.visit.items.ids.rows.scroll_y = 0.4
    driver.settle(1)
    again = start()
    again.settle()
    assert abs(again.app.visit.items.ids.rows.scroll_y - 0.4) < 0.01


def test_the_work_list_comes_back_where_it_was_scrolled_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a kill and after a visit to one of them; a search begins at its top and leaves no trace."""
    from tests.e2e.screen_driver import running

    many = tuple(
        (f"visit-{n:03}", f"第{n:03}单位", f"Unit {n:03}", "bureau", f"青年路 {n} 号", "2026-11-22")
        for n in range(40)
    )
    monkeypatch.setattr(stage, "UNITS", many)
    tablet = stage.set_up(tmp_path, units=40)
    with running(*tablet.open(), language="zh", person=stage.LEADER) as driver:
        driver.root._screens["work"].ids.rows.scroll_y = 0.4
        driver.settle(0.8)
        driver.type_into(next(driver.widgets("Field")), "第017")
        driver.settle(0.8)
    with running(*tablet.open(), language="zh", person=stage.LEADER) as driver:
        driver.settle()
        assert abs(driver.root._screens["work"].ids.rows.scroll_y - 0.4) < 0.01


def test_a_note_takes_phrases_by_a_tap(at_item: AtItem) -> None:
    """They are added to what is there, and a note can be taken back."""
    driver = at_item("A06")
    driver.tap(driver.widget("NoteCard"))
    driver.settle()
    driver.type_into(driver.field("note.mine"), "考评办法第 6 条。")
    driver.tap(driver.widget("Chip", text="未见审批记录。"))
    driver.shown(lambda: driver.press("save"))
    notes = driver.inspection(stage.VISIT).items[ItemId("A06")].notes
    assert [note.value.text for note in notes] == ["考评办法第 6 条。未见审批记录。"]
    driver.settle()
    driver.shown(driver.root.ids.snackbar.act)
    assert driver.widget("NoteCard").own == ""


# --- finding the way -----------------------------------------------------------------------------------------


def test_items_are_narrowed_down_over_all_sections(at_item: AtItem) -> None:
    """One tap narrows, the same tap shows the section again; an empty answer is said in words."""
    driver = at_item("A06")
    driver.shown(lambda: driver.tap(driver.widget("Chip", text="可拍照")))
    keys = {row.key for row in driver.widgets("ItemLine")}
    assert keys
    assert "A06" not in keys
    driver.shown(lambda: driver.tap(driver.widget("Chip", text="有分歧")))
    assert "没有这样的检查项。" in driver.texts()
    driver.shown(lambda: driver.tap(driver.widget("Chip", text="有分歧")))
    assert driver.row("A06").key == "A06"


def test_three_hundred_visits_are_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By any word of the card; nothing found is said, with the cure."""
    from tests.e2e.screen_driver import running

    many = tuple(
        (
            f"visit-{n:03}",
            f"第{n:03}单位",
            f"Unit {n:03}",
            "bureau",
            f"青年路 {n} 号",
            f"2026-11-{1 + n % 28:02}",
        )
        for n in range(300)
    )
    monkeypatch.setattr(stage, "UNITS", many)
    tablet = stage.set_up(tmp_path, units=300)
    with running(*tablet.open(), language="zh", person=stage.LEADER) as driver:
        field = next(driver.widgets("Field"))
        driver.type_into(field, "第217")
        driver.settle()
        assert [row.unit for row in driver.widgets("WorkLine")] == ["第217单位"]
        assert "上次未销号 1 个" in driver.texts() or "上次未销号 1" in driver.texts()
        driver.type_into(field, "不存在")
        driver.settle()
        assert "没有找到“不存在”。" in driver.texts()


def test_answers_are_copied_from_paper_until_that_is_ended(at_item: AtItem) -> None:
    """Rows and cards alike; a banner says so all the while."""
    driver = at_item("A06")
    driver.tap(driver.widget("Tick", text="据纸质记录录入"))
    driver.settle()
    assert "正在据纸质记录录入" in driver.texts()
    driver.shown(lambda: driver.tap(driver.row("A06").ids.quick, 0.25))
    assert answer_of(driver, "A06") == Answer("A06", YesNo(True), from_paper=True)
    driver.shown(lambda: driver.type_into(driver.field("paper.number"), "记录 2 页"))
    assert answer_of(driver, "A06").paper_ref == "记录 2 页"
    driver.press("paper.end")
    driver.settle()
    assert "正在据纸质记录录入" not in driver.texts()
    driver.shown(lambda: driver.tap(driver.row("A03").ids.quick, 0.2))
    assert answer_of(driver, "A03") == Answer("A03", Count(0))


def test_a_colleague_consents_here_with_their_own_pin(at_item: AtItem) -> None:
    """A wrong PIN is a sentence and records nothing; the right one is the colleague's own operation."""
    driver = at_item("B03")
    asked: list[tuple[str, str]] = []

    def check(person: PersonId, pin: str) -> None:
        asked.append((person, pin))
        if pin != "2468":
            raise Problem("not_allowed", action="PIN")

    driver.session._opened = driver.session._tools._replace(consent_by=check)
    store = driver.session._tools.store
    driver.shown(lambda: driver.session.do("not_applicable", "B03", "no_power", "无定密权"))
    driver.settle()
    Hand(driver).ask_here("林晓喆", "1111")
    head = store.head()
    driver.press("consent.record")
    driver.until(lambda: driver.field("consent.pin").problem)
    assert store.head() == head
    driver.type_into(driver.field("consent.pin"), "2468")
    driver.shown(lambda: driver.press("consent.record"))
    assert asked == [(stage.SECOND, "1111"), (stage.SECOND, "2468")]
    item = driver.inspection(stage.VISIT).items[ItemId("B03")]
    assert isinstance(answer_of(driver, "B03"), NotApplicable)
    assert [cell.standing[0].person for cell in item.consents] == [stage.SECOND]


def test_what_was_found_before_is_recorded_as_found_again(at_item: AtItem) -> None:
    """One tap from the earlier finding to a new one that repeats it."""
    driver = at_item("E01")
    driver.scroll_to(driver.widget("EarlierCard"))
    driver.press("earlier.again")
    driver.settle()
    driver.type_into(driver.field("finding.fact"), "仍未装防护软件")
    driver.tap(driver.widget("Chip", text="15 天"))
    driver.shown(lambda: driver.press("finding.record"))
    (finding,) = driver.inspection(stage.VISIT).findings.values()
    assert finding.earlier == "F-2025-7"
    assert finding.text is not None
    assert finding.text.due == "2026-12-07"


def test_what_was_found_again_is_taken_back_with_its_mark(at_item: AtItem) -> None:
    """One tap made both; one takes both back, and nothing of the finding is left."""
    driver = at_item("E01")
    before = driver.inspection(stage.VISIT)
    driver.scroll_to(driver.widget("EarlierCard"))
    driver.press("earlier.again")
    driver.settle()
    driver.type_into(driver.field("finding.fact"), "仍未装防护软件")
    driver.shown(lambda: driver.press("finding.record"))
    driver.settle()
    driver.shown(driver.root.ids.snackbar.act)
    driver.settle()
    assert driver.inspection(stage.VISIT) == before


def test_of_a_veto_no_sentence_can_be_written(at_item: AtItem) -> None:
    """Neither a note nor a finding: only whether, and the number of the paper."""
    driver = at_item("V01")
    assert not list(driver.widgets("NoteCard"))
    assert not list(driver.widgets("FindingsCard"))


def test_the_score_says_why_and_leads_to_the_item(at_item: AtItem) -> None:
    """Every point that is off has its reason; a tap on one goes there."""
    driver = at_item("A06")
    driver.shown(lambda: driver.session.do("answer", ItemId("A03"), Count(2)))
    driver.root.ids.bottom.dispatch("on_why")
    driver.settle()
    reason = next(line for line in driver.widgets("TraceAct") if line.code == "A03")
    assert reason.points == "−1"
    driver.scroll_to(reason)
    driver.shown(lambda: driver.tap(reason))
    assert driver.session.place.item == "A03"


# --- hands and eyes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("language", "scale"), [("en", 1.0), ("zh", 1.3)])
def test_every_screen_fits_a_tablet_of_ten_inches(tmp_path: Path, language: str, scale: float) -> None:
    """Targets of 48 dp, words drawn whole, at the largest type too; no row of text is higher than its row."""
    from tests.e2e.screen_driver import running
    from tests.e2e.screen_fit import misfits

    with running(*tablet_story.play(tmp_path).open(), language=language, person=stage.LEADER) as driver:
        driver.session.enlarge(scale)
        driver.settle()
        assert list(misfits(driver)) == []
        for section in ("A", "veto", *PAGES):
            driver.shown(
                partial(driver.session.go, inspection=stage.VISIT, section=section, item="", pane="items")
            )
            driver.settle()
            assert list(misfits(driver)) == []
            for kind in ("ItemLine", "FindingItem", "ComputerLine"):
                for row in driver.widgets(kind):
                    assert all(part.height <= row.height for part in row.children), (kind, row.key)
        for kind in ("FindingItem", "ComputerLine"):
            page = "@findings" if kind == "FindingItem" else "@computers"
            driver.shown(partial(driver.session.go, section=page, item=""))
            driver.settle()
            driver.tap(driver.widget(kind))
            driver.settle()
            assert list(misfits(driver)) == []
            driver.root.close(at_once=True)


def test_the_size_of_type_is_chosen_and_kept(at_item: AtItem, start: Start) -> None:
    """At once, and for the next start."""
    from mobile.ui.theme import theme

    driver = at_item("A06")
    before = theme.item
    driver.root.ids.top.dispatch("on_menu")
    driver.settle()
    driver.tap(driver.widget("Segment", text="特大"))
    driver.settle()
    try:
        assert theme.item > before * 1.25
        again = start()
        assert again.session.shown is not None
        assert theme.scale == 1.3
    finally:
        theme.scale = 1.0


def test_a_paragraph_as_wide_as_its_longest_word_needs_tears_none(at_item: AtItem) -> None:
    """What decides whether a label stands beside its control asks for as much room as the label takes."""
    from kivy.uix.boxlayout import BoxLayout

    from mobile.ui.kit_text import Text, room_of

    at_item("A03")
    text = Text(content="Problems found", size_hint_x=None)
    text.width = room_of(text.content, text.font_name, text.font_size)
    BoxLayout().add_widget(text)
    assert text.text == "Problems\nfound"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_next_item_is_within_reach_on_a_small_tablet_with_large_type(
    at_item: AtItem, language: str
) -> None:
    """Seven inches held upright: what stands to the left of it in the bar makes room."""
    from mobile.ui.theme import theme

    driver = at_item("A03")
    driver.session.speak(language)
    bar = driver.root.ids.bottom
    bar.size_hint_x = None
    try:
        for scale, width in ((1.0, 600), (1.15, 533), (1.3, 533), (1.3, 600), (1.3, 800)):
            driver.session.enlarge(scale)
            bar.width = width
            driver.settle()
            push = driver.pressable(bar.next_text if width > 533 else bar.following)
            assert push.right <= bar.right - 8, (scale, width)
    finally:
        theme.scale = 1.0
