"""The log: every operation once, numbers without gaps, and cursors that skip nothing while several writers write."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine

from server.intake.exchange import exchange
from server.storage import engines, op_log
from server.storage.database import Database
from shared_schema import wire
from shared_schema.ids import DeviceId, InspectionId
from shared_schema.operations import Note
from shared_schema.proofs import next_head
from tests.contract.plan import CHECKLIST, inspection_id
from tests.contract.talk import NOW_MS, ask, say
from tests.make import Scribe, make_op, make_request

ITEM = CHECKLIST.items[0].id
WRITERS = 4
REQUESTS = 12


def test_numbers_count_each_inspection_without_gaps(db: Database) -> None:
    scribe = Scribe()
    ops = [scribe.write(Note(ITEM, f"{n}"), inspection=inspection_id(1, 1 + n % 3)) for n in range(30)]
    for start in range(0, 30, 7):
        say(db, ops[start : start + 7])
    rows = ask(db, "SELECT inspection, number FROM operation ORDER BY inspection, number")
    assert rows == [(inspection_id(1, n), k) for n in (1, 2, 3) for k in range(1, 11)]


def test_the_head_of_a_log_names_all_of_it(db: Database) -> None:
    first, second, third = (make_op(Note(ITEM, f"{n}"), seq=n) for n in (1, 2, 3))
    say(db, [first, second])
    head = next_head(next_head("", first.hash), second.hash)
    assert db.read(lambda conn: op_log.head_at(conn, InspectionId("I-1"), 2)) == head
    say(db, [third])
    (row,) = ask(db, "SELECT last_number, log_head FROM inspection WHERE id = 'I-1'")
    assert row == (3, next_head(head, third.hash))


def test_a_request_that_fails_late_leaves_no_number_behind(db: Database) -> None:
    def fail_late(conn: Connection) -> None:
        op_log.append(conn, [make_op(Note(ITEM, "x"))], now_ms=0)
        raise LookupError("late")

    with pytest.raises(LookupError):
        db.write(fail_late)
    say(db, [make_op(Note(ITEM, "y"))])
    assert ask(db, "SELECT number FROM operation") == [(1,)]


# --- several writers, as on PostgreSQL behind several servers ---------------------------------------


@pytest.fixture
def writer_engine(url: str) -> Iterator[Engine]:
    """Writing connections beside each other."""
    engine = engines.writer(engines.parse(url))
    yield engine
    engine.dispose()


def test_cursors_skip_nothing_while_writers_write_side_by_side(url: str, writer_engine: Engine) -> None:
    """A tablet that reads all the while has in the end read the whole log, in order."""
    inspections = [inspection_id(1, n) for n in (1, 2, 3)]
    done = threading.Event()
    problems: list[Exception] = []

    def write(number: int) -> None:
        scribe = Scribe(device=f"D-{1 + number % 2}", epoch=f"E-{number}")
        try:
            for at in range(REQUESTS):
                # In another order each time, so that locks taken as they come would deadlock.
                spread = inspections if (number + at) % 2 else inspections[::-1]
                ops = [scribe.write(Note(ITEM, f"{number}/{at}"), inspection=one) for one in spread]
                request = wire.encode(make_request(ops))
                with writer_engine.connect() as conn, conn.begin():
                    exchange(conn, request, device=DeviceId(scribe.device), now_ms=NOW_MS)
        except Exception as err:  # noqa: BLE001 - shown by the test's own thread
            problems.append(err)

    told: dict[str, list[bytes]] = {one: [] for one in inspections}

    def read_on(cursors: dict[str, int]) -> None:
        request = wire.encode(make_request(device="D-2", cursors=cursors))
        with writer_engine.connect() as conn, conn.begin():
            reply = wire.read_reply(exchange(conn, request, device=DeviceId("D-2"), now_ms=NOW_MS))
        for one in reply.news:
            told.get(one.inspection, []).extend(bytes(raw) for raw in one.ops)
            cursors[one.inspection] = one.cursor

    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    cursors: dict[str, int] = {}
    while any(thread.is_alive() for thread in threads):
        read_on(cursors)
        done.wait(0.001)
    read_on(cursors)
    assert problems == []
    with Database.open(url, readonly=True) as looking:
        sql = "SELECT raw FROM operation WHERE inspection = ? ORDER BY number"
        for one in inspections:
            whole = [bytes(raw) for (raw,) in ask(looking, sql, one)]
            assert len(whole) == WRITERS * REQUESTS
            assert told[one] == whole
