"""Inspections as rows: what an inspector reads, in Chinese and in English."""

import re
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from mobile import photos, views
from mobile.player import draw
from mobile.rows import ItemRow
from mobile.store import SyncState
from mobile.words import body_text, plain, when
from shared_schema.ids import FieldKey, ItemId
from shared_schema.locale.tablet_views import TABLET_VIEWS
from shared_schema.operations import (
    Actual,
    ClauseHit,
    Clauses,
    Count,
    Finding,
    Present,
    Ratio,
    Returned,
    Value,
    YesNo,
    field_of,
)
from shared_schema.problems import Language, Problem
from tests.contract.plan import CHECKLIST
from tests.make import every_body
from tests.unit.mobile.world import (
    ANNA,
    BEN,
    COUNT,
    LEADER,
    NA,
    NOW_MS,
    SCENE,
    VISIT,
    YES_NO,
    Server,
    Tablet,
    quiet,
)

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def test_the_day_of_a_visit_is_when_it_was_held(one: Tablet) -> None:
    """Deadlines count from it: one that is over before the visit would be no deadline."""

    def day() -> str:
        return views.head(one.desk.visit(VISIT, LEADER), LEADER).day

    planned = day()
    assert planned == one.desk.visit(VISIT, LEADER).assignment.planned_date
    one.clock_ms = 86_400_000  # a tablet that thinks it is 1970
    one.open_visit()
    assert day() == planned
    one.clock_ms = NOW_MS + 400 * 86_400_000
    one.desk.deliberate(LEADER, VISIT)
    assert planned < day() == when(one.clock_ms)[:10]


@pytest.fixture
def busy(one: Tablet) -> Tablet:
    """A visit under way: answers of every sort, one dispute, an N/A, a finding, a note, a photo."""
    desk = one.desk
    one.open_visit()
    one.answer(YES_NO, True)
    desk.answer(ANNA, VISIT, YES_NO, YesNo(False), seen=())
    one.answer(COUNT, 2)
    desk.answer(LEADER, VISIT, "A01", Clauses((ClauseHit("a"), ClauseHit("b"))))
    desk.answer(LEADER, VISIT, "A04", Ratio(20, 19))
    desk.answer(LEADER, VISIT, "C05", Value(Decimal("92.5")))
    desk.answer(LEADER, VISIT, "H04", Actual(1))
    desk.answer(LEADER, VISIT, "A08", YesNo(True), paper_ref="17")
    desk.answer(LEADER, VISIT, "V01", Present(False))
    desk.answer(LEADER, VISIT, "X03", Count(1), paper_ref="HC-3")
    desk.not_applicable(ANNA, VISIT, NA, "no_power", "见权限文件")
    desk.record_finding(
        ANNA, VISIT, Finding(finding="F-1", item=COUNT, fact="台账缺页", severity="severe", due="2026-12-01")
    )
    desk.fix(ANNA, VISIT, "F-1", "缺两页", "已补")
    desk.note(ANNA, VISIT, COUNT, "登记簿 3 号")
    desk.note(LEADER, VISIT, COUNT, "复看")
    taken = photos.take(draw("door", 64, 48), one.folder / "photos", one.vault)
    desk.attach_photo(ANNA, VISIT, SCENE, taken, caption="门禁")
    return one


def rows(tablet: Tablet, section: str, language: Language = "zh") -> dict[str, ItemRow]:
    visit = tablet.desk.visit(VISIT)
    return {row.code: row for row in views.item_rows(visit, section, LEADER, language)}


@pytest.mark.parametrize(
    ("item", "zh", "en", "state"),
    [
        (YES_NO, "符合 ↔ 不符合", "Met ↔ Not met", "disputed"),
        (COUNT, "2 项", "2 found", "problem"),
        ("A01", "无明确部署要求（扣 0.5）；未听取汇报（扣 0.5）",
         "no clear direction given (−0.5); heard no report (−0.5)", "problem"),
        ("A04", "抽 20，符合 19", "19 of 20 conform", "problem"),
        ("C05", "92.5%", "92.5 %", "problem"),
        ("H04", "实际 1 次（应 4）", "1 of 4 times", "problem"),
        ("A08", "符合 · 17", "Met · 17", "answered"),
        (NA, "不适用：无定密权限", "N/A: No classification authority", "na_without_consent"),
        ("V01", "未发生", "Did not happen", "answered"),
        ("X03", "1 起 · HC-3", "1 found · HC-3", "problem"),
        ("X04", "未发现（有则记录）", "None (recorded when found)", "answered"),
        ("A02", "", "", "open"),
    ],
)  # fmt: skip
def test_what_stands_is_said_in_words(busy: Tablet, item: str, zh: str, en: str, state: str) -> None:
    """Every sort of answer, of a dispute both."""
    visit = busy.desk.visit(VISIT)
    section = views.section_of(visit, ItemId(item))
    chinese, english = rows(busy, section)[item], rows(busy, section, "en")[item]
    assert (chinese.summary, english.summary, chinese.state) == (zh, en, state)
    assert CHINESE.search(chinese.state_text)
    assert not CHINESE.search(english.state_text)


