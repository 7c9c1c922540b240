"""Bases that are named by how they begin: taken to the byte, or refused so that the tablet sends them whole."""

from collections.abc import Sequence
from random import Random

import pytest

from server.intake.exchange import exchange
from server.storage import op_log
from server.storage.database import Database
from shared_schema import wire
from shared_schema.ids import DeviceId
from shared_schema.operations import Note, Operation, id_of, make_operation, read
from shared_schema.packing import BEGINNING_BYTES
from shared_schema.problems import Problem
from tests.contract.plan import CHECKLIST
from tests.contract.talk import NOW_MS, ask, cursors_of, outcomes, say
from tests.make import make_envelope, make_request

YES_NO = next(item.id for item in CHECKLIST.items if item.response == "yes_no")
DIGITS = 2 * BEGINNING_BYTES


class Pen:
    """A tablet that writes notes as the real one does: their ids follow from their content."""

    def __init__(self, device: str = "D-1", epoch: str = "E-1") -> None:
        self.place = {"device": device, "epoch": epoch}
        self.seq, self.head = 0, ""

    def write(self, text: str, bases: Sequence[Operation] = ()) -> Operation:
        """The next operation, which names these as its bases."""
        self.seq += 1
        named = tuple(one.id for one in bases)
        body = Note(YES_NO, text)
        raw = make_operation(
            make_envelope(body, seq=self.seq, prev=self.head, bases=named, id="-", **self.place)
        )
        one = read(raw)
        assert one.id == id_of(raw)
        self.head = one.hash
        return one


def send(db: Database, ops: Sequence[Operation], device: str = "D-1", **more: object) -> wire.ExchangeReply:
    """One exchange with bases shortened, among the writer's others."""
    asked = make_request(ops, **{"device": device, **more})
    body = wire.encode_packed(asked, shortens=True)
    run = db.submit(lambda conn: exchange(conn, body, device=DeviceId(device), now_ms=NOW_MS), joins=True)
    return wire.read_reply(run.result())


def logged(db: Database) -> list[bytes]:
    """The bytes of the log."""
    return [bytes(raw) for (raw,) in ask(db, "SELECT raw FROM operation ORDER BY inspection, number")]


def two_rounds(pen: Pen, count: int = 30) -> tuple[list[Operation], list[Operation]]:
    """Notes, and as many that name them."""
    first = [pen.write(f"first {n}") for n in range(count)]
    return first, [pen.write(f"second {n}", [one]) for n, one in enumerate(first)]


def test_what_is_stored_is_to_the_byte_what_was_written(db: Database) -> None:
    first, second = two_rounds(Pen())
    assert say(db, first).finds_bases
    assert len(wire.encode_packed(make_request(second), shortens=True)) < len(
        wire.encode_packed(make_request(second))
    ) - 8 * len(second)
    assert outcomes(send(db, second)) == ["accepted"] * len(second)
    assert outcomes(send(db, second)) == ["duplicate"] * len(second)
    assert logged(db) == [one.raw for one in (*first, *second)]


def test_a_base_that_is_not_here_changes_nothing_and_whole_it_is_taken(db: Database) -> None:
    """As after a restore: the tablet's earlier operations are gone, and what it writes now names them."""
    first, second = two_rounds(Pen())
    say(db, first[:-1])
    before = logged(db)
    with pytest.raises(Problem, match="bases_unknown"):
        send(db, second)
    assert logged(db) == before
    assert outcomes(say(db, second)) == ["accepted"] * len(second)
    say(db, first[-1:])
    assert outcomes(send(db, second)) == ["duplicate"] * len(second), "with the base they need not be whole"


def test_another_operation_that_begins_alike_is_not_taken_for_the_base(db: Database) -> None:
    """Whoever has it in the log can make it costly, and never wrong."""
    first, second = two_rounds(Pen(), 3)
    say(db, first)
    twin = read(make_operation(make_envelope(Note(YES_NO, "x"), device="D-2")))
    forged = first[0].id[:DIGITS] + "0" * (len(twin.id) - DIGITS)
    raw = twin.raw.replace(twin.id.encode(), forged.encode())
    assert outcomes(say(db, [read(raw)], device="D-2")) == ["accepted"]
    before = logged(db)
    with pytest.raises(Problem, match="bases_unknown"):
        send(db, second)
    assert logged(db) == before


def test_of_a_forked_chain_each_branch_names_its_own(db: Database) -> None:
    """A tablet and its clone gave the same numbers to other bytes."""
    one, clone = Pen(), Pen()
    mine = [one.write(f"mine {n}") for n in range(3)]
    theirs = [clone.write(f"theirs {n}") for n in range(3)]
    assert [op.seq for op in mine] == [op.seq for op in theirs]
    say(db, mine)
    say(db, theirs)
    later = [one.write("a", mine), clone.write("b", theirs), one.write("c", [*mine[:2], *theirs[:1]])]
    assert outcomes(send(db, later)) == ["accepted"] * 3
    assert logged(db)[6:] == [op.raw for op in later]


def test_a_colleague_gets_them_whole_as_news(db: Database) -> None:
    """Tablets find no bases, so what is passed on as it came has them whole."""
    first, second = two_rounds(Pen())
    read_before = send(db, [], device="D-2")
    send(db, first)
    known = cursors_of(read_before, send(db, [], device="D-2", **cursors_of(read_before)))
    send(db, second)
    (news,) = send(db, [], device="D-2", **known).news
    assert [bytes(raw) for raw in news.ops] == [one.raw for one in second]


def test_of_any_beginnings_those_are_found_that_an_id_begins_with(db: Database) -> None:
    first, _ = two_rounds(Pen())
    say(db, first)
    random = Random(1)
    asked = [one.id[:DIGITS] for one in first] + [random.randbytes(BEGINNING_BYTES).hex() for _ in range(50)]
    asked += ["0" * DIGITS, "f" * DIGITS]
    random.shuffle(asked)
    found = db.read(lambda conn: op_log.beginning(conn, tuple(asked)))
    by_beginning = {one.id[:DIGITS]: one.id for one in first}
    assert len(found) == len(asked)
    for begun, id_ in zip(asked, found, strict=True):
        assert (id_ if id_.startswith(begun) else "") == by_beginning.get(begun, "")


def test_the_answer_to_none_is_none(db: Database) -> None:
    assert db.read(lambda conn: op_log.beginning(conn, ("abc", "def"))) == ["", ""]
