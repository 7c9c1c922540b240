"""The visit: sections with progress and its own pages, the items, and the item; three panes, two or one by width."""

from collections import deque
from collections.abc import Iterator
from functools import cached_property
from itertools import zip_longest
from typing import Any

from kivy.core.window import Window
from kivy.metrics import dp
from kivy.properties import BooleanProperty, NumericProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.widget import Widget

from mobile.rows import ItemRow, SectionRow
from mobile.ui.answer_control import number_of
from mobile.ui.banner import Banner
from mobile.ui.gradually import Gradually
from mobile.ui.icons import ICONS
from mobile.ui.item import ItemPane
from mobile.ui.items import ItemLine, icon_markup, line
from mobile.ui.kit import load_rules
from mobile.ui.kit_controls import Chip, Press, button
from mobile.ui.kit_rows import rows_ahead, show_rows
from mobile.ui.later import Lazily
from mobile.ui.memory import memory
from mobile.ui.session import Session
from mobile.ui.shown import Shown, VisitShown
from mobile.ui.theme import theme
from mobile.ui.words import say
from mobile.views import FILTERS
from shared_schema.operations import Actual, AnswerValue, Count

THREE_PANES = 1000  # dp
TWO_PANES = 640
SECTIONS_WIDTH = 248
ROWS_AT_ONCE = 3
"""So many rows of items are made before a frame, where a visit is entered before all are made."""
SCROLL = "scroll.items"
FILTER_TONES = {"open": "accent", "problem": "bad", "disputed": "dispute"}


PAGE_ICONS = {
    "@findings": "finding",
    "@computers": "computer",
    "@interviews": "talk",
    "@photos": "camera",
    "@closing": "sign",
}
"""The icon of each page; its words are `page.<name>`."""
PAGES = {
    "@findings": ("mobile.ui.findings", "FindingsPage"),
    "@computers": ("mobile.ui.computers", "ComputersPage"),
    "@interviews": ("mobile.ui.interviews", "InterviewsPage"),
    "@photos": ("mobile.ui.photos", "PhotosPage"),
    "@closing": ("mobile.ui.closing", "ClosingPage"),
}
"""Where each page comes from when it is first shown."""


def _rows_for(pane: Any) -> Iterator[None]:
    """Makes as many rows of the pane's list as fill the screen, one with each step."""
    rows = pane.ids.rows
    return rows_ahead(rows.viewclass, int(Window.height / rows.layout_manager.default_size[1]) + 1)


class SectionLine(Press):
    """One section with its progress."""

    key = StringProperty("")
    code = StringProperty("")
    title = StringProperty("")
    progress = NumericProperty(0)
    progress_text = StringProperty("")
    marks = StringProperty("")
    chosen = BooleanProperty(False)
    session: Session

    def on_release(self) -> None:
        SectionLine.session.go(section=self.key, item="", pane="items", only="")


class PageLine(Press):
    """One of the visit's own pages, with how much there is or is left to do."""

    key = StringProperty("")
    icon = StringProperty("")
    title = StringProperty("")
    mark = StringProperty("")
    number = StringProperty("")
    tone = StringProperty("ink_2")
    chosen = BooleanProperty(False)

    def on_release(self) -> None:
        SectionLine.session.go(section=self.key, item="", pane="items", only="")


