"""What Hypothesis draws: bodies of every kind, operations, and whole histories of a squad and its hub."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from hypothesis import strategies as st
from msgspec import Raw, Struct

from shared_schema import merge
from shared_schema.ids import FieldKey, OpId, PersonId
from shared_schema.operations import (
    KIND_OF,
    KINDS,
    Answer,
    AnswerValue,
    Count,
    Decision,
    DisputeSettled,
    Envelope,
    EvidenceAttached,
    EvidenceRemoved,
    FindingAmended,
    FindingWithdrawn,
    NotApplicable,
    Note,
    Operation,
    TakenBack,
    YesNo,
    body_bytes,
    encode,
    field_of,
    read,
    read_body,
)
from tests.make import HASH, INSPECTION, make_finding

# --- any body, any envelope ------------------------------------------------------------------------

ids = st.text("abcdefghijklmnopqrstuvwxyz0123456789._:-ABZ", min_size=1, max_size=64)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
decimals = st.decimals(-1000, 1000, places=3).map(lambda one: one.normalize() + Decimal(0))


def structs(cls: type[Struct]) -> st.SearchStrategy[Any]:
    """Any value of a struct, within the limits of its fields."""
    return _of(msgspec.inspect.type_info(cls))


def _of(hint: Any) -> st.SearchStrategy[Any]:
    match hint:
        case msgspec.inspect.StructType(fields=fields, cls=cls):
            return st.fixed_dictionaries({f.name: _of(f.type) for f in fields}).map(lambda kw: cls(**kw))
        case msgspec.inspect.UnionType(types=types):
            return st.one_of([_of(one) for one in types])
        case msgspec.inspect.VarTupleType(item_type=item, min_length=least):
            return st.lists(_of(item), min_size=least or 0, max_size=(least or 0) + 3).map(tuple)
        case msgspec.inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(_of(key), _of(value), max_size=3)
        case msgspec.inspect.TupleType(item_types=items):
            return st.tuples(*map(_of, items))
        case msgspec.inspect.StrType():
            return _strings(hint)
        case msgspec.inspect.IntType(ge=least, le=most):
            return st.integers(-(2**53) + 1 if least is None else least, 2**53 - 1 if most is None else most)
        case msgspec.inspect.LiteralType(values=values):
            return st.sampled_from(sorted(map(str, values)))
        case _:
            return _PLAIN[type(hint)]


_PLAIN: Mapping[type, st.SearchStrategy[Any]] = {
    msgspec.inspect.BoolType: st.booleans(),
    msgspec.inspect.NoneType: st.none(),
    msgspec.inspect.DecimalType: decimals,
    msgspec.inspect.RawType: json_values.map(lambda one: Raw(msgspec.json.encode(one))),
}


def _strings(hint: msgspec.inspect.StrType) -> st.SearchStrategy[str]:
    if "[0-9a-f]*" in (hint.pattern or ""):
        return st.sampled_from(["", "0a" * 32, "5e" * 64]).filter(
            lambda one: len(one) <= (hint.max_length or 0)
        )
    if "{64}" in (hint.pattern or ""):
        return st.text("0123456789abcdef", min_size=64, max_size=64)
    if "A-Z" in (hint.pattern or ""):
        return ids
    least, most = hint.min_length or 0, hint.max_length or 40
    return texts.filter(lambda text: len(text) >= least).map(lambda text: text[:most])


def bodies_of(kind: str) -> st.SearchStrategy[Struct]:
    """Any body of a kind."""
    if kind == "dispute_settled":
        return settlements()
    if kind == "taken_back":
        return st.sampled_from(["answer/A01", "finding/F-1", "lead/L-1"]).map(TakenBack)
    return structs(KINDS[kind])


@st.composite
def settlements(draw: st.DrawFn) -> DisputeSettled:
    """A settlement whose decision is about the field it names."""
    kind = draw(st.sampled_from(sorted(set(KINDS) - {"dispute_settled"})))
    decision = draw(bodies_of(kind))
    field = field_of(decision, PersonId("P-1"))  # type: ignore[arg-type]
    assert field is not None
    reason = draw(texts.filter(bool))
    return DisputeSettled(field, Decision(kind, body_bytes(decision)), reason, draw(ids | st.just("")))


bodies = st.sampled_from(sorted(KINDS)).flatmap(bodies_of)


@st.composite
def envelopes(draw: st.DrawFn) -> Envelope:
    """Any operation of a kind this version knows."""
    body = draw(bodies)
    op_id = draw(ids)
    person = draw(ids)
    if isinstance(body, DisputeSettled) and body.field.startswith(("note/", "consent/")):
        person = "P-1"
    return Envelope(
        id=op_id,
        inspection=draw(ids),
        person=person,
        device=draw(ids),
        epoch=draw(ids),
        seq=draw(st.integers(1, 2**53 - 1)),
        prev=draw(st.just("") | st.just(HASH)),
        at_ms=draw(st.integers(-(2**53) + 1, 2**53 - 1)),
        bases=tuple(draw(st.lists(ids.filter(lambda one: one != op_id), max_size=4))),
        kind=KIND_OF[type(body)],
        body=body_bytes(body),
    )


# --- a history: what a squad tapped, and what each had on the screen --------------------------------

FACTS: tuple[Struct, ...] = (
    Answer("A01", Count(count=1)),
    Answer("A01", Count(count=2)),
    NotApplicable("A01", "no_system"),
    Answer("A02", YesNo(ok=True)),
    Answer("A02", YesNo(ok=False)),
    make_finding(fact="缺三份"),
    FindingAmended(finding="F-1", item="A01", fact="缺两份", reason="重数"),
    FindingWithdrawn("F-1", "A01", "已找到"),
    EvidenceAttached(evidence="E-1", item="A01", sha256=HASH, size_bytes=9),
    EvidenceRemoved("E-1", "拍到屏幕"),
    Note("A01", "甲"),
    Note("A01", "乙"),
)
"""What anybody may tap: few fields and few values, so that taps meet."""


class Tap(NamedTuple):
    """One operation, and what its author's tablet held when it was tapped. The oracle looks at nothing else."""

    op: Operation
    reached: frozenset[OpId]
    settles: bool


