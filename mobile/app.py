"""The Kivy App: makes the frame and its screens, and turns taps into sheets and verbs."""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kivy.app import App
from kivy.clock import Clock
from kivy.core.window import Window

from mobile.ui import kit, later, screen_guard
from mobile.ui.collector import Collector
from mobile.ui.gate import Gate
from mobile.ui.gradually import Gradually
from mobile.ui.kit_controls import button, gap
from mobile.ui.kit_sheet import Sheet
from mobile.ui.memory import memory
from mobile.ui.session import Session
from mobile.ui.shell import Shell
from mobile.ui.shown import SYNC, Shown
from mobile.ui.theme import theme
from mobile.ui.tools import Begin
from mobile.ui.words import say, words

if TYPE_CHECKING:
    from mobile.ui.at_visit import AtVisit
    from mobile.ui.photo_acts import PhotoActs
    from mobile.ui.visit import VisitScreen

assert kit.PARTS, "loading the kit registers fonts and rules"

AFTER_SECONDS = 0.5
"""After the first screen is shown; it is drawn by then."""
SCREENS = {
    "start": ("mobile.ui.start", "StartScreen"),
    "people": ("mobile.ui.people", "PeopleScreen"),
    "work": ("mobile.ui.work", "WorkScreen"),
    "visit": ("mobile.ui.visit", "VisitScreen"),
    SYNC: ("mobile.ui.sync_center", "SyncCenter"),
}
"""Where each screen comes from when it is first shown."""


