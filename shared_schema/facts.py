"""From findings to facts: which findings charge, how often, under which item, while marks may be in dispute.

Findings with the same `duplicate_of` root are one fact, charged once, under the finding that is charged
the most (就高不重复) and is not withdrawn, on whatever item it lies. A mark may point through other
findings, to one that never arrived, or in a circle. While a finding, a duplicate mark or a repeat mark
is in dispute, every combination of what may come to stand is one *scenario*.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import compress, product
from operator import is_not
from typing import NamedTuple, TypeVar

from shared_schema.figures import ZERO
from shared_schema.ids import FindingId, ItemId
from shared_schema.inspection import FindingState, Inspection
from shared_schema.operations import Finding

K = TypeVar("K")
V = TypeVar("V")

SCENARIOS_MAX = 64
"""Beyond so many combinations the range is bounded from outside instead: still true, less tight."""


class Fact(NamedTuple):
    """One fact charged on an item."""

    finding: FindingId
    occurrences: int
    repeat: bool
    members: tuple[FindingId, ...]
    """Every finding that is not withdrawn and states this fact, on whatever item."""


class Scenario(NamedTuple):
    """What the findings of one item may amount to."""

    facts: tuple[Fact, ...] = ()
    ever: int = 0
    """Occurrences of all findings ever recorded on the item, withdrawn and duplicate ones included."""
    withdrawn: tuple[FindingId, ...] = ()
    duplicates: tuple[tuple[FindingId, FindingId], ...] = ()
    """Findings of the item whose fact is charged under another, as (finding, that other)."""


class _Reading(NamedTuple):
    """One way a finding may come to read."""

    item: ItemId
    occurrences: int
    live: bool
    repeat: bool
    other: str


NONE = (Scenario(),)


class Known(NamedTuple):
    """The scenarios of an inspection's findings, and what they were made from."""

    findings: Mapping[FindingId, FindingState]
    readings: Mapping[FindingId, tuple[_Reading, ...]]
    scenarios: Mapping[str, tuple[Scenario, ...]]
    """By item: one where nothing is in dispute."""
    apart: bool
    """No finding speaks of another, or of two items: each item's scenarios come from its own findings."""


def scenarios(
    inspection: Inspection,
    deduct: Mapping[str, tuple[Fraction, Fraction]],
    charge_once: bool,
    before: Known | None = None,
) -> Known:
    """The scenarios of every item's findings.

    `deduct` has points per occurrence and the repeat multiplier of every item that findings charge. `before` is what
    this gave for the same inspection under the same checklist earlier: where no finding speaks of another, only
    the items of changed findings are worked out again.
    """
    if before is not None and (again := _revised(before, inspection, deduct, charge_once)) is not None:
        return again
    readings = {
        finding_id: options
        for finding_id, finding in sorted(inspection.findings.items())
        if (options := _readings(finding, charge_once))
    }
    found: dict[str, tuple[Scenario, ...]] = {}
    for cluster in _clusters(readings):
        found.update(_cluster_scenarios({one: readings[one] for one in cluster}, deduct))
    return Known(inspection.findings, readings, found, all(map(_alone, readings.values())))


def _revised(
    before: Known,
    inspection: Inspection,
    deduct: Mapping[str, tuple[Fraction, Fraction]],
    charge_once: bool,
) -> Known | None:
    """The same with the changed findings read again; None where findings may influence others than their item's."""
    findings = inspection.findings
    if findings is before.findings:
        return before
    if not before.apart:
        return None
    changed = moved(before.findings, findings)
    readings = dict(before.readings)
    items: set[str] = set()
    apart = True
    for finding in changed:
        options = _readings(findings[finding], charge_once) if finding in findings else ()
        items.update(option.item for option in (*readings.pop(finding, ()), *options))
        if options:
            readings[finding] = options
            apart = apart and _alone(options)
    if not apart:
        return None
    ordered = dict(sorted(readings.items()))
    found = {item: known for item, known in before.scenarios.items() if item not in items}
    by_item: dict[str, dict[FindingId, tuple[_Reading, ...]]] = {item: {} for item in items}
    for finding, options in ordered.items():
        if options[0].item in by_item:
            by_item[options[0].item][finding] = options
    for cluster in by_item.values():
        if cluster:
            found.update(_cluster_scenarios(cluster, deduct))
    return Known(findings, ordered, found, apart)


def moved(before: Mapping[K, V], now: Mapping[K, V]) -> set[K]:
    """The keys whose values are not the very same objects."""
    if before is now:
        return set()
    if len(before) == len(now) and list(before) == list(now):
        return set(compress(now, map(is_not, before.values(), now.values())))
    changed = {key for key, value in now.items() if before.get(key) is not value}
    changed.update(key for key in before if key not in now)
    return changed


def _alone(options: tuple[_Reading, ...]) -> bool:
    """Whether a finding speaks of one item and of no other finding, however it comes to read."""
    first = options[0]
    return not first.other and (
        len(options) == 1 or all(one.item == first.item and not one.other for one in options)
    )


