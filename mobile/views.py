"""An inspection as rows for screens, in words of the chosen language; pure.

Every function takes a `Visit` (what the tablet holds of one inspection) and returns the rows of `rows`.
"""

from collections.abc import Iterable

from mobile import briefing_views
from mobile.item_views import FILTERS, filtered_rows, item_detail, item_rows
from mobile.reader import Reader
from mobile.rows import (
    Badge,
    ClauseRow,
    Control,
    DeductionRow,
    DisputeRow,
    EarlierRow,
    FindingRow,
    Head,
    ItemDetail,
    ItemRow,
    LeadRow,
    NoteRow,
    PhotoRow,
    RefusedRow,
    ScoreRow,
    SectionRow,
    SyncRow,
    SyncWord,
    ValueRow,
    WorkRow,
)
from mobile.store import SyncState
from mobile.visit import ItemState, Visit
from mobile.words import Entry, headed, joined, plain, say, span, when
from mobile.work_views import matching, work_rows
from shared_schema.ids import InspectionId, ItemId, PersonId
from shared_schema.inspection import Cell
from shared_schema.operations import KINDS, Body, Operation
from shared_schema.problems import Language, sentence
from shared_schema.sheet import SectionLine

__all__ = [
    "FILTERS",
    "Badge",
    "ClauseRow",
    "Control",
    "DeductionRow",
    "DisputeRow",
    "EarlierRow",
    "FindingRow",
    "Head",
    "ItemDetail",
    "ItemRow",
    "ItemState",
    "LeadRow",
    "NoteRow",
    "PhotoRow",
    "RefusedRow",
    "ScoreRow",
    "SectionRow",
    "SyncRow",
    "SyncWord",
    "ValueRow",
    "WorkRow",
    "dispute_rows",
    "earlier_rows",
    "filtered_rows",
    "finding_rows",
    "head",
    "item_detail",
    "item_rows",
    "lead_rows",
    "matching",
    "next_open",
    "refused_rows",
    "score_row",
    "section_of",
    "section_rows",
    "sync_row",
    "work_rows",
]  # fmt: skip
"""The screens' one door to the rows."""

_NOBODY = PersonId("")


def head(visit: Visit, person: PersonId, language: Language = "zh") -> Head:
    """The top of an inspection's screen, for this person."""
    reader, assignment = Reader(visit, person, language), visit.assignment
    english = language == "en"
    return Head(
        inspection=InspectionId(assignment.inspection),
        unit=assignment.unit_en if english and assignment.unit_en else assignment.unit_zh,
        campaign=assignment.campaign_en if english and assignment.campaign_en else assignment.campaign_zh,
        stage=visit.inspection.stage,
        stage_text=reader.say(f"stage.{visit.inspection.stage}"),
        members=tuple(
            (PersonId(one.person), reader.name(one.person), reader.say(f"role.{one.role}"))
            for one in assignment.members
        ),
        may=reader.may(),
        remarks=tuple(headed(item, text, language) if item else text for item, text in reader.remarks()),
        day=_day(visit),
        scoring=briefing_views.scoring_row(reader),
        leads_open=briefing_views.open_leads(reader),
    )


def _day(visit: Visit) -> str:
    """The day of the visit: as planned, or of the latest step taken where that came later; "" where nobody knows."""
    cell = visit.inspection.stage_cell
    steps = [when(one.at_ms)[:10] for one in cell.standing] if cell is not None else []
    return max(visit.assignment.planned_date, *(day for day in steps if day[0].isdigit()), "")


def section_rows(visit: Visit, language: Language = "zh") -> tuple[SectionRow, ...]:
    """The sections with their progress and points."""
    reader = Reader(visit, _NOBODY, language)
    lines = {line.section: line for line in visit.sheet.sections}
    rows = []
    for section, title, entries in reader.sections():
        states = [reader.state(entry.id) for entry in entries]
        line = lines.get(section)
        total = len(states) if line is not None else 0
        done = total - states.count("open")
        rows.append(
            SectionRow(
                section=section,
                title=title,
                done=done,
                total=total,
                progress_text=reader.say("progress", done=done, total=total) if total else "",
                problems=states.count("problem"),
                disputes=states.count("disputed"),
                points_low=plain(line.low) if line else "",
                points_high=plain(line.high) if line else "",
                points_max=plain(line.max_points) if line else "",
                points_text=_section_points(reader, line) if line else "",
            )
        )
    return tuple(rows)


