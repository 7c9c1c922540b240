"""The background thread: order, results, and taps that never wait for the network."""

import queue
import threading
from collections.abc import Callable, Iterator

import pytest

from mobile.sync import Steps
from mobile.transport import Offline
from mobile.worker import Worker
from shared_schema.problems import Problem

Posted = queue.SimpleQueue[Callable[[], None]]
WAIT = 5


@pytest.fixture
def posted() -> Posted:
    return queue.SimpleQueue()


@pytest.fixture
def worker(posted: Posted) -> Iterator[Worker]:
    made = Worker(posted.put)
    yield made
    made.stop()


def test_calls_run_in_order_on_one_thread_and_results_come_back(worker: Worker, posted: Posted) -> None:
    """Results arrive through `post`, in the order of the calls."""
    seen: list[tuple[int, str]] = []
    for number in range(20):
        worker.call(lambda number=number: (number, threading.current_thread().name), seen.append)  # type: ignore[misc]
    for _ in range(20):
        posted.get(timeout=WAIT)()
    assert seen == [(number, "store") for number in range(20)]


def test_a_problem_is_told_and_a_bug_ends_nothing(posted: Posted) -> None:
    """What a person did wrong goes to `failed`; any other error to `on_bug`, and the next call runs."""
    problems: list[str] = []
    bugs: list[Exception] = []
    worker = Worker(posted.put, bugs.append)

    def refuse() -> None:
        raise Problem("not_allowed", action="x")

    worker.call(refuse, failed=lambda problem: problems.append(problem.code))
    worker.call(lambda: 1 / 0)
    worker.call(lambda: 7, lambda number: problems.append(str(number)))
    for _ in range(4):  # the bug is told to the program and to whoever waits for it
        posted.get(timeout=WAIT)()
    worker.stop()
    assert problems == ["not_allowed", "7"]
    assert [type(bug) for bug in bugs] == [ZeroDivisionError]


def test_a_tap_does_not_wait_for_the_network(worker: Worker, posted: Posted) -> None:
    """While a request is under way, calls on the store run; the reply is settled after them on the same thread."""
    order: list[str] = []
    arrived, reply = threading.Event(), threading.Event()

    def send() -> str:
        arrived.set()
        assert reply.wait(WAIT)
        return threading.current_thread().name

    def exchange() -> Steps[str]:
        order.append("ask")
        name = yield send
        order.append(f"settle in {threading.current_thread().name}")
        return str(name)

    worker.run(exchange, order.append)
    assert arrived.wait(WAIT)
    worker.call(lambda: order.append("tap"))
    posted.get(timeout=WAIT)()
    reply.set()
    posted.get(timeout=WAIT)()
    assert order == ["ask", "tap", "settle in store", "network"]


def test_steps_hear_of_a_lost_network(worker: Worker, posted: Posted) -> None:
    """Offline is thrown into the steps; one that lets it pass is told as offline."""
    told: list[str] = []

    def send() -> None:
        raise Offline("cable")

    def careful() -> Steps[str]:
        try:
            yield send
        except Offline:
            return "kept"
        return "sent"

    def careless() -> Steps[str]:
        yield send
        return "sent"

    worker.run(careful, told.append)
    worker.run(careless, told.append, offline=lambda: told.append("offline"))
    for _ in range(2):
        posted.get(timeout=WAIT)()
    assert told == ["kept", "offline"]


def test_a_bug_ends_the_steps_and_whoever_waits_for_them_hears_of_it(posted: Posted) -> None:
    """In the call to the network or in the work on the store: an exchange that nobody ended would be the last."""
    told: list[str] = []
    bugs: list[Exception] = []
    worker = Worker(posted.put, bugs.append)

    def broken_call() -> Steps[str]:
        try:
            yield lambda: 1 / 0
        finally:
            told.append("left")
        return "sent"

    def broken_work() -> Steps[str]:
        yield lambda: None
        raise KeyError("x")

    for steps in (broken_call, broken_work):
        worker.run(steps, told.append, crashed=lambda: told.append("crashed"))
        for _ in range(2):
            posted.get(timeout=WAIT)()
    worker.stop()
    assert told == ["left", "crashed", "crashed"]
    assert [type(bug) for bug in bugs] == [ZeroDivisionError, KeyError]


def test_whoever_waits_for_a_call_that_a_bug_ends_hears_of_it(posted: Posted) -> None:
    bugs: list[Exception] = []
    told: list[str] = []
    worker = Worker(posted.put, bugs.append)
    worker.call(lambda: 1 / 0, lambda _: told.append("done"), crashed=lambda: told.append("crashed"))
    for _ in range(2):
        posted.get(timeout=WAIT)()
    worker.stop()
    assert (told, [type(bug) for bug in bugs]) == (["crashed"], [ZeroDivisionError])
