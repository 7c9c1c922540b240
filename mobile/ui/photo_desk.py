"""Between the screens and the photos: taking, keeping, marking, screening, destroying, and showing them.

Decoding and encrypting are done on a thread of their own, so that neither the screens nor a tap on an answer waits
for a picture. The store is asked on its own thread, as everything asks it. What a camera gives is on the disk,
encrypted and flushed, before anything is made of it; the picture is, before its line is written; and its line is,
before anybody is told.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kivy.event import EventDispatcher
from kivy.properties import BooleanProperty
from msgspec.structs import replace

from mobile import photo_views, photos
from mobile.drafts import Draft, Drafts, Here
from mobile.files import destroy as destroy_file
from mobile.photo_sources import FileSource, Listed, PhotoSource, listing
from mobile.photo_views import PhotoLine
from mobile.photos import Taken
from mobile.scanning import can_scan, scan
from mobile.ui.photos_left import PhotosLeft, first_kept, showing
from mobile.ui.shown import VisitShown
from mobile.ui.words import say, words
from mobile.vault import Vault
from mobile.worker import Worker
from shared_schema.ids import ID_BYTES, PersonId, make_id
from shared_schema.problems import Problem

if TYPE_CHECKING:
    from mobile.photo_marks import Marks


class PhotoTools(NamedTuple):
    """What `main` made for photos."""

    vault: Vault
    folder: Path
    camera: Callable[[], PhotoSource | None]
    """The camera, looked for anew each time: it may have been plugged in."""
    cards: Callable[[], tuple[Path, ...]]
    """The folders in which pictures are looked for."""
    entropy: Callable[[int], bytes]
    clock: Callable[[], int]


class Wanted(NamedTuple):
    """What a picture is to be taken of."""

    item: str
    finding: str = ""


class Picture(NamedTuple):
    """A picture in memory: RGB, row by row from the top."""

    width: int
    height: int
    rgb: bytes


class PhotoDesk(EventDispatcher):
    """What can be done with photos. `session` gives place, words and the worker; its thread of pictures is its own."""

    busy = BooleanProperty(False)
    """Whether a picture is being taken or drawn."""
    __events__ = ("on_shut", "on_wanted")

    def __init__(self, session: Any, worker: Worker, tools: PhotoTools | None) -> None:
        super().__init__()
        self._session = session
        self._worker = worker
        self._pictures: Worker | None = None
        self.tools: PhotoTools | None = None
        self._left = PhotosLeft(self)
        self.admit(tools)

    # --- open and locked -------------------------------------------------------------------------------

    def admit(self, tools: PhotoTools | None) -> None:
        """The tablet is open: pictures that nobody was told of are destroyed, after a power cut say."""
        self.tools = tools
        if tools is None:
            return

        def listed(found: tuple[str, ...]) -> None:
            self.store(lambda drafts: drafts.idle(found), lambda idle: self._destroy(*idle))

        self.later(lambda: photos.held(tools.folder), listed)
        self.store(lambda drafts: drafts.settle(), lambda _: None)
        self._left.take_up()

    def shut(self) -> None:
        """The tablet is locked: what is under way fails for want of a key, and is told to nobody."""
        self.tools = None
        self.busy = False
        self.dispatch("on_shut")

    def on_shut(self) -> None:
        """No picture stays on the screens or in memory."""

    def on_wanted(self, wanted: Wanted) -> None:
        """A photo is wanted, from a sheet that knows nothing of how it is taken."""

    def stop(self) -> None:
        """The program ends."""
        if self._pictures is not None:
            self._pictures.stop()
            self._pictures = None

    # --- taking ----------------------------------------------------------------------------------------

    def camera(self) -> PhotoSource | None:
        """The camera, or None."""
        return None if self.tools is None else self.tools.camera()

    def can_scan(self) -> bool:
        """Whether a code can be held before the camera."""
        return can_scan(self.camera())

    def scan(self, then: Callable[[str], None], failed: Callable[[Problem], None]) -> None:
        """What the square code before the camera says; no picture is kept."""
        camera = self.camera()
        if self.busy:
            return
        self.busy = True

        def told(listener: Callable[[Any], None], result: object) -> None:
            self.busy = False
            if self.tools is not None:
                listener(result)

        self.later(lambda: scan(camera), lambda text: told(then, text), lambda problem: told(failed, problem))

    def choices(self, then: Callable[[tuple[Path, ...], tuple[Listed, ...]], None]) -> None:
        """The folders looked into, and the pictures that lie there."""
        tools = self.tools
        if tools is None:
            return

        def look() -> tuple[tuple[Path, ...], tuple[Listed, ...]]:
            folders = tools.cards()
            return folders, listing(folders)

        self.later(look, lambda found: then(*found))

    def take(
        self,
        visit: VisitShown,
        wanted: Wanted,
        source: PhotoSource,
        then: Callable[[PhotoLine], None],
        *,
        failed: Callable[[], None] = lambda: None,
        wipe: bool = False,
    ) -> None:
        """Takes a picture and keeps it; `then` gets it once it cannot be lost any more.

        With `wipe` the file it came from is overwritten afterwards.
        """
        tools = self.tools
        if tools is None or self.busy:
            return
        self.busy = True
        at_ms = tools.clock()
        blank = self._blank(tools, visit, wanted, at_ms)

        def shown(draft: Draft, path: Path) -> None:
            self.busy = False
            self._session.tell(say("photo.kept"), "lock")
            if wipe and isinstance(source, FileSource):
                self._wipe(source.path)
            self._left.done_with(path)
            line = self._line(draft)
            if line is not None:
                then(line)

        def wrong(problem: Problem, path: Path) -> None:
            self.busy = False
            if problem.code == "tablet_locked":
                return  # what the camera gave is taken in when somebody has unlocked
            self._left.done_with(path)
            self.failed(problem)
            failed()

        def go_on(path: Path) -> None:
            def run() -> Taken:
                content = first_kept(source, path, tools.vault)
                return photos.take(content, tools.folder, tools.vault, blank.stamp)

            self.later(
                run,
                lambda taken: self.keep(showing(blank, taken), lambda draft: shown(draft, path)),
                lambda problem: wrong(problem, path),
            )

        self._left.expecting(source, blank, go_on)

    def _blank(self, tools: PhotoTools, visit: VisitShown, wanted: Wanted, at_ms: int) -> Draft:
        """The draft of a picture not taken yet."""
        person = self._session.place.person
        return Draft(
            evidence=make_id(tools.entropy(ID_BYTES)),
            inspection=visit.whole.assignment.inspection,
            item=wanted.item,
            finding=wanted.finding,
            person=person,
            at_ms=at_ms,
            sha256="",
            size_bytes=0,
            width=0,
            height=0,
            stamp=photo_views.stamp(visit.whole, wanted.item, person, at_ms),
        )

    def _wipe(self, path: Path) -> None:
        """The readable original of a picture that is safe here."""

        def wipe() -> str:
            try:
                destroy_file(path)
            except OSError as err:
                return err.strerror or str(err)
            return ""

        def told(reason: str) -> None:
            if reason:
                self._session.tell(say("photo.wipe_failed", reason=reason, path=path), "problem")

        self.later(wipe, told)

    # --- marking, captions -----------------------------------------------------------------------------

    def redraw(self, draft: Draft, marks: "Marks", then: Callable[[PhotoLine], None]) -> None:
        """Makes marks the picture's pixels; the picture as it was is destroyed once the new one is safe."""
        from mobile.photo_marks import Cover

        tools = self.tools
        if tools is None or self.busy:
            return
        self.busy = True
        covered = any(isinstance(one, Cover) for one in marks)

        def kept(taken: Taken) -> None:
            self.keep(replace(showing(draft, taken), covered=draft.covered or covered), shown)

        def shown(named: Draft) -> None:
            self.busy = False
            self._session.tell(say("photo.covered" if covered else "photo.redrawn"), "check")
            line = self._line(named)
            if line is not None:
                then(line)

        self.later(
            lambda: photos.redraw(draft.sha256, tools.folder, tools.vault, marks, draft.stamp),
            kept,
            self.failed,
        )

    def caption(self, draft: Draft, caption: str) -> None:
        """Gives a draft its caption."""
        self.store(lambda drafts: drafts.caption(draft.evidence, caption), lambda _: self._look())

    # --- a colleague's eyes ----------------------------------------------------------------------------

    def attach(
        self,
        draft: Draft,
        screened_by: str,
        pin: str | None,
        refused: Callable[[str], None],
        then: Callable[[], None],
    ) -> None:
        """A colleague has looked at it: attached, once their PIN is right. None: they are at work here themselves."""

        def known() -> None:
            then()
            self._session.do(
                "attach_photo",
                draft.item,
                draft.taken,
                finding=draft.finding,
                caption=draft.caption,
                screened_by=screened_by,
                evidence=draft.evidence,
                person=draft.person,
                told=say("photo.attached"),
                then=lambda: self.store(lambda drafts: drafts.settle(), lambda _: None),
            )

        if pin is None:
            known()
            return
        self._session.prove(PersonId(screened_by), pin, known, refused)

    def destroy(self, draft: Draft, then: Callable[[], None]) -> None:
        """Overwrites a picture that is not to be attached."""
        tools, by = self.tools, self._session.place.person
        if tools is None:
            return
        at_ms = tools.clock()

        def forgotten(idle: str) -> None:
            self._destroy(idle, then=gone)

        def gone() -> None:
            self._session.tell(say("photo.destroyed"), "delete")
            self._look(then)

        self.store(lambda drafts: drafts.destroy(draft.evidence, by, at_ms), forgotten)

    # --- showing ---------------------------------------------------------------------------------------

    def picture(self, sha256: str, then: Callable[[Picture | None], None], *, small: bool = False) -> None:
        """A photo's pixels, decrypted and decoded away from the screens; None where it is gone or damaged."""
        tools = self.tools
        if tools is None:
            then(None)
            return

        def load() -> Picture | None:
            read = photos.fetch_thumbnail if small else photos.fetch
            content = read(sha256, tools.folder, tools.vault)
            return None if content is None else _decoded(content)

        self.later(load, then, lambda _: then(None))

    # --- small -----------------------------------------------------------------------------------------

    def keep(self, draft: Draft, then: Callable[[Draft], None]) -> None:
        """Writes the draft's line, shows it, and destroys the picture it named before."""

        def kept(idle: str) -> None:
            self._destroy(idle)
            self._look(lambda: then(draft))

        self.store(lambda drafts: drafts.keep(draft), kept)

    def _destroy(self, *pictures: str, then: Callable[[], None] = lambda: None) -> None:
        tools = self.tools
        if tools is None:
            return

        def destroy() -> None:
            for one in pictures:
                if one:
                    photos.destroy(one, tools.folder)

        self.later(destroy, lambda _: then())

    def _line(self, draft: Draft) -> PhotoLine | None:
        """The draft as it is shown; None where the person has gone elsewhere meanwhile."""
        visit = None if self._session.shown is None else self._session.shown.visit
        if visit is None or visit.whole.assignment.inspection != draft.inspection:
            return None
        person = PersonId(self._session.place.person)
        return photo_views.photo_lines(visit.whole, Here((draft,)), person, words.language)[0]

    def store(self, run: Callable[[Drafts], Any], then: Callable[[Any], None]) -> None:
        """On the store's thread."""
        self._worker.call(lambda: run(self._session._tools.desk.drafts), then, self.failed)

    def _look(self, then: Callable[[], None] = lambda: None) -> None:
        """Shows what stands now; then goes on."""
        self._session._look()
        self._worker.call(lambda: None, lambda _: then())

    def later(
        self,
        run: Callable[[], Any],
        then: Callable[[Any], None],
        failed: Callable[[Problem], None] | None = None,
    ) -> None:
        """On the pictures' own thread."""
        if self._pictures is None:
            self._pictures = self._worker.another(self._bug)
        self._pictures.call(run, then, failed or self.failed)

    def _bug(self, err: Exception) -> None:
        self.busy = False
        self._session.crashed(err)

    def tell(self, text: str, icon: str) -> None:
        """Says something in passing."""
        self._session.tell(text, icon)

    def failed(self, problem: Problem) -> None:
        """Says what went wrong; that it is locked now, everybody sees."""
        self.busy = False
        if problem.code != "tablet_locked":
            self._session.tell(problem.message(words.language), "problem")


def _decoded(content: bytes) -> Picture:
    from mobile import pixels

    return Picture(*pixels.rgb(content))
