"""The sync center: what is where and who has signed for it, colleagues' tablets, packages, storage, diagnostics."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from kivy.clock import Clock
from kivy.graphics.texture import Texture
from kivy.metrics import dp
from kivy.properties import BooleanProperty, NumericProperty, ObjectProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.widget import Widget

from mobile import sync_views
from mobile.ui import sheets_packages
from mobile.ui.cards import Fact, Said
from mobile.ui.gradually import Gradually
from mobile.ui.kit import load_rules
from mobile.ui.kit_controls import Card, Rule, button
from mobile.ui.kit_sheet import Sheet
from mobile.ui.kit_text import Text
from mobile.ui.package_desk import LOOK_SECONDS, Folders
from mobile.ui.session import Session
from mobile.ui.shown import Shown
from mobile.ui.words import say, words
from shared_schema.ids import OpId

TWO_COLUMNS_DP = 1000
QUIET_ZONE = 4
"""Empty modules around a square code, without which scanners do not find it."""


class FigureLine(BoxLayout):
    """A number with its word."""

    label = StringProperty("")
    number = StringProperty("")
    tone = StringProperty("ink")
    part = BooleanProperty(False)


class PeerLine(BoxLayout):
    """Another tablet of the squad; a known address can be met again with one tap."""

    name = StringProperty("")
    detail = StringProperty("")
    tone = StringProperty("ink_2")
    act = StringProperty("")
    busy = BooleanProperty(False)
    __events__ = ("on_meet",)

    def on_meet(self) -> None:
        """It is to be met again."""


class Acts(BoxLayout):
    """Buttons side by side."""


class SquareCode(Widget):
    """A QR code: dark on white whatever the palette, because that is what cameras read."""

    text = StringProperty("")
    texture = ObjectProperty(None, allownone=True)

    def on_text(self, *_: object) -> None:
        self.texture = _drawn(self.text) if self.text else None


class SyncCenter(BoxLayout):
    """The screen."""

    session = ObjectProperty(None)
    desk = ObjectProperty(None)
    wide = BooleanProperty(False)
    can_scan = BooleanProperty(False)
    left = NumericProperty(0.0)
    """Seconds until the next exchange."""

    def __init__(self, session: Session, **kwargs: Any) -> None:
        super().__init__(session=session, desk=session.sync_desk, **kwargs)
        self._shown: Shown | None = None
        self._sheet: Sheet | None = None
        self._ticking: Any = None
        self._counting: Any = None
        self._gradually = Gradually()
        self._made: dict[Widget, object] = {}
        """By place, what the widgets there were made of."""
        self.desk.bind(center=self._fill, meeting=self._fill, serving=self._fill, code=self._fill)
        self.session.bind(syncing=self._fill)
        self.session.bind(syncing=self._count_while_shown)
        self.bind(width=self._arrange, parent=self._tick_while_shown)
        self.desk.last_address(lambda typed: setattr(self.ids.address, "text", typed))

    def show(self, shown: Shown) -> None:
        """Another commit, another person or language: everything is read anew."""
        self._shown = shown
        self.desk.server_address = self.session.server
        self._fill()  # what is gathered may come out as it was, and would then tell nobody
        self.desk.gather()

    # --- time ------------------------------------------------------------------------------------------

    def _tick_while_shown(self, *_: object) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
        self._ticking = Clock.schedule_interval(self._tick, 1) if self.parent else None
        self.can_scan = self.session.photo_desk.can_scan()
        self._tick()
        self._count_while_shown()

    def _tick(self, *_: object) -> None:
        self.can_scan = self.session.photo_desk.can_scan()
        self.left = max(0.0, self.session.next_sync_at - Clock.get_boottime())
        if self.session.syncing:
            self.desk.gather()  # photos move while nothing is committed that the screens hear of
        waits = self.session.next_sync_at and not self.session.syncing and self.session.server
        self.ids.next.content = say("center.next", wait=sync_views.wait(self.left)) if waits else ""

    def _count_while_shown(self, *_: object) -> None:
        """How far the exchange is, as often as it is read."""
        if self._counting is not None:
            self._counting.cancel()
        at_work = self.parent and self.session.syncing
        self._counting = Clock.schedule_interval(self._count, LOOK_SECONDS) if at_work else None
        self._count()

    def _count(self, *_: object) -> None:
        at = self.desk.watch.at if self.session.syncing else {}
        self.ids.counted.show(sync_views.counts(at, words.language))

    # --- filling ---------------------------------------------------------------------------------------

    def _arrange(self, *_: object) -> None:
        self.wide = self.width > dp(TWO_COLUMNS_DP)

    def _fill(self, *_: object) -> None:
        center, shown = self.desk.center, self._shown
        if center is None or shown is None or self.parent is None:
            return
        self._fill_words(center, shown)
        self._gradually.make(self._parts(center, shown))
        self._tick()

    def _parts(self, center: sync_views.Center, shown: Shown) -> Iterator[None]:
        """From top to bottom; what is made of the same as it was stays as it is."""
        desk, ids = self.desk, self.ids
        records = self._with_way(center.records)
        parts: tuple[tuple[Widget, object, Callable[[], list[Widget]]], ...] = (
            (ids.notices, center.notices, lambda: self._notices(center)),
            (ids.records, records, lambda: [_figure(row) for row in records]),
            (ids.photos, (center.photos, center.photo_progress), lambda: _photos(center)),
            (ids.refused, shown.refused, lambda: self._refused(shown)),
            (ids.peers, (center.peers, desk.tools, desk.meeting), lambda: self._peers(center)),
            (ids.colleagues, shown.visit and shown.visit.colleagues, lambda: _colleagues(shown)),
            (ids.by_hand, desk.tools, self._by_hand),
            (ids.tablet_acts, desk.tools, self._tablet_acts),
        )
        for place, rows, make in parts:
            made_of = (rows, words.language)
            if self._made.get(place) != made_of:
                _refill(place, make())
                self._made[place] = made_of
                yield

    def _with_way(self, records: tuple[sync_views.Figure, ...]) -> list[sync_views.Figure]:
        """While an exchange runs, what waited is on its way."""
        first, *rest = records
        if self.session.syncing and first.number:
            first = first._replace(label=say("center.on_its_way"), tone="accent")
        return [first, *rest]

    def _fill_words(self, center: sync_views.Center, shown: Shown) -> None:
        """What is always there and only says something else."""
        row, desk, ids = shown.sync, self.desk, self.ids
        able = desk.tools is not None
        ids.state.content = say("sync.running") if self.session.syncing else row.text
        ids.server.content, ids.last.content, ids.attempts.content = (
            center.server,
            center.last,
            center.attempts,
        )
        ids.receipt.content = center.receipt
        ids.meet.text = say("center.meeting") if desk.meeting else say("center.meet")
        ids.meet.disabled = not able or desk.meeting
        ids.serve.disabled = not able
        ids.serve.text = say("center.serve_stop") if desk.serving else say("center.serve")
        ids.serve.kind = "outline" if desk.serving else "tonal"
        ids.serving.content = f"{say('center.serving')}\n{desk.serving}" if desk.serving else ""
        ids.code.text = desk.code
        ids.identity.content, ids.space.content = center.identity, center.space
        ids.space.tone = "bad" if center.space_low else "ink_2"

    def _notices(self, center: sync_views.Center) -> list[Widget]:
        notices: list[Widget] = []
        for notice in center.notices:
            notices.append(Fact(icon=notice.icon, tone=notice.tone, text=notice.text))
            if notice.noticed:
                notices.append(button(say("sync.noticed"), self._noticed, kind="outline", icon="check"))
        return notices

    def _noticed(self) -> None:
        self.desk.clear_notice()

    def _refused(self, shown: Shown) -> list[Widget]:
        cards: list[Widget] = []
        for refused in shown.refused:
            card = Card(tone="bad")
            card.add_widget(Said(text=refused.title, strong=True, by=refused.when))
            if refused.text:
                card.add_widget(Text(content=refused.text))
            card.add_widget(Fact(icon="refused", text=refused.message, tone="bad"))
            aside = partial(self._set_aside, refused.op)
            card.add_widget(button(say("sync.set_aside"), aside, kind="outline", icon="check"))
            cards.append(card)
        if cards:
            cards.insert(0, Text(content=say("sync.refused_title"), strong=True))
            cards.insert(1, Text(content=say("sync.refused_explain"), tone="ink_2", type="hint"))
        return cards

    def _set_aside(self, op: OpId) -> None:
        self.desk.set_aside(op)

    def _peers(self, center: sync_views.Center) -> list[Widget]:
        desk, lines = self.desk, list[Widget]()
        for row in center.peers:
            act = say("center.meet") if row.address and desk.tools is not None else ""
            line = PeerLine(name=row.name, detail=row.detail, tone=row.tone, act=act, busy=desk.meeting)
            line.bind(on_meet=lambda _, address=row.address: desk.meet(address))
            lines += [line, Rule()]
        return lines or [Text(content=say("center.no_peers"), tone="ink_2")]

    def _by_hand(self) -> list[Widget]:
        tools = self.desk.tools
        if tools is None or tools.packages is None:
            return []
        return [
            Text(content=say("center.by_hand"), strong=True),
            Text(content=say("center.by_hand_explain"), type="hint", tone="ink_2"),
            button(say("center.give_package"), self.write_package, kind="outline", icon="hand_in"),
            button(say("center.take_package"), self.read_package, kind="outline", icon="letter"),
        ]

    def _tablet_acts(self) -> list[Widget]:
        tools, acts = self.desk.tools, list[Widget]()
        if tools is not None and tools.purge is not None:
            purge = partial(tools.purge, self.session)
            acts.append(button(say("center.purge"), purge, kind="outline", icon="delete"))
        if tools is not None:
            acts.append(button(say("center.diagnose"), self.diagnose, kind="outline", icon="info"))
        return acts

    # --- acting ----------------------------------------------------------------------------------------

    def meet(self) -> None:
        """Meets the tablet whose address is typed."""
        self.desk.meet(self.ids.address.text)

    def scan(self) -> None:
        """Meets the tablet on whose screen the square code is that is held before the camera."""

        def seen(text: str) -> None:
            self.ids.address.text = text
            self.meet()

        photos = self.session.photo_desk
        photos.scan(seen, photos.failed)

    def write_package(self) -> None:
        """All that waits, onto a stick."""
        assert self._shown is not None
        row, desk = self._shown.sync, self.desk
        waiting = say("center.give_waiting", records=row.unsent, photos=row.photos_left)
        desk.packages.folders(
            lambda folders: self._open(sheets_packages.write(desk.packages, self._close, folders, waiting))
        )

    def read_package(self) -> None:
        """A receipt or assignments, from a stick."""
        desk = self.desk
        desk.packages.folders(
            lambda folders: self._open(sheets_packages.read(desk.packages, self._close, folders))
        )

    def diagnose(self) -> None:
        """Shows what is handed over for help; the person picks where to."""
        desk = self.desk

        def show(text: str) -> None:
            def opened(folders: Folders) -> None:
                self._open(sheets_packages.diagnostics(desk, self._close, folders, text))

            desk.packages.folders(opened)

        desk.diagnose(show)

    def _open(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self.session.dispatch("on_sheet", sheet)

    def _close(self) -> None:
        if self._sheet is not None:
            self._sheet.dispatch("on_close")
            self._sheet = None


def _figure(row: sync_views.Figure) -> FigureLine:
    return FigureLine(label=row.label, number=str(row.number), tone=row.tone, part=row.part)


def _photos(center: sync_views.Center) -> list[Widget]:
    lines: list[Widget] = [_figure(row) for row in center.photos]
    if center.photo_progress:
        lines.append(Text(content=center.photo_progress, type="hint", tone="accent"))
    return lines or [Text(content=say("center.no_photos"), tone="ink_2")]


def _colleagues(shown: Shown) -> list[Widget]:
    """How far the others are with the visit that the center was opened from."""
    colleagues = None if shown.visit is None else shown.visit.colleagues
    if colleagues is None or not (colleagues.rows or colleagues.blind):
        return []
    explain = colleagues.blind or say("center.colleagues_explain")
    card = Card()
    card.add_widget(Text(content=say("center.colleagues"), strong=True))
    card.add_widget(Text(content=explain, type="hint", tone="ink_2"))
    for row in colleagues.rows:
        card.add_widget(Said(text=row.text, by=row.at))
    return [card]


def _refill(place: Any, widgets: list[Widget]) -> None:
    place.clear_widgets()
    for widget in widgets:
        place.add_widget(widget)


def _drawn(text: str) -> Texture:
    """The square code of a text, one texel for each module."""
    # Only a start that shows a code pays for the library that draws it.
    import segno

    modules = [list(row) for row in segno.make(text, error="m").matrix_iter(border=QUIET_ZONE)]
    side = len(modules)
    texture = Texture.create(size=(side, side), colorfmt="rgb")
    texture.mag_filter = "nearest"
    pixels = bytes(0 if dark else 255 for row in reversed(modules) for dark in row for _ in range(3))
    texture.blit_buffer(pixels, colorfmt="rgb", bufferfmt="ubyte")
    return texture


load_rules(__file__)
