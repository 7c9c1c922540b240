"""Pictures as a camera gave them: awaited before it is asked, on the disk before anything is made of them.

A line in the store says first what is awaited and where its file will lie; the file is destroyed, and then the line,
only when the picture is safe, cannot be one, or was never taken. What a program that ended in between has left is taken
in when somebody unlocks. The file is encrypted but for one: Android's camera in front pauses this program, and a
paused tablet is locked, so its picture comes back when nothing can be encrypted.
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
from mobile.vault import Vault
from shared_schema.problems import Problem

SEALED = ".sealed"
"""The end of the name of a file that is encrypted."""


class PhotosLeft:
    """What the desk of photos does about such files; `desk` is that desk."""

    def __init__(self, desk: Any) -> None:
        self._desk = desk

    def expecting(self, source: PhotoSource, blank: Draft, then: Callable[[Path], None]) -> None:
        """Goes on, with where the picture will lie, once it is written down what is awaited."""
        folder = left_behind(self._desk.tools.folder)
        path = source.path if isinstance(source, AndroidSource) else folder / f"{blank.evidence}{SEALED}"
        awaited = Awaited(draft=blank, path=str(path))
        self._desk.store(lambda drafts: drafts.expect(awaited), lambda _: then(path))

    def done_with(self, path: Path) -> None:
        """The picture is safe, or there is none: the file goes first, for while its line stands it is looked for."""
        self._desk.later(
            lambda: destroy(path),
            lambda _: self._desk.store(lambda drafts: drafts.expect_no_more(str(path)), lambda _: None),
        )

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
            content = tools.vault.fetch(path) if path.suffix == SEALED else FileSource(path).take()
            return photos.take(content, tools.folder, tools.vault, draft.stamp)

        def taken(found: Taken | None) -> None:
            if found is None:
                self.done_with(path)
            else:
                self._desk.keep(showing(draft, found), safe)

        def safe(_: Draft) -> None:
            self._desk.tell(say("photo.taken_up", code=draft.item), "lock")
            self.done_with(path)

        def wrong(problem: Problem) -> None:
            self._desk.failed(problem)
            if problem.code != "tablet_locked" and not problem.kind.retry:
                self.done_with(path)

        self._desk.later(take, taken, wrong)


def first_kept(source: PhotoSource, path: Path, vault: Vault) -> bytes:
    """What the camera gives, on the disk when it returns. Raises what its `take` does, disk_full, tablet_locked."""
    content = source.take()
    if path.suffix == SEALED:
        vault.keep(path, content)
    return content


def showing(draft: Draft, taken: Taken) -> Draft:
    """The draft, with the picture that is kept for it now."""
    return replace(
        draft, sha256=taken.sha256, size_bytes=taken.size_bytes, width=taken.width, height=taken.height
    )
