"""Drives the tablet's screens in this process: pumps Kivy's loop, touches, types, waits, takes pictures.

Importing this imports Kivy, which may open a window; so only fixtures of screen tests import it.
"""

import gc
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

for _key, _value in (("WIDTH", "1280"), ("HEIGHT", "800"), ("MAXFPS", "0"), ("MULTISAMPLES", "0")):
    os.environ.setdefault(f"KCFG_GRAPHICS_{_key}", _value)

from kivy.animation import Animation  # noqa: E402
from kivy.base import EventLoop, runTouchApp, stopTouchApp  # noqa: E402
from kivy.clock import Clock  # noqa: E402
from kivy.core.window import Window  # noqa: E402
from kivy.metrics import dp  # noqa: E402
from kivy.tests.common import UnitTestTouch  # noqa: E402

from mobile.actions import Desk  # noqa: E402
from mobile.app import HuchaApp, post  # noqa: E402
from mobile.door import Door, Opened  # noqa: E402
from mobile.keyring import Strength  # noqa: E402
from mobile.settings import Settings  # noqa: E402
from mobile.ui.collector import PASSES_MAX  # noqa: E402
from mobile.ui.gate import Gate  # noqa: E402
from mobile.ui.items import ItemLine  # noqa: E402
from mobile.ui.session import Session  # noqa: E402
from mobile.ui.theme import theme  # noqa: E402
from mobile.ui.tools import Begin, Tools  # noqa: E402
from mobile.ui.words import words  # noqa: E402
from mobile.worker import Worker  # noqa: E402
from shared_schema.ids import InspectionId  # noqa: E402
from shared_schema.inspection import Inspection  # noqa: E402
from shared_schema.locale.filling import fill  # noqa: E402

WAIT_SECONDS = 60
WAIT_STEP_SECONDS = 0.002
FRAMES_TO_REST = 20
PATIENCE_SECONDS = 5
STILL_SECONDS, FRAMES_STILL = 0.1, 3
"""What is due sooner still moves: a sheet that slides, a page that is made a part a frame."""


