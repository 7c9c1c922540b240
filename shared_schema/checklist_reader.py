"""Reads a checklist from plain data (what a YAML file parses to), naming everything wrong with it at once.

`examine` returns the checklist with all errors and warnings; `parse` returns it or raises. The lenient
mode is for worked examples, whose checklists are bare: what is missing is filled in without a word.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple, cast, get_args

from shared_schema.checklist import Checklist, Item, PhotoPolicy, Response, Section, Term
from shared_schema.checklist_issues import Issue, Path, nearest
from shared_schema.plain_reader import ZERO, Reader, plain
from shared_schema.policy_reader import check_grades, read_gates, read_policy
from shared_schema.problems import Problem
from shared_schema.rule_reader import FIT, read_aggravating, read_bonus, read_rule, read_vetoes
from shared_schema.rules import Rule, rule_type

_TOP_KEYS = {
    "schema", "checklist", "enums", "sections", "aggravating", "vetoes", "bonus", "gates", "scoring"
}  # fmt: skip
_HEAD_KEYS = {"code", "version", "title", "audience", "total_points", "scoring"}
_ITEM_KEYS = {
    "id", "zh", "en", "method", "basis", "evidence", "photo", "response", "max", "na", "rule", "key", "gate",
    "abort", "guidance",
}  # fmt: skip


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
    reader = Reader(lenient)
    checklist = _checklist(reader, data)
    return Examined(checklist, tuple(reader.errors), tuple(reader.warnings))


def _checklist(reader: Reader, data: object) -> Checklist:
    top = reader.mapping(data, ())
    head = reader.mapping(top.get("checklist"), ("checklist",))
    scoring = reader.mapping(head.get("scoring", top.get("scoring")), ("checklist", "scoring"))
    reader.known_keys(top, _TOP_KEYS, ())
    reader.known_keys(head, _HEAD_KEYS, ("checklist",))
    vocabulary = _vocabulary(reader, top)
    taken: set[str] = set()
    sections = _sections(reader, top, vocabulary, taken)
    aggravating = read_aggravating(reader, top, taken)
    vetoes = read_vetoes(reader, top, taken)
    bonus = read_bonus(reader, top, taken)
    reader.item_id = ""
    at_scoring: Path = ("checklist", "scoring") if "scoring" in head else ("scoring",)
    at_gates: Path = (*at_scoring, "gates") if "gates" in scoring else ("gates",)
    gates = read_gates(reader, scoring.get("gates", top.get("gates")), at_gates, sections, taken)
    checklist = Checklist(
        code=reader.required(head, "code", ("checklist",), "case"),
        version=reader.required(head, "version", ("checklist",), "0"),
        title=reader.wording(head.get("title"), ("checklist", "title")),
        audience=reader.wording(head.get("audience"), ("checklist", "audience"), needed=False),
        total_points=_total(reader, head, scoring, sections),
        policy=read_policy(reader, scoring, at_scoring, gates, bool(bonus)),
        sections=sections,
        aggravating=aggravating,
        vetoes=vetoes,
        bonus=bonus,
        **vocabulary,
    )
    check_grades(reader, checklist, at_gates)
    return checklist


def _vocabulary(reader: Reader, top: Mapping[str, Any]) -> dict[str, tuple[Term, ...]]:
    enums = reader.mapping(top.get("enums"), ("enums",)) if "enums" in top or not reader.lenient else {}
    found: dict[str, tuple[Term, ...]] = {}
    for key, name in (
        ("method", "methods"),
        ("evidence", "evidence"),
        ("photo", "photos"),
        ("response", "responses"),
        ("na_reason", "na_reasons"),
    ):
        terms = reader.mapping(enums.get(key), ("enums", key)) if key in enums else {}
        found[name] = tuple(
            Term(str(code), reader.wording(text, ("enums", key, code))) for code, text in terms.items()
        )
    return found


def _total(
    reader: Reader, head: Mapping[str, Any], scoring: Mapping[str, Any], sections: tuple[Section, ...]
) -> Decimal:
    """The stated total, which must be what the sections make; a worked example's may differ."""
    made = plain(sum((section.points for section in sections), ZERO))
    key = "total_points"
    stated = head.get(key, scoring.get(key))
    path: Path = ("checklist", key)
    if stated is None and reader.lenient:
        return made
    total = reader.decimal(stated, path)
    if total != made and not reader.lenient and stated is not None:
        reader.error("total_points", path, stated=total, sum=made)
    return total


