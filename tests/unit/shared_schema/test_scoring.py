"""How what squads record becomes points: answers and findings together, N/A, disputes, held operations, the trace."""

import itertools
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from msgspec import Raw, Struct

from shared_schema import merge, ranges
from shared_schema.checklist import Checklist
from shared_schema.checklist_reader import parse
from shared_schema.operations import (
    Aborted,
    Accepted,
    Actual,
    Answer,
    Count,
    Finding,
    FindingDuplicateOf,
    FindingRepeatOf,
    FindingWithdrawn,
    NaConsent,
    NotApplicable,
    Opened,
    Operation,
    Present,
    Ratio,
    YesNo,
)
from shared_schema.ranges import Stake
from shared_schema.scoring import score
from shared_schema.sheet import ScoreSheet, explain, line_of
from tests.make import make_op, make_photo

ITEMS = [
    {
        "id": "A1",
        "max": "4",
        "na": ["none"],
        "rule": {"type": "per_occurrence", "deduct": "0.5", "unit": "件"},
    },
    {"id": "A2", "max": "6", "na": ["none"], "rule": {"type": "binary"}},
]


def make_checklist(items: Sequence[dict[str, Any]] = ITEMS, **more: Any) -> Checklist:
    """A checklist of one section."""
    return parse({"sections": [{"id": "A", "items": list(items)}], **more}, lenient=True)


numbers = itertools.count(1)


def tap(body: Struct | Raw, by: int = 1, bases: Sequence[str] = (), **changes: Any) -> Operation:
    """One operation of inspector `by`."""
    return make_op(body, person=f"P-{by}", device=f"D-{by}", seq=next(numbers), bases=tuple(bases), **changes)


def sheet_of(*bodies: Struct | Operation, checklist: Checklist | None = None) -> ScoreSheet:
    """The sheet after these taps; a bare body is inspector 1's."""
    operations = [body if isinstance(body, Operation) else tap(body) for body in bodies]
    return score(checklist or make_checklist(), merge.view(merge.apply(merge.EMPTY, operations)))


def count(item: str, many: int) -> Answer:
    """An answer with a count."""
    return Answer(item, Count(many))


def finding(name: str, item: str = "A1", occurrences: int = 1) -> Finding:
    """A finding."""
    return Finding(finding=name, item=item, fact="缺登记", occurrences=occurrences)


MET = Answer("A2", YesNo(ok=True))


# --- findings and counts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bodies", "points"),
    [
        ([count("A1", 3)], "2.5"),
        ([count("A1", 0), finding("F1"), finding("F2")], "3"),
        ([count("A1", 2), finding("F1"), finding("F2")], "3"),
        ([count("A1", 5), finding("F1", occurrences=2)], "1.5"),
        ([count("A1", 5), finding("F1"), finding("F2"), FindingDuplicateOf("F2", "F1")], "2"),
        ([count("A1", 1), finding("F1"), FindingDuplicateOf("F1", "F9")], "3.5"),
        ([count("A1", 1), finding("F1"), FindingDuplicateOf("F1", "F1")], "3.5"),
    ],
)
def test_a_count_and_findings_add_up_to_what_happened(bodies: list[Struct], points: str) -> None:
    """Findings charge, and a count charges what no finding describes."""
    line = sheet_of(*bodies, MET).line("A1")
    assert line is not None
    assert line.points == Decimal(points)


def test_a_withdrawal_moves_the_score_although_the_count_says_more() -> None:
    """Five counted, five described, one withdrawn after an objection: four are charged."""
    first = tap(finding("F1"))
    others = [tap(finding(f"F{at}")) for at in range(2, 6)]
    before = sheet_of(count("A1", 5), first, *others, MET)
    after = sheet_of(
        count("A1", 5), first, *others, tap(FindingWithdrawn("F1", "A1", "复核"), bases=[first.id]), MET
    )
    assert (before.line("A1").points, after.line("A1").points) == (Decimal("1.5"), Decimal(2))  # type: ignore[union-attr]
    assert [one.why for one in after.line("A1").not_charged] == ["withdrawn"]  # type: ignore[union-attr]


