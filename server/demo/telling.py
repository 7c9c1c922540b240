"""What the demonstration prints: counters, the table by grade band, and the trace of one deducted point."""

from collections.abc import Iterable, Mapping

from server.evaluation.exports import Table
from server.follow_up.yearly_report import Line
from shared_schema.sheet import Deduction, ItemLine, ScoreSheet


def report(lines: Iterable[Line]) -> str:
    """The yearly report's counters, this year beside last."""
    rows = [
        (line.zh, line.en, str(line.this_year), "" if line.last_year is None else str(line.last_year))
        for line in lines
    ]
    out = ["", "年度工作统计 / Yearly report", f"  {'':<44}{'今年':>4}{'去年':>6}"]
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


def trace(made_of: Table, people: Mapping[str, str], operations: Mapping[str, str]) -> str:
    """One deducted point, from the rule to the operation and its hash."""
    best: tuple[int, str, ScoreSheet, ItemLine, Deduction] | None = None
    for row, sheet in made_of.scored:
        for line in sheet.items:
            for one in line.deductions:
                rank = 2 * bool(one.source.evidence) + bool(one.source.findings)
                if best is None or rank > best[0]:
                    best = (rank, row.unit_zh, sheet, line, one)
    if best is None:
        return ""
    _, unit, sheet, line, one = best
    item = made_of.checklist.item(line.item)
    authors = [f"{person} {people.get(person, '')}".strip() for person in one.source.persons]
    out = [
        "",
        "一分之由来 / The trace of one deducted point",
        f"  单位 unit        {unit}",
        f"  检查项 item      {line.item} {item.text.zh if item else ''}",
        f"  依据 basis       {' '.join(item.basis) if item else ''}",
        f"  规则 rule        {one.rule}: {one.zh}",
        f"  扣分 points      -{one.charged}  （{line.points} / {line.max_points}）",
        f"  检查人员 author  {'、'.join(authors)}",
        f"  平板 tablet      {' '.join(one.source.devices)}",
        f"  问题 finding     {' '.join(one.source.findings) or '–'}",
        f"  照片 photo       {' '.join(one.source.evidence) or '–'}",
        *(f"  记录 operation   {op}  sha256 {operations.get(op, '?')}" for op in one.source.ops),
        f"  合计 sheet       {sheet.percent} = {sheet.steps[-1][0] if sheet.steps else ''}",
    ]
    return "\n".join(out)


def _width(text: str) -> int:
    return sum(2 if ord(char) > 0x2E7F else 1 for char in text)
