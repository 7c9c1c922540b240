"""The database: one writer that groups commits, a pool of readers, and how both are opened.

Below the HTTP edge everything is plain synchronous Python. A request is a function of a connection
that touches nothing else, because it may be run again when a connection is lost before its commit.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Self, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError

from server.storage import engines, migrations
from server.storage.disk import disk_problems, make_folder
from server.storage.store_lock import StoreLock
from server.storage.writer import RUNS_MAX, Writer
from shared_schema.ids import ID_BYTES, make_id
from shared_schema.problems import Problem

__all__ = ["Connection", "Database"]

T = TypeVar("T")

KEY_BYTES = 32
OPEN_PATIENCE_SECONDS = 5.0
"""How long opening waits for a database that is just starting, or for a server that is just stopping."""


class Database:
    """An open database. Made by `Database.open`; ended by `close`, or as a context manager."""

    def __init__(self, url: URL, lock: StoreLock | None) -> None:
        self._url = url
        self._lock = lock
        self._read_engine = engines.readers(url)
        self._write_engine = engines.writer(url)
        self._writer: Writer | None = None

    @classmethod
    def open(
        cls,
        url: str,
        *,
        create: bool = True,
        readonly: bool = False,
        entropy: Callable[[int], bytes] = secrets.token_bytes,
    ) -> "Database":
        """The database at `url`, made or brought to our version. Read-only, a running server may have it open.

        Raises not_found, schema_too_new, schema_too_old (read-only), store_in_use, store_damaged, busy, disk_full,
        disk_failing, having changed nothing.
        """
        parsed = engines.parse(url)
        path = engines.sqlite_path(parsed)
        lock = None
        if path is not None:
            if not path.exists() and (readonly or not create):
                raise Problem("not_found", what=path)
            if not readonly:
                if not path.exists():
                    with disk_problems():
                        make_folder(path.parent)
                lock = StoreLock(path)
        database = cls(parsed, lock)
        try:
            version = database._check(path, must_exist=readonly or not create)
            if readonly:
                migrations.refuse_older(version)
            else:
                database._prepare(path, _made(entropy))
        except BaseException:
            database.close()
            raise
        return database

    def _check(self, path: Path | None, *, must_exist: bool) -> int | None:
        """Refuses what we must not touch, before anything is touched; else its version, None of a new one."""
        if path is not None and not path.exists():
            return None
        try:
            version = self.read(migrations.refuse_newer)
        except (DatabaseError, Problem) as err:
            unreadable = isinstance(err, DatabaseError) and engines.meaning(err) is None
            if path is not None and (unreadable or engines.is_damage(err.__cause__)):
                raise Problem("store_damaged", path=path) from err
            raise
        if version is None and must_exist:
            raise Problem("not_found", what=self._url.render_as_string())
        return version

    def _prepare(self, path: Path | None, made: Mapping[str, str]) -> None:
        def keep_copy(version: int) -> None:
            if path is not None:
                migrations.keep_sqlite_copy(path, version)

        conn = self._connect(OPEN_PATIENCE_SECONDS)
        try:
            migrations.migrate(conn, made=made, keep_copy=keep_copy)
        except Exception as err:
            conn.close()
            raise engines.as_problem(err) from err
        # The same connection, because the lock that keeps other servers out is the connection's.
        self._writer = Writer(self._connect, conn)

    def _connect(self, patience_seconds: float) -> Connection:
        """The writing connection, by itself on this database. Raises busy, store_in_use, disk_full, disk_failing."""
        deadline = time.monotonic() + patience_seconds
        delay = 0.05
        while True:
            try:
                conn = self._write_engine.connect()
                if engines.take_advisory_lock(conn):
                    return conn
                conn.close()
                problem = Problem("store_in_use", path=self._url.render_as_string())
            except DatabaseError as err:
                if engines.meaning(err) is None:
                    raise
                found = engines.as_problem(err)
                assert isinstance(found, Problem), "whatever means something is a problem"
                problem = found
            if time.monotonic() + delay > deadline:
                raise problem
            time.sleep(delay)
            delay = min(delay * 2, 1.0)

    # --- what callers use ---------------------------------------------------------------------------

    def submit(self, run: Callable[[Connection], T], size: int = 0, *, joins: bool = False) -> "Future[T]":
        """Queues `run(conn)` for the writer; the future has its result once that is committed.

        `size` is how many bytes of a request wait with it. One that `joins` reads no score row, so that it need not
        wait until those of its group are up to date. It raises what `run` raised, or busy, disk_full, disk_failing.
        """
        if self._writer is None:
            raise Problem("not_allowed", action="write")
        return self._writer.submit(run, size, joins=joins)

    def write(self, run: Callable[[Connection], T]) -> T:
        """Runs `run(conn)` on the writer and returns its result after the commit."""
        return self.submit(run).result()

    def read(self, run: Callable[[Connection], T], *, joins: bool = False) -> T:
        """Runs `run(conn)` in this thread, over one snapshot. Raises what `run` raises, or busy, disk_failing.

        It finds the score rows of all that was answered before, except while very many exchanges wait (then they
        may be seconds behind). One that `joins` reads none and waits for none.
        """
        if self._writer is not None and not joins:
            self._writer.settled()
        return self._by_itself(self._read_engine, run)

    def aside(self, run: Callable[[Connection], T]) -> T:
        """Runs `run(conn)` in a short transaction of its own, beside the writer of a server that may be running.

        Only for notes that no writer remembers, or of which it looks whether they are still the same. Raises what
        `run` raises, or busy, disk_full.
        """
        return self._by_itself(self._write_engine, run)

    def _by_itself(self, engine: Engine, run: Callable[[Connection], T]) -> T:
        for attempt in range(1, RUNS_MAX + 1):
            try:
                with engine.connect() as conn, conn.begin():
                    return run(conn)
            except Exception as err:
                meaning = engines.meaning(err)
                if meaning is None:
                    raise
                if meaning not in {*engines.AGAIN, "retry"} or attempt == RUNS_MAX:
                    raise engines.as_problem(err) from err
                time.sleep(0.2 * attempt)
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Finishes what is queued, then lets go of everything."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
        self._read_engine.dispose()
        self._write_engine.dispose()
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _made(entropy: Callable[[int], bytes]) -> Mapping[str, str]:
    """The identity and the keys a new database begins with."""
    keys = {name: entropy(KEY_BYTES).hex() for name in ("seal_key", "signing_key", "sealing_key")}
    return {"server_id": make_id(entropy(ID_BYTES)), **keys}
