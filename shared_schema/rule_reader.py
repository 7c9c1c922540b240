"""Reads the scoring rule of an item, and what scores outside the items: aggravating, veto, bonus."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from shared_schema.checklist import Response
from shared_schema.checklist_issues import Path, nearest
from shared_schema.plain_reader import ZERO, Reader
from shared_schema.rules import (
    Aggravating,
    BinaryRule,
    Bonus,
    Clause,
    ClausesRule,
    PerOccurrenceRule,
    Range,
    RatioRule,
    Rule,
    ShortfallRule,
    Tier,
    TiersRule,
    Veto,
)

FIT: Mapping[str, Response] = {
    "binary": "yes_no",
    "per_occurrence": "count",
    "clauses": "clauses",
    "ratio": "ratio",
    "tiers": "percent",
    "shortfall": "shortfall",
}
"""How an item of each rule is answered."""

_RULE_KEYS = {
    "binary": {"type", "scope"},
    "per_occurrence": {"type", "scope", "deduct", "unit", "cap", "repeat_multiplier"},
    "shortfall": {"type", "scope", "required", "deduct", "unit", "cap"},
    "clauses": {"type", "scope", "clauses", "cap"},
    "tiers": {"type", "scope", "tiers", "value", "min_sample"},
    "ratio": {"type", "scope", "step", "min_sample", "zero_below"},
}


def read_rule(reader: Reader, row: object, path: Path, most: Decimal) -> Rule:
    data = {"type": row} if isinstance(row, str) else reader.mapping(row, path)
    kind = data.get("type")
    if kind not in _RULE_KEYS:
        if kind is None:
            reader.error("missing", (*path, "type"), key="type")
        else:
            reader.error("unknown_value", (*path, "type"), **nearest(kind, list(_RULE_KEYS)))
        return BinaryRule()
    reader.known_keys(data, _RULE_KEYS[kind], path, strict=True)
    scope: Any = reader.one_of(data.get("scope"), ("item", "section"), (*path, "scope"), "item")
    match kind:
        case "per_occurrence":
            return PerOccurrenceRule(
                deduct=reader.positive(data, "deduct", path),
                unit=reader.string(data.get("unit"), (*path, "unit")),
                cap=_cap(reader, data, path, most, scope),
                repeat_multiplier=_multiplier(reader, data, path),
                scope=scope,
            )
        case "shortfall":
            if data.get("required") is None:
                reader.error("missing", (*path, "required"), key="required")
            return ShortfallRule(
                required=reader.whole(data.get("required"), (*path, "required"), 1, 1),
                deduct=reader.positive(data, "deduct", path),
                unit=reader.string(data.get("unit"), (*path, "unit")),
                cap=_cap(reader, data, path, most, scope),
                scope=scope,
            )
        case "clauses":
            return ClausesRule(
                clauses=_clauses(reader, data, path), cap=_cap(reader, data, path, most, scope), scope=scope
            )
        case "tiers":
            return _tiers(reader, data, path, most, scope)
        case "ratio":
            return _ratio(reader, data, path, most, scope)
        case _:
            return BinaryRule(scope=scope)


def _cap(reader: Reader, data: Mapping[str, Any], path: Path, most: Decimal, scope: str) -> Decimal | None:
    cap = reader.optional(data, "cap", path)
    if cap is not None and cap > most and scope == "item":
        reader.warn("cap_idle", (*path, "cap"), value=cap, max=most)
    return cap


def _multiplier(reader: Reader, data: Mapping[str, Any], path: Path) -> Decimal:
    figure = reader.decimal(data.get("repeat_multiplier"), (*path, "repeat_multiplier"), Decimal(1))
    if figure < 1:
        reader.error("out_of_range", (*path, "repeat_multiplier"), value=figure, allowed="≥ 1")
    return figure


def _clauses(reader: Reader, data: Mapping[str, Any], path: Path) -> tuple[Clause, ...]:
    found: list[Clause] = []
    taken: set[str] = set()
    item_id = reader.item_id
    rows = reader.rows(data.get("clauses"), (*path, "clauses"))
    if not rows:
        reader.error("missing", (*path, "clauses"), key="clauses")
    for place, row in enumerate(rows):
        at: Path = (*path, "clauses", place)
        one = reader.mapping(row, at)
        clause_id = reader.identifier(one, at, taken)
        reader.item_id = item_id
        reader.known_keys(one, {"id", "zh", "en", "deduct", "range"}, at, strict=True)
        if ("deduct" in one) == ("range" in one):
            reader.error("clause_amount", at)
        found.append(
            Clause(
                id=clause_id,
                text=reader.wording({key: one[key] for key in ("zh", "en") if key in one}, at),
                deduct=reader.positive(one, "deduct", at) if "deduct" in one else None,
                range=_range(reader, one["range"], (*at, "range")) if "range" in one else None,
            )
        )
    return tuple(found)


def _range(reader: Reader, row: object, path: Path) -> Range:
    data = reader.mapping(row, path)
    low = reader.decimal(data.get("min"), (*path, "min"))
    high = reader.decimal(data.get("max"), (*path, "max"))
    step = reader.decimal(data.get("step"), (*path, "step"), high - low if high > low else Decimal(1))
    if low > high:
        reader.error("range_bounds", path, min=low, max=high)
    if low < 0:
        reader.error("out_of_range", (*path, "min"), value=low, allowed="≥ 0")
    if step <= 0:
        reader.error("out_of_range", (*path, "step"), value=step, allowed="> 0")
    elif (high - low) % step != 0:
        reader.error("range_step", path, min=low, max=high, step=step)
    return Range(low, high, step)


def _tiers(reader: Reader, data: Mapping[str, Any], path: Path, most: Decimal, scope: Any) -> TiersRule:
    found: list[Tier] = []
    for place, row in enumerate(reader.rows(data.get("tiers"), (*path, "tiers"))):
        at: Path = (*path, "tiers", place)
        one = reader.mapping(row, at)
        tier = Tier(
            reader.decimal(one.get("gte"), (*at, "gte")), reader.decimal(one.get("points"), (*at, "points"))
        )
        if found and tier.gte >= found[-1].gte:
            reader.error("tiers_order", (*at, "gte"), value=tier.gte)
        if found and tier.points > found[-1].points:
            reader.error("tiers_points", (*at, "points"), value=tier.points)
        if not ZERO <= tier.points <= most:
            reader.error("out_of_range", (*at, "points"), value=tier.points, allowed=f"0 – {most}")
        found.append(tier)
    if not found or found[-1].gte != 0:
        reader.error("tiers_zero", (*path, "tiers"))
    return TiersRule(
        tiers=tuple(found),
        value=reader.string(data.get("value"), (*path, "value"), "percent"),
        min_sample=reader.whole(data.get("min_sample"), (*path, "min_sample")),
        scope=scope,
    )


def _ratio(reader: Reader, data: Mapping[str, Any], path: Path, most: Decimal, scope: Any) -> RatioRule:
    step = reader.optional(data, "step", path)
    if step and most % step != 0:
        reader.warn("step_of_max", (*path, "step"), max=most, step=step)
    return RatioRule(
        step=step,
        min_sample=reader.whole(data.get("min_sample"), (*path, "min_sample")),
        zero_below=reader.optional(data, "zero_below", path, Decimal(1)),
        scope=scope,
    )


def _extras(
    reader: Reader, top: Mapping[str, Any], key: str, taken: set[str], allowed: set[str]
) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for place, row in enumerate(reader.rows(top.get(key), (key,))):
        path: Path = (key, place)
        data = reader.mapping(row, path)
        extra_id = reader.identifier(data, path, taken)
        reader.known_keys(data, allowed | {"id", "zh", "en", "basis"}, path, strict=True)
        text = reader.wording({name: data[name] for name in ("zh", "en") if name in data}, path)
        found.append((data, path, extra_id, text, reader.codes(data.get("basis"), (*path, "basis"))))
    return found


def read_aggravating(reader: Reader, top: Mapping[str, Any], taken: set[str]) -> tuple[Aggravating, ...]:
    return tuple(
        Aggravating(
            id=extra_id,
            deduct=reader.positive(data, "deduct", path),
            text=text,
            unit=reader.string(data.get("unit"), (*path, "unit")),
            sensitive=reader.switch(data.get("sensitive"), (*path, "sensitive")),
            basis=basis,
        )
        for data, path, extra_id, text, basis in _extras(
            reader, top, "aggravating", taken, {"deduct", "unit", "sensitive"}
        )
    )


def read_vetoes(reader: Reader, top: Mapping[str, Any], taken: set[str]) -> tuple[Veto, ...]:
    return tuple(
        Veto(id=extra_id, grade=reader.string(data.get("grade"), (*path, "grade")), text=text, basis=basis)
        for data, path, extra_id, text, basis in _extras(reader, top, "vetoes", taken, {"grade"})
    )


def read_bonus(reader: Reader, top: Mapping[str, Any], taken: set[str]) -> tuple[Bonus, ...]:
    return tuple(
        Bonus(
            id=extra_id,
            points=reader.positive(data, "points", path),
            max_count=reader.whole(data["max_count"], (*path, "max_count"), 1, 1)
            if "max_count" in data
            else None,
            text=text,
            basis=basis,
        )
        for data, path, extra_id, text, basis in _extras(reader, top, "bonus", taken, {"points", "max_count"})
    )