def _section_points(reader: Reader, line: SectionLine) -> str:
    if line.points is None and line.ratio_high is None:
        return reader.say("points.na")
    most = line.max_points if line.applicable is None else line.applicable
    return reader.say("points", got=span(line.low, line.high, reader.language), most=plain(most))


def section_of(visit: Visit, item: ItemId) -> str:
    """The section an item is shown in. Raises item_unknown."""
    reader = Reader(visit, _NOBODY, "zh")
    reader.entry(item)
    return next(
        section for section, _, entries in reader.sections() if any(one.id == item for one in entries)
    )


def finding_rows(visit: Visit, language: Language = "zh", item: str = "") -> tuple[FindingRow, ...]:
    """All findings, or those of one item; withdrawn ones last."""
    reader = Reader(visit, _NOBODY, language)
    rows = [reader.finding_row(one) for one in reader.findings(item)]
    return tuple(sorted(rows, key=lambda row: (row.withdrawn, row.item, row.finding)))


def earlier_rows(visit: Visit, language: Language = "zh", item: str = "") -> tuple[EarlierRow, ...]:
    """What earlier inspections found at this unit, what is still open first; or that of one item."""
    return tuple(Reader(visit, _NOBODY, language).earlier(item))


def lead_rows(visit: Visit, person: PersonId, language: Language = "zh") -> tuple[LeadRow, ...]:
    """What the coordinator asked to verify, what is still open first."""
    return briefing_views.lead_rows(Reader(visit, person, language))


def dispute_rows(visit: Visit, person: PersonId, language: Language = "zh") -> tuple[DisputeRow, ...]:
    """Everything in dispute, items first, in checklist order."""
    reader = Reader(visit, person, language)
    order = {entry.id: place for place, entry in enumerate(_entries(reader))}
    may_settle = "dispute_settled" in reader.may()
    rows = [
        DisputeRow(
            field=cell.field,
            item=_item_of(cell),
            title=_title(reader, cell.field, _item_of(cell)),
            values=reader.values(cell),
            may_settle=may_settle,
            seen=cell.ops,
        )
        for cell in visit.inspection.disputes
    ]
    return tuple(sorted(rows, key=lambda row: (order.get(row.item, len(order)), row.field)))


def _entries(reader: Reader) -> Iterable[Entry]:
    return (entry for _, _, entries in reader.sections() for entry in entries)


def _item_of(cell: Cell[Body]) -> str:
    return str(getattr(cell.value, "item", ""))


def _title(reader: Reader, field: str, item: str) -> str:
    """What a field is about, for a person."""
    family, _, rest = field.partition("/")
    entry = reader.visit.checklist.entry(item) if item else None
    asked = f"{item} {entry.text.read(reader.language)}" if entry else rest
    return (
        asked
        if family == "answer"
        else " ".join(part for part in (reader.say(f"field.{family}"), asked) if part)
    )


def refused_rows(visit: Visit, language: Language = "zh") -> tuple[RefusedRow, ...]:
    """What the server refused of this tablet's operations."""
    reader = Reader(visit, _NOBODY, language)
    return tuple(
        RefusedRow(
            op=one.operation.id,
            inspection=InspectionId(visit.assignment.inspection),
            title=_refused_title(reader, one.operation),
            text=reader.body(one.operation.body),
            message=sentence(one.problem, one.facts, language),
            when=when(one.operation.at_ms),
        )
        for one in visit.refused
    )


def _refused_title(reader: Reader, operation: Operation) -> str:
    item = str(getattr(operation.body, "item", ""))
    # One that cannot be read, or of a newer version, has no word here: its kind is all there is to say.
    kind = reader.say(f"kind.{operation.kind}") if operation.kind in KINDS else operation.kind
    return " ".join(part for part in (item, kind or str(operation.id)) if part)


