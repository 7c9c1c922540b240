"""A visit half done, as pictures show it: two inspectors on two tablets, findings, an N/A, two disputes."""

from decimal import Decimal
from pathlib import Path

from shared_schema.ids import PersonId
from shared_schema.operations import (
    AnswerValue,
    ClauseHit,
    Clauses,
    Count,
    Finding,
    Ratio,
    Value,
    YesNo,
)
from tests.e2e import tablet_stage as stage

ON_THIS_TABLET: dict[str, AnswerValue] = {
    "A01": Clauses((ClauseHit("c"),)),
    "A02": Clauses((ClauseHit("b", Decimal("0.4"), "去年两起违规只作口头提醒"),)),
    "A03": Count(1),
    "A04": Ratio(6, 5),
    "A05": Ratio(8, 8),
    "A06": YesNo(True),
    "A08": YesNo(True),
    "A09": Count(0),
    "A10": YesNo(True),
    "B01": YesNo(True),
    "B02": Ratio(5, 5),
    "B04": Count(0),
    "B05": Count(1),
    "B06": Count(2),
    "C01": Clauses(),
    "C02": Count(0),
    "C03": Count(0),
    "C05": Value(Decimal(100), 34),
    "C06": Value(Decimal("88.5"), 10),
    "C09": YesNo(True),
    "E01": Ratio(20, 19),
    "E02": Count(1),
    "E03": Count(0),
    "E04": Count(0),
    "G01": Clauses(),
    "G02": Ratio(30, 30),
    "H01": Value(Decimal("96.2"), 52),
    "H09": YesNo(True),
}
ON_THE_OTHER: dict[str, AnswerValue] = {
    "A03": Count(2),
    "A06": YesNo(False),
    "D01": Count(0),
    "D02": Ratio(15, 15),
    "D03": Count(1),
    "D05": Count(0),
    "D07": Count(0),
    "D09": Count(0),
    "F02": Count(0),
    "F03": Count(1),
}


def play(folder: Path) -> stage.Stage:
    """The tablet of the leader in the middle of the visit, with some operations not sent yet."""
    tablet = stage.set_up(folder / "tablet")
    other = stage.set_up(folder / "other", "tab-2")

    store, desk = other.open()
    stage.open_visit(desk)
    stage.answer(desk, stage.SECOND, ON_THE_OTHER)
    desk.note(stage.SECOND, stage.VISIT, "A03", "综合执法队、物业办两处都说不清。")
    desk.not_applicable(stage.THIRD, stage.VISIT, "B03", "no_power", "街道无定密权，由区委办代定。")
    desk.not_applicable(stage.THIRD, stage.VISIT, "D06", "no_topsecret", "未持有绝密级载体。")
    store.close()
    theirs = stage.outbox(other)

    store, desk = tablet.open()
    stage.open_visit(desk)
    stage.answer(desk, stage.LEADER, ON_THIS_TABLET)
    store.close()
    stage.tell(tablet, stage.VISIT, *theirs)

    store, desk = tablet.open()
    desk.consent(stage.LEADER, stage.VISIT, "D06", "no_topsecret")
    desk.note(
        stage.LEADER, stage.VISIT, "A03", "抽查办公室、党政办、综合执法队三个内设机构，见访谈记录 2 号。"
    )
    for person, finding in _FINDINGS:
        desk.record_finding(person, stage.VISIT, finding)
    store.close()
    return tablet


def _finding(item: str, fact: str, **more: object) -> Finding:
    return Finding(finding="", item=item, fact=fact, **more)  # type: ignore[arg-type]


_FINDINGS: tuple[tuple[PersonId, Finding], ...] = (
    (
        stage.LEADER,
        _finding(
            "A03", "综合执法队负责人说不清本部门涉密岗位和设备底数，台账 3 台、现场 2 台。", due="2026-12-20"
        ),
    ),
    (
        stage.LEADER,
        _finding("B06", "两份内部材料未标密级却按涉密件编号存放。", severity="minor", disposal="fix_now"),
    ),
    (
        stage.LEADER,
        _finding("E01", "1 台已报废笔记本电脑仍在台账，去向无记录。", severity="severe", due="2026-12-05"),
    ),
)
