"""One item as it stands, priced: its line on the sheet, and what is at stake while it is open."""

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from shared_schema import inspection as seen
from shared_schema.charges import Charge, Outcome, outcome
from shared_schema.checklist import Item, Section
from shared_schema.facts import NONE, Scenario
from shared_schema.figures import ZERO, added, exact, never_ending, shown
from shared_schema.inspection import Cell, Standing
from shared_schema.operations import Answer, Count, NotApplicable, agreement
from shared_schema.ranges import Stake
from shared_schema.rules import ClausesRule, PerOccurrenceRule, ShortfallRule, rule_type
from shared_schema.sheet import Deduction, ItemLine, LineStatus, NotCharged, Reading, Source
from shared_schema.sources import Context, fact_source, line_source, values_source


class Priced(NamedTuple):
    """An item's line, what is at stake for the percentage, and whether it failed for sure or perhaps."""

    line: ItemLine
    stake: Stake
    failed: bool
    may_fail: bool


class _Option(NamedTuple):
    """One way the item may turn out: N/A (no low), or points from low to high and what its section pays."""

    na: bool
    low: Fraction = ZERO
    high: Fraction = ZERO
    pays_low: Fraction = ZERO
    pays_high: Fraction = ZERO
    outcome: Outcome | None = None
    source: Source = Source()
    settled: bool = True
    """Whether this is a value that stands, and not merely what is possible while nothing does."""


def price(item: Item, section: Section, standing: seen.Item | None, context: Context) -> Priced:
    """The line of one item, and what is at stake."""
    scenarios = context.scenarios.get(item.id, NONE)
    cell = None if standing is None else standing.answer
    status, options, warnings = _options(item, section, standing, cell, scenarios, context)
    if item.id in context.held:
        status = "open" if status in ("answered", "not_applicable") else status
        options = [*options, _Option(True, settled=False), _anything(item, section, NONE, context)]
        warnings.append("held")
    applying = [option for option in options if not option.na]
    whole = exact(item.max_points)
    absent = len(applying) < len(options)
    stake = Stake(whole, *_ends(applying, item.rule.scope == "section"), bool(applying), absent)
    line = _line(item, section, cell, status, options, scenarios, context, warnings)
    certain = len(options) == 1 and options[0].outcome is not None and options[0].outcome.failed
    return Priced(line, stake, certain, _may_fail(options))


def _ends(applying: list[_Option], section_pays: bool) -> tuple[Fraction, Fraction]:
    """The least and the most of points less what the section pays for them."""
    if not applying:
        return ZERO, ZERO
    if not section_pays:
        low, high = applying[0].low, applying[0].high
        for option in applying[1:]:
            low, high = min(low, option.low), max(high, option.high)
        return low, high
    return (
        min(option.low - option.pays_high for option in applying),
        max(option.high - option.pays_low for option in applying),
    )


def _may_fail(options: list[_Option]) -> bool:
    return any(option.outcome.failed if option.outcome else not option.na for option in options)


# --- what may come to stand ---------------------------------------------------------------------------


def _options(
    item: Item,
    section: Section,
    standing: seen.Item | None,
    cell: Cell[Answer | NotApplicable] | None,
    scenarios: tuple[Scenario, ...],
    context: Context,
) -> tuple[LineStatus, list[_Option], list[str]]:
    """The item's status, all it may turn out to be, and warnings."""
    if cell is None or standing is None:
        return "open", [_anything(item, section, scenarios, context)], []
    options: list[_Option] = []
    warnings: list[str] = []
    for group in _groups(cell):
        value = group[0].value
        if isinstance(value, NotApplicable) and value.reason in item.na:
            options += _not_applicable(item, section, standing, group, context)
            continue
        outcomes = [] if isinstance(value, NotApplicable) else _outcomes(item, value, scenarios)
        if not outcomes:
            warnings.append("unfit_answer")
            options.append(_anything(item, section, scenarios, context))
            continue
        source = values_source(group, context, item.id)
        options += [
            _Option(False, one.points, one.points, one.to_section, one.to_section, one, source)
            for one in outcomes
        ]
    if cell.disputed:
        return "disputed", options, warnings
    if warnings:
        return "open", options, warnings
    if isinstance(cell.value, NotApplicable):
        return ("not_applicable" if len(options) == 1 else "na_without_consent"), options, warnings
    return ("answered" if len(options) == 1 else "disputed"), options, warnings


