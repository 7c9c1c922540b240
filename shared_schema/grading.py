"""Which gates and vetoes fired or may fire, and the grade: the lowest that any route gives."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from shared_schema import ranges
from shared_schema.checklist import Checklist
from shared_schema.figures import exact, rounded
from shared_schema.lines import Priced
from shared_schema.ranges import Stake, Stakes
from shared_schema.rules import (
    AggravatingCount,
    Condition,
    Gate,
    ItemsRatio,
    Policy,
    SectionRatio,
    Veto,
    VetoCount,
)
from shared_schema.sheet import ExtraLine, GateLine, GateState


class Span(NamedTuple):
    """A figure, or where it lies."""

    low: Fraction
    high: Fraction


class Whole(NamedTuple):
    """Everything priced, before it is put together."""

    checklist: Checklist
    priced: Mapping[str, Priced]
    stakes: tuple[Stakes, ...]
    """By section, in the checklist's order."""
    extras: Mapping[str, ExtraLine]
    aggravating: Span
    aggravating_count: tuple[int, int]
    bonus: Span
    unknown: bool
    """An operation of an unknown kind names no item: anything may change."""


def grade_of(
    policy: Policy, gates: tuple[GateLine, ...], percent: Fraction | None, worst: bool
) -> str | None:
    """The lowest grade of all routes: the figure, and every gate and veto that fired (or, at worst, may)."""
    if percent is None:
        return None
    figure = exact(rounded(percent, policy.places)) if policy.grade_on == "rounded" else percent
    codes = [grade.code for grade in policy.grades]
    reached = next(
        (at for at, grade in enumerate(policy.grades) if figure >= exact(grade.min)), len(codes) - 1
    )
    for gate in gates:
        if gate.grade in codes and (gate.state == "fired" or (worst and gate.state == "possible")):
            reached = max(reached, codes.index(gate.grade))
    return codes[reached]


def gates_of(everything: Whole) -> tuple[GateLine, ...]:
    return (
        *(_veto(veto, everything) for veto in everything.checklist.vetoes),
        *(_gate(gate, everything) for gate in everything.checklist.policy.gates),
    )


def _veto(veto: Veto, everything: Whole) -> GateLine:
    line = everything.extras[veto.id]
    fired, possible = (
        bool(line.count_low and veto.grade),
        bool((line.count_high or everything.unknown) and veto.grade),
    )
    return GateLine(
        gate=veto.id,
        kind="veto",
        grade=veto.grade,
        state=_state(fired, possible),
        zh=veto.text.zh,
        en=veto.text.en,
    )


def _gate(gate: Gate, everything: Whole) -> GateLine:
    found = [_holds(condition, everything) for condition in gate.when]
    return GateLine(
        gate=gate.id,
        kind="gate",
        grade=gate.max_grade,
        state=_state(
            all(certain for certain, _ in found) and not everything.unknown,
            all(possible for _, possible in found) or everything.unknown,
        ),
        zh=gate.text.zh,
        en=gate.text.en,
    )


def _state(fired: bool, possible: bool) -> GateState:
    return "fired" if fired else "possible" if possible else "not"


def _holds(condition: Condition, everything: Whole) -> tuple[bool, bool]:
    """Whether a condition holds for sure, and whether it may."""
    match condition:
        case SectionRatio(section="*"):
            found = [_below([rows], condition.below) for rows in everything.stakes]
            return any(one for one, _ in found), any(one for _, one in found)
        case SectionRatio():
            at = [section.id for section in everything.checklist.sections].index(condition.section)
            return _below([everything.stakes[at]], condition.below)
        case ItemsRatio():
            return _below([_item_stakes(condition, everything)], condition.below)
        case AggravatingCount():
            low, high = everything.aggravating_count
            return low >= condition.at_least, high >= condition.at_least
        case VetoCount():
            outcomes = [_fails(item, everything) for item in condition.items]
            return (
                sum(certain for certain, _ in outcomes) >= condition.at_least,
                sum(possible for _, possible in outcomes) >= condition.at_least,
            )


def _below(stakes: Sequence[Sequence[Stake]], below: Decimal) -> tuple[bool, bool]:
    """Whether the share lies under the line; where nothing applies it cannot."""
    ends = ranges.shares(stakes)
    if ends is None:
        return False, False
    low, high = ends
    always_due = any(Stakes(rows).surely_due for rows in stakes)
    return always_due and high < exact(below), low < exact(below)


def _item_stakes(condition: ItemsRatio, everything: Whole) -> list[Stake]:
    """The named items, or the key items, by what they keep themselves."""
    named = set(condition.items)
    found: list[Stake] = []
    for item in everything.checklist.items:
        if item.id in named or (not named and item.key):
            priced = everything.priced[item.id]
            found.append(priced.stake._replace(low=exact(priced.line.low), high=exact(priced.line.high)))
    return found


def _fails(item_id: str, everything: Whole) -> tuple[bool, bool]:
    priced = everything.priced.get(item_id)
    if priced is not None:
        return priced.failed, priced.failed or priced.may_fail
    line = everything.extras[item_id]
    return line.count_low > 0, line.count_high > 0
