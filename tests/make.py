"""One builder per struct, each with sensible defaults, so that a test names only what it is about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from msgspec import Raw, Struct

from shared_schema import wire
from shared_schema.ids import InspectionId, OpId, PersonId
from shared_schema.operations import (
    KIND_OF,
    Aborted,
    Accepted,
    Actual,
    Answer,
    AnswerValue,
    ClauseHit,
    Clauses,
    Count,
    Decision,
    Deliberated,
    DeviceChecked,
    DisputeSettled,
    Envelope,
    EvidenceAttached,
    EvidenceRemoved,
    Finding,
    FindingAmended,
    FindingDuplicateOf,
    FindingFixed,
    FindingRepeatOf,
    FindingWithdrawn,
    InterviewHeld,
    LeadChecked,
    Locked,
    MeasureProposed,
    NaConsent,
    NotApplicable,
    Note,
    Opened,
    Operation,
    Present,
    Ratio,
    Returned,
    SampleDrawn,
    ScoringClosed,
    SignatureRefused,
    Signed,
    Submitted,
    TakenBack,
    UnitStated,
    Value,
    YesNo,
    body_bytes,
    encode,
    field_of,
    read,
)

INSPECTION = InspectionId("I-1")
HASH = "0f" * 32
AT_MS = 1_762_000_000_000
"""A morning in November 2025: as good as any, because no clock decides anything."""

ANSWERS: Mapping[str, AnswerValue] = {
    "yes_no": YesNo(ok=False),
    "count": Count(count=3),
    "clauses": Clauses(hit=(ClauseHit("a"), ClauseHit("b", Decimal("0.5"), "两次"))),
    "ratio": Ratio(sampled=20, conforming=19, population=20),
    "value": Value(value=Decimal("92.5"), sampled=8),
    "actual": Actual(actual=1),
    "present": Present(present=True),
}
"""One answer of each type."""


def make_answer(item: str = "A01", answer: AnswerValue | int | bool = 1) -> Answer:
    """An answer; a number is a count and a truth is yes or no."""
    if isinstance(answer, bool):
        return Answer(item, YesNo(ok=answer))
    return Answer(item, Count(count=answer) if isinstance(answer, int) else answer)


def make_finding(finding: str = "F-1", item: str = "A01", **changes: object) -> Finding:
    """A finding."""
    return Finding(**{"finding": finding, "item": item, "fact": "台账缺三份文件的去向", **changes})  # type: ignore[arg-type]


def make_settlement(
    decision: Struct, *, reason: str = "现场复核", person: str = "P-1", field: str = "", kept: str = ""
) -> DisputeSettled:
    """A settlement with that decision, on the field that the decision writes when `person` writes it."""
    key = field or field_of(decision, PersonId(person))  # type: ignore[arg-type]
    assert key, "a kind nobody knows has no field"
    return DisputeSettled(key, Decision(KIND_OF[type(decision)], body_bytes(decision)), reason, kept)


def make_photo(evidence: str = "E-1", item: str = "A01", sha256: str = HASH) -> EvidenceAttached:
    """A photo on an item."""
    return EvidenceAttached(evidence=evidence, item=item, sha256=sha256, size_bytes=1000)


def every_body() -> Mapping[str, Struct]:
    """One body of every kind, with every field filled in that can be."""
    return {
        "answer": Answer("A01", ANSWERS["clauses"], from_paper=True, paper_ref="2026-17"),
        "not_applicable": NotApplicable("A01", "no_system", "本单位无涉密信息系统"),
        "na_consent": NaConsent("A01", "no_system", consents=False),
        "note": Note("A01", "登记簿 2026-3 号"),
        "finding": make_finding(
            severity="severe",
            cause="无专人",
            basis=("law:17", "reg:33"),
            common=True,
            occurrences=3,
            device="JX-0042",
            disposal="fix_now",
            due="2026-12-01",
        ),
        "finding_amended": FindingAmended(finding="F-1", item="A01", fact="缺两份", occurrences=2, reason="重数"),
        "finding_withdrawn": FindingWithdrawn("F-1", "A01", "已找到", occurrences=2),
        "finding_repeat_of": FindingRepeatOf("F-1", "OLD-7"),
        "finding_duplicate_of": FindingDuplicateOf("F-1", "F-2"),
        "finding_fixed": FindingFixed("F-1", "未标注", "已补标"),
        "unit_stated": UnitStated("F-1", "当天补登", accepts=False),
        "sample_drawn": SampleDrawn(
            sample="S-1",
            item="E01",
            population_hash=HASH,
            population_size=40,
            seed="7f3a",
            drawn=("JX-0042", "JX-0007"),
            replaced=(("JX-0007", "JX-0008", "送修"),),
        ),
        "device_checked": DeviceChecked(
            register_no="JX-0042", classified=True, problems=2, tool_report="BG-19", remark="未设屏保"
        ),
        "interview_held": InterviewHeld(interview="V-1", category="secret_post", required=5, held=4, points="均知晓"),
        "evidence_attached": EvidenceAttached(
            evidence="E-1",
            item="F02",
            finding="F-1",
            sha256=HASH,
            size_bytes=81_234,
            media_type="image/png",
            caption="门禁",
            screened_by="P-2",
        ),
        "evidence_removed": EvidenceRemoved("E-1", "拍到屏幕"),
        "signed": Signed(
            role="unit_head", name="张建国", method="drawn", strokes=(((0, 0, 0), (10, -5, 16)), ((3, 4, 40),))
        ),
        "signature_refused": SignatureRefused(role="unit_deputy", name="李敏", reason="对第三项有异议", witness="王芳"),
        "measure_proposed": MeasureProposed(measure="M-1", what="stop_use", reason="连接互联网", paper_ref="2026-8"),
        "scoring_closed": ScoringClosed("P-1", "自己评完"),
        "lead_checked": LeadChecked("L-1", verified=True, note="见登记簿"),
        "taken_back": TakenBack("answer/A09"),
        "dispute_settled": make_settlement(make_answer("A01", 2), kept="D-1.E-1.4"),
        "opened": Opened(("P-1", "P-2"), task_letter_shown=True, recusal_asked=True),
        "deliberated": Deliberated("基本符合要求"),
        "submitted": Submitted("共三份附件"),
        "returned": Returned((("", "缺签字"), ("A01", "请补依据"))),
        "accepted": Accepted("齐全"),
        "locked": Locked("归档"),
        "aborted": Aborted("emergency", "停电"),
    }  # fmt: skip


def make_envelope(body: Struct | Raw | None = None, **changes: object) -> Envelope:
    """An envelope around a body (or any bytes as one); its id says whose operation it is, unless one is given."""
    body = make_answer() if body is None else body
    facts: dict[str, object] = {
        "inspection": INSPECTION,
        "person": "P-1",
        "device": "D-1",
        "epoch": "E-1",
        "seq": 1,
        "at_ms": AT_MS,
        "kind": "" if isinstance(body, Raw) else KIND_OF[type(body)],
        "body": body if isinstance(body, Raw) else body_bytes(body),
        **changes,
    }
    facts.setdefault("id", f"{facts['device']}.{facts['epoch']}.{facts['seq']}")
    return Envelope(**facts)  # type: ignore[arg-type]


def make_op(
    body: Struct | Raw | None = None,
    *,
    item: str = "A01",
    answer: AnswerValue | int | bool = 1,
    **changes: object,
) -> Operation:
    """One operation: an answer, unless another body is given. The rest of the envelope by its names."""
    return read(encode(make_envelope(make_answer(item, answer) if body is None else body, **changes)))


@dataclass
class Scribe:
    """One tablet's chain of operations, written one after another."""

    device: str = "D-1"
    person: str = "P-1"
    epoch: str = "E-1"
    inspection: str = INSPECTION
    written: list[Operation] = field(default_factory=list)

    def write(self, body: Struct | None = None, bases: Sequence[str] = (), **changes: object) -> Operation:
        """The next operation of this chain."""
        operation = make_op(
            body,
            **{
                "device": self.device,
                "person": self.person,
                "epoch": self.epoch,
                "inspection": self.inspection,
                "seq": len(self.written) + 1,
                "prev": self.written[-1].hash if self.written else "",
                "bases": tuple(map(OpId, bases)),
                **changes,
            },  # type: ignore[arg-type]
        )
        self.written.append(operation)
        return operation


