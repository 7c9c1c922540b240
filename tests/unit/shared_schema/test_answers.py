"""What an item may be answered with, on the tablet and on the server alike."""

from decimal import Decimal

import pytest
from msgspec import Struct
from msgspec.structs import replace

from shared_schema.answers import check_answer, on_removed_items
from shared_schema.checklist import Checklist
from shared_schema.checklist_reader import parse
from shared_schema.merge import EMPTY, apply, view
from shared_schema.operations import (
    Actual,
    Answer,
    AnswerValue,
    ClauseHit,
    Clauses,
    Count,
    Finding,
    NaConsent,
    NotApplicable,
    Note,
    Opened,
    Present,
    Ratio,
    Value,
    YesNo,
)
from shared_schema.problems import Problem
from shared_schema.scoring import score
from tests.make import Scribe, make_photo, make_settlement
from tests.unit.shared_schema.test_checklist_reader import written


def checklist_with_photos() -> object:
    """The small checklist, whose second item may be photographed."""
    data = written()
    data["sections"][0]["items"][1]["photo"] = "scene_only"
    return parse(data)


CHECKLIST = parse(written())
HALF = Decimal("0.5")

ALLOWED: list[tuple[str, AnswerValue]] = [
    ("A1", YesNo(ok=True)),
    ("A2", Count(0)),
    ("A3", Actual(9)),
    ("A4", Clauses()),
    ("A4", Clauses((ClauseHit("a"), ClauseHit("b", HALF, "情节轻微")))),
    ("A5", Value(Decimal("94.9"))),
    ("A6", Ratio(3, 2)),
    ("A6", Ratio(2, 2, population=2)),
    ("X1", Count(2)),
    ("V1", Present(present=True)),
    ("N1", Count(2)),
]

REFUSED: list[tuple[str, AnswerValue, str]] = [
    ("A1", Count(1), "met or not met"),
    ("A2", YesNo(ok=True), "number of occurrences"),
    ("A4", Clauses((ClauseHit("z"),)), "use a, b"),
    ("A4", Clauses((ClauseHit("a"), ClauseHit("a"))), "counts once"),
    ("A4", Clauses((ClauseHit("a", HALF),)), "fixed at 1"),
    (
        "A4",
        Clauses((ClauseHit("a", Decimal(1)),)),
        "give no amount",
    ),  # or it would differ from a colleague's tick
    ("A4", Clauses((ClauseHit("b"),)), "needs an amount"),
    ("A4", Clauses((ClauseHit("b", Decimal("0.7"), "因"),)), "in steps of 0.5"),
    ("A4", Clauses((ClauseHit("b", Decimal(2), "因"),)), "needs an amount"),
    ("A4", Clauses((ClauseHit("b", HALF, " "),)), "give the reason"),
    ("A5", Value(Decimal(101)), "0 to 100"),
    ("A5", Value(Decimal(-1)), "0 to 100"),
    ("A6", Ratio(0, 0), "mark it N/A"),
    ("A6", Ratio(5, 6), "cannot exceed"),
    ("A6", Ratio(2, 2), "sample at least 3"),
    ("A6", Ratio(2, 2, population=9), "sample at least 3"),
    ("A6", Ratio(5, 5, population=4), "cannot be under"),
    ("X1", Present(present=True), "number of occurrences"),
    ("V1", Count(1), "whether it happened"),
    ("N1", Count(3), "at most 2"),
]


@pytest.mark.parametrize(("item", "answer"), ALLOWED)
def test_what_fits_is_taken(item: str, answer: AnswerValue) -> None:
    """The right kind of answer within its bounds."""
    check_answer(CHECKLIST, Answer(item, answer))


@pytest.mark.parametrize(("item", "answer", "cure"), REFUSED)
def test_what_does_not_fit_is_refused_with_its_cure(item: str, answer: AnswerValue, cure: str) -> None:
    """The sentence names the item and says what to do."""
    with pytest.raises(Problem, match="answer_not_allowed") as caught:
        check_answer(CHECKLIST, Answer(item, answer))
    assert caught.value.facts["item"] == item
    assert cure in caught.value.message("en")


def test_a_quiz_of_too_few_is_refused() -> None:
    """Where tiers want a sample."""
    data = written()
    data["sections"][0]["items"][4]["rule"]["min_sample"] = 3
    checklist = parse(data)
    check_answer(checklist, Answer("A5", Value(Decimal(90), 3)))
    with pytest.raises(Problem, match="test at least 3"):
        check_answer(checklist, Answer("A5", Value(Decimal(90), 2)))


