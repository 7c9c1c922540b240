"""The end of a visit as rows: what is left to do, who signs, measures, and why the score is what it is; pure."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from mobile.page_rows import (
    ClosingPage,
    MeasureRow,
    SignatureRow,
    SignatureState,
    StepRow,
    TraceLine,
    TraceSection,
)
from mobile.reader import Reader
from mobile.visit import Visit
from mobile.words import body_text, plain, span, when
from shared_schema.answers import on_removed_items, version_with
from shared_schema.ids import FieldKey, PersonId
from shared_schema.inspection import Cell
from shared_schema.operations import Deliberated, SignatureRefused, Signed, SignerRole
from shared_schema.problems import Language
from shared_schema.sheet import ItemLine

UNIT_SIGNERS: tuple[SignerRole, ...] = ("unit_head", "unit_deputy", "unit_contact")
REMOVED = "removed"
"""The section of what stands on items that are no longer in the checklist."""
_DELIBERATED = ("deliberated", "submitted", "accepted", "locked")
_SUBMITTED = ("submitted", "accepted", "locked")


def closing_page(visit: Visit, person: PersonId, language: Language = "zh") -> ClosingPage:
    """The steps, signatures and measures of the end of a visit."""
    reader = Reader(visit, person, language)
    signatures = tuple(_signatures(reader))
    return ClosingPage(
        steps=tuple(_steps(reader, signatures)),
        signatures=signatures,
        measures=tuple(
            MeasureRow(
                measure=cell.value.measure,
                text=reader.say(f"measure.{cell.value.what}"),
                reason=cell.value.reason,
                paper_ref=cell.value.paper_ref,
                by=f"{reader.name(cell.standing[0].person)} {when(cell.standing[0].at_ms)}",
            )
            for cell in visit.inspection.measures
        ),
        opinion=_opinion(visit),
        members=tuple((PersonId(one.person), reader.name(one.person)) for one in visit.assignment.members),
    )


def steps_left(visit: Visit, person: PersonId) -> int:
    """How many steps are still to do."""
    reader = Reader(visit, person, "zh")
    return sum(not one.done for one in _steps(reader, tuple(_signatures(reader))))


def _opinion(visit: Visit) -> str:
    cell = visit.inspection.stage_cell
    standing = () if cell is None else cell.standing
    return next((one.value.opinion for one in standing if isinstance(one.value, Deliberated)), "")


def _steps(reader: Reader, signatures: tuple[SignatureRow, ...]) -> Iterator[StepRow]:
    visit, stage = reader.visit, reader.visit.inspection.stage
    counts, disputes = visit.sheet.counts, len(visit.inspection.disputes)
    left = counts.open + counts.na_without_consent
    live = list(reader.live_findings(""))
    unheard = sum(one.statement is None for one in live)
    given = sum(one.state != "missing" for one in signatures)
    deliberated, submitted = stage in _DELIBERATED, stage in _SUBMITTED
    if visit.assignment.blind:
        waiting = len(visit.scoring.waiting) if visit.scoring.on else 0
        yield StepRow(
            "scored", reader.say("step.scored" if not waiting else "step.scoring", count=waiting), not waiting
        )
    yield StepRow("answered", reader.say("step.answered" if not left else "step.open", count=left), not left)
    yield StepRow(
        "settled",
        reader.say("step.settled" if not disputes else "step.disputed", count=disputes),
        not disputes,
    )
    yield StepRow(
        "deliberated", reader.say("step.deliberated" if deliberated else "step.to_deliberate"), deliberated
    )
    yield StepRow(
        "heard",
        reader.say("step.heard" if not unheard else "step.unheard", count=unheard, total=len(live)),
        not unheard,
    )
    yield StepRow(
        "signed",
        reader.say("step.signed", count=given, total=len(signatures)),
        given == len(signatures),
    )
    yield StepRow("submitted", reader.say("step.submitted" if submitted else "step.to_submit"), submitted)


def _signatures(reader: Reader) -> Iterator[SignatureRow]:
    """The squad's signatures, each member's own, and the unit's: its head or whoever signs for it."""
    cells = {cell.field: cell for cell in reader.visit.inspection.signatures}
    for member in reader.visit.assignment.members:
        if member.role == "trainee":
            continue
        # Named as in Chinese in either language, or switching it would ask for the signature once more.
        field = f"signature/{member.role}" + (f"/{member.name_zh}" if member.role == "inspector" else "")
        yield _signature(
            reader,
            FieldKey(field),
            member.role,
            member.name_zh,
            cells.pop(FieldKey(field), None),
            reader.name(member.person),
        )
    unit: list[tuple[SignerRole, Cell[Signed | SignatureRefused] | None]] = [
        (role, cells.pop(FieldKey(f"signature/{role}"), None)) for role in UNIT_SIGNERS
    ]
    given = [(role, cell) for role, cell in unit if cell is not None]
    for role, cell in given or unit[:1]:
        yield _signature(reader, FieldKey(f"signature/{role}"), role, "", cell)
    for field, cell in sorted(cells.items()):
        yield _signature(reader, field, cell.value.role, cell.value.name, cell)


