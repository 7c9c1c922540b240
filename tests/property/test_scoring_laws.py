"""The laws of scoring, on drawn checklists and inspections, each worked out another way than the engine does."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import product

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared_schema import merge, ranges
from shared_schema.checklist import Checklist, from_bytes, to_bytes
from shared_schema.figures import added, rounded, to_step
from shared_schema.operations import Finding, FindingWithdrawn, NaConsent, NotApplicable
from shared_schema.ranges import Stake
from shared_schema.scoring import score
from shared_schema.sheet import ScoreSheet, exact_points, sheet_bytes, sheet_from_bytes
from tests.property.scoring_strategies import GRADES, NA, Drawn, checklists, closed, inspections

CODES = [grade.code for grade in GRADES]


def scored(drawn: Drawn) -> ScoreSheet:
    """The sheet of a drawn inspection."""
    return score(drawn.checklist, drawn.inspection)


# --- every figure follows from the lines --------------------------------------------------------------


@given(inspections())
def test_no_point_is_an_orphan(drawn: Drawn) -> None:
    """What an item lost is what its deductions charged; sections are their items less what they pay."""
    sheet = scored(drawn)
    for line in sheet.items:
        if line.points is not None:
            assert line.max_points - line.points == sum(
                one.charged for one in line.deductions if one.scope == "item"
            )
            assert line.low == line.high == line.points
        assert all(Decimal(0) <= one.charged <= one.points for one in line.deductions)
    for section in sheet.sections:
        lines = [line for line in sheet.items if line.section == section.section]
        if section.points is not None:
            kept = sum(exact_points(line) or Fraction(0) for line in lines)
            paid = sum(
                Fraction(one.charged) for line in lines for one in line.deductions if one.scope == "section"
            )
            assert exact_points(section) == max(0, kept - paid)
            assert section.deducted - section.waived >= 0


@given(inspections(complete=True))
def test_percent_and_grade_follow_from_the_lines(drawn: Drawn) -> None:
    """The documented order of operations, worked from the printed lines alone."""
    sheet, policy = scored(drawn), drawn.checklist.policy
    assume(sheet.status == "scored")
    assert sheet.percent is not None
    base = sum(exact_points(section) or Fraction(0) for section in sheet.sections)
    due = sum(Fraction(line.max_points) for line in sheet.items if line.status != "not_applicable")
    worse = sum(Fraction(line.points_high) for line in sheet.extras if line.kind == "aggravating")
    left = max(Fraction(0), base - worse) if policy.aggravating_stage == "before_normalise" else base
    if policy.na_policy == "renormalise":
        percent = left / due * 100
    else:
        absent = sum(Fraction(line.max_points) for line in sheet.items if line.status == "not_applicable")
        percent = (left + absent) / Fraction(drawn.checklist.total_points) * 100
    if policy.aggravating_stage == "after_normalise":
        percent = max(Fraction(0), percent - worse)
    if policy.bonus_enabled:
        percent += min(
            Fraction(1), sum(Fraction(line.points_high) for line in sheet.extras if line.kind == "bonus")
        )
    percent = min(Fraction(100), percent)
    scale = 10**policy.places
    assert Fraction(sheet.percent) == Fraction((percent * scale + Fraction(1, 2)).__floor__(), scale)
    figure = Fraction(sheet.percent) if policy.grade_on == "rounded" else percent
    worst = next(at for at, grade in enumerate(GRADES) if figure >= Fraction(grade.min))
    worst = max([worst, *(CODES.index(gate.grade) for gate in sheet.gates if gate.state == "fired")])
    assert sheet.grade == CODES[worst]


@given(inspections(), st.randoms(use_true_random=False))
def test_everyone_prints_the_same_bytes(drawn: Drawn, random: st.DataObject) -> None:
    """Whatever the order operations arrive in, and through bytes, the sheet is the same to the byte."""
    expected = sheet_bytes(scored(drawn))
    operations = list(drawn.operations) * 2
    random.shuffle(operations)  # type: ignore[attr-defined]
    checklist = from_bytes(to_bytes(drawn.checklist))
    assert sheet_bytes(score(checklist, merge.view(merge.apply(merge.EMPTY, operations)))) == expected
    assert sheet_bytes(sheet_from_bytes(expected)) == expected


@given(inspections())
def test_figures_are_plain_decimals(drawn: Drawn) -> None:
    """No float, no exponent, no negative zero and no negative figure anywhere on a sheet."""

    def check(value: object) -> None:
        assert not isinstance(value, float)
        if isinstance(value, Decimal):
            assert "E" not in str(value)
            assert not str(value).startswith("-")
        elif isinstance(value, msgspec.Struct):
            for one in msgspec.structs.astuple(value):
                check(one)
        elif isinstance(value, tuple):
            for one in value:
                check(one)

    check(scored(drawn))


# --- ranges ---------------------------------------------------------------------------------------------


@given(inspections(), st.data())
def test_a_range_holds_whatever_comes(drawn: Drawn, data: st.DataObject) -> None:
    """However the open is answered and the disputed settled, percentage and grade end inside the range."""
    before = scored(drawn)
    after = scored(data.draw(closed(drawn)))
    assert after.status in ("scored", "not_scorable")
    if after.percent is None or before.percent_low is None or before.percent_high is None:
        return
    assert before.percent_low <= after.percent <= before.percent_high
    assert before.grade_low is not None
    assert before.grade_high is not None
    assert after.grade is not None
    assert CODES.index(before.grade_low) >= CODES.index(after.grade) >= CODES.index(before.grade_high)
    possible = {gate.gate for gate in before.gates if gate.state != "not"}
    assert set(before.fired) <= set(after.fired) <= possible


stakes = st.builds(
    lambda most, low, high, pays, applies, absent: Stake(
        Fraction(most),
        Fraction(min(low, high, most)) - pays,
        Fraction(min(max(low, high), most)) - pays // 2,
        applies or not absent,
        absent,
    ),
    st.integers(1, 6),
    st.integers(0, 6),
    st.integers(0, 6),
    st.sampled_from((0, 0, 3, 8)),
    st.sampled_from((True, True, False)),
    st.booleans(),
)
sections_of_stakes = st.lists(st.lists(stakes, min_size=1, max_size=3), min_size=1, max_size=3)


def every_outcome(sections: list[list[Stake]], less: Fraction, credit: bool) -> list[Fraction]:
    """The figure of every combination of N/A or not and of either end, one by one."""
    choices = [
        [
            (at, end, stake.most, due)
            for due in (True, False)
            for end in (stake.low, stake.high)
            if (stake.applies if due else stake.absent)
        ]
        for at, section in enumerate(sections)
        for stake in section
    ]
    found = []
    for combination in product(*(dict.fromkeys(one) for one in choices)):
        due = sum(most for _, _, most, applies in combination if applies)
        if not due:
            continue
        earned = sum(
            max(Fraction(0), sum(end for place, end, _, applies in combination if applies and place == at))
            for at in range(len(sections))
        )
        absent = sum(most for _, _, most, applies in combination if not applies)
        left = max(Fraction(0), earned - less)
        found.append(left + absent if credit else left / due)
    return found


@settings(max_examples=300)
@given(sections_of_stakes, st.integers(0, 6).map(Fraction), st.booleans())
def test_the_ends_of_a_range_are_exact(sections: list[list[Stake]], less: Fraction, credit: bool) -> None:
    """Dinkelbach finds what trying everything finds, floors of sections and of the whole included."""
    outcomes = every_outcome(sections, less, credit)
    find = ranges.credited if credit else ranges.share
    if not outcomes:
        assert find(sections, less, highest=True) is None
        return
    assert find(sections, less, highest=True) == max(outcomes)
    assert find(sections, less, highest=False) == min(outcomes)


# --- which way a change may go --------------------------------------------------------------------------


def not_higher(after: ScoreSheet, before: ScoreSheet) -> bool:
    """Neither end of the range rose."""
    if after.percent_low is None or before.percent_low is None:
        return after.percent_low == before.percent_low
    assert after.percent_high is not None
    assert before.percent_high is not None
    return after.percent_low <= before.percent_low and after.percent_high <= before.percent_high


@given(inspections(settled=True), st.data())
def test_adding_a_finding_never_raises_a_percent(drawn: Drawn, data: st.DataObject) -> None:
    """A new finding on any item lowers the percentage or leaves it."""
    item = data.draw(st.sampled_from(drawn.checklist.items))
    finding = Finding(finding="F-NEW", item=item.id, fact="新", occurrences=data.draw(st.integers(1, 3)))
    assert not_higher(scored(drawn.plus((finding, ()))), scored(drawn))


@given(inspections(settled=True), st.data())
def test_withdrawing_a_finding_never_lowers_a_percent(drawn: Drawn, data: st.DataObject) -> None:
    """A withdrawal raises the percentage or leaves it (one fact charged on one item)."""
    inspection = drawn.inspection
    live = [one for one in inspection.findings.values() if one.record is not None and not one.withdrawn]
    # The same fact on two items moves to the other one instead, which may still have points to lose.
    marked = [one for one in inspection.findings.values() if one.duplicate]
    targets = [inspection.findings[one.duplicate] for one in marked if one.duplicate in inspection.findings]  # type: ignore[index]
    assume(live and len({one.item for one in (*marked, *targets)}) <= 1)
    finding = data.draw(st.sampled_from(live))
    assert finding.record is not None
    assert finding.text is not None
    body = FindingWithdrawn(finding.finding, finding.text.item, "复核", finding.text.occurrences)
    assert not_higher(scored(drawn), scored(drawn.plus((body, finding.record.ops))))


@given(inspections(section_scope=False, complete=True), st.data())
def test_leaving_out_a_full_mark_item_never_raises_the_rate(drawn: Drawn, data: st.DataObject) -> None:
    """An item with full marks marked N/A lowers the rate or leaves it: it cannot be used to hide anything.

    Not so under full_credit, whose N/A points no aggravating item can reach.
    """
    assume(drawn.checklist.policy.na_policy == "renormalise")
    before = scored(drawn)
    full = [line for line in before.items if line.points == line.max_points]
    assume(full)
    line = data.draw(st.sampled_from(full))
    cell = drawn.inspection.items[line.item].answer  # type: ignore[index]
    assert cell is not None
    after = drawn.plus((NotApplicable(line.item, NA), cell.ops), device="D-8")
    after = after.plus((NaConsent(line.item, NA), ()), device="D-9")
    sheet = scored(after)
    if sheet.percent is not None and before.percent is not None:
        assert sheet.percent <= before.percent


@given(checklists(section_scope=False))
def test_nothing_answered_is_nothing_to_full(checklist: Checklist) -> None:
    """An empty inspection ranges from 0 to 100."""
    drawn = Drawn(checklist, ())
    sheet = scored(drawn)
    assert sheet.status == "open"
    assert sheet.percent is None
    assert (str(sheet.percent_low).partition(".")[0], sheet.percent_high) == ("0", Decimal(100))
    assert sheet.counts.open == len(drawn.checklist.items)


@given(st.lists(st.fractions(max_denominator=30), max_size=8))
def test_adding_is_exact(figures: list[Fraction]) -> None:
    """The quick sum is the sum."""
    assert added(figures) == sum(figures)


@pytest.mark.parametrize(
    ("figure", "step", "wanted"), [("2.85", "0.1", "2.9"), ("2.849", "0.1", "2.8"), ("1.25", "0.5", "1.5")]
)
def test_steps_are_half_up(figure: str, step: str, wanted: str) -> None:
    """2.85 by 0.1 is 2.9, as by hand."""
    assert to_step(Fraction(figure), Fraction(step)) == Fraction(wanted)


@given(st.integers(-(10**6), 10**6), st.integers(1, 10**4), st.integers(0, 4))
def test_rounding_is_half_up(numerator: int, denominator: int, places: int) -> None:
    """As the decimal module rounds half up, wherever that can be asked."""
    figure = Fraction(numerator, denominator)
    long = Decimal(numerator) / Decimal(denominator)
    assume(Fraction(long) == figure)
    wanted = long.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    assert rounded(figure, places) == wanted
    assert str(rounded(figure, places)) == str(wanted or abs(wanted))