class History(NamedTuple):
    """All taps of one inspection, in the order they were made, and what reached each tablet in the end."""

    taps: tuple[Tap, ...]
    reached: tuple[tuple[OpId, ...], ...]

    @property
    def ops(self) -> list[Operation]:
        """The operations, in the order they were tapped."""
        return [tap.op for tap in self.taps]


class Step(NamedTuple):
    """One thing that happens: a tap, or one tablet handing another some of what it has."""

    tablet: int
    other: int
    fact: int
    share: int


steps = st.lists(
    st.builds(
        Step,
        st.integers(0, 2),
        st.sampled_from([-1, -1, -1, 0, 1, 2]),
        st.integers(0, len(FACTS) - 1),
        st.integers(1, 7),
    ),
    min_size=6,
    max_size=24,
)
"""`other` −1 is a tap; else `tablet` gets what `other` has, all of it or (by `share`) only some."""


def bases_on(state: merge.State, field: FieldKey, person: PersonId, settles: bool) -> tuple[OpId, ...]:
    """What an honest tablet names as bases: all that stands, but in a dispute only this person's own."""
    standing = state.fields.get(field, ())
    if not settles and len(merge.differing(standing)) > 1:
        standing = tuple(one for one in standing if one.person == person)
    return tuple(one.id for one in standing)


