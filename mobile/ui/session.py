"""Between the screens and the worker: what is shown, where the person is, and every verb a tap calls.

A tap goes to the worker; only after the commit come the new rows back, and only then does the screen
change. Nothing here blocks: the screens' thread never waits for the disk or the network.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
from kivy.clock import Clock
from kivy.properties import ObjectProperty

from mobile.ui.contact import SERVER, Contact
from mobile.ui.looks import LANGUAGE, PALETTE, SCALE, Looks
from mobile.ui.memory import memory
from mobile.ui.photo_desk import PhotoDesk
from mobile.ui.practising import Practising
from mobile.ui.shown import SYNC, Place, Shown, gather, read_place
from mobile.ui.sync_desk import SyncDesk
from mobile.ui.theme import PALETTES, SCALES, theme
from mobile.ui.tools import Begin, Tools
from mobile.ui.verbs import Asked, Call, UnderWay, made
from mobile.ui.words import say, words
from mobile.worker import Worker
from shared_schema.ids import ID_BYTES, InspectionId, PersonId, make_id
from shared_schema.operations import AnswerValue
from shared_schema.problems import Language, Problem

Then = Callable[[], object] | None
PLACE, MEMORY = "ui.place", "ui.memory"
"""Settings of the store in which the interface finds its way back after a restart."""


class Session(Looks, Contact):
    """One person at work on this tablet."""

    shown = ObjectProperty(None, allownone=True)
    __events__ = ("on_told", "on_undoable", "on_others_turn", "on_revoked", "on_sheet")

    def __init__(self, worker: Worker, tools: Tools | None = None) -> None:
        super().__init__()
        self._worker = worker
        self._opened = tools
        self.signed: str | None = None
        """Whose PIN opened the tablet, nobody's while it is set up; None where no PIN is asked for."""
        self.ask_for: Callable[[str], object] = lambda person: self.go(person=person)
        """What choosing a person does: at a door it asks for their PIN first."""
        self._under_way = UnderWay()
        self.place = Place()
        self.sync_desk = SyncDesk(worker, lambda: self._tools.store, self._while_open, self.tell, self._look)
        self.sync_desk.tools = None if tools is None else tools.meeting
        self.photo_desk = PhotoDesk(self, worker, None if tools is None else tools.photos)
        self.practising = Practising(self, worker)

    # --- open and locked -------------------------------------------------------------------------------

    @property
    def _tools(self) -> Tools:
        """What is open. Raises tablet_locked."""
        if self._opened is None:
            raise Problem("tablet_locked")
        return self._opened

    def admit(self, tools: Tools, person: str, begin: Begin, refused: Callable[[str], None]) -> None:
        """The tablet is open: goes on where this person was."""
        self._opened, self.signed = tools, person
        self.dispatch("on_others_turn")
        self.sync_desk.tools = tools.meeting
        self.photo_desk.admit(tools.photos)
        self.begin(begin, refused)

    @property
    def tools(self) -> Tools | None:
        """What is open, if anything is."""
        return self._opened

    def swap(self, tools: Tools, signed: str | None, person: str, language: str) -> None:
        """Goes on with other tools: those of a practice, or the tablet's own again."""
        self._expect_none()
        self._opened, self._sync, self.signed, self.server = tools, None, signed, ""
        self.dispatch("on_others_turn")
        self.sync_desk.tools = tools.meeting
        self.begin(Begin(person=person, language=language), lambda _: None)

    def shut(self) -> None:
        """The tablet is locked: what is under way comes to nothing, and what is shown stays where it was."""
        self.practising.shut()
        self._opened = self._sync = None
        self.sync_desk.shut()
        self.photo_desk.shut()
        self._expect_none()

    def sign_in(self, person: str) -> None:
        """Somebody has shown who they are; goes to their work."""
        self.signed = person
        self.go(person=person, inspection="", section="", item="", pane="items")

    # --- where the person is ---------------------------------------------------------------------------

    def begin(self, begin: Begin, refused: Callable[[str], None]) -> None:
        """Shows the place of last time; enrols first if the command line brought a code.

        On a tablet that is enrolled the code is for a server that no longer knows it, and is left alone otherwise.
        """

        def restore() -> tuple[Shown, str, str, str, str]:
            store = self._tools.store
            for key, value in ((SERVER, begin.server), (LANGUAGE, begin.language)):
                if value:
                    store.set_setting(key, value)
            place = read_place(store.setting(PLACE))
            person = begin.person if self.signed is None else self.signed
            if (person or self.signed is not None) and person != place.person:
                place = Place(person=person)
            language: Language = "en" if store.setting(LANGUAGE) == "en" else "zh"
            shown = gather(self._tools.desk, store.sync_state(), place, language)
            looks = store.setting(PALETTE), store.setting(SERVER), store.setting(SCALE), store.setting(MEMORY)
            return (shown, *looks)

        def show(result: tuple[Shown, str, str, str, str]) -> None:
            shown, palette, self.server, scale, remembered = result
            memory.begin(remembered, partial(self._keep, MEMORY))
            words.language = shown.language
            theme.scale = next((one for one in SCALES if str(one) == scale), 1.0)
            theme.palette = palette if palette in PALETTES else "light"
            self._show(shown)
            if not shown.enrolled and begin.code and self.server:
                self.enrol(self.server, begin.code, refused)
            elif shown.enrolled:
                self._code = begin.code
                self._sync_after(0)

        self._worker.call(restore, show, self.failed)

    def go(self, **changes: str) -> None:
        """Goes to another person, inspection, section, item or pane; remembered for the next start."""
        if changes.get("person", self.place.person) != self.place.person:
            self.dispatch("on_others_turn")
        self.place = self.place._replace(**changes)
        self._look(remember=True)

    def leave(self) -> None:
        """One step back: from the sync center to where it was opened, from the visit to the work list."""
        if self.place.pane == SYNC:
            self.go(pane="items")
        elif self.place.inspection:
            self.go(inspection="", section="", item="", pane="items")

    # --- what the person does --------------------------------------------------------------------------

    def do(
        self, verb: str, *args: Any, told: str = "", then: Then = None, person: str = "", **facts: Any
    ) -> None:
        """One verb of the desk on this inspection, by this person; then what stands is shown.

        A tap that can be taken back is offered to be. `person` is a colleague who acts on this tablet.
        """
        self.do_all((Call(verb, args, facts),), told=told, then=then, person=person)

    def do_all(
        self, calls: Sequence[Call], *, told: str = "", then: Then = None, undo: bool = True, **other: str
    ) -> None:
        """Several verbs as one tap: shown when all are committed, taken back together. `other`: person, inspection.

        Pressed again before that, with nothing else asked in between, it is the same tap.
        """
        place, language, desk = self.place, words.language, self._tools.desk
        actor = PersonId(other.get("person") or place.person)
        inspection = InspectionId(other.get("inspection") or place.inspection)
        asked = Asked(desk, actor, inspection, tuple(calls))
        if not self._under_way.begin(asked):
            return

        def write() -> tuple[Shown, tuple[Call, ...]]:
            backs = made(desk, actor, inspection, calls)
            return gather(desk, self._tools.store.sync_state(), place, language), backs

        def committed(result: tuple[Shown, tuple[Call, ...]]) -> None:
            shown, backs = result
            self._show_if_still_at(place, shown)
            # Rows are drawn with the next frame: until then a tap finds what was there before.
            Clock.schedule_once(lambda _: self._under_way.end(asked), 0)
            if then is not None:
                then()
            if backs and undo:
                back = partial(self.do_all, backs, undo=False, person=actor, inspection=inspection)
                self.dispatch(
                    "on_undoable", told or say("undo.changed"), partial(back, told=say("undo.done"))
                )
            elif told:
                self.dispatch("on_told", told, "check")

        def failed(problem: Problem) -> None:
            self._under_way.end(asked)
            self.failed(problem)
            if len(calls) > 1:  # those before it are committed
                self._look()

        self._worker.call(write, committed, failed, lambda: self._under_way.end(asked))

    def new_id(self) -> str:
        """An id for what a sheet is about to make, so that several verbs can name it."""
        return make_id(self._tools.entropy(ID_BYTES))

    def asked(self, item: str) -> AnswerValue | None:
        """What this person has just answered here, until it is shown: what the next tap on the item starts from."""
        return self._under_way.answer(self.place.person, self.place.inspection, item)

    @property
    def asks_pins(self) -> bool:
        """Whether a colleague can consent here, by typing their PIN."""
        return self._tools.consent_by is not None

    def prove(
        self, person: PersonId, pin: str, known: Callable[[], None], refused: Callable[[str], None]
    ) -> None:
        """Goes on once a colleague has typed their own PIN on this tablet; `refused` says why not."""
        check = self._tools.consent_by
        assert check is not None, "no PIN is asked for on this tablet"
        self._worker.call(
            lambda: check(person, pin),
            lambda _: known(),
            lambda problem: refused(problem.message(words.language)),
        )

    # --- showing ---------------------------------------------------------------------------------------

    def _look(self, *, remember: bool = False, told: bool = False) -> None:
        place, language = self.place, words.language

        def look() -> Shown:
            store = self._tools.store
            shown = gather(self._tools.desk, store.sync_state(), place, language)
            if remember:
                store.set_setting(PLACE, msgspec.json.encode(list(shown.place)).decode())
            return shown

        def show(shown: Shown) -> None:
            self._show_if_still_at(place, shown)
            if told:
                self.dispatch("on_told", shown.sync.text, "sync")

        self._worker.call(look, show, self.failed)

    def _show_if_still_at(self, place: Place, shown: Shown) -> None:
        # Two quick taps: what belongs to the place left in between is not shown any more.
        if place == self.place:
            self._show(shown)

    def _show(self, shown: Shown) -> None:
        self.place = shown.place
        memory.scope = f"{shown.place.inspection}/{shown.place.person}"
        self.shown = shown

    def _keep(self, key: str, value: str) -> None:
        # Into the store that is open now: a tablet that locks at once closes it only after this.
        if tools := self._opened:
            self._worker.call(lambda: tools.store.set_setting(key, value), failed=self.failed)

    def failed(self, problem: Problem) -> None:
        """A Problem is said."""
        if problem.code == "tablet_locked":
            return  # the unlock screen says it
        self.dispatch("on_told", problem.message(words.language), "problem")

    def crashed(self, _: Exception) -> None:
        """A bug, logged by the worker: nothing was written, and the person is told so."""
        self.dispatch("on_told", say("failed.store"), "problem")

    def tell(self, text: str, icon: str) -> None:
        """Says one sentence."""
        self.dispatch("on_told", text, icon)

    def on_told(self, text: str, icon: str) -> None:
        """A sentence for the person."""

    def on_revoked(self) -> None:
        """The server has turned this tablet away, and everything that was on it has been handed over."""

    def on_undoable(self, text: str, undo: Callable[[], None]) -> None:
        """What a tap did, and how it is taken back."""

    def on_others_turn(self) -> None:
        """Another person is at work, or in another store: what was offered to the one before is void."""

    def on_sheet(self, sheet: Any) -> None:
        """A sheet to slide over the screen."""
