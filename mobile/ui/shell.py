"""The frame around every screen: where am I on top, what is open and what next at the bottom."""

from collections.abc import Callable
from typing import Any

from kivy.clock import Clock
from kivy.core.window import Window
from kivy.properties import BooleanProperty, NumericProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.floatlayout import FloatLayout

from mobile.rows import SyncRow
from mobile.sync_views import on_its_way
from mobile.ui.kit import load_rules
from mobile.ui.kit_controls import Press
from mobile.ui.kit_sheet import Sheet
from mobile.ui.later import Lazily
from mobile.ui.package_desk import LOOK_SECONDS
from mobile.ui.session import Session
from mobile.ui.shown import SYNC, Shown
from mobile.ui.words import joined, say, words

SYNC_LOOKS = {
    "never": ("offline", "muted"),
    "all_sent": ("synced", "ok"),
    "unsent": ("unsent", "warn"),
    "offline": ("offline", "warn"),
    "refused": ("refused", "bad"),
    "failed": ("refused", "bad"),
}
"""Icon and tone of each state of the exchange."""
BACK_KEY = 27


class Initial(FloatLayout):
    """The first character of a name in a circle."""

    text = StringProperty("")


class TopBar(BoxLayout):
    """Where am I, and who."""

    title = StringProperty("")
    subtitle = StringProperty("")
    person = StringProperty("")
    can_leave = BooleanProperty(False)
    can_lock = BooleanProperty(False)
    __events__ = ("on_leave", "on_lock", "on_menu")

    def on_leave(self) -> None:
        """One step back."""

    def on_lock(self) -> None:
        """Nobody shall go on with this tablet without a PIN."""

    def on_menu(self) -> None:
        """The person's own menu."""


class Count(Press):
    """A number with its glyph and word."""

    icon = StringProperty("")
    tone = StringProperty("muted")
    word = StringProperty("")
    number = NumericProperty(0)
    shown = BooleanProperty(True)


class BottomBar(BoxLayout):
    """Always there: sync state, score range, problems, disputes, the next open item."""

    sync_icon = StringProperty("offline")
    sync_tone = StringProperty("muted")
    sync_text = StringProperty("")
    sync_detail = StringProperty("")
    score = StringProperty("")
    score_label = StringProperty("")
    grade = StringProperty("")
    problems = NumericProperty(0)
    disputes = NumericProperty(0)
    following = StringProperty("")
    next_text = StringProperty("")
    tight = BooleanProperty(False)
    """On a small tablet held upright, or with large type: the score is smaller, and an icon tells of the exchange."""
    __events__ = ("on_exchange", "on_why", "on_findings", "on_differences", "on_next")

    def show(self, shown: Shown, *, on_its_way: str) -> None:
        """`on_its_way` says what an exchange is at; "" while none runs."""
        self.sync_icon, self.sync_tone = SYNC_LOOKS[shown.sync.word]
        self.sync_text = on_its_way or _sync_words(shown.sync)
        self.sync_detail = shown.sync.detail
        visit = shown.visit
        self.score = "" if visit is None else visit.score.text
        if visit is None:
            self.following = ""
            return
        self.score_label = say("bar.score" if visit.score.final else "bar.score_range")
        self.grade = visit.score.grade_text
        self.problems, self.disputes = visit.score.problems, visit.score.disputes
        self.following = visit.next_open or ""
        self.next_text = say("bar.next", item=visit.next_open) if visit.next_open else say("bar.all_done")

    def on_exchange(self) -> None:
        """The sync state was tapped."""

    def on_why(self) -> None:
        """The score was tapped."""

    def on_findings(self) -> None:
        """The problems were tapped."""

    def on_differences(self) -> None:
        """The disputes were tapped."""

    def on_next(self) -> None:
        """On to the next open item."""


