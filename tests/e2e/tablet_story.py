"""A visit half done, as pictures show it: two inspectors on two tablets, findings, an N/A, two disputes."""

from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

from msgspec.structs import replace

from mobile.actions import Desk
from mobile.meeting_tools import MeetingTools
from mobile.meetings import Meeting, Passed, Refusal
from mobile.places import Place
from mobile.settling import Journal, Settlement
from mobile.store import Store
from mobile.sync_views import Storage
from mobile.worker import Worker
from shared_schema.ids import InspectionId, PersonId
from shared_schema.operations import (
    AnswerValue,
    ClauseHit,
    Clauses,
    Count,
    Finding,
    Ratio,
    Returned,
    Value,
    YesNo,
)
from shared_schema.wire import Held, Peer, Span
from tests.e2e import tablet_stage as stage
from tests.make import make_op

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


MORE = (
    ("visit-park", "区公园管理所", "Parks Office", "institution", "湖滨路 2 号", "2026-11-19"),
    ("visit-lake", "湖东街道办事处", "Hudong Subdistrict Office", "street", "湖东路 77 号", "2026-11-18"),
    ("visit-museum", "区博物馆", "District Museum", "institution", "文昌街 9 号", "2026-11-20"),
)
NEWER = ("visit-court", "区法律援助中心", "Legal Aid Centre", "institution", "平安路 5 号", "2026-11-27")


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
    _pages(desk)
    stage.open_visit(desk, stage.BLIND)
    stage.answer(desk, stage.LEADER, {"A03": Count(1), "A06": YesNo(True)}, stage.BLIND)
    stage.answer(desk, stage.SECOND, {"A03": Count(3), "B05": Count(2)}, stage.BLIND)
    store.close()
    return tablet


def _pages(desk: Desk) -> None:
    """A sample with results and a substitution, talks, a statement, a fix, signatures."""
    desk.draw_sample(stage.LEADER, stage.VISIT, 5, seed="7f3a-2026", sample="S-1")
    body = desk.visit(stage.VISIT).inspection.samples[0].value
    first, second, third, *_ = body.drawn
    free = next(
        one.register_no
        for one in desk.visit(stage.VISIT).assignment.inventory
        if one.register_no not in body.drawn
    )
    desk.check_device(
        stage.LEADER,
        stage.VISIT,
        first,
        classified=first.startswith("SM"),
        problems=1,
        tool_report="JC-2026-14",
    )
    desk.check_device(stage.SECOND, stage.VISIT, second, classified=second.startswith("SM"))
    desk.substitute(stage.LEADER, stage.VISIT, "S-1", third, free, "已送修，见送修单 6 号")
    desk.hold_interview(
        stage.LEADER, stage.VISIT, "leader", required=3, held=2, points="能说清分管责任；未听取过专题汇报。"
    )
    desk.hold_interview(
        stage.SECOND, stage.VISIT, "secret_post", required=2, held=2, points="知悉脱密期规定。"
    )
    findings = list(desk.visit(stage.VISIT).inspection.findings.values())
    minor = next(one for one in findings if one.text is not None and one.text.severity == "minor")
    severe = next(one for one in findings if one.text is not None and one.text.severity == "severe")
    desk.fix(stage.LEADER, stage.VISIT, minor.finding, "两份材料混放", "已重新编号并登记")
    desk.repeat_of(stage.LEADER, stage.VISIT, severe.finding, "F-2025-7")
    desk.unit_states(stage.LEADER, stage.VISIT, severe.finding, "属实，已安排核查去向。")
    desk.propose_measure(stage.LEADER, stage.VISIT, "stop_use", "笔记本电脑去向不明期间，同批设备停用。")
    desk.sign(stage.LEADER, stage.VISIT, "leader", "陈向东", method="drawn", strokes=SIGNATURE)
    desk.sign(stage.SECOND, stage.VISIT, "inspector", "林晓喆", method="paper", paper_ref="笔录第 3 页")


SIGNATURE = (
    ((60, 200, 0), (90, 260, 60), (120, 300, 110), (150, 260, 160), (130, 180, 220), (90, 120, 280)),
    ((110, 220, 500), (200, 230, 560), (290, 240, 620)),
    ((330, 290, 900), (350, 220, 960), (360, 130, 1020), (400, 180, 1080), (450, 250, 1140)),
    ((380, 240, 1400), (470, 250, 1460), (560, 230, 1520), (600, 150, 1580), (540, 110, 1640)),
    ((640, 280, 1900), (700, 200, 1960), (780, 130, 2020), (860, 210, 2080), (930, 260, 2140)),
)


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


