"""The work list: which units this squad inspects, when, how far each is, and what is not sent yet."""

import datetime as dt
from functools import partial
from typing import Any

from kivy.properties import BooleanProperty, NumericProperty, StringProperty
from kivy.uix.floatlayout import FloatLayout

from mobile.rows import WorkRow
from mobile.ui.banner import Banner
from mobile.ui.kit import load_rules
from mobile.ui.kit_controls import Press, button
from mobile.ui.kit_rows import show_rows
from mobile.ui.kit_sheet import Sheet
from mobile.ui.kit_text import Text
from mobile.ui.memory import memory
from mobile.ui.session import Session
from mobile.ui.shown import Shown
from mobile.ui.theme import theme
from mobile.ui.words import joined, say, words
from mobile.views import matching

SEARCH_FROM = 7
SCROLL = "scroll.work"
LEARNT = "learnt"
"""Kept once somebody has put the offer of tour and practice away."""
STAGE_LOOKS = {
    "prepared": ("pending", "muted"),
    "opened": ("edit", "accent"),
    "deliberated": ("deliberate", "accent"),
    "returned": ("undo", "warn"),
    "submitted": ("hand_in", "ok"),
    "accepted": ("answered", "ok"),
    "locked": ("lock", "muted"),
    "aborted": ("not_applicable", "bad"),
}
"""Icon and tone of each stage; its word is `stage.<stage>`."""


class WorkLine(Press):
    """One inspection of the list."""

    key = StringProperty("")
    day = StringProperty("")
    weekday = StringProperty("")
    today = BooleanProperty(False)
    unit = StringProperty("")
    address = StringProperty("")
    stage_icon = StringProperty("")
    stage_text = StringProperty("")
    stage_tone = StringProperty("muted")
    progress = NumericProperty(0)
    progress_text = StringProperty("")
    open_text = StringProperty("")
    open_tone = StringProperty("ink_2")
    sync_text = StringProperty("")
    sync_tone = StringProperty("ink_2")
    purged = BooleanProperty(False)
    unreadable = StringProperty("")
    roomy = BooleanProperty(True)
    session: Session

    def on_release(self) -> None:
        if self.purged:
            from mobile.ui import sheets_purge

            WorkLine.session.dispatch(
                "on_sheet", sheets_purge.fetching(WorkLine.session, self.key, self.unit)
            )
            return
        if self.unreadable:
            WorkLine.session.dispatch("on_sheet", _explained(self.unit, self.unreadable))
            return
        WorkLine.session.go(inspection=self.key, section="", item="", pane="items")