def test_the_sheet_says_when_a_withdrawal_cannot_move_the_score() -> None:
    """Ten of eight that the item can bear: one fewer is still too many (case C7)."""
    taps = [tap(finding(f"F{at:02}")) for at in range(10)]
    before = sheet_of(count("A1", 0), *taps, MET)
    after = sheet_of(
        count("A1", 0), *taps, tap(FindingWithdrawn("F00", "A1", "复核"), bases=[taps[0].id]), MET
    )
    assert before.percent == after.percent == Decimal("60.00")
    assert "withdrawal_moves_nothing" in before.line("A1").warnings  # type: ignore[union-attr]
    assert "withdrawal_moved_nothing" in after.line("A1").warnings  # type: ignore[union-attr]
    assert any("得分不变" in one.zh for one in explain(after, "A1"))
    assert before.line("A1").deductions[-1].limited_by == "item"  # type: ignore[union-attr]


def test_findings_without_an_answer_leave_the_item_open() -> None:
    """The charge is in the high end already; how much more there is, nobody has said."""
    sheet = sheet_of(finding("F1"), MET)
    line = sheet.line("A1")
    assert line is not None
    assert (line.status, line.low, line.high) == ("open", Decimal(0), Decimal("3.5"))
    assert (sheet.percent, sheet.percent_low, sheet.percent_high) == (
        None,
        Decimal("60.00"),
        Decimal("95.00"),
    )
    assert [one.charged for one in line.deductions] == [Decimal("0.5")]


def test_a_repeat_counts_as_often_as_the_rule_says() -> None:
    """屡查屡犯, and only where the rule has a multiplier."""
    rule = {"type": "per_occurrence", "deduct": "0.5", "repeat_multiplier": "3"}
    checklist = make_checklist([{"id": "A1", "max": "4", "rule": rule}])
    sheet = sheet_of(count("A1", 1), finding("F1"), FindingRepeatOf("F1", "OLD"), checklist=checklist)
    assert sheet.line("A1").points == Decimal("2.5")  # type: ignore[union-attr]
    assert sheet.line("A1").deductions[0].zh == "屡查屡犯问题 F1：1 × 0.5 × 3"  # type: ignore[union-attr]


def test_a_finding_on_an_item_with_full_marks_is_pointed_out() -> None:
    """On rules that do not count, findings explain; full marks with a finding want a second look."""
    sheet = sheet_of(count("A1", 0), MET, finding("F1", "A2"))
    line = sheet.line("A2")
    assert line is not None
    assert line.points == 6
    assert line.warnings == ("finding_without_points",)
    assert [(one.finding, one.why) for one in line.not_charged] == [("F1", "explains")]


def test_one_fact_on_two_items_is_charged_once_where_it_costs_more() -> None:
    """就高不重复, across items."""
    items = [
        {"id": "A1", "max": "4", "rule": {"type": "per_occurrence", "deduct": "0.5"}},
        {"id": "A2", "max": "4", "rule": {"type": "per_occurrence", "deduct": "1"}},
    ]
    sheet = sheet_of(
        count("A1", 1),
        count("A2", 1),
        finding("F1"),
        finding("F2", "A2"),
        FindingDuplicateOf("F2", "F1"),
        checklist=make_checklist(items),
    )
    assert [line.points for line in sheet.items] == [Decimal(4), Decimal(3)]
    assert [(one.finding, one.of) for one in sheet.items[0].not_charged] == [("F1", "F2")]


# --- N/A and disputes ------------------------------------------------------------------------------------


def test_not_applicable_counts_once_another_member_consents() -> None:
    """Until then it is N/A or anything."""
    na = NotApplicable("A2", "none")
    alone = sheet_of(count("A1", 1), na, NaConsent("A2", "none"))
    assert alone.line("A2").status == "na_without_consent"  # type: ignore[union-attr]
    assert (alone.percent_low, alone.percent_high) == (Decimal("35.00"), Decimal("95.00"))
    both = sheet_of(count("A1", 1), na, tap(NaConsent("A2", "none"), by=2))
    assert both.line("A2").status == "not_applicable"  # type: ignore[union-attr]
    assert both.percent == Decimal("87.50")
    assert {"P-1", "P-2"} == set(both.line("A2").source.persons)  # type: ignore[union-attr]


