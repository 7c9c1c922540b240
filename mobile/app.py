"""The Kivy App: makes the frame and its screens, and turns taps into sheets and verbs."""

from collections.abc import Callable
from typing import Any

from kivy.app import App
from kivy.clock import Clock
from kivy.core.window import Window

from mobile.ui import kit, sheets_item, sheets_lists, sheets_visit, unlock
from mobile.ui.banners import Acts, banners
from mobile.ui.collector import Collector
from mobile.ui.finding_form import new_finding
from mobile.ui.gate import Gate
from mobile.ui.kit_controls import Push, button, gap
from mobile.ui.kit_sheet import Sheet
from mobile.ui.memory import memory
from mobile.ui.page_acts import PageActs
from mobile.ui.people import PeopleScreen
from mobile.ui.photo_acts import PhotoActs
from mobile.ui.session import Begin, Session
from mobile.ui.shell import Shell
from mobile.ui.shown import SYNC, Shown, VisitShown
from mobile.ui.start import StartScreen
from mobile.ui.sync_center import SyncCenter
from mobile.ui.theme import theme
from mobile.ui.tour import tour
from mobile.ui.unlock import UnlockScreen
from mobile.ui.visit import VisitScreen
from mobile.ui.words import say, words
from mobile.ui.work import WorkScreen

assert kit.PARTS, "loading the kit registers fonts and rules"