def _groups(cell: Cell[Answer | NotApplicable]) -> list[list[Standing[Answer | NotApplicable]]]:
    """The standing values, those that agree together."""
    if len(cell.standing) == 1 or not cell.disputed:
        return [list(cell.standing)]
    found: list[tuple[object, list[Standing[Answer | NotApplicable]]]] = []
    for one in cell.standing:
        key = agreement(one.value)
        for known, group in found:
            if known == key:
                group.append(one)
                break
        else:
            found.append((key, [one]))
    return [group for _, group in found]


def _not_applicable(
    item: Item,
    section: Section,
    standing: seen.Item,
    group: list[Standing[Answer | NotApplicable]],
    context: Context,
) -> list[_Option]:
    """N/A; without another member's consent also anything else."""
    absent = _Option(True, source=values_source(group, context, item.id, standing))
    if not context.na_needs_consent or any(standing.consented(one) for one in group):
        return [absent]
    return [absent, _anything(item, section, NONE, context)]


def _outcomes(item: Item, value: Answer, scenarios: tuple[Scenario, ...]) -> list[Outcome]:
    """The item under this answer, in every scenario of its findings; none when the answer does not fit."""
    if not isinstance(item.rule, PerOccurrenceRule):
        scenarios = NONE
    found: list[Outcome] = []
    for scenario in scenarios:
        one = outcome(item, value.answer, scenario)
        if one is not None and one not in found:
            found.append(one)
    return found


def _anything(item: Item, section: Section, scenarios: tuple[Scenario, ...], context: Context) -> _Option:
    """An item without a usable answer: from nothing to full marks less what its findings charge already."""
    whole = exact(item.max_points)
    best = None
    if isinstance(item.rule, PerOccurrenceRule):
        outcomes = [one for scenario in scenarios if (one := outcome(item, Count(0), scenario)) is not None]
        best = max(outcomes, key=lambda one: one.points - one.to_section)
    source = values_source((), context, item.id)
    if item.rule.scope == "item":
        return _Option(
            False, ZERO, best.points if best else whole, outcome=None, source=source, settled=False
        )
    pays = best.to_section if best else ZERO
    return _Option(False, whole, whole, pays, max(pays, _most(item, section)), source=source, settled=False)


def _most(item: Item, section: Section) -> Fraction:
    """The most its section may have to pay for an item."""
    whole = exact(item.max_points)
    match item.rule:
        case PerOccurrenceRule() as rule:
            most = exact(section.points)  # any number of occurrences, but no more than the section has
        case ShortfallRule() as rule:
            most = exact(rule.deduct) * rule.required
        case ClausesRule() as rule:
            amounts = (one.range.max if one.range else one.deduct for one in rule.clauses)
            most = added(exact(one) for one in amounts if one is not None)
        case _:
            return whole
    return most if rule.cap is None else min(most, exact(rule.cap))


# --- the line -----------------------------------------------------------------------------------------


def _line(
    item: Item,
    section: Section,
    cell: Cell[Answer | NotApplicable] | None,
    status: LineStatus,
    options: list[_Option],
    scenarios: tuple[Scenario, ...],
    context: Context,
    warnings: list[str],
) -> ItemLine:
    applying = [option for option in options if not option.na]
    low, high = _ends(applying, section_pays=False)
    settled = applying[0].outcome if status == "answered" else None
    deductions = (
        _deductions(item, applying[0], context) if settled else _pending(item, status, scenarios, context)
    )
    points = None
    if settled:
        # What is shown adds up: full marks less the deductions as shown.
        points = shown(exact(item.max_points) - _charged(deductions)) if deductions else item.max_points
    return ItemLine(
        item=item.id,
        section=section.id,
        max_points=item.max_points,
        status=status,
        points=points,
        low=shown(low) if points is None else points,
        high=shown(high) if points is None else points,
        exact=never_ending(settled.points) if settled and deductions else "",
        failed=bool(settled and settled.failed),
        zh=settled.zh if settled else "",
        en=settled.en if settled else "",
        deductions=deductions,
        readings=_readings(item, options, context) if status in ("disputed", "na_without_consent") else (),
        not_charged=_not_charged(item, scenarios[0]) if item.id in context.scenarios else (),
        na_reason=cell.value.reason if cell is not None and isinstance(cell.value, NotApplicable) else "",
        warnings=(*warnings, *_warnings(item, cell, status, settled, scenarios[0])),
        source=line_source([one.source for one in options], cell, context, item.id),
    )


