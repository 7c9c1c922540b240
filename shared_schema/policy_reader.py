"""Reads how item scores become a percentage and a grade: policy, grades, gates."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from shared_schema.checklist import Checklist, Section
from shared_schema.checklist_issues import Path, nearest
from shared_schema.plain_reader import ZERO, Reader
from shared_schema.rules import (
    AggravatingCount,
    Condition,
    Gate,
    Grade,
    ItemsRatio,
    Policy,
    SectionRatio,
    VetoCount,
)

_SCORING_KEYS = {
    "arithmetic", "na_policy", "na_requires_reason", "min_sample_rule", "item_floor", "section_floor",
    "aggravating_stage", "total_floor", "total_cap", "rounding", "grade_on", "grades", "gates",
    "duplicate_facts", "bonus_cap", "bonus_enabled", "bonus_enabled_default", "total_points",
}  # fmt: skip
_DEFAULT_GRADES = [
    {"code": "conform", "min": "90"},
    {"code": "basic", "min": "80"},
    {"code": "nonconform", "min": "0"},
]


def read_policy(
    reader: Reader, data: Mapping[str, Any], path: Path, gates: tuple[Gate, ...], has_bonus: bool
) -> Policy:
    reader.known_keys(data, _SCORING_KEYS, path, strict=True)
    for key in ("item_floor", "section_floor", "total_floor"):
        if reader.decimal(data.get(key), (*path, key), ZERO) != 0:
            reader.error("floor", (*path, key), value=data[key])
    reader.one_of(data.get("arithmetic"), ("decimal",), (*path, "arithmetic"), "decimal")
    reader.one_of(
        data.get("min_sample_rule"), ("sample_or_all",), (*path, "min_sample_rule"), "sample_or_all"
    )
    rounding = reader.mapping(data.get("rounding", {}), (*path, "rounding"))
    reader.known_keys(rounding, {"mode", "places"}, (*path, "rounding"), strict=True)
    reader.one_of(rounding.get("mode"), ("half_up",), (*path, "rounding", "mode"), "half_up")
    enabled = data.get("bonus_enabled", data.get("bonus_enabled_default"))

    def choice(key: str, *allowed: str) -> Any:
        return reader.one_of(data.get(key), allowed, (*path, key), allowed[0])

    return Policy(
        grades=_grades(reader, data, path),
        na_policy=choice("na_policy", "renormalise", "full_credit"),
        na_needs_consent=reader.switch(data.get("na_requires_reason"), (*path, "na_requires_reason"), True),
        aggravating_stage=choice("aggravating_stage", "before_normalise", "after_normalise"),
        total_cap=reader.decimal(data.get("total_cap"), (*path, "total_cap"), Decimal(100)),
        bonus_cap=reader.optional(data, "bonus_cap", path),
        bonus_enabled=reader.switch(enabled, (*path, "bonus_enabled"), reader.lenient and has_bonus),
        places=reader.whole(rounding.get("places"), (*path, "rounding", "places"), 0, 2),
        grade_on=choice("grade_on", "rounded", "exact"),
        duplicate_facts=choice("duplicate_facts", "charge_once", "charge_each"),
        gates=gates,
    )


def _grades(reader: Reader, data: Mapping[str, Any], path: Path) -> tuple[Grade, ...]:
    written = data.get("grades")
    if written is None and reader.lenient:
        written = _DEFAULT_GRADES
    found: list[Grade] = []
    taken: set[str] = set()
    for place, row in enumerate(reader.rows(written, (*path, "grades"))):
        at: Path = (*path, "grades", place)
        one = reader.mapping(row, at)
        code = reader.string(one.get("code"), (*at, "code"))
        if not code:
            reader.error("missing", (*at, "code"), key="code")
        elif code in taken:
            reader.error("duplicate_id", (*at, "code"), value=code)
        taken.add(code)
        least = reader.decimal(one.get("min"), (*at, "min"))
        if found and least >= found[-1].min:
            reader.error("grades_order", (*at, "min"), value=least)
        text = reader.wording({key: one[key] for key in ("zh", "en") if key in one}, at)
        found.append(Grade(code=code, min=least, text=text))
    if not found or found[-1].min != 0:
        reader.error("grades_zero", (*path, "grades"))
    return tuple(found)


def read_gates(
    reader: Reader, written: object, path: Path, sections: tuple[Section, ...], known: set[str]
) -> tuple[Gate, ...]:
    found: list[Gate] = []
    taken = set(known)
    for place, row in enumerate(reader.rows(written, path)):
        at: Path = (*path, place)
        data = reader.mapping(row, at)
        gate_id = reader.identifier(data, at, taken)
        reader.known_keys(
            data, {"id", "when", "max_grade", "grade", "force_grade", "zh", "en"}, at, strict=True
        )
        forced = data.get("grade", data.get("force_grade"))
        if (data.get("max_grade") is None) == (forced is None):
            reader.error("gate_grade", at)
        when = data.get("when")
        rows = when if isinstance(when, list) else [when]
        conditions = tuple(
            condition
            for one in rows
            for condition in _conditions(reader, one, (*at, "when"), sections, known)
        )
        if not conditions:
            reader.error("gate_empty", (*at, "when"))
        found.append(
            Gate(
                id=gate_id,
                when=conditions,
                max_grade=reader.string(data.get("max_grade") or forced, (*at, "max_grade")),
                forces=forced is not None,
                text=reader.wording({key: data[key] for key in ("zh", "en") if key in data}, at),
            )
        )
    reader.item_id = ""
    return tuple(found)


def _conditions(
    reader: Reader, row: object, path: Path, sections: tuple[Section, ...], known: set[str]
) -> list[Condition]:
    """All that one `when` says; each part must hold."""
    data = dict(reader.mapping(row, path))
    allowed = {
        "section", "any_section", "key_items", "items", "ratio_below", "key_ratio_below",
        "key_items_ratio_below", "any_section_ratio_below", "aggravating_count_at_least", "veto_count",
    }  # fmt: skip
    reader.known_keys(data, allowed, path, strict=True)
    found: list[Condition] = []
    if "any_section_ratio_below" in data:
        found.append(SectionRatio("*", _share(reader, data, "any_section_ratio_below", path)))
    keys = [key for key in ("key_ratio_below", "key_items_ratio_below") if key in data]
    found += [_key_ratio(reader, data, key, path, sections) for key in keys]
    if "ratio_below" in data:
        found.append(_ratio_below(reader, data, path, sections, known))
    if "aggravating_count_at_least" in data:
        key = "aggravating_count_at_least"
        found.append(AggravatingCount(reader.whole(data[key], (*path, key), 1, 1)))
    if "veto_count" in data:
        found.append(_veto_count(reader, data["veto_count"], (*path, "veto_count"), known))
    return found


def _share(reader: Reader, data: Mapping[str, Any], key: str, path: Path) -> Decimal:
    return reader.optional(data, key, path, Decimal(1)) or ZERO


def _key_ratio(
    reader: Reader, data: Mapping[str, Any], key: str, path: Path, sections: tuple[Section, ...]
) -> ItemsRatio:
    if not any(item.key for section in sections for item in section.items):
        reader.error("key_none", path)
    return ItemsRatio(_share(reader, data, key, path))


def _ratio_below(
    reader: Reader, data: Mapping[str, Any], path: Path, sections: tuple[Section, ...], known: set[str]
) -> Condition:
    below = _share(reader, data, "ratio_below", path)
    if data.get("key_items"):
        return _key_ratio(reader, data, "ratio_below", path, sections)
    if "items" in data:
        return ItemsRatio(below, _known_items(reader, data["items"], (*path, "items"), known))
    section = "*" if data.get("any_section") else reader.string(data.get("section"), (*path, "section"))
    codes = [one.id for one in sections]
    if section not in ("*", *codes):
        reader.error("unknown_value", (*path, "section"), **nearest(section, codes))
    return SectionRatio(section, below)


def _veto_count(reader: Reader, row: object, path: Path, known: set[str]) -> VetoCount:
    data = reader.mapping(row, path)
    reader.known_keys(data, {"items", "at_least"}, path, strict=True)
    items = _known_items(reader, data.get("items"), (*path, "items"), known)
    at_least = reader.whole(data.get("at_least"), (*path, "at_least"), 1, 1)
    if at_least > len(items):
        reader.error("gate_count", (*path, "at_least"), value=at_least, size=len(items))
    return VetoCount(items, at_least)


def _known_items(reader: Reader, row: object, path: Path, known: set[str]) -> tuple[str, ...]:
    items = reader.codes(row, path)
    for place, item in enumerate(items):
        if item not in known:
            reader.error("unknown_value", (*path, place), **nearest(item, sorted(known)))
    return items


def check_grades(reader: Reader, checklist: Checklist, at_gates: Path) -> None:
    """Vetoes and gates name grades of the list; a veto without one must at least be counted by a gate."""
    codes = [grade.code for grade in checklist.policy.grades]
    counted = {
        item
        for gate in checklist.policy.gates
        for condition in gate.when
        if isinstance(condition, VetoCount)
        for item in condition.items
    }
    for place, veto in enumerate(checklist.vetoes):
        reader.item_id = veto.id
        if veto.grade and veto.grade not in codes:
            reader.error("unknown_value", ("vetoes", place, "grade"), **nearest(veto.grade, codes))
        if not veto.grade and veto.id not in counted:
            reader.error("missing", ("vetoes", place, "grade"), key="grade")
    for place, gate in enumerate(checklist.policy.gates):
        reader.item_id = gate.id
        if gate.max_grade and gate.max_grade not in codes:
            reader.error("unknown_value", (*at_gates, place, "max_grade"), **nearest(gate.max_grade, codes))
    reader.item_id = ""
