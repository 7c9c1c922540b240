"""One row of the item list: code and marks, two lines of text, and the answer within thumb's reach.

A row is drawn with eight widgets whatever it shows, so that scrolling stays quick.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from kivy.clock import Clock
from kivy.graphics import Color, Rectangle, SmoothRoundedRectangle
from kivy.metrics import dp
from kivy.properties import BooleanProperty, ListProperty, ObjectProperty, StringProperty
from kivy.uix.behaviors import ButtonBehavior
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.recycleview.views import RecycleDataViewBehavior
from kivy.uix.relativelayout import RelativeLayout
from kivy.utils import escape_markup, get_hex_from_color

from mobile.rows import ItemRow
from mobile.ui.icons import glyph
from mobile.ui.kit_controls import corners
from mobile.ui.kit_rows import Rows
from mobile.ui.kit_text import broken, width_of
from mobile.ui.theme import theme
from mobile.ui.words import say
from shared_schema.operations import Actual, AnswerValue, Count, Present, YesNo

ITEM_LOOKS = {
    "open": ("open", "ink_3", ""),
    "answered": ("answered", "ok", "ok"),
    "problem": ("problem", "bad", "bad"),
    "disputed": ("disputed", "dispute", "dispute"),
    "not_applicable": ("not_applicable", "muted", "muted"),
    "na_without_consent": ("pending", "warn", "warn"),
}
"""By state: its icon, the icon's tone, and the tone of the bar at the left."""
PRESSED = 0.07
BADGE_ICONS = {
    "note": "note",
    "finding": "finding",
    "photo": "camera",
    "photo_allowed": "camera",
    "refused": "refused",
    "remark": "undo",
    "earlier": "history",
    "lead": "search",
}
BADGE_TONES = {"refused": "bad", "remark": "warn", "earlier": "warn", "lead": "warn"}


class Zone(NamedTuple):
    """One part of the quick control: what a tap on it answers, and how it looks."""

    text: str
    icon: str = ""
    tone: str = ""
    """The tone it is filled with when it is the answer that stands."""
    answer: AnswerValue | None = None
    by: int = 0
    """What it adds to a number; then a second tap starts from the first one's, though it is not shown yet."""


def icon_markup(name: str, tone: str, size: float) -> str:
    """An icon in the middle of words."""
    colour = get_hex_from_color(getattr(theme, tone))
    return f"[font=Icons][size={int(size)}][color={colour}]{glyph(name)}[/color][/size][/font]"


def shaded(colour: list[float], ink: list[float], state: str) -> list[float]:
    """The colour of a row, darker by 7 % of the ink under a finger: in one layer, for there are many rows."""
    if state != "down":
        return colour
    return [ground + PRESSED * (dark - ground) for ground, dark in zip(colour[:3], ink[:3], strict=True)] + [
        1
    ]


def line(row: ItemRow, chosen: bool) -> dict[str, Any]:
    """All that an `ItemLine` shows of a row."""
    icon, tone, edge = ITEM_LOOKS[row.state]
    marks = icon_markup(icon, tone, dp(17))
    for badge in row.badges:
        if badge.kind in BADGE_ICONS:
            marks += icon_markup(BADGE_ICONS[badge.kind], BADGE_TONES.get(badge.kind, "ink_3"), dp(15))
    zones = zones_of(row)
    return {
        "key": row.item,
        "code": row.code,
        "marks": marks,
        "content": row.text,
        "edge": edge,
        "chosen": chosen,
        "zones": list(zones),
        "active": row.may_answer and any(zone.answer is not None for zone in zones),
        "row": row,
    }


def zones_of(row: ItemRow) -> tuple[Zone, ...]:
    """The quick control of a row; one zone of words where the item has to be opened to be answered."""
    quick = _ZONES.get(row.control)
    if (
        quick is None
        or not row.may_answer
        or row.state in ("disputed", "not_applicable", "na_without_consent")
    ):
        return (Zone(row.summary or row.state_text, tone=ITEM_LOOKS[row.state][1]),)
    return quick(row.value)


def _yes_no(value: AnswerValue | None) -> tuple[Zone, ...]:
    ok = value.ok if isinstance(value, YesNo) else None
    return (
        Zone(say("yes_no.yes"), "check", "ok" if ok is True else "", YesNo(True)),
        Zone(say("yes_no.no"), "close", "bad" if ok is False else "", YesNo(False)),
    )


