"""Worked examples go the way of every operation, and every figure that differs is printed."""

from pathlib import Path

import pytest

from server.planning.worked_cases import run_cases
from server.planning.worked_cases import test_file as run_file
from server.planning.yaml_marks import read_yaml
from shared_schema.problems import Problem

DATA = Path(__file__).parents[3] / "data"
CASE = """
cases:
  - id: C
    checklist:
      sections: [{id: S, items: [{id: a, max: "10", rule: {type: per_occurrence, deduct: "1"}}]}]
    variants:
      - id: V
"""


def differences(variant: str) -> list[str]:
    """What a single variant of a small case comes to."""
    lines = CASE + "".join(f"        {line}\n" for line in variant.splitlines())
    ran = run_cases(read_yaml(lines.encode(), "cases.yaml"), lambda name: (DATA / name).read_bytes())
    assert ran.variants == 1
    return [difference.message() for difference in ran.differences]


@pytest.mark.parametrize("name", ["scoring_cases.yaml", "scoring_cases_more.yaml"])
def test_the_worked_examples_come_out_as_worked_by_hand(name: str) -> None:
    """All of them, to the last place."""
    said: list[str] = []
    assert run_file(DATA / name, said.append) == 0, said
    assert said[-1].endswith(" variants, 0 mismatches")


@pytest.mark.parametrize(
    ("answer", "points"),
    [
        ("{count: 3}", "7"),
        ("3", "7"),
        ("{n: 3}", "7"),
        ('{count: "3"}', "7"),
        ("{findings: [f1, f2]}", "8"),
        ("{findings: [{id: f1, occurrences: 2}, {id: f2, withdrawn: true}]}", "8"),
        ("{count: 4, findings: [{id: f1}]}", "6"),
    ],
)
def test_answers_may_be_spelled_in_many_ways(answer: str, points: str) -> None:
    """As people write them."""
    assert differences(f'answers: {{a: {answer}}}\nexpected: {{items: {{a: "{points}"}}}}') == []


@pytest.mark.parametrize(
    ("variant", "said"),
    [
        ('answers: {a: 3}\nexpected: {percent: "70"}', "V percent: expected 70, found 70.00"),
        ('answers: {a: 3}\nexpected: {items: {a: "6"}}', "V items.a: expected 6, found 7"),
        ('answers: {a: 3}\nexpected: {items: {b: "6"}}', "V items.b: expected 6, found nothing of this name"),
        ("answers: {a: 3}\nexpected: {grade: basic}", "V grade: expected basic, found nonconform"),
        ("answers: {a: 3}\nexpected: {fired: [G]}", "V fired: expected [G], found []"),
        ("answers: {a: 3}\nexpected: {percent: null}", "V percent: expected none, found 70.00"),
        ("answers: {a: 3}\nexpected: {persent: 1}", "V persent: expected 1, found no figure of this name"),
        ("answers: {b: 3}\nexpected: {grade: basic}", "the checklist has no such item"),
        ("answers: {a: {ok: true}}\nexpected: {grade: basic}", "is not an answer, use count"),
        ("answers: {a: three}\nexpected: {grade: basic}", "three is not a whole number"),
        ("answers: {a: {findings: 3}}\nexpected: {grade: basic}", "3 is not a list"),
        ("answers: {a: 3}", "expected is missing"),
        ("answers: {a: 3}\nansers: {}\nexpected: {grade: basic}", "unknown key ansers"),
        ("scoring: {places: 3}\nexpected: {grade: basic}", "“places” is not known here"),
        ("annual: {weights: {}}\nexpected: {annual: 1}", "annual cannot be read"),
        ("annual: {weights: {a: 1}, missing: guess}\nexpected: {annual: 1}", "guess is not known"),
        (
            "annual: {weights: {a: 1}}\ncomponents: {b: 1}\nexpected: {annual: 1}",
            "components without a weight: b",
        ),
    ],
)
def test_every_difference_is_printed(variant: str, said: str) -> None:
    """One line each; an unknown name is a difference and is not passed over."""
    (message,) = differences(variant)
    assert said in message


def test_figures_are_compared_exactly() -> None:
    """7 is 7.0 as a figure; a printed percentage has its places."""
    assert differences('answers: {a: 3}\nexpected: {base: "7.0", percent: "70.00", applicable: 10}') == []


def test_what_a_tablet_would_not_have_taken_is_noted_and_compared_all_the_same() -> None:
    """A worked example may be about arithmetic alone."""
    text = CASE.replace('per_occurrence, deduct: "1"', "ratio, min_sample: 5") + (
        '        answers: {a: {sampled: 2, conforming: 1}}\n        expected: {percent: "50.00"}\n'
    )
    ran = run_cases(read_yaml(text.encode(), "cases.yaml"), lambda _: b"")
    assert ran.differences == ()
    assert "sample at least 5" in ran.remarks[0]


def test_the_file_of_a_checklist_lies_beside_the_cases(tmp_path: Path) -> None:
    """And is unreadable when it does not."""
    said: list[str] = []
    cases = tmp_path / "cases.yaml"
    cases.write_text(
        "cases: [{id: C, checklist_file: list.yaml, expected: {percent: '100.00'}}]", encoding="utf-8"
    )
    assert run_file(cases, said.append) == 2
    (tmp_path / "list.yaml").write_bytes((DATA / "checklist_default.yaml").read_bytes())
    assert run_file(cases, said.append) == 1
    assert said[-2:] == ["C percent: expected 100.00, found none", "1 variants, 1 mismatches"]


@pytest.mark.parametrize("content", ["cases: []", "3", "cases: {}", "defaults: 3\ncases: [1]"])
def test_a_file_without_cases_is_unreadable(content: str, tmp_path: Path) -> None:
    """With status 2 and a sentence."""
    file = tmp_path / "cases.yaml"
    file.write_text(content, encoding="utf-8")
    said: list[str] = []
    assert run_file(file, said.append) == 2
    with pytest.raises(Problem, match="file_invalid"):
        run_cases(read_yaml(content.encode(), "cases.yaml"), lambda _: b"")