class Driver:
    """One running app and a finger."""

    def __init__(self, app: HuchaApp) -> None:
        self.app = app
        self.bugs: list[Exception] = []
        app._run_prepare()
        runTouchApp(embedded=True)
        self.settle()

    @property
    def session(self) -> Session:
        return self.app.session

    @property
    def gate(self) -> Gate:
        """The door's side of the screens."""
        assert self.app.gate is not None, "the app was started without a door"
        return self.app.gate

    @property
    def root(self) -> Any:
        return self.app.shell

    # --- time ------------------------------------------------------------------------------------------

    def pump(self, count: int = 1) -> None:
        for _ in range(count):
            EventLoop.idle()

    def settle(self, seconds: float = 0) -> None:
        """Lets the store's thread answer, sheets slide and layouts come to rest: so many frames, at least so long."""
        answered: list[None] = []
        self.session._worker.call(lambda: None, answered.append)
        until = time.monotonic() + seconds
        self._idle_while(lambda: not answered)
        self._idle_while(_sliding)
        frames = 0
        while time.monotonic() < until or frames < FRAMES_TO_REST:
            EventLoop.idle()
            frames += 1

    def rest(self) -> None:
        """Lets all that was asked for come, and nothing move any more; sooner than `settle` where that is little."""
        for _ in range(2):
            answered: list[None] = []
            self.session._worker.call(lambda: None, answered.append)
            self.session.photo_desk.later(lambda: None, answered.append)
            self._idle_while(partial(_fewer, answered, 2))
            self._idle_while(partial(self._still, [0]))

    def _still(self, frames: list[int]) -> bool:
        """One frame; whether another is needed before three have passed in which nothing was under way."""
        moving = any(one.timeout < STILL_SECONDS for one in Clock.get_events())
        frames[0] = 0 if moving else frames[0] + 1
        return frames[0] < FRAMES_STILL

    def _idle_while(self, condition: Callable[[], object]) -> None:
        """Goes on while something is under way; what a test holds up is not waited for for ever."""
        end = time.monotonic() + PATIENCE_SECONDS
        while condition() and time.monotonic() < end:
            self._wait()

    def until(self, condition: Callable[[], object]) -> None:
        """Waits for what the worker brings."""
        end = time.monotonic() + WAIT_SECONDS
        while not condition():
            assert not self.bugs, self.bugs
            assert time.monotonic() < end, f"nothing happened; the screen says {self.texts()}"
            self._wait()
        self.pump(3)

    def _wait(self) -> None:
        """A frame, and a moment in which whatever is waited for has the interpreter to itself."""
        EventLoop.idle()
        time.sleep(WAIT_STEP_SECONDS)

    def shown(self, act: Callable[[], object]) -> None:
        """Does something, and waits until other rows are shown, in all panes of a visit that is entered."""
        before = self.session.shown
        act()
        self.until(lambda: self.session.shown is not before)
        self._idle_while(self._entering)

    def _entering(self) -> bool:
        screens = self.app.screens
        return "visit" in screens._made and bool(screens["visit"].parent) and not screens["visit"].whole

    # --- the finger ------------------------------------------------------------------------------------

    def tap_at(self, x: float, y: float) -> None:
        touch = UnitTestTouch(x, y)
        touch.touch_down()
        self.pump(2)
        touch.touch_up()
        # A scroll view lets go of what a short tap pressed a fifth of a second later.
        self._idle_while(lambda: touch.grab_list)
        self.pump(3)

    def tap(self, widget: Any, across: float = 0.5) -> None:
        """Taps a widget in its middle, or at a fraction of its width."""
        x, y = widget.to_window(widget.x + widget.width * across, widget.center_y)
        assert 0 <= x <= Window.width, f"{widget} is beside the screen"
        assert 0 <= y <= Window.height, f"{widget} is above or below the screen"
        self.tap_at(x, y)

    def drag(self, path: Sequence[tuple[float, float]]) -> None:
        """A finger goes along these points of the window."""
        touch = UnitTestTouch(*path[0])
        touch.touch_down()
        self.pump()
        for x, y in path[1:]:
            touch.touch_move(x, y)
            self.pump()
        touch.touch_up()
        self.pump(2)

    def press(self, key: str, **facts: object) -> None:
        """Taps the button that says these words."""
        self.tap(self.pressable(fill(words.t[key], facts)))

    def type_into(self, field: Any, text: str) -> None:
        """Types into a field."""
        entry = field.ids.entry
        entry.focus = True
        self.pump(2)
        entry.select_all()
        entry.delete_selection()
        Window.dispatch("on_textinput", text)
        self.pump(2)
        entry.focus = False
        self.pump(2)

    def scroll_to(self, widget: Any) -> None:
        """Brings a widget of a scroll view onto the screen, above where the snackbar may be."""
        parent = widget.parent
        while type(parent).__name__ != "ScrollView":
            assert parent is not Window, f"{widget} is in nothing that scrolls"
            parent = parent.parent
        parent.scroll_to(widget, padding=dp(72), animate=False)
        self.pump(5)

    # --- what is on the screen -------------------------------------------------------------------------

    def widgets(self, kind: str) -> Iterator[Any]:
        """Every widget of a class that is on the screen, in the order of the tree."""
        for widget in self.root.walk(restrict=True):
            if type(widget).__name__ == kind:
                yield widget

    def widget(self, kind: str, **looks: object) -> Any:
        """The widget of a class that looks like this."""
        for widget in self.widgets(kind):
            if all(getattr(widget, name) == value for name, value in looks.items()):
                return widget
        raise AssertionError(f"no {kind} with {looks} is on the screen")

    def pressable(self, text: str) -> Any:
        """The topmost thing to press that says this."""
        found = [
            widget
            for widget in self.root.walk(restrict=True)
            if hasattr(widget, "on_release") and getattr(widget, "text", None) == text and widget.width > 1
        ]
        assert found, f"nothing to press says {text!r}"
        return found[-1]

    def pressable_icon(self, icon: str) -> Any:
        """The button that is this icon."""
        return self.widget("IconPush", icon=icon)

    def texts(self) -> set[str]:
        """Every text on the screen."""
        found = set()
        for widget in self.root.walk(restrict=True):
            for name in ("content", "text"):
                value = getattr(widget, name, None)
                if isinstance(value, str) and value:
                    found.add(value)
        return found

    def row(self, item: str) -> ItemLine:
        """The row of an item."""
        row: ItemLine = self.widget("ItemLine", key=item)
        return row

    def field(self, key: str) -> Any:
        """The field with this label."""
        return self.widget("Field", label=words.t[key])

    # --- what is in the store -------------------------------------------------------------------------

    def inspection(self, inspection: str) -> Inspection:
        """The inspection as the store has it."""
        found: list[Inspection] = []
        desk = self.session._tools.desk
        self.session._worker.call(lambda: desk.visit(InspectionId(inspection)).inspection, found.append)
        self.until(lambda: found)
        return found[0]

    # --- pictures --------------------------------------------------------------------------------------

    def seen(self) -> Any:
        """What is on the screen, as a picture of Pillow."""
        from kivy.graphics.opengl import GL_RGB, GL_UNSIGNED_BYTE, glReadPixels
        from PIL import Image

        self.rest()
        self._fade_bars()
        # Without this the back buffer has been swapped away, and the picture is black.
        type(Window).on_draw(Window)
        pixels = glReadPixels(0, 0, *Window.size, GL_RGB, GL_UNSIGNED_BYTE)
        return Image.frombytes("RGB", Window.size, pixels).transpose(Image.Transpose.FLIP_TOP_BOTTOM)

    def _fade_bars(self) -> None:
        """Bars fade a second after what they stand beside was scrolled: on a picture they have faded, however soon."""
        for view in self.root.walk(restrict=True):
            if hasattr(view, "bar_inactive_color"):
                Animation.cancel_all(view, "_bar_color")
                view._bar_color = view.bar_inactive_color
        self.pump()

    def draw_only_what_is_kept(self) -> None:
        """Nothing is drawn but what `seen` takes: drawing in software takes nine tenths of a frame."""
        Window.on_draw = Window.on_flip = lambda *_: None

    def picture(self, path: Path) -> None:
        """What is on the screen, as a PNG."""
        self.seen().save(path)


