"""Everything of an inspection priced, before it is put together: items, extras, and what they make in sum.

Scoring one inspection again after a few operations prices again only what these can have moved: an item
depends on its own answer and consents, on the findings and photos that state its facts, and on what is held.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import msgspec

from shared_schema.checklist import Checklist
from shared_schema.extras import extra_line
from shared_schema.facts import Known, moved, scenarios
from shared_schema.figures import ZERO, added, exact
from shared_schema.grading import Span, Whole
from shared_schema.ids import FindingId, ItemId
from shared_schema.inspection import Inspection
from shared_schema.lines import Priced, price
from shared_schema.operations import EvidenceAttached
from shared_schema.ranges import Stakes
from shared_schema.rules import PerOccurrenceRule, Policy
from shared_schema.sheet import ExtraLine, ScoreSheet, SectionLine
from shared_schema.sources import Context


class Memo:
    """What scoring an inspection has worked out, so that after a few operations only what they moved is made again.

    Belongs to one inspection under one checklist. Values are immutable and compared by identity, so the sheet is
    the same to the byte with it and without.
    """

    def __init__(self) -> None:
        self.inspection: Inspection | None = None
        self.context: Context | None = None
        self.facts: Known | None = None
        self.charging: Mapping[str, tuple[Fraction, Fraction]] | None = None
        self.priced: dict[str, Priced] = {}
        self.extras: dict[str, ExtraLine] = {}
        self.stakes: dict[str, Stakes] = {}
        self.sections: dict[str, tuple[tuple[Priced, ...], bool, SectionLine]] = {}
        self.sheet: ScoreSheet | None = None


def price_all(checklist: Checklist, inspection: Inspection, memo: Memo) -> tuple[Whole, bool]:
    """Everything priced, and whether anything is not as it was."""
    held, unknown = _held(checklist, inspection) if inspection.held else (frozenset[str](), False)
    memo.charging = _charging(checklist) if memo.charging is None else memo.charging
    memo.facts = scenarios(
        inspection, memo.charging, checklist.policy.duplicate_facts == "charge_once", memo.facts
    )
    context = _context(checklist, inspection, memo.facts, held, memo)
    changed = _changed(inspection, context, memo)
    priced = {} if changed is None else dict(memo.priced)
    stakes: list[Stakes] = []
    for section in checklist.sections:
        mine = [one for one in section.items if changed is None or one.id in changed]
        for item in mine:
            priced[item.id] = price(item, section, inspection.items.get(ItemId(item.id)), context)
        if mine or section.id not in memo.stakes:
            memo.stakes[section.id] = Stakes([priced[item.id].stake for item in section.items])
        stakes.append(memo.stakes[section.id])
    extras = {
        one.id: extra_line(one, inspection)
        if changed is None or one.id in changed or one.id not in memo.extras
        else memo.extras[one.id]
        for one in checklist.extras
    }
    memo.inspection, memo.context, memo.priced, memo.extras = inspection, context, priced, extras
    worse = [extras[one.id] for one in checklist.aggravating]
    whole = Whole(
        checklist,
        priced,
        tuple(stakes),
        extras,
        _sum_of(worse),
        (sum(line.count_low for line in worse), sum(line.count_high for line in worse)),
        _bonus(checklist.policy, [extras[one.id] for one in checklist.bonus]),
        unknown,
    )
    return whole, changed is None or bool(changed)


def _context(
    checklist: Checklist, inspection: Inspection, known: Known, held: frozenset[str], memo: Memo
) -> Context:
    before = memo.context
    if memo.inspection is not None and before is not None and memo.inspection.evidence is inspection.evidence:
        photos, photos_of = before.photos, before.photos_of
    else:
        photos = _photos(inspection)
        photos_of = _photos_of(photos)
    if before is not None and before.findings is inspection.findings:
        on_item = before.on_item
    else:
        on_item = _on_item(inspection)
    return Context(
        findings=inspection.findings,
        scenarios=known.scenarios,
        photos=photos,
        held=held,
        na_needs_consent=checklist.policy.na_needs_consent,
        on_item=on_item,
        photos_of=photos_of,
    )


def _changed(inspection: Inspection, now: Context, memo: Memo) -> set[str] | None:
    """The items and extras whose line may be another than before; None for all of them."""
    before, seen = memo.context, memo.inspection
    if before is None or seen is None or before.held != now.held:
        return None
    changed: set[str] = set()
    for item_id in moved(seen.items, inspection.items):
        was, is_now = seen.items.get(item_id), inspection.items.get(item_id)
        # A note moves no score.
        if (
            was is None
            or is_now is None
            or was.answer is not is_now.answer
            or was.consents != is_now.consents
        ):
            changed.add(item_id)
    return changed | _changed_by_findings(before, now)


def _changed_by_findings(before: Context, now: Context) -> set[str]:
    """The items that a finding, a mark on one or a photo may have moved."""
    findings: set[str] = {*moved(before.findings, now.findings)}
    changed: set[str] = set()
    for name in map(FindingId, findings):
        on = (one.item for one in (before.findings.get(name), now.findings.get(name)) if one is not None)
        changed.update(item for item in on if item)
    if before.photos is not now.photos:
        changed |= _unequal(before.photos, now.photos)
        findings |= _unequal(before.photos_of, now.photos_of)
    if findings:
        changed |= moved(before.scenarios, now.scenarios)
        changed.update(
            item
            for item, options in now.scenarios.items()
            if any(not findings.isdisjoint(fact.members) for option in options for fact in option.facts)
        )
    return changed


def _unequal(before: Mapping[str, object], now: Mapping[str, object]) -> set[str]:
    return {key for key in {*before, *now} if before.get(key) != now.get(key)}


def _charging(checklist: Checklist) -> Mapping[str, tuple[Fraction, Fraction]]:
    return {
        item.id: (exact(item.rule.deduct), exact(item.rule.repeat_multiplier))
        for section in checklist.sections
        for item in section.items
        if isinstance(item.rule, PerOccurrenceRule)
    }


def _photos(inspection: Inspection) -> Mapping[str, tuple[tuple[str, str], ...]]:
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for cell in inspection.evidence:
        for one in cell.standing:
            if isinstance(one.value, EvidenceAttached):
                rows = found.get(one.value.item, ())
                found[one.value.item] = (*rows, (one.value.finding, one.value.evidence))
    return found


def _photos_of(photos: Mapping[str, tuple[tuple[str, str], ...]]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for rows in photos.values():
        for finding, evidence in rows:
            if finding:
                found[finding] = (*found.get(finding, ()), evidence)
    return found


def _on_item(inspection: Inspection) -> Mapping[str, tuple[FindingId, ...]]:
    found: dict[str, list[FindingId]] = {}
    for finding_id, finding in inspection.findings.items():
        if finding.record is not None:
            found.setdefault(finding.record.standing[0].value.item, []).append(finding_id)
    return {item: tuple(ones) for item, ones in found.items()}


class _Named(msgspec.Struct):
    """What the body of an unknown kind may name."""

    item: str = ""
    finding: str = ""


def _held(checklist: Checklist, inspection: Inspection) -> tuple[frozenset[str], bool]:
    """The items that held operations name, and whether any of them names none."""
    named: set[str] = set()
    unknown = False
    for operation in inspection.held:
        body = getattr(operation.body, "body", None)
        try:
            found = msgspec.json.decode(bytes(body), type=_Named) if body is not None else _Named()
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            found = _Named()
        finding = next((one for one in inspection.findings.values() if one.finding == found.finding), None)
        item = found.item or (finding.item if finding is not None else None) or ""
        if checklist.item(item) is not None:
            named.add(item)
        else:
            unknown = True
    return frozenset(named), unknown


def _sum_of(lines: Sequence[ExtraLine]) -> Span:
    return Span(
        added(exact(line.points_low) for line in lines),
        added(exact(line.points_high) for line in lines),
    )


def _bonus(policy: Policy, lines: Sequence[ExtraLine]) -> Span:
    if not policy.bonus_enabled:
        return Span(ZERO, ZERO)
    span = _sum_of(lines)
    if policy.bonus_cap is None:
        return span
    return Span(*(min(end, exact(policy.bonus_cap)) for end in span))