def _present(value: AnswerValue | None) -> tuple[Zone, ...]:
    present = value.present if isinstance(value, Present) else None
    return (
        Zone(say("present.no"), "", "ok" if present is False else "", Present(False)),
        Zone(say("present.yes"), "", "bad" if present is True else "", Present(True)),
    )


def _count(value: AnswerValue | None) -> tuple[Zone, ...]:
    if not isinstance(value, Count):
        return (Zone(say("count.none"), "check", "", Count(0)), Zone("", "plus", "", Count(1), 1))
    return (
        Zone("", "minus", "", Count(value.count - 1) if value.count else None, -1),
        Zone(f"{value.count}", "", "bad" if value.count else "ok"),
        Zone("", "plus", "", Count(value.count + 1), 1),
    )


def _actual(value: AnswerValue | None) -> tuple[Zone, ...]:
    if not isinstance(value, Actual):
        return (Zone("0", "", "", Actual(0)), Zone("", "plus", "", Actual(1), 1))
    return (
        Zone("", "minus", "", Actual(value.actual - 1) if value.actual else None, -1),
        Zone(f"{value.actual}", "", "accent"),
        Zone("", "plus", "", Actual(value.actual + 1), 1),
    )


_ZONES: dict[str, Callable[[AnswerValue | None], tuple[Zone, ...]]] = {
    "yes_no": _yes_no,
    "present": _present,
    "count": _count,
    "actual": _actual,
}


class Quick(BoxLayout):
    """Up to three zones in one frame; a lone zone is words without a frame."""

    zones = ListProperty()
    active = BooleanProperty(False)
    __events__ = ("on_zone",)

    def __init__(self, **kwargs: Any) -> None:
        self._pressed: int | None = None
        self._framed: tuple[object, ...] = ()
        super().__init__(**kwargs)
        # A row that is filled anew sets several of these: it is drawn once, with the next frame.
        draw = Clock.create_trigger(self._draw, 0)
        for name in ("zones", "active", "pos", "size"):
            self.fbind(name, draw)
        theme.bind(palette=draw)

    def _labels(self) -> list[Any]:
        left, middle, right = (self.ids[name] for name in ("left", "middle", "right"))
        return {1: [middle], 2: [left, right], 3: [left, middle, right]}[max(1, len(self.zones))]

    def _draw(self, *_: object) -> None:
        if not self.zones or not self.ids:
            return
        shown = self._labels()
        for label in (self.ids.left, self.ids.middle, self.ids.right):
            if label not in shown:
                label.text, label.size_hint_x, label.width = "", None, 0
        if len(shown) == 1:
            self._say(self.zones[0])
        else:
            for label, zone in zip(shown, self.zones, strict=True):
                label.size_hint_x = 1
                self._write(label, zone)
        self._frame()

    def _say(self, zone: Zone) -> None:
        """Words on at most two lines, and a chevron: the item has to be opened to be answered."""
        words, chevron = self.ids.middle, self.ids.right
        chevron.size_hint_x, chevron.width, chevron.text_size = None, dp(20), (None, None)
        chevron.text = icon_markup("chevron", "ink_3", dp(20))
        room = int(self.width - dp(24))
        words.size_hint_x, words.font_size = 1, theme.hint
        words.halign, words.text_size = "right", (room, None)
        words.color = theme.ink_2 if zone.tone in ("ink_3", "muted") else theme.tone(zone.tone)
        words.text = escape_markup(broken(zone.text, room - 1, "Sans", theme.hint, 2))

    def _write(self, label: Any, zone: Zone) -> None:
        filled = bool(zone.tone)
        tone = "accent_ink" if filled and zone.answer is not None else zone.tone or "ink"
        label.font_size, label.halign, label.text_size = theme.body, "center", (None, None)
        label.color = getattr(theme, tone)
        icon_tone = tone if filled or zone.text else "accent" if zone.answer is not None else "muted"
        icon = icon_markup(zone.icon, icon_tone, dp(20 if not zone.text else 17)) if zone.icon else ""
        words = escape_markup(zone.text)
        room = int(self.width / len(self.zones) - dp(8))
        if not icon and width_of(zone.text, "Strong", theme.body) > room:
            label.font_size = theme.hint
            words = escape_markup(broken(zone.text, room, "Strong", theme.hint, 2))
        label.text = (
            f"{icon} {words}"
            if icon and words
            else icon or (f"[font=Strong]{words}[/font]" if filled else words)
        )

    def _frame(self) -> None:
        """The lines around the zones and what fills one of them; most rows that follow each other have the same."""
        filled = [zone.tone if zone.answer is not None else "" for zone in self.zones]
        framed = (filled, self.active, *self.pos, *self.size, theme.palette)
        if framed == self._framed:
            return
        self._framed = framed
        group = self.canvas.before
        group.clear()
        if len(filled) < 2 or not self.active:
            return
        thin, low, high = theme.hairline, self.y + dp(2), self.height - dp(4)
        with group:
            Color(*theme.line_strong)
            SmoothRoundedRectangle(pos=(self.x, low), size=(self.width, high), radius=[theme.radius])
            Color(*theme.surface)
            SmoothRoundedRectangle(
                pos=(self.x + thin, low + thin),
                size=(self.width - 2 * thin, high - 2 * thin),
                radius=[theme.radius - thin],
            )
            step = self.width / len(filled)
            for index, tone in enumerate(filled):
                left = self.x + index * step
                if tone:
                    edge = "left" if index == 0 else "right" if index == len(filled) - 1 else ""
                    Color(*theme.tone(tone))
                    SmoothRoundedRectangle(
                        pos=(left, low), size=(step, high), radius=corners(edge, theme.radius)
                    )
                elif index:
                    Color(*theme.line)
                    Rectangle(pos=(left, low + dp(8)), size=(thin, high - dp(16)))

    def zone_at(self, x: float) -> int:
        return min(len(self.zones) - 1, max(0, int((x - self.x) / self.width * len(self.zones))))

    def on_touch_down(self, touch: Any) -> bool:
        if self.active and self.collide_point(*touch.pos):
            touch.grab(self)
            self._pressed = self.zone_at(touch.x)
            return True
        return False

    def on_touch_up(self, touch: Any) -> bool:
        if touch.grab_current is not self:
            return False
        touch.ungrab(self)
        pressed, self._pressed = self._pressed, None
        if self.collide_point(*touch.pos) and pressed == self.zone_at(touch.x):
            self.dispatch("on_zone", pressed)
        return True

    def on_zone(self, index: int) -> None:
        """A zone was tapped."""


