"""Blind scoring: before everybody has closed their own, nothing of a colleague's reaches any screen or any tap."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mobile import blind, briefing_views, closing_views, colleague_views, computer_views, views
from mobile.reader import Reader
from mobile.visit import Visit
from shared_schema.ids import ItemId, PersonId
from shared_schema.merge import EMPTY, apply, view
from shared_schema.operations import (
    Answer,
    Clauses,
    Count,
    DeviceChecked,
    Finding,
    InterviewHeld,
    LeadChecked,
    MeasureProposed,
    NotApplicable,
    Note,
    Opened,
    Operation,
    ScoringClosed,
    YesNo,
)
from shared_schema.scoring import score
from shared_schema.wire import Assignment, Lead, Member
from tests.contract.plan import CHECKLIST, HASH
from tests.make import Scribe

LEADER, ANNA, BEN, TRAINEE = (PersonId(f"P-{n}") for n in range(1, 5))
SCORERS = (LEADER, ANNA, BEN)
ASSIGNMENT = Assignment(
    inspection="I-1", campaign="C-1", campaign_zh="互查", campaign_en="", unit="U-1", unit_zh="单位", unit_en="",
    unit_kind="bureau", address="", contact="", profile={}, squad="S-1", squad_zh="一组", squad_en="",
    members=(
        Member(LEADER, "组长", "", "leader"), Member(ANNA, "安", "", "inspector"), Member(BEN, "本", "", "inspector"),
        Member(TRAINEE, "学", "", "trainee"),
    ),
    planned_date="2026-06-01", checklist=HASH, leads=(Lead("L-1", "核实台账", "A03"),), blind=True,
)  # fmt: skip
SECRET = "密-{}-密"
"""What a member types, with their id in it: nothing of it may turn up on a colleague's screen."""


@st.composite
def bodies(draw: st.DrawFn, person: PersonId) -> Any:
    """Something a member records; whatever has room for words holds the person's own."""
    words = SECRET.format(person)
    kinds = (
        Answer("A06", YesNo(draw(st.booleans())), paper_ref=words),
        Answer("A03", Count(draw(st.integers(0, 5)))),
        Answer("A01", Clauses()),
        NotApplicable("B03", "no_power", words),
        Note("A03", words),
        Finding(finding=f"F-{person}", item="A03", fact=words),
        DeviceChecked(register_no="JX-0001", classified=True, problems=draw(st.integers(0, 9)), remark=words),
        InterviewHeld(interview=f"V-{person}", category="leader", required=2, held=1, points=words),
        MeasureProposed(measure=f"M-{person}", what="stop_use", reason=words),
        LeadChecked("L-1", draw(st.booleans()), words),
    )
    return draw(st.sampled_from(kinds))


@st.composite
def visits(draw: st.DrawFn) -> tuple[Operation, ...]:
    """A visit as recorded on tablets of their own: opened, and whatever each member tapped and closed."""
    operations = []
    present = draw(st.sampled_from([SCORERS, (LEADER, ANNA), (*SCORERS, TRAINEE)]))
    for number, person in enumerate(SCORERS):
        scribe = Scribe(device=f"D-{number}", person=person)
        if number == 0:
            scribe.write(Opened(present, task_letter_shown=True, recusal_asked=True))
        for _ in range(draw(st.integers(0, 5))):
            scribe.write(draw(bodies(person)))
        if draw(st.booleans()):
            scribe.write(ScoringClosed(person))
        if draw(st.integers(0, 5)) == 0:
            # Nobody but the leader can close another's; from anybody else it counts for nothing.
            scribe.write(ScoringClosed(draw(st.sampled_from(SCORERS)), "已离开"))
        operations += scribe.written
    return tuple(operations)


def looked_at(operations: tuple[Operation, ...], person: PersonId) -> Visit:
    """The visit as `Desk` hands it to this person's screens."""
    state = apply(EMPTY, operations)
    scoring = blind.blind(ASSIGNMENT, state)
    seen = view(blind.seen_by(state, person, scoring))
    return Visit(ASSIGNMENT, CHECKLIST, seen, score(CHECKLIST, seen), 0, (), gone=False, scoring=scoring)


def screens(visit: Visit, person: PersonId) -> Iterator[object]:
    """Every row of every screen."""
    yield views.work_rows([visit])
    yield views.head(visit, person)
    yield views.section_rows(visit)
    for row in views.section_rows(visit):
        yield views.item_rows(visit, row.section, person)
    for only in views.FILTERS:
        yield views.filtered_rows(visit, only, person)
    for item in ("A01", "A03", "A06", "B03"):
        yield views.item_detail(visit, ItemId(item), person)
    yield views.finding_rows(visit)
    yield views.dispute_rows(visit, person)
    yield views.lead_rows(visit, person)
    yield views.score_row(visit)
    yield views.next_open(visit)
    yield closing_views.closing_page(visit, person)
    yield closing_views.trace(visit)
    yield computer_views.computers_page(visit, person)
    yield computer_views.interview_rows(visit, person)
    yield colleague_views.colleagues(visit, person, "zh", blind=visit.scoring.on)
    yield briefing_views.scoring_row(Reader(visit, person, "zh"))


def still_scoring(operations: tuple[Operation, ...]) -> bool:
    """Worked out another way: some member who was there and may answer has not closed."""
    opened = [one.body for one in operations if isinstance(one.body, Opened)]
    closed = {
        one.body.member
        for one in operations
        if isinstance(one.body, ScoringClosed) and one.person in (one.body.member, LEADER)
    }
    return bool({one for one in opened[0].members if one != TRAINEE} - closed)


SHARED = (Opened, ScoringClosed)


@given(visits(), st.sampled_from([LEADER, ANNA, BEN, TRAINEE]))
def test_before_all_have_closed_no_screen_depends_on_a_colleague(
    operations: tuple[Operation, ...], person: PersonId
) -> None:
    """All screens are as if colleagues had recorded nothing: answers, progress, score, disputes, findings."""
    alone = tuple(one for one in operations if one.person == person or isinstance(one.body, SHARED))
    hidden = still_scoring(operations)
    visit = looked_at(operations, person)
    assert visit.scoring.on == hidden
    shown = list(screens(visit, person))
    if not hidden:
        return
    assert shown == list(screens(looked_at(alone, person), person))
    text = msgspec.json.encode(shown).decode()
    assert not any(SECRET.format(other) in text for other in SCORERS if other != person)


@given(visits())
def test_once_all_have_closed_everything_stands_side_by_side(operations: tuple[Operation, ...]) -> None:
    """Then every member sees the same, which is what the server sees."""
    if still_scoring(operations):
        return
    whole = view(apply(EMPTY, operations))
    for person in SCORERS:
        assert looked_at(operations, person).inspection == whole


def test_the_property_would_notice(tmp_path: Path) -> None:
    """A colleague's answer that does get through differs in what the screens show."""
    anna, leader = Scribe(device="D-1", person=ANNA), Scribe(device="D-0", person=LEADER)
    leader.write(Opened(SCORERS, task_letter_shown=True, recusal_asked=True))
    anna.write(Answer("A03", Count(2)))
    told, alone = (*leader.written, *anna.written), tuple(leader.written)
    seen = view(apply(EMPTY, told))
    leaky = Visit(ASSIGNMENT, CHECKLIST, seen, score(CHECKLIST, seen), 0, (), gone=False)
    assert list(screens(leaky, LEADER)) != list(screens(looked_at(alone, LEADER), LEADER))