class WorkScreen(FloatLayout):
    """All inspections of the squad, what is to do first."""

    empty = BooleanProperty(False)
    searching = BooleanProperty(False)
    nothing = StringProperty("")
    nothing_cure = StringProperty("")
    __events__ = ("on_tour",)

    def __init__(self, session: Session, **kwargs: Any) -> None:
        WorkLine.session = self._session = session
        self._hint = ""
        super().__init__(**kwargs)
        self._work: tuple[WorkRow, ...] = ()
        self._lines: dict[str, tuple[object, dict[str, Any]]] = {}
        self._placed = False
        self.ids.rows.bind(scroll_y=self._scrolled)
        self._sought = self.ids.sought.__self__
        self._sought.bind(text=lambda *_: self._show())

    def show(self, shown: Shown) -> None:
        self._work = shown.work
        self._show_hints()
        # A search is for lists that do not fit the screen.
        self.searching = len(shown.work) >= SEARCH_FROM
        if not self.searching:
            self._sought.text = ""
        # Taken out and not only hidden: a disabled field of no height still takes touches meant for what is above it.
        if self.searching != (self._sought.parent is not None):
            self.ids.search.clear_widgets()
            if self.searching:
                self.ids.search.add_widget(self._sought)
        self._show()

    def _show_hints(self) -> None:
        """Above the list: that this is a practice, or where to learn, until somebody has read it."""
        practising = self._session.practising
        hint = (
            "practice"
            if practising.on
            else "learn"
            if practising.available and not memory.get(LEARNT)
            else ""
        )
        hint += words.language if hint else ""
        if hint == self._hint:
            return
        self._hint, place = hint, self.ids.hints
        place.clear_widgets()
        if practising.on:
            banner = Banner(
                icon="edit", tone="warn", title=say("practice.title"), detail=say("practice.explain")
            )
            banner.ids.acts.add_widget(button(say("practice.end"), practising.end, kind="outline"))
            place.add_widget(banner)
        elif hint:
            banner = Banner(icon="info", title=say("learn.title"), detail=say("learn.explain"))
            for key, then, kind in (
                ("learn.tour", lambda: self.dispatch("on_tour"), "outline"),
                ("learn.practise", practising.begin, "outline"),
                ("learn.hide", self._hide, "plain"),
            ):
                banner.ids.acts.add_widget(button(say(key), then, kind=kind))
            place.add_widget(banner)

    def _hide(self) -> None:
        memory.keep(LEARNT, "1")
        self._show_hints()

    def on_tour(self) -> None:
        """The tour is asked for."""

    def _show(self) -> None:
        sought = self._sought.text.strip()
        rows = matching(self._work, sought)
        show_rows(self.ids.rows, [self._line_of(row) for row in rows])
        if not self._placed and rows and not sought:
            self._placed = True
            self.ids.rows.scroll_y = float(memory.get(SCROLL) or 1)
        self.empty = not rows
        self.nothing = say("work.no_match", sought=sought) if self._work else say("work.none")
        self.nothing_cure = say("work.no_match_cure") if self._work else say("work.none_cure")

    def _line_of(self, row: WorkRow) -> dict[str, Any]:
        """A keystroke in the search narrows 300 lines, and changes none."""
        known = self._lines.get(row.inspection)
        if known is None or known[0] != (row, words.language, theme.palette):
            known = (row, words.language, theme.palette), _line(row)
            self._lines[row.inspection] = known
        return known[1]

    def _scrolled(self, _: object, y: float) -> None:
        """Where the whole list stood comes back after a restart; where a search stood does not."""
        if self._placed and self.ids.rows.data and not self._sought.text.strip():
            memory.keep(SCROLL, "" if y >= 1 else f"{max(0.0, y):.4f}")


def _line(row: WorkRow) -> dict[str, Any]:
    icon, tone = STAGE_LOOKS[row.stage]
    if row.purged or row.unreadable:
        icon, tone = ("hand_in", "ok") if row.purged else ("problem", "warn")
    open_words = [
        *([say("work.gone")] if row.gone else []),
        *([say("work.leads", count=row.leads_open)] if row.leads_open else []),
        *([say("work.blind")] if row.blind else []),
        *([say("work.disputes", count=row.disputes)] if row.disputes else []),
        *([say("work.findings", count=row.findings)] if row.findings else []),
        *([say("work.earlier", count=row.earlier_open)] if row.earlier_open else []),
    ]
    return {
        "key": row.inspection,
        "day": row.date[5:] or "–",
        "weekday": say("work.today") if row.today else _weekday(row.date),
        "today": row.today,
        "unit": row.unit,
        "purged": row.purged,
        "unreadable": row.unreadable,
        "address": ""
        if row.unreadable
        else joined(words.t.get(f"unit_kind.{row.unit_kind}", row.unit_kind), row.squad, row.address),
        "stage_icon": icon,
        "stage_text": row.stage_text,
        "stage_tone": tone,
        "progress": row.done / row.total if row.total else 0,
        "progress_text": row.progress_text,
        "open_text": row.unreadable or joined(*open_words),
        "open_tone": "dispute" if row.disputes else "ink_2",
        "sync_text": row.sync_text if row.stage != "prepared" or row.unsent or row.refused else "",
        "sync_tone": "bad" if row.refused else "warn" if row.unsent else "ink_2",
    }


def _explained(unit: str, why: str) -> Sheet:
    """A visit that this version cannot show: why, in full."""
    sheet = Sheet(title=unit)
    sheet.put(Text(content=why))
    sheet.act(button(say("close"), partial(sheet.dispatch, "on_close"), kind="primary"))
    return sheet


def _weekday(date: str) -> str:
    try:
        return say(f"weekday.{dt.date.fromisoformat(date).weekday()}")
    except ValueError:
        return ""


load_rules(__file__)
