"""What Hypothesis draws for scoring: small checklists of every rule, and inspections in any state of completion."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from hypothesis import strategies as st
from msgspec import Struct

from shared_schema import merge
from shared_schema.checklist import Checklist, Item, Section
from shared_schema.inspection import Cell, Inspection
from shared_schema.operations import (
    Actual,
    Answer,
    AnswerValue,
    ClauseHit,
    Clauses,
    Count,
    Finding,
    FindingDuplicateOf,
    FindingRepeatOf,
    FindingWithdrawn,
    NaConsent,
    NotApplicable,
    Operation,
    Present,
    Ratio,
    Value,
    YesNo,
    field_of,
)
from shared_schema.rule_reader import FIT
from shared_schema.rules import (
    Aggravating,
    AggravatingCount,
    BinaryRule,
    Bonus,
    Clause,
    ClausesRule,
    Gate,
    Grade,
    ItemsRatio,
    PerOccurrenceRule,
    Policy,
    Range,
    RatioRule,
    Rule,
    Scope,
    SectionRatio,
    ShortfallRule,
    Tier,
    TiersRule,
    Veto,
    VetoCount,
    Wording,
    rule_type,
)
from tests.make import make_op

NA = "none"
DEVICES = ("D-1", "D-2", "D-3")
GRADES = (
    Grade(code="conform", min=Decimal(90)),
    Grade(code="basic", min=Decimal(80)),
    Grade(code="nonconform", min=Decimal(0)),
)
halves = st.integers(1, 8).map(lambda half: Decimal(half) / 2)


@st.composite
def rules(draw: st.DrawFn, most: Decimal, section_scope: bool) -> Rule:
    """Any rule for an item of so many points."""
    scope: Scope = draw(st.sampled_from(("item", "section"))) if section_scope else "item"
    cap = draw(st.none() | halves)
    deduct = draw(halves)
    clause_b = Clause(id="b", range=Range(Decimal("0.5"), Decimal("1.5"), Decimal("0.5")))
    kinds: tuple[Rule, ...] = (
        BinaryRule(scope=scope),
        PerOccurrenceRule(deduct=deduct, cap=cap, scope=scope),
        PerOccurrenceRule(deduct=deduct, cap=cap, repeat_multiplier=Decimal(2), scope=scope),
        ShortfallRule(required=3, deduct=deduct, cap=cap, scope=scope),
        ClausesRule(clauses=(Clause(id="a", deduct=deduct), clause_b), cap=cap, scope=scope),
        TiersRule(tiers=(Tier(Decimal(90), most), Tier(Decimal(60), most / 2), Tier(Decimal(0), Decimal(0)))),
        RatioRule(step=Decimal("0.1"), zero_below=Decimal("0.4"), scope=scope),
        RatioRule(),
    )
    return draw(st.sampled_from(kinds))


@st.composite
def checklists(draw: st.DrawFn, section_scope: bool = True, occurrences_only: bool = False) -> Checklist:
    """A small checklist with every kind of policy."""
    sections = []
    for at in range(draw(st.integers(1, 3))):
        items = []
        for place in range(draw(st.integers(1, 3))):
            most = draw(halves)
            rule = draw(rules(most, section_scope))
            if occurrences_only:
                rule = PerOccurrenceRule(deduct=draw(halves), repeat_multiplier=Decimal(2))
            items.append(
                Item(
                    id=f"{'ABC'[at]}{place}",
                    text=Wording("查"),
                    max_points=most,
                    rule=rule,
                    response=FIT[rule_type(rule)],
                    na=(NA,),
                    key=draw(st.booleans()),
                )
            )
        points = sum((item.max_points for item in items), Decimal(0))
        sections.append(Section(id="ABC"[at], title=Wording("节"), points=points, items=tuple(items)))
    ids = [item.id for section in sections for item in section.items]
    gates = (
        Gate(id="G-A", when=(SectionRatio("A", Decimal("0.6")),), max_grade="basic"),
        Gate(id="G-ANY", when=(SectionRatio("*", Decimal("0.3")),), max_grade="nonconform"),
        Gate(id="G-X", when=(AggravatingCount(2),), max_grade="basic"),
        Gate(id="G-V", when=(VetoCount((*ids, "X"), 2),), max_grade="nonconform", forces=True),
        Gate(id="G-K", when=(ItemsRatio(Decimal("0.8"), tuple(ids[:2])),), max_grade="basic"),
    )
    return Checklist(
        code="T",
        version="1",
        title=Wording("试"),
        total_points=sum((section.points for section in sections), Decimal(0)),
        sections=tuple(sections),
        aggravating=(Aggravating(id="X", deduct=draw(halves)),),
        vetoes=(Veto(id="V", grade="nonconform"),),
        bonus=(Bonus(id="N", points=Decimal("0.5"), max_count=2),),
        policy=Policy(
            grades=GRADES,
            na_policy=draw(st.sampled_from(("renormalise", "full_credit"))),
            aggravating_stage=draw(st.sampled_from(("before_normalise", "after_normalise"))),
            bonus_cap=Decimal(1),
            bonus_enabled=draw(st.booleans()),
            places=draw(st.integers(0, 3)),
            grade_on=draw(st.sampled_from(("rounded", "exact"))),
            gates=tuple(draw(st.lists(st.sampled_from(gates), max_size=3, unique_by=lambda gate: gate.id))),
        ),
    )


@st.composite
def answers(draw: st.DrawFn, item: Item) -> AnswerValue:
    """Any answer that fits the item."""
    match item.rule:
        case BinaryRule():
            return YesNo(draw(st.booleans()))
        case PerOccurrenceRule():
            return Count(draw(st.integers(0, 9)))
        case ShortfallRule():
            return Actual(draw(st.integers(0, 4)))
        case ClausesRule():
            amount = draw(st.sampled_from(("0.5", "1", "1.5")))
            hits = (ClauseHit("a"), ClauseHit("b", Decimal(amount), "因"))
            return Clauses(tuple(hit for hit in hits if draw(st.booleans())))
        case TiersRule():
            return Value(Decimal(draw(st.sampled_from(("0", "59.9", "60", "89.99", "90", "100")))))
        case RatioRule():
            sampled = draw(st.integers(1, 9))
            return Ratio(sampled, draw(st.integers(0, sampled)))


class Drawn(NamedTuple):
    """A checklist, and the operations of an inspection under it."""

    checklist: Checklist
    operations: tuple[Operation, ...]

    @property
    def inspection(self) -> Inspection:
        """As screens and scores see it."""
        return merge.view(merge.apply(merge.EMPTY, self.operations))

    def plus(self, *bodies: tuple[Struct, Sequence[str]], device: str = "D-9") -> "Drawn":
        """With further operations of another tablet, each with what it replaces."""
        more = tuple(
            make_op(body, device=device, person=f"P-{device}", seq=at + 1, bases=tuple(bases))
            for at, (body, bases) in enumerate(bodies)
        )
        return Drawn(self.checklist, (*self.operations, *more))


@st.composite
def _finding_bodies(draw: st.DrawFn, items: Sequence[str]) -> Struct:
    finding = draw(st.sampled_from(("F-1", "F-2", "F-3", "F-4")))
    item = items[int(finding[-1]) % len(items)] if items else "A0"
    match draw(st.integers(0, 5)):
        case 0:
            return FindingWithdrawn(finding, item, "误", draw(st.integers(1, 3)))
        case 1:
            return FindingRepeatOf(finding, draw(st.sampled_from(("", "OLD"))))
        case 2:
            return FindingDuplicateOf(finding, draw(st.sampled_from(("", "F-1", "F-2", "F-9"))))
        case _:
            return Finding(finding=finding, item=item, fact="事", occurrences=draw(st.integers(1, 3)))


@st.composite
def inspections(
    draw: st.DrawFn, section_scope: bool = True, complete: bool = False, settled: bool = False
) -> Drawn:
    """An inspection in any state; `complete`: everything is answered; `settled`: nobody differs from anybody."""
    checklist = draw(checklists(section_scope))
    bodies: list[Struct] = []
    for item in checklist.items:
        for _ in range(1 if complete else draw(st.integers(0, 2))):
            if draw(st.integers(0, 3)):
                bodies.append(Answer(item.id, draw(answers(item))))
            else:
                bodies.append(NotApplicable(item.id, NA))
                if complete or draw(st.booleans()):
                    bodies.append(NaConsent(item.id, NA))
    charged = [item.id for item in checklist.items if isinstance(item.rule, PerOccurrenceRule)]
    bodies += draw(st.lists(_finding_bodies(charged), max_size=6))
    bodies += [
        Answer("X", Count(one)) for one in draw(st.lists(st.integers(0, 3), max_size=1 + (not complete)))
    ]
    bodies += [
        Answer("V", Present(one)) for one in draw(st.lists(st.booleans(), max_size=1 + (not complete)))
    ]
    bodies += [Answer("N", Count(one)) for one in draw(st.lists(st.integers(0, 3), max_size=1))]
    return Drawn(checklist, write(draw, bodies, settled or complete))


def write(draw: st.DrawFn, bodies: Sequence[Struct], settled: bool) -> tuple[Operation, ...]:
    """The bodies as operations of three tablets; when settled, everyone has seen what stands."""
    state, written = merge.EMPTY, []
    numbers = dict.fromkeys(DEVICES, 0)
    for body in bodies:
        # A consent comes from another member than its N/A.
        device = "D-3" if isinstance(body, NaConsent) else draw(st.sampled_from(DEVICES[:2]))
        numbers[device] += 1
        person = f"P-{device}"
        field = field_of(body, person)  # type: ignore[arg-type]
        seen = settled or draw(st.booleans())
        bases = tuple(one.id for one in state.fields.get(field, ())) if seen and field else ()
        operation = make_op(body, device=device, person=person, seq=numbers[device], bases=bases)
        state = merge.apply(state, [operation])
        written.append(operation)
    return tuple(written)


@st.composite
def closed(draw: st.DrawFn, drawn: Drawn) -> Drawn:
    """The same inspection brought to an end in one of the ways that are left: nothing open, nothing disputed."""
    inspection = drawn.inspection
    more: list[tuple[Struct, Sequence[str]]] = []
    for item in (*drawn.checklist.items, *drawn.checklist.extras):
        standing = inspection.items.get(item.id)  # type: ignore[call-overload]
        cell = None if standing is None else standing.answer
        if cell is None:
            if isinstance(item, Item):
                more.append((Answer(item.id, draw(answers(item))), ()))
            continue
        body: Struct = draw(st.sampled_from([one.value for one in cell.standing]))
        if isinstance(body, NotApplicable):
            assert isinstance(item, Item)
            assert standing is not None
            if not any(standing.consented(one) for one in cell.standing):
                # A colleague agrees to it, or it turns out to apply after all.
                body = draw(st.sampled_from((body, Answer(item.id, draw(answers(item))))))
            more.append((NaConsent(item.id, NA), ()))
        more.append((body, cell.ops))
    parts: list[Cell[Any] | None] = []
    for finding in inspection.findings.values():
        parts += [finding.record, finding.repeat_of, finding.duplicate_of]
    more += [
        (draw(st.sampled_from([one.value for one in part.standing])), part.ops)
        for part in parts
        if part is not None and part.disputed
    ]
    # The N/A is written by one tablet and consented by another.
    written = drawn.plus(*(one for one in more if not isinstance(one[0], NaConsent)), device="D-8")
    return written.plus(*(one for one in more if isinstance(one[0], NaConsent)), device="D-9")
