"""What one answer takes away from one item: each rule's charges, limited by its cap and by the item.

How answers and findings combine on a `per_occurrence` item: charged are the facts of its findings, and
beyond them `max(0, count − occurrences of all findings ever recorded on it)`. So a count alone works,
findings alone work, and a finding that is withdrawn after an objection lowers the charge although the
count still says what was first found: count 5 with five findings, one withdrawn, charges 4. (Were the
count simply the upper bound, a withdrawal could never move a score.) On other rules findings explain.
"""

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from shared_schema.checklist import Item
from shared_schema.facts import Fact, Scenario
from shared_schema.figures import ZERO, added, exact, shown, to_step
from shared_schema.operations import Actual, AnswerValue, Clauses, Count, Ratio, Value, YesNo
from shared_schema.rules import (
    BinaryRule,
    Clause,
    ClausesRule,
    PerOccurrenceRule,
    RatioRule,
    ShortfallRule,
    TiersRule,
)


class Charge(NamedTuple):
    """One reason for which points go."""

    code: str
    points: Fraction
    zh: str
    en: str
    fact: Fact | None = None
    charged: Fraction = ZERO
    limited_by: str = ""


class Outcome(NamedTuple):
    """An item under one answer: what it keeps, what its section pays, and for which reasons."""

    charges: tuple[Charge, ...]
    points: Fraction
    to_section: Fraction
    failed: bool
    """Nothing of its points is left (for an item worth nothing: it is not met)."""
    zh: str = ""
    en: str = ""


def outcome(item: Item, answer: AnswerValue, scenario: Scenario) -> Outcome | None:
    """What this answer makes of the item; None when the answer does not fit the item's rule."""
    rule = item.rule
    charges: list[Charge] | None
    cap: Decimal | None = None
    match rule, answer:
        case BinaryRule(), YesNo():
            charges = _binary(item, answer)
        case PerOccurrenceRule(), Count():
            charges, cap = _occurrences(rule, answer, scenario), rule.cap
        case ShortfallRule(), Actual():
            charges, cap = _shortfall(rule, answer), rule.cap
        case ClausesRule(), Clauses():
            charges, cap = _clauses(rule, answer), rule.cap
        case TiersRule(), Value():
            charges = _tiers(item, rule, answer)
        case RatioRule(), Ratio():
            charges = _ratio(item, rule, answer)
        case _:
            charges = None
    if charges is None:
        return None
    return _limited(item, charges, cap)


def _limited(item: Item, charges: list[Charge], cap: Decimal | None) -> Outcome:
    """The charges after the cap and the item's floor, each charge in turn until nothing is left."""
    whole = exact(item.max_points)
    if not charges:
        return Outcome((), whole, ZERO, failed=False)
    wanted = added([one.points for one in charges])
    failed = wanted >= whole
    by_item = item.rule.scope == "item"
    left_cap = exact(cap) if cap is not None else None
    if (left_cap is None or wanted <= left_cap) and (not by_item or wanted <= whole):
        in_full = tuple([Charge(*one[:5], charged=one.points) for one in charges])
        kept, paid = (whole - wanted, ZERO) if by_item else (whole, wanted)
        return Outcome(in_full, kept, paid, failed)
    left_item = whole
    limited: list[Charge] = []
    for one in charges:
        charged, limit = one.points, ""
        if left_cap is not None and charged > left_cap:
            charged, limit = left_cap, "cap"
        if by_item and charged > left_item:
            charged, limit = left_item, "item"
        if left_cap is not None:
            left_cap -= charged
        left_item -= charged if by_item else ZERO
        limited.append(one._replace(charged=charged, limited_by=limit))
    charged_all = added(one.charged for one in limited)
    zh, en = _summary(limited, wanted, charged_all, cap)
    if by_item:
        return Outcome(tuple(limited), whole - charged_all, ZERO, failed, zh, en)
    return Outcome(tuple(limited), whole, charged_all, failed, zh, en)


def _summary(
    charges: list[Charge], wanted: Fraction, charged: Fraction, cap: Decimal | None
) -> tuple[str, str]:
    """The limits at work, for the item's first line: which limit, what would have been, what was charged."""
    limits = {one.limited_by for one in charges}
    if "item" in limits:
        return (
            f"应扣 {shown(wanted)}，以分值为限扣 {shown(charged)}",
            f"{shown(wanted)} would go; limited by the item to {shown(charged)}",
        )
    return f"应扣 {shown(wanted)}，单项上限 {cap}", f"{shown(wanted)} would go; the item's cap is {cap}"


# --- the rules ----------------------------------------------------------------------------------------


def _binary(item: Item, answer: YesNo) -> list[Charge]:
    if answer.ok:
        return []
    return [
        Charge("not_met", exact(item.max_points), f"不符合：{item.max_points}", f"not met: {item.max_points}")
    ]


