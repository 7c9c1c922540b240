"""The laws of merging hold for every history that Hypothesis can think of."""

import pytest
from hypothesis import Phase, find, given, settings

from shared_schema import merge
from shared_schema.ids import FieldKey
from shared_schema.operations import (
    ANSWER_TYPES,
    KINDS,
    Answer,
    Count,
    DisputeSettled,
    FindingAmended,
    FindingWithdrawn,
    NotApplicable,
    Opened,
    Operation,
    Returned,
    Submitted,
)
from tests.make import Scribe, make_answer, make_finding, make_op, make_settlement
from tests.property.merge_laws import LAWS, Case, Law, cases
from tests.property.strategies import Oracle, play

LEADER, INSPECTOR = "P-1", "P-2"


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@settings(max_examples=150)
@given(case=cases)
def test_law(law: Law, case: Case) -> None:
    """The law holds, whatever was tapped, delivered, repeated and reordered."""
    law(merge.apply, case)


@pytest.mark.parametrize(
    "met",
    [
        lambda history, oracle: any(tap.settles for tap in history.taps),
        lambda history, oracle: len(merge.view(merge.apply(merge.EMPTY, history.ops)).disputes) > 1,
        lambda history, oracle: any(len(tap.op.bases) > 1 for tap in history.taps),
        lambda history, oracle: any(
            len(oracle.values(stands)) < len(stands)
            for stands in oracle.everywhere(frozenset(oracle.taps)).values()
        ),
    ],
    ids=["a settlement", "two disputes", "two bases", "two who agree"],
)  # fmt: skip
def test_histories_are_worth_trying(met) -> None:  # type: ignore[no-untyped-def]
    """The histories hold what the laws are about: a law over nothing cannot fail."""

    def worth(case: Case) -> bool:
        history = play(case.script)
        return bool(met(history, Oracle(history.taps)))

    find(
        cases,
        worth,
        settings=settings(max_examples=2000, database=None, deadline=None, phases=[Phase.generate]),
    )


def test_two_differing_answers_are_a_dispute_until_someone_who_saw_both_settles_it() -> None:
    """A tap of one side leaves the other side standing; a settlement that names both ends it."""
    ours, theirs = Scribe("D-1", LEADER), Scribe("D-2", INSPECTOR)
    one, two = ours.write(make_answer(answer=1)), theirs.write(make_answer(answer=2))
    state = merge.apply(merge.EMPTY, [one, two])
    assert [cell.field for cell in merge.view(state).disputes] == ["answer/A01"]

    again = theirs.write(make_answer(answer=3), bases=[two.id])
    state = merge.apply(state, [again])
    assert {standing.op for standing in merge.view(state).disputes[0].standing} == {one.id, again.id}

    settled = ours.write(make_settlement(make_answer(answer=2)), bases=[one.id, again.id])
    inspection = merge.view(merge.apply(state, [settled]))
    assert not inspection.disputes
    cell = inspection.items["A01"].answer  # type: ignore[index]
    assert cell is not None
    assert (cell.value, cell.standing[0].reason) == (Answer("A01", Count(2)), "现场复核")


def test_equal_answers_agree_whatever_paper_they_came_from() -> None:
    """Two inspectors with the same figure are no dispute, and neither operation is dropped for being equal."""
    one = Scribe("D-1").write(Answer("A01", Count(2), from_paper=True, paper_ref="7"))
    two = Scribe("D-2", INSPECTOR).write(Answer("A01", Count(2)))
    inspection = merge.view(merge.apply(merge.EMPTY, [one, two]))
    assert not inspection.disputes
    assert len(inspection.items["A01"].answer.standing) == 2  # type: ignore[index, union-attr]
    third = Scribe("D-3", "P-3").write(make_answer(answer=5), bases=[one.id])
    assert len(merge.view(merge.apply(merge.EMPTY, [one, two, third])).disputes) == 1


def test_an_amendment_survives_a_concurrent_withdrawal() -> None:
    """Whoever withdraws a finding has not seen the amendment: both stand, as a dispute."""
    ours, theirs = Scribe("D-1", LEADER), Scribe("D-2", INSPECTOR)
    found = ours.write(make_finding())
    withdrawn = ours.write(FindingWithdrawn("F-1", "A01", "已找到"), bases=[found.id])
    amended = theirs.write(FindingAmended(finding="F-1", item="A01", fact="缺五份"), bases=[found.id])
    inspection = merge.view(merge.apply(merge.EMPTY, [amended, withdrawn, found]))
    finding = inspection.findings["F-1"]  # type: ignore[index]
    assert not finding.withdrawn
    assert [cell.field for cell in inspection.disputes] == ["finding/F-1"]


