"""The two kinds of database behind one face: how each is opened, and what its errors mean."""

import sqlite3
from pathlib import Path
from typing import Any, Literal

import psycopg
import structlog
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import NullPool

from shared_schema.problems import Problem

BUSY_TIMEOUT_MS = 10_000
"""How long a statement waits for another process (a backup, an analyst) to let go of the file."""
CHECKPOINT_PAGES = 8192
"""After so many pages (32 MB) what was committed is moved from the log of changes to its place. With SQLite's own 1000
it was moved after every commit of a busy server, and pages that the next commit writes again were written twice."""
READERS_MAX = 8
READER_WAIT_SECONDS = 10.0
"""How long a read waits for one of them to be free."""
HIDDEN = True
"""Errors name no values: they are logged, and among them are password hashes, sessions and answers."""
log = structlog.get_logger(__name__)

ADVISORY_LOCK = 0x4855434841  # "HUCHA"

Meaning = Literal["lost", "failing", "retry", "full", "busy"]
"""lost: the connection is gone; failing: the disk did not do what was asked; retry: the same again may work; full: no
space; busy: try later."""
AGAIN: frozenset[Meaning | None] = frozenset({"lost", "failing"})
"""Where the same may work on another connection."""


def parse(url: str) -> URL:
    """The address, naming the driver. Raises form_invalid for databases that Hucha does not speak."""
    refused = Problem(
        "form_invalid", field="database", cure="sqlite:///PATH / postgresql+psycopg://USER@HOST/NAME"
    )
    try:
        parsed = make_url(url)
    except ArgumentError as err:
        raise refused from err
    if parsed.drivername in {"postgresql", "postgresql+psycopg"}:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return parsed
    raise refused


def sqlite_path(url: URL) -> Path | None:
    """The file of an embedded database."""
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


def writer(url: URL) -> Engine:
    """An engine for the one writing connection."""
    if sqlite_path(url) is None:
        engine = create_engine(
            url, poolclass=NullPool, isolation_level="READ COMMITTED", hide_parameters=HIDDEN
        )
        event.listen(engine, "connect", _postgres_writer)
        return engine
    engine = create_engine(
        url, poolclass=NullPool, connect_args={"check_same_thread": False}, hide_parameters=HIDDEN
    )
    event.listen(engine, "connect", _sqlite_writer)
    event.listen(engine, "begin", lambda conn: at_driver(conn, "BEGIN IMMEDIATE"))
    return engine


def readers(url: URL) -> Engine:
    """A pool of connections that see one snapshot per transaction and cannot write."""
    if sqlite_path(url) is None:
        return create_engine(
            url,
            pool_size=READERS_MAX,
            max_overflow=0,
            pool_timeout=READER_WAIT_SECONDS,
            pool_pre_ping=True,
            isolation_level="REPEATABLE READ",
            execution_options={"postgresql_readonly": True},
            hide_parameters=HIDDEN,
        )
    engine = create_engine(
        url,
        pool_size=READERS_MAX,
        max_overflow=0,
        pool_timeout=READER_WAIT_SECONDS,
        hide_parameters=HIDDEN,
    )
    event.listen(engine, "connect", _sqlite_reader)
    event.listen(engine, "begin", lambda conn: at_driver(conn, "BEGIN"))
    return engine


def _postgres_writer(driver: Any, _record: Any) -> None:
    # A server set to answer before it has written would lose acknowledged operations when it crashes.
    driver.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
    driver.commit()


def _sqlite_writer(driver: sqlite3.Connection, _record: Any) -> None:
    driver.isolation_level = None  # we say BEGIN ourselves; the driver's own guessing breaks savepoints
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",  # NORMAL loses acknowledged operations at a power cut
        "foreign_keys=ON",
        "trusted_schema=OFF",
        "cache_size=-65536",
        f"wal_autocheckpoint={CHECKPOINT_PAGES}",
    ):
        driver.execute(f"PRAGMA {pragma}")


def _sqlite_reader(driver: sqlite3.Connection, _record: Any) -> None:
    driver.isolation_level = None
    for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "query_only=ON", "trusted_schema=OFF"):
        driver.execute(f"PRAGMA {pragma}")


