"""score(checklist, inspection) -> ScoreSheet: the exact score of one inspection, every figure with its trace.

The order of operations, the same for every checklist:
 1 item     points less deductions, never below 0; a rule's cap limits first
 2 section  sum of its items less what is charged to the section whole, never below 0
 3 due      sum of the points of the items that apply; base: sum of the sections
 4 aggravating, before_normalise: base less aggravating, never below 0
 5 percent  renormalise: base / due × 100; full_credit: (base + points of N/A items) / total × 100
 6 aggravating, after_normalise: percent less aggravating, never below 0
 7 bonus    added up to the bonus cap; the whole up to the total cap
 8 round    half up, once; the grade is read off the rounded figure
 9 gates    each that fires limits the grade; a veto forces its grade and leaves the percentage
Nothing due: no percentage, no grade, not_scorable.

Several checks of one department in a year are scored once (C2): they are recorded into one inspection, whose
operations merge like those of several tablets.

While anything is open the result is a range. An unanswered item is 0 to full; a disputed one lies
between the values that stand; an N/A without another member's consent is N/A or not; an operation of an
unknown kind opens the item it names, or everything. Every end of a range is taken for itself, so the
range holds whatever comes, and a gate counts at the low end when it may fire, at the high end when it
must. Aggravating items, vetoes and bonuses are recorded by exception: unanswered is none.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from operator import is_

import msgspec

from shared_schema import ranges
from shared_schema.checklist import Checklist, Item, Section, checklist_hash
from shared_schema.figures import HUNDRED, ZERO, added, exact, never_ending, rounded, shown
from shared_schema.grading import Span, Whole, gates_of, grade_of
from shared_schema.inspection import Inspection
from shared_schema.lines import Priced
from shared_schema.operations import Aborted
from shared_schema.pricing import Memo, price_all
from shared_schema.ranges import Stakes
from shared_schema.rules import ENGINE_VERSION
from shared_schema.sheet import Counts, ItemLine, ScoreSheet, SectionLine, SheetStatus

RATIO_PLACES = 4


def score(checklist: Checklist, inspection: Inspection, memo: Memo | None = None) -> ScoreSheet:
    """The score sheet of an inspection under this checklist; faster with the memo of the one before."""
    memo = Memo() if memo is None else memo
    before = memo.inspection
    everything, changed = price_all(checklist, inspection, memo)
    if (
        memo.sheet is not None
        and before is not None
        and not changed
        and before.stage_cell is inspection.stage_cell
        and before.held is inspection.held
    ):
        return memo.sheet
    memo.sheet = _sheet(checklist, inspection, everything, memo)
    return memo.sheet


def _sheet(checklist: Checklist, inspection: Inspection, everything: Whole, memo: Memo) -> ScoreSheet:
    policy = checklist.policy
    counts = _counts(everything, inspection)
    final = not (counts.open or counts.disputed or counts.na_without_consent or counts.held)
    sections = tuple(_section(everything, at, final, memo) for at in range(len(checklist.sections)))
    due = added(section.due for section in everything.stakes)
    base = ranges.points(everything.stakes, highest=True)
    high = _percent(everything, highest=True)
    low = high if final and ranges.nothing_open(everything.stakes) else _percent(everything, highest=False)
    gates = gates_of(everything)
    aborted = tuple(item.id for item in checklist.items if item.abort and everything.priced[item.id].failed)
    status = _status(inspection, aborted, final, due)
    figures = status in ("scored", "open") and low is not None and high is not None
    percent_low = rounded(low, policy.places) if figures and low is not None else None
    percent_high = rounded(high, policy.places) if figures and high is not None else None
    grade_low = grade_of(policy, gates, low, worst=True) if figures else None
    grade_high = grade_of(policy, gates, high, worst=False) if figures else None
    scored = status == "scored"
    sheet = ScoreSheet(
        checklist=checklist.code,
        checklist_version=checklist.version,
        checklist_hash=checklist_hash(checklist),
        engine_version=ENGINE_VERSION,
        status=status,
        counts=counts,
        percent=percent_high if scored else None,
        grade=grade_high if scored else None,
        percent_low=percent_low,
        percent_high=percent_high,
        grade_low=grade_low,
        grade_high=grade_high,
        base=shown(base) if final else None,
        base_exact=never_ending(base) if final else "",
        applicable=shown(due) if final else None,
        aggravating=_only(everything.aggravating),
        bonus=_only(everything.bonus),
        fired=tuple(one.gate for one in gates if one.state == "fired"),
        aborted_by=aborted,
        items=tuple([_flagged(item, everything.priced[item.id]) for item in checklist.items]),
        sections=sections,
        extras=tuple(everything.extras.values()),
        gates=gates,
    )
    return msgspec.structs.replace(sheet, steps=_steps(everything, sheet, base, due, high))


def _only(span: Span) -> Decimal | None:
    return shown(span.low) if span.low == span.high else None


def _status(inspection: Inspection, aborted: tuple[str, ...], final: bool, due: Fraction) -> SheetStatus:
    stage_stands = inspection.stage_cell is None or not inspection.stage_cell.disputed
    if aborted or (inspection.stage == "aborted" and stage_stands):
        return "aborted"
    if not final:
        return "open"
    return "scored" if due else "not_scorable"


def _flagged(item: Item, priced: Priced) -> ItemLine:
    """The line, with a warning where the item may yet break off the visit."""
    line = priced.line
    if not item.abort or not priced.may_fail or priced.failed:
        return line
    return msgspec.structs.replace(line, warnings=(*line.warnings, "abort_possible"))


def _counts(everything: Whole, inspection: Inspection) -> Counts:
    by_status = dict.fromkeys(("answered", "not_applicable", "open", "disputed", "na_without_consent"), 0)
    for priced in everything.priced.values():
        by_status[priced.line.status] += 1
    by_status["disputed"] += sum(line.status == "disputed" for line in everything.extras.values())
    stage = inspection.stage_cell
    if stage is not None and stage.disputed and any(isinstance(one.value, Aborted) for one in stage.standing):
        by_status["disputed"] += 1
    return Counts(items=len(everything.priced), held=len(inspection.held), **by_status)


# --- sections and the whole ---------------------------------------------------------------------------


def _section(everything: Whole, at: int, final: bool, memo: Memo) -> SectionLine:
    section = everything.checklist.sections[at]
    mine = tuple([everything.priced[item.id] for item in section.items])
    known = memo.sections.get(section.id)
    if known is not None and known[1] == final and all(map(is_, known[0], mine)):
        return known[2]
    line = _section_line(section, mine, everything.stakes[at], final)
    memo.sections[section.id] = mine, final, line
    return line


def _section_line(section: Section, mine: Sequence[Priced], at_stake: Stakes, final: bool) -> SectionLine:
    stakes = [at_stake]
    high = ranges.points(stakes, highest=True)
    low = high if ranges.nothing_open(stakes) else ranges.points(stakes, highest=False)
    due = at_stake.due
    ratios = ranges.shares(stakes)
    known = final or all(one.line.status in ("answered", "not_applicable") for one in mine)
    to_section = added(
        exact(one.charged) for priced in mine for one in priced.line.deductions if one.scope == "section"
    )
    kept = added(stake.high for stake in at_stake if stake.applies)
    return SectionLine(
        section=section.id,
        max_points=section.points,
        applicable=shown(due) if known else None,
        points=shown(high) if known and due else None,
        low=shown(low),
        high=shown(high),
        deducted=shown(to_section) if known else Decimal(0),
        waived=shown(max(ZERO, -kept)) if known else Decimal(0),
        ratio_low=None if ratios is None else rounded(ratios[0], RATIO_PLACES),
        ratio_high=None if ratios is None else rounded(ratios[1], RATIO_PLACES),
        exact=never_ending(high) if known and due else "",
    )


def _percent(everything: Whole, highest: bool) -> Fraction | None:
    """Steps 4 to 7 at one end of the range; None when nothing can apply."""
    policy = everything.checklist.policy
    cap = exact(policy.total_cap)
    worse = everything.aggravating.low if highest else everything.aggravating.high
    before = worse if policy.aggravating_stage == "before_normalise" else ZERO
    percent: Fraction | None
    if policy.na_policy == "renormalise":
        percent = ranges.share(everything.stakes, before, highest)
    else:
        percent = ranges.credited(everything.stakes, before, highest)
        total = exact(everything.checklist.total_points)
        percent = None if percent is None or not total else percent / total
    if percent is None:
        return None
    if everything.unknown:
        return cap if highest else ZERO
    percent *= HUNDRED
    if policy.aggravating_stage == "after_normalise":
        percent = max(ZERO, percent - worse)
    return min(cap, percent + (everything.bonus.high if highest else everything.bonus.low))


# --- the steps, for a person --------------------------------------------------------------------------


def _steps(
    everything: Whole, sheet: ScoreSheet, base: Fraction, due: Fraction, percent: Fraction | None
) -> tuple[tuple[str, str], ...]:
    """How the percentage came about."""
    if sheet.status == "aborted":
        by = "、".join(sheet.aborted_by)
        return (
            (
                f"检查已中止{f'（{by}）' if by else ''}，不计分",
                f"the visit was broken off{f' ({by})' if by else ''}: no score",
            ),
        )
    if sheet.status == "not_scorable":
        return (("没有适用的检查项，无法评分", "no item applies, so there is no score"),)
    if sheet.status == "open":
        return (
            (
                f"尚未完成：{sheet.percent_low} 至 {sheet.percent_high}",
                f"not finished: {sheet.percent_low} to {sheet.percent_high}",
            ),
        )
    return tuple(_scored_steps(everything, sheet, base, due, percent or ZERO))


def _scored_steps(
    everything: Whole, sheet: ScoreSheet, base: Fraction, due: Fraction, percent: Fraction
) -> list[tuple[str, str]]:
    policy = everything.checklist.policy
    worse = everything.aggravating.high
    steps = [
        (
            f"各节得分合计 {shown(base)}，应得分 {shown(due)}",
            f"sections make {shown(base)} of {shown(due)} due",
        )
    ]
    left = base
    if worse and policy.aggravating_stage == "before_normalise":
        left = max(ZERO, base - worse)
        steps.append(
            (f"减加重扣分 {shown(worse)}：{shown(left)}", f"less aggravating {shown(worse)}: {shown(left)}")
        )
    if policy.na_policy == "renormalise":
        rate = left / due * HUNDRED
        how = f"{shown(left)} ÷ {shown(due)} × 100 = {_long(rate)}"
    else:
        total = everything.checklist.total_points
        credit = added(stake.most for rows in everything.stakes for stake in rows if not stake.applies)
        rate = (left + credit) / exact(total) * HUNDRED
        how = f"({shown(left)} + {shown(credit)}) ÷ {total} × 100 = {_long(rate)}"
    steps.append((how, how))
    if worse and policy.aggravating_stage == "after_normalise":
        rate = max(ZERO, rate - worse)
        steps.append(
            (f"减加重扣分 {shown(worse)}：{_long(rate)}", f"less aggravating {shown(worse)}: {_long(rate)}")
        )
    bonus = everything.bonus.high
    if bonus:
        steps.append(
            (f"加分 {shown(bonus)}：{_long(percent)}", f"plus bonus {shown(bonus)}: {_long(percent)}")
        )
    steps.append(
        (
            f"四舍五入保留 {policy.places} 位：{sheet.percent}",
            f"rounded half up to {policy.places} places: {sheet.percent}",
        )
    )
    steps += [
        (f"{gate.gate} 触发：{gate.zh or gate.grade}", f"{gate.gate} fired: {gate.en or gate.grade}")
        for gate in sheet.gates
        if gate.state == "fired"
    ]
    grade = everything.checklist.grade(sheet.grade)
    steps.append((f"等级：{grade.read('zh')}", f"grade: {grade.read('en')}"))
    return steps


def _long(figure: Fraction) -> str:
    """A figure before rounding: exact, or its first places and dots."""
    text = str(shown(figure))
    return text if not never_ending(figure) else f"{text.partition('.')[0]}.{text.partition('.')[2][:6]}…"
