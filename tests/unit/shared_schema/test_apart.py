"""What tells values in dispute apart, and which values of findings are in dispute at all."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from msgspec import Struct
from msgspec.structs import replace

from shared_schema.apart import IN_WORDS, WHOLE_IN_WORDS, told_apart
from shared_schema.locale.filling import fill
from shared_schema.locale.terms import TERMS
from shared_schema.operations import (
    DeviceChecked,
    Finding,
    FindingAmended,
    FindingWithdrawn,
    InterviewHeld,
    Operation,
    Signed,
)
from tests.make import every_body
from tests.unit.shared_schema.test_scoring import MET, count, finding, sheet_of, tap

FOUND = Finding(finding="F-1", item="A01", fact="缺登记")


def told(*values: Struct, which: int = 0) -> tuple[str, ...]:
    """In Chinese, or in English."""
    every = told_apart(
        values,  # type: ignore[arg-type]
        lambda key, **facts: fill(TERMS[key][which], facts),
        lambda person: {"p-1": "王芳"}.get(person, person),
    )
    return tuple(" · ".join(each) for each in every)


def test_findings_with_the_same_words_are_told_apart_by_their_figures() -> None:
    other = replace(FOUND, occurrences=3, severity="severe", disposal="fix_now")
    assert told(FOUND, other) == (
        "程度：一般 · 次数：1 · 处理：限期整改",
        "程度：严重 · 次数：3 · 处理：立行立改",
    )
    assert (
        told(FOUND, other, which=1)[1] == "Severity: Severe · Occurrences: 3 · What follows: Fix on the spot"
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([FOUND, FOUND], ["", ""]),
        ([FOUND, replace(FOUND, fact="缺两份")], ["", ""]),
        ([FOUND, replace(FOUND, cause="无专人")], ["原因：–", "原因：无专人"]),
        ([FOUND, replace(FOUND, common=True)], ["共性问题：否", "共性问题：是"]),
        (
            [replace(FOUND, basis=("law:17", "reg:33")), replace(FOUND, basis=("law:17",))],
            ["依据：《保密法》第 17 条、《实施条例》第 33 条", "依据：《保密法》第 17 条"],
        ),
        ([FOUND, FindingWithdrawn("F-1", "A01", "已找到")], ["", ""]),
        ([FOUND, FindingWithdrawn("F-1", "A01", "已找到", 3)], ["次数：1", "次数：3"]),
        (
            [FindingWithdrawn("F-1", "A01", "已找到", 2), FindingWithdrawn("F-1", "A02", "已找到", 2)],
            ["检查项：A01", "检查项：A02"],
        ),
        (
            [
                FindingAmended(finding="F-1", item="A01", fact="缺登记", due=f"2026-12-0{day}")
                for day in (1, 2, 3)
            ],
            [f"整改期限：2026-12-0{day}" for day in (1, 2, 3)],
        ),
        (
            [
                DeviceChecked(register_no="JX-1", classified=True),
                DeviceChecked(register_no="JX-1", classified=False, remark="无标识"),
            ],
            ["涉密计算机：是 · 备注：–", "涉密计算机：否 · 备注：无标识"],
        ),
        (
            [
                InterviewHeld(interview="T-1", category="leader", required=2, held=2, points=points)
                for points in ("甲", "乙")
            ],
            ["谈话要点：甲", "谈话要点：乙"],
        ),
    ],
)
def test_only_what_differs_and_is_not_in_the_words_is_told(
    values: Sequence[Struct], expected: Sequence[str]
) -> None:
    assert told(*values) == tuple(expected)


def test_of_long_lists_only_what_the_others_have_not_is_named() -> None:
    sample = every_body()["sample_drawn"]
    numbers = tuple(f"JX-{at}" for at in range(17))
    one, other = replace(sample, drawn=numbers[:16]), replace(sample, drawn=numbers[8:])
    assert told(one, other) == ("抽中：JX-0、JX-1、JX-2、JX-3、JX-4、JX-5 +2", "抽中：JX-16")


def test_lists_in_another_order_are_seen_to_be() -> None:
    bases = ("law:17", "reg:33")
    ours, theirs = replace(FOUND, basis=bases), replace(FOUND, basis=bases[::-1])
    laws = "《保密法》第 17 条", "《实施条例》第 33 条"
    assert told(ours, theirs) == ("依据：" + "、".join(laws), "依据：" + "、".join(laws[::-1]))


def test_two_drawings_of_as_many_strokes_are_told_apart() -> None:
    signed = [
        Signed(role="leader", name="王芳", method="drawn", strokes=(((0, 0, 0),) * many, ((9, 9, 9),)))
        for many in (5, 8)
    ]
    assert told(*signed) == ("笔画数：2（6 点）", "笔画数：2（9 点）")


def test_who_screened_a_photo_is_told_by_name() -> None:
    photo = every_body()["evidence_attached"]
    screened = [replace(photo, screened_by=person) for person in ("p-1", "")]
    assert told(*screened) == ("复看人：王芳", "复看人：–")


def test_every_field_that_can_differ_has_a_name_in_both_languages() -> None:
    for body in every_body().values():
        if not isinstance(body, WHOLE_IN_WORDS):
            for name in set(body.__struct_fields__) - IN_WORDS - NAMES:
                assert f"differs.{name}" in TERMS


NAMES = {"sample", "interview", "evidence", "measure", "role"}
"""What a field is named by: the same in all its values."""


def withdrawn(by: int, occurrences: int, *bases: Operation) -> Operation:
    """One inspector takes the finding back, who has read it with so many occurrences."""
    body = FindingWithdrawn("F1", "A1", "复核", occurrences)
    return tap(body, by=by, bases=[one.id for one in bases])


def test_withdrawals_that_name_other_occurrences_differ() -> None:
    """How often it was found is taken off what was counted: whose figure counts followed the tablets' names."""
    found = tap(finding("F1", occurrences=3))
    for ours, theirs in ((3, 1), (1, 3)):
        sheet = sheet_of(count("A1", 3), found, withdrawn(1, ours, found), withdrawn(2, theirs, found), MET)
        line = sheet.line("A1")
        assert (line.low, line.high) == (Decimal(3), Decimal(4))  # type: ignore[union-attr]


def test_withdrawals_of_the_same_agree_whatever_their_reasons() -> None:
    found = tap(finding("F1", occurrences=3))
    other = tap(FindingWithdrawn("F1", "A1", "已找到", 3), by=2, bases=[found.id])
    line = sheet_of(count("A1", 3), found, withdrawn(1, 3, found), other, MET).line("A1")
    assert line.points == Decimal(4)  # type: ignore[union-attr]
