"""The squad's verbs: one checked operation and one transaction each, or a Problem and nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mobile import photos
from mobile.actions import Desk
from mobile.player import draw
from shared_schema.chance import draw_sample
from shared_schema.ids import FieldKey, PersonId
from shared_schema.operations import (
    KINDS,
    Answer,
    Count,
    DisputeSettled,
    EvidenceAttached,
    Finding,
    Operation,
    SampleDrawn,
    TakenBack,
    YesNo,
    decided,
)
from shared_schema.problems import Problem
from shared_schema.roles import may_author
from shared_schema.wire import Lead
from tests.unit.mobile.world import (
    ANNA,
    BEN,
    COUNT,
    LEADER,
    NA,
    NOW_MS,
    SCENE,
    VISIT,
    YES_NO,
    Tablet,
    assigned,
    quiet,
)

FIELD = FieldKey(f"answer/{YES_NO}")
PHOTO = photos.Taken("ab" * 32, 1000, "image/jpeg", 640, 480)


LEADS = (Lead("L-1", "核实台账", COUNT),)


def finding(**changes: object) -> Finding:
    return Finding(**{"finding": "", "item": COUNT, "fact": "台账缺页", **changes})  # type: ignore[arg-type]


def recorded(tablet: Tablet, **changes: object) -> str:
    made = tablet.desk.record_finding(LEADER, VISIT, finding(**changes)).body
    assert isinstance(made, Finding)
    return made.finding


VERBS: dict[str, Callable[[Tablet, Desk], Operation]] = {
    "answer": lambda _, desk: desk.answer(ANNA, VISIT, YES_NO, YesNo(True), from_paper=True, paper_ref="7"),
    "not_applicable": lambda _, desk: desk.not_applicable(ANNA, VISIT, NA, "no_power", "无定密权限"),
    "na_consent": lambda _, desk: _then(
        desk.not_applicable(ANNA, VISIT, NA, "no_power"), desk.consent(LEADER, VISIT, NA, "no_power")
    ),
    "note": lambda _, desk: desk.note(ANNA, VISIT, YES_NO, "登记簿 3 号"),
    "finding": lambda _, desk: desk.record_finding(ANNA, VISIT, finding()),
    "finding_amended": lambda tablet, desk: desk.amend_finding(
        ANNA, VISIT, finding(finding=recorded(tablet), fact="缺两页"), "重数"
    ),
    "finding_withdrawn": lambda tablet, desk: desk.withdraw_finding(ANNA, VISIT, recorded(tablet), "已找到"),
    "finding_repeat_of": lambda tablet, desk: desk.repeat_of(ANNA, VISIT, recorded(tablet), "OLD-7"),
    "finding_duplicate_of": lambda tablet, desk: desk.duplicate_of(
        ANNA, VISIT, recorded(tablet), recorded(tablet)
    ),
    "finding_fixed": lambda tablet, desk: desk.fix(ANNA, VISIT, recorded(tablet), "未标", "已标"),
    "unit_stated": lambda tablet, desk: desk.unit_states(
        ANNA, VISIT, recorded(tablet), "当天补登", accepts=False
    ),
    "sample_drawn": lambda _, desk: desk.draw_sample(ANNA, VISIT, 3, item="E09"),
    "device_checked": lambda _, desk: desk.check_device(ANNA, VISIT, "JX-0002", classified=False, problems=1),
    "interview_held": lambda _, desk: desk.hold_interview(ANNA, VISIT, "leader", required=2, held=2),
    "evidence_attached": lambda _, desk: desk.attach_photo(ANNA, VISIT, SCENE, PHOTO, screened_by=LEADER),
    "evidence_removed": lambda _, desk: desk.remove_photo(
        LEADER, VISIT, _evidence(desk.attach_photo(ANNA, VISIT, SCENE, PHOTO)), "拍到屏幕"
    ),
    "signed": lambda _, desk: desk.sign(
        LEADER, VISIT, "unit_head", "张建国", method="drawn", strokes=[[(1, 2, 3), (4, 5, 6)]]
    ),
    "signature_refused": lambda _, desk: desk.refuse_signature(
        LEADER, VISIT, "unit_head", name="张建国", reason="有异议", witness="街道"
    ),
    "scoring_closed": lambda tablet, _: assigned(tablet, blind=True).desk.close_scoring(ANNA, VISIT, ANNA),
    "lead_checked": lambda tablet, _: assigned(tablet, leads=LEADS).desk.check_lead(
        ANNA, VISIT, "L-1", verified=True, note="见台账"
    ),
    "taken_back": lambda tablet, desk: desk.put_back(
        LEADER, VISIT, TakenBack(FIELD), tablet.answer(YES_NO, True).id
    ),
    "measure_proposed": lambda _, desk: desk.propose_measure(ANNA, VISIT, "stop_use", "连接互联网"),
    "dispute_settled": lambda tablet, desk: desk.settle(
        LEADER, VISIT, FIELD, disagree(tablet).id, "现场复核"
    ),
    "opened": lambda _, desk: desk.open_visit(
        ANNA, VISIT.__class__("I-2"), members=[LEADER, ANNA], task_letter_shown=True, recusal_asked=True
    ),
    "deliberated": lambda _, desk: desk.deliberate(LEADER, VISIT, "一致"),
    "submitted": lambda _, desk: _then(desk.deliberate(LEADER, VISIT), desk.submit(LEADER, VISIT, "报送")),
    "aborted": lambda _, desk: desk.abort(LEADER, VISIT, "emergency", "停电"),
}


def _evidence(operation: Operation) -> str:
    assert isinstance(operation.body, EvidenceAttached)
    return operation.body.evidence


def disagree(tablet: Tablet) -> Operation:
    """Two members answer one item differently, neither having seen the other's; the second's answer."""
    tablet.answer(YES_NO, True)
    return tablet.desk.answer(ANNA, VISIT, YES_NO, YesNo(False), seen=())


@pytest.mark.parametrize("kind", VERBS)
def test_every_verb_is_one_operation_in_the_outbox(one: Tablet, kind: str) -> None:
    """The operation returned is the one in the file, unsent, and the state shows it."""
    one.open_visit()
    made = VERBS[kind](one, one.desk)
    assert made.kind == kind
    assert one.store.outbox(100, 10**6)[-1] == (made.id, made.hash, made.raw)
    assert (made.device, made.at_ms) == (one.device, NOW_MS)
    assert made.id in _standing(one, made)
    assert one.meet().refused == 0


def _standing(tablet: Tablet, made: Operation) -> set[str]:
    fields = tablet.store.state(made.inspection).fields.values()
    return {held.id for standing in fields for held in standing}


def _then(_: Operation, then: Operation) -> Operation:
    """One verb after another."""
    return then


def test_there_is_a_verb_for_every_kind_a_squad_may_write() -> None:
    """A kind without a verb could never be recorded."""
    assert set(VERBS) == {kind for kind in KINDS if may_author("leader", kind)}


REFUSALS: dict[str, tuple[str, Callable[[Tablet, Desk], object]]] = {
    "an answer of another sort": ("answer_not_allowed", lambda _, d: d.answer(ANNA, VISIT, YES_NO, Count(1))),
    "no such item": ("item_unknown", lambda _, d: d.answer(ANNA, VISIT, "Z99", Count(1))),
    "a reason the item does not know": (
        "answer_not_allowed",
        lambda _, d: d.not_applicable(ANNA, VISIT, YES_NO, "no_power"),
    ),
    "a stranger": ("author_not_allowed", lambda _, d: d.note(PersonId("P-21"), VISIT, YES_NO, "x")),
    "an inspector submits": ("author_not_allowed", lambda _, d: d.submit(ANNA, VISIT)),
    "submitted before it was deliberated": ("stage_forbids", lambda _, d: d.submit(LEADER, VISIT)),
    "opened twice": (
        "stage_forbids",
        lambda _, d: d.open_visit(
            LEADER, VISIT, members=[LEADER, ANNA], task_letter_shown=True, recusal_asked=True
        ),
    ),
    "another squad's inspection": (
        "inspection_unknown",
        lambda _, d: d.note(LEADER, VISIT.__class__("I-21"), YES_NO, "x"),
    ),
    "consent to nobody's N/A": (
        "consent_needs_another",
        lambda _, d: d.consent(LEADER, VISIT, NA, "no_power"),
    ),
    "consent to one's own N/A": (
        "consent_needs_another",
        lambda _, d: _then(
            d.not_applicable(ANNA, VISIT, NA, "no_power"), d.consent(ANNA, VISIT, NA, "no_power")
        ),
    ),
    "a photo where none may be taken": (
        "photo_forbidden",
        lambda _, d: d.attach_photo(ANNA, VISIT, YES_NO, PHOTO),
    ),
    "a photo screened by who took it": (
        "not_allowed",
        lambda _, d: d.attach_photo(ANNA, VISIT, SCENE, PHOTO, screened_by=ANNA),
    ),
    "a photo nobody attached": ("not_found", lambda _, d: d.remove_photo(ANNA, VISIT, "none", "x")),
    "a finding nobody recorded": ("not_found", lambda _, d: d.fix(ANNA, VISIT, "none", "x", "y")),
    "withdrawing no finding": ("not_found", lambda _, d: d.withdraw_finding(ANNA, VISIT, "none", "x")),
    "settling where all agree": (
        "not_disputed",
        lambda t, d: d.settle(LEADER, VISIT, FIELD, t.answer(YES_NO, True).id, "x"),
    ),
    "settling for what does not stand": (
        "not_found",
        lambda t, d: _then(disagree(t), d.settle(LEADER, VISIT, FIELD, t.answer(COUNT, 1).id, "x")),
    ),
    "settling without a reason": (
        "op_malformed",
        lambda t, d: d.settle(LEADER, VISIT, FIELD, disagree(t).id, ""),
    ),
    "a note longer than the wire takes": (
        "op_malformed",
        lambda _, d: d.note(ANNA, VISIT, YES_NO, "字" * 4001),
    ),
    "a lead nobody gave": ("lead_unknown", lambda _, d: d.check_lead(ANNA, VISIT, "L-9", verified=True)),
    "closing one's scoring where nobody scores blind": (
        "scoring_blind",
        lambda _, d: d.close_scoring(ANNA, VISIT, ANNA),
    ),
    "closing another's scoring": (
        "author_not_allowed",
        lambda t, _: assigned(t, blind=True).desk.close_scoring(ANNA, VISIT, LEADER, "已离开"),
    ),
    "closing another's scoring without a reason": (
        "author_not_allowed",
        lambda t, _: assigned(t, blind=True).desk.close_scoring(LEADER, VISIT, ANNA),
    ),
    "one member alone": (
        "op_malformed",
        lambda _, d: d.open_visit(
            LEADER, VISIT.__class__("I-3"), members=[LEADER], task_letter_shown=True, recusal_asked=True
        ),
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_is_not_allowed_is_a_problem_and_writes_nothing(one: Tablet, case: str) -> None:
    """The last thing in the file is what was there before."""
    one.open_visit()
    code, run = REFUSALS[case]
    with pytest.raises(Problem) as caught:
        run(one, one.desk)
    assert caught.value.code == code
    last = one.store.outbox(100, 10**6)[-1][0]
    assert one.store.head().seq == len(one.store.outbox(100, 10**6))
    one.reopen()
    assert one.store.outbox(100, 10**6)[-1][0] == last


# --- what an operation replaces ------------------------------------------------------------------------


def test_a_new_value_replaces_what_was_on_the_screen(one: Tablet) -> None:
    """A second tap of anybody who saw the first leaves one value."""
    one.open_visit()
    first = one.answer(YES_NO, True)
    second = one.desk.answer(ANNA, VISIT, YES_NO, YesNo(False), seen=[first.id])
    assert second.bases == (first.id,)
    assert one.standing(FIELD) == {second.id}


def test_what_arrived_behind_the_screen_is_not_replaced(one: Tablet, two: Tablet) -> None:
    """A colleague's answer that came while the screen still showed none stays, beside the tap: a dispute."""
    one.open_visit()
    quiet(one, two)
    shown = one.desk.visit(VISIT).inspection.items.get(YES_NO)  # type: ignore[call-overload]
    theirs = two.answer(YES_NO, False, ANNA)
    quiet(two, one)
    mine = one.desk.answer(LEADER, VISIT, YES_NO, YesNo(True), seen=shown.answer.ops if shown else ())
    assert mine.bases == ()
    assert one.standing(FIELD) == {theirs.id, mine.id}
    assert [cell.field for cell in one.desk.visit(VISIT).inspection.disputes] == [FIELD]


