"""The visit: sections with progress, the items of one, and the item; three panes, two or one by width."""

from typing import Any

from kivy.metrics import dp
from kivy.properties import BooleanProperty, NumericProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout

from mobile.rows import ItemRow, SectionRow
from mobile.ui.icons import ICONS
from mobile.ui.item import ItemPane
from mobile.ui.items import ItemLine, icon_markup, line
from mobile.ui.kit import load_rules
from mobile.ui.kit_controls import Press
from mobile.ui.kit_rows import show_rows
from mobile.ui.session import Session
from mobile.ui.shown import Shown, VisitShown
from shared_schema.operations import AnswerValue

THREE_PANES = 900  # dp
TWO_PANES = 600
SECTIONS_WIDTH = 248


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
        SectionLine.session.go(section=self.key, item="", pane="items")


class SectionsPane(BoxLayout):
    """All sections; what is open in each is seen from here."""

    def show(self, visit: VisitShown, chosen: str) -> None:
        show_rows(self.ids.rows, [_section(row, chosen) for row in visit.sections])


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


class Banner(BoxLayout):
    """What holds for the whole visit just now, and the first step."""

    icon = StringProperty("")
    tone = StringProperty("accent")
    title = StringProperty("")
    detail = StringProperty("")


class ItemsPane(BoxLayout):
    """The items of one section."""

    title = StringProperty("")
    points = StringProperty("")
    narrow = BooleanProperty(False)
    __events__ = ("on_sections",)

    def show(self, visit: VisitShown, shown: Shown) -> None:
        here = next((row for row in visit.sections if row.section == shown.place.section), None)
        self.title = (
            "" if here is None else here.title if here.section in ICONS else f"{here.section} {here.title}"
        )
        self.points = "" if here is None else here.points_text
        before = self.ids.rows.data[0]["key"] if self.ids.rows.data else ""
        lines = [line(row, chosen=row.item == shown.place.item) for row in visit.items]
        show_rows(self.ids.rows, lines)
        if lines and lines[0]["key"] != before:
            self.ids.rows.scroll_y = 1

    def on_sections(self) -> None:
        """Back to the sections, where they are not beside the items."""


class VisitScreen(BoxLayout):
    """One inspection at work."""

    def __init__(self, session: Session, **kwargs: Any) -> None:
        self.session = session
        self._arranged: tuple[str, ...] = ()
        self._pane = "items"
        SectionLine.session = session
        ItemLine.choose = self._choose
        ItemLine.answer = self._answer
        super().__init__(**kwargs)
        self.sections = SectionsPane(width=dp(SECTIONS_WIDTH))
        self.items = ItemsPane()
        self.items.bind(on_sections=lambda _: session.go(pane="sections"))
        self.item = ItemPane(session)
        self.item.bind(on_list=lambda _: session.go(pane="items"))
        self.bind(width=self._arrange)

    def show(self, shown: Shown) -> None:
        visit = shown.visit
        if visit is None:
            return
        self._pane = shown.place.pane
        self.sections.show(visit, shown.place.section)
        self.items.show(visit, shown)
        self.item.show(visit, shown.language)
        self._arrange()

    def _arrange(self, *_: object) -> None:
        """Which panes are on the screen: all three, sections beside items, or the one at work."""
        if self.width >= dp(THREE_PANES):
            wanted: tuple[str, ...] = ("sections", "items", "item")
        elif self._pane == "item":
            wanted = ("item",)
        elif self.width >= dp(TWO_PANES):
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
                panes.add_widget(getattr(self, name))

    def forget(self) -> None:
        """Everything is drawn anew with the next rows: another palette, another language."""
        self.sections.ids.rows.data = []
        self.items.ids.rows.data = []
        self.item.detail = None

    def _choose(self, item: str) -> None:
        self.session.go(item=item, pane="item")

    def _answer(self, row: ItemRow, answer: AnswerValue) -> None:
        self.session.do("answer", row.item, answer, seen=row.seen)


load_rules(__file__)