def _sliding() -> bool:
    """Whether something moves. A bar that fades for two seconds after its pane was filled is in nobody's way."""
    return any(set(one.animated_properties) != {"_bar_color"} for one in Animation._instances)


def _fewer(than: Sequence[object], count: int) -> bool:
    return len(than) < count


@contextmanager
def _left_as_found() -> Iterator[None]:
    """What lives as long as the process lets go of an app that has ended; or each test would carry all before it."""
    gc.collect()
    # What is left is the process's own, and stays: a pass over all of it takes a second, and a test had three.
    gc.freeze()
    thresholds = gc.get_threshold()
    gc.set_threshold(*thresholds[:2], PASSES_MAX)
    lasting = ((Window, Window.events()), (theme, theme.properties()), (words, words.properties()))
    found = [
        (who, name, who.get_property_observers(name, args=True)) for who, names in lasting for name in names
    ]
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        for child in Window.children[:]:
            Window.remove_widget(child)
        for who, name, before in found:
            for one in who.get_property_observers(name, args=True):
                if one not in before:
                    _let_go(who, name, *one)


def _let_go(
    who: Any, name: str, callback: Any, _largs: Any, _kwargs: Any, weak: bool, uid: int | None
) -> None:
    if uid:
        who.unbind_uid(name, uid)
    elif (method := callback() if weak else callback) is not None:
        who.unbind(**{name: method})


@contextmanager
def behind_a_door(
    settings: Settings,
    clock: Callable[[], int],
    *,
    lock_seconds: float = 0,
    photos: Callable[[Opened], Any] = lambda _: None,
    **begin: str,
) -> Iterator[Driver]:
    """The app as a start of the program makes it: nothing is open until somebody has unlocked."""
    with _left_as_found():
        bugs: list[Exception] = []
        worker = Worker(post, bugs.append)
        session, asked = Session(worker), Begin(**begin)
        door = Door(settings, os.urandom, clock, Strength(passes=1, memory_kib=8, lanes=1))

        def wire(opened: Opened) -> Tools:
            desk = Desk(opened.store, os.urandom, clock)
            return Tools(opened.store, desk, lambda _: None, os.urandom, photos=photos(opened))  # type: ignore[arg-type, return-value]

        gate = Gate(worker, door, wire, session, asked)
        app = HuchaApp(session, asked, gate, lock_seconds=lock_seconds)
        try:
            driver = Driver(app)
            driver.bugs = bugs
            driver.until(lambda: gate.step or session.shown is not None)
            yield driver
            assert bugs == []
        finally:
            session.photo_desk.stop()
            app.stop()
            stopTouchApp()
            worker.stop()
            door.lock()


@contextmanager
def running(
    store: Any,
    desk: Any,
    connect: Any = None,
    meeting: Any = None,
    photos: Any = None,
    prove: Any = None,
    practise: Any = None,
    **begin: str,
) -> Iterator[Driver]:
    """The app over an open store, closed whatever happens; `meeting` makes what the sync center works with."""
    with _left_as_found():
        bugs: list[Exception] = []
        worker = Worker(post, bugs.append)
        made = None if meeting is None else meeting(worker)
        tools = Tools(store, desk, connect, os.urandom, prove, made, photos, practise)
        app = HuchaApp(Session(worker, tools), Begin(**begin))
        driver = None
        try:
            driver = Driver(app)
            driver.bugs = bugs
            driver.until(lambda: driver.session.shown is not None)
            yield driver
            assert bugs == []
        finally:
            app.session.sync_desk.stop()
            app.session.photo_desk.stop()
            app.stop()
            stopTouchApp()
            worker.stop()
            store.close()