def play(
    script: Sequence[Step], fold: merge.Fold = merge.apply, clocks: Sequence[int] = (0, 0, 0)
) -> History:
    """The history of a script, with tablets that merge by `fold` and clocks that are off by so much."""
    taps: list[Tap] = []
    by_id: dict[OpId, Operation] = {}
    states = [merge.EMPTY] * 3
    reached: list[dict[OpId, None]] = [{}, {}, {}]  # dicts keep the order of arrival
    for number, step in enumerate(script):
        at = step.tablet
        if step.other == at:
            continue
        if step.other >= 0:
            news = [one for one in reached[step.other] if one not in reached[at]]
            news = news[:: 1 + step.share // 4]
            states[at] = fold(states[at], [by_id[one] for one in news])
            reached[at].update(dict.fromkeys(news))
            continue
        person = PersonId(f"P-{at}")
        body: Struct = FACTS[step.fact]
        field = field_of(body, person)  # type: ignore[arg-type]
        assert field is not None
        standing = states[at].fields.get(field, ())
        settles = at == 0 and step.share % 2 == 1 and len(merge.differing(standing)) > 1
        bases = bases_on(states[at], field, person, settles)
        if settles:
            body = DisputeSettled(field, Decision(KIND_OF[type(body)], body_bytes(body)), "现场复核")
        op = read(
            encode(
                Envelope(
                    id=f"op-{number:02}",
                    inspection=INSPECTION,
                    person=person,
                    device=f"D-{2 - at}",
                    epoch="E",
                    seq=number + 1,
                    at_ms=number * 1000 + clocks[at],
                    bases=bases,
                    kind=KIND_OF[type(body)],
                    body=body_bytes(body),
                )
            )
        )
        taps.append(Tap(op, frozenset(reached[at]), settles))
        by_id[op.id] = op
        reached[at][op.id] = None
        states[at] = fold(states[at], [op])
    return History(tuple(taps), tuple(tuple(one) for one in reached))


histories = steps.map(play)


# --- the oracle ------------------------------------------------------------------------------------


class Oracle:
    """What must stand, worked out from what had reached each author. It never looks at `bases`.

    An author had on the screen of a field whatever reached the tablet and had not been taken off by
    something else that reached it too. A tap takes all of that off; on a field in dispute, only the
    author's own; a settlement takes all off.
    """

    def __init__(self, taps: Sequence[Tap]) -> None:
        self.taps: Mapping[OpId, Tap] = {tap.op.id: tap for tap in taps}
        self._taken: dict[OpId, frozenset[OpId]] = {}

    def field(self, op: OpId) -> FieldKey | None:
        """The field an operation is about."""
        tap = self.taps[op]
        return field_of(tap.op.body, tap.op.person)

    def standing(self, field: FieldKey, known: frozenset[OpId]) -> frozenset[OpId]:
        """Of the operations known, those that stand on a field."""
        here = frozenset(one for one in known if self.field(one) == field)
        taken = frozenset().union(*(self.takes_off(one) for one in here)) if here else frozenset()
        return here - taken

    def takes_off(self, op: OpId) -> frozenset[OpId]:
        """What a tap took off its field."""
        if op not in self._taken:
            tap = self.taps[op]
            field = self.field(op)
            assert field is not None
            shown = self.standing(field, tap.reached)
            if not tap.settles and len(self.values(shown)) > 1:
                shown = frozenset(one for one in shown if self.taps[one].op.person == tap.op.person)
            self._taken[op] = shown
        return self._taken[op]

    def values(self, standing: frozenset[OpId]) -> set[str]:
        """The differing values among some operations, told apart without the code's own comparison."""
        return {what_it_says(self.taps[one].op) for one in standing}

    def everywhere(self, known: frozenset[OpId]) -> dict[FieldKey, frozenset[OpId]]:
        """What stands on each field on which something does."""
        fields = {self.field(one) for one in known}
        found = {field: self.standing(field, known) for field in fields if field is not None}
        return {field: standing for field, standing in found.items() if standing}


def what_it_says(op: Operation) -> str:
    """The value of an operation of FACTS in words; equal words agree."""
    body = op.body
    if isinstance(body, DisputeSettled):
        body = read_body(body.decision.kind, body.decision.body)
    match body:
        case Answer(answer=answer):
            return _answer_says(answer)
        case NotApplicable(reason=reason):
            return f"not applicable: {reason}"
        case FindingWithdrawn(item=item, occurrences=occurrences):
            return f"withdrawn: {occurrences} on {item}"
        case EvidenceRemoved():
            return "removed"
        case Note(text=text):
            return text
        case _:
            return f"{getattr(body, 'fact', '')}{getattr(body, 'sha256', '')}"


def _answer_says(answer: AnswerValue) -> str:
    match answer:
        case Count(count=count):
            return f"{count} times"
        case YesNo(ok=ok):
            return f"ok: {ok}"
        case _:
            raise NotImplementedError(answer)