def _charged(deductions: Iterable[Deduction]) -> Fraction:
    return added(exact(one.charged) for one in deductions if one.scope == "item")


def _pending(
    item: Item, status: LineStatus, scenarios: tuple[Scenario, ...], context: Context
) -> tuple[Deduction, ...]:
    """What the findings of an unanswered item charge already."""
    if status != "open" or len(scenarios) != 1 or not isinstance(item.rule, PerOccurrenceRule):
        return ()
    known = outcome(item, Count(0), scenarios[0])
    return _deductions(item, _Option(False, outcome=known), context) if known else ()


def _deductions(item: Item, option: _Option, context: Context) -> tuple[Deduction, ...]:
    if option.outcome is None:
        return ()
    return tuple(_deduction(item, one, option.source, context) for one in option.outcome.charges)


_LIMITS = {
    "": ("", ""),
    "cap": ("，已达单项上限，扣 {charged}", ", the item's cap is reached: {charged} charged"),
    "item": ("，已扣完分值，扣 {charged}", ", the item has no more: {charged} charged"),
}


def _deduction(item: Item, charge: Charge, source: Source, context: Context) -> Deduction:
    charged = shown(charge.charged)
    zh, en = _LIMITS[charge.limited_by]
    return Deduction(
        rule=rule_type(item.rule),
        code=charge.code,
        points=shown(charge.points),
        charged=charged,
        zh=charge.zh + zh.format(charged=charged),
        en=charge.en + en.format(charged=charged),
        scope=item.rule.scope,
        limited_by="cap" if charge.limited_by == "cap" else "item" if charge.limited_by else "",
        exact=never_ending(charge.charged),
        source=source if charge.fact is None else fact_source(charge.fact, context),
    )


def _readings(item: Item, options: list[_Option], context: Context) -> tuple[Reading, ...]:
    return tuple(
        Reading(
            applicable=not option.na,
            low=shown(option.low),
            high=shown(option.high),
            deductions=_deductions(item, option, context),
            source=option.source if option.settled else Source(),
        )
        for option in options
    )


def _not_charged(item: Item, scenario: Scenario) -> tuple[NotCharged, ...]:
    charges = isinstance(item.rule, PerOccurrenceRule)
    return (
        *(NotCharged(one, "withdrawn") for one in scenario.withdrawn),
        *(NotCharged(one, "duplicate", of) for one, of in scenario.duplicates),
        *(NotCharged(fact.finding, "explains") for fact in scenario.facts if not charges),
    )


def _warnings(
    item: Item,
    cell: Cell[Answer | NotApplicable] | None,
    status: LineStatus,
    settled: Outcome | None,
    scenario: Scenario,
) -> list[str]:
    """What a person should look at again."""
    found: list[str] = []
    if status in ("not_applicable", "na_without_consent") and scenario.facts:
        found.append("na_with_findings")
    if settled is None or cell is None:
        return found
    if not isinstance(item.rule, PerOccurrenceRule):
        if scenario.facts and not settled.charges:
            found.append("finding_without_points")
        return found
    value = cell.value
    stated = value.answer.count if isinstance(value, Answer) and isinstance(value.answer, Count) else None
    if stated is not None and stated < sum(fact.occurrences for fact in scenario.facts):
        found.append("findings_exceed_count")
    facts = [one for one in settled.charges if one.fact is not None]
    over = added(one.points - one.charged for one in settled.charges)
    if facts and over >= min(one.points for one in facts):
        found.append("withdrawal_moves_nothing")
    if scenario.withdrawn and _at_limit(item, settled):
        found.append("withdrawal_moved_nothing")
    return found


def _at_limit(item: Item, settled: Outcome) -> bool:
    """Whether a further occurrence would charge nothing, so that a withdrawn one changed nothing."""
    charged = added(one.charged for one in settled.charges)
    cap = item.rule.cap if isinstance(item.rule, PerOccurrenceRule) else None
    return (cap is not None and charged >= exact(cap)) or (item.rule.scope == "item" and settled.points == 0)
