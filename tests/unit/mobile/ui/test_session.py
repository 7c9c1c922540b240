"""Between screens and worker: an exchange that ends badly is not the last one."""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from kivy.clock import Clock

from mobile.actions import Desk
from mobile.pauses import PAUSE_MS
from mobile.sync import Steps, Sync, SyncReport
from mobile.ui import session as session_module
from mobile.ui.session import Session
from mobile.ui.tools import Tools
from mobile.ui.verbs import Call
from mobile.worker import Worker
from shared_schema.problems import Problem


class Broken:
    """An exchange that raises as told."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def steps(self, _: object = None) -> Steps[SyncReport]:
        """Asks, and comes to grief over the reply."""
        yield lambda: None
        raise self.error


class Answered:
    """An exchange that ends with this problem."""

    def __init__(self, problem: str) -> None:
        self.problem = problem

    def steps(self, _: object = None) -> Steps[SyncReport]:
        """Asks, and hears of the problem."""
        yield lambda: None
        return SyncReport("failed" if self.problem else "done", problem=self.problem)


@pytest.mark.parametrize("error", [Problem("disk_full"), KeyError("a bug")])
def test_another_contact_follows_one_that_failed(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that was full once, or one odd reply, must not end all exchanges until the program is restarted."""
    posted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
    worker = Worker(posted.put)
    session = Session(
        worker, Tools(cast(Any, None), cast(Any, None), lambda _: cast(Sync, Broken(error)), bytes)
    )
    pauses: list[float] = []
    monkeypatch.setattr(session, "_pause_seconds", lambda: 7.0)
    monkeypatch.setattr(session, "_sync_after", pauses.append)
    session.server = "http://127.0.0.1:9"
    session.sync(quietly=True)
    assert session.syncing
    while not pauses:
        posted.get(timeout=5)()
    worker.stop()
    assert not session.syncing
    assert pauses == [7.0]


def test_another_contact_follows_though_the_file_could_not_be_read_for_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A disk that failed for a moment must not end all exchanges until the tablet is locked and unlocked."""
    posted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
    worker = Worker(posted.put)
    session = Session(
        worker,
        Tools(cast(Any, None), cast(Any, None), lambda _: cast(Sync, Broken(Problem("disk_full"))), bytes),
    )
    pauses: list[float] = []

    def failing() -> float:
        raise Problem("disk_failing")

    monkeypatch.setattr(session, "failed", lambda _: None)
    monkeypatch.setattr(session, "_pause_seconds", failing)
    monkeypatch.setattr(session, "_sync_after", pauses.append)
    session.server = "http://127.0.0.1:9"
    session.sync(quietly=True)
    while not pauses:
        posted.get(timeout=5)()
    worker.stop()
    assert pauses == [PAUSE_MS / 1000]


def test_a_contact_that_was_due_when_the_tablet_was_locked_does_not_begin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The worker was busy meanwhile; the store of that contact is closed by the time it gets to it."""
    posted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
    worker, begun = Worker(posted.put), threading.Event()

    class Watched:
        def steps(self, _: object = None) -> Steps[SyncReport]:
            begun.set()
            yield lambda: None
            raise AssertionError("went on with a store that is closed")

    session = Session(worker, Tools(cast(Any, None), cast(Any, None), lambda _: cast(Sync, Watched()), bytes))
    told: list[Problem] = []
    monkeypatch.setattr(session, "failed", told.append)
    session.server = "http://127.0.0.1:9"
    busy = threading.Event()
    worker.call(lambda: busy.wait(5))
    session.sync(quietly=True)
    session.shut()
    busy.set()
    while session.syncing:
        posted.get(timeout=5)()
    worker.stop()
    assert [one.code for one in told] == ["tablet_locked"]
    assert not begun.is_set()


@pytest.mark.parametrize(
    ("problem", "asked"), [("device_unknown", ["new-code"]), ("", []), ("device_revoked", [])]
)
def test_a_code_is_for_a_server_that_forgot_this_tablet(
    problem: str, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start with a code on a tablet that works as it is must not use it; one that is unknown must."""
    posted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
    worker = Worker(posted.put)
    session = Session(
        worker, Tools(cast(Any, None), cast(Any, None), lambda _: cast(Sync, Answered(problem)), bytes)
    )
    pauses: list[float] = []
    enrolled: list[str] = []
    monkeypatch.setattr(session, "_pause_seconds", lambda: 7.0)
    monkeypatch.setattr(session, "_sync_after", pauses.append)
    monkeypatch.setattr(session, "_look", lambda **_: None)
    monkeypatch.setattr(session, "enrol", lambda _server, code, _refused: enrolled.append(code))
    session.server, session._code = "http://127.0.0.1:9", "new-code"
    for contacts in (1, 2):
        session.sync(quietly=True)
        while len(pauses) < contacts:
            posted.get(timeout=5)()
    worker.stop()
    assert enrolled == asked  # once, not at every contact


class Slow:
    """A disk that commits when it is told to, and what came to it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.came: list[str] = []
        self.fails: Exception | None = None
        self.posted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.worker = Worker(self.posted.put)
        self.session = Session(self.worker, Tools(cast(Any, None), cast(Desk, self), cast(Any, None), bytes))
        monkeypatch.setattr(session_module, "made", self._made)
        monkeypatch.setattr(session_module, "gather", lambda *_: None)
        monkeypatch.setattr(Session, "_show_if_still_at", lambda *_: None)
        monkeypatch.setattr(Tools, "store", self, raising=False)
        monkeypatch.setattr(self, "sync_state", lambda: None, raising=False)

    def _made(
        self, _desk: object, person: str, _inspection: object, calls: tuple[Call, ...]
    ) -> tuple[Call, ...]:
        self.came += [f"{person}{call.verb}{call.args[0]}" for call in calls]
        if self.fails is not None:
            raise self.fails
        return ()

    def commit(self) -> None:
        """What waits is written, and the screens hear of it."""
        self.worker.ask(lambda: None).result(5)
        while not self.posted.empty():
            self.posted.get()()
        Clock.tick()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    disk = Slow(monkeypatch)
    yield disk
    disk.worker.stop()


def test_a_verb_asked_twice_before_it_is_committed_is_done_once(slow: Slow) -> None:
    """Whichever verb it is; by another person, or once it is committed, it is another tap."""
    do = slow.session.do
    for verb in ("note", "hand_in"):
        do(verb, 1, person="a")
        do(verb, 1, person="a")
        do(verb, 1, person="b")
        slow.commit()
        do(verb, 1, person="b")
        slow.commit()
        assert slow.came == [f"a{verb}1", f"b{verb}1", f"b{verb}1"]
        slow.came.clear()


def test_yes_no_and_yes_again_are_three_taps(slow: Slow) -> None:
    """The last one is what the person wants, though it equals the first."""
    for answer in (1, 0, 1):
        slow.session.do("answer", answer, person="a")
    slow.commit()
    assert slow.came == ["aanswer1", "aanswer0", "aanswer1"]


@pytest.mark.parametrize("error", [Problem("disk_full"), KeyError("a bug")])
def test_what_failed_can_be_asked_for_again(slow: Slow, error: Exception) -> None:
    slow.fails = error
    for _ in range(2):
        slow.session.do("answer", 1, person="a")
        slow.commit()
    assert slow.came == ["aanswer1", "aanswer1"]