def test_a_reason_the_item_does_not_have_leaves_it_open() -> None:
    """An N/A shopped from elsewhere is no N/A."""
    sheet = sheet_of(count("A1", 0), NotApplicable("A2", "no_power"), tap(NaConsent("A2", "no_power"), by=2))
    assert sheet.line("A2").status == "open"  # type: ignore[union-attr]
    assert sheet.line("A2").warnings == ("unfit_answer",)  # type: ignore[union-attr]


def test_not_applicable_with_a_finding_is_pointed_out() -> None:
    """Something was found where there is said to be nothing."""
    sheet = sheet_of(NotApplicable("A1", "none"), tap(NaConsent("A1", "none"), by=2), finding("F1"), MET)
    assert sheet.line("A1").warnings == ("na_with_findings",)  # type: ignore[union-attr]


def test_a_dispute_is_a_range_between_what_stands() -> None:
    """Both readings are on the line, each with who says so."""
    sheet = sheet_of(count("A1", 1), tap(count("A1", 3), by=2), MET)
    line = sheet.line("A1")
    assert line is not None
    assert (line.status, line.low, line.high) == ("disputed", Decimal("2.5"), Decimal("3.5"))
    assert [reading.source.persons for reading in line.readings] == [("P-1",), ("P-2",)]
    assert (sheet.percent_low, sheet.percent_high) == (Decimal("85.00"), Decimal("95.00"))
    assert (sheet.grade, sheet.grade_low, sheet.grade_high) == (None, "basic", "conform")
    assert any("若此值成立" in one.zh for one in explain(sheet, "A1"))


def test_two_who_agree_are_one_answer_with_both_as_its_source() -> None:
    """Saying the same is no dispute."""
    sheet = sheet_of(count("A1", 1), tap(count("A1", 1), by=2), MET)
    assert sheet.percent == Decimal("95.00")
    assert sheet.line("A1").source.persons == ("P-1", "P-2")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("mark", "other"),
    [
        (FindingDuplicateOf("F2", "F1"), FindingDuplicateOf("F2", "")),
        (FindingWithdrawn("F2", "A1", "误"), finding("F2", occurrences=1)),
    ],
)
def test_a_disputed_finding_or_mark_widens(mark: Struct, other: Struct) -> None:
    """One charge or two, as it may turn out."""
    sheet = sheet_of(
        count("A1", 0), finding("F1"), *([] if isinstance(mark, FindingWithdrawn) else [finding("F2")]),
        tap(mark, by=2), tap(other, by=3), MET,
    )  # fmt: skip
    line = sheet.line("A1")
    assert line is not None
    assert (line.status, line.low, line.high) == ("disputed", Decimal(3), Decimal("3.5"))
    assert sheet.percent is None


def test_very_many_disputed_marks_still_give_a_true_range() -> None:
    """Beyond 64 combinations the range is wider, never wrong, and quickly there."""
    bodies: list[Struct | Operation] = [count("A1", 0), MET]
    for at in range(8):
        bodies += [
            finding(f"F{at}"),
            tap(FindingDuplicateOf(f"F{at}", "F0"), by=2),
            tap(FindingDuplicateOf(f"F{at}", ""), by=3),
        ]
    line = sheet_of(*bodies).line("A1")
    assert line is not None
    assert (line.low, line.high) == (Decimal(0), Decimal(4))


def test_aggravating_and_vetoes_are_none_until_recorded_and_widen_in_dispute() -> None:
    """Recorded by exception."""
    checklist = make_checklist(
        aggravating=[{"id": "X", "deduct": "4"}], vetoes=[{"id": "V", "grade": "nonconform"}]
    )
    quiet = sheet_of(count("A1", 0), MET, checklist=checklist)
    assert (quiet.percent, quiet.aggravating, quiet.fired) == (Decimal("100.00"), Decimal(0), ())
    sheet = sheet_of(
        count("A1", 0),
        MET,
        count("X", 1),
        tap(count("X", 2), by=2),
        Answer("V", Present(present=True)),
        tap(Answer("V", Present(present=False)), by=2),
        checklist=checklist,
    )
    assert (sheet.percent_low, sheet.percent_high) == (Decimal("20.00"), Decimal("60.00"))
    assert sheet.aggravating is None
    assert [(gate.gate, gate.state) for gate in sheet.gates] == [("V", "possible")]
    assert line_of(sheet, "X").status == "disputed"  # type: ignore[arg-type, union-attr]


