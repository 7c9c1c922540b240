"""Taking the last tap back: what stood before is recorded again, or nothing stands; nothing else is replaced."""

from collections.abc import Callable

import pytest

from shared_schema.ids import ItemId, PersonId
from shared_schema.operations import Answer, Count, Finding, Note, Operation, TakenBack, YesNo
from shared_schema.problems import Problem
from tests.unit.mobile.test_actions import VERBS
from tests.unit.mobile.world import ANNA, COUNT, LEADER, VISIT, YES_NO, Tablet, quiet


def standing(tablet: Tablet, item: str) -> list[object]:
    """The values that stand on an item."""
    held = tablet.desk.visit(VISIT).inspection.items.get(ItemId(item))
    return [] if held is None or held.answer is None else [one.value for one in held.answer.standing]


def undone(tablet: Tablet, tap: Callable[[], Operation], person: PersonId = LEADER) -> Operation:
    """A tap, and at once its taking back."""
    before = tablet.desk.said(VISIT)
    made = tap()
    body = tablet.desk.unsaid(before, made)
    assert body is not None
    return tablet.desk.put_back(person, VISIT, body, made.id)


def test_the_answer_before_comes_back_as_a_new_operation(one: Tablet) -> None:
    """Nothing is erased: both taps and the taking back are in the log."""
    one.open_visit()
    one.answer(YES_NO, True)
    back = undone(one, lambda: one.answer(YES_NO, False))
    assert standing(one, YES_NO) == [Answer(YES_NO, YesNo(True))]
    assert back.kind == "answer"
    assert one.store.head().seq == 4


def test_a_first_answer_is_unsaid(one: Tablet, two: Tablet) -> None:
    """The item is open again, here, on the server and at a colleague's; it can be answered anew."""
    one.open_visit()
    score = one.desk.visit(VISIT).sheet
    back = undone(one, lambda: one.answer(YES_NO, False))
    assert back.body == TakenBack(f"answer/{YES_NO}")
    assert standing(one, YES_NO) == []
    assert one.desk.visit(VISIT).sheet == score
    quiet(one, two)
    assert standing(two, YES_NO) == []
    two.desk.answer(ANNA, VISIT, YES_NO, YesNo(True))
    quiet(one, two)
    assert standing(one, YES_NO) == standing(two, YES_NO) == [Answer(YES_NO, YesNo(True))]


def test_a_first_note_is_taken_back(one: Tablet) -> None:
    """And a changed one reads as before."""
    one.open_visit()
    undone(one, lambda: one.desk.note(LEADER, VISIT, YES_NO, "看过"))
    assert ItemId(YES_NO) not in one.desk.visit(VISIT).inspection.items
    one.desk.note(LEADER, VISIT, YES_NO, "看过")
    undone(one, lambda: one.desk.note(LEADER, VISIT, YES_NO, "没看过"))
    (cell,) = one.desk.visit(VISIT).inspection.items[ItemId(YES_NO)].notes
    assert cell.value == Note(YES_NO, "看过")


def test_a_finding_is_taken_back_and_a_withdrawn_one_comes_back(one: Tablet) -> None:
    """Recorded by mistake it leaves no trace on the screens; withdrawn by mistake it reads as before."""
    one.open_visit()
    text = Finding(finding="F-1", item=COUNT, fact="台账缺页")
    undone(one, lambda: one.desk.record_finding(LEADER, VISIT, text))
    assert one.desk.visit(VISIT).inspection.findings == {}
    one.desk.record_finding(LEADER, VISIT, text)
    undone(one, lambda: one.desk.withdraw_finding(LEADER, VISIT, "F-1", "看错"))
    (known,) = one.desk.visit(VISIT).inspection.findings.values()
    assert known.text == text


def test_what_a_colleague_said_meanwhile_stays(one: Tablet, two: Tablet) -> None:
    """Taking back replaces one's own tap only; an unsaid tap differs from nothing, so there is no dispute."""
    one.open_visit()
    quiet(one, two)
    before = one.desk.said(VISIT)
    made = one.answer(COUNT, 2)
    two.desk.answer(ANNA, VISIT, COUNT, Count(5))
    quiet(one, two)
    assert len(one.desk.visit(VISIT).inspection.disputes) == 1
    body = one.desk.unsaid(before, made)
    assert body is not None
    one.desk.put_back(LEADER, VISIT, body, made.id)
    quiet(one, two)
    for tablet in (one, two):
        assert standing(tablet, COUNT) == [Answer(COUNT, Count(5))]
        assert not tablet.desk.visit(VISIT).inspection.disputes


def test_of_a_dispute_ones_own_value_comes_back(one: Tablet, two: Tablet) -> None:
    """Not the colleague's, whatever comes first."""
    one.open_visit()
    quiet(one, two)
    two.desk.answer(ANNA, VISIT, COUNT, Count(5), seen=())
    one.desk.answer(LEADER, VISIT, COUNT, Count(3), seen=())
    quiet(one, two)
    undone(one, lambda: one.answer(COUNT, 1))
    assert set(map(repr, standing(one, COUNT))) == {
        repr(Answer(COUNT, Count(3))),
        repr(Answer(COUNT, Count(5))),
    }


STAYS_SAID = {
    "opened", "deliberated", "submitted", "aborted", "scoring_closed", "sample_drawn", "dispute_settled",
    "evidence_attached", "evidence_removed",
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(set(VERBS) - STAYS_SAID))
def test_every_other_tap_can_be_taken_back(one: Tablet, kind: str) -> None:
    """Afterwards the visit looks as it did before the tap."""
    one.open_visit()
    # What a verb needs first (a finding to amend) is recorded in the same breath, so it is asked what it replaced.
    made = VERBS[kind](one, one.desk)
    stood = one.store.state(VISIT)
    assert one.desk.unsaid(stood, made) is not None


@pytest.mark.parametrize("kind", sorted(STAYS_SAID))
def test_a_stage_a_draw_a_settlement_stay_said(one: Tablet, kind: str) -> None:
    """They have sheets of their own that ask, or a verb that undoes them with a reason."""
    one.open_visit()
    before = one.desk.said(VISIT)
    assert one.desk.unsaid(before, VERBS[kind](one, one.desk)) is None


@pytest.mark.parametrize("field", ["stage", "sample/S-1", f"note/{YES_NO}/{ANNA}", "scoring/P-1", "answer/"])
def test_nobody_unsays_a_stage_or_a_colleagues_note(one: Tablet, field: str) -> None:
    """Such an operation is not even written."""
    one.open_visit()
    made = one.answer(COUNT, 1)
    with pytest.raises(Problem) as caught:
        one.desk.put_back(LEADER, VISIT, TakenBack(field), made.id)
    assert caught.value.code == "op_malformed"
