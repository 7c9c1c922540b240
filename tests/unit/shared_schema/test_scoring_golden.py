"""A score sheet once printed stays as it is, to the byte, until the engine version says otherwise.

After a change that is meant to alter sheets: raise ENGINE_VERSION, write the new bytes of `visit` into
the file with a newline after them, and say so in the changelog.
"""

from decimal import Decimal
from pathlib import Path

import yaml

from shared_schema import merge
from shared_schema.checklist_reader import parse
from shared_schema.operations import (
    Actual,
    Answer,
    AnswerValue,
    ClauseHit,
    Clauses,
    Count,
    Finding,
    NaConsent,
    NotApplicable,
    Operation,
    Ratio,
    Value,
    YesNo,
)
from shared_schema.rules import (
    BinaryRule,
    ClausesRule,
    PerOccurrenceRule,
    RatioRule,
    ShortfallRule,
    TiersRule,
)
from shared_schema.scoring import score
from shared_schema.sheet import sheet_bytes, sheet_from_bytes
from tests.make import make_op

TESTS = Path(__file__).parents[2]
GOLDEN = TESTS / "golden" / "scores" / "street_office.json"
CHECKLIST = parse(yaml.safe_load((TESTS / "data" / "checklist_default.yaml").read_text(encoding="utf-8")))
RECORDED: dict[str, AnswerValue] = {
    "A04": Ratio(4, 3),
    "A07": Clauses((ClauseHit("b"),)),
    "B06": Count(3),
    "E01": Ratio(30, 28),
    "E05": Count(5),
    "E09": Count(3),
    "H05": Count(2),
}
FULL: dict[type, AnswerValue] = {
    BinaryRule: YesNo(ok=True),
    PerOccurrenceRule: Count(0),
    ShortfallRule: Actual(4),
    ClausesRule: Clauses(),
    TiersRule: Value(Decimal(100)),
    RatioRule: Ratio(10, 10),
}


def visit() -> list[Operation]:
    """A street office without authority to classify, some problems, one item in dispute and one N/A unconfirmed."""
    operations: list[Operation] = []

    def tap(body: object, by: int = 1) -> None:
        operations.append(make_op(body, person=f"P-{by}", device=f"D-{by}", seq=len(operations) + 1))  # type: ignore[arg-type]

    for item in CHECKLIST.items:
        if item.id not in ("B03", "D06"):
            tap(Answer(item.id, RECORDED.get(item.id, FULL[type(item.rule)])))
    tap(NotApplicable("B03", "no_power", "无定密权"))
    tap(NaConsent("B03", "no_power"), by=2)
    tap(NotApplicable("D06", "no_topsecret"))
    tap(Answer("B06", Count(4)), by=2)
    tap(Finding(finding="F-1", item="E09", fact="存有内部材料", occurrences=2), by=2)
    tap(Answer("X03", Count(1)), by=2)
    return operations


def test_a_printed_sheet_stays_as_it_is() -> None:
    """The same operations give the same bytes, for ever."""
    sheet = score(CHECKLIST, merge.view(merge.apply(merge.EMPTY, visit())))
    content = sheet_bytes(sheet)
    assert GOLDEN.read_bytes() == content + b"\n"
    assert sheet_from_bytes(content) == sheet
    # By hand: lost for sure 0.5+0.5+0.1+2+1.5+1 = 5.6 and X03 4; B06 loses 1 or 0.75; D06 is worth 0 or 1 of 1.
    # (99 - 1 - 5.6 - 1 - 4)/99 = 88.28; (99 - 5.6 - 0.75 - 4)/99 = 89.55; as N/A 87.65/98 = 89.44.
    assert (str(sheet.percent_low), str(sheet.percent_high)) == ("88.28", "89.55")
