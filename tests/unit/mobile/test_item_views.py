"""Items narrowed down, what earlier inspections found, and whom to ask for consent; the work list searched."""

import pytest
from msgspec.structs import replace

from mobile import views
from mobile.closing_views import trace
from mobile.visit import Visit
from shared_schema.ids import ItemId
from shared_schema.operations import Count, Finding, Present, Returned, YesNo
from shared_schema.problems import Language
from shared_schema.wire import EarlierFinding
from tests.unit.mobile.world import ANNA, BEN, COUNT, LEADER, NA, SCENE, VISIT, YES_NO, Tablet

EARLIER = (
    EarlierFinding("F-24", 2024, COUNT, "登记簿缺页", open=False),
    EarlierFinding("F-25", 2025, COUNT, "台账不符", open=True),
    EarlierFinding("F-26", 2025, YES_NO, "未纳入考评", open=True),
)


@pytest.fixture
def visit(one: Tablet) -> Visit:
    """A visit under way, at a unit with findings of earlier years."""
    one.open_visit()
    one.answer(YES_NO, True)
    one.desk.answer(ANNA, VISIT, YES_NO, YesNo(False), seen=())
    one.answer(COUNT, 2)
    one.desk.answer(ANNA, VISIT, "V01", Present(False))
    one.desk.not_applicable(ANNA, VISIT, NA, "no_power", "无")
    one.desk.record_finding(ANNA, VISIT, Finding(finding="F-1", item=COUNT, fact="缺页"))
    one.desk.repeat_of(ANNA, VISIT, "F-1", "F-25")
    one.desk.fix(ANNA, VISIT, "F-1", "缺两页", "已补")
    one.desk.unit_states(ANNA, VISIT, "F-1", "属实", accepts=False)
    found = one.desk.visit(VISIT)
    return found._replace(assignment=replace(found.assignment, earlier=EARLIER))


@pytest.mark.parametrize(
    ("only", "items"),
    [("problem", [COUNT]), ("disputed", [YES_NO]), ("mine", [COUNT, YES_NO])],
)
def test_items_of_all_sections_are_narrowed_down(visit: Visit, only: str, items: list[str]) -> None:
    assert [row.item for row in views.filtered_rows(visit, only, LEADER)] == items


@pytest.mark.parametrize(
    ("profile", "holds"),
    [({"has_classification_power": False}, True), ({"has_classification_power": True}, False), ({}, None)],
)
def test_a_reason_for_na_is_held_against_the_units_profile(
    visit: Visit, profile: dict[str, bool], holds: bool | None
) -> None:
    """Two squads are told the same of one unit; what its profile does not say is left to them."""
    here = visit._replace(assignment=replace(visit.assignment, profile=profile))
    reasons = views.item_detail(here, ItemId(NA), LEADER).na_reasons
    assert {one.code: one.holds for one in reasons} == {"no_power": holds, "no_secret": None}


@pytest.mark.parametrize(
    ("language", "called"), [("zh", "问题“保密室门未锁，钥匙插在柜门上…”"), ("en", "finding “保密室门未锁，")]
)
def test_a_finding_that_is_charged_is_called_by_how_it_begins(
    one: Tablet, visit: Visit, language: Language, called: str
) -> None:
    """On the item, and where the score says why: nobody can read an id."""
    fact = "保密室门未锁，钥匙插在柜门上，\n室内无人"
    made = one.desk.record_finding(ANNA, VISIT, Finding(finding="", item=COUNT, fact=fact))
    assert isinstance(made.body, Finding)
    now = one.desk.visit(VISIT)._replace(assignment=visit.assignment)
    said = [row.text for row in views.item_detail(now, ItemId(COUNT), LEADER, language).deductions]
    said += [line.text for section in trace(now, language) for line in section.lines]
    assert len([text for text in said if called in text]) == 2
    assert not [text for text in said if made.body.finding in text or "F-1" in text]


