"""Step by step is the same as at once: views, scores and states that only follow what changed."""

from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw, Struct
from msgspec.structs import replace

from server.intake.score_rows import Kept, rows_of
from server.storage.registers import InspectionRow
from server.storage.rows import in_order
from shared_schema import merge
from shared_schema.ids import InspectionId, OpId, SquadId, UnitId
from shared_schema.operations import Aborted, EvidenceRemoved, Note, Opened, Operation, field_of
from shared_schema.pricing import Memo
from shared_schema.scoring import score
from shared_schema.sheet import sheet_bytes
from tests.make import make_op, make_photo
from tests.property.merge_laws import Case, cases
from tests.property.scoring_strategies import Drawn, inspections
from tests.property.strategies import play

FINDINGS = ("F-1", "F-2", "F-9")
PLACE = InspectionRow(
    id=InspectionId("I-1"),
    campaign="C-1",
    unit=UnitId("U-1"),
    squad=SquadId("S-1"),
    planned_date="2026-06-01",
    checklist="",
    responsible_person="P-1",
)


@st.composite
def beside(draw: st.DrawFn, drawn: Drawn) -> tuple[Operation, ...]:
    """More of what a score looks at: photos, taken away again or not, notes, stages, and kinds nobody knows yet."""
    items = [item.id for item in drawn.checklist.items]
    made: list[tuple[Struct | Raw, str]] = []
    for number in range(draw(st.integers(0, 5))):
        item, finding = draw(st.sampled_from(items)), draw(st.sampled_from(("", *FINDINGS)))
        match draw(st.integers(0, 5)):
            case 0:
                made.append((make_photo(f"E-{number}", item), ""))
            case 1:
                made.append((replace(make_photo(f"E-{number}", item), finding=finding), ""))
            case 2:
                made.append((EvidenceRemoved(f"E-{draw(st.integers(0, 5))}", "拍到屏幕"), ""))
            case 3:
                made.append((Note(item, "x"), ""))
            case 4:
                made.append((Raw(f'{{"item":"{item}","finding":"{finding}"}}'.encode()), "newer"))
            case _:
                stages: tuple[Struct, ...] = (
                    Opened(("P-1", "P-2"), task_letter_shown=True, recusal_asked=True),
                    Aborted("emergency", "停电"),
                )
                made.append((draw(st.sampled_from(stages)), ""))
    facts: list[dict[str, Any]] = [{"kind": kind} if kind else {} for _, kind in made]
    return tuple(
        make_op(body, device="D-8", person="P-8", seq=at, **facts[at - 1])
        for at, (body, _) in enumerate(made, start=1)
    )


@given(inspections(), st.data(), st.randoms(use_true_random=False))
def test_a_score_with_the_memo_of_the_one_before_is_the_same_to_the_byte(
    drawn: Drawn, data: st.DataObject, random: Random
) -> None:
    operations = [*drawn.operations, *data.draw(beside(drawn))]
    random.shuffle(operations)
    seen, memo, kept, known = merge.Seen(), Memo(), Kept(), 0
    while known < len(operations):
        size = random.randint(1, 3)
        seen = merge.advance(seen, operations[known : known + size])
        known += size
        state = merge.apply(merge.EMPTY, operations[:known])
        whole = merge.view(state)
        assert seen.inspection == whole
        expected, sheet = score(drawn.checklist, whole), score(drawn.checklist, seen.inspection, memo)
        assert sheet_bytes(sheet) == sheet_bytes(sheet, kept.written) == sheet_bytes(expected)
        rows = rows_of(PLACE, known, seen.state, seen.inspection, sheet, kept)
        made = rows_of(PLACE, known, state, whole, expected)
        assert {one: in_order(rows[one]) for one in rows} == {one: in_order(made[one]) for one in made}


@given(cases)
def test_a_view_that_follows_is_the_view_of_the_whole(case: Case) -> None:
    """In any order, and what was not written stays the very same objects."""
    operations = list(play(case.script, merge.apply, case.clocks).ops)
    Random(case.seed).shuffle(operations)
    seen = merge.Seen()
    for operation in operations:
        before, seen = seen, merge.advance(seen, [operation])
        assert seen.inspection == merge.view(seen.state)
        written = field_of(operation.body, operation.person)
        for field, ones in before.state.fields.items():
            assert field == written or seen.state.fields[field] is ones


@given(cases)
def test_a_log_that_takes_each_id_once_need_not_remember_what_it_holds(case: Case) -> None:
    """In any order and grouping, what stands is the same; remembered is what is replaced and has not arrived."""
    operations = list(play(case.script, merge.apply, case.clocks).ops)
    random = Random(case.seed)
    random.shuffle(operations)
    operations = operations[: random.randint(0, len(operations))]
    short, logged, known = merge.EMPTY, set[OpId](), 0
    while known < len(operations):
        group = operations[known : known + random.randint(1, 4)]
        known += len(group)
        logged |= {one.id for one in group}
        short = merge.forget(merge.apply(short, group), logged)
        whole = merge.apply(merge.EMPTY, operations[:known])
        assert short.fields == whole.fields
        assert short.held == whole.held
        left = {field: ids - logged for field, ids in whole.replaced.items()}
        assert short.replaced == {field: ids for field, ids in left.items() if ids}
