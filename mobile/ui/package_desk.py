"""Between the package sheets and the worker: which folders there are, writing a package into one, reading one there."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from kivy.clock import Clock
from kivy.event import EventDispatcher
from kivy.properties import ObjectProperty, StringProperty

from mobile import package, places
from mobile.meeting_tools import MeetingTools
from mobile.package import Told, Written
from mobile.places import Found, Place
from mobile.progress import Report, Stopped, Watch
from mobile.store import Store
from mobile.ui.words import say, words
from mobile.vault import KEY_BYTES
from mobile.worker import Worker
from shared_schema.problems import Problem
from shared_schema.volumes import read_size

T = TypeVar("T")
FOLDER = "ui.package_folder"
"""The setting that keeps the folder typed last."""
LOOK_SECONDS = 0.1
"""So often a person is told anew how far a work is; more often is not read."""


class Folders(NamedTuple):
    """Where a package can be carried."""

    plugged_in: tuple[Place, ...]
    typed: str
    """The folder typed last."""


class PackageDesk(EventDispatcher):
    """What the package sheets can do. `busy` says what is under way; empty while nothing is."""

    busy = StringProperty("")
    """writing, reading."""
    counts = ObjectProperty({})
    """How far that is, as it was told last."""

    def __init__(
        self,
        worker: Worker,
        store: Callable[[], Store],
        tools: Callable[[], MeetingTools | None],
        tell: Callable[[str, str], None],
        changed: Callable[[], None],
    ) -> None:
        super().__init__()
        self._worker, self._store, self._tools = worker, store, tools
        self.tell, self._changed = tell, changed
        self._watch = Watch()

    def shut(self) -> None:
        """The tablet is locked."""
        self.unwanted()
        self.busy = ""

    def stop(self) -> None:
        """What is under way is to end: of a package half written nothing is left, of one half checked nothing read."""
        self._watch.stopped = True

    def unwanted(self) -> None:
        """Nobody waits any more: no package is written for nobody, and one that is read is read to its end."""
        if self.busy == "writing":
            self.stop()

    def folders(self, then: Callable[[Folders], None]) -> None:
        """What is plugged in now."""
        tools = self._tools()
        assert tools is not None
        self._worker.call(lambda: Folders(tools.places(), self._store().setting(FOLDER)), then, self._failed)

    def own(self, typed: str) -> Path | None:
        """A folder as typed, kept for the next time; None where there is none, and that is said."""
        try:
            folder = places.own(typed)
        except Problem as problem:
            self._failed(problem)
            return None
        self._worker.call(lambda: self._store().set_setting(FOLDER, typed.strip()))
        return folder

    def found(self, folder: Path, then: Callable[[Sequence[Found]], None]) -> None:
        """The packages in a folder."""
        work = self._with()
        self._worker.call(
            lambda: places.packages(folder, work.vault.make_sealing_key(work.entropy(KEY_BYTES))),
            then,
            self._failed,
        )

    def write(self, folder: Path, split: str, then: Callable[[Written], None]) -> None:
        """Writes all that waits for the server into a folder, in volumes of a size such as `600M`, or in one file."""
        work = self._with()

        def run(report: Report) -> Written:
            self._store()  # is it still open?
            if not folder.is_dir():
                raise Problem(
                    "folder_unusable", path=str(folder)
                )  # not to be made anew: the stick was pulled out
            with places.usable(folder):
                return package.write(work, folder, read_size(split) if split else 0, report)

        self._run("writing", run, then)

    def read(self, found: Found, then: Callable[[Told], None]) -> None:
        """Applies a package of the server."""
        work = self._with()

        def run(report: Report) -> Told:
            self._store()
            with places.usable(found.paths[0].parent):
                return package.read(work, found.paths, report)

        self._run("reading", run, then)

    def _run(self, word: str, run: Callable[[Report], T], then: Callable[[T], None]) -> None:
        if self.busy:
            return
        watch = self._watch = Watch()
        self.busy, self.counts = word, {}
        looking = Clock.schedule_interval(lambda _: setattr(self, "counts", watch.at), LOOK_SECONDS)

        def watched() -> T | None:
            try:
                return run(watch)
            except Stopped:
                return None

        def done(result: T | None) -> None:
            looking.cancel()
            self.busy = ""
            if result is None:
                self.tell(say(f"progress.stopped_{word}"), "check")
            else:
                then(result)
                self._changed()

        def failed(problem: Problem) -> None:
            looking.cancel()
            self._failed(problem)

        def crashed() -> None:
            looking.cancel()
            self.busy = ""

        self._worker.call(watched, done, failed, crashed)

    def _with(self) -> package.Tools:
        tools = self._tools()
        assert tools is not None
        assert tools.packages is not None
        return tools.packages

    def _failed(self, problem: Problem) -> None:
        self.busy = ""
        if problem.code != "tablet_locked":
            self.tell(problem.message(words.language), "problem")


def written_lines(made: Written) -> list[str]:
    """What to say of a package that was written."""
    keys = ["package.written", *(["package.left"] if made.photos_left else [])]
    return [say(key, **made._asdict()) for key in keys]


def told_lines(told: Told) -> list[str]:
    """What to say of a package that was read."""
    keys = ["told", *(key for key in ("late", "revoked") if getattr(told, key))]
    return [say(f"package.{key}", **told._asdict()) for key in keys]
