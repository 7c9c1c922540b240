"""After a tap only what it moved is looked at and scored again; what comes of it is the same as from nothing."""

from collections.abc import Callable

from mobile.actions import Desk
from shared_schema.inspection import NOTHING
from shared_schema.merge import Seen, look_again, view
from shared_schema.operations import Count, Finding, Operation, YesNo
from shared_schema.scoring import score
from shared_schema.sheet import sheet_bytes
from tests.unit.mobile.world import COUNT, LEADER, NA, NOW_MS, VISIT, YES_NO, Tablet


def test_every_tap_leaves_the_view_and_the_score_of_a_fresh_start(one: Tablet) -> None:
    """Answers, a finding, its withdrawal, an N/A, a note, and taps taken back."""
    desk = one.desk
    one.open_visit()
    taps: tuple[Callable[[], Operation], ...] = (
        lambda: desk.answer(LEADER, VISIT, YES_NO, YesNo(ok=False)),
        lambda: desk.answer(LEADER, VISIT, COUNT, Count(2)),
        lambda: desk.record_finding(LEADER, VISIT, Finding(finding="F-1", item=COUNT, fact="台账缺页")),
        lambda: desk.not_applicable(LEADER, VISIT, NA, "no_power", "无定密权"),
        lambda: desk.note(LEADER, VISIT, COUNT, "见台账"),
        lambda: desk.withdraw_finding(LEADER, VISIT, "F-1", "看错"),
        lambda: desk.answer(LEADER, VISIT, YES_NO, YesNo(ok=True)),
    )
    sheets: set[bytes] = set()
    for tap in taps:
        before = desk.said(VISIT)
        made = tap()
        compared(desk, one, sheets)
        instead = desk.unsaid(before, made)
        assert instead is not None
        desk.put_back(LEADER, VISIT, instead, made.id)
        compared(desk, one, sheets)
        tap()
        compared(desk, one, sheets)
    assert len(sheets) > len(taps) // 2, "the taps hardly moved the score: nothing was tested"


def compared(desk: Desk, tablet: Tablet, sheets: set[bytes]) -> None:
    """The desk that has been at work against one that has seen nothing yet."""
    fresh = Desk(tablet.store, bytes, lambda: NOW_MS).visit(VISIT)
    worked = desk.visit(VISIT)
    assert worked.inspection == fresh.inspection
    assert sheet_bytes(worked.sheet) == sheet_bytes(fresh.sheet)
    sheets.add(sheet_bytes(worked.sheet))


def test_what_a_tap_does_not_touch_stays_the_very_same(one: Tablet) -> None:
    """That is what the score is spared by; and a state that lacks a field again shows it no more."""
    desk = one.desk
    one.open_visit()
    desk.answer(LEADER, VISIT, COUNT, Count(1))
    before = desk.said(VISIT)
    seen = Seen(before, view(before))
    desk.answer(LEADER, VISIT, YES_NO, YesNo(ok=True))
    after = look_again(seen, desk.said(VISIT))
    assert after.inspection.items[COUNT] is seen.inspection.items[COUNT]  # type: ignore[index]
    assert look_again(after, before).inspection == seen.inspection


def test_visits_that_nobody_has_begun_are_scored_once_for_all(one: Tablet) -> None:
    """The work list may hold 300 of them when the tablet starts; one that is begun has a sheet of its own."""
    one.open_visit()
    sheets = [visit.sheet for visit in one.desk.visits(LEADER) if visit.inspection.stage == "prepared"]
    assert len(sheets) >= 9
    assert len({id(sheet) for sheet in sheets}) == 1
    assert sheet_bytes(sheets[0]) == sheet_bytes(score(one.desk.visit(VISIT).checklist, NOTHING))
    before = one.desk.visit(VISIT).sheet
    one.desk.answer(LEADER, VISIT, YES_NO, YesNo(ok=True))
    assert one.desk.visit(VISIT).sheet not in (before, sheets[0])
