"""Runs worked scoring examples through the real path and prints every difference.

A case has a checklist (bare, or the file beside it) and variants, each with answers and what a person
worked out by hand. The answers become operations, the operations are merged, the merged inspection is
scored: nothing here computes a figure. Cases with `annual` compose a year instead.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

from server.planning.checklists import Out
from server.planning.spelled import write_answers
from server.planning.yaml_marks import Written, read_yaml
from shared_schema import merge, operations
from shared_schema.annual import AnnualPolicy, AnnualResult, annual
from shared_schema.answers import check_answer
from shared_schema.checklist import Checklist
from shared_schema.checklist_reader import examine
from shared_schema.problems import Language, Problem
from shared_schema.scoring import score
from shared_schema.sheet import ScoreSheet

LoadFile = Callable[[str], bytes]
"""The bytes of a file that stands beside the cases; raises OSError."""

_CASE_KEYS = {
    "id", "title", "modelled_on", "scoring", "checklist", "checklist_file", "all_other_items", "annual", "variants",
    "answers", "components", "overdue_findings", "index_points", "by_hand", "expected", "note", "notes", "source",
    "comment", "overdue_count",
}  # fmt: skip


class Difference(NamedTuple):
    """One figure that did not come out as worked by hand."""

    variant: str
    key: str
    expected: object
    found: object

    def message(self) -> str:
        """In one line."""
        return f"{self.variant} {self.key}: expected {_printed(self.expected)}, found {_printed(self.found)}"


class Ran(NamedTuple):
    """What came of a file of worked examples."""

    variants: int
    differences: tuple[Difference, ...]
    remarks: tuple[str, ...]
    """What a tablet would not have taken: the figure is compared all the same."""


class _Broken(ValueError):
    """A case that cannot be run."""


def test_file(path: Path, out: Out, language: Language = "en") -> int:  # noqa: PT028 - a command, not a test
    """Prints every difference, then the counts. 0 when all agree, 1 when not, 2 when unreadable."""
    try:
        written = read_yaml(path.read_bytes(), path.name)
        ran = run_cases(written, lambda name: (path.parent / name).read_bytes())
    except OSError as err:
        out(f"{err.filename or path}: {err.strerror}")
        return 2
    except Problem as problem:
        out(problem.message(language))
        return 2
    for remark in ran.remarks:
        out(f"note: {remark}")
    for difference in ran.differences:
        out(difference.message())
    out(f"{ran.variants} variants, {len(ran.differences)} mismatches")
    return 1 if ran.differences else 0


test_file.__test__ = False  # type: ignore[attr-defined]  # a command, whatever pytest makes of its name


def run_cases(written: Written, load: LoadFile) -> Ran:
    """Runs every variant of every case. Raises file_invalid where there are no cases."""
    data = written.data
    if not isinstance(data, Mapping) or not isinstance(data.get("cases"), list) or not data["cases"]:
        cure = "文件应有 cases 列表 / the file must have a list of cases"
        raise Problem("file_invalid", file=written.file, line=1, column="cases", cure=cure)
    defaults = data.get("defaults") or {}
    if not isinstance(defaults, Mapping):
        cure = "defaults 应为映射 / defaults must be a mapping"
        raise Problem(
            "file_invalid", file=written.file, line=written.line(("defaults",)), column="defaults", cure=cure
        )
    count = 0
    differences: list[Difference] = []
    remarks: list[str] = []
    for at, case in enumerate(data["cases"]):
        where = f"{written.file} {written.line(('cases', at))}"
        if not isinstance(case, Mapping):
            count += 1
            differences.append(Difference(where, "case", "a mapping", case))
            continue
        for name, variant in _variants(case, where):
            count += 1
            try:
                differences += _run(name, case, variant, defaults, load, remarks)
            except (ValueError, Problem) as err:
                differences.append(Difference(name, "case", "a case that can be run", str(err)))
    return Ran(count, tuple(differences), tuple(remarks))


def _variants(case: Mapping[str, Any], where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The variants of a case by name; a case without any is its own."""
    name = str(case.get("id", where))
    rows = case.get("variants")
    if rows is None:
        yield name, case
        return
    for at, row in enumerate(rows if isinstance(rows, list) else [rows]):
        data = row if isinstance(row, Mapping) else {"unreadable": row}
        yield str(data.get("id", f"{name}[{at}]")), data


def _run(
    name: str,
    case: Mapping[str, Any],
    variant: Mapping[str, Any],
    defaults: Mapping[str, Any],
    load: LoadFile,
    remarks: list[str],
) -> list[Difference]:
    unknown = (set(case) | set(variant)) - _CASE_KEYS
    if unknown:
        raise _Broken(f"unknown key {', '.join(sorted(map(str, unknown)))}")
    expected = variant.get("expected")
    if not isinstance(expected, Mapping) or not expected:
        raise _Broken("expected is missing")
    if "annual" in case or "annual" in variant:
        return _compare(name, expected, _annual_figures(_year(case, variant)))
    checklist = _checklist(case, variant, defaults, load)
    sheet = _score(name, checklist, {**case, **variant}, remarks)
    return _compare(name, expected, _sheet_figures(sheet))


