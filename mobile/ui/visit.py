"""The visit: sections with progress and its own pages, the items, and the item; three panes, two or one by width."""

from collections.abc import Iterator
from functools import cached_property
from itertools import zip_longest
from typing import Any

from kivy.core.window import Window
from kivy.metrics import dp
from kivy.properties import BooleanProperty, NumericProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout

from mobile.rows import ItemRow, SectionRow
from mobile.ui.answer_control import number_of
from mobile.ui.banner import Banner
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
        self._arranged: tuple[str, ...] = ()
        self._pane = "items"
        self._page = ""
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
        for name in PAGES:
            assert self.pages[name] is not None
            yield
        for pane in (self.sections, self.items, self.pages["@findings"], self.pages["@computers"]):
            rows = pane.ids.rows
            high = rows.layout_manager.default_size[1]
            yield from rows_ahead(rows.viewclass, int(Window.height / high) + 1)

    def show(self, shown: Shown) -> None:
        visit = shown.visit
        if visit is None:
            return
        self._pane = shown.place.pane
        before, self._page = self._page, "" if shown.place.only or shown.place.item else shown.place.section
        self.sections.show(visit, "" if shown.place.only else shown.place.section)
        if self._page in self.pages:
            self.pages[self._page].show(visit)
            if before != self._page:
                self.pages[self._page].to_top()
        else:
            self.items.show(visit, shown)
        self.item.show(visit, shown.language)
        self.items.show_paper(copying=self.item.copying)
        self._arrange()

    def _arrange(self, *_: object) -> None:
        """Which panes are on the screen: all three, sections beside items or a page, or the one at work."""
        if self._page in self.pages:
            alone = "sections" if self._pane == "sections" else self._page
            wanted: tuple[str, ...] = (
                ("sections", self._page) if self.width >= dp(TWO_PANES) * theme.row else (alone,)
            )
            self.pages[self._page].narrow = wanted == (self._page,)
        elif self.width >= dp(THREE_PANES) * theme.row:
            wanted = ("sections", "items", "item")
        elif self._pane == "item":
            wanted = ("item",)
        elif self.width >= dp(TWO_PANES) * theme.row:
            wanted = ("sections", "items")
        else:
            wanted = (self._pane,)
        self.sections.size_hint_x = 1 if wanted == ("sections",) else None
        self.sections.width = dp(SECTIONS_WIDTH)
        self.items.narrow = wanted == ("items",)
        self.item.alone = wanted == ("item",)
        if wanted != self._arranged:
            self._arranged = wanted
            panes = self.ids.panes
            panes.clear_widgets()
            for name in wanted:
                panes.add_widget(self.pages[name] if name in self.pages else getattr(self, name))

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
