"""What requests put off waits until somebody looks or nobody comes: for a bounded time, and never for good."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, event

from server.intake import projection
from server.intake.exchange import exchange
from server.intake.rebuild import rebuild
from server.storage import group, writer
from server.storage.database import Database
from server.storage.op_log import run
from shared_schema import scoring, wire
from shared_schema.ids import DeviceId
from shared_schema.operations import Note
from shared_schema.rules import ENGINE_VERSION
from tests.contract.plan import CHECKLIST
from tests.contract.talk import NOW_MS, ask, outcomes
from tests.make import Scribe, make_request

YES_NO = next(item.id for item in CHECKLIST.items if item.response == "yes_no")
MANY = 20
assert MANY > writer.CROWD_REQUESTS_MIN
PATIENCE_SECONDS = 30.0


@pytest.fixture
def scribe() -> Scribe:
    """Writes what a tablet of the squad writes on I-1."""
    return Scribe()


@pytest.fixture(autouse=True)
def restless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group takes all that waits, and the writer does not come to rest by itself."""
    monkeypatch.setattr(writer, "GROUP_SECONDS_MAX", 60.0)
    monkeypatch.setattr(writer, "IDLE_SECONDS", 60.0)
    monkeypatch.setattr(writer, "LAG_SECONDS_MAX", 60.0)


def many(db: Database, scribe: Scribe, count: int = MANY) -> None:
    """So many exchanges at once, all in one group."""
    release, entered = threading.Event(), threading.Event()

    def wait(_conn: Connection) -> None:
        entered.set()
        release.wait(PATIENCE_SECONDS)

    holder = db.submit(wait, joins=True)
    entered.wait(PATIENCE_SECONDS)
    futures = [db.submit(sent(scribe), joins=True) for _ in range(count)]
    release.set()
    holder.result()
    for future in futures:
        assert outcomes(wire.read_reply(future.result())) == ["accepted"]


def sent(scribe: Scribe) -> Callable[[Connection], bytes]:
    """The next change of a tablet, handed in."""
    body = wire.encode(make_request([scribe.write(Note(YES_NO, f"{len(scribe.written)}"))]))
    return lambda conn: exchange(conn, body, device=DeviceId("D-1"), now_ms=NOW_MS)


def number(db: Database) -> int:
    """Up to which log number the rows are stored just now."""
    found = "SELECT number FROM score_sheet WHERE inspection = 'I-1'"
    rows = db.read(lambda conn: run(conn, found), joins=True)
    return int(rows[0][0]) if rows else 0


def test_a_reply_does_not_wait_for_rows_and_whoever_reads_them_finds_them(
    db: Database, scribe: Scribe
) -> None:
    many(db, scribe, 1)
    assert number(db) == 0
    assert db.read(projection.behind) == []
    assert number(db) == 1
    assert rebuild(db, check=True).differences == ()


def test_whoever_reads_does_not_wait_while_very_many_hand_in(db: Database, scribe: Scribe) -> None:
    many(db, scribe)
    release = threading.Event()
    waiting = [db.submit(lambda _: release.wait(PATIENCE_SECONDS), joins=True) for _ in range(MANY)]
    assert db.read(projection.behind) == ["I-1"]
    release.set()
    for one in waiting:
        one.result()
    assert db.read(projection.behind) == []


def test_whoever_reads_finds_what_there_is_where_rows_cannot_be_stored(db: Database, scribe: Scribe) -> None:
    many(db, scribe, 1)

    def fail(_conn: Connection) -> None:
        raise OSError("the disk")

    event.listen(db._write_engine, "commit", fail)
    assert db.read(projection.behind) == ["I-1"]
    event.remove(db._write_engine, "commit", fail)
    assert db.read(projection.behind) == []
    assert rebuild(db, check=True).differences == ()


def test_whoever_reads_rows_on_the_writer_finds_them_up_to_date(db: Database, scribe: Scribe) -> None:
    many(db, scribe)
    assert number(db) == 0
    assert db.read(projection.behind, joins=True) == ["I-1"]
    found = db.write(lambda conn: run(conn, "SELECT number FROM score_sheet WHERE inspection = 'I-1'"))
    assert found == [(MANY,)]
    assert number(db) == MANY
    assert rebuild(db, check=True).differences == ()


def test_rows_follow_when_no_more_requests_come(
    db: Database, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "IDLE_SECONDS", 0.2)
    many(db, scribe)
    until = time.monotonic() + PATIENCE_SECONDS
    while number(db) != MANY and time.monotonic() < until:
        time.sleep(0.02)
    assert number(db) == MANY
    assert rebuild(db, check=True).differences == ()


def test_whoever_comes_while_rows_are_made_waits_for_one_inspection_and_not_for_all(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "IDLE_SECONDS", 0.0)
    came, order = threading.Event(), list[str]()

    def work(_conn: Connection, key: str, _facts: object) -> None:
        came.wait(PATIENCE_SECONDS)
        order.append(key)

    def put_off(conn: Connection) -> None:
        for key in ("first", "second"):
            group.begin(conn).put_off(work, key, {})

    db.submit(put_off, joins=True).result()
    request = db.submit(lambda _: order.append("request"), joins=True)
    came.set()
    request.result()
    db.write(lambda _: None)
    assert order in (["first", "request", "second"], ["request", "first", "second"])


