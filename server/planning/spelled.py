"""Answers as worked examples spell them, turned into the operations a tablet would have written.

Nothing is scored from the spelling: every answer becomes an envelope and a body, is encoded, and takes
the way of every other operation. Spellings are read liberally (`{count: 3}`, `3`, `hit: [a]`,
`hit: {a: true}`); what cannot be read is refused by name.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from shared_schema.checklist import Checklist, Item
from shared_schema.operations import (
    KIND_OF,
    Actual,
    Answer,
    AnswerValue,
    Body,
    ClauseHit,
    Clauses,
    Count,
    Envelope,
    Finding,
    FindingDuplicateOf,
    FindingRepeatOf,
    FindingWithdrawn,
    NaConsent,
    NotApplicable,
    Present,
    Ratio,
    Value,
    YesNo,
    body_bytes,
    encode,
)
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

INSPECTION = "worked-example"
FIRST, SECOND = "T1", "T2"
_YES = {"yes", "y", "true", "ok", "met", "pass", "是", "符合", "有"}
_NO = {"no", "n", "false", "not_met", "fail", "否", "不符合", "无"}


class Unreadable(ValueError):
    """An answer is spelled in a way nobody agreed on."""


class Written(NamedTuple):
    """One operation's bytes, and its body for the check of answers."""

    raw: bytes
    body: Body


class Tablets:
    """Numbers operations tablet by tablet, as tablets do."""

    def __init__(self) -> None:
        self.written: list[Written] = []
        self._seq: dict[str, int] = {}

    def write(self, device: str, body: Body, replaces: tuple[str, ...] = ()) -> str:
        """Adds one operation of this tablet's inspector; its id."""
        seq = self._seq.get(device, 0) + 1
        self._seq[device] = seq
        op_id = f"{device}.{seq}"
        envelope = Envelope(
            id=op_id,
            inspection=INSPECTION,
            person=f"person-{device}",
            device=device,
            epoch="e1",
            seq=seq,
            bases=replaces,
            kind=KIND_OF[type(body)],
            body=body_bytes(body),
        )
        self.written.append(Written(encode(envelope), body))
        return op_id


def write_answers(
    checklist: Checklist, answers: Mapping[str, Any], all_other_items: str | None
) -> list[Written]:
    """The operations that record these answers. Raises Unreadable."""
    tablets = Tablets()
    for item_id, spelled in answers.items():
        if checklist.entry(str(item_id)) is None:
            raise Unreadable(f"{item_id}: the checklist has no such item")
        _write(tablets, checklist, str(item_id), spelled)
    if all_other_items in ("full_marks", "full"):
        for item in checklist.items:
            if item.id not in answers:
                tablets.write(FIRST, Answer(item.id, full_marks(item)))
    elif all_other_items not in (None, "open", "unanswered"):
        raise Unreadable(f"all_other_items: {all_other_items} is not known, use full_marks or open")
    return tablets.written


def full_marks(item: Item) -> AnswerValue:
    """The answer that costs nothing."""
    match item.rule:
        case BinaryRule():
            return YesNo(True)
        case PerOccurrenceRule():
            return Count(0)
        case ShortfallRule(required=required):
            return Actual(required)
        case ClausesRule():
            return Clauses()
        case TiersRule(tiers=tiers):
            return Value(tiers[0].gte)
        case RatioRule(min_sample=least):
            return Ratio(max(1, least), max(1, least))


def _write(tablets: Tablets, checklist: Checklist, item_id: str, spelled: Any) -> None:
    """One item's operations: its N/A with a colleague's consent, its findings, its answer."""
    if spelled is None:
        return
    if isinstance(spelled, Mapping) and "disputed" in spelled:
        for place, one in enumerate(_listed(item_id, spelled["disputed"])):
            for body in _bodies(checklist, item_id, one):
                tablets.write(f"T{place + 1}", body)
        return
    if isinstance(spelled, Mapping) and "findings" in spelled:
        total = _write_findings(tablets, item_id, spelled["findings"] or [])
        rest = {key: value for key, value in spelled.items() if key != "findings"}
        spelled = rest or {"count": total}
    for body in _bodies(checklist, item_id, spelled):
        tablets.write(SECOND if isinstance(body, NaConsent) else FIRST, body)


