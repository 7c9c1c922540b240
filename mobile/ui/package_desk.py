"""Between the package sheets and the worker: which folders there are, writing a package into one, reading one there."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from kivy.event import EventDispatcher
from kivy.properties import StringProperty

from mobile import package, places
from mobile.meeting_tools import MeetingTools
from mobile.package import Told, Written
from mobile.places import Found, Place
from mobile.store import Store
from mobile.ui.words import say, words
from mobile.vault import KEY_BYTES
from mobile.worker import Worker
from shared_schema.problems import Problem
from shared_schema.volumes import read_size

T = TypeVar("T")
FOLDER = "ui.package_folder"
"""The setting that keeps the folder typed last."""


class Folders(NamedTuple):
    """Where a package can be carried."""

    plugged_in: tuple[Place, ...]
    typed: str
    """The folder typed last."""


class PackageDesk(EventDispatcher):
    """What the package sheets can do. `busy` says what is under way; empty while nothing is."""

    busy = StringProperty("")
    """writing, reading."""

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
        self._tell, self._changed = tell, changed

    def shut(self) -> None:
        """The tablet is locked."""
        self.busy = ""

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

        def run() -> Written:
            self._store()  # is it still open?
            if not folder.is_dir():
                raise Problem(
                    "folder_unusable", path=str(folder)
                )  # not to be made anew: the stick was pulled out
            with places.usable(folder):
                return package.write(work, folder, read_size(split) if split else 0)

        self._run("writing", run, then)

    def read(self, found: Found, then: Callable[[Told], None]) -> None:
        """Applies a package of the server."""
        work = self._with()

        def run() -> Told:
            self._store()
            with places.usable(found.paths[0].parent):
                return package.read(work, found.paths)

        self._run("reading", run, then)

    def _run(self, word: str, run: Callable[[], T], then: Callable[[T], None]) -> None:
        if self.busy:
            return
        self.busy = word

        def done(result: T) -> None:
            self.busy = ""
            then(result)
            self._changed()

        self._worker.call(run, done, self._failed)

    def _with(self) -> package.Tools:
        tools = self._tools()
        assert tools is not None
        assert tools.packages is not None
        return tools.packages

    def _failed(self, problem: Problem) -> None:
        self.busy = ""
        if problem.code != "tablet_locked":
            self._tell(problem.message(words.language), "problem")


def written_lines(made: Written) -> list[str]:
    """What to say of a package that was written."""
    keys = ["package.written", *(["package.left"] if made.photos_left else [])]
    return [say(key, **made._asdict()) for key in keys]


def told_lines(told: Told) -> list[str]:
    """What to say of a package that was read."""
    keys = ["told", *(key for key in ("late", "revoked") if getattr(told, key))]
    return [say(f"package.{key}", **told._asdict()) for key in keys]
