"""A tablet of a world: the real store, verbs and exchange over one file, and what can happen to it."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from unittest.mock import patch

from PIL import Image

from mobile import photos, relay
from mobile.actions import Desk
from mobile.private_line import Post
from mobile.relay import MeetingReport
from mobile.sync import Steps, Sync, SyncReport
from mobile.transport import Offline, Rejected, Transport
from mobile.vault import Vault
from shared_schema import merge, operations, roles
from shared_schema.ids import InspectionId
from shared_schema.inspection import Cell, Inspection
from shared_schema.operations import Operation
from shared_schema.problems import Problem
from shared_schema.wire import ProblemReply
from tests.simulation.hand import Forged
from tests.simulation.hub import PAGES_MAX
from tests.simulation.journal import Entry
from tests.simulation.tablet_file import TabletFile, WatchedStore

Screen = Mapping[str, tuple[str, ...]]
"""By field, the operations whose values a screen shows."""

OLDER_LACKS = frozenset({"finding_amended", "device_checked"})
"""The kinds that the older version of the app does not know: one with a field of its own, one without."""


@dataclass
class Clock:
    """What a tablet thinks the time is: far off, too fast or slow, and jumping."""

    offset_ms: int = 0
    drift: float = 1.0

    def read(self, now_ms: int) -> int:
        """This tablet's milliseconds."""
        return int(now_ms * self.drift) + self.offset_ms


class Backup(NamedTuple):
    """A tablet's file as it once was."""

    path: Path
    serial: int


@dataclass
class Flight:
    """An exchange under way: the call that is due, or its result."""

    steps: Steps[SyncReport]
    call: Callable[[], Any]
    result: bytes | None = None
    error: Exception | None = None
    answered: bool = False


