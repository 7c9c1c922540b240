"""One writer that groups commits, readers that see whole commits, and what happens when something fails."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError

from server.storage import engines, group, writer
from server.storage.database import Database
from shared_schema.problems import Problem

Write = Callable[[Connection], str]


@pytest.fixture
def held(db: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Keeps the writer busy until released, so that what is submitted meanwhile becomes one group."""
    monkeypatch.setattr(writer, "GROUP_SECONDS_MAX", 60.0)  # however slow the machine is
    release = threading.Event()
    entered = threading.Event()

    def wait(_conn: Connection) -> None:
        entered.set()
        release.wait(10)

    holder = db.submit(wait)
    entered.wait(10)
    yield release
    release.set()
    holder.exception()


def put(key: str) -> Write:
    """A request that stores one key."""

    def run(conn: Connection) -> str:
        conn.execute(text("INSERT INTO meta VALUES (:key, 'x')"), {"key": key})
        return key

    return run


def keys(db: Database) -> set[str]:
    """What has been committed."""
    found = db.read(lambda conn: set(conn.execute(text("SELECT key FROM meta")).scalars()))
    return found - {"schema_version", "server_id", "seal_key", "signing_key", "sealing_key", "edition"}


def fail(conn: Connection) -> None:
    """A request that changes something, then fails."""
    put("half")(conn)
    raise Problem("not_allowed", action="this")


def commits_of(db: Database) -> list[int]:
    """A list that grows by one with each commit of the writer."""
    seen: list[int] = []
    event.listen(db._write_engine, "commit", lambda _conn: seen.append(1))
    return seen


def test_waiting_requests_share_one_commit(db: Database, held: threading.Event) -> None:
    commits = commits_of(db)
    futures = [db.submit(put(f"k{n}")) for n in range(20)]
    held.set()
    assert [future.result() for future in futures] == [f"k{n}" for n in range(20)]
    assert len(commits) == 1  # the holder and all that waited behind it
    assert len(keys(db)) == 20


def test_no_group_is_larger_than_64(db: Database, held: threading.Event) -> None:
    commits = commits_of(db)
    futures = [db.submit(put(f"k{n}")) for n in range(200)]
    held.set()
    for future in futures:
        future.result()
    assert len(commits) >= 200 // writer.GROUP_REQUESTS_MAX


@pytest.mark.parametrize("joins", [False, True])
def test_a_failing_request_takes_back_only_what_it_did(
    db: Database, held: threading.Event, joins: bool
) -> None:
    before, bad, after = (db.submit(one, joins=joins) for one in (put("before"), fail, put("after")))
    held.set()
    assert (before.result(), after.result()) == ("before", "after")
    with pytest.raises(Problem, match="not_allowed"):
        bad.result()
    assert keys(db) == {"before", "after"}


@pytest.mark.parametrize("joins", [False, True])
def test_a_statement_that_the_database_refuses_fails_alone(
    db: Database, held: threading.Event, joins: bool
) -> None:
    first, twice, other = (db.submit(put(key), joins=joins) for key in ("same", "same", "other"))
    held.set()
    assert first.result() == "same"
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        twice.result()
    assert other.result() == "other"
    assert keys(db) == {"same", "other"}


def test_a_request_that_fails_before_it_changes_anything_has_no_other_run_again(
    db: Database, held: threading.Event
) -> None:
    ran: list[str] = []

    def run(conn: Connection) -> str:
        ran.append("ran")
        return put("k")(conn)

    def refuse(conn: Connection) -> None:
        conn.execute(text("SELECT 1"))
        raise Problem("request_malformed", where="x")

    good, bad = db.submit(run, joins=True), db.submit(refuse, joins=True)
    held.set()
    with pytest.raises(Problem, match="request_malformed"):
        bad.result()
    assert (good.result(), ran) == ("k", ["ran"])


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_request_that_fails_before_it_changes_anything_takes_nothing_that_is_remembered_with_it(
    db: Database,
) -> None:
    """Else a tablet whose requests cannot be read would have every visit of all others worked out from its start."""

    def fail(_conn: Connection) -> None:
        raise Problem("request_malformed", where="x")

    def look(conn: Connection) -> dict[str, int]:
        return dict(group.memory(conn, "test"))

    db.submit(lambda conn: group.memory(conn, "test").update(one=1), joins=True).result()
    with pytest.raises(Problem):
        db.submit(fail, joins=True).result()
    assert db.submit(look, joins=True).result() == {"one": 1}


