"""Between the sync center and the worker: what it shows, serving colleagues, meeting one of them, diagnostics."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from kivy.event import EventDispatcher
from kivy.properties import BooleanProperty, ObjectProperty, StringProperty

from mobile import sync_views
from mobile.purge import Plan, Purged
from mobile.relay import Meet, MeetingReport
from mobile.relay_server import PORT, Address, RelayServer, read_address
from mobile.store import Store
from mobile.sync import Steps
from mobile.sync_views import Known, Storage
from mobile.ui.words import say, words
from mobile.worker import Worker
from shared_schema.problems import Problem, sentence

ADDRESS = "ui.peer_address"
"""The setting that keeps the address typed last."""
Told = Callable[[str, str], object]
"""Shows a person a sentence, with an icon."""


class ClearTools(NamedTuple):
    """Clearing this tablet; used on the worker's thread only."""

    plan: Callable[[], Plan]
    clear: Callable[[Plan], Purged]


class MeetingTools(NamedTuple):
    """What `main` made for tablets that meet, and for looking after this one."""

    meet: Callable[[Address], Meet]
    serve: Callable[[Callable[[], bool], Callable[[str], None]], RelayServer]
    """Starts taking colleagues' tablets while the first call says so; the second is told of each that came. Raises
    OSError."""
    addresses: Callable[[], tuple[str, ...]]
    storage: Callable[[], Storage]
    keep_diagnostics: Callable[[str], str]
    """Writes the text down; gives the path of the file."""
    app: str = ""
    platform: str = ""
    give_package: Callable[[Any], object] | None = None
    """Writes a package into a folder that the person picks; gets the session."""
    take_package: Callable[[Any], object] | None = None
    purge: Callable[[Any], object] | None = None
    """Asks what of this tablet may be cleared away; gets the session."""
    clear: ClearTools | None = None


class SyncDesk(EventDispatcher):
    """What the sync center can do."""

    center = ObjectProperty(None, allownone=True)
    meeting = BooleanProperty(False)
    serving = StringProperty("")
    """The address at which colleagues find this tablet; empty while it takes none."""
    code = StringProperty("")
    """The same with this tablet's id, as the square code says it."""

    def __init__(
        self,
        worker: Worker,
        store: Callable[[], Store],
        while_open: Callable[[Steps[MeetingReport]], Steps[MeetingReport]],
        tell: Told,
        look: Callable[[], object],
    ) -> None:
        super().__init__()
        self._worker = worker
        self._store = store
        """What is open. Raises tablet_locked."""
        self._while_open = while_open
        self.tools: MeetingTools | None = None
        self._tell = tell
        self._look = look
        self._server: RelayServer | None = None
        self.server_address = ""

    def gather(self) -> None:
        """Reads anew what the center shows."""
        language = words.language
        self._worker.call(
            lambda: sync_views.center(self._known(), language), partial(setattr, self, "center")
        )

    def _known(self) -> Known:
        store = self._store()
        return Known(
            state=store.sync_state(),
            figures=store.figures(),
            waiting=store.own_waiting(),
            meetings=store.meetings(),
            peers=store.peers(),
            carrying=store.carrying(),
            identity=store.identity(),
            server=self.server_address,
            storage=None if self.tools is None else self.tools.storage(),
        )

    # --- tablet to tablet ------------------------------------------------------------------------------

    def serve(self) -> None:
        """Takes colleagues' tablets from now on, or no longer."""
        assert self.tools is not None
        if self._server is not None:
            self.stop()
            return
        addresses = self.tools.addresses()
        if not addresses or addresses[0].startswith("127."):
            self._tell(say("center.no_network"), "offline")
            return
        try:
            self._server = self.tools.serve(lambda: self._server is not None, lambda _: self._changed())
        except OSError:
            self._tell(say("center.serve_failed", port=PORT), "problem")
            return
        urls = [f"http://{one}:{self._server.port}" for one in addresses]
        self.serving = "\n".join(urls)
        self._worker.call(
            lambda: self._store().identity(),
            lambda me: setattr(self, "code", Address(urls[0], "" if me is None else me.device).code),
        )

    def stop(self) -> None:
        """Takes no more visitors."""
        server, self._server = self._server, None
        self.serving = self.code = ""
        if server is not None:
            server.stop()

    def shut(self) -> None:
        """The tablet is locked: nobody is let in, and nothing is shown."""
        self.stop()
        self.tools = self.center = None

    def meet(self, typed: str) -> None:
        """Meets the tablet at an address, as typed or scanned."""
        assert self.tools is not None
        try:
            address = read_address(typed)
        except Problem as problem:
            self._tell(problem.message(words.language), "problem")
            return
        meeting = self.tools.meet(address)
        self.meeting = True

        def done(report: MeetingReport) -> None:
            self.meeting = False
            self._tell(*_told(report, address))
            self._changed()

        def failed(problem: Problem) -> None:
            self.meeting = False
            if problem.code != "tablet_locked":
                self._tell(problem.message(words.language), "problem")

        self._worker.call(lambda: self._store().set_setting(ADDRESS, typed.strip()))
        self._worker.run(
            lambda: self._while_open(meeting.steps()),
            done,
            failed,
            crashed=lambda: setattr(self, "meeting", False),
        )

    def last_address(self, then: Callable[[str], None]) -> None:
        """The address typed last."""
        self._worker.call(lambda: self._store().setting(ADDRESS), then)

    def _changed(self) -> None:
        self._look()
        self.gather()

    # --- clearing --------------------------------------------------------------------------------------

    def purge_plan(self, then: Callable[[Plan], None]) -> None:
        """What may be cleared from this tablet now."""
        assert self.tools is not None
        assert self.tools.clear is not None
        self._worker.call(self.tools.clear.plan, then, self._refused)

    def purge(self, wanted: Plan, then: Callable[[Purged], None]) -> None:
        """Clears it away; what is no longer covered by then stays."""
        assert self.tools is not None
        assert self.tools.clear is not None
        clear = self.tools.clear.clear

        def done(purged: Purged) -> None:
            self._changed()
            then(purged)

        self._worker.call(lambda: clear(wanted), done, self._refused)

    def fetch_again(self, inspection: str, then: Callable[[], None]) -> None:
        """A visit that was cleared is wanted back: the exchange that `then` begins brings it."""
        self._worker.call(lambda: self._store().fetch_again(inspection), lambda _: then(), self._refused)

    def _refused(self, problem: Problem) -> None:
        if problem.code != "tablet_locked":
            self._tell(problem.message(words.language), "problem")

    # --- diagnostics -----------------------------------------------------------------------------------

    def diagnose(self, then: Callable[[str, str], None]) -> None:
        """Writes the diagnostics down; `then` gets the text and the path of its file."""
        tools, language = self.tools, words.language
        assert tools is not None

        def write() -> tuple[str, str]:
            text = sync_views.diagnostics(
                self._known(), app=tools.app, platform=tools.platform, language=language
            )
            return text, tools.keep_diagnostics(text)

        self._worker.call(write, lambda made: then(*made))


def _told(report: MeetingReport, address: Address) -> tuple[str, str]:
    """What came of a meeting, and the icon that goes with it."""
    if report.outcome == "offline":
        return say("center.meet_offline", address=address.url), "offline"
    if report.outcome == "failed":
        message = sentence(report.problem, report.facts, words.language)
        return say("center.meet_failed", message=message), "problem"
    key = "center.met_refused" if report.refused else "center.met"
    facts = {"peer": report.device, "news": report.news, "given": report.given, "refused": report.refused}
    return say(key, **facts), "check"
