"""What the demonstration prints: counters, the table by grade band, and the trace of one deducted point."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from server.evaluation.exports import Table
from server.follow_up.yearly_report import Line
from server.storage.evaluation import OperationRow, PhotoRow
from shared_schema.locale.terms import TERMS
from shared_schema.sheet import Deduction, ItemLine, ScoreSheet


def report(lines: Iterable[Line]) -> str:
    """The yearly report's counters, this year beside last."""
    rows = [
        (line.zh, line.en, str(line.this_year), "" if line.last_year is None else str(line.last_year))
        for line in lines
    ]
    out = ["", "年度工作统计 / Yearly report", f"  {' ' * 50}  今年    去年"]
    for zh, en, this, last in rows:
        label = f"{zh} {en}"
        out.append(f"  {label}{' ' * max(1, 50 - _width(label))}{this:>6}{last:>8}")
    return "\n".join(out)


def bands(made_of: Table) -> str:
    """The score table by grade band, units in the order of their codes: bands, not a ranking."""
    out = ["", "得分表（按等次） / Score table by grade band"]
    for grade in made_of.checklist.policy.grades:
        members = [one for one in made_of.scored if one.sheet.grade == grade.code]
        text = made_of.checklist.grade(grade.code)
        out.append(f"  ■ {text.zh} {text.en}: {len(members)}")
        for one in members:
            name = one.row.unit_zh
            pad = " " * max(1, 34 - _width(name))
            out.append(
                f"      {one.row.unit}  {name}{pad}{one.sheet.percent!s:>6}  {' '.join(one.sheet.fired)}".rstrip()
            )
    rest = [one for one in made_of.scored if one.sheet.grade is None]
    if rest:
        out.append(f"  □ 未定 open: {len(rest)}")
    return "\n".join(out)


class Traced(NamedTuple):
    """One deduction and all it hangs on."""

    unit: str
    sheet: ScoreSheet
    line: ItemLine
    deduction: Deduction


def best_documented(made_of: Table) -> Traced | None:
    """The deduction with the most to show: a finding and a photo, if there is one."""
    deductions = (
        Traced(f"{row.unit} {row.unit_zh}", sheet, line, one)
        for row, sheet in made_of.scored
        for line in sheet.items
        for one in line.deductions
    )
    return max(
        deductions,
        key=lambda one: (bool(one.deduction.source.evidence), bool(one.deduction.source.findings)),
        default=None,
    )


def trace(
    traced: Traced,
    made_of: Table,
    people: Mapping[str, str],
    operations: Sequence[OperationRow],
    photos: Sequence[PhotoRow],
) -> str:
    """One deducted point: from the rule to the operations and their hashes, and on to the unit's score."""
    unit, sheet, line, one = traced
    item = made_of.checklist.item(line.item)
    out = [
        "",
        "一分之由来 / The trace of one deducted point",
        f"  单位 unit      {unit}",
        f"  检查项 item    {line.item} {item.text.zh if item else ''}（{' '.join(item.basis) if item else ''}）",
        f"  规则 rule      {one.rule}: {one.zh}",
        f"  扣分 points    -{one.charged} → {line.points} / {line.max_points}",
    ]
    for op in operations:
        kind = TERMS.get(f"kind.{op.kind}", (op.kind, op.kind))[0]
        author = f"{op.person} {people.get(op.person, '')}"
        out.append(f"  记录 operation {kind}  {author}  平板 {op.device} 第 {op.seq} 条  {op.id}")
        out.append(f"                 sha256 {op.hash}")
    for photo in photos:
        there = "已收到" if photo.received else "未收到"
        out.append(f"  照片 photo     {photo.evidence}  {photo.size_bytes} 字节 {there}")
        out.append(f"                 sha256 {photo.sha256}")
    out.extend(f"  得分 score     {zh}" for zh, _ in sheet.steps)
    return "\n".join(out)


def _width(text: str) -> int:
    return sum(2 if ord(char) > 0x2E7F else 1 for char in text)
