"""Sheets about one item: N/A, the note, a finding, a settlement."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from mobile.rows import FindingRow, ItemDetail, ValueRow
from mobile.ui.cards import DisputeValue
from mobile.ui.kit_controls import Field, Segmented, Stepper, Tick, button
from mobile.ui.kit_sheet import Sheet
from mobile.ui.kit_text import Text
from mobile.ui.session import Session
from mobile.ui.words import joined, say
from shared_schema.ids import FieldKey, OpId
from shared_schema.operations import Finding

Close = Callable[[], None]


def not_applicable(session: Session, detail: ItemDetail, close: Close) -> Sheet:
    """Why the item does not apply here; another member must consent."""
    sheet = Sheet(title=say("na.title", code=detail.code))
    reasons = [Tick(text=words_said, radio=True) for _, words_said in detail.na_reasons]
    explanation = Field(label=say("na.explanation"), hint=say("na.hint"), lines=4, limit=4000)
    cure = Text(content="", tone="bad")

    def choose(chosen: Tick) -> None:
        for tick in reasons:
            tick.on = tick is chosen

    for tick in reasons:
        tick.bind(on_release=choose)
    if len(reasons) == 1:
        choose(reasons[0])

    def record() -> None:
        chosen = next((row[0] for row, tick in zip(detail.na_reasons, reasons, strict=True) if tick.on), None)
        if chosen is None:
            cure.content = say("na.choose")
            return
        close()
        session.do("not_applicable", detail.item, chosen, explanation.text.strip(), seen=detail.seen)

    sheet.put(
        Text(content=detail.text, tone="ink_2"),
        Text(content=say("na.reason"), strong=True),
        *reasons,
        cure,
        explanation,
        Text(content=say("na.explain"), tone="ink_2", type="hint"),
    )
    sheet.act(button(say("cancel"), close, kind="plain"), button(say("na.record"), record, kind="primary"))
    return sheet


def note(session: Session, detail: ItemDetail, close: Close) -> Sheet:
    """One's own note, docked at the top so that no keyboard covers it."""
    sheet = Sheet(title=say("note.title", code=detail.code), dock="top")
    text = Field(label=say("note.mine"), hint=say("note.hint"), text=detail.own_note, lines=6, limit=4000)

    def save() -> None:
        close()
        if text.text.strip() != detail.own_note:
            session.do("note", detail.item, text.text.strip(), seen=detail.note_seen)

    sheet.put(text)
    sheet.act(button(say("cancel"), close, kind="plain"), button(say("save"), save, kind="primary"))
    text.take_focus()
    return sheet


def settlement(
    session: Session,
    *,
    code: str,
    field: FieldKey,
    values: Sequence[ValueRow],
    chosen: str,
    seen: Sequence[OpId],
    close: Close,
) -> Sheet:
    """The leader adopts one of the values, with a reason."""
    sheet = Sheet(title=say("dispute.settle_title", code=code))
    cards: dict[str, Any] = {}
    for value in values:
        by = joined(value.author, value.when)
        cards[value.op] = DisputeValue(
            text=value.text, explanation=value.explanation, by=by, may=True, size_hint_y=None
        )

    def adopt(op: str) -> None:
        sheet.adopted = op
        for one, card in cards.items():
            card.chosen = one == op

    for op, card in cards.items():
        card.bind(minimum_height=card.setter("height"))
        card.bind(on_adopt=lambda _, op=op: adopt(op))
    adopt(chosen)
    reason = Field(label=say("dispute.reason"), hint=say("dispute.reason_hint"), lines=3, limit=4000)

    def settle() -> None:
        if not reason.text.strip():
            reason.problem = say("dispute.reason_missing")
            return
        close()
        session.do("settle", field, OpId(sheet.adopted), reason.text.strip(), seen=seen)

    sheet.put(*cards.values(), reason)
    sheet.act(
        button(say("cancel"), close, kind="plain"),
        button(say("dispute.settle"), settle, kind="primary", tone="dispute", icon="settle"),
    )
    sheet.reason = reason
    return sheet


