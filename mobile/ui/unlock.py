"""The screen over everything while a PIN is asked for, and when there is nothing to open any more."""

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from kivy.core.window import Window
from kivy.graphics import Color, SmoothEllipse
from kivy.metrics import dp
from kivy.properties import BooleanProperty, NumericProperty, ObjectProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.floatlayout import FloatLayout
from kivy.uix.widget import Widget

from mobile.keyring import PIN_DIGITS, TRIES_MAX, Holder
from mobile.ui.cards import Fact
from mobile.ui.gate import Gate, called
from mobile.ui.kit import load_rules
from mobile.ui.kit_controls import Card, Press, button, gap
from mobile.ui.kit_sheet import Sheet, Shield
from mobile.ui.kit_text import Text
from mobile.ui.people import PersonLine
from mobile.ui.theme import theme
from mobile.ui.words import say, words

CHINA = timezone(timedelta(hours=8))
KEYS = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "erase", "0", "enter")
PROMPTS = {"enter": "unlock.enter", "old": "unlock.old", "set": "unlock.set", "again": "unlock.again"}
KEYPAD_0, BACKSPACE, ENTERS = 256, 8, (13, 271)


class PinKey(Press):
    """One key of the pad."""

    key = StringProperty("")
    icon = StringProperty("")
    word = StringProperty("")
    primary = BooleanProperty(False)


class PinDots(Widget):
    """A dot for each digit, and rings for those that are still to come."""

    count = NumericProperty(0)

    def __init__(self, **looks: Any) -> None:
        super().__init__(**looks)
        for name in ("count", "pos", "size"):
            self.fbind(name, self._draw)
        theme.bind(painted=self._draw)
        self._draw()

    def _draw(self, *_: object) -> None:
        shown, side, step = max(PIN_DIGITS[0], int(self.count)), dp(14), dp(26)
        left = self.center_x - (step * (shown - 1) + side) / 2
        self.canvas.clear()
        with self.canvas:
            for index in range(shown):
                place = (left + index * step, self.center_y - side / 2)
                Color(*(theme.ink if index < self.count else theme.line_strong))
                SmoothEllipse(pos=place, size=(side, side))
                if index >= self.count:
                    edge = dp(1.5)
                    Color(*theme.canvas)
                    SmoothEllipse(
                        pos=(place[0] + edge, place[1] + edge), size=(side - 2 * edge, side - 2 * edge)
                    )


class PinPad(BoxLayout):
    """Whose PIN, how many digits so far, what was wrong, and twelve keys."""

    gate = ObjectProperty(rebind=True)
    prompt = StringProperty("")
    explain = StringProperty("")

    def __init__(self, gate: Gate, **looks: Any) -> None:
        super().__init__(gate=gate, **looks)
        for key in KEYS:
            icon = {"erase": "back", "enter": "check"}.get(key, "")
            one = PinKey(key=key, icon=icon, primary=key == "enter")
            one.bind(on_release=lambda pressed: press(gate, pressed.key))
            self.ids.pad.add_widget(one)

    def said(self, busy: bool, message: str, left: int, wait_seconds: int) -> str:
        """What is said under the dots."""
        return (
            say("unlock.working") if busy and not message else trouble(message, int(left), int(wait_seconds))
        )