# --- what is not understood, and what breaks off ---------------------------------------------------------


def test_an_operation_of_an_unknown_kind_opens_the_item_it_names() -> None:
    """A newer tablet said something about A1; until somebody can read it, A1 is open."""
    held = tap(Raw(b'{"item":"A1","mood":"good"}'), kind="mood")
    sheet = sheet_of(count("A1", 1), MET, held)
    assert (sheet.status, sheet.counts.held) == ("open", 1)
    assert (sheet.percent_low, sheet.percent_high) == (Decimal("60.00"), Decimal("100.00"))
    assert sheet.line("A1").warnings == ("held",)  # type: ignore[union-attr]
    assert sheet.line("A2").points == 6  # type: ignore[union-attr]


def test_an_operation_of_an_unknown_kind_that_names_nothing_opens_everything() -> None:
    """It may be anything."""
    sheet = sheet_of(count("A1", 1), MET, tap(Raw(b"{}"), kind="mood"))
    assert (sheet.percent, sheet.percent_low, sheet.percent_high) == (
        None,
        Decimal("0.00"),
        Decimal("100.00"),
    )
    assert sheet.grade_low == "nonconform"


def test_a_failed_basic_item_or_a_broken_off_visit_has_no_score() -> None:
    """中止检查."""
    checklist = make_checklist([{**ITEMS[0]}, {**ITEMS[1], "abort": True}])
    failed = sheet_of(count("A1", 0), Answer("A2", YesNo(ok=False)), checklist=checklist)
    assert (failed.status, failed.aborted_by, failed.percent, failed.grade) == (
        "aborted",
        ("A2",),
        None,
        None,
    )
    perhaps = sheet_of(count("A1", 0), checklist=checklist)
    assert perhaps.status == "open"
    assert perhaps.line("A2").warnings == ("abort_possible",)  # type: ignore[union-attr]
    opened = tap(Opened(("P-1", "P-2"), task_letter_shown=True, recusal_asked=True))
    left = sheet_of(opened, tap(Aborted("refusal", "拒绝"), bases=[opened.id]), count("A1", 0), MET)
    assert (left.status, left.percent) == ("aborted", None)


def test_whether_a_visit_was_broken_off_may_be_in_dispute() -> None:
    """Then there is no final figure."""
    sheet = sheet_of(Aborted("emergency", "停电"), tap(Accepted(), by=2), count("A1", 0), MET)
    assert sheet.status == "open"
    assert sheet.percent is None
    assert sheet.percent_high == Decimal("100.00")


def test_an_answer_that_does_not_fit_leaves_the_item_open() -> None:
    """It came from elsewhere, or the checklist changed; nobody guesses what it meant."""
    sheet = sheet_of(Answer("A1", Actual(1)), MET)
    assert sheet.line("A1").status == "open"  # type: ignore[union-attr]
    ratio = make_checklist([{"id": "A1", "max": "4", "rule": {"type": "ratio"}}])
    assert sheet_of(Answer("A1", Ratio(0, 0)), checklist=ratio).status == "open"


# --- ends that are easily got wrong ----------------------------------------------------------------------


def test_the_low_end_minds_the_floor_of_a_section() -> None:
    """5 of 5 elsewhere; here -2 of 1 for sure, and perhaps 3 of 3 more: 6/9 with it, 5/6 without, never 5/9."""
    sure, perhaps = (
        Stake(Fraction(1), Fraction(-2), Fraction(-2)),
        Stake(Fraction(3), Fraction(3), Fraction(3), absent=True),
    )
    elsewhere = Stake(Fraction(5), Fraction(5), Fraction(5))
    assert ranges.share([[elsewhere], [sure, perhaps]], Fraction(0), highest=False) == Fraction(6, 9)