def _readings(finding: FindingState, charge_once: bool) -> tuple[_Reading, ...]:
    """Every way the finding may come to read; none while the finding itself has not arrived."""
    if finding.record is None:
        return ()
    records = finding.record.standing if finding.record.disputed else finding.record.standing[:1]
    repeats = {False}
    if finding.repeat_of is not None:
        marks = finding.repeat_of.standing if finding.repeat_of.disputed else finding.repeat_of.standing[:1]
        repeats = {bool(one.value.earlier) for one in marks}
    others = {""}
    if finding.duplicate_of is not None and charge_once:
        dups = (
            finding.duplicate_of.standing
            if finding.duplicate_of.disputed
            else finding.duplicate_of.standing[:1]
        )
        others = {one.value.other for one in dups}
    return tuple(
        dict.fromkeys(
            _Reading(
                ItemId(one.value.item), one.value.occurrences, isinstance(one.value, Finding), repeat, other
            )
            for one in records
            for repeat in sorted(repeats)
            for other in sorted(others)
        )
    )


def _clusters(readings: Mapping[FindingId, tuple[_Reading, ...]]) -> Iterable[list[FindingId]]:
    """Findings that may influence each other: on the same item, or marked as the same fact."""
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for finding, options in readings.items():
        for option in options:
            parent[root(f"item/{option.item}")] = root(f"finding/{finding}")
            if option.other:
                parent[root(f"finding/{option.other}")] = root(f"finding/{finding}")
    clusters: dict[str, list[FindingId]] = {}
    for finding in readings:
        clusters.setdefault(root(f"finding/{finding}"), []).append(finding)
    return clusters.values()


def _cluster_scenarios(
    readings: Mapping[FindingId, tuple[_Reading, ...]], deduct: Mapping[str, tuple[Fraction, Fraction]]
) -> Mapping[str, tuple[Scenario, ...]]:
    combinations = 1
    for options in readings.values():
        combinations *= len(options)
    if combinations > SCENARIOS_MAX:
        return _bounds(readings)
    items = sorted({option.item for options in readings.values() for option in options})
    found: dict[str, list[Scenario]] = {item: [] for item in items}
    for choice in product(*readings.values()):
        by_item = _settled(dict(zip(readings, choice, strict=True)), deduct)
        for item in items:
            scenario = by_item.get(item, Scenario())
            if scenario not in found[item]:
                found[item].append(scenario)
    return {item: tuple(options) for item, options in found.items()}


def _settled(
    chosen: Mapping[FindingId, _Reading], deduct: Mapping[str, tuple[Fraction, Fraction]]
) -> Mapping[str, Scenario]:
    """By item, what the findings amount to when each reads as chosen."""
    groups: dict[str, list[FindingId]] = {}
    for finding in chosen:
        groups.setdefault(_root(finding, chosen), []).append(finding)
    facts: dict[str, list[Fact]] = {}
    duplicates: dict[str, list[tuple[FindingId, FindingId]]] = {}
    for members in groups.values():
        live = tuple(one for one in members if chosen[one].live)
        if not live:
            continue
        # The higher charge counts; among equals the finding that the others point to, then the first.
        best = (
            live[0]
            if len(live) == 1
            else max(live, key=lambda one: (_charge(chosen[one], deduct), not chosen[one].other))
        )
        reading = chosen[best]
        facts.setdefault(reading.item, []).append(Fact(best, reading.occurrences, reading.repeat, live))
        for one in live:
            if one != best:
                duplicates.setdefault(chosen[one].item, []).append((one, best))
    ever: dict[str, int] = {}
    withdrawn: dict[str, list[FindingId]] = {}
    for finding, reading in chosen.items():
        ever[reading.item] = ever.get(reading.item, 0) + reading.occurrences
        if not reading.live:
            withdrawn.setdefault(reading.item, []).append(finding)
    return {
        item: Scenario(
            tuple(facts.get(item, ())), total, tuple(withdrawn.get(item, ())), tuple(duplicates.get(item, ()))
        )
        for item, total in ever.items()
    }


def _charge(reading: _Reading, deduct: Mapping[str, tuple[Fraction, Fraction]]) -> Fraction:
    points, multiplier = deduct.get(reading.item, (ZERO, ZERO))
    return points * reading.occurrences * (multiplier if reading.repeat else 1)


def _root(finding: FindingId, chosen: Mapping[FindingId, _Reading]) -> str:
    """The finding at the end of the marks; of a circle its smallest id."""
    path = [str(finding)]
    while True:
        reading = chosen.get(FindingId(path[-1]))
        if reading is None or not reading.other:
            return path[-1]
        if reading.other in path:
            return min(path[path.index(reading.other) :])
        path.append(reading.other)


def _bounds(readings: Mapping[FindingId, tuple[_Reading, ...]]) -> Mapping[str, tuple[Scenario, ...]]:
    """Two scenarios per item that no combination can pass: nothing charges, and everything does."""
    lightest: dict[str, int] = {}
    heaviest: dict[str, list[Fact]] = {}
    for finding, options in readings.items():
        for item in {option.item for option in options}:
            here = [option for option in options if option.item == item]
            most = max(option.occurrences for option in here)
            lightest[item] = lightest.get(item, 0) + most
            if any(option.live for option in here):
                repeat = any(option.repeat for option in here)
                heaviest.setdefault(item, []).append(Fact(finding, most, repeat, (finding,)))
    return {
        item: (Scenario((), ever), Scenario(tuple(heaviest.get(item, ())), 0))
        for item, ever in lightest.items()
    }
