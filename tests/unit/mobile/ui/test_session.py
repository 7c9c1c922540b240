"""Between screens and worker: an exchange that ends badly is not the last one."""

import queue
from collections.abc import Callable
from typing import Any, cast

import pytest

from mobile.sync import Steps, Sync, SyncReport
from mobile.ui.session import Session, Tools
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
