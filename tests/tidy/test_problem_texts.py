"""No code reaches a reader: whatever the program can say is wrong has words in both languages, facts included."""

import ast
import re
from collections.abc import Iterator
from itertools import chain

import pytest

from shared_schema.locale.terms import TERMS
from shared_schema.problems import REGISTRY, WORDED, sentence
from tests.tidy.tree import ROOT

HAN = re.compile(r"[一-鿿]")
CODE = re.compile(r"\b[a-z]+_[a-z_]+\b")


def raised() -> Iterator[tuple[str, str, ast.Call]]:
    """Where the program makes a Problem with a code that is written there: file and line, code, call."""
    for path in sorted(chain(*((ROOT / one).rglob("*.py") for one in ("shared_schema", "server", "mobile")))):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Problem" and node.args:
                code = node.args[0]
                if isinstance(code, ast.Constant):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", str(code.value), node


RAISED = list(raised())


def test_every_problem_that_is_raised_is_registered_and_the_other_way_round() -> None:
    """A code that nothing raises any more stays in the wire's table, and says nobody."""
    assert len(RAISED) > 150
    assert {code for _, code, _ in RAISED} <= set(REGISTRY)


def test_facts_that_are_codes_have_words() -> None:
    """And every fact that its sentence names is given, in both languages."""
    assert not [mistake for place, code, call in RAISED for mistake in mistakes(place, code, call)]


def mistakes(place: str, code: str, call: ast.Call) -> Iterator[str]:
    """What a reader would miss of this problem."""
    given = {one.arg: one.value for one in call.keywords}
    for name, value in given.items():
        if name in WORDED and isinstance(value, ast.Constant):
            term = f"{WORDED[str(name)]}.{value.value!s}"
            if term not in TERMS:
                yield f"{place}: {term}"
    if None not in given:
        named = set(re.findall(r"{(\w+)}", REGISTRY[code].zh))
        yield from (f"{place}: {code} without {name}" for name in named - set(given))


def test_every_reason_for_which_an_operation_waits_has_a_short_name() -> None:
    """All that the wire's table says of single operations."""
    table = (ROOT / "docs/wire.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| \d+ \| \w+ \| ([^|]+) \|", table, re.MULTILINE)
    assert len(rows) > 80
    of_operations = {code for code, said_by in rows if "op" in said_by.split(", ") or said_by == "op"}
    assert of_operations >= {"op_late", "photo_not_screened", "item_unknown"}
    assert not {code for code in of_operations if f"refused.{code}" not in TERMS}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("code", REGISTRY)
def test_a_sentence_shows_no_code(code: str, language: str) -> None:
    """Chinese for Chinese readers, none in English, and no name that our program has for things."""
    said = sentence(code, {}, language)  # type: ignore[arg-type]
    assert bool(HAN.search(said)) == (language == "zh" and bool(HAN.search(REGISTRY[code].zh)))
    assert not CODE.search(said), said