def test_rows_follow_after_a_while_however_many_requests_come(
    db: Database, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(db, scribe)
    many(db, scribe)
    assert number(db) == 0
    monkeypatch.setattr(writer, "LAG_SECONDS_MAX", 0.0)
    many(db, scribe)
    assert number(db) == 3 * MANY


@pytest.fixture
def rested(db: Database, scribe: Scribe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that took long have just been made, under a crowd, which keeps coming."""
    monkeypatch.setattr(writer, "LAG_SECONDS_MAX", 0.0)
    monkeypatch.setattr(writer, "CROWD_RESTS", 1e9)
    monkeypatch.setattr(writer, "CROWD_LAG_SECONDS_MAX", 60.0)
    many(db, scribe)
    many(db, scribe)
    assert number(db) == 2 * MANY
    many(db, scribe)
    many(db, scribe)
    assert number(db) == 2 * MANY


@pytest.mark.usefixtures("rested")
def test_under_a_crowd_rows_that_took_long_rest_until_fewer_come(db: Database, scribe: Scribe) -> None:
    many(db, scribe, 1)
    assert number(db) == 4 * MANY + 1
    assert rebuild(db, check=True).differences == ()


@pytest.mark.usefixtures("rested")
@pytest.mark.parametrize("limit", ["CROWD_LAG_SECONDS_MAX", "FACTS_MAX"])
def test_under_a_crowd_rows_rest_for_a_bounded_time_and_a_bounded_memory(
    db: Database, scribe: Scribe, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(writer, limit, 0)
    many(db, scribe)
    assert number(db) == 5 * MANY
    assert rebuild(db, check=True).differences == ()


def test_a_commit_that_failed_leaves_the_rows_owed(db: Database, scribe: Scribe) -> None:
    many(db, scribe)

    def fail(_conn: Connection) -> None:
        event.remove(db._write_engine, "commit", fail)
        raise OSError("the disk")

    event.listen(db._write_engine, "commit", fail)
    with pytest.raises(OSError, match="the disk"):
        db.submit(lambda conn: run(conn, "SELECT 1"), joins=True).result()
    assert number(db) == 0
    db.write(lambda conn: run(conn, "SELECT 1"))
    assert number(db) == MANY
    assert rebuild(db, check=True).differences == ()


def test_nobody_waits_for_ever_where_even_telling_fails(
    db: Database, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit fails, and the log of it too; a writer that died of that once made every later request wait."""
    many(db, scribe)

    def fail(_conn: Connection) -> None:
        event.remove(db._write_engine, "commit", fail)
        raise OSError("the disk")

    def no_log(*_: object, **__: object) -> None:
        raise OSError("the log")

    event.listen(db._write_engine, "commit", fail)
    with monkeypatch.context() as broken:
        broken.setattr(writer.log, "warning", no_log)
        with pytest.raises(OSError, match="the log"):
            db.submit(lambda conn: run(conn, "SELECT 1"), joins=True).result(PATIENCE_SECONDS)
    db.write(lambda conn: run(conn, "SELECT 1"))
    assert number(db) == MANY


def test_a_server_that_stops_leaves_nothing_owed(db: Database, scribe: Scribe) -> None:
    many(db, scribe)
    db.close()
    with Database.open(str(db._url.render_as_string(hide_password=False)), create=False) as again:
        assert again.read(projection.behind) == []
        assert rebuild(again, check=True).differences == ()


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server that ends owes what it had put off."""
    with monkeypatch.context() as patch:
        patch.setattr(writer.Writer, "_pay", lambda _self: None)
        yield


def test_a_server_that_was_killed_catches_up_when_it_starts(
    db: Database, scribe: Scribe, killed: None
) -> None:
    many(db, scribe)
    db.close()
    with Database.open(str(db._url.render_as_string(hide_password=False)), create=False) as again:
        assert again.read(projection.behind) == ["I-1"]
        again.write(projection.catch_up)
        assert again.read(projection.behind) == []
        assert rebuild(again, check=True).differences == ()


def test_what_an_earlier_engine_scored_is_scored_anew_when_the_server_starts(
    db: Database, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgrade needs no rebuild."""
    with monkeypatch.context() as before:
        before.setattr(scoring, "ENGINE_VERSION", "0")
        many(db, scribe)
        db.close()
    with Database.open(str(db._url.render_as_string(hide_password=False)), create=False) as again:
        assert ask(again, "SELECT DISTINCT engine FROM score_sheet") == [("0",)]
        assert again.read(projection.behind) == ["I-1"]
        again.write(projection.catch_up)
        assert again.read(projection.behind) == []
        assert ask(again, "SELECT DISTINCT engine FROM score_sheet") == [(ENGINE_VERSION,)]
        assert rebuild(again, check=True).differences == ()
