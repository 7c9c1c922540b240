"""The one background thread that owns the store; results go back to the screens through `post`.

Calls run one after the other in the order given. Steps that talk to the server run here too, but each
call to the network is made on a second thread, and the store is free for taps meanwhile.
"""

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from mobile.sync import Steps
from mobile.transport import Offline
from shared_schema.problems import Problem

T = TypeVar("T")
Job = Callable[[], None]
Post = Callable[[Job], None]
"""Hands a call to the screens' thread, such as Kivy's `Clock.schedule_once`."""

log = logging.getLogger(__name__)


def _ignore(_: Any) -> None:
    pass


class Worker:
    """Runs calls one after the other, away from the screens."""

    def __init__(self, post: Post, on_bug: Callable[[Exception], None] = _ignore) -> None:
        self._post = post
        self._on_bug = on_bug
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._calls: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._threads = (
            threading.Thread(target=_serve, args=(self._jobs, self._bug), name="store", daemon=True),
            threading.Thread(target=_serve, args=(self._calls, self._bug), name="network", daemon=True),
        )
        for thread in self._threads:
            thread.start()

    def another(self, on_bug: Callable[[Exception], None]) -> "Worker":
        """One more, for work that the store's thread must not wait for; its results reach the screens the same way."""
        return Worker(self._post, on_bug)

    def call(
        self,
        run: Callable[[], T],
        then: Callable[[T], None] = _ignore,
        failed: Callable[[Problem], None] = _ignore,
        crashed: Callable[[], None] = lambda: None,
    ) -> None:
        """Runs it after everything given before; `then` gets the result, `failed` the Problem it raised.

        A bug in it is told to `crashed`.
        """

        def job() -> None:
            try:
                result = run()
            except Problem as problem:
                self._tell(failed, problem)
            except Exception:
                self._tell(lambda _: crashed(), None)
                raise
            else:
                self._tell(then, result)

        self._jobs.put(job)

    def ask(self, run: Callable[[], T], then: Callable[[T], None] = _ignore) -> "Future[T]":
        """The same for another thread, which waits for the result; the screens are told of it too."""
        future: Future[T] = Future()

        def job() -> None:
            try:
                result = run()
            except Exception as err:
                future.set_exception(err)
                if not isinstance(err, Problem):
                    raise
            else:
                future.set_result(result)
                self._tell(then, result)

        self._jobs.put(job)
        return future

    def run(
        self,
        start: Callable[[], Steps[T]],
        then: Callable[[T], None] = _ignore,
        failed: Callable[[Problem], None] = _ignore,
        offline: Callable[[], None] = lambda: None,
        crashed: Callable[[], None] = lambda: None,
    ) -> None:
        """Runs steps: their work on the store in its turn, their calls to the network on the other thread.

        A bug in either ends the steps and is told to `crashed`, so that nobody waits for them for ever.
        """

        def advance(steps: Steps[T], resume: Callable[[], Callable[[], Any]]) -> None:
            try:
                call = resume()
            except StopIteration as done:
                self._tell(then, done.value)
            except Problem as problem:
                self._tell(failed, problem)
            except Offline:
                self._tell(lambda _: offline(), None)
            except Exception:
                self._tell(lambda _: crashed(), None)
                raise
            else:
                self._calls.put(lambda: self._jobs.put(_resumed(steps, call, advance)))

        def begin() -> None:
            steps = start()
            advance(steps, lambda: next(steps))

        self._jobs.put(begin)

    def stop(self, wait_seconds: float = 5) -> None:
        """Ends after what was given before; a call still waiting for the network is not waited for longer."""
        for jobs, thread in zip((self._jobs, self._calls), self._threads, strict=True):
            jobs.put(None)
            thread.join(wait_seconds)

    def _tell(self, listener: Callable[[Any], None], result: object) -> None:
        self._post(lambda: listener(result))

    def _bug(self, err: Exception) -> None:
        self._post(lambda: self._on_bug(err))


def _resumed(
    steps: Steps[T],
    call: Callable[[], Any],
    advance: Callable[[Steps[T], Callable[[], Callable[[], Any]]], None],
) -> Job:
    """Makes the call, here on the network's thread; the job that goes on with its result on the store's."""
    try:
        result = call()
    except Exception as err:  # noqa: BLE001 - the steps know what to make of it, or a bug ends them
        failure = err
        return lambda: advance(steps, lambda: steps.throw(failure))
    return lambda: advance(steps, lambda: steps.send(result))


def _serve(jobs: "queue.SimpleQueue[Job | None]", bug: Callable[[Exception], None]) -> None:
    """Runs jobs until there is a None. A bug in one is told, and ends neither the thread nor the others."""
    while (job := jobs.get()) is not None:
        try:
            job()
        except Exception as err:
            log.exception("a job failed")
            bug(err)