def test_ones_own_quick_second_tap_is_no_dispute_with_oneself(one: Tablet) -> None:
    """The screen had not redrawn between two taps of one person."""
    one.open_visit()
    one.desk.answer(ANNA, VISIT, YES_NO, YesNo(True), seen=())
    second = one.desk.answer(ANNA, VISIT, YES_NO, YesNo(False), seen=())
    assert one.standing(FIELD) == {second.id}


def test_on_a_disputed_field_a_tap_replaces_only_ones_own(one: Tablet) -> None:
    """A third member's answer stands beside both; each member's own is replaced."""
    one.open_visit()
    theirs = disagree(one)
    third = one.desk.answer(BEN, VISIT, YES_NO, YesNo(True))
    assert third.bases == ()
    changed = one.desk.answer(ANNA, VISIT, YES_NO, YesNo(True))
    assert changed.bases == (theirs.id,)
    assert len(one.standing(FIELD)) == 3
    assert not one.desk.visit(VISIT).inspection.disputes  # they all say the same now


def test_settling_replaces_all_that_was_seen_and_keeps_the_value_agreed_with(one: Tablet) -> None:
    """The settlement names the operation agreed with and carries its value whole."""
    one.open_visit()
    theirs = disagree(one)
    settled = one.desk.settle(LEADER, VISIT, FIELD, theirs.id, "现场复核")
    assert set(settled.bases) >= {theirs.id}
    assert len(settled.bases) == 2
    assert isinstance(settled.body, DisputeSettled)
    assert (decided(settled.body), settled.body.kept) == (theirs.body, theirs.id)
    again = one.desk.answer(ANNA, VISIT, YES_NO, YesNo(True), seen=())
    other = one.desk.settle(LEADER, VISIT, FIELD, settled.id, "仍以复核为准")
    assert isinstance(other.body, DisputeSettled)
    assert decided(other.body) == theirs.body
    assert again.id in other.bases


