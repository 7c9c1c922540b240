"""Where a figure comes from: the operations, people, tablets, findings and photos behind it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from shared_schema import inspection as seen
from shared_schema.facts import Fact, Scenario
from shared_schema.ids import FindingId
from shared_schema.inspection import Cell, FindingState, Standing
from shared_schema.operations import Answer, NotApplicable
from shared_schema.sheet import Source


class Context(NamedTuple):
    """What an item's line is made from beside its own answer."""

    findings: Mapping[FindingId, FindingState]
    scenarios: Mapping[str, tuple[Scenario, ...]]
    photos: Mapping[str, tuple[tuple[str, str], ...]]
    """By item, the photos that stand on it, as (finding or "", evidence)."""
    held: frozenset[str]
    """Items that an operation of an unknown kind speaks of."""
    na_needs_consent: bool
    on_item: Mapping[str, tuple[FindingId, ...]] = {}
    """By item, the findings recorded on it."""
    photos_of: Mapping[str, tuple[str, ...]] = {}
    """By finding, the photos that stand on it."""


def values_source(
    group: Iterable[Standing[Answer | NotApplicable]],
    context: Context,
    item_id: str,
    standing: seen.Item | None = None,
) -> Source:
    """The operations that say so, with the consents to an N/A, and the item's own photos."""
    authors = [(one.op, one.person, one.device) for one in group]
    if standing is not None:
        authors += [
            (one.op, one.person, one.device)
            for cell in standing.consents
            for one in cell.standing
            if one.value.consents
        ]
    photos = [evidence for finding, evidence in context.photos.get(item_id, ()) if not finding]
    return make_source(authors, evidence=photos)


def fact_source(fact: Fact, context: Context) -> Source:
    """Everything that states one fact: its findings, their marks and photos."""
    authors: list[tuple[str, str, str]] = []
    for member in fact.members:
        finding = context.findings[member]
        for cell in (finding.record, finding.repeat_of, finding.duplicate_of):
            if cell is not None:
                authors += [(one.op, one.person, one.device) for one in cell.standing]
    photos = [evidence for member in fact.members for evidence in context.photos_of.get(member, ())]
    return make_source(authors, fact.members, photos)


def line_source(
    sources: Sequence[Source], cell: Cell[Answer | NotApplicable] | None, context: Context, item_id: str
) -> Source:
    """Everything the line rests on: its answers, consents, findings and photos."""
    if len(sources) == 1 and item_id not in context.scenarios and item_id not in context.photos:
        return sources[0]
    authors: list[tuple[str, str, str]] = []
    if cell is not None:
        authors += [(one.op, one.person, one.device) for one in cell.standing]
    findings: list[str] = []
    for finding_id in context.on_item.get(item_id, ()):
        finding = context.findings[finding_id]
        findings.append(finding_id)
        for part in (finding.record, finding.repeat_of, finding.duplicate_of):
            if part is not None:
                authors += [(one.op, one.person, one.device) for one in part.standing]
    for source in sources:
        authors += [(op, "", "") for op in source.ops]
    photos = [evidence for _, evidence in context.photos.get(item_id, ())]
    return make_source(authors, findings, photos)


def make_source(
    authors: Iterable[tuple[str, str, str]], findings: Iterable[str] = (), evidence: Iterable[str] = ()
) -> Source:
    """A source from (operation, person, device) and more, each sorted and once."""
    rows = tuple(authors)
    if len(rows) == 1 and not findings and not evidence:
        return Source(rows[0][:1], rows[0][1:2], rows[0][2:])
    ops, persons, devices = (_once(column) for column in zip(*rows, strict=True)) if rows else ((), (), ())
    return Source(ops, persons, devices, tuple(sorted(set(findings))), tuple(sorted(set(evidence))))


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*names} - {""}))
