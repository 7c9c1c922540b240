"""The one writer: a thread that takes waiting requests from a queue and groups them into one commit.

One that fails takes back only what it did itself: by a savepoint, or by running the others again, because
SQLite copies every page that is written within a savepoint, and exchanges hardly ever fail after they have
written. A commit that fails fails them all. Results are handed out after the commit, never before. What requests
put off (`group`) waits until anybody wants to see it, here or reading beside (`settled`), until no request
comes for a moment, or for a bounded time: whoever handed in has the reply by then.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

import structlog
from sqlalchemy import Connection

from server.storage import engines
from server.storage.group import Group, Work, begin
from shared_schema.problems import Problem

T = TypeVar("T")

GROUP_REQUESTS_MAX = 64
GROUP_SECONDS_MAX = 0.25
"""A group takes no more requests after this long, so that the first does not wait for many slow ones."""
QUEUE_REQUESTS_MAX = 4096
"""With more than this many waiting, the next is answered `busy`: the tablets try again later."""
QUEUE_BYTES_MAX = 256 * 1024 * 1024
"""So also with more than this many bytes of requests waiting: many at their largest would fill the memory."""
RUNS_MAX = 3
"""How often one request is run when the connection is lost, or a deadlock breaks it, before its commit."""
PATIENCE_SECONDS = 20.0
"""How long a request waits for a database that is restarting."""

CROWD_REQUESTS_MIN = 16
"""With this many waiting, whoever only reads does not have what was put off done before all others."""
LAG_SECONDS_MAX = 2.0
"""No longer than this is anything put off, but under a crowd, and no longer does anybody who reads wait for it."""
CROWD_LAG_SECONDS_MAX = 10.0
"""Under a crowd nothing is put off for longer than this."""
CROWD_RESTS = 20
"""Under a crowd what was put off waits so many times as long as it took the last time: a twentieth of the work."""
FACTS_MAX = 40_000
"""With more facts than this put off, which are decoded operations, it is done: they take a kilobyte each."""
IDLE_SECONDS = 0.03
"""After this long without a request, what was put off is done: those just answered mostly come again sooner."""

log = structlog.get_logger(__name__)


class _TransactionLostError(Exception):
    """The whole transaction is gone (connection lost, disk full), not merely one request's part of it."""


class _SpoiledError(Exception):
    """A request failed that cannot be taken back by itself."""


class _Request(Generic[T]):
    def __init__(self, run: Callable[[Connection], T], *, joins: bool = False) -> None:
        self.run = run
        self.joins = joins
        self.future: Future[T] = Future()
        self.result: Any = None
        self.error: BaseException | None = None

    def settle(self) -> None:
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(engines.as_problem(self.error))

    def fail(self, error: BaseException) -> None:
        self.error = error
        self.settle()


