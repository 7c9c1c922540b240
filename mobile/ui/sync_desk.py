"""Between the sync center and the worker: what it shows, serving colleagues, meeting one of them, diagnostics."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kivy.event import EventDispatcher
from kivy.properties import BooleanProperty, ObjectProperty, StringProperty

from mobile import places, sync_views
from mobile.addresses import PORT, Address, read_address
from mobile.files import put_whole
from mobile.meeting_tools import MeetingTools
from mobile.progress import Watch
from mobile.purge import Plan, Purged
from mobile.relay import Answered, MeetingReport
from mobile.store import Store
from mobile.sync import Steps
from mobile.sync_views import Known
from mobile.ui.package_desk import PackageDesk
from mobile.ui.words import say, words
from mobile.worker import Worker
from shared_schema.ids import OpId
from shared_schema.problems import Problem, sentence

if TYPE_CHECKING:
    from mobile.relay_server import RelayServer

ADDRESS = "ui.peer_address"
"""The setting that keeps the address typed last."""
Told = Callable[[str, str], None]
"""Shows a person a sentence, with an icon."""


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
        look: Callable[[], None],
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
        self._turn: object = None
        """What this serving is known by: whoever still waits from an earlier one is not let in."""
        self._came: set[str] = set()
        """Who came since this tablet began to serve."""
        self.server_address = ""
        self.watch = Watch()
        """Of the exchange with the server."""
        self.packages = PackageDesk(
            worker, store, lambda: None if self.tools is None else self.tools, tell, self._changed
        )

    def count_anew(self) -> Watch:
        """What an exchange that begins now is to tell."""
        self.watch = Watch()
        return self.watch

    def gather(self) -> None:
        """Reads anew what the center shows."""
        language = words.language
        self._worker.call(lambda: sync_views.center(self._known(), language), self._gathered)

    def _gathered(self, center: sync_views.Center) -> None:
        self.center = center
        if center.revoked:
            self.stop()

    def _known(self) -> Known:
        store, tools = self._store(), self.tools
        figures = store.figures()
        return Known(
            state=store.sync_state(),
            figures=figures,
            waiting=store.own_waiting(),
            meetings=store.meetings(),
            peers=store.peers(),
            carrying=store.carrying(),
            identity=store.identity(),
            server=self.server_address,
            storage=None if tools is None else tools.storage(),
            photo_percent=None
            if tools is None or figures.moving is None
            else sync_views.percent(figures.moving[1], tools.photo_bytes(figures.moving[0])),
        )

    def set_aside(self, op: OpId) -> None:
        """A person has dealt with a refused operation: it stays in the file and is no longer shown."""
        self._worker.call(lambda: self._store().set_aside(op), lambda _: self._look(), self._refused)

    def clear_notice(self) -> None:
        """The notice about this tablet's numbers has been read."""
        self._worker.call(lambda: self._store().clear_notice(), lambda _: self._look(), self._refused)

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
        turn = self._turn = object()
        self._came.clear()
        try:
            self._server = self.tools.serve(lambda: self._turn is turn, self._answered)
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
        server, self._server, self._turn = self._server, None, None
        self.serving = self.code = ""
        if server is not None:
            server.stop()

    def shut(self) -> None:
        """The tablet is locked: nobody is let in, and nothing is shown."""
        self.stop()
        self.tools = self.center = None
        self.meeting = False
        self.packages.shut()

    def _answered(self, answered: Answered) -> None:
        """A colleague's tablet was here; said when it comes, and whenever it brings something."""
        if self._server is None or answered.greeting or not answered.device:
            return
        if answered.news or answered.device not in self._came:
            self._came.add(answered.device)
            names = {row.device: row.name for row in self.center.peers} if self.center else {}
            peer = names.get(answered.device, answered.device)
            key = "center.came" if answered.news else "center.came_empty"
            self._tell(say(key, peer=peer, news=answered.news), "people")
        self._changed()

    def meet(self, typed: str) -> None:
        """Meets the tablet at an address, as typed or scanned."""
        assert self.tools is not None
        try:
            address = read_address(typed)
        except Problem as problem:
            self._tell(problem.message(words.language), "problem")
            return
        steps = self._while_open(self.tools.meet(address))
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
            lambda: steps,
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

    def diagnose(self, then: Callable[[str], None]) -> None:
        """Gathers what whoever is asked for help needs to know; `then` gets the text."""
        tools, language = self.tools, words.language
        assert tools is not None

        def gather() -> str:
            return sync_views.diagnostics(
                self._known(), app=tools.app, platform=tools.platform, language=language
            )

        self._worker.call(gather, then)

    def hand_over(self, text: str, folder: Path) -> None:
        """Writes diagnostics into a folder, where anybody can read them."""

        def write() -> str:
            me = self._store().identity()
            path = folder / f"hucha-{'tablet' if me is None else me.device}.txt"
            with places.usable(folder):
                put_whole(path, text.encode())
            return str(path)

        self._worker.call(
            write,
            lambda path: self._tell(say("center.diagnose_saved", path=path), "check"),
            lambda problem: self._tell(problem.message(words.language), "problem"),
        )


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
