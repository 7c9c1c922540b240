"""Receipts, gaps and forks: how far the server holds each tablet's chain, whatever order it came in."""

import random
from itertools import permutations
from typing import Any

import pytest
from msgspec import Raw
from sqlalchemy import Connection

from server.storage import chains
from server.storage.chains import Fork, Gap, Tip
from server.storage.console_tablets import runs
from server.storage.database import Database
from shared_schema.ids import DeviceId, digest
from shared_schema.operations import Note, Operation
from shared_schema.wire import Head
from tests.contract.plan import CHECKLIST
from tests.contract.talk import held, outcomes, say
from tests.make import Scribe, make_op

ITEM = CHECKLIST.items[0].id
DEVICE = DeviceId("D-1")


def chain(count: int, scribe: Scribe | None = None) -> list[Operation]:
    """A tablet's first operations, or its next ones."""
    writer = scribe or Scribe()
    return [writer.write(Note(ITEM, f"{n}")) for n in range(count)]


def tip(db: Database, epoch: str = "E-1") -> Tip:
    """How far the server says that it holds the chain."""
    (receipt,) = held(say(db, heads=(Head(epoch, 0),)))
    return Tip(receipt.seq, receipt.hash)


def test_a_chain_nothing_is_held_of_is_answered_with_number_0(db: Database) -> None:
    assert tip(db) == Tip(0, "")


def test_the_receipt_names_number_and_hash_of_the_last_operation(db: Database) -> None:
    ops = chain(3)
    say(db, ops)
    assert tip(db) == Tip(3, ops[2].hash)


def test_a_gap_stops_the_receipt_and_no_operation(db: Database) -> None:
    ops = chain(8)
    assert outcomes(say(db, [*ops[:2], ops[4], *ops[6:]])) == ["accepted"] * 5
    assert tip(db) == Tip(2, ops[1].hash)
    assert db.read(chains.gaps) == [Gap("D-1", "E-1", 3, 4), Gap("D-1", "E-1", 6, 6)]
    say(db, [ops[3], ops[2]])
    assert tip(db) == Tip(5, ops[4].hash)
    say(db, [ops[5]])
    assert tip(db) == Tip(8, ops[7].hash)
    assert db.read(chains.gaps) == []


def test_the_order_of_arrival_does_not_matter_to_the_receipt(db: Database) -> None:
    for number, order in enumerate(permutations(range(4))):
        ops = chain(4, Scribe(epoch=f"E-{number}"))
        for place in order:
            say(db, [ops[place]])
        assert tip(db, f"E-{number}") == Tip(4, ops[3].hash)


def test_a_refused_operation_leaves_no_gap(db: Database) -> None:
    scribe = Scribe()
    good = scribe.write(Note(ITEM, "good"))
    refused = scribe.write(Note("Z99", "there is no such item"))
    after = scribe.write(Note(ITEM, "after"))
    assert outcomes(say(db, [good, refused, after])) == ["accepted", "item_unknown", "accepted"]
    assert tip(db) == Tip(3, after.hash)
    assert db.read(chains.gaps) == []


@pytest.mark.parametrize("author", ["D-2", "D-gone"], ids=["known", "unknown"])
def test_a_number_that_another_tablet_gave_leaves_no_gap_in_the_chain_of_whoever_brings_it(
    db: Database, author: str
) -> None:
    """It waits under the bringer's name, and is no part of the bringer's chain."""
    lent = chain(5, Scribe(device=author, epoch="E-lent"))
    own = chain(1)
    head = Head("E-1", 1, own[0].hash)
    reply = say(db, [*own, lent[4], lent[2]], device="D-1", heads=(head,))
    assert set(outcomes(reply)[1:]) == {"op_not_proven"}
    assert db.read(chains.gaps) == []
    assert {run.epoch for run in db.read(lambda conn: runs(conn, "C-1"))} == {"E-1"}


@pytest.mark.parametrize("kind", ["sqlite"])
def test_looking_for_gaps_and_forks_costs_little_where_there_are_none(db: Database) -> None:
    """The console asks at every look at a tablet, and the log of a season is long: an index has to do."""
    ops = chain(1000)
    say(db, ops)
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    def look(conn: Connection) -> None:
        driver: Any = conn.connection.driver_connection
        driver.set_progress_handler(step, 1)
        assert chains.gaps(conn) == []
        assert chains.forks(conn) == []
        driver.set_progress_handler(None, 1)

    db.read(look)
    assert steps / len(ops) < 80


def test_whatever_a_refused_operation_says_its_number_is_given_away(db: Database) -> None:
    """A garbled app names another tablet: without its number the chain would never be held any further."""
    scribe = Scribe()
    garbled = scribe.write(Note(ITEM, "garbled"), device="D-99")
    after = scribe.write(Note(ITEM, "after"))
    assert outcomes(say(db, [garbled, after])) == ["op_not_proven", "accepted"]
    assert tip(db) == Tip(2, after.hash)