class FindingForm:
    """The fields of a finding, from and to a `Finding`."""

    def __init__(self, before: Finding | None) -> None:
        self._before = before
        self.fact = Field(
            label=say("finding.fact"),
            hint=say("finding.fact_hint"),
            lines=5,
            limit=4000,
            text="" if before is None else before.fact,
        )
        self.severity = _choice(
            [("severe", "problem", "bad"), ("general", "", "warn"), ("minor", "", "ink_2")],
            "severity",
            "general" if before is None else before.severity,
        )
        self.disposal = _choice(
            [("fix_now", "check", "accent"), ("fix_by", "date", "accent")],
            "disposal",
            "fix_by" if before is None else before.disposal,
        )
        self.due = Field(
            label=say("finding.due"), hint=say("finding.due_hint"), text="" if before is None else before.due
        )
        self.cause = Field(label=say("finding.cause"), text="" if before is None else before.cause)
        self.occurrences = Stepper(
            value=1 if before is None else before.occurrences, lowest=1, highest=10_000, typed=True
        )
        self.occurrences.bind(on_step=lambda stepper, value: setattr(stepper, "value", value))
        self.common = Tick(text=say("finding.common"), on=before is not None and before.common)
        self.common.bind(on_release=lambda tick: setattr(tick, "on", not tick.on))

    def widgets(self) -> list[Any]:
        """All fields in order, with their labels."""
        return [
            self.fact,
            Text(content=say("finding.severity"), tone="ink_2", type="hint"),
            self.severity,
            Text(content=say("finding.disposal"), tone="ink_2", type="hint"),
            self.disposal,
            self.due,
            Text(content=say("finding.occurrences"), tone="ink_2", type="hint"),
            self.occurrences,
            self.cause,
            self.common,
        ]

    def read(self, item: str) -> Finding | None:
        """The finding as filled in; None when something is missing, which the fields then say."""
        due = self.due.text.strip() if self.disposal.value == "fix_by" else ""
        self.fact.problem = "" if self.fact.text.strip() else say("finding.fact_missing")
        self.due.problem = "" if not due or _is_date(due) else say("finding.due_cure")
        if self.fact.problem or self.due.problem:
            return None
        before = self._before
        return Finding(
            finding="" if before is None else before.finding,
            item=item,
            fact=self.fact.text.strip(),
            severity=self.severity.value,
            cause=self.cause.text.strip(),
            basis=() if before is None else before.basis,
            common=self.common.on,
            occurrences=int(self.occurrences.value),
            device="" if before is None else before.device,
            disposal=self.disposal.value,
            due=due,
        )


def new_finding(session: Session, detail: ItemDetail, close: Close) -> Sheet:
    """A problem found on this item."""
    sheet = Sheet(title=say("finding.new_title", code=detail.code))
    form = FindingForm(None)

    def record() -> None:
        finding = form.read(detail.item)
        if finding is not None:
            close()
            session.do("record_finding", finding)

    sheet.put(*form.widgets())
    sheet.act(
        button(say("cancel"), close, kind="plain"),
        button(say("finding.record"), record, kind="primary", icon="finding"),
    )
    sheet.form = form
    form.fact.take_focus()
    return sheet


def amended_finding(session: Session, row: FindingRow, code: str, close: Close) -> Sheet:
    """The finding as it should read."""
    sheet = Sheet(title=say("finding.amend_title", code=code))
    form = FindingForm(row.text)
    reason = Field(label=say("finding.amend_reason"))

    def save() -> None:
        finding = form.read(row.item)
        if finding is not None:
            close()
            session.do("amend_finding", finding, reason.text.strip(), seen=row.seen)

    sheet.put(*form.widgets(), reason)
    sheet.act(button(say("cancel"), close, kind="plain"), button(say("finding.amend"), save, kind="primary"))
    sheet.form = form
    return sheet


def _choice(options: Sequence[tuple[str, str, str]], words_of: str, value: str) -> Segmented:
    choice = Segmented(
        options=[(key, say(f"{words_of}.{key}"), icon, tone) for key, icon, tone in options], value=value
    )
    choice.bind(on_pick=lambda one, key: setattr(one, "value", key))
    return choice


def _is_date(text: str) -> bool:
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