def _signature(
    reader: Reader,
    field: FieldKey,
    role: SignerRole,
    name: str,
    cell: Cell[Signed | SignatureRefused] | None,
    called: str = "",
) -> SignatureRow:
    value = None if cell is None else cell.value
    state: SignatureState = "missing"
    if isinstance(value, Signed):
        state = value.method
    elif value is not None:
        state = "refused"
    text = reader.say(f"signature.{state}")
    if isinstance(value, Signed) and value.paper_ref:
        text += f" {value.paper_ref}"
    elif isinstance(value, SignatureRefused):
        text = reader.say("signature.refused_by", reason=value.reason, witness=value.witness)
    name = name or ("" if value is None else value.name)
    return SignatureRow(
        field=field,
        role=role,
        name=name,
        called=called or name,
        title=reader.say(f"signer.{role}"),
        state=state,
        text=text,
        by="" if cell is None else f"{reader.name(cell.standing[0].person)} {when(cell.standing[0].at_ms)}",
        strokes=value.strokes if isinstance(value, Signed) else (),
        disputed=cell is not None and cell.disputed,
        seen=() if cell is None else cell.ops,
    )


# --- why the score is what it is ---------------------------------------------------------------------------


def trace(visit: Visit, language: Language = "zh") -> tuple[TraceSection, ...]:
    """By section, every item that does not earn all it is worth, and the reasons; then what has no points."""
    reader = Reader(visit, PersonId(""), language)
    lines = {line.section: line for line in visit.sheet.sections}
    sections = (
        TraceSection(
            section=section,
            title=title,
            points_text=_points(reader, section) if section in lines else "",
            lines=(
                *(one for entry in entries for one in _trace_lines(reader, entry.id)),
                *_open_lines(reader, [entry.id for entry in entries]),
            ),
        )
        for section, title, entries in reader.sections()
    )
    return (*sections, *_removed(reader))


def _removed(reader: Reader) -> Iterator[TraceSection]:
    """What stands on items that the checklist no longer has: a section of its own, where there is anything."""
    visit = reader.visit
    lines = []
    for item, standing in on_removed_items(visit.checklist, visit.inspection).items():
        version = version_with(item, visit.versions, visit.checklist)
        entry = version.entry(item)
        said = [
            f"{body_text(version, one.value, reader.language)} ({reader.name(one.person)})"
            for one in standing
        ]
        text = " ".join(part for part in (entry.text.read(reader.language) if entry else "", *said) if part)
        lines.append(TraceLine(item, reader.say("points.na"), text, sure=True))
    if lines:
        yield TraceSection(REMOVED, reader.say("section.removed"), reader.say("trace.removed"), tuple(lines))


def _points(reader: Reader, section: str) -> str:
    line = next(one for one in reader.visit.sheet.sections if one.section == section)
    if line.points is None and line.ratio_high is None:
        return reader.say("points.na")
    most = line.max_points if line.applicable is None else line.applicable
    return reader.say("points", got=span(line.low, line.high, reader.language), most=plain(most))


def _open_lines(reader: Reader, items: Sequence[str]) -> Iterator[TraceLine]:
    """What is open of a section, in one line: there may be hundreds."""
    lines = [line for line in map(reader.line, items) if isinstance(line, ItemLine) and line.status == "open"]
    if lines:
        lost = _off(reader, Decimal(0), sum((line.max_points for line in lines), Decimal(0)))
        text = reader.say("trace.open", count=len(lines))
        yield TraceLine(lines[0].item, lost, text, sure=False)


def _off(reader: Reader, low: Decimal, high: Decimal) -> str:
    """So much less; from how much to how much where it is not settled: the sign stands before each."""
    least, most = (reader.say("points.off", points=plain(one)) if one else "0" for one in (low, high))
    return most if low == high else reader.say("points.off_range", low=least, high=most)


def _trace_lines(reader: Reader, item: str) -> Iterator[TraceLine]:
    line, state, zh = reader.line(item), reader.state(item), reader.language == "zh"
    if not isinstance(line, ItemLine):
        if line.count_high:
            points = span(line.points_low, line.points_high, reader.language)
            yield TraceLine(item, points, line.zh if zh else line.en, line.status != "disputed")
        return
    if state in ("disputed", "na_without_consent"):
        lost = _off(reader, line.max_points - line.high, line.max_points - line.low)
        yield TraceLine(item, lost, reader.say(f"item.{state}"), sure=False)
    elif state == "not_applicable":
        yield TraceLine(item, reader.say("points.na"), reader.summary(item), sure=True)
    for one in line.deductions:
        if one.charged:
            lost = _off(reader, one.charged, one.charged)
            yield TraceLine(item, lost, reader.charge(item, one), sure=True)