def take_advisory_lock(conn: Connection) -> bool:
    """Whether this connection is now (on PostgreSQL) the only writer of its database, for as long as it lives."""
    if conn.dialect.name == "sqlite":
        return True
    with conn.begin():
        return bool(conn.exec_driver_sql(f"SELECT pg_try_advisory_lock({ADVISORY_LOCK})").scalar_one())


def in_transaction(conn: Connection) -> bool:
    """Whether the driver's transaction still lives (a full disk or a lost server may have ended it)."""
    if conn.invalidated or conn.closed:
        return False
    driver: Any = conn.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        return driver.in_transaction
    return not driver.closed and driver.info.transaction_status in {
        psycopg.pq.TransactionStatus.INTRANS,
        psycopg.pq.TransactionStatus.INERROR,
    }


def rows_changed(conn: Connection) -> int | None:
    """How many rows this connection has changed so far; None where the database does not count them."""
    driver: Any = conn.connection.driver_connection
    return driver.total_changes if isinstance(driver, sqlite3.Connection) else None


def at_driver(conn: Connection, sql: str) -> None:
    """Runs a statement of the transaction itself at the driver: SQLAlchemy's own way costs thirty times as much."""
    cursor: Any = conn.connection.cursor()
    try:
        cursor.execute(sql)
    finally:
        cursor.close()


class Savepoint:
    """A place in the transaction to go back to; those begun later lie within it, and all may have one name."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        at_driver(conn, "SAVEPOINT hucha")

    def release(self) -> None:
        """What was done since stays, with the transaction."""
        at_driver(self._conn, "RELEASE SAVEPOINT hucha")

    def roll_back(self) -> None:
        """What was done since is taken back."""
        at_driver(self._conn, "ROLLBACK TO SAVEPOINT hucha")
        self.release()


def meaning(err: BaseException | None) -> Meaning | None:
    """What a driver's error (bare, or wrapped by SQLAlchemy) says about the database; None if it is about the data."""
    cause = err.orig if isinstance(err, DBAPIError) else err
    if isinstance(cause, sqlite3.Error):
        return _sqlite_meaning(cause)
    if isinstance(cause, psycopg.Error):
        return _postgres_meaning(cause)
    return "busy" if isinstance(err, PoolTimeoutError) else None


def is_of_the_database(err: BaseException) -> bool:
    """Whether a driver raised it, whatever it says."""
    return isinstance(err, DBAPIError | sqlite3.Error | psycopg.Error | PoolTimeoutError)


def is_damage(err: BaseException | None) -> bool:
    """Whether the file is none of ours, or not whole."""
    cause = err.orig if isinstance(err, DBAPIError) else err
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF if isinstance(cause, sqlite3.Error) else 0
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def about_the_data(err: BaseException) -> bool:
    """Whether it is no fault of the database or the machine: a value it will not take, or no driver's error at all."""
    cause = err.orig if isinstance(err, DBAPIError) else err
    if isinstance(cause, sqlite3.Error):
        return isinstance(cause, sqlite3.IntegrityError | sqlite3.DataError | sqlite3.ProgrammingError)
    if isinstance(cause, psycopg.Error):
        return isinstance(cause, psycopg.IntegrityError | psycopg.DataError | psycopg.ProgrammingError)
    return not isinstance(err, MemoryError)


def _sqlite_meaning(err: sqlite3.Error) -> Meaning | None:
    match getattr(err, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return "full"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return "busy"
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_CORRUPT:
            # A sector that cannot be read is `corrupt` to SQLite, too, and may be readable the next time.
            return "failing"
        case _:
            return None


def _postgres_meaning(err: psycopg.Error) -> Meaning | None:
    state = err.sqlstate or ""
    if state in {"40001", "40P01"}:
        return "retry"
    if state == "53100":
        return "full"
    if state.startswith("53") or state in {"55P03", "57014"}:
        return "busy"
    if state.startswith(("08", "57P")):
        return "lost"
    if isinstance(err, psycopg.OperationalError | psycopg.InterfaceError) and not state:
        return "lost"
    return None


def as_problem(err: BaseException) -> BaseException:
    """The Problem to answer with, where the database is to blame; anything else as it is."""
    match meaning(err):
        case "full":
            problem = Problem("disk_full")
        case "failing":
            log.error("disk_failing", error=repr(err))
            problem = Problem("disk_failing")
        case None:
            return err
        case _:
            problem = Problem("busy")
    problem.__cause__ = err
    return problem
