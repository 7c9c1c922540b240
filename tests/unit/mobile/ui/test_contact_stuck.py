"""A bug in what was asked for ends it: nothing is called under way for ever."""

import queue
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from mobile import package
from mobile.meeting_tools import MeetingTools
from mobile.places import Found
from mobile.sync import Sync
from mobile.ui.package_desk import PackageDesk
from mobile.ui.session import Session
from mobile.ui.tools import Tools
from mobile.worker import Worker

Posted = queue.SimpleQueue[Callable[[], None]]


class Tried:
    """An enrolment that ends with a bug."""

    def enrol_steps(self, _: str, **__: object) -> Any:
        """Asks, and goes wrong."""
        yield lambda: None
        raise KeyError("a bug")


def until(posted: Posted, done: Callable[[], object]) -> None:
    while not done():
        posted.get(timeout=5)()


def test_a_package_that_meets_a_bug_is_no_longer_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sheet can be used again; only locking the tablet ended it."""

    def bug(*_: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(package, "read", bug)
    posted = Posted()
    worker = Worker(posted.put)
    tools = cast(MeetingTools, type("Made", (), {"packages": object()}))
    desk = PackageDesk(worker, lambda: cast(Any, None), lambda: tools, lambda *_: None, lambda: None)
    desk.read(Found("p", (tmp_path / "p.hcx",), 1), lambda _: None)
    assert desk.busy == "reading"
    until(posted, lambda: not desk.busy)
    worker.stop()


def test_an_enrolment_that_meets_a_bug_is_said_and_can_be_tried_again() -> None:
    """The button said *Enrolling* until the program was started anew."""
    posted = Posted()
    worker = Worker(posted.put)
    session = Session(worker, Tools(cast(Any, None), cast(Any, None), lambda _: cast(Sync, Tried()), bytes))
    told: list[str] = []
    session.enrol("http://127.0.0.1:9", "code", told.append)
    until(posted, lambda: told)
    worker.stop()
    assert told[0]