class Writer:
    """Owns the writing connection. `connect(patience_seconds)` gives another when it is lost, or raises a Problem."""

    def __init__(self, connect: Callable[[float], Connection], conn: Connection) -> None:
        self._connect = connect
        self._conn: Connection | None = conn
        self._given_up = False
        self._owed: list[tuple[Work, str]] = []
        """What committed requests have put off, by whatever connection."""
        self._owed_since = 0.0
        self._took_seconds = 0.0
        """How long what was put off took the last time that it was done whole."""
        self._queue: queue.SimpleQueue[_Request[Any] | None] = queue.SimpleQueue()
        self._stopping = False
        self._bytes = 0
        self._bytes_lock = threading.Lock()
        self._thread = threading.Thread(target=self._serve, name="hucha-writer", daemon=True)
        self._thread.start()

    def submit(self, run: Callable[[Connection], T], size: int = 0, *, joins: bool = False) -> "Future[T]":
        """Queues `run(conn)`; the future has its result, or what it raised, once that is settled for good.

        `size` is how many bytes of a request it keeps in memory until then. One that `joins` reads nothing that
        another of its group may have put off.
        """
        assert threading.current_thread() is not self._thread, (
            "a request that waits for the next would wait for ever"
        )
        request = _Request(run, joins=joins)
        if self._stopping or self._queue.qsize() >= QUEUE_REQUESTS_MAX or not self._make_room(size):
            request.fail(Problem("busy"))
        else:
            request.future.add_done_callback(lambda _: self._leave_room(size))
            self._queue.put(request)
        return request.future

    def _make_room(self, size: int) -> bool:
        with self._bytes_lock:
            if size and self._bytes + size > QUEUE_BYTES_MAX:
                return False
            self._bytes += size
            return True

    def _leave_room(self, size: int) -> None:
        with self._bytes_lock:
            self._bytes -= size

    def settled(self) -> None:
        """Has what was put off done, for somebody who reads beside; not while very many requests wait.

        Where it cannot be done, or takes too long, the reader finds what there is.
        """
        if self._owed and self._queue.qsize() < CROWD_REQUESTS_MIN:
            done = self.submit(_nothing)
            with contextlib.suppress(Exception):
                done.result(LAG_SECONDS_MAX)

    def close(self) -> None:
        """Finishes what is queued and lets go of the connection."""
        self._stopping = True
        self._queue.put(None)
        self._thread.join()

    # --- in the thread ------------------------------------------------------------------------------

    def _serve(self) -> None:
        while (request := self._next()) is not None:
            if request.future.set_running_or_notify_cancel():
                group = [request]
                try:
                    self._run_group(group)
                except Exception as err:  # noqa: BLE001 - whatever it was, nobody may wait for ever
                    self._disconnect()
                    for unanswered in (one for one in group if not one.future.done()):
                        unanswered.fail(err)
        while not self._queue.empty():  # submitted while we were closing
            late = self._queue.get()
            if late is not None:
                late.fail(Problem("busy"))
        if self._owed:
            self._pay()
        self._disconnect()

    def _next(self) -> _Request[Any] | None:
        """The next request. Where none comes soon, what was put off is done first."""
        if self._owed:
            try:
                return self._queue.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                self._pay()
        return self._queue.get()

    def _pay(self) -> None:
        """Does what was put off, until a request comes, in one transaction; what is left, or fails, stays owed."""
        try:
            self._attempt([], grow=False)
        except _TransactionLostError as lost:
            log.warning("put off again", error=repr(lost.__cause__))

    def _run_group(self, group: list[_Request[Any]]) -> None:
        try:
            self._attempt(group, grow=True)
        except _TransactionLostError as lost:
            log.warning("transaction lost", requests=len(group), error=repr(lost.__cause__))
            for request in group:
                self._run_alone(request)
        for request in group:
            request.settle()

    def _run_alone(self, request: _Request[Any]) -> None:
        """Runs a request again after its transaction was lost, so that whoever is to blame fails alone."""
        for _ in range(RUNS_MAX):
            try:
                self._attempt([request], grow=False)
            except _TransactionLostError as lost:
                request.error = lost.__cause__
                if engines.meaning(lost.__cause__) not in engines.AGAIN:
                    return
            else:
                return

    def _attempt(self, group: list[_Request[Any]], *, grow: bool) -> None:
        """Runs a group and commits it. Raises _TransactionLostError where nothing can have been committed."""
        try:
            conn = self._connected()
            transaction = conn.begin()
            group_work = begin(conn)
            if grow or not group:  # one that runs alone again answers for itself only
                group_work.owe(self._owed)
            before = group_work.kept()
            try:
                self._run_all(conn, group_work, group, grow=grow)
            except _SpoiledError:
                transaction.rollback()
                group_work.restore(before)
                transaction = conn.begin()
                self._run_all(conn, group_work, group, apart=True)
            put_off = group_work.owed()
            if self._stopping or self._has_lagged(group_work, len(group)):
                began = time.monotonic()
                group_work.settle(conn)
                self._took_seconds = time.monotonic() - began
            elif not group:
                group_work.settle(conn, goes_on=self._queue.empty)
        except Exception as err:
            self._disconnect()
            raise _TransactionLostError from err
        try:
            transaction.commit()
        except Exception as err:  # noqa: BLE001 - whatever it was, nobody may be told that it is saved
            log.warning("commit failed", requests=len(group), error=repr(err))
            self._disconnect()
            self._owes({*self._owed, *put_off})  # it may be saved all the same
            for request in group:
                request.error = err
        else:
            self._owes(group_work.owed())

    def _run_all(
        self,
        conn: Connection,
        work: Group,
        group: list[_Request[Any]],
        *,
        grow: bool = False,
        apart: bool = False,
    ) -> None:
        """Runs a group, and what comes meanwhile. Raises _SpoiledError, unless each is run `apart` from the others."""
        began = time.monotonic()
        for request in group:  # grows while it is run
            request.error = None
            counted = None if apart or not request.joins else engines.rows_changed(conn)
            if counted is None:
                _run_in_savepoint(conn, work, request)
            else:
                _run_among_others(conn, work, request, counted)
            if grow and len(group) < GROUP_REQUESTS_MAX and time.monotonic() - began < GROUP_SECONDS_MAX:
                group.extend(self._waiting())

    def _has_lagged(self, work: Group, requests: int) -> bool:
        """Whether what was put off has waited long enough, however many requests keep coming."""
        if not self._owed:
            return False
        patience = LAG_SECONDS_MAX
        if requests + self._queue.qsize() >= CROWD_REQUESTS_MIN:
            rest = min(CROWD_RESTS * self._took_seconds, CROWD_LAG_SECONDS_MAX)
            patience = max(patience, rest)
        return time.monotonic() - self._owed_since >= patience or work.facts > FACTS_MAX

    def _owes(self, owed: Collection[tuple[Work, str]]) -> None:
        if not self._owed:
            self._owed_since = time.monotonic()
        self._owed = list(owed)

    def _waiting(self) -> list[_Request[Any]]:
        """The next request, if one waits already."""
        try:
            request = self._queue.get_nowait()
        except queue.Empty:
            return []
        if request is None:
            self._queue.put(None)  # the sign to stop is for _serve
            return []
        return [request] if request.future.set_running_or_notify_cancel() else []

    def _connected(self) -> Connection:
        if self._conn is None:
            try:
                # Whoever comes after one that waited in vain need not wait as long again.
                self._conn = self._connect(0.0 if self._given_up else PATIENCE_SECONDS)
            except Exception:
                self._given_up = True
                raise
            self._given_up = False
        return self._conn

    def _disconnect(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            try:
                conn.invalidate()
                conn.close()
            except Exception as err:  # noqa: BLE001 - it is thrown away, however it takes that
                log.warning("connection did not close", error=repr(err))


def _nothing(_conn: Connection) -> None:
    """What somebody asks for who only wants all else done."""


def _run_among_others(conn: Connection, group: Group, request: _Request[Any], counted: int) -> None:
    """Runs one request that will hardly fail. Raises _SpoiledError where it does after it has changed rows."""
    try:
        request.result = request.run(conn)
    except Exception as err:
        if engines.meaning(err) == "failing" or not engines.in_transaction(conn):
            raise
        if engines.rows_changed(conn) != counted:
            raise _SpoiledError from err
        group.drop()
        request.error = err
    else:
        group.keep()


def _run_in_savepoint(conn: Connection, group: Group, request: _Request[Any]) -> None:
    """Runs one request, or takes back what it did. Raises whatever ended the whole transaction."""
    if not request.joins:
        group.settle(conn)
    for run in range(1, RUNS_MAX + 1):
        savepoint = engines.Savepoint(conn)
        try:
            request.result = request.run(conn)
        except Exception as err:
            if engines.meaning(err) == "failing" or not engines.in_transaction(conn):
                raise
            savepoint.roll_back()
            group.forget()
            if engines.meaning(err) == "retry" and run < RUNS_MAX:
                continue
            request.error = err
        else:
            savepoint.release()  # where this fails, nobody knows what the transaction holds: it is lost
            group.keep()
            if not request.joins:
                group.settle(conn)
        return