# --- the real path ------------------------------------------------------------------------------------


def _score(name: str, checklist: Checklist, data: Mapping[str, Any], remarks: list[str]) -> ScoreSheet:
    answers = data.get("answers") or {}
    if not isinstance(answers, Mapping):
        raise _Broken("answers is not a mapping")
    written = write_answers(checklist, answers, data.get("all_other_items"))
    for one in written:
        try:
            check_answer(checklist, one.body)
        except Problem as problem:
            remarks.append(f"{name}: {problem.message('en')}")
    state = merge.apply(merge.EMPTY, [operations.read(one.raw) for one in written])
    return score(checklist, merge.view(state))


def _checklist(
    case: Mapping[str, Any], variant: Mapping[str, Any], defaults: Mapping[str, Any], load: LoadFile
) -> Checklist:
    """The case's own checklist, with the scoring that case and variant lay over it."""
    file = variant.get("checklist_file", case.get("checklist_file"))
    own = variant.get("checklist", case.get("checklist"))
    if file is not None:
        top = dict(read_yaml(load(str(file)), str(file)).data)
        base: Mapping[str, Any] = {}
    elif isinstance(own, Mapping):
        top = dict(own)
        base = defaults
    else:
        raise _Broken("there is neither a checklist nor a checklist_file")
    head = dict(top.get("checklist") or {})
    laid_over = {**(case.get("scoring") or {}), **(variant.get("scoring") or {})}
    scoring = {**base, **(top.pop("scoring", None) or head.get("scoring") or {}), **laid_over}
    _gather_gates(top, scoring)
    if "total_points" in laid_over:
        head["total_points"] = laid_over["total_points"]
    top["checklist"] = {**head, "scoring": scoring}
    if file is None:
        top["sections"] = [_filled(section, case, variant) for section in top.get("sections") or []]
    examined = examine(top, lenient=file is None or bool(laid_over))
    if examined.errors:
        raise _Broken("; ".join(issue.message("en") for issue in examined.errors))
    return examined.checklist


def _gather_gates(top: dict[str, Any], scoring: dict[str, Any]) -> None:
    """Puts all gates in one place; a veto that counts others is a gate that forces its grade."""
    vetoes = top.get("vetoes") or []
    counting = [row for row in vetoes if isinstance(row, Mapping) and ("when" in row or "veto_count" in row)]
    gates = [*(scoring.get("gates") or []), *(top.pop("gates", None) or [])]
    for row in counting:
        bare = {key: value for key, value in row.items() if key != "veto_count"}
        gates.append({"when": {"veto_count": row["veto_count"]}, **bare} if "veto_count" in row else bare)
    if counting:
        top["vetoes"] = [row for row in vetoes if row not in counting]
    if gates:
        scoring["gates"] = gates


def _filled(section: Any, case: Mapping[str, Any], variant: Mapping[str, Any]) -> Any:
    """A bare section whose items take the reasons for N/A that the variant gives.

    `scope` belongs to the rule, `abort` and `key` to the item; either place is taken here.
    """
    if not isinstance(section, Mapping):
        return section
    answers = variant.get("answers", case.get("answers")) or {}
    items = []
    for row in section.get("items") or []:
        item = dict(row) if isinstance(row, Mapping) else row
        if isinstance(item, dict):
            reasons = sorted(_reasons(answers.get(item.get("id"))))
            item["na"] = sorted({*(item.get("na") or []), *reasons})
            if isinstance(item.get("rule"), Mapping):
                rule = dict(item["rule"])
                rule |= {key: item.pop(key) for key in ("scope",) if key in item}
                item |= {key: rule.pop(key) for key in ("abort", "key") if key in rule}
                item["rule"] = rule
        items.append(item)
    return {**section, "items": items}


def _reasons(spelled: Any) -> set[str]:
    if not isinstance(spelled, Mapping):
        return set()
    if "disputed" in spelled:
        return {reason for one in spelled["disputed"] for reason in _reasons(one)}
    na = spelled.get("na")
    return set() if na is None else {str(na.get("reason") if isinstance(na, Mapping) else na)}