@dataclass
class Tablet(TabletFile):
    """One tablet, as somebody carries it."""

    name: str
    device: str
    squad: str
    person: str
    folder: Path
    random: Random
    """What this tablet draws its ids from."""
    now: Callable[[], int]
    network: Callable[["Tablet"], Transport]
    restores: Callable[[], int]
    """How often the server has been restored from a backup."""
    watch: Callable[["Tablet", Operation], object]
    vault: Vault
    path: Path
    clock: Clock = field(default_factory=Clock)
    lacks: frozenset[str] = frozenset()
    screens: dict[str, Screen] = field(default_factory=dict)
    flight: Flight | None = None
    backup: Backup | None = None
    opened: int = 0
    told_at: int = 0
    """How often it had been, when it last answered this tablet."""
    full: bool = False
    """Whether no page more fits on this tablet's disk."""
    last_report: SyncReport | None = None
    fooled: bool = False
    """Whether it ever believed what neither the server nor another tablet had answered to what it asked."""

    def open(self) -> None:
        """Starts the program on the file."""
        self.opened += 1
        self.flight = None
        self.screens = {}
        store = WatchedStore.open(self.path, self.vault)
        assert isinstance(store, WatchedStore)
        store.watch = lambda operation: self.watch(self, operation)
        self.store = store
        self._limit()
        self.desk = Desk(self.store, self.random.randbytes, self.tell_time)
        self.sync = Sync(
            self.store,
            self.vault,
            self.network(self),
            self.folder / "photos",
            entropy=self.random.randbytes,
            clock=self.tell_time,
            app="older" if self.lacks else "sim",
        )

    def tell_time(self) -> int:
        """The tablet's clock."""
        return self.clock.read(self.now())

    @contextmanager
    def app(self) -> Iterator[None]:
        """Runs what is inside as this tablet's version of the program."""
        if not self.lacks:
            yield
            return
        kinds = {kind: body for kind, body in operations.KINDS.items() if kind not in self.lacks}
        decoders = {kind: one for kind, one in operations._body_decoders.items() if kind not in self.lacks}
        with ExitStack() as stack:
            for module in (operations, merge, roles):
                stack.enter_context(patch.object(module, "KINDS", kinds))
            stack.enter_context(patch.object(operations, "_body_decoders", decoders))
            yield

    # --- looking in -----------------------------------------------------------------------------------

    def readable(self, entries: Mapping[str, Entry]) -> set[str]:
        """The operations that count on this tablet: not refused, and of kinds its version knows."""
        return {
            one.op
            for one in self.held()
            if one.status not in ("refused", "id_reused", "set_aside", "disowned", "unreadable")
            and one.op in entries
            and one.raw == entries[one.op].raw
            and not {entries[one.op].kind, entries[one.op].decides} & self.lacks
        }

    def look(self, inspection: str) -> Screen:
        """What the screens of an inspection show now, and keep showing until the next look."""
        with self.app():
            seen = self.desk.visit(InspectionId(inspection)).inspection
        self.screens[inspection] = screen_of(seen)
        return self.screens[inspection]

    def photographs(self, number: int) -> photos.Taken:
        """A photo like no other, taken in and kept as the app does it."""
        out = BytesIO()
        Image.new("RGB", (8, 8), (number % 256, number // 256 % 256, len(self.name))).save(out, "PNG")
        return photos.take(out.getvalue(), self.folder / "photos", self.vault)

    # --- exchanges ------------------------------------------------------------------------------------

    def ask(self) -> None:
        """Begins an exchange: the request is made and not yet sent."""
        assert self.flight is None
        with self.app():
            steps = self.sync.steps()
            # Where the disk is full, this raises, and there is no flight.
            self.flight = Flight(steps, next(steps))

    def send(self) -> None:
        """Carries the request to the server, and the reply (if it gets that far) to the tablet's door."""
        assert self.flight is not None
        self.told_at = self.restores()
        try:
            self.flight.result = self.flight.call()
        except (Offline, Rejected) as err:
            self.flight.error = err
        self.flight.answered = True

    def take(self) -> SyncReport | None:
        """Takes the reply in; the report, when that was the last call of this exchange."""
        flight = self.flight
        assert flight is not None
        error, result = flight.error, flight.result
        flight.answered, flight.error, flight.result = False, None, None
        with self.app():
            try:
                flight.call = flight.steps.throw(error) if error else flight.steps.send(result)
            except StopIteration as done:
                self.flight = None
                report: SyncReport = done.value
                self.last_report = report
                self.fooled = self.fooled or (isinstance(result, Forged) and report.outcome != "failed")
                return report
            except Problem:
                # The program goes on, and exchanges again when it is next due.
                self.flight = None
                raise
        self.fooled = self.fooled or isinstance(result, Forged)
        return None

    def ask_and_wait(self) -> bytes | None:
        """One exchange; the reply as it came, None where there was none."""
        self.ask()
        self.send()
        assert self.flight is not None
        reply = self.flight.result
        if self.take() is None:
            self.exchange()
        return reply

    def answer(self, reply: bytes) -> None:
        """Hands a reply in that was not meant for this request, and lets the exchange come to its end."""
        assert self.flight is not None
        self.flight.result, self.flight.answered = reply, True
        if self.take() is None:
            self.exchange()

    def exchange(self) -> SyncReport:
        """One whole exchange, begun or still to begin."""
        if self.flight is None:
            self.ask()
        while True:
            if self.flight is not None and not self.flight.answered:
                self.send()
            report = self.take()
            if report is not None:
                return report

    def meet(self, other: Post) -> MeetingReport:
        """This tablet asks one of its squad at the end of that line, to the end or until the line breaks."""
        answer = b""

        def post(body: bytes, headers: Mapping[str, str]) -> bytes:
            nonlocal answer
            answer = other(body, headers)
            return answer

        meeting = relay.Meet(
            self.store, self.vault, post, entropy=self.random.randbytes, clock=self.tell_time
        )
        with self.app():
            steps = meeting.steps()
            try:
                call = next(steps)
            except StopIteration as done:
                turned_away: MeetingReport = done.value
                return turned_away
        while True:
            try:
                result, error = call(), None
            except (Offline, Rejected) as err:
                result, error = None, err
            with self.app():
                try:
                    call = steps.throw(error) if error else steps.send(result)
                except StopIteration as done:
                    report: MeetingReport = done.value
                    self.fooled = self.fooled or (isinstance(answer, Forged) and report.outcome == "done")
                    return report
            self.fooled = self.fooled or isinstance(answer, Forged)

    def host(self) -> relay.Host:
        """Begins to serve others."""
        return relay.Host(self.store, self.vault, self.random.randbytes)

    def serve(self, host: relay.Host, body: bytes, headers: Mapping[str, str]) -> bytes:
        """What this tablet answers another one. Raises Rejected with what would be the reply."""
        with self.app():
            try:
                return host.answer(body, headers, self.tell_time()).body
            except Problem as problem:
                raise Rejected(ProblemReply(problem.code, "", "")) from problem

    # --- faults ---------------------------------------------------------------------------------------

    def kill(self) -> None:
        """The program ends between two instructions: what lies on the disk now is all there is."""
        path = self._next_path()
        _copy_file(self.path, path)
        self.close()
        self.path = path
        with self.app():
            self.open()

    def keep_backup(self) -> None:
        """Somebody copies the file while the program is at rest."""
        serial = self.backup.serial + 1 if self.backup else 1
        path = self.folder / f"backup-{self.name}-{serial}.db"
        _copy_file(self.path, path)
        self.backup = Backup(path, serial)

    def restore(self) -> None:
        """The tablet comes back with the old copy of its file."""
        assert self.backup is not None
        path = self._next_path()
        self.close()
        _copy_file(self.backup.path, path)
        self.path = path
        with self.app():
            self.open()

    def fill(self) -> None:
        """No page more fits on the disk."""
        self.full = True
        self._limit()

    def ease(self) -> None:
        """There is room again."""
        self.full = False
        self._limit()

    def _limit(self) -> None:
        connection = self.store._db.conn
        [(pages,)] = connection.execute("PRAGMA page_count").fetchall()
        connection.execute(f"PRAGMA max_page_count={pages if self.full else PAGES_MAX}").fetchall()

    def interrupt_after(self, instructions: int) -> None:
        """Stops the database after so many of its instructions, and for good."""
        left = instructions

        def tick() -> int:
            nonlocal left
            left -= 1
            return left < 0

        self.store._db.conn.set_progress_handler(tick, 1)

    def close(self) -> None:
        """Closes the file; whatever was not committed is gone."""
        connection = self.store._db.conn
        connection.set_progress_handler(None, 0)
        connection.rollback()
        self.store.close()

    def _next_path(self) -> Path:
        return self.folder / f"{self.name}-{self.opened}.db"


def _copy_file(source: Path, target: Path) -> None:
    for suffix in ("", "-wal"):
        file = source.with_name(source.name + suffix)
        if file.exists():
            shutil.copyfile(file, target.with_name(target.name + suffix))


def screen_of(inspection: Inspection) -> dict[str, tuple[str, ...]]:
    """Everything an inspection shows, by field."""
    cells: list[Cell[Any] | None] = [inspection.stage_cell]
    for item in inspection.items.values():
        cells += [item.answer, *item.consents, *item.notes]
    for finding in inspection.findings.values():
        cells += [finding.record, finding.repeat_of, finding.duplicate_of, finding.fix, finding.statement]
    cells += [*inspection.samples, *inspection.devices, *inspection.interviews]
    cells += [*inspection.evidence, *inspection.signatures, *inspection.measures]
    return {str(cell.field): tuple(map(str, cell.ops)) for cell in cells if cell is not None}
