"""The database fails at every single statement of an exchange: all of it is there afterwards, or nothing."""

import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from server.intake.exchange import exchange
from server.intake.rebuild import rebuild
from server.storage.database import Database
from server.storage.op_log import run
from shared_schema import wire
from shared_schema.ids import DeviceId
from shared_schema.operations import Note, Operation
from shared_schema.problems import Problem
from shared_schema.wire import ExchangeReply
from tests.contract.plan import CHECKLIST, plan
from tests.contract.talk import NOW_MS, ask, outcomes, say
from tests.make import Scribe, make_answer, make_finding, make_request

YES_NO = next(item.id for item in CHECKLIST.items if item.response == "yes_no")
POINTS_MIN = 40
"""Statements of one exchange. Fewer than this, and the faults no longer reach where they should."""


class Fault:
    """Lets so many statements pass, then fails one, or all from there on."""

    def __init__(self) -> None:
        self.left = 0
        self.code = 0
        self.lasts = False
        self.struck = 0

    def arm(self, at: int, code: int, *, lasts: bool) -> None:
        """Fails the n-th statement from now."""
        self.left, self.code, self.lasts, self.struck = at, code, lasts, 0

    def disarm(self) -> None:
        """Lets everything pass again."""
        self.left = 0

    def strike(self) -> None:
        """Called before every statement."""
        if self.left == 0:
            return
        self.left -= 1
        if self.left == 0:
            self.struck += 1
            self.left = 1 if self.lasts else 0
            err = sqlite3.OperationalError("a fault of the test")
            err.sqlite_errorcode = self.code
            raise err


FAULT = Fault()


class FaultyCursor(sqlite3.Cursor):
    """Fails when told to."""

    def execute(self, *args: Any) -> "FaultyCursor":
        FAULT.strike()
        super().execute(*args)
        return self

    def executemany(self, *args: Any) -> "FaultyCursor":
        FAULT.strike()
        super().executemany(*args)
        return self


class FaultyConnection(sqlite3.Connection):
    """Fails when told to."""

    def cursor(self, *_: Any) -> sqlite3.Cursor:  # type: ignore[override]
        return super().cursor(FaultyCursor)

    def commit(self) -> None:
        FAULT.strike()
        super().commit()


@pytest.fixture(scope="module")
def faulty() -> Iterator[None]:
    """Every connection opened meanwhile fails when told to."""

    def connect(_dialect: Any, _record: Any, _args: Any, keywords: dict[str, Any]) -> None:
        keywords["factory"] = FaultyConnection

    event.listen(Engine, "do_connect", connect)
    yield
    event.remove(Engine, "do_connect", connect)


@pytest.fixture
def db(tmp_path: Path, faulty: None) -> Iterator[Database]:
    """An open database with the small campaign in it."""
    FAULT.disarm()
    with Database.open(f"sqlite:///{tmp_path / 'hucha.db'}") as database:
        database.write(plan)
        yield database
        FAULT.disarm()


class World:
    """Sends the same kind of exchange again and again, each about an inspection's next operations."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.scribe = Scribe()
        self.sent: list[Operation] = []

    def next(self) -> list[Operation]:
        """Operations on two inspections, and one that is refused."""
        number = len(self.scribe.written)
        ops = [
            self.scribe.write(make_answer(YES_NO, number % 2 == 0)),
            self.scribe.write(make_finding(f"F-{number}", YES_NO), inspection="I-2"),
            self.scribe.write(Note("Z99", "no such item")),
        ]
        self.sent += [ops[0], ops[1]]
        return ops

    def stored(self) -> set[bytes]:
        """What the log holds."""
        return {bytes(raw) for (raw,) in ask(self.db, "SELECT raw FROM operation")}


@pytest.mark.parametrize("lasts", [False, True], ids=["once", "for a while"])
@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_INTERRUPT])
def test_whatever_statement_fails_the_exchange_is_whole_or_nothing(
    db: Database, code: int, lasts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.storage.writer.PATIENCE_SECONDS", 0.1)
    world = World(db)
    say(db, world.next())
    points = 0
    while True:
        before = world.stored()
        ops = world.next()
        points += 1
        FAULT.arm(points, code, lasts=lasts)
        reply = said_or_problem(db, ops)
        FAULT.disarm()
        if isinstance(reply, Exception):
            assert is_honest(reply), reply
            assert world.stored() == before
            reply = say(db, ops)
        assert outcomes(reply) == ["accepted", "accepted", "item_unknown"]
        assert world.stored() == {op.raw for op in world.sent}
        if not FAULT.struck:
            break
    assert points >= POINTS_MIN
    assert rebuild(db, check=True).differences == ()
    assert ask(db, "SELECT count(*) FROM score_sheet WHERE status = 'error'") == [(0,)]
    assert ask(db, "PRAGMA integrity_check") == [("ok",)]


def said_or_problem(db: Database, ops: list[Operation]) -> ExchangeReply | Exception:
    """The reply, or what came instead of one."""
    try:
        return say(db, ops)
    except Exception as err:  # noqa: BLE001 - what it may be is what is tested
        return err


def is_honest(err: Exception) -> bool:
    """A full disk is called that; other faults are the server's, to be tried again."""
    if isinstance(err, Problem):
        return err.code == ("disk_full" if FAULT.code == sqlite3.SQLITE_FULL else "disk_failing")
    return FAULT.code == sqlite3.SQLITE_INTERRUPT and "a fault of the test" in str(err)


def test_a_full_disk_is_said_and_work_goes_on_when_there_is_space(db: Database) -> None:
    world = World(db)
    say(db, world.next())
    ((pages,),) = db.write(lambda conn: run(conn, "PRAGMA page_count"))
    small_disk = f"PRAGMA max_page_count = {pages + 2}"

    def shrink(driver: Any, _record: Any) -> None:
        driver.execute(small_disk)

    event.listen(db._write_engine, "connect", shrink)  # a new connection does not make the disk larger
    db.write(lambda conn: run(conn, small_disk))
    before = world.stored()
    big = [world.scribe.write(Note(YES_NO, "满" * 1300), inspection=f"I-{1 + n % 9}") for n in range(60)]
    small = world.scribe.write(Note(YES_NO, "x"))
    together = [db.submit(partial(_send, ops)) for ops in ([small], big)]
    outcome = [future.exception() for future in together]
    assert outcome[0] is None, "whoever fits is served, whoever does not is told"
    assert isinstance(outcome[1], Problem)
    assert outcome[1].code == "disk_full"
    assert world.stored() == before | {small.raw}
    event.remove(db._write_engine, "connect", shrink)
    db.write(lambda conn: run(conn, "PRAGMA max_page_count = 1000000"))
    assert set(outcomes(say(db, big))) == {"accepted"}
    assert rebuild(db, check=True).differences == ()


def _send(ops: list[Operation], conn: Connection) -> bytes:
    return exchange(conn, wire.encode(make_request(ops)), device=DeviceId("D-1"), now_ms=NOW_MS)