def _year(case: Mapping[str, Any], variant: Mapping[str, Any]) -> AnnualResult:
    data = {**(case.get("annual") or {}), **(variant.get("annual") or {})}
    rounding = data.get("rounding") or {}
    unknown = set(data) - {"weights", "overdue_deduct", "overdue_cap", "missing", "rounding", "index_points"}
    if unknown or rounding.get("mode", "half_up") != "half_up" or not data.get("weights"):
        raise _Broken(f"annual cannot be read: {', '.join(sorted(unknown)) or 'weights or rounding'}")
    missing = data.get("missing", "block")
    if missing not in ("block", "redistribute", "zero"):
        raise _Broken(f"missing: {missing} is not known, use block, redistribute or zero")
    both = {**case, **variant}
    components = both.get("components") or {}
    unweighted = set(components) - set(data["weights"])
    if unweighted:
        raise _Broken(f"components without a weight: {', '.join(sorted(unweighted))}")
    cap = data.get("overdue_cap")
    index = both.get("index_points", data.get("index_points"))
    return annual(
        AnnualPolicy(
            weights={name: _number(weight) for name, weight in data["weights"].items()},
            overdue_deduct=_number(data.get("overdue_deduct", 0)),
            overdue_cap=None if cap is None else _number(cap),
            missing=missing,
            places=int(rounding.get("places", 2)),
        ),
        {name: None if figure is None else _number(figure) for name, figure in components.items()},
        int(both.get("overdue_findings", both.get("overdue_count", 0)) or 0),
        None if index is None else _number(index),
    )


def _number(figure: object) -> Decimal:
    try:
        return Decimal(str(figure).strip())
    except InvalidOperation:
        raise _Broken(f"{figure} is not a number") from None


# --- comparing ----------------------------------------------------------------------------------------


class _Printed(str):
    """A figure that must come out exactly as printed, trailing zeros and all."""

    __slots__ = ()


def _sheet_figures(sheet: ScoreSheet) -> Mapping[str, object]:
    """Everything a worked example may expect of a score sheet, by its name there."""

    def printed(figure: Decimal | None) -> _Printed | None:
        return None if figure is None else _Printed(figure)

    items: dict[str, object] = {line.item: line.points for line in sheet.items}
    deducted = {
        line.item: None if line.points is None else line.max_points - line.points for line in sheet.items
    }
    return {
        "items": items | {line.item: line.points_high for line in sheet.extras},
        "item_status": {line.item: line.status for line in sheet.items},
        "deductions": deducted | {line.item: line.points_high for line in sheet.extras},
        "warnings": {line.item: line.warnings for line in sheet.items},
        "low": {line.item: line.low for line in sheet.items},
        "high": {line.item: line.high for line in sheet.items},
        "sections": {line.section: line.points for line in sheet.sections},
        "section_applicable": {line.section: line.applicable for line in sheet.sections},
        "section_ratios": {line.section: line.ratio_high for line in sheet.sections},
        "base": sheet.base,
        "applicable": sheet.applicable,
        "aggravating": sheet.aggravating,
        "bonus": sheet.bonus,
        "percent": printed(sheet.percent),
        "percent_low": printed(sheet.percent_low),
        "percent_high": printed(sheet.percent_high),
        "grade": sheet.grade,
        "grade_low": sheet.grade_low,
        "grade_high": sheet.grade_high,
        "fired": sheet.fired,
        "status": sheet.status,
        "aborted_by": sheet.aborted_by,
        "open": sheet.counts.open,
        "disputed": sheet.counts.disputed,
        "held": sheet.counts.held,
        "not_applicable": sheet.counts.not_applicable,
    }


def _annual_figures(result: AnnualResult) -> Mapping[str, object]:
    return {
        "composite": result.composite,
        "annual": result.annual,
        "converted": result.converted,
        "overdue": result.overdue,
        "status": result.status,
        "missing": result.missing,
    }


def _compare(name: str, expected: Mapping[str, Any], found: Mapping[str, object]) -> list[Difference]:
    differences: list[Difference] = []
    for key, wanted in expected.items():
        if key not in found:
            differences.append(Difference(name, key, wanted, "no figure of this name"))
            continue
        have = found[key]
        if isinstance(have, Mapping):
            differences += _compare_each(name, key, wanted, have)
        elif not _same(wanted, have):
            differences.append(Difference(name, key, wanted, have))
    return differences


def _compare_each(name: str, key: str, wanted: Any, have: Mapping[str, object]) -> list[Difference]:
    if not isinstance(wanted, Mapping):
        return [Difference(name, key, wanted, dict(have))]
    return [
        Difference(name, f"{key}.{one}", figure, have.get(one, "nothing of this name"))
        for one, figure in wanted.items()
        if one not in have or not _same(figure, have[one])
    ]


def _same(wanted: Any, have: object) -> bool:
    """Printed figures as text, other figures as exact decimals, lists in any order."""
    if wanted is None or have is None:
        return wanted is None and have is None
    if isinstance(have, tuple):
        rows = wanted if isinstance(wanted, list) else [wanted]
        return sorted(map(str, rows)) == sorted(map(str, have))
    if isinstance(have, _Printed) and isinstance(wanted, str):
        return wanted.strip() == have
    if isinstance(have, Decimal | int | _Printed):
        try:
            return Decimal(str(wanted).strip()) == Decimal(str(have))
        except InvalidOperation:
            return False
    return str(wanted) == str(have)


def _printed(figure: object) -> str:
    if isinstance(figure, tuple | list):
        return f"[{', '.join(map(str, figure))}]"
    return "none" if figure is None else str(figure)