def test_a_gate_on_a_section_that_may_turn_out_not_to_apply_is_only_possible() -> None:
    """One says not met, one says N/A: nothing fires until that is settled."""
    gates = [{"id": "G", "when": {"section": "A", "ratio_below": "0.6"}, "max_grade": "basic"}]
    checklist = make_checklist([ITEMS[1]], gates=gates)
    sheet = sheet_of(
        Answer("A2", YesNo(ok=False)),
        tap(NotApplicable("A2", "none"), by=2),
        tap(NaConsent("A2", "none"), by=3),
        checklist=checklist,
    )
    assert [gate.state for gate in sheet.gates] == ["possible"]


@pytest.mark.parametrize(("grade_on", "grade"), [("rounded", "conform"), ("exact", "basic")])
def test_the_grade_is_read_off_the_printed_figure_unless_told_otherwise(grade_on: str, grade: str) -> None:
    """89.995 prints 90.00."""
    items = [{"id": "A1", "max": "100", "rule": {"type": "per_occurrence", "deduct": "10.005"}}]
    sheet = sheet_of(count("A1", 1), checklist=make_checklist(items, scoring={"grade_on": grade_on}))
    assert (str(sheet.percent), sheet.grade) == ("90.00", grade)


# --- the trace -------------------------------------------------------------------------------------------


def test_every_deduction_says_who_recorded_it_where_and_with_which_photo() -> None:
    """From the figure down to the operation."""
    tapped = tap(finding("F1"), by=2)
    photo = tap(make_photo("E-1", "A1"), by=3)
    mine = make_photo("E-2", "A1")
    described = tap(
        type(mine)(evidence="E-2", item="A1", finding="F1", sha256=mine.sha256, size_bytes=1), by=3
    )
    answered = tap(count("A1", 3))
    sheet = sheet_of(answered, tapped, photo, described, MET)
    by_finding, by_count = sheet.line("A1").deductions  # type: ignore[union-attr]
    assert by_finding.source.ops == (tapped.id,)
    assert by_finding.source.devices == ("D-2",)
    assert by_finding.source.findings == ("F1",)
    assert by_finding.source.evidence == ("E-2",)
    assert by_count.source.ops == (answered.id,)
    assert by_count.source.evidence == ("E-1",)
    assert (by_count.zh, by_count.en) == ("2 件 × 0.5", "2 × 0.5")
    assert sheet.line("A1").source.evidence == ("E-1", "E-2")  # type: ignore[union-attr]


def test_a_cap_is_in_the_text() -> None:
    """8 × 0.5 with at most 2."""
    rule = {"type": "per_occurrence", "deduct": "0.5", "cap": "2"}
    sheet = sheet_of(count("A1", 8), checklist=make_checklist([{"id": "A1", "max": "4", "rule": rule}]))
    texts = [one.zh for one in explain(sheet, "A1")]
    assert texts == ["A1：满分 4，得 2。应扣 4，单项上限 2", "8 × 0.5，已达单项上限，扣 2"]
    assert next(one.en for one in explain(sheet, "A1")) == "A1: 2 of 4. 4 would go; the item's cap is 2"


def test_the_percentage_is_explained_step_by_step() -> None:
    """Down to the grade, and what a gate did to it."""
    gates = [{"id": "G", "when": {"aggravating_count_at_least": 1}, "max_grade": "basic"}]
    checklist = make_checklist(aggravating=[{"id": "X", "deduct": "0.5"}], gates=gates)
    sheet = sheet_of(count("A1", 0), MET, count("X", 1), checklist=checklist)
    assert [one.zh for one in explain(sheet)] == [
        "各节得分合计 10，应得分 10",
        "减加重扣分 0.5：9.5",
        "9.5 ÷ 10 × 100 = 95",
        "四舍五入保留 2 位：95.00",
        "G 触发：basic",
        "等级：basic",
    ]
    assert [one.zh for one in explain(sheet, "X")] == ["X：1 × 0.5"]


def test_thirds_are_carried_exactly_beside_what_is_shown() -> None:
    """7/3 of a point is no decimal."""
    checklist = make_checklist([{"id": "A1", "max": "7", "rule": {"type": "ratio"}}])
    line = sheet_of(Answer("A1", Ratio(3, 1)), checklist=checklist).line("A1")
    assert line is not None
    assert (line.exact, str(line.points)) == ("7/3", "2.333333333333")
    assert line.points is not None
    assert line.max_points - line.points == line.deductions[0].charged