def test_an_item_row_carries_what_it_showed_and_its_marks(busy: Tablet) -> None:
    """Badges for dispute, finding, notes and photos; the own control shows only what all agree on."""
    found = rows(busy, "A")
    assert found[YES_NO].value is None
    assert len(found[YES_NO].seen) == 2
    assert [badge.kind for badge in found[YES_NO].badges] == ["dispute"]
    assert found[COUNT].value == Count(2)
    assert [(badge.kind, badge.number) for badge in found[COUNT].badges] == [("finding", 1), ("note", 2)]
    assert [badge.kind for badge in rows(busy, "F")[SCENE].badges] == ["photo"]
    assert [badge.kind for badge in rows(busy, "D")["D05"].badges] == ["photo_allowed"]
    assert found[COUNT].may_answer


def test_sections_count_what_is_done_and_say_what_they_earn(busy: Tablet) -> None:
    """Sections of the checklist first, then what has no points of its own."""
    sections = views.section_rows(busy.desk.visit(VISIT))
    assert [row.section for row in sections] == [*"ABCDEFGH", "aggravating", "veto", "bonus"]
    first = sections[0]
    assert (first.done, first.total, first.progress_text) == (5, 10, "5 / 10")
    assert (first.problems, first.disputes) == (3, 1)
    assert first.points_text == f"{first.points_low}–{first.points_high} / 13"
    assert (sections[-3].problems, sections[-3].total, sections[-3].points_text) == (1, 0, "")


def test_one_item_has_everything_a_person_needs_to_answer_it(busy: Tablet) -> None:
    """Both values with author and tablet time, methods, basis, clauses, notes, findings, deductions."""
    visit = busy.desk.visit(VISIT)
    disputed = views.item_detail(visit, ItemId(YES_NO), LEADER)
    assert disputed.disputed
    assert [(value.text, value.mine) for value in disputed.values] == [("符合", True), ("不符合", False)]
    assert [value.author for value in disputed.values] == ["成员1", "成员2"]
    assert {value.when for value in disputed.values} == {when(NOW_MS)}
    assert disputed.current is not None
    assert disputed.current.answer == YesNo(True)
    counted = views.item_detail(visit, ItemId(COUNT), ANNA, "en")
    assert (counted.own_note, counted.unit, counted.control) == ("登记簿 3 号", "项", "count")
    assert [(note.text, note.mine) for note in counted.notes] == [("复看", False), ("登记簿 3 号", True)]
    assert [row.points for row in counted.deductions] == ["−0.5", "−0.5"]
    assert counted.points_text == "0.5 / 1.5"
    assert counted.basis == "Regulations, art. 6"
    assert counted.methods
    clauses = views.item_detail(visit, ItemId("A01"), ANNA)
    assert [(clause.clause, clause.points) for clause in clauses.clauses] == [(one, "0.5") for one in "abcd"]
    scene = views.item_detail(visit, ItemId(SCENE), ANNA)
    assert (scene.photo_allowed, [photo.caption for photo in scene.photos]) == (True, ["门禁"])
    assert not counted.photo_allowed
    veto = views.item_detail(visit, ItemId("V01"), ANNA)
    assert (veto.control, veto.photo_allowed, veto.current.answer) == ("present", False, Present(False))  # type: ignore[union-attr]
    for item in ("N01", "X03"):
        assert views.item_detail(visit, ItemId(item), ANNA).points_text
    with pytest.raises(Problem, match="item_unknown"):
        views.item_detail(visit, ItemId("Z9"), ANNA)
    with pytest.raises(Problem, match="item_unknown"):
        views.section_of(visit, ItemId("Z9"))


