"""What taps on photos do: from the item's button over the confirmations to a kept picture, and on to its colleague."""

from kivy.clock import Clock

from mobile.drafts import Draft
from mobile.photo_sources import FileSource, PhotoSource
from mobile.photo_views import PhotoLine, Policy, policy
from mobile.ui import sheets_photo
from mobile.ui.kit_sheet import Sheet
from mobile.ui.photo_desk import Wanted
from mobile.ui.photo_view import PhotoView
from mobile.ui.session import Session
from mobile.ui.shell import Shell
from mobile.ui.shown import VisitShown
from mobile.ui.thumbnails import kept
from mobile.ui.visit import VisitScreen
from mobile.ui.words import words
from shared_schema.ids import PersonId


class PhotoActs:
    """Binds the item's card and the page of photos to sheets, the view and the desk."""

    def __init__(self, session: Session, shell: Shell, screen: VisitScreen) -> None:
        self._session = session
        self._shell = shell
        self._desk = session.photo_desk
        self._waiting: Sheet | None = None
        kept.load = lambda sha256, then: self._desk.picture(sha256, then, small=True)
        self._desk.bind(on_shut=lambda _: self._forget(), on_wanted=lambda _, wanted: self.take(wanted))
        card = screen.item.photos
        card.bind(
            on_take=lambda _: self.take(Wanted(self._session.place.item)),
            on_photo=lambda _, line: self.view(line),
            on_all=lambda _: session.go(section="@photos", item="", pane="items", only=""),
        )
        screen.pages.when_made(
            "@photos",
            lambda page: page.bind(
                on_photo=lambda _, line: self.view(line),
                on_allowed=lambda _: session.go(section="", item="", pane="items", only="photo"),
            ),
        )

    @property
    def _visit(self) -> VisitShown:
        visit: VisitShown = self._session.shown.visit
        return visit

    def _forget(self) -> None:
        """The tablet was locked: no picture stays on the screen or in memory."""
        kept.forget()
        if self._shell.sheet is not None and (
            isinstance(self._shell.sheet, PhotoView) or self._shell.sheet is self._waiting
        ):
            self._shell.close(at_once=True)

    # --- taking ----------------------------------------------------------------------------------------

    def take(self, wanted: Wanted) -> None:
        """A photo of an item or a finding, if the item's policy allows it."""
        person = PersonId(self._session.place.person)
        found = policy(self._visit.whole, wanted.item, person, words.language)
        if found.may_take:
            self._confirm(wanted, found, 0)

    def _confirm(self, wanted: Wanted, found: Policy, place: int) -> None:
        if place == len(found.steps):
            self._source(wanted)
            return
        self._shell.open(
            sheets_photo.confirmation(
                wanted, found, place, lambda: self._confirm(wanted, found, place + 1), self._shell.close
            )
        )

    def _source(self, wanted: Wanted) -> None:
        self._shell.open(
            sheets_photo.sources(
                self._desk,
                wanted,
                lambda source: self._taken(wanted, source, wipe=False),
                lambda: self._folder(wanted),
                self._shell.close,
            )
        )

    def _folder(self, wanted: Wanted) -> None:
        def take(source: FileSource, wipe: bool) -> None:
            self._taken(wanted, source, wipe=wipe)

        self._desk.choices(
            lambda folders, pictures: self._shell.open(
                sheets_photo.folder(
                    wanted, folders, pictures, take, lambda: self._folder(wanted), self._shell.close
                )
            )
        )

    def _taken(self, wanted: Wanted, source: PhotoSource, *, wipe: bool) -> None:
        self._waiting = sheets_photo.taking(wanted)
        self._shell.open(self._waiting)

        def show(line: PhotoLine) -> None:
            # With the next frame: in this one the page below is drawn anew.
            Clock.schedule_once(lambda _: self.view(line), 0)

        self._desk.take(self._visit, wanted, source, show, failed=lambda: self._source(wanted), wipe=wipe)

    # --- looking at one --------------------------------------------------------------------------------

    def view(self, line: PhotoLine) -> None:
        """One photo over the whole screen; nothing to see, nothing opens."""
        if not line.sha256:
            self._session.tell(f"{line.state_text} {line.by}", line.icon)
            return
        view = PhotoView(self._desk, line)
        view.bind(
            on_screen=lambda one, draft: self._screen(draft, one),
            on_remove=lambda _, shown: self._shell.open(
                sheets_photo.removal(self._session, shown, self._shell.close)
            ),
            on_item=lambda _, item: self._to_item(item),
        )
        self._shell.open(view)

    def _screen(self, draft: Draft, view: PhotoView) -> None:
        view.keep_caption()
        again = view.line
        self._shell.open(
            sheets_photo.screening(
                self._session, self._visit, draft, lambda: self.view(again), self._shell.close
            )
        )

    def _to_item(self, item: str) -> None:
        self._shell.close()
        self._session.go(item=item, pane="item", only="")