START_SECONDS = 1.0
"""After the loop begins; the first screen is drawn by then."""


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
        self._head: object = None
        """What the acts and banners of the visit were made of."""

    def build(self) -> Shell:
        session = self.session
        self.visit = VisitScreen(session)
        self.start = StartScreen(session, server=self._begin.server)
        screens: dict[str, Any] = {
            "start": self.start,
            "people": PeopleScreen(session),
            "work": WorkScreen(session),
            "visit": self.visit,
            SYNC: SyncCenter(session),
        }
        self.shell = Shell(session, screens)
        screens["work"].bind(on_tour=lambda _: self._tour())
        top, bottom, item = self.shell.ids.top, self.shell.ids.bottom, self.visit.item
        top.bind(on_leave=lambda _: session.leave(), on_menu=lambda _: self._menu())
        bottom.bind(
            on_exchange=lambda _: self._exchange(),
            on_why=lambda _: self._why(),
            on_findings=lambda _: session.go(section="@findings", item="", pane="items", only=""),
            on_differences=lambda _: self.acts.disputes(),
            on_next=lambda bar: session.go(item=bar.following, pane="item", only=""),
        )
        item.bind(
            on_na=lambda _: self._sheet(sheets_item.not_applicable),
            on_note=lambda _: self._sheet(sheets_item.note),
            on_add_finding=lambda _: self._found(),
            on_again=lambda _, earlier: self._found(earlier),
            on_consent_here=lambda _: self._sheet(sheets_item.consent),
            on_finding=lambda _, row: self.acts.finding(row),
            on_settle=lambda _, op: self._settle_item(op),
            on_lead=lambda _, row: self.acts.lead(row),
        )
        self.acts: PageActs = PageActs(session, self.shell, self.visit)
        self.photo_acts = PhotoActs(session, self.shell, self.visit)
        session.bind(
            shown=self._show,
            syncing=self._show,
            on_told=lambda _, text, icon: self.shell.tell(text, icon),
            on_undoable=lambda _, text, undo: self.shell.offer(text, say("undo"), undo),
            on_sheet=lambda _, sheet: self.shell.open(sheet),
        )
        words.bind(language=lambda *_: self.shell.close(at_once=True))
        if self.gate is not None:
            self._bind_gate(self.gate)
        theme.bind(palette=lambda *_: Clock.schedule_once(self._repaint, 0))
        theme.bind(scale=lambda *_: Clock.schedule_once(self._repaint, 0))
        return self.shell

    def on_start(self) -> None:
        if self.gate is None:
            self.session.begin(self._begin, self.start.refused)
        else:
            self.gate.start(self.start.refused)
            self.gate.lock_after(self._lock_seconds)
        if self._collector is not None:
            Clock.schedule_once(self._collector.begin, START_SECONDS)

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

    # --- locking ---------------------------------------------------------------------------------------

    def _bind_gate(self, gate: Gate) -> None:
        self.unlock = UnlockScreen(gate)
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
        self.shell.cover(self.unlock if step else None)

    # --- showing ---------------------------------------------------------------------------------------

    def _show(self, *_: object) -> None:
        shown: Shown | None = self.session.shown
        if shown is None:
            return
        self.shell.show(shown)
        self.shell.ids.top.can_lock = bool(self.gate and self.gate.protected and shown.place.person)
        if shown.visit is not None and shown.screen != SYNC:
            head = shown.visit.head, shown.language
            if head != self._head:  # a button costs as much as the whole list below it, and a tap moves none
                self._head = head
                self._show_acts(shown.visit)
                self._show_banner(shown.visit)
        else:
            self._head = None
            self.shell.ids.top.ids.acts.clear_widgets()

    def _repaint(self, *_: object) -> None:
        """Rows hold colours in their markup, so another palette makes them anew."""
        if self.session.shown is not None:
            self.visit.forget()
            self._show()

    def _show_acts(self, visit: VisitShown) -> None:
        """What the leader can do with the visit as a whole, in the stage it is in."""
        may, stage, acts = visit.head.may, visit.head.stage, self.shell.ids.top.ids.acts
        wanted: list[Push] = []
        if "deliberated" in may and stage in ("opened", "returned"):
            wanted.append(button(say("visit.deliberate"), self._deliberate, kind="tonal", icon="deliberate"))
        if "submitted" in may:
            wanted.append(button(say("visit.submit"), self._submit, kind="primary", icon="hand_in"))
        acts.clear_widgets()
        for push in wanted:
            acts.add_widget(push)

    def _show_banner(self, visit: VisitShown) -> None:
        place = self.visit.items.ids.banner
        acts = Acts(self._open, self.acts.close_scoring, self.acts.close_for_another, self.acts.leads)
        place.clear_widgets()
        for banner in banners(visit, acts):
            place.add_widget(banner)

    # --- sheets ----------------------------------------------------------------------------------------

    def _sheet(self, make: Any) -> None:
        if self.visit.item.detail is not None:
            self.shell.open(make(self.session, self.visit.item.detail, self.shell.close))

    def _found(self, earlier: str = "") -> None:
        detail = self.visit.item.detail
        if detail is not None:
            self.shell.open(new_finding(self.session, self._visit, detail, self.shell.close, earlier))

    def _settle_item(self, op: str) -> None:
        detail = self.visit.item.detail
        field = "" if detail is None else detail.field
        row = next((one for one in self._visit.disputes if one.field == field), None)
        if row is not None:
            self.acts.settle(row, op)

    def _open(self) -> None:
        self.shell.open(sheets_visit.opening(self.session, self._visit, self.shell.close))

    def _deliberate(self) -> None:
        self.shell.open(sheets_visit.deliberation(self.session, self._visit, self.shell.close))

    def _submit(self) -> None:
        self.shell.open(sheets_visit.submission(self.session, self._visit, self.shell.close))

    def _why(self) -> None:
        def go_to(item: str) -> None:
            self.shell.close()
            if item:
                self.session.go(item=item, pane="item", only="")

        self.shell.open(sheets_visit.why(self._visit, go_to))

    def _exchange(self) -> None:
        if self.session.place.pane != SYNC:
            self.session.go(pane=SYNC)

    def _menu(self) -> None:
        menu = sheets_lists.menu(self.session, self.shell.close, self._tour)
        if self.gate is not None and self.gate.protected and self.session.place.person:
            self._add_pins(menu, self.gate)
        self.shell.open(menu)

    def _tour(self) -> None:
        self.shell.open(tour(self.shell.open, self.shell.close))

    def _add_pins(self, menu: Sheet, gate: Gate) -> None:
        """What the person at work can do about PINs."""

        def change() -> None:
            self.shell.close()
            gate.change()

        def forgotten() -> None:
            self.shell.open(unlock.forgotten(gate, self.session.place.person, self.shell.close))

        menu.put(gap(8), button(say("unlock.change"), change, kind="outline", icon="lock"))
        person, people = self.session.place.person, self.session.shown.people
        if any(row.person == person and row.role == "leader" for row in people):
            menu.put(button(say("unlock.forgotten"), forgotten, kind="outline", icon="people"))

    @property
    def _visit(self) -> VisitShown:
        visit: VisitShown = self.session.shown.visit
        return visit


def post(job: Callable[[], None]) -> None:
    """Hands a call to the screens' thread."""
    Clock.schedule_once(lambda _: job(), 0)
