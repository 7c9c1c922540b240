"""The form of a finding: recording one and amending one fill in the same fields."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from mobile.rows import FindingRow, ItemDetail
from mobile.ui.kit_controls import Field, Segmented, Stepper, Tick, button
from mobile.ui.kit_sheet import Sheet
from mobile.ui.kit_text import Text
from mobile.ui.memory import Drafts
from mobile.ui.page import picks
from mobile.ui.session import Session
from mobile.ui.shown import VisitShown
from mobile.ui.verbs import Call
from mobile.ui.words import say, words
from mobile.words import basis_codes, basis_texts, in_turn
from shared_schema.operations import BASIS_MAX, Finding

Close = Callable[[], None]
DAYS = (7, 15, 30, 60)
"""Deadlines that are offered, in days after the visit."""
DEVICES_MAX = 12
"""Computers offered by a tap: what was drawn or checked; any other number can be typed."""


class FindingForm:
    """The fields of a finding, from and to a `Finding`."""

    def __init__(self, given: Finding, visit: VisitShown, draft: str) -> None:
        self._given = given
        self.fact = Field(
            label=say("finding.fact"), hint=say("finding.fact_hint"), lines=5, limit=4000, text=given.fact
        )
        self.severity = _choice(
            [("severe", "problem", "bad"), ("general", "", "warn"), ("minor", "", "ink_2")],
            "severity",
            given.severity,
        )
        self.disposal = _choice(
            [("fix_now", "check", "accent"), ("fix_by", "date", "accent")], "disposal", given.disposal
        )
        self.due = Field(label=say("finding.due"), hint=say("finding.due_hint"), text=given.due)
        self.cause = Field(label=say("finding.cause"), text=given.cause)
        self.basis = Field(
            label=say("finding.basis"),
            hint=say("finding.basis_hint"),
            text=in_turn(basis_texts(given.basis, words.language), words.language),
        )
        self.device = Field(
            label=say("finding.device"), hint=say("finding.device_hint"), text=given.device, limit=400
        )
        self.occurrences = Stepper(value=given.occurrences, lowest=1, highest=10_000, typed=True)
        self.occurrences.bind(on_step=lambda stepper, value: setattr(stepper, "value", value))
        self.common = Tick(text=say("finding.common"), on=given.common)
        self.common.bind(on_release=lambda tick: setattr(tick, "on", not tick.on))
        self._dates = _dates(visit.head.day)
        self._devices = _devices(visit)
        kept = {
            "fact": (self.fact, "text"),
            "severity": (self.severity, "value"),
            "disposal": (self.disposal, "value"),
            "due": (self.due, "text"),
            "cause": (self.cause, "text"),
            "device": (self.device, "text"),
            "basis": (self.basis, "text"),
            "occurrences": (self.occurrences, "value"),
            "common": (self.common, "on"),
        }
        self.drafts = Drafts(draft)
        for part, (field, name) in kept.items():
            self.drafts.follow(field, part, name)

    def widgets(self) -> list[Any]:
        """All fields in order, with their labels."""
        return [
            self.fact,
            _label("finding.severity"),
            self.severity,
            _label("finding.disposal"),
            self.disposal,
            self.due,
            *([picks(*((text, _fill(self.due, date)) for text, date in self._dates))] if self._dates else []),
            self.device,
            *([picks(*((one, _fill(self.device, one)) for one in self._devices))] if self._devices else []),
            _label("finding.occurrences"),
            self.occurrences,
            self.cause,
            self.basis,
            self.common,
        ]

    def read(self, item: str) -> Finding | None:
        """The finding as filled in; None when something is missing, which the fields then say."""
        due = self.due.text.strip() if self.disposal.value == "fix_by" else ""
        self.fact.problem = "" if self.fact.text.strip() else say("finding.fact_missing")
        self.due.problem = "" if not due or _is_date(due) else say("finding.due_cure")
        basis = basis_codes(self.basis.text)
        self.basis.problem = say("finding.basis_many", most=BASIS_MAX) if len(basis) > BASIS_MAX else ""
        if self.fact.problem or self.due.problem or self.basis.problem:
            return None
        return Finding(
            finding=self._given.finding,
            item=item,
            fact=self.fact.text.strip(),
            severity=self.severity.value,
            cause=self.cause.text.strip(),
            basis=basis,
            common=self.common.on,
            occurrences=int(self.occurrences.value),
            device=self.device.text.strip(),
            disposal=self.disposal.value,
            due=due,
        )


def new_finding(
    session: Session, visit: VisitShown, detail: ItemDetail, close: Close, earlier: str = ""
) -> Sheet:
    """A problem found on this item; with `earlier` it repeats that finding of an earlier year."""
    sheet = Sheet(title=say("finding.new_title", code=detail.code))
    entry = visit.whole.checklist.entry(detail.item)
    blank = Finding(finding=session.new_id(), item=detail.item, fact="", basis=entry.basis if entry else ())
    form = FindingForm(blank, visit, f"{detail.item}/finding{earlier}")
    again = next((row for row in detail.earlier if row.finding == earlier), None)
    if again is not None:
        sheet.put(Text(content=f"{again.year} · {again.fact}", tone="ink_2"))

    def record() -> None:
        finding = form.read(detail.item)
        if finding is not None:
            close()
            told = say("finding.done")
            calls = [Call("record_finding", (finding,))]
            if earlier:
                calls.append(Call("repeat_of", (finding.finding, earlier)))
            session.do_all(calls, told=told, then=form.drafts.forget)

    sheet.put(*form.widgets())
    sheet.act(
        button(say("cancel"), form.drafts.giving_up(close), kind="plain"),
        button(say("finding.record"), record, kind="primary", icon="finding"),
    )
    sheet.form = form
    form.fact.take_focus()
    return sheet


def amended_finding(session: Session, visit: VisitShown, row: FindingRow, close: Close) -> Sheet:
    """The finding as it should read."""
    sheet = Sheet(title=say("finding.amend_title", code=row.item))
    given = row.text or Finding(finding=row.finding, item=row.item, fact="")
    form = FindingForm(given, visit, f"{row.finding}/amend")
    reason = Field(label=say("finding.amend_reason"))
    form.drafts.follow(reason, "reason")

    def save() -> None:
        finding = form.read(row.item)
        if finding is not None:
            close()
            why = reason.text.strip()
            session.do("amend_finding", finding, why, seen=row.seen, then=form.drafts.forget)

    sheet.put(*form.widgets(), reason)
    sheet.act(
        button(say("cancel"), form.drafts.giving_up(close), kind="plain"),
        button(say("finding.amend"), save, kind="primary"),
    )
    sheet.form = form
    return sheet


def _label(key: str) -> Text:
    return Text(content=say(key), tone="ink_2", type="hint")


def _fill(field: Field, text: str) -> Callable[[], None]:
    return lambda: setattr(field, "text", text)


def _choice(options: Sequence[tuple[str, str, str]], words_of: str, value: str) -> Segmented:
    choice = Segmented(
        options=[(key, say(f"{words_of}.{key}"), icon, tone) for key, icon, tone in options], value=value
    )
    choice.bind(on_pick=lambda one, key: setattr(one, "value", key))
    return choice


def _dates(day: str) -> list[tuple[str, str]]:
    """(words, date) of the deadlines offered; none where the visit has no date."""
    if not _is_date(day):
        return []
    first = dt.date.fromisoformat(day)
    return [(say("finding.days", count=one), (first + dt.timedelta(one)).isoformat()) for one in DAYS]


def _devices(visit: VisitShown) -> list[str]:
    inspection = visit.whole.inspection
    numbers = [number for cell in inspection.samples for number in cell.value.drawn]
    numbers += [cell.value.register_no for cell in inspection.devices]
    return list(dict.fromkeys(numbers))[:DEVICES_MAX]


def _is_date(text: str) -> bool:
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