def test_the_leader_may_settle_for_a_third_value(one: Tablet) -> None:
    """Neither was right."""
    one.open_visit()
    one.answer(COUNT, 1)
    one.desk.answer(ANNA, VISIT, COUNT, Count(2), seen=())
    one.desk.settle(LEADER, VISIT, FieldKey(f"answer/{COUNT}"), Answer(COUNT, Count(3)), "一起重数")
    cell = one.desk.visit(VISIT).inspection.items[COUNT].answer  # type: ignore[index]
    assert cell is not None
    assert (cell.value, cell.disputed, cell.standing[0].reason) == (
        Answer(COUNT, Count(3)),
        False,
        "一起重数",
    )


def test_handing_in_replaces_whatever_step_was_reached(one: Tablet, two: Tablet) -> None:
    """A colleague who opened the visit alone does not keep the leader's step from being replaced."""
    one.open_visit()
    two.open_visit(ANNA)
    quiet(one, two)
    one.desk.deliberate(LEADER, VISIT)
    two.desk.note(ANNA, VISIT, YES_NO, "x")
    quiet(one, two)
    submitted = one.desk.submit(LEADER, VISIT)
    assert one.standing("stage") == {submitted.id}
    with pytest.raises(Problem, match="stage_forbids"):
        one.answer(COUNT, 1)