def make_request(operations: Sequence[Operation] = (), **changes: object) -> wire.ExchangeRequest:
    """A request that carries these operations, with the heads of their chains."""
    heads = {(one.device, one.epoch): wire.Head(one.epoch, one.seq, one.hash) for one in operations}
    facts: dict[str, object] = {
        "device": operations[0].device if operations else "D-1",
        "heads": tuple(heads.values()),
        "ops": tuple(Raw(one.raw) for one in operations),
        **changes,
    }
    return wire.ExchangeRequest(**facts)  # type: ignore[arg-type]


def make_member(person: str = "P-1", role: str = "inspector") -> wire.Member:
    """A member of a squad."""
    return wire.Member(person=person, name_zh=f"成员{person}", name_en=f"Member {person}", role=role)  # type: ignore[arg-type]


def make_assignment(inspection: str = INSPECTION, **changes: object) -> wire.Assignment:
    """An inspection as a squad of a leader and two inspectors has it."""
    facts: dict[str, object] = {
        "inspection": inspection,
        "campaign": "C-1",
        "campaign_zh": "二〇二六年度互查",
        "campaign_en": "Peer inspection 2026",
        "unit": "U-1",
        "unit_zh": "档案馆",
        "unit_en": "The archives",
        "unit_kind": "bureau",
        "address": "人民路1号",
        "contact": "办公室",
        "profile": {"has_system": True},
        "squad": "S-1",
        "squad_zh": "第一分队",
        "squad_en": "Squad 1",
        "members": (make_member("P-1", "leader"), make_member("P-2"), make_member("P-3")),
        "planned_date": "2026-11-03",
        "checklist": HASH,
        **changes,
    }
    return wire.Assignment(**facts)  # type: ignore[arg-type]