def test_what_others_put_off_keeps_its_facts_and_the_failing_one_leaves_none(
    db: Database, held: threading.Event
) -> None:
    done: list[tuple[str, set[str]]] = []

    def work(_conn: Connection, key: str, facts: Mapping[str, None]) -> None:
        done.append((key, set(facts)))

    def puts_off(name: str, then: Callable[[Connection], object]) -> Callable[[Connection], object]:
        def run(conn: Connection) -> object:
            group.begin(conn).put_off(work, "key", {name: None})
            return then(conn)

        return run

    before, bad, after = (
        db.submit(puts_off(name, then), joins=True)
        for name, then in (("before", put("before")), ("bad", fail), ("after", put("after")))
    )
    held.set()
    with pytest.raises(Problem, match="not_allowed"):
        bad.result()
    assert (before.result(), after.result()) == ("before", "after")
    db.write(lambda _conn: None)
    assert done == [("key", {"before", "after"})]


def test_nothing_is_answered_before_its_commit(db: Database) -> None:
    order: list[str] = []
    event.listen(db._write_engine, "commit", lambda _conn: order.append("commit"))
    future = db.submit(put("k"))
    future.add_done_callback(lambda _future: order.append("answer"))
    future.result()
    assert order == ["commit", "answer"]


def test_a_commit_that_fails_fails_its_whole_group_and_nobody_else(
    db: Database, held: threading.Event
) -> None:
    failing = [True]

    def refuse(_conn: Any) -> None:
        if failing:
            failing.clear()
            raise OSError("the disk says no")

    event.listen(db._write_engine, "commit", refuse)
    futures = [db.submit(put(f"k{n}")) for n in range(3)]
    held.set()
    for future in futures:
        with pytest.raises(OSError, match="the disk says no"):
            future.result()
    assert keys(db) == set()
    assert db.write(put("later")) == "later"
    assert keys(db) == {"later"}


def test_a_request_given_up_while_it_waits_is_not_run(db: Database, held: threading.Event) -> None:
    given_up, kept = db.submit(put("given up")), db.submit(put("kept"))
    assert given_up.cancel()
    held.set()
    assert kept.result() == "kept"
    with pytest.raises(CancelledError):
        given_up.result()
    assert keys(db) == {"kept"}


def test_a_reader_sees_one_snapshot_and_cannot_write(db: Database) -> None:
    def read_twice(conn: Connection) -> tuple[int, int]:
        count = text("SELECT count(*) FROM meta")
        before = conn.execute(count).scalar_one()
        db.write(put("meanwhile"))
        return before, conn.execute(count).scalar_one()

    before, after = db.read(read_twice)
    assert before == after
    with pytest.raises(Exception, match=r"(?i)read-?only"):
        db.read(put("by a reader"))
    assert keys(db) == {"meanwhile"}


def test_closing_finishes_what_waits_and_takes_no_more(url: str) -> None:
    db = Database.open(url)
    futures = [db.submit(put(f"k{n}")) for n in range(100)]
    db.close()
    assert len({future.result() for future in futures}) == 100
    with Database.open(url) as again:
        assert len(keys(again)) == 100
        late = again.submit(put("late"))
        assert late.result() == "late"