class ItemLine(RecycleDataViewBehavior, ButtonBehavior, RelativeLayout):
    """One item of the list. Its parts have their places in the row, so that a row that moves is not laid out anew."""

    key = StringProperty("")
    code = StringProperty("")
    marks = StringProperty("")
    content = StringProperty("")
    edge = StringProperty("")
    chosen = BooleanProperty(False)
    zones = ListProperty()
    active = BooleanProperty(False)
    row = ObjectProperty(None, allownone=True)
    choose: Callable[[str], None]
    answer: Callable[[ItemRow, AnswerValue, int], None]

    def __init__(self, **kwargs: Any) -> None:
        self._soon = Clock.create_trigger(self._take_in, 0)
        super().__init__(**kwargs)
        # All at once would be felt in a scrolled list: words first, the quick control with the next frame, the code
        # with the one after. By then the row is not in sight yet (`Rows`).
        write = Clock.create_trigger(self._write_code, 0)
        later = Clock.create_trigger(lambda *_: write(), 0)
        self.fbind("code", later)
        self.fbind("marks", later)

    def refresh_view_attrs(self, rv: Rows, index: int, data: dict[str, Any]) -> None:
        """Takes the row in: at once where it is seen; one that only comes near costs that frame its place alone."""
        self._taken = rv, index, data
        if rv.in_sight(index):
            self._take_in()
        else:
            self._soon()

    def _take_in(self, *_: object) -> None:
        self._soon.cancel()
        super().refresh_view_attrs(*self._taken)

    def do_layout(self, *_: object) -> None:
        """Nothing: every part says where it is."""

    def _write_code(self, *_: object) -> None:
        self.ids.code.text, self.ids.marks.text = self.code, self.marks

    def on_release(self) -> None:
        ItemLine.choose(self.key)

    def touch_zone(self, index: int) -> None:
        zone: Zone = self.zones[index]
        if zone.answer is not None and self.row is not None:
            ItemLine.answer(self.row, zone.answer, zone.by)
        elif self.row is not None and not zone.text:
            return
        else:
            ItemLine.choose(self.key)