def further(tablet: stage.Stage) -> None:
    """Beside the visit half done one sent back, one deliberated, one handed in, one of a newer checklist, one waiting.

    In the last, scored blind, the leader has closed and a member has not.
    """
    store, desk = tablet.open()
    known = [one for one, _ in store.assignments().values()]
    hash_ = known[0].checklist
    made = [stage.assignment(*unit, hash_=hash_) for unit in MORE]
    newer = stage.assignment(*NEWER, hash_="f" * 64)
    store.settle(
        Settlement(
            journal=Journal(last_success_ms=stage.MORNING_MS),
            assignments=[
                *known,
                replace(made[0], leads=stage.LEADS["visit-archive"]),
                made[1],
                replace(made[2], blind=True),
                newer,
            ],
            checklists=[("f" * 64, b'{"schema":99}')],
        )
    )
    finance, park, lake, museum = (
        InspectionId(one) for one in ("visit-finance", "visit-park", "visit-lake", "visit-museum")
    )
    for visit in (finance, park, lake, museum):
        stage.open_visit(desk, visit)
        stage.answer(desk, stage.LEADER, {"A03": Count(1), "A06": YesNo(True), "B05": Count(0)}, visit)
    desk.close_scoring(stage.LEADER, museum, stage.LEADER)
    for visit in (finance, park, lake):
        desk.deliberate(stage.LEADER, visit, "总体符合要求，责任制落实有差距。")
    handed_in = [desk.submit(stage.LEADER, visit) for visit in (finance, lake)]
    desk.not_applicable(stage.LEADER, stage.VISIT, "C04", "no_secret", "街道没有涉密岗位。")
    store.close()
    remarks = (("A03", "两处说不清的科室请写明名称。"), ("", "请补第二名成员的签名。"))
    sent_back = make_op(
        Returned(remarks),
        inspection=finance,
        person="p-coordinator",
        device="server",
        bases=(handed_in[0].id,),
    )
    stage.tell(tablet, finance, sent_back.raw)


def meet_colleagues(store: Store) -> None:
    """Colleagues' tablets, one of which took along what was recorded here; receipts of a server met before that."""
    key = "0" * 64
    peers = (
        Peer("tab-1", key, "平板 1"),
        Peer("tab-2", key, "平板 2"),
        Peer("tab-3", key, "平板 3"),
        Peer("tab-4", key, "平板 4", revoked=True),
    )
    journal = Journal(last_success_ms=stage.MORNING_MS + 3_600_000, clock_ahead_ms=7 * 60_000)
    head = store.head()
    held = [Held(head.epoch, head.seq - 6, "0" * 64, head.seq - 20)]
    store.settle(Settlement(journal=journal, peers=peers, receipts=held))
    spans = [Span("tab-1", head.epoch, 1, head.seq, head.hash)]
    refused = [
        Refusal(one.op, "author_not_allowed", {"person": "p-sun", "kind": "answer"})
        for one in store.own_waiting()[:1]
    ]
    met_ms = stage.MORNING_MS + 5_400_000
    store.pass_on(Passed(Meeting("tab-2", met_ms, "http://192.168.43.7:8481#tab-2", spans, refused)))


def tools(_: Worker) -> MeetingTools:
    """What the sync center needs, on a tablet that is a hotspot; nobody listens at the address."""
    return MeetingTools(
        meet=lambda _: None,  # type: ignore[arg-type, return-value]
        serve=lambda *_: SimpleNamespace(port=8481, stop=lambda: None),  # type: ignore[arg-type]
        addresses=lambda: ("192.168.43.1",),
        storage=lambda: Storage(free=21_400_000_000, used=38_600_000),
        photo_bytes=lambda _: 300_000,
        packages=SimpleNamespace(vault=SimpleNamespace(make_sealing_key=lambda _: "ab" * 32), entropy=bytes),  # type: ignore[arg-type]
        places=lambda: (
            Place(Path("/media/hucha/KINGSTON"), "KINGSTON", 14_200_000_000),
            Place(Path("/media/hucha/保密办"), "保密办", 3_100_000_000),
        ),
        app="hucha-tablet 0.2.0",
        platform="Linux",
        purge=lambda _: None,
    )