def next_open(visit: Visit, after: str = "") -> ItemId | None:
    """The next item without an answer after the given one, starting again from the top; None when all are done."""
    items = [item.id for item in visit.checklist.items]
    start = items.index(after) + 1 if after in items else 0
    still_open = {line.item for line in visit.sheet.items if line.status == "open"}
    return next((ItemId(item) for item in items[start:] + items[:start] if item in still_open), None)


def score_row(visit: Visit, language: Language = "zh") -> ScoreRow:
    """The score range and why it is one."""
    reader, sheet = Reader(visit, _NOBODY, language), visit.sheet
    counts = sheet.counts
    why = {
        "open": counts.open,
        "disputed": counts.disputed,
        "consent": counts.na_without_consent,
        "held": counts.held,
    }
    reasons = [say(f"why.{key}", language, count=number) for key, number in why.items() if number]
    if sheet.status in ("aborted", "not_scorable"):
        reasons = [say(f"why.{sheet.status}", language)]
    low, high = sheet.percent_low, sheet.percent_high
    return ScoreRow(
        text=_percent(sheet.percent, low, high, language),
        low="" if low is None else str(low),
        high="" if high is None else str(high),
        final=sheet.percent is not None,
        grade_text=_grade(visit, language),
        why=tuple(reasons),
        problems=sum(reader.state(line.item) == "problem" for line in sheet.items)
        + sum(line.count_high > 0 for line in sheet.extras if line.kind != "bonus"),
        disputes=len(visit.inspection.disputes),
        open_items=counts.open,
    )


def _percent(figure: object, low: object, high: object, language: Language) -> str:
    if figure is not None:
        return str(figure)
    if low is None or high is None:
        return say("score.none", language)
    return say("range", language, low=low, high=high) if low != high else str(low)


def _grade(visit: Visit, language: Language) -> str:
    sheet, checklist = visit.sheet, visit.checklist
    codes = [sheet.grade] if sheet.grade else [sheet.grade_low, sheet.grade_high]
    texts = list(dict.fromkeys(checklist.grade(code).read(language) for code in codes if code))
    return "–".join(texts)


def sync_row(state: SyncState, language: Language = "zh") -> SyncRow:
    """The state of the exchange with the server."""
    word = _word(state)
    details = []
    if state.last_success_ms is not None:
        details.append(say("sync.last", language, when=when(state.last_success_ms)))
    if state.photos_left:
        details.append(say("sync.photos", language, count=state.photos_left))
    if state.photos_missing:
        details.append(say("sync.missing", language, count=state.photos_missing))
    return SyncRow(
        word=word,
        text=_sync_text(state, word, language),
        detail=joined(language, *details),
        notice=say("sync.forked", language) if state.notice == "forked" else "",
        unsent=state.unsent,
        refused=state.refused,
        photos_left=state.photos_left,
    )


def _word(state: SyncState) -> SyncWord:
    """The one thing to know first: what a person must deal with, then what time will mend."""
    if state.refused:
        return "refused"
    if state.problem:
        return "failed"
    if state.offline:
        return "offline"
    if state.last_success_ms is None:
        return "never"
    return "unsent" if state.unsent or state.photos_left else "all_sent"


def _sync_text(state: SyncState, word: SyncWord, language: Language) -> str:
    match word:
        case "refused":
            return say("sync.refused", language, count=state.refused)
        case "failed":
            return say("sync.failed", language, message=sentence(state.problem, state.facts, language))
        case "offline":
            key = "sync.offline_unsent" if state.unsent else "sync.offline"
            return say(key, language, count=state.unsent)
        case "never":
            return say("sync.never" if state.enrolled else "sync.not_enrolled", language)
        case "unsent":
            key, count = ("sync.unsent", state.unsent) if state.unsent else ("sync.photos", state.photos_left)
            return say(key, language, count=count)
        case "all_sent":
            return say("sync.all_sent", language)
