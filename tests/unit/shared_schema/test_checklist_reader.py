"""Everything that can be wrong in a written checklist is named, with its place and its cure, all at once."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from shared_schema.checklist import Checklist, checklist_hash, from_bytes, to_bytes
from shared_schema.checklist_issues import KINDS
from shared_schema.checklist_reader import examine, parse
from shared_schema.problems import Problem

WORDS = {"zh": "查", "en": "Check"}


def written() -> dict[str, Any]:
    """A small checklist with one item of every rule, without a fault."""
    items = [
        {"id": "A1", "response": "yes_no", "max": "2", "rule": {"type": "binary"}},
        {"id": "A2", "response": "count", "max": "2", "rule": {"type": "per_occurrence", "deduct": "0.5"}},
        {
            "id": "A3",
            "response": "shortfall",
            "max": "1",
            "rule": {"type": "shortfall", "required": 2, "deduct": "0.5"},
        },
        {
            "id": "A4",
            "response": "clauses",
            "max": "2",
            "rule": {
                "type": "clauses",
                "clauses": [
                    {"id": "a", "deduct": "1", **WORDS},
                    {"id": "b", "range": {"min": "0.5", "max": "1", "step": "0.5"}, **WORDS},
                ],
            },
        },
        {
            "id": "A5",
            "response": "percent",
            "max": "1",
            "rule": {"type": "tiers", "tiers": [{"gte": "90", "points": "1"}, {"gte": "0", "points": "0"}]},
        },
        {
            "id": "A6",
            "response": "ratio",
            "max": "2",
            "rule": {"type": "ratio", "step": "0.1", "min_sample": 3},
        },
    ]
    return {
        "schema": "bm-checklist/1",
        "checklist": {
            "code": "T",
            "version": "1",
            "title": WORDS,
            "total_points": "10",
            "scoring": {
                "grades": [
                    {"code": "good", "min": "80", **WORDS},
                    {"code": "bad", "min": "0", **WORDS},
                ],
                "gates": [
                    {"id": "G", "when": {"section": "A", "ratio_below": "0.6"}, "max_grade": "bad", **WORDS}
                ],
            },
        },
        "enums": {"method": {"doc": WORDS}, "evidence": {"ref": WORDS}, "na_reason": {"none": WORDS}},
        "sections": [
            {
                "id": "A",
                "points": "10",
                "title": WORDS,
                "items": [
                    {**WORDS, "method": ["doc"], "evidence": ["ref"], "na": ["none"], **item}
                    for item in items
                ],
            }
        ],
        "aggravating": [{"id": "X1", "deduct": "4", **WORDS}],
        "vetoes": [{"id": "V1", "grade": "bad", **WORDS}],
        "bonus": [{"id": "N1", "points": "1", "max_count": 2, **WORDS}],
    }


def put(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    """A change at a dotted path; `...` takes the key away."""

    def change(data: Any) -> None:
        *way, last = [int(step) if step.isdecimal() else step for step in path.split(".")]
        for step in way:
            data = data[step]
        if value is ...:
            del data[last]
        else:
            data[last] = value

    return change


ITEM = "sections.0.items"
ERRORS: list[tuple[str, Callable[[dict[str, Any]], None], str, str]] = [
    ("two items of one id", put(f"{ITEM}.1.id", "A1"), "duplicate_id", "A1"),
    ("an item and a veto of one id", put("vetoes.0.id", "A1"), "duplicate_id", "A1"),
    ("an id with a space", put(f"{ITEM}.0.id", "A 1"), "bad_id", "A 1"),
    ("a misspelt rule", put(f"{ITEM}.1.rule.type", "per_occurence"), "unknown_value", "A2"),
    ("no rule", put(f"{ITEM}.0.rule", ...), "not_mapping", "A1"),
    ("a misspelt setting of a rule", put(f"{ITEM}.1.rule.deducts", "1"), "unknown_key", "A2"),
    ("a section that does not add up", put("sections.0.points", "11"), "section_points", "A"),
    ("a total that does not add up", put("checklist.total_points", "100"), "total_points", ""),
    ("a float", put(f"{ITEM}.1.rule.deduct", 0.5), "float", "A2"),
    ("a word for a number", put(f"{ITEM}.1.max", "two"), "not_decimal", "A2"),
    ("an exponent", put(f"{ITEM}.1.max", "1e9"), "not_decimal", "A2"),
    ("a truth for a number", put(f"{ITEM}.1.max", True), "not_decimal", "A2"),
    ("nothing to lose", put(f"{ITEM}.1.max", "0"), "out_of_range", "A2"),
    ("a negative deduction", put(f"{ITEM}.1.rule.deduct", "-1"), "out_of_range", "A2"),
    ("a response that does not fit", put(f"{ITEM}.0.response", "count"), "response_unfit", "A1"),
    ("an unknown response", put(f"{ITEM}.0.response", "maybe"), "unknown_value", "A1"),
    ("a range off its steps", put(f"{ITEM}.3.rule.clauses.1.range.step", "0.3"), "range_step", "A4"),
    ("a range upside down", put(f"{ITEM}.3.rule.clauses.1.range.min", "2"), "range_bounds", "A4"),
    ("a clause with both", put(f"{ITEM}.3.rule.clauses.1.deduct", "1"), "clause_amount", "A4"),
    ("two clauses of one id", put(f"{ITEM}.3.rule.clauses.1.id", "a"), "duplicate_id", "a"),
    ("tiers that rise", put(f"{ITEM}.4.rule.tiers.0.gte", "-1"), "tiers_order", "A5"),
    ("tiers without 0", put(f"{ITEM}.4.rule.tiers.1.gte", "10"), "tiers_zero", "A5"),
    ("a tier worth more than the item", put(f"{ITEM}.4.rule.tiers.0.points", "3"), "out_of_range", "A5"),
    ("a share over 1", put(f"{ITEM}.5.rule.zero_below", "60"), "out_of_range", "A6"),
    ("a sample of halves", put(f"{ITEM}.5.rule.min_sample", "2.5"), "not_whole", "A6"),
    ("a repeat that counts less", put(f"{ITEM}.1.rule.repeat_multiplier", "0.5"), "out_of_range", "A2"),
    (
        "an unknown section in a gate",
        put("checklist.scoring.gates.0.when.section", "B"),
        "unknown_value",
        "G",
    ),
    ("a gate without a condition", put("checklist.scoring.gates.0.when", {}), "gate_empty", "G"),
    ("a misspelt condition", put("checklist.scoring.gates.0.when.ratio_under", "0.5"), "unknown_key", "G"),
    ("a gate to an unknown grade", put("checklist.scoring.gates.0.max_grade", "worse"), "unknown_value", "G"),
    ("a gate with two grades", put("checklist.scoring.gates.0.grade", "bad"), "gate_grade", "G"),
    (
        "a gate over key items where there is none",
        put("checklist.scoring.gates.0.when", {"key_items": True, "ratio_below": "0.8"}),
        "key_none",
        "G",
    ),
    (
        "a count that cannot be reached",
        put("checklist.scoring.gates.0.when", {"veto_count": {"items": ["A1"], "at_least": 2}}),
        "gate_count",
        "G",
    ),
    ("an unknown reason for N/A", put(f"{ITEM}.0.na", ["no_powr"]), "unknown_value", "A1"),
    ("an unknown method", put(f"{ITEM}.0.method", ["smell"]), "unknown_value", "A1"),
    ("an unknown photo policy", put(f"{ITEM}.0.photo", "sometimes"), "unknown_value", "A1"),
    ("grades that do not end at 0", put("checklist.scoring.grades.1.min", "10"), "grades_zero", ""),
    ("grades that rise", put("checklist.scoring.grades.0.min", "0"), "grades_order", ""),
    ("a floor that is not 0", put("checklist.scoring.item_floor", "-1"), "floor", ""),
    ("another rounding", put("checklist.scoring.rounding", {"mode": "half_even"}), "unknown_value", ""),
    ("a misspelt policy", put("checklist.scoring.na_polciy", "renormalise"), "unknown_key", ""),
    ("an unknown policy", put("checklist.scoring.na_policy", "forget"), "unknown_value", ""),
    ("no Chinese", put(f"{ITEM}.0.zh", ...), "missing", "A1"),
    ("no version", put("checklist.version", ...), "missing", ""),
    ("no items", put("sections.0.items", []), "no_items", ""),
    ("a list for a mapping", put("checklist", []), "not_mapping", ""),
    ("a mapping for a list", put("sections", {}), "not_list", ""),
    ("a veto without a grade", put("vetoes.0.grade", ...), "missing", "V1"),
    ("a number of times that is a word", put("bonus.0.max_count", "often"), "not_whole", "N1"),
    ("a switch that is a word", put(f"{ITEM}.0.key", "yes"), "not_switch", "A1"),
    ("a text that is a list", put("checklist.code", ["T"]), "not_text", ""),
]


@pytest.mark.parametrize(
    ("change", "kind", "item"), [row[1:] for row in ERRORS], ids=[row[0] for row in ERRORS]
)
def test_every_error_is_named(change: Callable[[dict[str, Any]], None], kind: str, item: str) -> None:
    """Its kind, its item, a sentence and a cure in both languages."""
    data = written()
    change(data)
    issues = [issue for issue in examine(data).errors if issue.kind == kind]
    assert issues, [issue.message("en") for issue in examine(data).errors]
    assert issues[0].item == item
    for language in ("zh", "en"):
        assert "{" not in issues[0].message(language).replace("{zh}", "")
        assert issues[0].cure(language)


def test_every_kind_of_error_is_tried() -> None:
    """No sentence is there that nobody has seen."""
    tried = {row[2] for row in ERRORS}
    warned = {"missing_en", "english_in_zh", "step_of_max", "cap_idle"}
    assert set(KINDS) - tried - warned == {"tiers_points"}


def test_a_checklist_without_fault_has_none() -> None:
    """And is the same again from its bytes."""
    examined = examine(written())
    assert examined.errors == examined.warnings == ()
    assert from_bytes(to_bytes(examined.checklist)) == examined.checklist


def test_all_errors_are_named_at_once() -> None:
    """Someone with five errors corrects five, not one."""
    data = written()
    for _, change, _, _ in ERRORS[6:10]:
        change(data)
    assert {issue.kind for issue in examine(data).errors} >= {
        "section_points",
        "total_points",
        "float",
        "not_decimal",
    }
    with pytest.raises(Problem, match="checklist_invalid") as caught:
        parse(data)
    assert caught.value.facts["count"] == len(examine(data).errors)


def test_the_nearest_name_is_offered() -> None:
    """A misspelling is answered with the word that was meant."""
    data = written()
    put(f"{ITEM}.1.rule.type", "per_occurence")(data)
    (issue,) = (one for one in examine(data).errors if one.kind == "unknown_value")
    assert issue.place == "sections[0].items[1].rule.type"
    assert "did you mean “per_occurrence”" in issue.what("en")
    assert "per_occurrence" in issue.what("zh")


def test_a_float_is_told_to_be_quoted() -> None:
    """0.5 without quotes is a binary fraction."""
    data = written()
    put(f"{ITEM}.1.rule.deduct", 0.5)(data)
    (issue,) = examine(data).errors
    assert issue.cure("en") == 'quote it: "0.5"'


def test_english_in_the_chinese_text_is_taken_out_with_a_warning() -> None:
    """A slipped quote does not put English on a Chinese screen, and is not passed over."""
    data = written()
    data["checklist"]["scoring"]["grades"][0] = {
        "code": "good",
        "min": "80",
        "zh": "符合要求,     en: Conforms",
    }
    examined = examine(data)
    assert examined.errors == ()
    (warning,) = examined.warnings
    assert warning.kind == "english_in_zh"
    assert examined.checklist.grade("good").zh == "符合要求"
    assert examined.checklist.grade("good").en == "Conforms"


def test_missing_english_is_a_warning() -> None:
    """A Chinese checklist may be used as it is."""
    data = written()
    put(f"{ITEM}.0.en", ...)(data)
    examined = examine(data)
    assert examined.errors == ()
    assert [issue.kind for issue in examined.warnings] == ["missing_en"]
    assert examined.checklist.items[0].text.read("en") == "查"


def test_a_cap_that_does_nothing_is_doubtful() -> None:
    """As is a step that the item's points are no multiple of."""
    data = written()
    put(f"{ITEM}.1.rule.cap", "5")(data)
    put(f"{ITEM}.5.rule.step", "0.3")(data)
    assert [issue.kind for issue in examine(data).warnings] == ["cap_idle", "step_of_max"]


