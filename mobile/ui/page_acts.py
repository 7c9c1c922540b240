"""What taps on a visit's own pages do: which sheet they open, which verb they call."""

from typing import Any

from mobile.page_rows import ComputerRow, InterviewRow, SampleRow, SignatureRow
from mobile.rows import DisputeRow, FindingRow, LeadRow
from mobile.ui import (
    sheets_briefing,
    sheets_closing,
    sheets_computers,
    sheets_finding,
    sheets_item,
    sheets_lists,
    sheets_visit,
)
from mobile.ui.session import Session
from mobile.ui.shell import Shell
from mobile.ui.shown import VisitShown
from mobile.ui.verbs import Call
from mobile.ui.visit import VisitScreen


class PageActs:
    """Binds the pages of the visit's screen to sheets and verbs."""

    def __init__(self, session: Session, shell: Shell, screen: VisitScreen) -> None:
        self._session = session
        self._shell = shell
        pages = screen.pages
        pages.when_made("@findings", self._bind_findings)
        pages.when_made("@computers", self._bind_computers)
        pages.when_made("@interviews", lambda page: page.bind(on_category=lambda _, row: self._talks(row)))
        pages.when_made("@closing", self._bind_closing)

    def _bind_findings(self, page: Any) -> None:
        page.bind(on_finding=lambda _, row: self.finding(row), on_leads=lambda _: self.leads())

    def _bind_computers(self, page: Any) -> None:
        session, shell = self._session, self._shell
        page.bind(
            on_draw_sample=lambda _: self._open(sheets_computers.draw(session, self._visit, shell.close)),
            on_add=lambda _: self._open(sheets_computers.result(session, None, shell.close)),
            on_computer=lambda _, row: self._computer(row),
            on_sample=lambda _, row: self._sample(row),
        )

    def _bind_closing(self, page: Any) -> None:
        session, shell = self._session, self._shell
        page.bind(
            on_step=lambda _, step: self._step(step),
            on_state=lambda _, row: self._state(row),
            on_accept_all=lambda _: self._accept_all(),
            on_measure=lambda _: self._open(sheets_closing.measure(session, self._visit, shell.close)),
            on_sign=lambda _, row: self._sign(row),
            on_abort=lambda _: self._open(sheets_closing.breaking_off(session, shell.close)),
        )

    @property
    def _visit(self) -> VisitShown:
        visit: VisitShown = self._session.shown.visit
        return visit

    def settle(self, row: DisputeRow, op: str) -> None:
        """The leader would adopt a value: with a reason."""
        self._open(
            sheets_item.settlement(
                self._session,
                code=row.item,
                field=row.field,
                values=row.values,
                chosen=op,
                seen=row.seen,
                close=self._shell.close,
            )
        )

    def disputes(self) -> None:
        """Every field in dispute, in one list."""
        self._open(sheets_lists.disputes(self._visit, self.settle))

    def leads(self) -> None:
        """Every lead of the visit."""
        self._open(sheets_briefing.leads(self._visit.leads, self.lead, self._shell.close))

    def lead(self, row: LeadRow) -> None:
        """What was found of one lead."""
        self._open(sheets_briefing.check_lead(self._session, row, self._shell.close))

    def close_scoring(self) -> None:
        """This person's own scoring, of a visit that is scored blind."""
        self._open(sheets_briefing.close_scoring(self._session, self._visit, self._shell.close))

    def close_for_another(self) -> None:
        """That of a member who cannot."""
        self._open(sheets_briefing.close_for_another(self._session, self._visit, self._shell.close))

    def _open(self, sheet: object) -> None:
        self._shell.open(sheet)  # type: ignore[arg-type]

    def finding(self, row: FindingRow) -> None:
        """A finding, and what can be done with it."""
        self._open(
            sheets_finding.finding(self._session, self._visit, row, self._shell.open, self._shell.close)
        )

    def _computer(self, row: ComputerRow) -> None:
        page = self._visit.computers
        if page is None or not page.may_check:
            return

        def substitute() -> None:
            self._open(sheets_computers.substitution(self._session, self._visit, row, self._shell.close))

        self._open(sheets_computers.result(self._session, row, self._shell.close, substitute))

    def _sample(self, row: SampleRow) -> None:
        self._open(sheets_computers.sample(row, self._shell.close))

    def _talks(self, row: InterviewRow) -> None:
        self._open(sheets_computers.talks(self._session, row, self._shell.close))

    def _step(self, step: str) -> None:
        visit, close = self._visit, self._shell.close
        match step:
            case "scored":
                self._scoring()
            case "answered":
                self._session.go(section="", item="", pane="items", only="open")
            case "settled":
                self.disputes()
            case "deliberated":
                self._open(sheets_visit.deliberation(self._session, visit, close))
            case _:
                self._open(sheets_visit.submission(self._session, visit, close))

    def _scoring(self) -> None:
        scoring = self._visit.head.scoring
        if scoring is not None and scoring.may_close:
            self.close_scoring()
        elif scoring is not None and scoring.may_close_others:
            self.close_for_another()

    def _state(self, row: FindingRow) -> None:
        if "unit_stated" in self._visit.head.may:
            self._open(sheets_finding.stated(self._session, self._visit, row, self._shell.close))

    def _accept_all(self) -> None:
        """Of those that are unheard now: the button of a moment ago may still be there."""
        unheard = [row for row in self._visit.findings or () if row.unheard]
        if unheard:
            self._session.do_all(
                [
                    Call("unit_states", (row.finding, ""), {"accepts": True, "seen": row.statement_seen})
                    for row in unheard
                ]
            )

    def _sign(self, row: SignatureRow) -> None:
        self._open(sheets_closing.signature(self._session, self._visit, row, self._shell.close))
