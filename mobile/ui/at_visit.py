"""What a visit's screen needs of the frame around it: acts at the top, banners, and the sheets its taps open."""

from typing import Any

from kivy.clock import Clock

from mobile.ui import sheets_item, sheets_visit
from mobile.ui.banners import Acts, banners
from mobile.ui.finding_form import new_finding
from mobile.ui.kit_controls import Push, button
from mobile.ui.page_acts import PageActs
from mobile.ui.photo_acts import PhotoActs
from mobile.ui.session import Session
from mobile.ui.shell import Shell
from mobile.ui.shown import Shown, VisitShown
from mobile.ui.visit import VisitScreen
from mobile.ui.words import say


class AtVisit:
    """Binds the screen of a visit to its sheets and verbs."""

    def __init__(self, session: Session, shell: Shell, screen: VisitScreen) -> None:
        self.session, self.shell, self.screen = session, shell, screen
        self._head: object = None
        """What the acts and banners were made of."""
        self._heads = Clock.create_trigger(self._show_heads)
        self.acts = PageActs(session, shell, screen)
        self.photo_acts = PhotoActs(session, shell, screen)
        screen.item.bind(
            on_na=lambda _: self._sheet(sheets_item.not_applicable),
            on_note=lambda _: self._sheet(sheets_item.note),
            on_add_finding=lambda _: self._found(),
            on_again=lambda _, earlier: self._found(earlier),
            on_consent_here=lambda _: self._sheet(sheets_item.consent),
            on_finding=lambda _, row: self.acts.finding(row),
            on_settle=lambda _, op: self._settle_item(op),
            on_lead=lambda _, row: self.acts.lead(row),
        )

    def show(self, shown: Shown) -> None:
        """Brings acts and banners up to date: with the next frame, for a button costs as much as a list of items."""
        assert shown.visit is not None, "no visit is shown"
        head = shown.visit.head, shown.language
        if head != self._head:  # a tap moves none of them
            self._head = head
            self._heads()

    def _show_heads(self, *_: object) -> None:
        if self._head is not None:
            self._show_acts(self._visit)
            self._show_banner(self._visit)

    def leave(self) -> None:
        """Another screen is shown."""
        self._head = None
        self.shell.ids.top.ids.acts.clear_widgets()

    def _show_acts(self, visit: VisitShown) -> None:
        """What the leader can do with the visit as a whole, in the stage it is in."""
        may, stage, acts = visit.head.may, visit.head.stage, self.shell.ids.top.ids.acts
        wanted: list[Push] = []
        if "deliberated" in may and stage in ("opened", "returned"):
            wanted.append(button(say("visit.deliberate"), self._deliberate, kind="tonal", icon="deliberate"))
        if "submitted" in may:
            wanted.append(button(say("visit.submit"), self._submit, kind="primary", icon="hand_in"))
        acts.clear_widgets()
        for push in wanted:
            acts.add_widget(push)

    def _show_banner(self, visit: VisitShown) -> None:
        place = self.screen.items.ids.banner
        acts = Acts(self._open, self.acts.close_scoring, self.acts.close_for_another, self.acts.leads)
        place.clear_widgets()
        for banner in banners(visit, acts):
            place.add_widget(banner)

    # --- sheets ----------------------------------------------------------------------------------------

    def _sheet(self, make: Any) -> None:
        if self.screen.item.detail is not None:
            self.shell.open(make(self.session, self.screen.item.detail, self.shell.close))

    def _found(self, earlier: str = "") -> None:
        detail = self.screen.item.detail
        if detail is not None:
            self.shell.open(new_finding(self.session, self._visit, detail, self.shell.close, earlier))

    def _settle_item(self, op: str) -> None:
        detail = self.screen.item.detail
        field = "" if detail is None else detail.field
        row = next((one for one in self._visit.disputes if one.field == field), None)
        if row is not None:
            self.acts.settle(row, op)

    def _open(self) -> None:
        self.shell.open(sheets_visit.opening(self.session, self._visit, self.shell.close))

    def _deliberate(self) -> None:
        self.shell.open(sheets_visit.deliberation(self.session, self._visit, self.shell.close))

    def _submit(self) -> None:
        self.shell.open(sheets_visit.submission(self.session, self._visit, self.shell.close))

    def why(self) -> None:
        def go_to(item: str) -> None:
            self.shell.close()
            if item:
                self.session.go(item=item, pane="item", only="")

        self.shell.open(sheets_visit.why(self._visit, go_to))

    @property
    def _visit(self) -> VisitShown:
        visit: VisitShown = self.session.shown.visit
        return visit