class SectionsPane(BoxLayout):
    """All sections, what is open in each is seen from here; below them the pages, always in sight."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._pages = {key: PageLine(key=key, icon=icon) for key, icon in PAGE_ICONS.items()}
        for page in self._pages.values():
            self.ids.pages.add_widget(page)

    def show(self, visit: VisitShown, chosen: str) -> None:
        show_rows(self.ids.rows, [_section(row, chosen) for row in visit.sections])
        for row in visit.pages:
            page, left = self._pages[row.page], row.left and row.number > 0
            page.title, page.chosen = say(f"page.{row.page[1:]}"), row.page == chosen
            page.mark = "pending" if left else "answered" if row.left else ""
            page.tone = "warn" if left else "ok" if row.left else "ink_2"
            page.number = str(row.number) if left or not row.left else ""


def _section(row: SectionRow, chosen: str) -> dict[str, Any]:
    marks = [
        *([icon_markup("problem", "bad", dp(16)) + f" {row.problems}"] if row.problems else []),
        *([icon_markup("disputed", "dispute", dp(16)) + f" {row.disputes}"] if row.disputes else []),
    ]
    return {
        "key": row.section,
        "code": icon_markup(row.section, "ink_2", dp(20)) if row.section in ICONS else row.section,
        "title": row.title,
        "progress": row.done / row.total if row.total else 0,
        "progress_text": row.progress_text,
        "marks": "  ".join(marks),
        "chosen": row.section == chosen,
    }


class ItemsPane(BoxLayout):
    """The items of one section, or those of all that pass a filter."""

    title = StringProperty("")
    points = StringProperty("")
    narrow = BooleanProperty(False)
    empty = BooleanProperty(False)
    __events__ = ("on_sections", "on_only", "on_paper_end")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._list = ""
        self._lines: list[tuple[tuple[ItemRow, bool], dict[str, Any]]] = []
        """What each line was made of, and the line: a tap changes one."""
        self._chips = {name: Chip(tone=FILTER_TONES.get(name, "accent")) for name in FILTERS}
        for name, chip in self._chips.items():
            chip.bind(on_release=lambda _, name=name: self.dispatch("on_only", name))
        self.ids.filters.put(*self._chips.values())
        self.ids.rows.bind(scroll_y=self._scrolled)

    def show(self, visit: VisitShown, shown: Shown) -> None:
        only = shown.place.only
        here = next((row for row in visit.sections if row.section == shown.place.section), None)
        if only:
            words_of = say(f"filter.{only}")
            self.title, self.points = say("filter.title", words=words_of, count=len(visit.items)), ""
        elif here is not None:
            self.title = here.title if here.section in ICONS else f"{here.section} {here.title}"
            self.points = here.points_text
        self._show_filters(visit, only)
        wanted = [(row, row.item == shown.place.item) for row in visit.items]
        if len(wanted) != len(self._lines):
            self._lines = []
        self._lines = [
            (row, line(*row)) if known is None or known[0] != row else known
            for row, known in zip_longest(wanted, self._lines)
        ]
        show_rows(self.ids.rows, [one for _, one in self._lines])
        self.empty = not wanted
        listed = f"{shown.place.inspection}/{only or shown.place.section}"
        if listed != self._list:
            self._list = listed
            kept, _, y = memory.get(SCROLL).rpartition(" ")
            self.ids.rows.scroll_y = float(y) if kept == listed else 1

    def forget(self) -> None:
        """Every line is made anew."""
        self._lines = []
        self.ids.rows.data = []

    def show_paper(self, *, copying: bool) -> None:
        """That answers are being copied from paper is said where they are given."""
        place = self.ids.paper
        if copying != bool(place.children):
            place.clear_widgets()
            if copying:
                banner = Banner(icon="letter", tone="warn", title=say("paper.banner"))
                banner.ids.acts.add_widget(
                    button(say("paper.end"), lambda: self.dispatch("on_paper_end"), kind="outline")
                )
                place.add_widget(banner)

    def _scrolled(self, _: object, y: float) -> None:
        """Where the list stood comes back after a restart."""
        if self._list and self.ids.rows.data:
            memory.keep(SCROLL, f"{self._list} {min(1.0, max(0.0, y)):.4f}")

    def _show_filters(self, visit: VisitShown, only: str) -> None:
        counts = {
            "open": visit.score.open_items,
            "disputed": sum(row.disputes for row in visit.sections),
            "problem": sum(row.problems for row in visit.sections),
        }
        for name, chip in self._chips.items():
            chip.text, chip.on = say(f"filter.{name}"), name == only
            chip.count = str(counts[name]) if name in counts else ""

    def on_only(self, only: str) -> None:
        """The items are to be narrowed to these; tapped again, to all of the section."""

    def on_paper_end(self) -> None:
        """Nothing more is copied from paper."""

    def on_sections(self) -> None:
        """Back to the sections, where they are not beside the items."""


class VisitScreen(BoxLayout):
    """One inspection at work."""

    def __init__(self, session: Session, **kwargs: Any) -> None:
        self.session = session
        self._arranged: list[tuple[str, bool]] = []
        """What stands on the screen, and whether it is filled."""
        self._pane = "items"
        self._page = self._at_top = ""
        self._inspection = ""
        self._filled = set[str]()
        """The panes and pages that have shown this inspection."""
        self._gradually = Gradually()
        SectionLine.session = session
        ItemLine.choose = self._choose
        ItemLine.answer = self._answer
        super().__init__(**kwargs)
        self.pages = Lazily(PAGES)
        for name in PAGES:
            self.pages.when_made(
                name, lambda page: page.bind(on_sections=lambda _: session.go(pane="sections"))
            )
        self.bind(width=self._arrange)
        theme.bind(row=self._arrange)

    @cached_property
    def sections(self) -> SectionsPane:
        """All sections and pages."""
        return SectionsPane(width=dp(SECTIONS_WIDTH))

    @cached_property
    def items(self) -> ItemsPane:
        """The items of a section, or those of one filter."""
        pane, session = ItemsPane(), self.session
        pane.bind(on_sections=lambda _: session.go(pane="sections"))
        pane.bind(on_paper_end=lambda _: self._end_paper())
        pane.bind(on_only=lambda _, only: session.go(only="" if only == session.place.only else only))
        return pane

    @cached_property
    def item(self) -> ItemPane:
        """One item, whole."""
        pane, session = ItemPane(self.session), self.session
        pane.bind(on_list=lambda _: session.go(pane="items"))
        pane.bind(on_copying=lambda item: self.items.show_paper(copying=item.copying))
        return pane

    def prepare(self) -> Iterator[None]:
        """Makes panes, pages and rows before anybody asks for them, one with each step: a row takes 10 ms."""
        for make in (lambda: self.item, lambda: self.items, lambda: self.sections):
            make()
            yield
        yield from self._item_rows
        yield from _rows_for(self.sections)
        for name in PAGES:
            assert self.pages[name] is not None
            yield
        for page in ("@findings", "@computers"):
            yield from _rows_for(self.pages[page])

    @cached_property
    def _item_rows(self) -> Iterator[None]:
        """Makes the rows of the items that are not made yet."""
        return _rows_for(self.items)

    def show(self, shown: Shown) -> None:
        """Brings the panes up to date: at once, but of a visit that is entered one before each frame."""
        visit, place = shown.visit, shown.place
        if visit is None:
            return
        self._pane, self._page = place.pane, "" if place.only or place.item else place.section
        if place.inspection != self._inspection:
            self._inspection = place.inspection
            self._filled.clear()
        filling = self._filling(shown, visit)
        if self.whole:
            deque(filling, maxlen=0)
        else:
            self._gradually.make(filling)

    @property
    def whole(self) -> bool:
        """Whether every pane shows this inspection."""
        return "item" in self._filled  # the last of them

    def _filling(self, shown: Shown, visit: VisitShown) -> Iterator[None]:
        """Pane after pane; until one is filled its place is empty, so that nothing of another visit is seen."""
        page = self._page if self._page in self.pages else "items"
        self._arrange()
        yield
        self.sections.show(visit, "" if shown.place.only else shown.place.section)
        self._fill("sections")
        yield
        for made, _ in enumerate(self._item_rows if page == "items" else ()):
            if made % ROWS_AT_ONCE == 0:
                yield
        if page in self.pages:
            self.pages[page].show(visit)
            if page != self._at_top:
                self.pages[page].to_top()
        else:
            self.items.show(visit, shown)
            self.items.show_paper(copying=self.item.copying)
        self._at_top = page
        self._fill(page)
        yield
        self.item.show(visit, shown.language)
        self._fill("item")

    def _fill(self, pane: str) -> None:
        self._filled.add(pane)
        self._arrange()

    def _arrange(self, *_: object) -> None:
        """Which panes are on the screen: all three, sections beside items or a page, or the one at work."""
        two = self.width >= dp(TWO_PANES) * theme.row
        if self._page in self.pages:
            wanted = (
                ["sections", self._page] if two else ["sections" if self._pane == "sections" else self._page]
            )
        elif self.width >= dp(THREE_PANES) * theme.row:
            wanted = ["sections", "items", "item"]
        elif two and self._pane != "item":
            wanted = ["sections", "items"]
        else:
            wanted = [self._pane]
        arranged = [(name, name in self._filled) for name in wanted]
        if arranged != self._arranged:
            self._arranged = arranged
            self.ids.panes.clear_widgets()
            for name, filled in arranged:
                self.ids.panes.add_widget(self._placed(name, alone=len(wanted) == 1) if filled else Widget())

    def _placed(self, name: str, *, alone: bool) -> Any:
        """The pane of this name, alone on the screen or beside others."""
        if name in self.pages:
            self.pages[name].narrow = alone
            return self.pages[name]
        if name == "sections":
            self.sections.size_hint_x = 1 if alone else None
            self.sections.width = dp(SECTIONS_WIDTH)
            return self.sections
        if name == "items":
            self.items.narrow = alone
            return self.items
        self.item.alone = alone
        return self.item

    def forget(self) -> None:
        """Everything is drawn anew with the next rows: another palette, another language."""
        self.sections.ids.rows.data = []
        self.items.forget()
        self.item.detail = None
        for page in self.pages.made():
            page.forget()

    def _end_paper(self) -> None:
        self.item.stop_copying()
        self.items.show_paper(copying=False)

    def _choose(self, item: str) -> None:
        self.session.go(item=item, pane="item")

    def _answer(self, row: ItemRow, answer: AnswerValue, by: int) -> None:
        if by and isinstance(answer, Count | Actual):
            latest = self.session.asked(row.item) or row.value
            answer = type(answer)(max(0, (number_of(latest) or 0) + by))
        self.item.record(row.item, answer, row.seen)


load_rules(__file__)