class UnlockScreen(Shield, FloatLayout):
    """Covers everything. Takes every touch, so that nothing beneath is reached."""

    language_text = StringProperty("")

    def __init__(self, gate: Gate, **kwargs: Any) -> None:
        self.gate = gate
        super().__init__(**kwargs)
        for name in ("step", "holders", "wiped", "kept", "clock_wrong_ms"):
            gate.fbind(name, self._build)
        words.bind(t=self._build)
        self._build()

    def speak(self) -> None:
        """The other language."""
        words.language = "en" if words.language == "zh" else "zh"

    def on_parent(self, _: object, parent: Widget | None) -> None:
        """Keys of a keyboard type the PIN while the screen is there."""
        (Window.unbind if parent is None else Window.bind)(on_key_down=self._on_key)

    def _on_key(self, _window: object, key: int, *_: object) -> bool:
        if self.gate.step not in PROMPTS:
            return False
        if chr(key).isdigit() if key < 128 else KEYPAD_0 <= key < KEYPAD_0 + 10:
            self.gate.type(chr(key) if key < 128 else str(key - KEYPAD_0))
        elif key == BACKSPACE:
            self.gate.erase()
        elif key in ENTERS:
            self.gate.enter()
        return True

    # --- what is on it ----------------------------------------------------------------------------------

    def _build(self, *_: object) -> None:
        self.language_text = say("menu.language_zh" if words.language == "en" else "menu.language_en")
        body = self.ids.body
        body.clear_widgets()
        gate = self.gate
        if gate.step in PROMPTS:
            explain = say("unlock.set_explain") if gate.step == "set" else ""
            body.add_widget(PinPad(gate, prompt=say(PROMPTS[gate.step]), explain=explain))
        elif gate.step == "people":
            self._people(body)
        elif gate.step:
            card = {"wiped": self._wiped, "damaged": self._damaged, "problem": self._problem}[gate.step]()
            body.add_widget(card)
        if gate.clock_wrong_ms is not None and gate.step in (*PROMPTS, "people"):
            body.add_widget(gap(8))
            told = say("unlock.clock", when=moment(gate.clock_wrong_ms))
            body.add_widget(Fact(icon="date", tone="warn", text=told))

    def _people(self, body: Widget) -> None:
        body.add_widget(Text(content=say("unlock.title"), strong=True, type="title", flow="center"))
        body.add_widget(Text(content=say("unlock.who"), tone="ink_2", flow="center"))
        body.add_widget(gap(8))
        for holder in self.gate.holders:
            detail = "" if holder.left == TRIES_MAX else say("unlock.left", left=holder.left)
            line = PersonLine(person=holder.names.person, name=called(holder.names), detail=detail)
            line.bind(on_release=lambda one: self.gate.ask(one.person))
            body.add_widget(line)
        body.add_widget(gap(8))
        body.add_widget(Text(content=say("unlock.others"), tone="ink_2", type="hint", flow="center"))

    def _wiped(self) -> Card:
        note = self.gate.wiped
        card = self._card("bad", say("wiped.title"))
        told = "wiped.revoked" if note.reason == "revoked" else "wiped.pin"
        cure = "wiped.cure_revoked" if note.reason == "revoked" else "wiped.cure_pin"
        card.add_widget(Text(content=say(told, when=moment(note.at_ms))))
        card.add_widget(Fact(icon="info", tone="accent", text=say(cure)))
        if note.left:
            text = say("wiped.left", count=len(note.left), name=Path(note.left[0]).name)
            card.add_widget(Fact(icon="problem", tone="bad", text=text))
            card.add_widget(self._retry())  # set up anew, it would be tried no more
        else:
            card.add_widget(button(say("wiped.anew"), self.gate.set_up_anew, kind="outline", icon="undo"))
        return card

    def _damaged(self) -> Card:
        kept = self.gate.kept
        card = self._card("bad", say("damaged.title"))
        if kept is None:
            card.add_widget(Text(content=say("damaged.none")))
            card.add_widget(self._retry())
            return card
        facts = {"operations": kept.operations, "received": kept.received}
        card.add_widget(Text(content=say("damaged.copy", when=moment(kept.at_ms), **facts)))
        card.add_widget(Fact(icon="info", tone="accent", text=say("damaged.kept")))
        card.add_widget(button(say("damaged.use"), self.gate.use_copy, kind="primary", icon="check"))
        card.add_widget(self._retry())
        return card

    def _problem(self) -> Card:
        card = self._card("warn", say("problem.title"))
        card.add_widget(Text(content=self.gate.message))
        if self.gate.full:
            card.add_widget(Fact(icon="info", tone="accent", text=say("problem.full")))
        card.add_widget(self._retry())
        return card

    def _retry(self) -> Widget:
        """Back to the beginning: what was in the way may be gone."""
        return button(say("problem.retry"), self.gate.again, kind="outline", icon="sync")

    @staticmethod
    def _card(tone: str, title: str) -> Card:
        card = Card(tone=tone, padding=dp(24), spacing=dp(16))
        card.add_widget(Text(content=title, strong=True, type="title"))
        return card


def press(gate: Gate, key: str) -> None:
    """A key of the pad."""
    if key == "erase":
        gate.erase()
    elif key == "enter":
        gate.enter()
    else:
        gate.type(key)


def forgotten(gate: Gate, person: str, close: Any) -> Sheet:
    """For the leader: whose PIN is to be set anew."""
    sheet = Sheet(title=say("unlock.forgotten"))
    sheet.put(Text(content=say("unlock.forgotten_explain"), tone="ink_2"))

    def line_of(holder: Holder) -> PersonLine:
        def taken(_: object) -> None:
            close()
            gate.take_away(holder)

        line = PersonLine(person=holder.names.person, name=called(holder.names))
        line.bind(on_release=taken)
        return line

    others = [line_of(one) for one in gate.holders if one.names.person != person]
    sheet.put(*others or [Text(content=say("unlock.forgotten_none"))])
    sheet.act(button(say("close"), close, kind="plain"))
    return sheet


def duration(seconds: int) -> str:
    """A wait as people read it: 4:59, or 59:59."""
    return f"{seconds // 60}:{seconds % 60:02}"


def trouble(message: str, left: int, wait_seconds: int) -> str:
    """What is said under the dots: what was wrong, how many tries are left, how long to wait."""
    if wait_seconds:
        return say("unlock.wait", wait=duration(wait_seconds))
    if message:
        return message
    if left == 1:
        return say("unlock.left_one")
    return say("unlock.left", left=left) if 0 < left < TRIES_MAX else ""


def moment(at_ms: int) -> str:
    """A time by the tablet's clock, as it is read in China."""
    return (datetime(1970, 1, 1, tzinfo=CHINA) + timedelta(milliseconds=at_ms, hours=8)).strftime(
        "%Y-%m-%d %H:%M"
    )


load_rules(__file__)