def _occurrences(rule: PerOccurrenceRule, answer: Count, scenario: Scenario) -> list[Charge]:
    deduct = exact(rule.deduct)
    charges: list[Charge] = []
    for fact in scenario.facts:
        points = deduct * fact.occurrences
        sum_text = f"{fact.occurrences} × {rule.deduct}"
        if fact.repeat:
            points *= exact(rule.repeat_multiplier)
            sum_text += f" × {rule.repeat_multiplier}"
        charges.append(
            Charge(
                "finding_repeat" if fact.repeat else "finding",
                points,
                f"{'屡查屡犯问题' if fact.repeat else '问题'} {fact.finding}：{sum_text}",
                f"{'repeat finding' if fact.repeat else 'finding'} {fact.finding}: {sum_text}",
                fact,
            )
        )
    beyond = max(0, answer.count - scenario.ever)
    if beyond:
        unit = f" {rule.unit}" if rule.unit else ""
        charges.append(
            Charge(
                "occurrences",
                deduct * beyond,
                f"{beyond}{unit} × {rule.deduct}",
                f"{beyond} × {rule.deduct}",  # a checklist names its units in Chinese only
            )
        )
    return charges


def _shortfall(rule: ShortfallRule, answer: Actual) -> list[Charge]:
    missing = max(0, rule.required - answer.actual)
    if not missing:
        return []
    return [
        Charge(
            "shortfall",
            exact(rule.deduct) * missing,
            f"应 {rule.required}{rule.unit}，实 {answer.actual}{rule.unit}：{missing} × {rule.deduct}",
            f"{answer.actual} of {rule.required} required: {missing} × {rule.deduct}",
        )
    ]


def _clauses(rule: ClausesRule, answer: Clauses) -> list[Charge] | None:
    """Each clause once, in the checklist's order; of a clause hit twice the higher amount."""
    known = {clause.id: clause for clause in rule.clauses}
    hits: dict[str, Fraction] = {}
    for hit in answer.hit:
        clause = known.get(hit.clause)
        amount = None if clause is None else _clause_points(clause, hit.deduct)
        if amount is None:
            return None
        hits[hit.clause] = max(amount, hits.get(hit.clause, ZERO))
    reasons = {hit.clause: hit.reason for hit in answer.hit if hit.reason}
    return [
        Charge(
            f"clause/{clause.id}",
            hits[clause.id],
            f"{clause.text.read('zh') or clause.id}：{shown(hits[clause.id])}{_because(reasons, clause, '（', '）')}",
            f"{clause.text.read('en') or clause.id}: {shown(hits[clause.id])}{_because(reasons, clause, ' (', ')')}",
        )
        for clause in rule.clauses
        if clause.id in hits
    ]


def _because(reasons: dict[str, str], clause: Clause, left: str, right: str) -> str:
    return f"{left}{reasons[clause.id]}{right}" if clause.id in reasons else ""


def _clause_points(clause: Clause, given: Decimal | None) -> Fraction | None:
    """The clause's own amount, or the given one within its range; None where discretion was not used."""
    if clause.range is None:
        return exact(clause.deduct or Decimal(0))
    if given is None:
        return None
    return exact(min(max(given, clause.range.min), clause.range.max))


def _tiers(item: Item, rule: TiersRule, answer: Value) -> list[Charge]:
    earned = next((tier.points for tier in rule.tiers if answer.value >= tier.gte), Decimal(0))
    points = exact(item.max_points) - exact(earned)
    if points <= 0:
        return []
    reached = next((tier.gte for tier in rule.tiers if answer.value >= tier.gte), None)
    at = "" if reached is None else str(reached)
    return [
        Charge(
            "tier",
            points,
            f"{answer.value} 达到 {at} 档，得 {earned}：扣 {shown(points)}",
            f"{answer.value} reaches the tier from {at}, which earns {earned}: {shown(points)}",
        )
    ]


def _ratio(item: Item, rule: RatioRule, answer: Ratio) -> list[Charge] | None:
    if answer.sampled < 1 or answer.conforming > answer.sampled:
        return None
    whole = exact(item.max_points)
    share = Fraction(answer.conforming, answer.sampled)
    sample = f"{answer.conforming}/{answer.sampled}"
    if rule.zero_below is not None and share < exact(rule.zero_below):
        return [
            Charge(
                "ratio_zero",
                whole,
                f"{sample} 低于 {rule.zero_below}，不得分：扣 {item.max_points}",
                f"{sample} is under {rule.zero_below}, which earns nothing: {item.max_points}",
            )
        ]
    earned = whole * share
    if rule.step is not None:
        earned = min(whole, to_step(earned, exact(rule.step)))
    points = whole - earned
    if points == 0:
        return []
    text = f"{item.max_points} × {sample} = {shown(earned)}"
    return [Charge("ratio", points, f"{text}：扣 {shown(points)}", f"{text}: {shown(points)}")]
