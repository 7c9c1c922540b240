"""Between the unlock screen and the door: which step of entering a PIN it is, and what became of it.

The door is worked on the worker's thread. A PIN is held here while it is typed, and nowhere afterwards.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from kivy.clock import Clock
from kivy.event import EventDispatcher
from kivy.properties import BooleanProperty, NumericProperty, ObjectProperty, StringProperty

from mobile.door import Door, Look, Opened, Seen
from mobile.good_copy import Kept
from mobile.keyring import PIN_DIGITS, Holder, Names, check_pin
from mobile.ui.memory import memory
from mobile.ui.session import Session
from mobile.ui.shown import Shown
from mobile.ui.theme import PALETTES, theme
from mobile.ui.tools import Begin, Wire
from mobile.ui.words import say, sentence, words
from mobile.wipe import Reason, Wiped
from mobile.worker import Worker
from shared_schema.problems import Problem

SURE_SECONDS = 0.6
"""After a wrong PIN the pad is still so long, so that a finger does not run on into the next try."""


class Started(NamedTuple):
    """What the first look at the door found."""

    seen: Seen
    opened: Opened | None
    problem: Problem | None


class Gate(EventDispatcher):
    """Who comes in. `step` names what the unlock screen shows; empty while the tablet is open and at work."""

    step = StringProperty("")
    """people, enter, old, set, again, wiped, damaged, problem."""
    name = StringProperty("")
    digits = NumericProperty(0)
    message = StringProperty("")
    full = BooleanProperty(False)  # no room on the disk to open it
    left = NumericProperty(0)
    wait_seconds = NumericProperty(0)
    busy = BooleanProperty(False)
    protected = BooleanProperty(False)
    """Whether anybody has a PIN, so that there is something to lock."""
    holders = ObjectProperty(())
    wiped = ObjectProperty(None, allownone=True)
    kept = ObjectProperty(None, allownone=True)
    clock_wrong_ms = ObjectProperty(None, allownone=True)

    def __init__(self, worker: Worker, door: Door, wire: Wire, session: Session, begin: Begin) -> None:
        super().__init__()
        self._worker, self._door, self._wire, self._session = worker, door, wire, session
        self._begin = begin
        self._refused: Callable[[str], None] = lambda _: None
        self._names = Names("", "")
        self._pin, self._first, self._old = "", "", ""
        self._open = False
        self._idle_seconds = 0.0
        self._idle: Any = None
        session.ask_for = self.ask
        self._said: Callable[[], str] = str
        words.bind(language=lambda *_: self._remember(), t=lambda *_: self._say_again())
        theme.bind(palette=lambda *_: self._remember())
        session.bind(on_revoked=lambda *_: self.destroy("revoked"))

    def start(self, refused: Callable[[str], None]) -> None:
        """Shows who may unlock, or goes straight on where nobody has set a PIN yet."""
        self._refused = refused
        look = self._door.look()
        words.language = self._begin.language or look.language
        theme.palette = look.palette if look.palette in PALETTES else "light"
        self.busy = True
        self._worker.call(self._first_look, self._started, self._cannot)

    def _first_look(self) -> Started:
        seen = self._door.seen()
        if seen.wiped is not None or seen.holders:
            return Started(seen, None, None)
        try:
            return Started(seen, self._door.open_unprotected(), None)
        except Problem as problem:
            return Started(seen, None, problem)

    def _started(self, found: Started) -> None:
        self._see(found.seen)
        self.busy = False
        if found.problem is not None:
            self._cannot(found.problem)
        elif found.opened is not None:
            self._admit(found.opened, "")
        elif found.seen.wiped is None:
            self._choose()
            known = self._holder(self._begin.person)
            if known is not None:
                self.pick(known)

    def _admit(self, opened: Opened, person: str) -> None:
        self._open, self.step = True, ""
        self._begin = self._begin._replace(language=words.language)
        self._session.admit(self._wire(opened), person, self._begin, self._refused)
        # The code and the person of the command line are for its first opening.
        self._begin = self._begin._replace(code="", person="")
        self.touch()

    def lock(self) -> None:
        """Locks at once: the screen is covered first, the store closed and the keys forgotten after what is running."""
        if not self._open or not self.protected:
            return
        self._open = False
        # What was typed in the last half second is written before the store is closed.
        memory.write()
        self._session.shut()
        self._choose()
        here = self._holder(self._session.signed or "")
        if here is not None:
            self.pick(here)

        def locked() -> Seen:
            self._door.lock()
            return self._door.seen()

        self._worker.call(locked, self._see, self._cannot)

    def lock_after(self, seconds: float) -> None:
        """Locks by itself when nothing has been touched for so long; 0: never."""
        self._idle_seconds = seconds
        self.touch()

    def touch(self) -> None:
        """Somebody is there."""
        if self._idle is not None:
            self._idle.cancel()
        if self._idle_seconds and self._open:
            self._idle = Clock.schedule_once(lambda _: self.lock(), self._idle_seconds)

    def crashed(self, err: Exception) -> None:
        """A bug, logged by the worker: the person is told, and can try again."""
        self.busy = False
        self._tell(partial(say, "failed.store"))
        self._session.crashed(err)

    # --- who --------------------------------------------------------------------------------------------

    def pick(self, holder: Holder) -> None:
        """Somebody with a PIN was chosen."""
        self._ask("enter", holder.names)
        self._told(holder)

    def ask(self, person: str) -> None:
        """Somebody was chosen while the tablet is open: their PIN, or their first one."""
        holder = self._holder(person)
        if holder is not None:
            self.pick(holder)
            self._worker.call(self._door.seen, self._see, self._failed)
            return
        shown: Shown | None = self._session.shown
        row = next((one for one in shown.people if one.person == person), None) if shown else None
        if row is not None:
            self._ask("set", Names(person, row.name_zh, row.name_en))

    def change(self) -> None:
        """The person at work wants another PIN."""
        holder = self._holder(self._session.place.person)
        if holder is not None:
            self._ask("old", holder.names)
            self._told(holder)

    def cancel(self) -> None:
        """Back: to the names, or, the tablet being open, to where one was."""
        if self.busy or self.step not in ("enter", "old", "set", "again"):
            return
        self._forget()
        if self._open:
            self.step = ""
        else:
            self._choose()

    def take_away(self, holder: Holder) -> None:
        """The leader takes away a forgotten PIN."""

        def taken() -> Seen:
            self._door.take_pin_away(holder.names.person)
            return self._door.seen()

        def told(seen: Seen) -> None:
            self._see(seen)
            self._session.dispatch("on_told", say("unlock.taken_away", name=called(holder.names)), "check")

        self._worker.call(taken, told, self._failed)

    # --- the pad ----------------------------------------------------------------------------------------

    def type(self, digit: str) -> None:
        """One digit."""
        if self.busy or self.wait_seconds or len(self._pin) >= PIN_DIGITS[1]:
            return
        self._pin += digit
        self.digits = len(self._pin)

    def erase(self) -> None:
        """The last digit was not meant."""
        if not self.busy:
            self._pin = self._pin[:-1]
            self.digits = len(self._pin)

    def enter(self) -> None:
        """The PIN is whole."""
        if self.busy or self.wait_seconds or not self._pin:
            return
        pin, self._pin, self.digits, self.message = self._pin, "", 0, ""
        {"enter": self._enter, "old": self._enter_old, "set": self._enter_new, "again": self._enter_again}[
            self.step
        ](pin)

    def _enter(self, pin: str) -> None:
        person = self._names.person
        if self._open:
            self._try(partial(self._door.prove, person, pin), lambda _: self._signed_in(person))
        else:
            self._try(partial(self._door.unlock, person, pin), lambda opened: self._admit(opened, person))

    def _enter_old(self, pin: str) -> None:
        def proven(_: None) -> None:
            self._old = pin
            self._next("set")

        self._try(partial(self._door.prove, self._names.person, pin), proven)

    def _enter_new(self, pin: str) -> None:
        try:
            check_pin(pin)
        except Problem as problem:
            self._tell(partial(sentence, problem))
        else:
            self._first = pin
            self._next("again")

    def _enter_again(self, pin: str) -> None:
        if pin != self._first:
            self._next("set")
            self._tell(partial(say, "unlock.differ"))
            return
        names, old = self._names, self._old
        if old:
            self._try(partial(self._door.change_pin, names.person, old, pin), lambda _: self._changed())
        else:
            self._try(partial(self._door.give_pin, names, pin), lambda _: self._signed_in(names.person))

    def _try(self, run: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Something that takes a moment; then who has a PIN, and how many tries are left, is looked at anew."""
        self.busy = True

        def both() -> tuple[Any, Seen]:
            result = run()
            return result, self._door.seen()

        def done(found: tuple[Any, Seen]) -> None:
            result, seen = found
            self.busy = False
            self._see(seen)
            self._forget()
            then(result)

        self._worker.call(both, done, self._failed)

    def _signed_in(self, person: str) -> None:
        self.step = ""
        self._session.sign_in(person)

    def _changed(self) -> None:
        self.step = ""
        self._session.dispatch("on_told", say("unlock.changed"), "check")

    # --- what went wrong --------------------------------------------------------------------------------

    def _failed(self, problem: Problem) -> None:
        """A wrong PIN, or what was found behind the door."""
        self._tell(str if problem.code == "pin_wait" else partial(sentence, problem))
        if problem.code == "store_damaged":
            self._worker.call(self._door.kept, self._damaged, self._cannot)
            return
        if not problem.code.startswith("pin_"):
            self._cannot(problem)
            return
        if problem.code == "pin_spent":
            self._shut()
        self._worker.call(self._door.seen, self._after_wrong, self._cannot)

    def _after_wrong(self, seen: Seen) -> None:
        self._see(seen)
        Clock.schedule_once(lambda _: setattr(self, "busy", False), SURE_SECONDS)

    def _damaged(self, kept: Kept | None) -> None:
        self.busy, self.kept, self.step = False, kept, "damaged"

    def _cannot(self, problem: Problem) -> None:
        if problem.code == "store_damaged":
            self._failed(problem)
            return
        self.full = problem.code == "disk_full"
        self._tell(partial(sentence, problem))
        self.busy, self.step = False, "problem"

    def use_copy(self) -> None:
        """The last good copy takes the place of a damaged store."""
        person = self._names.person
        self._try(self._door.use_copy, lambda opened: self._admit(opened, person))

    def again(self) -> None:
        """Tries to open once more."""
        self.message, self.step = "", ""
        self.start(self._refused)

    def destroy(self, reason: Reason) -> None:
        """Destroys keys and data for good, and says so."""
        self._shut()
        self._worker.call(lambda: self._door.destroy(reason), self._gone, self._cannot)

    def set_up_anew(self) -> None:
        """After a wipe: the tablet is a new one."""
        self.step, self.wiped = "", None
        self._worker.call(self._door.set_up_anew, lambda _: self.again(), self._cannot)

    def _shut(self) -> None:
        self._open = False
        self._session.shut()
        self._session.shown = None

    def _gone(self, note: Wiped) -> None:
        self.busy, self.wiped, self.holders, self.protected, self.step = False, note, (), False, "wiped"

    # --- small ------------------------------------------------------------------------------------------

    def _holder(self, person: str) -> Holder | None:
        return next((one for one in self.holders if one.names.person == person), None)

    def _choose(self) -> None:
        self._forget()
        self.step = "people"

    def _ask(self, step: str, names: Names) -> None:
        self._forget()
        self._names, self.name = names, called(names)
        self.step = step

    def _next(self, step: str) -> None:
        self._pin, self.digits, self.step = "", 0, step

    def _forget(self) -> None:
        self._pin = self._first = self._old = ""
        self.digits, self.message, self.left, self.wait_seconds = 0, "", 0, 0

    def _see(self, seen: Seen) -> None:
        self.holders, self.protected = seen.holders, bool(seen.holders)
        self.clock_wrong_ms = seen.clock_wrong_ms
        if seen.wiped is not None:
            self._gone(seen.wiped)
            return
        holder = self._holder(self._names.person)
        if holder is not None and self.step in ("enter", "old"):
            self._told(holder)

    def _told(self, holder: Holder) -> None:
        self.left = holder.left
        self.wait_seconds = holder.wait_seconds
        Clock.unschedule(self._tick)
        if holder.wait_seconds:
            Clock.schedule_interval(self._tick, 1)

    def _tick(self, _: float) -> bool:
        self.wait_seconds = max(0, self.wait_seconds - 1)
        return self.wait_seconds > 0

    def _tell(self, said: Callable[[], str]) -> None:
        """Says what went wrong; in the other language too, when that is chosen while it stands there."""
        self._said = said
        self.message = said()

    def _say_again(self) -> None:
        self.name = called(self._names)
        if self.message:
            self.message = self._said()

    def _remember(self) -> None:
        look = Look(words.language, theme.palette)
        if look != self._door.look():
            self._worker.call(lambda: self._door.remember(look))


def called(names: Names) -> str:
    """A person's name in the language shown."""
    return names.en if words.language == "en" and names.en else names.zh
