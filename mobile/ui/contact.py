"""The session's contact with the server: made known to it, one exchange after another, and when the next begins."""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from kivy.clock import Clock
from kivy.event import EventDispatcher
from kivy.properties import BooleanProperty, NumericProperty

from mobile.pauses import PAUSE_MS, pause_ms
from mobile.store_file import Identity
from mobile.sync import FORGOTTEN, Steps, Sync, SyncReport
from mobile.transport import Offline, Rejected
from mobile.ui.sync_desk import SyncDesk
from mobile.ui.tools import Tools
from mobile.ui.words import say, words
from mobile.worker import Worker
from shared_schema.problems import Problem

T = TypeVar("T")
SERVER = "tablet.server"
"""The setting of the store that keeps the server's address."""


class Contact(EventDispatcher):
    """The part of a session that is in contact with the server."""

    syncing = BooleanProperty(False)
    stopping = BooleanProperty(False)
    """The exchange is to end; what is on the line just now is waited for."""
    next_sync_at = NumericProperty(0.0)
    """When the next exchange begins by itself, by Kivy's clock; 0 while none is due."""
    sync_desk: SyncDesk
    _worker: Worker
    _opened: Tools | None

    def __init__(self) -> None:
        super().__init__()
        self.server, self._code = "", ""
        self._sync: Sync | None = None
        self._next_sync: Any = None

    @property
    def _tools(self) -> Tools:
        raise NotImplementedError

    def _keep(self, key: str, value: str) -> None:
        raise NotImplementedError

    def _look(self, *, remember: bool = False, told: bool = False) -> None:
        raise NotImplementedError

    def failed(self, problem: Problem) -> None:
        """A Problem is said."""
        raise NotImplementedError

    def _while_open(self, steps: Steps[T]) -> Steps[T]:
        """The same steps, ended when the tablet has been locked since they were asked for: their store is closed."""
        return self._while_open_are(self._opened, steps)

    def _while_open_are(self, tools: Tools | None, steps: Steps[T]) -> Steps[T]:
        resume: Callable[[], Callable[[], Any]] = partial(next, steps)
        while True:
            if tools is not self._opened:
                steps.close()
                raise Problem("tablet_locked")
            try:
                call = resume()
            except StopIteration as done:
                value: T = done.value
                return value
            try:
                result = yield call
            except (Offline, Rejected) as err:
                resume = partial(steps.throw, err)
            else:
                resume = partial(steps.send, result)

    def enrol(self, server: str, code: str, refused: Callable[[str], None]) -> None:
        """Makes this tablet known to the server, then fetches what is assigned; `refused` says why not."""

        def enrolled(_: Identity) -> None:
            self.server = server
            self._keep(SERVER, server)
            self.sync()

        sync = self._sync = self._tools.connect(server)
        steps = self._while_open(sync.enrol_steps(code, platform=sys.platform))
        self._worker.run(
            lambda: steps,
            enrolled,
            lambda problem: refused(problem.message(words.language)),
            lambda: refused(say("start.offline", server=server)),
            lambda: refused(say("failed.store")),
        )

    def sync(self, *, quietly: bool = False) -> None:
        """One contact with the server. What it brings is shown; being offline is a state, not an error."""
        if self.syncing or self._opened is None:
            return
        if not self.server:
            if not quietly:
                self.dispatch("on_told", say("sync.by_hand"), "offline")
            return
        if self._sync is None:
            self._sync = self._tools.connect(self.server)
        self.syncing = True
        steps = self._while_open(self._sync.steps(self.sync_desk.count_anew()))

        def ended() -> None:
            self.syncing = self.stopping = False
            later = partial(self._sync_after, PAUSE_MS / 1000)  # the file that says when may be what failed
            self._worker.call(self._pause_seconds, self._sync_after, lambda _: later(), later)

        def done(report: SyncReport) -> None:
            if report.revoked and report.outcome == "done":
                self.syncing = self.stopping = False
                self.dispatch("on_revoked")
                return
            self._tell_end(report, quietly=quietly)
            ended()
            if report.problem == FORGOTTEN and self._code:
                code, self._code = self._code, ""
                self.enrol(self.server, code, lambda sentence: self.dispatch("on_told", sentence, "problem"))

        def failed(problem: Problem) -> None:
            self.failed(problem)
            ended()

        # However it ends, by a bug too, another contact follows: a full disk or a bad reply is not for ever.
        self._worker.run(lambda: steps, done, failed, crashed=ended)

    def _tell_end(self, report: SyncReport, *, quietly: bool) -> None:
        stopped = report.outcome == "stopped"
        if stopped:
            self.dispatch("on_told", say("progress.stopped_exchange"), "check")
        self._look(told=not quietly and not stopped)

    def stop_sync(self) -> None:
        """Ends the exchange after what is on the line; the next one begins as after any other."""
        if self.syncing:
            self.stopping = self.sync_desk.watch.stopped = True

    def _pause_seconds(self) -> float:
        return pause_ms(self._tools.store.journal(), self._tools.entropy(4)) / 1000

    def _expect_none(self) -> None:
        """Nothing begins by itself any more."""
        if self._next_sync is not None:
            self._next_sync.cancel()

    def _sync_after(self, seconds: float) -> None:
        self._expect_none()
        self._next_sync = Clock.schedule_once(lambda _: self.sync(quietly=True), seconds)
        self.next_sync_at = Clock.get_boottime() + seconds