def test_what_is_open_or_allows_photos_is_found_in_every_section(visit: Visit) -> None:
    """Open items are as many as the score says; photos only where the item allows them."""
    rows = views.filtered_rows(visit, "open", LEADER)
    assert len(rows) == visit.sheet.counts.open
    assert {row.item[0] for row in rows} == set("ABCDEFGH")
    photo = {row.item for row in views.filtered_rows(visit, "photo", LEADER)}
    assert SCENE in photo
    assert YES_NO not in photo


def test_earlier_findings_are_on_the_item_and_the_work_card(visit: Visit) -> None:
    """What is still open comes first and marks the item's row."""
    detail = views.item_detail(visit, ItemId(COUNT), LEADER)
    assert [(row.finding, row.open_text) for row in detail.earlier] == [
        ("F-25", "未销号"),
        ("F-24", "已销号"),
    ]
    row = next(one for one in views.item_rows(visit, "A", LEADER) if one.item == COUNT)
    assert ("earlier", 1) in {(badge.kind, badge.number) for badge in row.badges}
    assert views.work_rows([visit])[0].earlier_open == 2


def test_a_finding_says_what_hangs_on_it(visit: Visit) -> None:
    """Its fix, the unit's word, and what it repeats."""
    (row,) = views.finding_rows(visit)
    assert (row.before, row.after) == ("缺两页", "已补")
    assert (row.accepts, row.statement, row.statement_text) == (False, "属实", "单位有异议：属实")
    assert (row.earlier, row.earlier_text) == ("F-25", f"2025 {COUNT} 台账不符")
    assert len(row.statement_seen) == len(row.earlier_seen) == 1


def test_of_what_is_kept_by_number_no_sentence_is_written(visit: Visit) -> None:
    """Neither a note nor a finding is offered on a veto."""
    detail = views.item_detail(visit, ItemId("V01"), LEADER)
    assert detail.by_number
    assert "answer" in detail.may
    assert not {"note", "finding"} & detail.may


def test_the_author_of_an_na_may_ask_the_others_here(visit: Visit) -> None:
    """And nobody else is asked to pass the tablet on."""
    detail = views.item_detail(visit, ItemId(NA), ANNA)
    assert {person for person, _ in detail.consent_from} == {LEADER, BEN}
    assert views.item_detail(visit, ItemId(NA), LEADER).consent_from == ()


def test_the_coordinators_remarks_are_on_their_items(visit: Visit) -> None:
    """While the visit is sent back."""
    cell = visit.inspection.stage_cell
    assert cell is not None
    standing = cell.standing[0]._replace(value=Returned(((COUNT, "请重数"), ("", "请补签"))))
    sent_back = visit._replace(
        inspection=visit.inspection._replace(stage="returned", stage_cell=cell._replace(standing=(standing,)))
    )
    assert views.item_detail(sent_back, ItemId(COUNT), LEADER).remarks == ("请重数",)
    assert views.item_detail(sent_back, ItemId(YES_NO), LEADER).remarks == ()
    row = next(one for one in views.item_rows(sent_back, "A", LEADER) if one.item == COUNT)
    assert row.badges[0].kind == "remark"


def test_an_answer_from_paper_is_known_by_it(one: Tablet) -> None:
    one.open_visit()
    one.desk.answer(LEADER, VISIT, COUNT, Count(1), from_paper=True)
    assert views.item_detail(one.desk.visit(VISIT), ItemId(COUNT), LEADER).from_paper
    assert not views.item_detail(one.desk.visit(VISIT), ItemId(YES_NO), LEADER).from_paper


def test_the_work_list_is_searched_by_every_word(one: Tablet) -> None:
    """Unit, address, date, stage; in whatever case."""
    rows = views.work_rows(one.desk.visits(), "en")
    assert [row.unit for row in views.matching(rows, "UNIT 10")] == ["Unit 10"]
    assert [row.unit for row in views.matching(rows, "prepared unit 10")] == ["Unit 10"]
    assert views.matching(rows, "  ") == rows
    assert views.matching(rows, "no such unit") == ()