def test_a_members_na_waits_for_another_members_word(busy: Tablet) -> None:
    """Only another member is asked, and only until the word is given."""

    def asked() -> list[bool]:
        visit = busy.desk.visit(VISIT)
        return [views.item_detail(visit, ItemId(NA), person).may_consent for person in (LEADER, ANNA, BEN)]

    assert asked() == [True, False, True]
    busy.desk.answer(
        LEADER, VISIT, NA, Clauses(()), seen=()
    )  # the leader sees it otherwise, and may still consent
    detail = views.item_detail(busy.desk.visit(VISIT), ItemId(NA), BEN)
    assert (detail.disputed, detail.consent_reason) == (True, "no_power")
    busy.desk.settle(LEADER, VISIT, detail.field, detail.values[1].op, "无权限")
    busy.desk.not_applicable(ANNA, VISIT, NA, "no_power")
    busy.desk.consent(LEADER, VISIT, NA, "no_power")
    detail = views.item_detail(busy.desk.visit(VISIT), ItemId(NA), LEADER)
    assert (detail.may_consent, len(detail.consents), detail.state) == (False, 1, "not_applicable")
    assert detail.points_text == "不计分"
    assert detail.consent_seen


def test_findings_read_as_recorded_and_withdrawn_ones_come_last(busy: Tablet) -> None:
    """Severity, disposal with its date, and what became of it."""
    busy.desk.record_finding(LEADER, VISIT, Finding(finding="A-2", item="A09", fact="未登记"))
    busy.desk.withdraw_finding(LEADER, VISIT, "A-2", "已找到")
    first, last = views.finding_rows(busy.desk.visit(VISIT))
    assert (first.fact, first.severity_text, first.disposal_text) == (
        "台账缺页",
        "严重",
        "限期整改 2026-12-01",
    )
    assert first.marks == ("已当场整改",)
    assert (last.withdrawn, last.fact, last.text) == (True, "撤销：已找到", None)
    assert [row.finding for row in views.finding_rows(busy.desk.visit(VISIT), item="A09")] == ["A-2"]


def test_disputes_are_listed_for_the_leader_in_checklist_order(busy: Tablet, two: Tablet) -> None:
    """Items, findings and any other field, each with what it is about."""
    quiet(busy, two)
    busy.desk.amend_finding(LEADER, VISIT, Finding(finding="F-1", item=COUNT, fact="缺三页"))
    two.desk.withdraw_finding(ANNA, VISIT, "F-1", "已找到")
    quiet(busy, two)
    for person, may in ((LEADER, True), (ANNA, False)):
        rows = views.dispute_rows(busy.desk.visit(VISIT), person)
        assert [row.may_settle for row in rows] == [may, may]
    found = views.dispute_rows(busy.desk.visit(VISIT), LEADER)
    assert [row.field for row in found] == ["finding/F-1", f"answer/{YES_NO}"]
    assert found[0].title.startswith("问题 A03")
    assert found[1].title.startswith("A06 ")
    assert {value.text for value in found[0].values} == {"缺三页", "撤销：已找到"}


def test_the_work_list_says_what_is_to_do_first(busy: Tablet) -> None:
    """Of one day, what is under way comes before what is not begun."""
    first, *rest = views.work_rows(busy.desk.visits(), "en")
    assert (first.inspection, first.stage_text, first.disputes, first.findings) == (
        VISIT,
        "In progress",
        1,
        1,
    )
    assert (first.done, first.total, first.unsent) == (8, 73, 17)
    assert first.sync_text == "17 to send"
    assert {row.stage for row in rest} == {"prepared"}
    busy.meet()
    assert views.work_rows(busy.desk.visits())[0].sync_text == "已全部发送"


def test_the_head_says_who_may_do_what_and_why_it_came_back(server: Server, busy: Tablet) -> None:
    """Kinds offered now; the coordinator's remarks while it is returned."""
    head = views.head(busy.desk.visit(VISIT), LEADER)
    assert {"answer", "dispute_settled", "deliberated"} <= head.may
    assert "submitted" not in head.may
    assert views.head(busy.desk.visit(VISIT), VISIT.__class__("nobody")).may == frozenset()  # type: ignore[arg-type]
    assert head.remarks == ()
    visit = busy.desk.visit(VISIT)
    cell = visit.inspection.stage_cell
    assert cell is not None
    returned = cell.standing[0]._replace(value=Returned(((COUNT, "请重数"), ("", "请补签"))))
    sent_back = visit._replace(
        inspection=visit.inspection._replace(stage="returned", stage_cell=cell._replace(standing=(returned,)))
    )
    assert views.head(sent_back, LEADER).remarks == ("A03：请重数", "请补签")


def test_the_next_open_item_starts_again_from_the_top(busy: Tablet) -> None:
    """After the last comes the first that is open; none when all are done."""
    visit = busy.desk.visit(VISIT)
    assert views.next_open(visit) == "A02"
    assert views.next_open(visit, "A02") == "A05"
    assert views.next_open(visit, "H09") == "A02"
    done = visit._replace(sheet=replace(visit.sheet, items=()))
    assert views.next_open(done) is None


