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

    def steps(self) -> Steps[SyncReport]:
        """Asks, and comes to grief over the reply."""
        yield lambda: None
        raise self.error


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