class HuchaApp(App):
    """互查 on a tablet."""

    title = "互查 Hucha"

    def __init__(
        self,
        session: Session,
        begin: Begin,
        gate: Gate | None = None,
        *,
        lock_seconds: float = 0,
        collector: Collector | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.session = session
        self._begin = begin
        self.gate = gate
        self._lock_seconds = lock_seconds
        self._collector = collector
        self._afterwards = Gradually()
        self._following: Any = None
        self._bound: AtVisit | None = None

    def build(self) -> Shell:
        session = self.session
        self.screens = later.Lazily(SCREENS, session)
        self.screens.when_made("start", lambda start: setattr(start.ids.server, "text", self._begin.server))
        self.screens.when_made("visit", self._bind_visit)
        self.screens.when_made("work", lambda work: work.bind(on_tour=lambda _: self._tour()))
        self.shell = Shell(session, self.screens)
        top, bottom = self.shell.ids.top, self.shell.ids.bottom
        top.bind(on_leave=lambda _: session.leave(), on_menu=lambda _: self._menu())
        bottom.bind(
            on_exchange=lambda _: self._exchange(),
            on_why=lambda _: self._at_visit.why(),
            on_findings=lambda _: session.go(section="@findings", item="", pane="items", only=""),
            on_differences=lambda _: self._at_visit.acts.disputes(),
            on_next=lambda bar: session.go(item=bar.following, pane="item", only=""),
        )
        session.bind(
            shown=self._show,
            syncing=self._show,
            on_told=lambda _, text, icon: self.shell.tell(text, icon),
            on_undoable=lambda _, text, undo: self.shell.offer(text, say("undo"), undo),
            on_others_turn=lambda _: self.shell.ids.snackbar.withdraw(),
            on_sheet=lambda _, sheet: self.shell.open(sheet),
        )
        words.bind(language=lambda *_: self.shell.close(at_once=True))
        if self.gate is not None:
            self._bind_gate(self.gate)
        theme.bind(palette=lambda *_: Clock.schedule_once(self._repaint, 0))
        theme.bind(scale=lambda *_: Clock.schedule_once(self._repaint, 0))
        return self.shell

    @property
    def visit(self) -> "VisitScreen":
        """The visit's screen."""
        return self._at_visit.screen

    @property
    def photo_acts(self) -> "PhotoActs":
        """What taps on photos do."""
        return self._at_visit.photo_acts

    @property
    def _at_visit(self) -> "AtVisit":
        assert self.screens["visit"] is not None  # with the screen comes what binds it, and only then: once
        assert self._bound is not None
        return self._bound

    def _bind_visit(self, screen: "VisitScreen") -> None:
        from mobile.ui.at_visit import AtVisit

        self._bound = AtVisit(self.session, self.shell, screen)

    def _refused(self, sentence: str) -> None:
        self.screens["start"].refused(sentence)

    # --- after the first frame -------------------------------------------------------------------------

    def _first_is_shown(self) -> None:
        """What no first frame needs comes a part before each of the next."""
        if self._following is None:
            rest = self._rest()
            self._following = Clock.create_trigger(lambda _: self._afterwards.make(rest), AFTER_SECONDS)
            Window.bind(on_touch_down=self._wait, on_touch_move=self._wait, on_touch_up=self._wait)
            self._following()

    def _wait(self, *_: object) -> None:
        """A part takes longer than a frame, and would be felt under a finger."""
        self._afterwards.stop()
        self._following.cancel()
        self._following()

    def _rest(self) -> Iterator[None]:
        yield from later.load()
        visit = self.visit
        yield
        yield from visit.prepare()
        assert self.screens[SYNC] is not None
        yield
        Window.unbind(on_touch_down=self._wait, on_touch_move=self._wait, on_touch_up=self._wait)
        if self._collector is not None:
            self._collector.begin(self.shell.over)

    def on_start(self) -> None:
        screen_guard.guard()
        if self.gate is None:
            self.session.begin(self._begin, self._refused)
        else:
            self.gate.start(self._refused)
            self.gate.lock_after(self._lock_seconds)

    def on_pause(self) -> bool:
        """Everything is on the disk already, so the system may take the screen away at any time."""
        memory.write()
        self.session.sync_desk.stop()
        if self.gate is not None:
            self.gate.lock()
        return True

    def on_stop(self) -> None:
        """What was typed in the last half second is kept too."""
        memory.write()
        if self._following is not None:
            self._following.cancel()
            Window.unbind(on_touch_down=self._wait, on_touch_move=self._wait, on_touch_up=self._wait)
        self._afterwards.stop()

    # --- locking ---------------------------------------------------------------------------------------

    def _bind_gate(self, gate: Gate) -> None:
        gate.bind(step=self._cover, protected=self._show)
        self.shell.ids.top.bind(on_lock=lambda _: gate.lock())
        Window.bind(
            on_touch_down=lambda *_: gate.touch(),
            on_key_down=lambda *_: gate.touch(),
            on_textinput=lambda *_: gate.touch(),
        )

    def _cover(self, gate: Gate, step: str) -> None:
        """Lays the unlock screen over everything, or takes it away; what lies beneath stays as it was."""
        if step == "wiped":
            self.shell.empty()
        self.shell.cover(self._unlock if step else None)
        if step and self._collector is not None:
            Clock.schedule_once(self._collector.unwatched, AFTER_SECONDS)
        self._first_is_shown()

    @cached_property
    def _unlock(self) -> Any:
        from mobile.ui.unlock import UnlockScreen

        assert self.gate is not None, "nothing is locked without a door"
        return UnlockScreen(self.gate)

    # --- showing ---------------------------------------------------------------------------------------

    def _show(self, *_: object) -> None:
        shown: Shown | None = self.session.shown
        if shown is None:
            return
        self.shell.show(shown)
        self.shell.ids.top.can_lock = bool(self.gate and self.gate.protected and shown.place.person)
        if shown.visit is not None and shown.screen != SYNC:
            self._at_visit.show(shown)
        elif self._bound is not None:
            self._bound.leave()
        self._first_is_shown()

    def _repaint(self, *_: object) -> None:
        """Rows hold colours in their markup, so another palette makes them anew."""
        if self.session.shown is not None:
            if self._bound is not None:
                self.visit.forget()
            self._show()

    # --- sheets ----------------------------------------------------------------------------------------

    def _exchange(self) -> None:
        if self.session.place.pane != SYNC:
            self.session.go(pane=SYNC)

    def _menu(self) -> None:
        from mobile.ui import sheets_lists

        menu = sheets_lists.menu(self.session, self.shell.close, self._tour)
        if self.gate is not None and self.gate.protected and self.session.place.person:
            self._add_pins(menu, self.gate)
        self.shell.open(menu)

    def _tour(self) -> None:
        from mobile.ui.tour import tour

        self.shell.open(tour(self.shell.open, self.shell.close))

    def _add_pins(self, menu: Sheet, gate: Gate) -> None:
        """What the person at work can do about PINs."""
        from mobile.ui import unlock

        def change() -> None:
            self.shell.close()
            gate.change()

        def forgotten() -> None:
            self.shell.open(unlock.forgotten(gate, self.session.place.person, self.shell.close))

        menu.put(gap(8), button(say("unlock.change"), change, kind="outline", icon="lock"))
        person, people = self.session.place.person, self.session.shown.people
        if any(row.person == person and row.role == "leader" for row in people):
            menu.put(button(say("unlock.forgotten"), forgotten, kind="outline", icon="people"))


def post(job: Callable[[], None]) -> None:
    """Hands a call to the screens' thread."""
    Clock.schedule_once(lambda _: job(), 0)
