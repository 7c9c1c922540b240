"""Is this answer, finding or photo allowed under this checklist? The same check on tablet and server."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from shared_schema.checklist import Checklist, Item
from shared_schema.inspection import Cell, Inspection, Standing
from shared_schema.operations import (
    Actual,
    Answer,
    AnswerValue,
    Body,
    ClauseHit,
    Clauses,
    Count,
    DisputeSettled,
    EvidenceAttached,
    Finding,
    FindingAmended,
    FindingWithdrawn,
    NaConsent,
    NotApplicable,
    Note,
    Present,
    Ratio,
    SampleDrawn,
    Value,
    YesNo,
    decided,
)
from shared_schema.problems import Problem
from shared_schema.rules import (
    Aggravating,
    BinaryRule,
    Bonus,
    Clause,
    ClausesRule,
    PerOccurrenceRule,
    RatioRule,
    ShortfallRule,
    TiersRule,
    Veto,
)

COUNT = "填问题数量 / give the number of occurrences"
PRESENT = "填“有”或“无” / say whether it happened"
_WANTED: Mapping[type, tuple[type, str]] = {
    BinaryRule: (YesNo, "填“符合”或“不符合” / say met or not met"),
    PerOccurrenceRule: (Count, COUNT),
    ShortfallRule: (Actual, "填实际次数 / give how many times it was done"),
    ClausesRule: (Clauses, "勾选存在的情形 / tick the clauses that apply"),
    TiersRule: (Value, "填比率或平均分 / give the percentage or mean mark"),
    RatioRule: (Ratio, "填抽样数和符合数 / give sampled and conforming"),
    Aggravating: (Count, COUNT),
    Bonus: (Count, COUNT),
    Veto: (Present, PRESENT),
}


def check_answer(
    checklist: Checklist, body: Body, versions: Callable[[], Iterable[Checklist]] = tuple
) -> None:
    """Nothing, where the checklist takes this body. Bodies that speak of no item always pass.

    Nor is anything wrong with what is about an item that the checklist no longer has, where another of its `versions`
    takes it: it was answered under that one, and is kept without counting.

    Raises answer_not_allowed with a cure, item_unknown, photo_forbidden.
    """
    check = _CHECKS.get(type(body))
    if check is None:
        return
    try:
        check(checklist, body)
    except Problem as problem:
        if problem.code != "item_unknown" or not any(
            other.code == checklist.code and _takes(other, body) for other in versions()
        ):
            raise


def _takes(checklist: Checklist, body: Body) -> bool:
    try:
        check_answer(checklist, body)
    except Problem:
        return False
    return True


def _known(checklist: Checklist, item_id: str) -> Item | Aggravating | Veto | Bonus:
    entry = checklist.entry(item_id)
    if entry is None:
        raise Problem("item_unknown", item=item_id)
    return entry


def _refuse(item_id: str, cure: str) -> Problem:
    return Problem("answer_not_allowed", item=item_id, cure=cure)


def _check_value(checklist: Checklist, body: Answer) -> None:
    entry = _known(checklist, body.item)
    wanted, cure = _WANTED[type(entry.rule) if isinstance(entry, Item) else type(entry)]
    if not isinstance(body.answer, wanted):
        raise _refuse(body.item, cure)
    refused = _refused(entry, body.answer)
    if refused:
        raise _refuse(body.item, refused)


def _refused(entry: Item | Aggravating | Veto | Bonus, answer: AnswerValue) -> str:
    """What to change in an answer of the right kind; "" when it is fine."""
    match entry.rule if isinstance(entry, Item) else entry, answer:
        case Bonus(max_count=int(most)), Count(count=count) if count > most:
            return f"最多 {most} 次 / at most {most}"
        case RatioRule() as rule, Ratio():
            return _ratio(rule, answer)
        case TiersRule() as rule, Value():
            return _value(rule, answer)
        case ClausesRule() as rule, Clauses():
            return _clauses(rule, answer)
        case _:
            return ""


def _ratio(rule: RatioRule, answer: Ratio) -> str:
    if answer.sampled == 0:
        return "没有可抽的，请标为不适用 / nothing to sample: mark it N/A"
    if answer.conforming > answer.sampled:
        return (
            f"符合数不能超过抽样数 {answer.sampled} / conforming cannot exceed the {answer.sampled} sampled"
        )
    if answer.population is not None and answer.population < answer.sampled:
        return f"总数不能少于抽样数 {answer.sampled} / the population cannot be under the {answer.sampled} sampled"
    if answer.sampled < rule.min_sample and answer.population != answer.sampled:
        return (
            f"至少抽 {rule.min_sample}，不足的须全部抽查并填总数 / "
            f"sample at least {rule.min_sample}, or all there are and give the population"
        )
    return ""


def _value(rule: TiersRule, answer: Value) -> str:
    if not answer.value.is_finite() or answer.value < 0 or (rule.value == "percent" and answer.value > 100):
        return "填 0 至 100 / give 0 to 100"
    if answer.sampled is not None and answer.sampled < rule.min_sample:
        return f"至少抽测 {rule.min_sample} 人 / test at least {rule.min_sample}"
    return ""


def _clauses(rule: ClausesRule, answer: Clauses) -> str:
    if not answer.hit:
        return ""
    known = {clause.id: clause for clause in rule.clauses}
    taken: set[str] = set()
    for hit in answer.hit:
        clause = known.get(hit.clause)
        if clause is None:
            return f"没有条款 {hit.clause}，可用 {', '.join(known)} / no clause {hit.clause}: use {', '.join(known)}"
        if hit.clause in taken:
            return f"条款 {hit.clause} 只计一次 / clause {hit.clause} counts once"
        taken.add(hit.clause)
        refused = _amount(clause, hit)
        if refused:
            return refused
    return ""


def _amount(clause: Clause, hit: ClauseHit) -> str:
    """A fixed clause takes no amount; discretion needs one within its bounds and steps, and a reason.

    An amount that only repeats the clause's would say the same as none, and yet be in dispute with it.
    """
    if clause.range is None:
        if hit.deduct is not None:
            fixed = clause.deduct
            return f"条款 {clause.id} 固定扣 {fixed}，不填分值 / clause {clause.id} is fixed at {fixed}: give no amount"
        return ""
    low, high, step = clause.range.min, clause.range.max, clause.range.step
    bounds = f"{low} – {high}, ± {step}"
    if hit.deduct is None or not hit.deduct.is_finite() or not low <= hit.deduct <= high:
        return f"条款 {clause.id} 须填扣分 {bounds} / clause {clause.id} needs an amount of {bounds}"
    if step and (hit.deduct - low) % step != 0:
        return f"条款 {clause.id} 按 {step} 递增：{bounds} / clause {clause.id} goes in steps of {step}: {bounds}"
    if not hit.reason.strip():
        return f"条款 {clause.id} 为裁量扣分，须写理由 / clause {clause.id} is discretion: give the reason"
    return ""


def _check_reason(checklist: Checklist, body: NotApplicable | NaConsent) -> None:
    entry = _known(checklist, body.item)
    allowed = entry.na if isinstance(entry, Item) else ()
    if not allowed:
        raise _refuse(body.item, "此项不能标为不适用 / it cannot be marked N/A")
    if body.reason not in allowed:
        words = ", ".join(f"{checklist.na_reason(code).read('zh')} ({code})" for code in allowed)
        raise _refuse(body.item, f"不适用的理由只能是：{words} / the reason for N/A is one of: {words}")


def _check_photo(checklist: Checklist, body: EvidenceAttached) -> None:
    entry = _known(checklist, body.item)
    if not isinstance(entry, Item) or entry.photo == "forbidden":
        raise Problem("photo_forbidden", item=body.item)


def _check_item(checklist: Checklist, body: Note | Finding | FindingWithdrawn) -> None:
    _known(checklist, body.item)


def _check_sample(checklist: Checklist, body: SampleDrawn) -> None:
    if body.item:
        _known(checklist, body.item)


def _check_settled(checklist: Checklist, body: DisputeSettled) -> None:
    check_answer(checklist, decided(body))


_CHECKS: Mapping[type, Callable[[Checklist, Any], None]] = {
    DisputeSettled: _check_settled,
    Answer: _check_value,
    NotApplicable: _check_reason,
    NaConsent: _check_reason,
    EvidenceAttached: _check_photo,
    Note: _check_item,
    Finding: _check_item,
    FindingAmended: _check_item,
    FindingWithdrawn: _check_item,
    SampleDrawn: _check_sample,
}
"""By the kind of body; every other speaks of no item."""


# --- what is about items that are no longer in the checklist ---------------------------------------


def on_removed_items(checklist: Checklist, inspection: Inspection) -> dict[str, list[Standing[Any]]]:
    """By item that the checklist no longer has, all that stands on it: answers, notes, findings, photos.

    It was given under another version of the checklist. It is kept and shown, and no score knows of it.
    """
    found: dict[str, list[Standing[Any]]] = {}
    for cell in _cells_of_items(inspection):
        item = str(getattr(cell.value, "item", ""))
        if item and checklist.entry(item) is None:
            found.setdefault(item, []).extend(cell.standing)
    return dict(sorted(found.items()))


def version_with(item: str, versions: Iterable[Checklist], otherwise: Checklist) -> Checklist:
    """A version of the checklist in which an item can be read."""
    return next((one for one in versions if one.entry(item) is not None), otherwise)


def _cells_of_items(inspection: Inspection) -> Iterator[Cell[Any]]:
    for one in inspection.items.values():
        yield from (cell for cell in (one.answer, *one.notes) if cell is not None)
    yield from (one.record for one in inspection.findings.values() if one.record is not None)
    yield from inspection.evidence
