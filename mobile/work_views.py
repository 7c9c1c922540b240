"""The work list: every assigned inspection as a row, those too that this version cannot show; pure."""

from collections.abc import Iterable

from mobile import briefing_views
from mobile.reader import Reader
from mobile.rows import WorkRow
from mobile.visit import Visit
from mobile.visits import Unreadable
from mobile.words import say
from shared_schema.ids import InspectionId, PersonId
from shared_schema.inspection import Stage
from shared_schema.problems import Language
from shared_schema.wire import Assignment

_NOBODY = PersonId("")
_TO_DO = frozenset({"prepared", "opened", "returned", "deliberated"})
_AFTERWARDS = {"submitted": 0, "accepted": 1}


def work_rows(
    visits: Iterable[Visit],
    language: Language = "zh",
    unreadable: Iterable[Unreadable] = (),
    *,
    today: str = "",
) -> tuple[WorkRow, ...]:
    """The work list: what is to do today, what else is to do, what is handed in; each by planned date (ISO)."""
    rows = [_purged(_work_row(Reader(visit, _NOBODY, language)), visit, language) for visit in visits]
    rows += [_unreadable_row(one, language) for one in unreadable]
    marked = (row._replace(today=row.stage in _TO_DO and "" < row.date == today) for row in rows)
    return tuple(sorted(marked, key=lambda row: (row.gone, *_turn(row), row.inspection)))


def _turn(row: WorkRow) -> tuple[bool, bool, int, str, bool]:
    """Today's before what else is to do, what is overdue next; of a day what is under way first; what is done last."""
    done = row.stage not in _TO_DO
    return (
        done,
        not row.today,
        _AFTERWARDS.get(row.stage, 2) if done else 0,
        row.date,
        row.stage == "prepared",
    )


def _purged(row: WorkRow, visit: Visit, language: Language) -> WorkRow:
    """Of a visit that was cleared from here only the assignment is known, and who has it now."""
    if not visit.purged:
        return row
    word, where = say("purged", language), say("purged.where", language)
    known = row._replace(stage="locked", stage_text=word, sync_text=where, purged=True)
    return known._replace(done=row.total, progress_text="", disputes=0, findings=0)


def _unreadable_row(one: Unreadable, language: Language) -> WorkRow:
    """Of a visit whose checklist cannot be read only the assignment is known, and what waits to be sent."""
    missing = one.problem.code == "checklist_unknown"
    row = _assigned_row(one.assignment, one.stage, language)
    return row._replace(
        stage_text=say("checklist.missing" if missing else "checklist.too_new", language),
        unreadable=say("checklist.missing_cure", language) if missing else one.problem.message(language),
        unsent=one.unsent,
        sync_text=_sent_text(0, one.unsent, language),
        gone=one.gone,
    )


def _assigned_row(assignment: Assignment, stage: Stage, language: Language) -> WorkRow:
    """What is known of an inspection without its checklist."""
    english = language == "en"
    return WorkRow(
        inspection=InspectionId(assignment.inspection),
        unit=assignment.unit_en if english and assignment.unit_en else assignment.unit_zh,
        unit_kind=assignment.unit_kind,
        address=assignment.address,
        date=assignment.planned_date,
        squad=assignment.squad_en if english and assignment.squad_en else assignment.squad_zh,
        stage=stage,
        stage_text=say(f"stage.{stage}", language),
        earlier_open=sum(one.open for one in assignment.earlier),
        blind=assignment.blind,
    )


def _work_row(reader: Reader) -> WorkRow:
    visit, counts = reader.visit, reader.visit.sheet.counts
    done = counts.items - counts.open
    row = _assigned_row(visit.assignment, visit.inspection.stage, reader.language)
    return row._replace(
        done=done,
        total=counts.items,
        progress_text=reader.say("progress", done=done, total=counts.items),
        disputes=len(visit.inspection.disputes),
        findings=len(list(reader.live_findings(""))),
        unsent=visit.unsent,
        refused=len(visit.refused),
        sync_text=_sent_text(len(visit.refused), visit.unsent, reader.language),
        gone=visit.gone,
        leads_open=briefing_views.open_leads(reader),
    )


def matching(rows: Iterable[WorkRow], sought: str) -> tuple[WorkRow, ...]:
    """The rows that hold every word sought, in whatever case: in unit, address, date, stage or squad."""
    parts = sought.casefold().split()
    return tuple(
        row
        for row in rows
        if all(
            part in f"{row.unit} {row.address} {row.date} {row.stage_text} {row.squad}".casefold()
            for part in parts
        )
    )


def _sent_text(refused: int, unsent: int, language: Language) -> str:
    if refused:
        return say("sync.refused", language, count=refused)
    return say("sync.unsent", language, count=unsent) if unsent else say("sync.all_sent", language)