@pytest.mark.parametrize(
    "body", [b"[" * 300 + b"]" * 300, b'"' + b"x" * 70_000 + b'"', b'"\\u0000"'], ids=["deep", "long", "nul"]
)
def test_an_operation_that_nobody_can_read_leaves_no_gap_either(db: Database, body: bytes) -> None:
    """Else no receipt would ever reach past it, and a tablet that is restored later would not find out."""
    scribe = Scribe()
    first, bad = scribe.write(Note(ITEM, "1")), scribe.write(Note(ITEM, "!"))
    raw = bad.raw[: bad.raw.index(b'"body":') + 7] + body + b"}"
    after = make_op(Note(ITEM, "3"), seq=3, prev=digest(raw))
    assert outcomes(say(db, ops=(Raw(first.raw), Raw(raw), Raw(after.raw))))[::2] == ["accepted"] * 2
    assert tip(db) == Tip(3, after.hash)
    assert db.read(chains.gaps) == []


def test_another_tablets_operations_never_move_a_chain(db: Database) -> None:
    ops = chain(2, Scribe(device="D-21"))
    assert outcomes(say(db, ops, device="D-2")) == ["op_not_proven"] * 2
    assert tip(db) == Tip(0, "")
    assert db.read(chains.gaps) == []


def forked(db: Database) -> tuple[list[Operation], list[Operation]]:
    """Two branches that share their first two operations, as a tablet and its clone write them."""
    original, clone = Scribe(), Scribe()
    shared = chain(2, original)
    clone.written = list(shared)
    first = [*shared, *(original.write(Note(ITEM, f"a{n}"), id=f"a{n}") for n in range(2))]
    second = [*shared, *(clone.write(Note(ITEM, f"b{n}"), id=f"b{n}") for n in range(3))]
    return first, second


@pytest.mark.parametrize("seed", range(6))
def test_of_a_fork_both_branches_are_kept_and_the_furthest_is_receipted(db: Database, seed: int) -> None:
    first, second = forked(db)
    ops = [*first, *second[2:]]
    random.Random(seed).shuffle(ops)
    for op in ops:
        assert outcomes(say(db, [op])) == ["accepted"]
    assert tip(db) == Tip(5, second[4].hash)
    assert db.read(chains.forks) == [
        Fork("D-1", "E-1", 3, tuple(sorted([first[2].hash, second[2].hash]))),
        Fork("D-1", "E-1", 4, tuple(sorted([first[3].hash, second[3].hash]))),
    ]


def test_a_number_of_another_run_is_no_fork(db: Database) -> None:
    """A tablet that was restored begins at 1 again, under another epoch."""
    one, other = forked(db)
    scribe = Scribe(epoch="E-2")
    later = [scribe.write(Note(ITEM, f"{n}"), id=f"later.{n}") for n in range(4)]
    say(db, [*one, *other[2:], *later])
    assert {(fork.epoch, fork.seq) for fork in db.read(chains.forks)} == {("E-1", 3), ("E-1", 4)}
    assert {hash_ for fork in db.read(chains.forks) for hash_ in fork.hashes} <= {
        operation.hash for operation in (*one, *other)
    }


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_branch_with_a_hole_is_receipted_up_to_the_hole(db: Database, order: tuple[int, ...]) -> None:
    """What follows it names one before it that nobody has brought, however far the other branch is held."""
    one, clone = Scribe(), Scribe()
    first, second = chain(2, one)
    clone.written = [first]
    _, beyond = (clone.write(Note(ITEM, f"另记 {n}"), id=f"clone.{n}") for n in range(2))
    for which in order:
        say(db, [(first, second, beyond)[which]])
    assert tip(db) == Tip(2, second.hash)


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(("seq", "follows"), [(3, True), (2, False)])
def test_neither_the_number_alone_nor_what_it_follows_makes_a_link(
    db: Database, seq: int, follows: bool, at_once: bool
) -> None:
    (first,) = chain(1)
    odd = make_op(Note(ITEM, "跳号"), id="odd", seq=seq, prev=first.hash if follows else "f" * 64)
    for some in [[first, odd]] if at_once else [[first], [odd]]:
        say(db, some)
    assert tip(db) == Tip(1, first.hash)


def test_long_chains_are_followed_past_a_page(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chains, "PAGE_LINKS", 4)
    ops = chain(19)
    say(db, ops[1:])
    assert tip(db) == Tip(0, "")
    say(db, ops[:1])
    assert tip(db) == Tip(19, ops[18].hash)


def test_only_what_is_new_is_looked_at(db: Database) -> None:
    """A receipt costs what came with the request, not the length of the chain."""
    scribe = Scribe()
    say(db, chain(50, scribe))
    links: list[int] = []

    def count(conn: Connection) -> None:
        links.append(len(chains._links(conn, DEVICE, "E-1", 50, None)))

    db.read(count)
    assert links == [0]