def test_a_sample_can_be_drawn_again_by_anybody(one: Tablet) -> None:
    """Population, seed and size give the numbers; each tablet draws its own seed."""
    one.open_visit()
    body = one.desk.draw_sample(ANNA, VISIT, 3, item="E09").body
    assert isinstance(body, SampleDrawn)
    population = [one.register_no for one in one.desk.visit(VISIT).assignment.inventory]
    assert (body.population_hash, body.drawn) == draw_sample(population, 3, body.seed)
    assert (body.population_size, len(body.drawn)) == (8, 3)


def test_a_photo_is_sent_once_its_operation_is(one: Tablet, tmp_path: Path) -> None:
    """It waits for the operation, survives a lost line, and is wanted until the server has said it has it."""
    one.open_visit()
    taken = photos.take(draw("a door", 640, 480), one.folder / "photos", one.vault)
    one.desk.attach_photo(ANNA, VISIT, SCENE, taken, caption="门禁")
    assert (one.store.photos_to_send(), one.store.sync_state().photos_left) == ([], 1)
    one.line.fault = "request"
    one.sync.once()
    one.line.handle = _failing_after(one, one.line.handle, "photo")  # type: ignore[method-assign]
    assert one.sync.once().outcome == "offline"
    assert one.store.sync_state().photos_left == 1
    assert one.meet().photos == 1
    assert list(one.line.server.photos) == [taken.sha256]
    assert one.store.sync_state().photos_left == 0
    assert one.meet().photos == 0


def _failing_after(tablet: Tablet, handle: Callable[..., bytes], fault: str) -> Callable[..., bytes]:
    """The line as it is, and a fault for what comes after the next exchange."""

    def run(body: bytes, headers: dict[str, str]) -> bytes:
        reply = handle(body, headers)
        tablet.line.fault, tablet.line.handle = fault, handle  # type: ignore[method-assign]
        return reply

    return run


def test_a_photo_whose_file_is_gone_is_told_and_stops_nothing(one: Tablet) -> None:
    """People hear of it; everything else goes on."""
    one.open_visit()
    lost = photos.take(draw("lost", 64, 48), one.folder / "photos", one.vault)
    kept = photos.take(draw("kept", 64, 48), one.folder / "photos", one.vault)
    for taken in (lost, kept):
        one.desk.attach_photo(ANNA, VISIT, SCENE, taken)
    photos.photo_path(one.folder / "photos", lost.sha256).unlink()
    assert one.meet().photos == 1
    state = one.store.sync_state()
    assert (state.photos_missing, state.photos_left) == (1, 0)
