"""Taking the last tap back: what stood before is recorded again, and nothing else is replaced."""

from shared_schema.ids import FieldKey, ItemId
from shared_schema.operations import Answer, Count, Note, YesNo
from tests.unit.mobile.world import ANNA, COUNT, LEADER, VISIT, YES_NO, Tablet, quiet

ANSWER = FieldKey(f"answer/{YES_NO}")


def standing(tablet: Tablet, item: str) -> list[object]:
    cell = tablet.desk.visit(VISIT).inspection.items[ItemId(item)].answer
    assert cell is not None
    return [one.value for one in cell.standing]


def test_the_answer_before_comes_back_as_a_new_operation(one: Tablet) -> None:
    """Nothing is erased: both taps and the taking back are in the log."""
    one.open_visit()
    one.answer(YES_NO, True)
    before = one.desk.stood(LEADER, VISIT, ANSWER)
    made = one.answer(YES_NO, False)
    assert before == Answer(YES_NO, YesNo(True))
    back = one.desk.put_back(LEADER, VISIT, before, made.id)
    assert standing(one, YES_NO) == [Answer(YES_NO, YesNo(True))]
    assert back.bases == (made.id,)
    assert (back.kind, made.kind) == ("answer", "answer")


def test_a_first_answer_leaves_nothing_to_put_back(one: Tablet) -> None:
    """An answer can be changed and not unsaid."""
    one.open_visit()
    assert one.desk.stood(LEADER, VISIT, ANSWER) is None


def test_a_note_is_taken_back_even_if_it_was_the_first(one: Tablet) -> None:
    """An empty note takes it back."""
    one.open_visit()
    field = FieldKey(f"note/{YES_NO}/{LEADER}")
    before = one.desk.stood(LEADER, VISIT, field)
    assert before == Note(YES_NO, "")
    made = one.desk.note(LEADER, VISIT, YES_NO, "看过")
    one.desk.put_back(LEADER, VISIT, before, made.id)
    (cell,) = one.desk.visit(VISIT).inspection.items[ItemId(YES_NO)].notes
    assert cell.value.text == ""


def test_what_a_colleague_said_meanwhile_stays(one: Tablet, two: Tablet) -> None:
    """Taking back replaces one's own tap only, so the other value stands beside it as a dispute."""
    one.open_visit()
    one.answer(COUNT, 1)
    quiet(one, two)
    field = FieldKey(f"answer/{COUNT}")
    before = one.desk.stood(LEADER, VISIT, field)
    made = one.answer(COUNT, 2)
    two.desk.answer(ANNA, VISIT, COUNT, Count(5))
    quiet(one, two)
    assert before is not None
    one.desk.put_back(LEADER, VISIT, before, made.id)
    assert {value.answer.count for value in standing(one, COUNT)} == {1, 5}  # type: ignore[attr-defined]


def test_of_a_dispute_ones_own_value_comes_back(one: Tablet, two: Tablet) -> None:
    """Not the colleague's, whatever comes first."""
    one.open_visit()
    quiet(one, two)
    two.desk.answer(ANNA, VISIT, COUNT, Count(5), seen=())
    one.desk.answer(LEADER, VISIT, COUNT, Count(3), seen=())
    quiet(one, two)
    assert one.desk.stood(LEADER, VISIT, FieldKey(f"answer/{COUNT}")) == Answer(COUNT, Count(3))
