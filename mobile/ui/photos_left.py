"""Pictures that a camera program leaves as readable files: awaited before it is asked, taken in once it can be.

Android's camera in front pauses this program, and a paused tablet is locked: its picture comes back when nothing can be
encrypted. A line in the store says first what is awaited and where; the file is destroyed, and then the line, only
when the picture is safe, cannot be one, or was never taken.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from mobile import photos
from mobile.drafts import Awaited, Draft
from mobile.files import destroy
from mobile.photo_sources import AndroidSource, FileSource, PhotoSource, holds, left_behind
from mobile.photos import Taken
from mobile.ui.words import say
from shared_schema.problems import Problem


class PhotosLeft:
    """What the desk of photos does about such files; `desk` is that desk."""

    def __init__(self, desk: Any) -> None:
        self._desk = desk

    def expecting(self, source: PhotoSource, blank: Draft, then: Callable[[], None]) -> None:
        """Goes on once it is written down what is awaited; at once where the source leaves no file."""
        if not isinstance(source, AndroidSource):
            then()
            return
        awaited = Awaited(draft=blank, path=str(source.path))
        self._desk.store(lambda drafts: drafts.expect(awaited), lambda _: then())

    def done_with(self, source: PhotoSource) -> None:
        """The picture is safe, or there is none."""
        if isinstance(source, AndroidSource):
            self._forget(source.path)

    def take_up(self) -> None:
        """The tablet is open: takes in what was left while it was locked, and destroys what nobody awaits."""
        # Behind what the pictures' thread is at: a camera program may be about to bring something.
        self._desk.later(
            lambda: None, lambda _: self._desk.store(lambda drafts: drafts.awaited(), self._found)
        )

    def _found(self, awaited: tuple[Awaited, ...]) -> None:
        tools = self._desk.tools
        if tools is None:
            return
        known = {one.path for one in awaited}
        folder = left_behind(tools.folder)

        def clear() -> None:
            for path in folder.glob("*"):
                if str(path) not in known:
                    destroy(path)

        self._desk.later(clear, lambda _: None)
        for one in awaited:
            self._take_in(tools, one)

    def _take_in(self, tools: Any, one: Awaited) -> None:
        path, draft = Path(one.path), one.draft

        def take() -> Taken | None:
            if not holds(path):
                return None
            return photos.take(FileSource(path).take(), tools.folder, tools.vault, draft.stamp)

        def taken(found: Taken | None) -> None:
            if found is None:
                self._forget(path)
            else:
                self._desk.keep(showing(draft, found), safe)

        def safe(_: Draft) -> None:
            self._desk.tell(say("photo.taken_up", code=draft.item), "lock")
            self._forget(path)

        def wrong(problem: Problem) -> None:
            self._desk.failed(problem)
            if problem.code != "tablet_locked" and not problem.kind.retry:
                self._forget(path)

        self._desk.later(take, taken, wrong)

    def _forget(self, path: Path) -> None:
        """The readable file goes first: while its line stands, it is looked for again."""
        self._desk.later(
            lambda: destroy(path),
            lambda _: self._desk.store(lambda drafts: drafts.expect_no_more(str(path)), lambda _: None),
        )


def showing(draft: Draft, taken: Taken) -> Draft:
    """The draft, with the picture that is kept for it now."""
    return replace(
        draft, sha256=taken.sha256, size_bytes=taken.size_bytes, width=taken.width, height=taken.height
    )
