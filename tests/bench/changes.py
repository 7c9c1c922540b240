"""What a tablet writes in a benchmark: round after round an answer, a finding and a note on every item.

Each change names the tablet's own last change of that field as its base, and not its colleague's: both
work offline. Mostly the two agree, so both values stand; on one item of eight they differ, which is a
dispute. All of it is drawn from a seed, so two runs write the same bytes.
"""

import random
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import cycle, islice

from msgspec import Struct

from shared_schema.checklist import Checklist, Item
from shared_schema.ids import ID_BYTES, digest, make_id
from shared_schema.operations import (
    KIND_OF,
    Actual,
    Answer,
    AnswerValue,
    Clauses,
    Count,
    Envelope,
    Finding,
    FindingAmended,
    Note,
    Ratio,
    Value,
    YesNo,
    body_bytes,
    id_of,
    make_operation,
)
from tests.bench.plan import Tablet

AT_MS = 1_762_000_000_000
DIFFERS_EVERY = 8

_ANSWERS: Mapping[str, tuple[AnswerValue, ...]] = {
    "yes_no": (YesNo(ok=True), YesNo(ok=False)),
    "count": (Count(count=0), Count(count=2), Count(count=3)),
    "clauses": (Clauses(), Clauses()),
    "ratio": (Ratio(sampled=20, conforming=20), Ratio(sampled=20, conforming=19)),
    "percent": (Value(value=Decimal(95), sampled=20), Value(value=Decimal(88), sampled=20)),
    "shortfall": (Actual(actual=1), Actual(actual=2)),
}


class Writer:
    """One tablet's chain of changes, as bytes, for as long as somebody asks for more."""

    def __init__(self, tablet: Tablet, checklist: Checklist, rng: random.Random) -> None:
        self.tablet = tablet
        self.epoch = make_id(rng.randbytes(ID_BYTES))
        self.seq = 0
        self.head = ""
        self._items = checklist.items
        self._last: dict[str, str] = {}
        self._steps = self._round_after_round()

    def write(self, count: int) -> list[bytes]:
        """The next changes."""
        return list(islice(self._steps, count))

    def _round_after_round(self) -> Iterator[bytes]:
        second = self.tablet.person.endswith("-1")
        for number in cycle(range(1_000)):
            for at, item in enumerate(self._items):
                differs = second and at % DIFFERS_EVERY == 0
                yield self._op(f"answer/{item.id}", Answer(item.id, _answer(item, number + differs)))
                yield self._op(f"finding/{item.id}", _finding(item, number, differs=differs))
                yield self._op(f"note/{item.id}", Note(item.id, f"登记簿 2026-{number} 号，第 {at} 页"))

    def _op(self, field: str, body: Struct) -> bytes:
        self.seq += 1
        base = self._last.get(field)
        raw = make_operation(
            Envelope(
                id="-",
                inspection=self.tablet.inspection,
                person=self.tablet.person,
                device=self.tablet.device,
                epoch=self.epoch,
                seq=self.seq,
                prev=self.head,
                at_ms=AT_MS + self.seq * 4_000,
                bases=() if base is None else (base,),
                kind=KIND_OF[type(body)],
                body=body_bytes(body),
            )
        )
        self._last[field] = id_of(raw)
        self.head = digest(raw)
        return raw


def _answer(item: Item, number: int) -> AnswerValue:
    values = _ANSWERS[item.response]
    return values[number % len(values)]


def _finding(item: Item, number: int, *, differs: bool) -> Finding:
    kind = FindingAmended if number else Finding
    return kind(
        finding=f"F-{item.id}",
        item=item.id,
        fact=f"台账缺 {number % 5 + 1} 份文件的去向",
        occurrences=1 + number % 2 + differs,
    )
