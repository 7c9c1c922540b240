"""Rows made after one change more are the rows made at once: what they are made from may lie in another field."""

import shlex

from server.intake.score_rows import Kept, rows_of
from server.storage import tables
from server.storage.registers import InspectionRow
from server.storage.rows import Rows, in_order
from shared_schema import merge
from shared_schema.ids import InspectionId, SquadId, UnitId
from shared_schema.operations import Finding, FindingAmended, FindingRepeatOf, Operation
from shared_schema.pricing import Memo
from shared_schema.scoring import score
from tests.contract.plan import CHECKLIST, HASH
from tests.make import Scribe, make_finding, make_settlement

HERE, THERE = CHECKLIST.items[0].id, CHECKLIST.items[1].id
PLACE = InspectionRow(
    id=InspectionId("I-1"), campaign="C-1", unit=UnitId("U-1"), squad=SquadId("S-1"), planned_date="2026-06-01",
    checklist=HASH, responsible_person="P-1",
)  # fmt: skip


def stepwise(operations: list[Operation]) -> list[Rows]:
    """The rows after each operation, each held to those made at once."""
    seen, memo, kept, found = merge.Seen(), Memo(), Kept(), []
    for number, operation in enumerate(operations, start=1):
        seen = merge.advance(seen, [operation])
        sheet = score(CHECKLIST, seen.inspection, memo)
        rows = rows_of(PLACE, number, seen.state, seen.inspection, sheet, kept)
        state = merge.apply(merge.EMPTY, operations[:number])
        whole = merge.view(state)
        made = rows_of(PLACE, number, state, whole, score(CHECKLIST, whole))
        assert {one: in_order(rows[one]) for one in rows} == {one: in_order(made[one]) for one in made}
        found.append(rows)
    return found


def test_a_dispute_lies_on_the_item_that_its_finding_comes_to_lie_on() -> None:
    first, second = Scribe(), Scribe(device="D-2", person="P-2")
    finding = first.write(make_finding(item=HERE))
    marks = [
        first.write(FindingRepeatOf("F-1", "F-2025-1")),
        second.write(FindingRepeatOf("F-1", "F-2025-2")),
    ]
    moved = first.write(
        FindingAmended(finding="F-1", item=THERE, fact="台账缺三份文件的去向"), bases=[finding.id]
    )
    *_, before, after = stepwise([finding, *marks, moved])
    assert [row[2] for row in before["dispute"]] == [HERE]
    assert [row[2] for row in after["dispute"]] == [THERE]


def test_a_basis_can_be_taken_apart_again() -> None:
    """Also one that somebody wrote in words, with blanks and quotes in it; codes look as they always did."""
    basis = ("law:17", "本单位'保密'制度 3.2 节", "reg:33")
    column = tables.finding.c.keys().index("basis")

    def row_of(finding: Finding) -> str:
        (rows,) = stepwise([Scribe().write(finding)])
        return str(rows["finding"][0][column])

    assert tuple(shlex.split(row_of(make_finding(item=HERE, basis=basis)))) == basis
    assert row_of(make_finding(item=HERE, basis=("law:17", "reg:33"))) == "law:17 reg:33"


def test_a_dispute_that_grows_and_is_settled_leaves_no_row() -> None:
    scribes = [Scribe(device=f"D-{number}", person=f"P-{number}") for number in (1, 2, 3)]
    said = [one.write(FindingRepeatOf("F-1", f"F-{at}")) for at, one in enumerate(scribes)]
    settled = scribes[0].write(make_settlement(FindingRepeatOf("F-1", "F-1")), bases=[one.id for one in said])
    found = stepwise([scribes[0].write(make_finding(item=HERE)), *said, settled])
    assert [[row[3] for row in rows["dispute"]] for rows in found] == [[], [], [2], [3], []]