def test_the_score_is_a_range_with_its_reasons(busy: Tablet) -> None:
    """What is open, disputed or waits for consent is counted."""
    row = views.score_row(busy.desk.visit(VISIT))
    assert not row.final
    assert row.text == f"{row.low}–{row.high}"
    assert row.why == ("65 项未检查", "1 项有分歧", "1 项不适用待确认")
    assert (row.disputes, row.open_items) == (1, 65)
    assert row.problems == 6
    assert "–" in row.grade_text
    busy.desk.abort(LEADER, VISIT, "emergency", "停电")
    assert views.score_row(busy.desk.visit(VISIT), "en").why == ("The visit was broken off",)


STATE = SyncState(True, 0, 0, 0, False, 1_780_000_000_000, "", {}, 0, "")


@pytest.mark.parametrize(
    ("changes", "word", "zh"),
    [
        ({}, "all_sent", "已全部发送"),
        ({"unsent": 3}, "unsent", "3 条待发送"),
        ({"photos_left": 2}, "unsent", "2 张照片待发送"),
        ({"offline": True, "unsent": 3}, "offline", "离线，3 条已保存在本机"),
        ({"offline": True}, "offline", "离线，记录已保存在本机"),
        ({"refused": 1, "offline": True}, "refused", "1 条被服务器拒收，请查看"),
        ({"problem": "device_revoked", "facts": {"device": "T"}}, "failed",
         "同步未成功：本平板已停用：T。请交回协调员。"),
        ({"last_success_ms": None}, "never", "尚未同步"),
        ({"last_success_ms": None, "enrolled": False}, "never", "平板未注册"),
    ],
)  # fmt: skip
def test_the_bar_says_the_one_thing_to_know_first(changes: dict[str, Any], word: str, zh: str) -> None:
    """What a person must deal with comes before what time will mend."""
    row = views.sync_row(STATE._replace(**changes))
    assert (row.word, row.text) == (word, zh)


def test_the_bar_tells_of_restores_and_lost_files() -> None:
    """In words, with what to do."""
    row = views.sync_row(STATE._replace(notice="forked", photos_missing=2, photos_left=1), "en")
    assert "Tell the coordinator" in row.notice
    assert "The files of 2 photos" in row.detail
    assert row.detail.startswith("Last synchronised 2026-05-29 04:26")


def test_a_refused_operation_is_shown_with_its_reason(server: Server, busy: Tablet) -> None:
    """What it was, what it said, and why."""
    quiet(busy)
    server.dismiss(ANNA)
    busy.desk.answer(ANNA, VISIT, "A09", Count(4))
    busy.meet()
    [row] = views.refused_rows(busy.desk.visit(VISIT))
    assert (row.title, row.text) == ("A09 作答", "4 项")
    assert row.message.startswith(f"{ANNA} 不是本次检查的成员")
    assert rows(busy, "A")["A09"].badges[0].kind == "refused"
    assert views.sync_row(busy.store.sync_state()).word == "refused"
    assert views.work_rows(busy.desk.visits())[0].sync_text.startswith("1 条被服务器拒收")


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("kind", sorted(every_body()))
def test_every_kind_has_words_and_every_field_a_title(kind: str, language: str) -> None:
    """Whatever may be refused or in dispute can be shown."""
    body = every_body()[kind]
    assert body_text(CHECKLIST, body, language)  # type: ignore[arg-type]
    field = field_of(body, LEADER)  # type: ignore[arg-type]
    assert field is not None
    family = FieldKey(field).partition("/")[0]
    assert family == "answer" or f"field.{family}" in TABLET_VIEWS


def test_no_sentence_lacks_a_language() -> None:
    """Chinese has Chinese in it, English has none; English needs no fact that Chinese lacks."""
    for key, (zh, en) in TABLET_VIEWS.items():
        assert set(re.findall(r"{\w+}", zh)) >= set(re.findall(r"{\w+}", en)), key
        assert not CHINESE.search(en), key


@pytest.mark.parametrize(
    ("at_ms", "text"),
    [
        (0, "1970-01-01 08:00"),
        (1_780_000_000_000, "2026-05-29 04:26"),
        (-1, "—"),
        (2**53 - 1, "—"),
        (253_402_300_799_999, "—"),
    ],
)
def test_a_clock_may_say_anything(at_ms: int, text: str) -> None:
    """Times are shown in China's one zone; what is no date of the calendar is a dash."""
    assert when(at_ms) == text


def test_points_have_no_idle_zeros() -> None:
    """1.50 is 1.5, 10 stays 10."""
    assert [plain(Decimal(one)) for one in ("1.50", "10", "0.00", "1E+1")] == ["1.5", "10", "0", "10"]
    assert plain(None) == ""
