"""Sentences of problems: every code in both languages, facts in the words of the field."""

from string import Formatter

import pytest

from shared_schema.problems import REGISTRY, Problem, sentence


def test_kinds_and_stages_are_said_in_the_words_of_the_field() -> None:
    """What travels is the code of a term; nobody but a program reads it."""
    problem = Problem("stage_forbids", stage="locked", kind="finding")
    assert problem.message("zh") == "检查处于“已锁定”阶段，不能再作此记录（记录问题）。"
    assert (
        problem.message("en")
        == "The inspection is locked; this can no longer be recorded (recorded a finding)."
    )


def test_a_code_or_a_term_of_a_newer_version_is_shown_as_it_is() -> None:
    """An older program says less, and never nothing."""
    assert sentence("of_tomorrow", {"a": 1}) == "of_tomorrow"
    assert "of_tomorrow" in sentence("scoring_blind", {"kind": "of_tomorrow"})
    assert "?" in sentence("scoring_blind", {})


@pytest.mark.parametrize("code", REGISTRY)
def test_every_code_has_a_sentence_in_both_languages(code: str) -> None:
    """And both name the same facts."""
    kind = REGISTRY[code]
    for text in (kind.zh, kind.en):
        assert text.strip()
        assert text.endswith(("。", ".", "}"))
    assert named(kind.zh) == named(kind.en)


def named(text: str) -> set[str]:
    """The facts a sentence names."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_a_cure_is_told_in_one_language() -> None:
    """It travels in both, because nobody knows yet who will read it."""
    problem = Problem("answer_not_allowed", item="A01", cure="勾选存在的情形 / tick the clauses that apply")
    assert problem.message("zh") == "检查项 A01 不接受这个答案：勾选存在的情形。"
    assert problem.message("en") == "Item A01 does not take this answer: tick the clauses that apply."