@pytest.mark.parametrize("body", [NotApplicable("A1", "none"), NaConsent("A1", "none")])
def test_a_reason_of_the_item_makes_it_inapplicable(body: Struct) -> None:
    """Only the reasons that the checklist gives."""
    check_answer(CHECKLIST, body)  # type: ignore[arg-type]


@pytest.mark.parametrize("body", [NotApplicable("A1", "no_power"), NotApplicable("X1", "none")])
def test_other_reasons_do_not(body: NotApplicable) -> None:
    """Nor does an aggravating item ever not apply."""
    with pytest.raises(Problem, match="answer_not_allowed"):
        check_answer(CHECKLIST, body)


@pytest.mark.parametrize(
    "body",
    [
        Answer("Z9", Count(1)),
        Note("Z9", "x"),
        Finding(finding="F", item="Z9", fact="x"),
        make_photo(item="Z9"),
    ],
)
def test_an_unknown_item_is_named(body: Struct) -> None:
    """Nothing is recorded on an item that is not there."""
    with pytest.raises(Problem, match="item_unknown"):
        check_answer(CHECKLIST, body)  # type: ignore[arg-type]


def test_no_photo_where_none_may_be_taken() -> None:
    """Forbidden unless the item says otherwise, and never on an aggravating item."""
    checklist = checklist_with_photos()
    check_answer(checklist, make_photo(item="A2"))  # type: ignore[arg-type]
    for item in ("A1", "X1"):
        with pytest.raises(Problem, match="photo_forbidden"):
            check_answer(checklist, make_photo(item=item))  # type: ignore[arg-type]


def test_a_settlement_is_checked_by_what_it_decides() -> None:
    """A dispute cannot be settled with an answer that nobody could have given."""
    check_answer(CHECKLIST, make_settlement(Answer("A2", Count(1))))
    with pytest.raises(Problem, match="answer_not_allowed"):
        check_answer(CHECKLIST, make_settlement(Answer("A2", YesNo(ok=True))))


def test_what_speaks_of_no_item_passes() -> None:
    """Stages, signatures and the like are not the checklist's business."""
    check_answer(CHECKLIST, Opened(("P-1", "P-2"), task_letter_shown=True, recusal_asked=True))


def without(checklist: Checklist, item: str) -> Checklist:
    """The next version, which no longer has an item."""
    sections = tuple(
        replace(section, items=tuple(one for one in section.items if one.id != item))
        for section in checklist.sections
    )
    return replace(checklist, version="next", sections=sections)


def test_what_was_said_of_an_item_before_it_was_removed_is_taken() -> None:
    """As the version that had it takes it; not of another checklist, and not what no version takes."""
    later = without(CHECKLIST, "A2")
    said = Answer("A2", Count(1))
    check_answer(later, said, lambda: [later, CHECKLIST])
    for versions in ([], [later], [replace(CHECKLIST, code="another")]):
        with pytest.raises(Problem, match="item_unknown"):
            check_answer(later, said, lambda versions=versions: versions)  # type: ignore[misc]
    for wrong in (Answer("A2", YesNo(ok=True)), Answer("Z9", Count(1))):
        with pytest.raises(Problem, match="item_unknown"):
            check_answer(later, wrong, lambda: [CHECKLIST])


def test_what_stands_on_a_removed_item_is_shown_and_changes_no_score() -> None:
    """Answers, notes, findings and photos, in dispute or not."""
    one, two = Scribe(), Scribe(device="D-2", person="P-2")
    about = [
        one.write(Answer("A2", Count(1))),
        two.write(Answer("A2", Count(3))),
        one.write(Note("A2", "见台账")),
        one.write(Finding(finding="F", item="A2", fact="缺页")),
        one.write(make_photo(item="A2")),
    ]
    rest = [two.write(Answer("A1", YesNo(ok=True)))]
    later = without(CHECKLIST, "A2")
    whole, alone = (view(apply(EMPTY, ops)) for ops in ([*about, *rest], rest))
    found = on_removed_items(later, whole)
    assert [sorted(one.op for one in ones) for ones in found.values()] == [sorted(op.id for op in about)]
    assert list(found) == ["A2"]
    assert on_removed_items(CHECKLIST, whole) == {}
    assert score(later, whole) == score(later, alone)