class Shell(FloatLayout):
    """Bars, screens, and what slides over them."""

    def __init__(self, session: Session, screens: Lazily, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.session = session
        self._sheet: Sheet | None = None
        self._screens = screens
        self._cover: Any = None
        self.current = ""
        self._counting: Any = None
        session.bind(syncing=self._count_while_syncing)
        Window.bind(on_keyboard=self._on_key)

    # --- sheets ----------------------------------------------------------------------------------------

    @property
    def sheet(self) -> Sheet | None:
        """The sheet that lies over the screen."""
        return self._sheet

    def over(self) -> int:
        """The uid of the sheet that lies over the screen, or is just sliding out; 0 where there is none."""
        sheets = self.ids.over.children
        return int(sheets[0].uid) if sheets else 0

    def open(self, sheet: Sheet) -> None:
        """Slides a sheet over the screen; one at a time."""
        self.close(at_once=True)
        self._sheet = sheet
        sheet.bind(on_close=lambda _: self.close())
        self.ids.over.add_widget(sheet)
        sheet.slide_in()

    def close(self, *, at_once: bool = False) -> None:
        """Sends the sheet away."""
        sheet, self._sheet = self._sheet, None
        if sheet is None:
            return
        if at_once:
            self.ids.over.remove_widget(sheet)
        else:
            sheet.slide_out(lambda: self.ids.over.remove_widget(sheet))

    def cover(self, screen: Any) -> None:
        """Lays a screen over everything, sheets and all, or takes it away; what is typed in a sheet stays there."""
        if self._cover is not None:
            self.remove_widget(self._cover)
        self._cover = screen
        if screen is not None:
            for widget in self.walk(restrict=True):
                if getattr(widget, "focus", False):
                    widget.focus = False  # or it would go on taking what is typed
            self.add_widget(screen)

    def empty(self) -> None:
        """Nothing of what was shown stays in any widget."""
        self.close(at_once=True)
        self.current = ""
        self.ids.screens.clear_widgets()

    def tell(self, text: str, icon: str = "") -> None:
        """One sentence at the bottom."""
        self.ids.snackbar.tell(text, icon=icon)

    def offer(self, text: str, act: str, then: Callable[[], object]) -> None:
        """One sentence at the bottom with one act."""
        self.ids.snackbar.tell(text, icon="check", action=act, then=then)

    # --- what is shown ---------------------------------------------------------------------------------

    def show(self, shown: Shown) -> None:
        """Switches to the screen of the place and brings bars and screen up to date."""
        name = shown.screen
        if self.current != name:
            self.current = name
            self.close(at_once=True)
            self.ids.screens.clear_widgets()
            self.ids.screens.add_widget(self._screens[name])
        self._screens[name].show(shown)
        self._show_top(shown)
        self.ids.bottom.show(shown, on_its_way=self._on_its_way())

    def _count_while_syncing(self, *_: object) -> None:
        if self._counting is not None:
            self._counting.cancel()
        self._counting = Clock.schedule_interval(self._count, LOOK_SECONDS) if self.session.syncing else None

    def _count(self, *_: object) -> None:
        self.ids.bottom.sync_text = self._on_its_way()

    def _on_its_way(self) -> str:
        session = self.session
        if not session.syncing:
            return ""
        return on_its_way(session.sync_desk.watch.at, words.language) or say("sync.running")

    def _show_top(self, shown: Shown) -> None:
        top = self.ids.top
        person = next((row for row in shown.people if row.person == shown.place.person), None)
        top.person = "" if person is None else person.name
        top.can_leave = shown.screen in ("visit", SYNC)
        if shown.screen == SYNC:
            top.title, top.subtitle = say("center.title"), say("center.subtitle")
        elif shown.visit is not None:
            top.title = shown.visit.head.unit
            top.subtitle = joined(shown.visit.head.campaign, shown.visit.head.stage_text)
        else:
            top.title = say("work.title") if person else say("app.name")
            top.subtitle = joined(person.name, person.role_text) if person else ""
        if self.session.practising.on:
            top.subtitle = joined(say("practice.short"), top.subtitle)

    def _on_key(self, _window: object, key: int, *_: object) -> bool:
        """Escape, and Android's back: closes a sheet, then goes one step back."""
        if key != BACK_KEY:
            return False
        if self._cover is not None:
            return True
        if self._sheet is not None:
            self.close()
            return True
        if self.session.place.inspection or self.session.place.pane == SYNC:
            self.session.leave()
            return True
        return False


def _sync_words(row: SyncRow) -> str:
    """The state of the exchange in a word or two; the sheet says it in full."""
    key = f"bar.sync_{row.word}"
    if row.word == "offline" and row.unsent:
        key = "bar.sync_offline_unsent"
    return say(key, count=row.unsent, refused=row.refused)


load_rules(__file__)