def _bodies(checklist: Checklist, item_id: str, spelled: Any) -> Iterator[Body]:
    if isinstance(spelled, Mapping) and "na" in spelled:
        na = spelled["na"]
        reason = str(na.get("reason") if isinstance(na, Mapping) else na)
        yield NotApplicable(item_id, reason, "worked example")
        if spelled.get("consent", True):
            yield NaConsent(item_id, reason)
        return
    yield Answer(item_id, _value(checklist, item_id, spelled))


def _listed(item_id: str, spelled: Any) -> list[Any]:
    if not isinstance(spelled, list):
        raise Unreadable(f"{item_id}: {spelled} is not a list")
    return spelled


def _write_findings(tablets: Tablets, item_id: str, findings: Any) -> int:
    """Writes the findings with their marks; how many occurrences they state in all."""
    total = 0
    for place, row in enumerate(_listed(item_id, findings)):
        data = row if isinstance(row, Mapping) else {"id": row}
        known = {
            "id", "device", "repeat", "repeat_of", "duplicate_of", "status", "occurrences", "count", "withdrawn", "fact"
        }  # fmt: skip
        unknown = set(data) - known
        if unknown:
            raise Unreadable(f"{item_id}: a finding has no {', '.join(sorted(unknown))}")
        finding = str(data.get("id", f"{item_id}-{place + 1}"))
        device = str(data.get("device", FIRST))
        occurrences = _whole(item_id, data.get("occurrences", data.get("count", 1)))
        total += occurrences
        op = tablets.write(
            device,
            Finding(
                finding=finding, item=item_id, fact=str(data.get("fact", "worked")), occurrences=occurrences
            ),
        )
        earlier = data.get("repeat_of") or ("earlier" if data.get("repeat") is True else data.get("repeat"))
        if earlier:
            tablets.write(device, FindingRepeatOf(finding, str(earlier)))
        if data.get("duplicate_of"):
            tablets.write(device, FindingDuplicateOf(finding, str(data["duplicate_of"])))
        if data.get("status") == "withdrawn" or data.get("withdrawn") is True:
            body = FindingWithdrawn(finding, item_id, "withdrawn after review", occurrences)
            tablets.write(device, body, (op,))
    return total


# --- one answer ---------------------------------------------------------------------------------------


def _value(checklist: Checklist, item_id: str, spelled: Any) -> AnswerValue:
    entry = checklist.entry(item_id)
    assert entry is not None
    rule = entry.rule if isinstance(entry, Item) else entry
    match rule:
        case BinaryRule():
            return YesNo(_yes(item_id, _one(item_id, spelled, "ok", "met", "yes", "pass", "value")))
        case PerOccurrenceRule() | Aggravating() | Bonus():
            names = ("count", "n", "occurrences", "problems", "present", "times")
            return Count(_whole(item_id, _one(item_id, spelled, *names)))
        case ShortfallRule():
            return Actual(_whole(item_id, _one(item_id, spelled, "actual", "done", "count")))
        case ClausesRule():
            return _clauses(item_id, rule, _one(item_id, spelled, "hit", "hits", "clauses"))
        case TiersRule():
            return _tier(item_id, spelled)
        case RatioRule():
            return _ratio(item_id, spelled)
        case Veto():
            return Present(_yes(item_id, _one(item_id, spelled, "present", "count", "fired", "ok")))


def _one(item_id: str, spelled: Any, *names: str) -> Any:
    """The value under the first of these names, or the bare value."""
    if not isinstance(spelled, Mapping):
        return spelled
    found = [name for name in names if name in spelled]
    if len(found) != 1 or set(spelled) - {found[0], "sampled", "reason", "reasons", "paper_ref"}:
        raise Unreadable(f"{item_id}: {dict(spelled)} is not an answer, use {names[0]}")
    return spelled[found[0]]