def test_more_waiting_than_the_queue_holds_is_asked_to_come_again(
    db: Database, held: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "QUEUE_REQUESTS_MAX", 5)
    futures = [db.submit(put(f"k{n}")) for n in range(7)]
    held.set()
    with pytest.raises(Problem, match="busy"):
        futures[6].result()
    assert futures[0].result() == "k0"


def test_more_bytes_waiting_than_memory_has_room_for_are_asked_to_come_again(
    db: Database, held: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is done with makes room again: settled, failed or given up."""
    monkeypatch.setattr(writer, "QUEUE_BYTES_MAX", 100)
    fits, failing, given_up = db.submit(put("a"), 60), db.submit(fail, 20), db.submit(put("b"), 20)
    assert isinstance(db.submit(put("c"), 1).exception(0), Problem)
    small = db.submit(put("of no size"))
    assert given_up.cancel()
    held.set()
    assert (fits.result(), small.result()) == ("a", "of no size")
    assert isinstance(failing.exception(), Problem)
    assert db.submit(put("d"), 100).result() == "d"


def test_a_second_server_is_refused(url: str, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.storage.database.OPEN_PATIENCE_SECONDS", 0.2)
    with pytest.raises(Problem, match="store_in_use"):
        Database.open(url)
    db.close()
    Database.open(url).close()


def test_a_reader_of_its_own_may_look_while_the_server_runs(url: str, db: Database) -> None:
    db.write(put("k"))
    with Database.open(url, readonly=True) as looking:
        assert keys(looking) == {"k"}
        with pytest.raises(Problem, match="not_allowed"):
            looking.write(put("no"))


def test_a_read_that_finds_all_readers_taken_is_asked_to_come_again(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "READERS_MAX", 2)
    monkeypatch.setattr(engines, "READER_WAIT_SECONDS", 0.2)
    with Database.open(url) as db:

        def read_more(conn: Connection, depth: int = 2) -> None:
            conn.execute(text("SELECT 1"))
            if depth:
                db.read(lambda inner: read_more(inner, depth - 1))

        with pytest.raises(Problem, match="busy"):
            db.read(read_more)
        assert keys(db) == set()


def test_an_error_of_the_database_names_no_values(db: Database) -> None:
    """It is logged, and the values may be a password's hash, a session or an answer."""
    where = text("SELECT no_such_column FROM meta WHERE key = :key")
    for run in (db.read, db.write):
        with pytest.raises(DBAPIError) as caught:
            run(lambda conn: conn.execute(where, {"key": "a secret"}))
        assert "a secret" not in str(caught.value)


def test_a_database_that_must_be_there_is_not_made(new_url: str) -> None:
    for _ in range(2):
        with pytest.raises(Problem, match="not_found"):
            Database.open(new_url, create=False)
        with pytest.raises(Problem, match="not_found"):
            Database.open(new_url, readonly=True)
    Database.open(new_url).close()
    Database.open(new_url, create=False).close()


def test_what_cannot_be_read_once_is_read_again_and_what_never_can_is_said(tmp_path: Path) -> None:
    """SQLite calls a sector that it cannot read corrupt; it may be readable the next moment."""
    with Database.open(f"sqlite:///{tmp_path / 'hucha.db'}") as db:
        failures = [sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_IOERR]

        def once(conn: Connection) -> object:
            if failures:
                raise _failed(failures.pop())
            return conn.execute(text("SELECT 1")).scalar()

        def always(_conn: Connection) -> None:
            raise _failed(sqlite3.SQLITE_CORRUPT)

        assert db.read(once) == 1
        failures[:] = [sqlite3.SQLITE_CORRUPT]
        assert db.write(once) == 1
        for ask in (db.read, db.write):
            with pytest.raises(Problem, match="disk_failing"):
                ask(always)
        assert db.write(put("k")) == "k"


def _failed(code: int) -> sqlite3.DatabaseError:
    err = sqlite3.DatabaseError("a fault of the test")
    err.sqlite_errorcode = code
    return err
