"""The end of a visit as rows: steps, signatures, measures, and why the score is what it is."""

from msgspec.structs import replace

from mobile import closing_views
from mobile.page_rows import SignatureRow
from server.storage import registers
from server.storage.database import Connection
from shared_schema.checklist import to_bytes
from shared_schema.operations import Count, Finding, Present
from tests.contract.plan import CHECKLIST
from tests.unit.mobile.world import ANNA, BEN, COUNT, LEADER, NA, VISIT, YES_NO, Server, Tablet, quiet

STROKES = (((0, 0, 0), (500, 800, 40)), ((200, 100, 300), (700, 100, 350)))


def signatures(tablet: Tablet) -> dict[str, SignatureRow]:
    page = closing_views.closing_page(tablet.desk.visit(VISIT), LEADER)
    return {row.field: row for row in page.signatures}


def test_every_step_says_whether_it_is_done(one: Tablet) -> None:
    """What is open, disputed, unheard, unsigned; then nothing is left but to hand in."""
    one.open_visit()
    one.desk.record_finding(ANNA, VISIT, Finding(finding="F-1", item=COUNT, fact="缺页"))
    page = closing_views.closing_page(one.desk.visit(VISIT), LEADER)
    steps = {step.step: step for step in page.steps}
    assert list(steps) == ["answered", "settled", "deliberated", "heard", "signed", "submitted"]
    assert steps["answered"].text == "还有 73 项没有结果"
    assert steps["heard"].text == "单位还未对 1 / 1 个问题表态"
    assert [step.step for step in page.steps if step.done] == ["settled"]
    one.desk.unit_states(ANNA, VISIT, "F-1", "属实", accepts=True)
    one.desk.deliberate(LEADER, VISIT, "总体较好")
    page = closing_views.closing_page(one.desk.visit(VISIT), LEADER)
    assert [step.step for step in page.steps if step.done] == ["settled", "deliberated", "heard"]
    assert page.opinion == "总体较好"


def test_the_squad_and_the_head_of_the_unit_are_to_sign(one: Tablet) -> None:
    """Each member for themselves; who signs for the unit takes the place of its head."""
    one.open_visit()
    rows = signatures(one)
    assert {row.state for row in rows.values()} == {"missing"}
    assert "signature/leader" in rows
    assert "signature/unit_head" in rows
    one.desk.sign(LEADER, VISIT, "leader", rows["signature/leader"].name, method="drawn", strokes=STROKES)
    one.desk.sign(ANNA, VISIT, "unit_contact", "王五", method="paper", paper_ref="第 3 页")
    rows = signatures(one)
    assert (rows["signature/leader"].state, rows["signature/leader"].strokes) == ("drawn", STROKES)
    assert rows["signature/unit_contact"].text == "已在纸上签字 第 3 页"
    assert "signature/unit_head" not in rows


def test_a_refusal_is_a_result_with_reason_and_witness(one: Tablet) -> None:
    """It counts as done, and says why."""
    one.open_visit()
    one.desk.refuse_signature(LEADER, VISIT, "unit_head", reason="对 A03 有异议", witness="赵敏", name="钱某")
    row = signatures(one)["signature/unit_head"]
    assert (row.state, row.text) == ("refused", "拒签：对 A03 有异议（见证人 赵敏）")


def test_measures_are_listed_with_their_paper(one: Tablet) -> None:
    """What, why, and the number of the paper."""
    one.open_visit()
    one.desk.propose_measure(ANNA, VISIT, "stop_use", "非密机存有敏感文件", paper_ref="TZ-1")
    (row,) = closing_views.closing_page(one.desk.visit(VISIT), LEADER).measures
    assert (row.text, row.reason, row.paper_ref) == ("责令停止使用", "非密机存有敏感文件", "TZ-1")


def test_the_trace_names_every_item_that_does_not_earn_all(one: Tablet) -> None:
    """Points off with their reason, open items as a range, N/A as not counted, vetoes and extras."""
    one.open_visit()
    one.answer(COUNT, 2)
    one.answer(YES_NO, True)
    one.desk.not_applicable(ANNA, VISIT, NA, "no_power", "无")
    one.desk.consent(BEN, VISIT, NA, "no_power")
    one.desk.answer(LEADER, VISIT, "V01", Present(True))
    one.desk.answer(LEADER, VISIT, "X03", Count(1), paper_ref="HC-3")
    sections = {one.section: one for one in closing_views.trace(one.desk.visit(VISIT))}
    lines = {line.item: line for line in sections["A"].lines}
    assert lines[COUNT].points.startswith("−")
    assert lines[COUNT].sure
    assert YES_NO not in lines
    assert (lines["A01"].text, lines["A01"].sure) == ("8 项未检查", False)
    assert {line.item: line.points for line in sections["B"].lines}[NA] == "不计分"
    assert [line.item for line in sections["veto"].lines] == ["V01"]
    assert [line.item for line in sections["aggravating"].lines] == ["X03"]


def test_trainees_sign_nothing(one: Tablet) -> None:
    """They may only write notes."""
    visit = one.desk.visit(VISIT)
    members = tuple(replace(member, role="trainee") for member in visit.assignment.members)
    learning = visit._replace(assignment=replace(visit.assignment, members=members))
    page = closing_views.closing_page(learning, LEADER)
    assert [row.role for row in page.signatures] == ["unit_head"]


def test_what_stands_on_a_removed_item_is_shown_apart_and_not_scored(
    one: Tablet, two: Tablet, server: Server
) -> None:
    """The visit moves to a version without it while a tablet is out of reach: kept, there and everywhere."""
    one.meet()
    two.meet()
    one.open_visit()
    one.answer(YES_NO, True)
    newer = without(server, YES_NO)
    two.meet()
    assert two.desk.visit(VISIT).assignment.checklist == newer
    before = two.desk.visit(VISIT).sheet
    assert before.checklist_version == "9"
    quiet(one, two)
    for tablet in (one, two):
        visit = tablet.desk.visit(VISIT)
        assert visit.assignment.checklist == newer
        assert visit.refused == ()
        assert visit.sheet.percent_low == before.percent_low
        removed = closing_views.trace(visit)[-1]
        assert (removed.title, removed.points_text) == ("已从清单删除的检查项", "保留，不计分")
        ((item, _, text, _),) = removed.lines
        assert item == YES_NO
        assert "符合" in text


def without(server: Server, item: str) -> str:
    """The coordinator plans the visit anew, with a version of the checklist that no longer has an item."""

    def run(conn: Connection) -> str:
        sections = tuple(
            replace(section, items=tuple(one for one in section.items if one.id != item))
            for section in CHECKLIST.sections
        )
        name = registers.put_checklist(conn, to_bytes(replace(CHECKLIST, version="9", sections=sections)))
        row = registers.inspection(conn, VISIT)
        assert row is not None
        registers.put_inspections(conn, [replace(row, checklist=name)])
        return name

    return server.db.write(run)


def test_a_member_reads_as_in_the_language_and_signs_as_in_chinese(one: Tablet) -> None:
    """Switching the language must not ask for another signature."""
    page = closing_views.closing_page(one.desk.visit(VISIT), LEADER, "en")
    leader = next(row for row in page.signatures if row.role == "leader")
    assert not any("\u4e00" <= character <= "\u9fff" for character in leader.called)
    assert leader.name == signatures(one)["signature/leader"].name