def _yes(item_id: str, spelled: Any) -> bool:
    if isinstance(spelled, bool | int):
        return bool(spelled)
    word = str(spelled).strip().lower()
    if word in _YES | _NO:
        return word in _YES
    raise Unreadable(f"{item_id}: {spelled} is neither true nor false")


def _whole(item_id: str, spelled: Any) -> int:
    if isinstance(spelled, bool | int):
        return int(spelled)
    try:
        return int(str(spelled))
    except ValueError:
        raise Unreadable(f"{item_id}: {spelled} is not a whole number") from None


def _decimal(item_id: str, spelled: Any) -> Decimal:
    try:
        return Decimal(str(spelled).strip())
    except InvalidOperation:
        raise Unreadable(f"{item_id}: {spelled} is not a number") from None


def _tier(item_id: str, spelled: Any) -> Value:
    figure = _one(item_id, spelled, "value", "percent", "mean", "rate")
    sampled = spelled.get("sampled") if isinstance(spelled, Mapping) else None
    return Value(_decimal(item_id, figure), None if sampled is None else _whole(item_id, sampled))


def _ratio(item_id: str, spelled: Any) -> Ratio:
    if isinstance(spelled, str) and "/" in spelled:
        conforming, _, sampled = spelled.partition("/")
        return Ratio(_whole(item_id, sampled), _whole(item_id, conforming))
    if not isinstance(spelled, Mapping):
        raise Unreadable(f"{item_id}: {spelled} is not an answer, use sampled and conforming")
    population = spelled.get("population")
    return Ratio(
        _whole(item_id, _first(item_id, spelled, "sampled", "sample", "total", "checked")),
        _whole(item_id, _first(item_id, spelled, "conforming", "conform", "passed", "ok")),
        None if population is None else _whole(item_id, population),
    )


def _first(item_id: str, spelled: Mapping[str, Any], *names: str) -> Any:
    for name in names:
        if name in spelled:
            return spelled[name]
    raise Unreadable(f"{item_id}: {names[0]} is missing")


def _clauses(item_id: str, rule: ClausesRule, spelled: Any) -> Clauses:
    known = {clause.id: clause for clause in rule.clauses}
    hits: list[ClauseHit] = []
    for clause_id, said in _hit_rows(spelled):
        if said is False or said is None:
            continue
        clause = known.get(str(clause_id))
        if clause is None:
            raise Unreadable(f"{item_id}: there is no clause {clause_id}")
        hits.append(_hit(item_id, clause, said))
    return Clauses(tuple(hits))


def _hit(item_id: str, clause: Clause, said: Any) -> ClauseHit:
    """One clause that applies: `true`, an amount, or `{deduct, reason}`."""
    amount, reason = said, "worked example"
    if isinstance(said, Mapping):
        reason = str(said.get("reason", reason))
        amount = said.get("deduct", said.get("points", True))
    if clause.range is None and (amount is True or _decimal(item_id, amount) == clause.deduct):
        return ClauseHit(clause.id)
    if amount is True:
        raise Unreadable(f"{item_id}: clause {clause.id} leaves discretion, give the amount")
    return ClauseHit(clause.id, _decimal(item_id, amount), reason)


def _hit_rows(spelled: Any) -> list[tuple[Any, Any]]:
    if spelled is None:
        return []
    if isinstance(spelled, str):
        return [(spelled, True)]
    if isinstance(spelled, Mapping):
        return list(spelled.items())
    return [_hit_row(one) for one in _listed("hit", spelled)]


def _hit_row(row: Any) -> tuple[Any, Any]:
    if not isinstance(row, Mapping):
        return row, True
    if "id" in row or "clause" in row:
        return row.get("id", row.get("clause")), {
            key: value for key, value in row.items() if key not in ("id", "clause")
        }
    if len(row) == 1:
        return next(iter(row.items()))
    return None, True