def test_whole_numbers_are_exact_enough() -> None:
    """2 without quotes is 2."""
    data = written()
    put(f"{ITEM}.0.max", 2)(data)
    assert examine(data).errors == ()


def test_the_hash_is_of_what_it_says_and_not_of_how_it_is_written() -> None:
    """0.50 is 0.5; another version is another checklist."""
    data = written()
    other, newer = copy.deepcopy(data), copy.deepcopy(data)
    put(f"{ITEM}.1.rule.deduct", "0.50")(other)
    put("checklist.version", "2")(newer)
    assert checklist_hash(parse(other)) == checklist_hash(parse(data)) != checklist_hash(parse(newer))


@pytest.mark.parametrize(
    "junk", [None, [], "text", 3, {"sections": [None]}, {"sections": [{"items": [None, 3]}]}]
)
def test_junk_is_refused_and_never_crashes(junk: object) -> None:
    """Whatever a file holds, the answer is a list of errors."""
    assert examine(junk).errors
    assert examine(junk, lenient=True).errors


def test_bytes_of_something_else_are_a_problem() -> None:
    """Not a crash."""
    with pytest.raises(Problem, match="checklist_invalid"):
        from_bytes(b'{"code": 3}')


def test_a_bare_checklist_is_filled_in_when_lenient() -> None:
    """Worked examples leave out everything that does not score."""
    bare = {"sections": [{"id": "S", "items": [{"id": "a", "max": "3", "rule": "binary"}]}]}
    checklist: Checklist = parse(bare, lenient=True)
    assert str(checklist.total_points) == "3"
    assert [grade.code for grade in checklist.policy.grades] == ["conform", "basic", "nonconform"]
    assert checklist.section_of("a") == checklist.sections[0]
