"""Reads a checklist from plain data (what a YAML file parses to), naming everything wrong with it at once.

`examine` returns the checklist with all errors and warnings; `parse` returns it or raises. The lenient
mode is for worked examples, whose checklists are bare: what is missing is filled in without a word.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, cast, get_args

from shared_schema.checklist import Checklist, Item, PhotoPolicy, Response, Section, Term
from shared_schema.checklist_issues import Issue, Path, nearest
from shared_schema.problems import Problem
from shared_schema.rules import (
    Aggravating,
    AggravatingCount,
    BinaryRule,
    Bonus,
    Clause,
    ClausesRule,
    Condition,
    Gate,
    Grade,
    ItemsRatio,
    PerOccurrenceRule,
    Policy,
    Range,
    RatioRule,
    Rule,
    SectionRatio,
    ShortfallRule,
    Tier,
    TiersRule,
    Veto,
    VetoCount,
    Wording,
    rule_type,
)

_ID = re.compile(r"[A-Za-z0-9_.:\-]{1,64}")
_DECIMAL = re.compile(r"[+-]?\d{1,12}(\.\d{1,12})?")
_ENGLISH_IN_ZH = re.compile(r"(.+?)[,，]\s+en:\s*(.+)", re.DOTALL)

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
_SCORING_KEYS = {
    "arithmetic", "na_policy", "na_requires_reason", "min_sample_rule", "item_floor", "section_floor",
    "aggravating_stage", "total_floor", "total_cap", "rounding", "grade_on", "grades", "gates",
    "duplicate_facts", "bonus_cap", "bonus_enabled", "bonus_enabled_default", "total_points",
}  # fmt: skip
_ITEM_KEYS = {
    "id", "zh", "en", "method", "basis", "evidence", "photo", "response", "max", "na", "rule", "key", "gate",
    "abort", "guidance",
}  # fmt: skip
_DEFAULT_GRADES = [
    {"code": "conform", "min": "90"},
    {"code": "basic", "min": "80"},
    {"code": "nonconform", "min": "0"},
]
ZERO = Decimal(0)


class Examined(NamedTuple):
    """A checklist as read, as far as it could be; it is only to be used where `errors` is empty."""

    checklist: Checklist
    errors: tuple[Issue, ...]
    warnings: tuple[Issue, ...]


def parse(data: object, lenient: bool = False) -> Checklist:
    """The checklist in plain data. Raises checklist_invalid with the first error and all of them as `issues`."""
    examined = examine(data, lenient)
    if examined.errors:
        first = examined.errors[0]
        raise Problem(
            "checklist_invalid", count=len(examined.errors), first=first.message("zh"), issues=examined.errors
        )
    return examined.checklist


def examine(data: object, lenient: bool = False) -> Examined:
    """The checklist in plain data, with everything wrong or doubtful about it."""
    reader = _Reader(lenient)
    checklist = reader.checklist(data)
    return Examined(checklist, tuple(reader.errors), tuple(reader.warnings))


class _Reader:
    """Collects issues while reading; every method returns something usable, so that reading goes on."""

    def __init__(self, lenient: bool) -> None:
        self.lenient = lenient
        self.errors: list[Issue] = []
        self.warnings: list[Issue] = []
        self.item_id = ""

    # --- plain values ---

    def error(self, kind: str, path: Path, **facts: object) -> None:
        self.errors.append(Issue(kind, path, self.item_id, facts))

    def warn(self, kind: str, path: Path, **facts: object) -> None:
        self.warnings.append(Issue(kind, path, self.item_id, facts))

    def mapping(self, data: object, path: Path) -> Mapping[str, Any]:
        if isinstance(data, Mapping):
            return data
        if data is not None or not self.lenient:
            self.error("not_mapping", path)
        return {}

    def rows(self, data: object, path: Path) -> Sequence[Any]:
        if isinstance(data, list | tuple):
            return data
        if data is not None:
            self.error("not_list", path)
        return ()

    def codes(self, data: object, path: Path) -> tuple[str, ...]:
        return tuple(
            self.string(one, (*path, place))
            for place, one in enumerate(self.rows([data] if isinstance(data, str) else data, path))
        )

    def string(self, data: object, path: Path, default: str = "") -> str:
        if isinstance(data, str):
            return data
        if data is None:
            return default
        if isinstance(data, bool | float | list | tuple | Mapping):
            self.error("not_text", path)
        return str(data)

    def required(self, data: Mapping[str, Any], key: str, path: Path, default: str = "") -> str:
        """The text under a key that only a worked example may leave out."""
        if data.get(key) is None and not self.lenient:
            self.error("missing", (*path, key), key=key)
        return self.string(data.get(key), (*path, key), default)

    def decimal(self, data: object, path: Path, default: Decimal | None = None) -> Decimal:
        """An exact figure: a decimal string or a whole number."""
        if isinstance(data, float):
            (self.warn if self.lenient else self.error)("float", path, value=data)
            data = repr(data)
        if data is None and default is not None:
            return default
        if data is None:
            self.error("missing", path, key=path[-1] if path else "")
            return ZERO
        if (
            isinstance(data, bool)
            or not isinstance(data, str | int)
            or not _DECIMAL.fullmatch(str(data).strip())
        ):
            self.error("not_decimal", path, value=data)
            return default or ZERO
        return plain(Decimal(str(data).strip()))

    def positive(self, data: Mapping[str, Any], key: str, path: Path) -> Decimal:
        figure = self.decimal(data.get(key), (*path, key))
        if figure <= 0 and data.get(key) is not None:
            self.error("out_of_range", (*path, key), value=figure, allowed="> 0")
        return figure

    def optional(
        self, data: Mapping[str, Any], key: str, path: Path, at_most: Decimal | None = None
    ) -> Decimal | None:
        """A figure that may be left out, above 0 and at most so much."""
        if data.get(key) is None:
            return None
        figure = self.positive(data, key, path)
        if at_most is not None and figure > at_most:
            self.error("out_of_range", (*path, key), value=figure, allowed=f"0 – {at_most}")
        return figure

    def whole(self, data: object, path: Path, least: int = 0, default: int = 0) -> int:
        if data is None:
            return default
        if isinstance(data, str) and data.strip().isdecimal():
            data = int(data)
        if not isinstance(data, int) or isinstance(data, bool) or data < least:
            self.error("not_whole", path, value=data, least=least)
            return default
        return data

    def switch(self, data: object, path: Path, default: bool = False) -> bool:
        if data is None:
            return default
        if not isinstance(data, bool):
            self.error("not_switch", path, value=data)
            return default
        return data

    def one_of(self, data: object, allowed: Sequence[str], path: Path, default: str) -> str:
        if data is None:
            return default
        if data not in allowed:
            self.error("unknown_value", path, **nearest(data, list(allowed)))
            return default
        return str(data)

    def known_keys(
        self, data: Mapping[str, Any], allowed: set[str], path: Path, strict: bool = False
    ) -> None:
        """A misspelt key is an error where it could change a score, else doubtful."""
        for key in data:
            if key not in allowed:
                (self.error if strict else self.warn)(
                    "unknown_key", (*path, key), **nearest(key, sorted(allowed))
                )

    def identifier(self, data: Mapping[str, Any], path: Path, taken: set[str]) -> str:
        found = self.string(data.get("id"), (*path, "id"))
        self.item_id = found
        if not found:
            self.error("missing", (*path, "id"), key="id")
        elif not _ID.fullmatch(found):
            self.error("bad_id", (*path, "id"), value=found)
        elif found in taken:
            self.error("duplicate_id", (*path, "id"), value=found)
        taken.add(found)
        return found

    def wording(self, data: object, path: Path, needed: bool = True) -> Wording:
        """The zh and en of a mapping; English that a misplaced quote put into the Chinese is taken out again."""
        if isinstance(data, str):
            data = {"zh": data}
        texts = self.mapping(data, path) if data is not None else {}
        zh = self.string(texts.get("zh"), (*path, "zh"))
        en = self.string(texts.get("en"), (*path, "en"))
        slipped = _ENGLISH_IN_ZH.fullmatch(zh) if not en else None
        if slipped:
            self.warn("english_in_zh", (*path, "zh"), value=zh, zh=slipped[1], en=slipped[2])
            return Wording(slipped[1].strip(), slipped[2].strip())
        if needed and not self.lenient:
            if not zh:
                self.error("missing", (*path, "zh"), key="zh")
            if not en:
                self.warn("missing_en", path)
        return Wording(zh, en)

    # --- the whole ---

    def checklist(self, data: object) -> Checklist:
        top = self.mapping(data, ())
        head = self.mapping(top.get("checklist"), ("checklist",))
        scoring = self.mapping(head.get("scoring", top.get("scoring")), ("checklist", "scoring"))
        vocabulary = self.vocabulary(top)
        taken: set[str] = set()
        sections = self.sections(top, vocabulary, taken)
        aggravating = self.aggravating(top, taken)
        vetoes = self.vetoes(top, taken)
        bonus = self.bonus(top, taken)
        self.item_id = ""
        at_scoring: Path = ("checklist", "scoring") if "scoring" in head else ("scoring",)
        at_gates: Path = (*at_scoring, "gates") if "gates" in scoring else ("gates",)
        gates = self.gates(scoring.get("gates", top.get("gates")), at_gates, sections, taken)
        checklist = Checklist(
            code=self.required(head, "code", ("checklist",), "case"),
            version=self.required(head, "version", ("checklist",), "0"),
            title=self.wording(head.get("title"), ("checklist", "title")),
            audience=self.wording(head.get("audience"), ("checklist", "audience"), needed=False),
            total_points=self.total(head, scoring, sections),
            policy=self.policy(scoring, at_scoring, gates, bool(bonus)),
            sections=sections,
            aggravating=aggravating,
            vetoes=vetoes,
            bonus=bonus,
            **vocabulary,
        )
        self.grades_exist(checklist, at_gates)
        return checklist

    def vocabulary(self, top: Mapping[str, Any]) -> dict[str, tuple[Term, ...]]:
        enums = self.mapping(top.get("enums"), ("enums",)) if "enums" in top or not self.lenient else {}
        found: dict[str, tuple[Term, ...]] = {}
        for key, name in (
            ("method", "methods"),
            ("evidence", "evidence"),
            ("photo", "photos"),
            ("response", "responses"),
            ("na_reason", "na_reasons"),
        ):
            terms = self.mapping(enums.get(key), ("enums", key)) if key in enums else {}
            found[name] = tuple(
                Term(str(code), self.wording(text, ("enums", key, code))) for code, text in terms.items()
            )
        return found

    def total(
        self, head: Mapping[str, Any], scoring: Mapping[str, Any], sections: tuple[Section, ...]
    ) -> Decimal:
        """The stated total, which must be what the sections make; a worked example's may differ."""
        made = plain(sum((section.points for section in sections), ZERO))
        key = "total_points"
        stated = head.get(key, scoring.get(key))
        path: Path = ("checklist", key)
        if stated is None and self.lenient:
            return made
        total = self.decimal(stated, path)
        if total != made and not self.lenient and stated is not None:
            self.error("total_points", path, stated=total, sum=made)
        return total

    # --- sections and items ---

    def sections(
        self, top: Mapping[str, Any], vocabulary: Mapping[str, tuple[Term, ...]], taken: set[str]
    ) -> tuple[Section, ...]:
        found: list[Section] = []
        section_ids: set[str] = set()
        rows = self.rows(top.get("sections"), ("sections",))
        for place, row in enumerate(rows):
            path: Path = ("sections", place)
            data = self.mapping(row, path)
            section_id = self.identifier(data, path, section_ids)
            self.known_keys(data, {"id", "points", "title", "reg58", "items", "zh", "en"}, path)
            items = tuple(
                self.item(one, (*path, "items", at), vocabulary, taken)
                for at, one in enumerate(self.rows(data.get("items"), (*path, "items")))
            )
            self.item_id = section_id
            made = plain(sum((item.max_points for item in items), ZERO))
            points = self.decimal(data.get("points"), (*path, "points"), made if self.lenient else None)
            if points != made and data.get("points") is not None:
                self.error("section_points", (*path, "points"), stated=points, sum=made)
            reg58 = self.rows(data.get("reg58"), (*path, "reg58"))
            found.append(
                Section(
                    id=section_id,
                    title=self.wording(data.get("title", data if "zh" in data else None), (*path, "title")),
                    points=points,
                    items=items,
                    reg58=tuple(self.whole(one, (*path, "reg58", at), 1) for at, one in enumerate(reg58)),
                )
            )
        self.item_id = ""
        if not any(section.items for section in found):
            self.error("no_items", ("sections",))
        return tuple(found)

    def item(
        self, row: object, path: Path, vocabulary: Mapping[str, tuple[Term, ...]], taken: set[str]
    ) -> Item:
        data = self.mapping(row, path)
        item_id = self.identifier(data, path, taken)
        self.known_keys(data, _ITEM_KEYS, path)
        abort = self.switch(data.get("abort"), (*path, "abort"))
        most = self.decimal(data.get("max"), (*path, "max"))
        if (most < 0 or (most == 0 and not abort)) and data.get("max") is not None:
            self.error("out_of_range", (*path, "max"), value=most, allowed="> 0")
        rule = self.rule(data.get("rule"), (*path, "rule"), most)
        return Item(
            id=item_id,
            text=self.wording({key: data[key] for key in ("zh", "en") if key in data}, path),
            max_points=most,
            rule=rule,
            response=self.response(data, path, rule),
            method=self.vocabulary_codes(data, "method", path, vocabulary["methods"]),
            basis=self.codes(data.get("basis"), (*path, "basis")),
            evidence=self.vocabulary_codes(data, "evidence", path, vocabulary["evidence"]),
            photo=cast(
                PhotoPolicy,
                self.one_of(data.get("photo"), get_args(PhotoPolicy), (*path, "photo"), "forbidden"),
            ),
            na=self.vocabulary_codes(data, "na", path, vocabulary["na_reasons"]),
            key=self.switch(data.get("key"), (*path, "key"))
            or self.switch(data.get("gate"), (*path, "gate")),
            abort=abort,
            guidance=self.wording(data.get("guidance"), (*path, "guidance"), needed=False),
        )

    def response(self, data: Mapping[str, Any], path: Path, rule: Rule) -> Response:
        kind = rule_type(rule)
        written = data.get("rule")
        written = written.get("type") if isinstance(written, Mapping) else written
        fit = FIT[kind]
        given = self.one_of(data.get("response"), get_args(Response), (*path, "response"), fit)
        if data.get("response") is None and not self.lenient:
            self.error("missing", (*path, "response"), key="response")
        elif given != fit and written == kind:  # a rule that could not be read fits nothing
            self.error("response_unfit", (*path, "response"), value=given, rule=kind, fit=fit)
        return fit

    def vocabulary_codes(
        self, data: Mapping[str, Any], key: str, path: Path, terms: tuple[Term, ...]
    ) -> tuple[str, ...]:
        """Codes that the checklist's own vocabulary must have."""
        codes = self.codes(data.get(key), (*path, key))
        known = [term.code for term in terms]
        for place, code in enumerate(codes):
            if code not in known and not (self.lenient and not known):
                self.error("unknown_value", (*path, key, place), **nearest(code, known))
        return codes

    # --- rules ---

    def rule(self, row: object, path: Path, most: Decimal) -> Rule:
        data = {"type": row} if isinstance(row, str) else self.mapping(row, path)
        kind = data.get("type")
        if kind not in _RULE_KEYS:
            if kind is None:
                self.error("missing", (*path, "type"), key="type")
            else:
                self.error("unknown_value", (*path, "type"), **nearest(kind, list(_RULE_KEYS)))
            return BinaryRule()
        self.known_keys(data, _RULE_KEYS[kind], path, strict=True)
        scope: Any = self.one_of(data.get("scope"), ("item", "section"), (*path, "scope"), "item")
        match kind:
            case "per_occurrence":
                return PerOccurrenceRule(
                    deduct=self.positive(data, "deduct", path),
                    unit=self.string(data.get("unit"), (*path, "unit")),
                    cap=self.cap(data, path, most, scope),
                    repeat_multiplier=self.multiplier(data, path),
                    scope=scope,
                )
            case "shortfall":
                if data.get("required") is None:
                    self.error("missing", (*path, "required"), key="required")
                return ShortfallRule(
                    required=self.whole(data.get("required"), (*path, "required"), 1, 1),
                    deduct=self.positive(data, "deduct", path),
                    unit=self.string(data.get("unit"), (*path, "unit")),
                    cap=self.cap(data, path, most, scope),
                    scope=scope,
                )
            case "clauses":
                return ClausesRule(
                    clauses=self.clauses(data, path), cap=self.cap(data, path, most, scope), scope=scope
                )
            case "tiers":
                return self.tiers(data, path, most, scope)
            case "ratio":
                return self.ratio(data, path, most, scope)
            case _:
                return BinaryRule(scope=scope)

    def cap(self, data: Mapping[str, Any], path: Path, most: Decimal, scope: str) -> Decimal | None:
        cap = self.optional(data, "cap", path)
        if cap is not None and cap > most and scope == "item":
            self.warn("cap_idle", (*path, "cap"), value=cap, max=most)
        return cap

    def multiplier(self, data: Mapping[str, Any], path: Path) -> Decimal:
        figure = self.decimal(data.get("repeat_multiplier"), (*path, "repeat_multiplier"), Decimal(1))
        if figure < 1:
            self.error("out_of_range", (*path, "repeat_multiplier"), value=figure, allowed="≥ 1")
        return figure

    def clauses(self, data: Mapping[str, Any], path: Path) -> tuple[Clause, ...]:
        found: list[Clause] = []
        taken: set[str] = set()
        item_id = self.item_id
        rows = self.rows(data.get("clauses"), (*path, "clauses"))
        if not rows:
            self.error("missing", (*path, "clauses"), key="clauses")
        for place, row in enumerate(rows):
            at: Path = (*path, "clauses", place)
            one = self.mapping(row, at)
            clause_id = self.identifier(one, at, taken)
            self.item_id = item_id
            self.known_keys(one, {"id", "zh", "en", "deduct", "range"}, at, strict=True)
            if ("deduct" in one) == ("range" in one):
                self.error("clause_amount", at)
            found.append(
                Clause(
                    id=clause_id,
                    text=self.wording({key: one[key] for key in ("zh", "en") if key in one}, at),
                    deduct=self.positive(one, "deduct", at) if "deduct" in one else None,
                    range=self.range(one["range"], (*at, "range")) if "range" in one else None,
                )
            )
        return tuple(found)

    def range(self, row: object, path: Path) -> Range:
        data = self.mapping(row, path)
        low = self.decimal(data.get("min"), (*path, "min"))
        high = self.decimal(data.get("max"), (*path, "max"))
        step = self.decimal(data.get("step"), (*path, "step"), high - low if high > low else Decimal(1))
        if low > high:
            self.error("range_bounds", path, min=low, max=high)
        if low < 0:
            self.error("out_of_range", (*path, "min"), value=low, allowed="≥ 0")
        if step <= 0:
            self.error("out_of_range", (*path, "step"), value=step, allowed="> 0")
        elif (high - low) % step != 0:
            self.error("range_step", path, min=low, max=high, step=step)
        return Range(low, high, step)

    def tiers(self, data: Mapping[str, Any], path: Path, most: Decimal, scope: Any) -> TiersRule:
        found: list[Tier] = []
        for place, row in enumerate(self.rows(data.get("tiers"), (*path, "tiers"))):
            at: Path = (*path, "tiers", place)
            one = self.mapping(row, at)
            tier = Tier(
                self.decimal(one.get("gte"), (*at, "gte")), self.decimal(one.get("points"), (*at, "points"))
            )
            if found and tier.gte >= found[-1].gte:
                self.error("tiers_order", (*at, "gte"), value=tier.gte)
            if found and tier.points > found[-1].points:
                self.error("tiers_points", (*at, "points"), value=tier.points)
            if not ZERO <= tier.points <= most:
                self.error("out_of_range", (*at, "points"), value=tier.points, allowed=f"0 – {most}")
            found.append(tier)
        if not found or found[-1].gte != 0:
            self.error("tiers_zero", (*path, "tiers"))
        return TiersRule(
            tiers=tuple(found),
            value=self.string(data.get("value"), (*path, "value"), "percent"),
            min_sample=self.whole(data.get("min_sample"), (*path, "min_sample")),
            scope=scope,
        )

    def ratio(self, data: Mapping[str, Any], path: Path, most: Decimal, scope: Any) -> RatioRule:
        step = self.optional(data, "step", path)
        if step and most % step != 0:
            self.warn("step_of_max", (*path, "step"), max=most, step=step)
        return RatioRule(
            step=step,
            min_sample=self.whole(data.get("min_sample"), (*path, "min_sample")),
            zero_below=self.optional(data, "zero_below", path, Decimal(1)),
            scope=scope,
        )

    # --- outside the items ---

    def extras(
        self, top: Mapping[str, Any], key: str, taken: set[str], allowed: set[str]
    ) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        for place, row in enumerate(self.rows(top.get(key), (key,))):
            path: Path = (key, place)
            data = self.mapping(row, path)
            extra_id = self.identifier(data, path, taken)
            self.known_keys(data, allowed | {"id", "zh", "en", "basis"}, path, strict=True)
            text = self.wording({name: data[name] for name in ("zh", "en") if name in data}, path)
            found.append((data, path, extra_id, text, self.codes(data.get("basis"), (*path, "basis"))))
        return found

    def aggravating(self, top: Mapping[str, Any], taken: set[str]) -> tuple[Aggravating, ...]:
        return tuple(
            Aggravating(
                id=extra_id,
                deduct=self.positive(data, "deduct", path),
                text=text,
                unit=self.string(data.get("unit"), (*path, "unit")),
                sensitive=self.switch(data.get("sensitive"), (*path, "sensitive")),
                basis=basis,
            )
            for data, path, extra_id, text, basis in self.extras(
                top, "aggravating", taken, {"deduct", "unit", "sensitive"}
            )
        )

    def vetoes(self, top: Mapping[str, Any], taken: set[str]) -> tuple[Veto, ...]:
        return tuple(
            Veto(id=extra_id, grade=self.string(data.get("grade"), (*path, "grade")), text=text, basis=basis)
            for data, path, extra_id, text, basis in self.extras(top, "vetoes", taken, {"grade"})
        )

    def bonus(self, top: Mapping[str, Any], taken: set[str]) -> tuple[Bonus, ...]:
        return tuple(
            Bonus(
                id=extra_id,
                points=self.positive(data, "points", path),
                max_count=self.whole(data["max_count"], (*path, "max_count"), 1, 1)
                if "max_count" in data
                else None,
                text=text,
                basis=basis,
            )
            for data, path, extra_id, text, basis in self.extras(top, "bonus", taken, {"points", "max_count"})
        )

    # --- policy ---

    def policy(self, data: Mapping[str, Any], path: Path, gates: tuple[Gate, ...], has_bonus: bool) -> Policy:
        self.known_keys(data, _SCORING_KEYS, path, strict=True)
        for key in ("item_floor", "section_floor", "total_floor"):
            if self.decimal(data.get(key), (*path, key), ZERO) != 0:
                self.error("floor", (*path, key), value=data[key])
        self.one_of(data.get("arithmetic"), ("decimal",), (*path, "arithmetic"), "decimal")
        self.one_of(
            data.get("min_sample_rule"), ("sample_or_all",), (*path, "min_sample_rule"), "sample_or_all"
        )
        rounding = self.mapping(data.get("rounding", {}), (*path, "rounding"))
        self.known_keys(rounding, {"mode", "places"}, (*path, "rounding"), strict=True)
        self.one_of(rounding.get("mode"), ("half_up",), (*path, "rounding", "mode"), "half_up")
        enabled = data.get("bonus_enabled", data.get("bonus_enabled_default"))

        def choice(key: str, *allowed: str) -> Any:
            return self.one_of(data.get(key), allowed, (*path, key), allowed[0])

        return Policy(
            grades=self.grades(data, path),
            na_policy=choice("na_policy", "renormalise", "full_credit"),
            na_needs_consent=self.switch(data.get("na_requires_reason"), (*path, "na_requires_reason"), True),
            aggravating_stage=choice("aggravating_stage", "before_normalise", "after_normalise"),
            total_cap=self.decimal(data.get("total_cap"), (*path, "total_cap"), Decimal(100)),
            bonus_cap=self.optional(data, "bonus_cap", path),
            bonus_enabled=self.switch(enabled, (*path, "bonus_enabled"), self.lenient and has_bonus),
            places=self.whole(rounding.get("places"), (*path, "rounding", "places"), 0, 2),
            grade_on=choice("grade_on", "rounded", "exact"),
            duplicate_facts=choice("duplicate_facts", "charge_once", "charge_each"),
            gates=gates,
        )

    def grades(self, data: Mapping[str, Any], path: Path) -> tuple[Grade, ...]:
        written = data.get("grades")
        if written is None and self.lenient:
            written = _DEFAULT_GRADES
        found: list[Grade] = []
        taken: set[str] = set()
        for place, row in enumerate(self.rows(written, (*path, "grades"))):
            at: Path = (*path, "grades", place)
            one = self.mapping(row, at)
            code = self.string(one.get("code"), (*at, "code"))
            if not code:
                self.error("missing", (*at, "code"), key="code")
            elif code in taken:
                self.error("duplicate_id", (*at, "code"), value=code)
            taken.add(code)
            least = self.decimal(one.get("min"), (*at, "min"))
            if found and least >= found[-1].min:
                self.error("grades_order", (*at, "min"), value=least)
            text = self.wording({key: one[key] for key in ("zh", "en") if key in one}, at)
            found.append(Grade(code=code, min=least, text=text))
        if not found or found[-1].min != 0:
            self.error("grades_zero", (*path, "grades"))
        return tuple(found)

    def gates(
        self, written: object, path: Path, sections: tuple[Section, ...], known: set[str]
    ) -> tuple[Gate, ...]:
        found: list[Gate] = []
        taken: set[str] = set()
        for place, row in enumerate(self.rows(written, path)):
            at: Path = (*path, place)
            data = self.mapping(row, at)
            gate_id = self.identifier(data, at, taken)
            self.known_keys(
                data, {"id", "when", "max_grade", "grade", "force_grade", "zh", "en"}, at, strict=True
            )
            forced = data.get("grade", data.get("force_grade"))
            if (data.get("max_grade") is None) == (forced is None):
                self.error("gate_grade", at)
            when = data.get("when")
            rows = when if isinstance(when, list) else [when]
            conditions = tuple(
                condition
                for one in rows
                for condition in self.conditions(one, (*at, "when"), sections, known)
            )
            if not conditions:
                self.error("gate_empty", (*at, "when"))
            found.append(
                Gate(
                    id=gate_id,
                    when=conditions,
                    max_grade=self.string(data.get("max_grade") or forced, (*at, "max_grade")),
                    forces=forced is not None,
                    text=self.wording({key: data[key] for key in ("zh", "en") if key in data}, at),
                )
            )
        self.item_id = ""
        return tuple(found)

    def conditions(
        self, row: object, path: Path, sections: tuple[Section, ...], known: set[str]
    ) -> list[Condition]:
        """All that one `when` says; each part must hold."""
        data = dict(self.mapping(row, path))
        allowed = {
            "section", "any_section", "key_items", "items", "ratio_below", "key_ratio_below",
            "key_items_ratio_below", "any_section_ratio_below", "aggravating_count_at_least", "veto_count",
        }  # fmt: skip
        self.known_keys(data, allowed, path, strict=True)
        found: list[Condition] = []
        if "any_section_ratio_below" in data:
            found.append(SectionRatio("*", self.share(data, "any_section_ratio_below", path)))
        keys = [key for key in ("key_ratio_below", "key_items_ratio_below") if key in data]
        found += [self.key_ratio(data, key, path, sections) for key in keys]
        if "ratio_below" in data:
            found.append(self.ratio_below(data, path, sections, known))
        if "aggravating_count_at_least" in data:
            key = "aggravating_count_at_least"
            found.append(AggravatingCount(self.whole(data[key], (*path, key), 1, 1)))
        if "veto_count" in data:
            found.append(self.veto_count(data["veto_count"], (*path, "veto_count"), known))
        return found

    def share(self, data: Mapping[str, Any], key: str, path: Path) -> Decimal:
        return self.optional(data, key, path, Decimal(1)) or ZERO

    def key_ratio(
        self, data: Mapping[str, Any], key: str, path: Path, sections: tuple[Section, ...]
    ) -> ItemsRatio:
        if not any(item.key for section in sections for item in section.items):
            self.error("key_none", path)
        return ItemsRatio(self.share(data, key, path))

    def ratio_below(
        self, data: Mapping[str, Any], path: Path, sections: tuple[Section, ...], known: set[str]
    ) -> Condition:
        below = self.share(data, "ratio_below", path)
        if data.get("key_items"):
            return self.key_ratio(data, "ratio_below", path, sections)
        if "items" in data:
            return ItemsRatio(below, self.known_items(data["items"], (*path, "items"), known))
        section = "*" if data.get("any_section") else self.string(data.get("section"), (*path, "section"))
        codes = [one.id for one in sections]
        if section not in ("*", *codes):
            self.error("unknown_value", (*path, "section"), **nearest(section, codes))
        return SectionRatio(section, below)

    def veto_count(self, row: object, path: Path, known: set[str]) -> VetoCount:
        data = self.mapping(row, path)
        self.known_keys(data, {"items", "at_least"}, path, strict=True)
        items = self.known_items(data.get("items"), (*path, "items"), known)
        at_least = self.whole(data.get("at_least"), (*path, "at_least"), 1, 1)
        if at_least > len(items):
            self.error("gate_count", (*path, "at_least"), value=at_least, size=len(items))
        return VetoCount(items, at_least)

    def known_items(self, row: object, path: Path, known: set[str]) -> tuple[str, ...]:
        items = self.codes(row, path)
        for place, item in enumerate(items):
            if item not in known:
                self.error("unknown_value", (*path, place), **nearest(item, sorted(known)))
        return items

    def grades_exist(self, checklist: Checklist, at_gates: Path) -> None:
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
            self.item_id = veto.id
            if veto.grade and veto.grade not in codes:
                self.error("unknown_value", ("vetoes", place, "grade"), **nearest(veto.grade, codes))
            if not veto.grade and veto.id not in counted:
                self.error("missing", ("vetoes", place, "grade"), key="grade")
        for place, gate in enumerate(checklist.policy.gates):
            self.item_id = gate.id
            if gate.max_grade and gate.max_grade not in codes:
                self.error("unknown_value", (*at_gates, place, "max_grade"), **nearest(gate.max_grade, codes))
        self.item_id = ""


def plain(figure: Decimal) -> Decimal:
    """The same figure as people write it: no trailing zeros, no exponent, no negative zero."""
    try:
        short = figure.normalize()
    except InvalidOperation:
        return figure
    if short == 0:
        return ZERO
    exponent = short.as_tuple().exponent
    return short.quantize(Decimal(1)) if isinstance(exponent, int) and exponent > 0 else short
