"""What is true at a unit of the demonstration: which items do not apply there, and what is wrong.

Pure, and a function of the unit's profile and the seed. What inspectors write about it is `script`.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from server.planning.records import Unit
from server.planning.registering import profile_of
from shared_schema.chance import Chance
from shared_schema.checklist import Checklist, Item
from shared_schema.profile import holds
from shared_schema.rules import (
    BinaryRule,
    ClausesRule,
    PerOccurrenceRule,
    RatioRule,
    ShortfallRule,
    TiersRule,
)

AnswerData = dict[str, Any]
"""An answer as JSON data, as `operations.AnswerValue` reads it."""


class Wrong(NamedTuple):
    """What is wrong with one item at this unit."""

    item: Item
    answer: AnswerData
    occurrences: int
    clause: str
    reported: bool
    """Whether the squad writes a finding about it, or only lowers the answer."""


class Standing(NamedTuple):
    """How well a share of the units is in order: up to `below` of a hundred."""

    below: int
    findings_least: int
    findings_span: int
    slack_percent: int
    heavy: bool


STANDINGS = (
    Standing(25, 0, 2, 12, heavy=False),
    Standing(75, 2, 2, 25, heavy=False),
    Standing(93, 4, 3, 45, heavy=True),
    Standing(100, 7, 3, 70, heavy=True),
)
"""2.7 findings a unit on average, as the Dongli report has them (about 220 in 82 units)."""


class Truth:
    """What an inspector who looks well will find at one unit. `weights` says which items go wrong more often."""

    def __init__(self, unit: Unit, checklist: Checklist, weights: Mapping[str, int], chance: Chance) -> None:
        self.unit = unit
        self.checklist = checklist
        self.weights = weights
        self.chance = chance
        self.absent = {item.id: reason for item in checklist.items if (reason := self._absent(item))}
        self.wrongs = {wrong.item.id: wrong for wrong in self._wrongs()}

    def _absent(self, item: Item) -> str:
        profile = profile_of(self.unit)
        for reason in item.na:
            if holds(reason, profile) or (reason == "no_event" and self.chance.percent(20)):
                return reason
        return ""

    def _wrongs(self) -> Iterator[Wrong]:
        chance = self.chance
        kind = chance.below(100)
        standing = next(one for one in STANDINGS if kind < one.below)
        wanted = standing.findings_least + chance.below(standing.findings_span)
        pool = [
            item
            for item in self.checklist.items
            if item.id not in self.absent
            and isinstance(item.rule, BinaryRule | PerOccurrenceRule | ClausesRule)
            for _ in range(self.weights.get(item.id, 1))
        ]
        chosen: dict[str, Item] = {}
        while len(chosen) < wanted:
            item = chance.choice(pool)
            chosen[item.id] = item
        for item in self.checklist.items:
            if item.id in self.absent:
                continue
            if item.id in chosen:
                yield self.wrong(item, heavy=standing.heavy, reported=True)
            elif isinstance(item.rule, RatioRule | TiersRule | ShortfallRule) and chance.percent(
                standing.slack_percent
            ):
                yield self.wrong(item, heavy=standing.heavy, reported=False)

    def wrong(self, item: Item, *, heavy: bool, reported: bool) -> Wrong:
        """A deficiency of this item, as its rule can express it."""
        chance, rule = self.chance, item.rule
        match rule:
            case PerOccurrenceRule():
                count = 1 + chance.below(4 if heavy else 2)
                return Wrong(item, {"type": "count", "count": count}, count, "", reported)
            case ClausesRule():
                clause = chance.choice(rule.clauses)
                hit: AnswerData = {"clause": clause.id}
                if clause.range is not None:
                    hit |= {"deduct": str(clause.range.min), "reason": "按情节轻重"}
                return Wrong(item, {"type": "clauses", "hit": [hit]}, 1, clause.id, reported)
            case RatioRule():
                sampled = max(rule.min_sample or 1, 4) + chance.below(8)
                missed = 1 + chance.below(3 if heavy else 1)
                return Wrong(item, _ratio(sampled, sampled - missed), 1, "", reported)
            case TiersRule():
                top = rule.tiers[0].gte
                value = str(top - 1 - chance.below(15 if heavy else 6))
                return Wrong(item, {"type": "value", "value": value, "sampled": 5}, 1, "", reported)
            case ShortfallRule():
                return Wrong(item, {"type": "actual", "actual": rule.required - 1}, 1, "", reported)
            case _:
                return Wrong(item, {"type": "yes_no", "ok": False}, 1, "", reported)

    def right(self, item: Item) -> AnswerData:
        """The answer of an item that is in order."""
        match item.rule:
            case PerOccurrenceRule():
                return {"type": "count", "count": 0}
            case ClausesRule():
                return {"type": "clauses", "hit": []}
            case RatioRule(min_sample=least):
                sampled = max(least or 1, 3) + self.chance.below(6)
                return _ratio(sampled, sampled)
            case TiersRule(tiers=tiers):
                return {"type": "value", "value": str(max(tiers[0].gte, Decimal(100))), "sampled": 5}
            case ShortfallRule(required=required):
                return {"type": "actual", "actual": required}
            case _:
                return {"type": "yes_no", "ok": True}


def _ratio(sampled: int, conforming: int) -> AnswerData:
    return {"type": "ratio", "sampled": sampled, "conforming": conforming}