def test_not_applicable_competes_with_an_answer() -> None:
    """N/A is a value of the answer's field, so an answer tapped meanwhile disputes it."""
    one = Scribe("D-1").write(NotApplicable("A01", "no_system"))
    two = Scribe("D-2", INSPECTOR).write(make_answer())
    assert merge.view(merge.apply(merge.EMPTY, [one, two])).disputes


def test_the_furthest_stage_counts() -> None:
    """A colleague who opened the visit offline does not dispute that it was handed in."""
    ours, theirs = Scribe("D-1", LEADER), Scribe("D-2", INSPECTOR)
    opened = Opened((LEADER, INSPECTOR), task_letter_shown=True, recusal_asked=True)
    first, second = ours.write(opened), theirs.write(opened)
    submitted = ours.write(Submitted(), bases=[first.id])
    inspection = merge.view(merge.apply(merge.EMPTY, [submitted, second, first]))
    assert (inspection.stage, inspection.disputes) == ("submitted", ())
    returned = Scribe("console", "coordinator").write(
        Returned((("", "缺签字"),)), bases=[submitted.id, second.id]
    )
    assert merge.view(merge.apply(merge.EMPTY, [submitted, second, first, returned])).stage == "returned"


def test_an_operation_of_a_newer_kind_is_held_and_replaces_nothing() -> None:
    """It is kept with the state and counted as held; what it would replace still stands."""
    one = make_op()
    newer = make_op(seq=2, kind="answer_by_voice", bases=(one.id,))
    state = merge.apply(merge.EMPTY, [one, newer, newer])
    assert merge.view(state).held == (newer,)
    assert merge.load(merge.dump(state)) == state
    assert {cell.op for cell in merge.view(state).items["A01"].answer.standing} == {one.id}  # type: ignore[index, union-attr]


def test_a_version_that_learns_a_kind_or_an_answer_folds_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A state stored by a version with other kinds is no shortcut: what it held must be counted now."""
    stored = merge.dump(merge.apply(merge.EMPTY, [make_op()]))
    assert merge.load(stored) is not None
    with monkeypatch.context() as newer:
        newer.setattr(merge, "KINDS", {**KINDS, "answer_by_voice": Answer})
        assert merge.load(stored) is None
    monkeypatch.setattr(merge, "ANSWER_TYPES", ANSWER_TYPES | {"percent"})
    assert merge.load(stored) is None


def test_bases_take_nothing_off_another_field() -> None:
    """An operation replaces only on the field it writes, whatever its bases name."""
    one = make_op(item="A01")
    two = make_op(item="A02", seq=2, bases=(one.id,))
    assert len(merge.apply(merge.EMPTY, [one, two]).fields) == 2


def test_a_settlement_may_be_replaced_like_any_value() -> None:
    """After a dispute is settled, a new tap on what then stands replaces the settlement."""
    ours = Scribe("D-1", LEADER)
    settled = ours.write(make_settlement(make_answer(answer=2)))
    later = ours.write(make_answer(answer=4), bases=[settled.id])
    assert isinstance(settled.body, DisputeSettled)
    state = merge.apply(merge.EMPTY, [later, settled])
    assert [one.id for one in state.fields[next(iter(state.fields))]] == [later.id]


def test_a_field_with_very_many_values_costs_no_more_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes one field thousands of times must not hold up the server for everybody."""
    many = 300
    placed, compared = 0, 0
    place = merge._place

    def counted(operation: Operation) -> tuple[str, str, int, str]:
        nonlocal placed
        placed += 1
        return place(operation)

    class Value:
        def __init__(self, number: int) -> None:
            self.number = number

        def __hash__(self) -> int:
            return hash(self.number)

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return isinstance(other, Value) and self.number == other.number

    monkeypatch.setattr(merge, "_place", counted)
    operations = [Scribe(f"D-{n}").write(make_answer(answer=n)) for n in range(many)]
    state = merge.apply(merge.EMPTY, operations)
    assert len(state.fields[FieldKey("answer/A01")]) == many
    assert placed <= 2 * many
    values = iter(range(many))
    monkeypatch.setattr(merge, "agreement", lambda _: Value(next(values)))
    assert len(merge.differing(operations)) == many
    assert compared <= many


def test_values_that_cannot_be_hashed_are_compared_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A later kind of value may hold a mapping; that is no reason to fail, or to call equals different."""
    operations = [Scribe(f"D-{n}").write(make_answer(answer=n)) for n in range(6)]
    monkeypatch.setattr(merge, "agreement", lambda body: {"count": body.answer.count % 2})
    assert merge.differing(operations) == [{"count": 0}, {"count": 1}]
