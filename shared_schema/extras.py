"""An aggravating item, a veto or a bonus as it stands: how often it occurred, and what that is worth."""

from fractions import Fraction

from shared_schema.figures import ZERO, exact, shown
from shared_schema.ids import ItemId
from shared_schema.inspection import Inspection
from shared_schema.operations import Answer, Count, NotApplicable, Present
from shared_schema.rules import Aggravating, Bonus, Veto
from shared_schema.sheet import ExtraKind, ExtraLine
from shared_schema.sources import make_source


def extra_line(entry: Aggravating | Veto | Bonus, inspection: Inspection) -> ExtraLine:
    """An aggravating item, a veto or a bonus as it stands; what does not fit counts as none."""
    kind, each = _worth(entry)
    standing = inspection.items.get(ItemId(entry.id))
    if standing is None or standing.answer is None:
        return ExtraLine(item=entry.id, kind=kind)
    cell = standing.answer
    values = [_occurred(one.value) for one in cell.standing]
    known = [count for count in values if count is not None]
    low, high = min(known, default=0), max(known, default=0)
    if len(known) < len(values):
        low = 0
    limit = entry.max_count if isinstance(entry, Bonus) and entry.max_count is not None else None
    counted = [count if limit is None else min(count, limit) for count in (low, high)]
    zh, en = _extra_text(entry, counted[1], high, each)
    return ExtraLine(
        item=entry.id,
        kind=kind,
        status="disputed" if cell.disputed else "answered",
        count_low=low,
        count_high=high,
        points_low=shown(each * counted[0]),
        points_high=shown(each * counted[1]),
        zh=zh,
        en=en,
        warnings=() if len(known) == len(values) else ("unfit_answer",),
        source=make_source((one.op, one.person, one.device) for one in cell.standing),
    )


def _worth(entry: Aggravating | Veto | Bonus) -> tuple[ExtraKind, Fraction]:
    match entry:
        case Aggravating():
            return "aggravating", exact(entry.deduct)
        case Bonus():
            return "bonus", exact(entry.points)
        case _:
            return "veto", ZERO


def _extra_text(
    entry: Aggravating | Veto | Bonus, counted: int, count: int, each: Fraction
) -> tuple[str, str]:
    name_zh, name_en = entry.text.read("zh") or entry.id, entry.text.read("en") or entry.id
    if isinstance(entry, Veto):
        return (f"一票否决：{name_zh}", f"veto: {name_en}") if count else ("", "")
    if not count:
        return "", ""
    limit_zh = f"，最多计 {counted}" if counted < count else ""
    limit_en = f", at most {counted}" if counted < count else ""
    return (
        f"{name_zh}：{count} × {shown(each)}{limit_zh}",
        f"{name_en}: {count} × {shown(each)}{limit_en}",
    )


def _occurred(value: Answer | NotApplicable) -> int | None:
    match value:
        case Answer(answer=Count(count=count)):
            return count
        case Answer(answer=Present(present=present)):
            return int(present)
        case _:
            return None