# --- sections and items ---------------------------------------------------------------------------------


def _sections(
    reader: Reader, top: Mapping[str, Any], vocabulary: Mapping[str, tuple[Term, ...]], taken: set[str]
) -> tuple[Section, ...]:
    found: list[Section] = []
    section_ids: set[str] = set()
    rows = reader.rows(top.get("sections"), ("sections",))
    for place, row in enumerate(rows):
        path: Path = ("sections", place)
        data = reader.mapping(row, path)
        section_id = reader.identifier(data, path, section_ids)
        reader.known_keys(data, {"id", "points", "title", "reg58", "items", "zh", "en"}, path)
        items = tuple(
            _item(reader, one, (*path, "items", at), vocabulary, taken)
            for at, one in enumerate(reader.rows(data.get("items"), (*path, "items")))
        )
        reader.item_id = section_id
        made = plain(sum((item.max_points for item in items), ZERO))
        points = reader.decimal(data.get("points"), (*path, "points"), made if reader.lenient else None)
        if points != made and data.get("points") is not None:
            reader.error("section_points", (*path, "points"), stated=points, sum=made)
        reg58 = reader.rows(data.get("reg58"), (*path, "reg58"))
        found.append(
            Section(
                id=section_id,
                title=reader.wording(data.get("title", data if "zh" in data else None), (*path, "title")),
                points=points,
                items=items,
                reg58=tuple(reader.whole(one, (*path, "reg58", at), 1) for at, one in enumerate(reg58)),
            )
        )
    reader.item_id = ""
    if not any(section.items for section in found):
        reader.error("no_items", ("sections",))
    return tuple(found)


def _item(
    reader: Reader, row: object, path: Path, vocabulary: Mapping[str, tuple[Term, ...]], taken: set[str]
) -> Item:
    data = reader.mapping(row, path)
    item_id = reader.identifier(data, path, taken)
    reader.known_keys(data, _ITEM_KEYS, path)
    abort = reader.switch(data.get("abort"), (*path, "abort"))
    most = reader.decimal(data.get("max"), (*path, "max"))
    if (most < 0 or (most == 0 and not abort)) and data.get("max") is not None:
        reader.error("out_of_range", (*path, "max"), value=most, allowed="> 0")
    rule = read_rule(reader, data.get("rule"), (*path, "rule"), most)
    return Item(
        id=item_id,
        text=reader.wording({key: data[key] for key in ("zh", "en") if key in data}, path),
        max_points=most,
        rule=rule,
        response=_response(reader, data, path, rule),
        method=_vocabulary_codes(reader, data, "method", path, vocabulary["methods"]),
        basis=reader.codes(data.get("basis"), (*path, "basis")),
        evidence=_vocabulary_codes(reader, data, "evidence", path, vocabulary["evidence"]),
        photo=cast(
            PhotoPolicy,
            reader.one_of(data.get("photo"), get_args(PhotoPolicy), (*path, "photo"), "forbidden"),
        ),
        na=_vocabulary_codes(reader, data, "na", path, vocabulary["na_reasons"]),
        key=reader.switch(data.get("key"), (*path, "key"))
        or reader.switch(data.get("gate"), (*path, "gate")),
        abort=abort,
        guidance=reader.wording(data.get("guidance"), (*path, "guidance"), needed=False),
    )


def _response(reader: Reader, data: Mapping[str, Any], path: Path, rule: Rule) -> Response:
    kind = rule_type(rule)
    written = data.get("rule")
    written = written.get("type") if isinstance(written, Mapping) else written
    fit = FIT[kind]
    given = reader.one_of(data.get("response"), get_args(Response), (*path, "response"), fit)
    if data.get("response") is None and not reader.lenient:
        reader.error("missing", (*path, "response"), key="response")
    elif given != fit and written == kind:  # a rule that could not be read fits nothing
        reader.error("response_unfit", (*path, "response"), value=given, rule=kind, fit=fit)
    return fit


def _vocabulary_codes(
    reader: Reader, data: Mapping[str, Any], key: str, path: Path, terms: tuple[Term, ...]
) -> tuple[str, ...]:
    """Codes that the checklist's own vocabulary must have."""
    codes = reader.codes(data.get(key), (*path, key))
    known = [term.code for term in terms]
    for place, code in enumerate(codes):
        if code not in known and not (reader.lenient and not known):
            reader.error("unknown_value", (*path, key, place), **nearest(code, known))
    return codes
