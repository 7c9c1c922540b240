"""Sheets about one item: N/A and a colleague's consent to it, the note, a settlement."""

from collections.abc import Callable, Sequence
from typing import Any

from mobile.rows import ItemDetail, ValueRow
from mobile.ui.cards import DisputeValue
from mobile.ui.kit_controls import Field, Tick, button
from mobile.ui.kit_sheet import Sheet
from mobile.ui.kit_text import Text
from mobile.ui.memory import Drafts
from mobile.ui.page import picks
from mobile.ui.session import Session
from mobile.ui.words import joined, say
from shared_schema.ids import FieldKey, OpId, PersonId

Close = Callable[[], None]
PHRASES = 8
"""How many phrases there are to pick for a note: `phrase.1` and so on."""
PROFILE_SAYS = {True: "na.profile_says", False: "na.profile_denies"}
"""What a reason rests on, or is contradicted by."""


def not_applicable(session: Session, detail: ItemDetail, close: Close) -> Sheet:
    """Why the item does not apply here; another member must consent."""
    sheet = Sheet(title=say("na.title", code=detail.code))
    reasons = [
        Tick(text=one.text, detail=say(PROFILE_SAYS[one.holds]) if one.holds is not None else "", radio=True)
        for one in detail.na_reasons
    ]
    explanation = Field(label=say("na.explanation"), hint=say("na.hint"), lines=4, limit=4000)
    drafts = Drafts(f"{detail.item}/na")
    drafts.follow(explanation)
    cure = Text(content="", tone="bad")

    def choose(chosen: Tick) -> None:
        for tick in reasons:
            tick.on = tick is chosen

    for tick in reasons:
        tick.bind(on_release=choose)
    likely = [tick for one, tick in zip(detail.na_reasons, reasons, strict=True) if one.holds] or reasons
    if len(likely) == 1:
        choose(likely[0])

    def record() -> None:
        chosen = next(
            (one.code for one, tick in zip(detail.na_reasons, reasons, strict=True) if tick.on), None
        )
        if chosen is None:
            cure.content = say("na.choose")
            return
        close()
        session.do(
            "not_applicable",
            detail.item,
            chosen,
            explanation.text.strip(),
            seen=detail.seen,
            then=drafts.forget,
        )

    sheet.put(
        Text(content=detail.text, tone="ink_2"),
        Text(content=say("na.reason"), strong=True),
        *reasons,
        cure,
        explanation,
        Text(content=say("na.explain"), tone="ink_2", type="hint"),
    )
    sheet.act(
        button(say("cancel"), drafts.giving_up(close), kind="plain"),
        button(say("na.record"), record, kind="primary"),
    )
    return sheet


def note(session: Session, detail: ItemDetail, close: Close) -> Sheet:
    """One's own note, docked at the top so that no keyboard covers it; phrases are a tap away."""
    sheet = Sheet(title=say("note.title", code=detail.code), dock="top")
    text = Field(label=say("note.mine"), hint=say("note.hint"), text=detail.own_note, lines=6, limit=4000)
    drafts = Drafts(f"{detail.item}/note")
    drafts.follow(text)

    def add(phrase: str) -> None:
        gap = "" if not text.text or text.text[-1] in "\n " else " " if phrase.isascii() else ""
        text.text += gap + phrase

    give_up = drafts.giving_up(close)

    def save() -> None:
        if text.text.strip() == detail.own_note:
            give_up()
            return
        close()
        session.do("note", detail.item, text.text.strip(), seen=detail.note_seen, then=drafts.forget)

    phrases = [say(f"phrase.{number}") for number in range(1, PHRASES + 1)]
    sheet.put(text, picks(*((one, lambda one=one: add(one)) for one in phrases)))
    sheet.act(button(say("cancel"), give_up, kind="plain"), button(say("save"), save, kind="primary"))
    text.take_focus()
    return sheet


def consent(session: Session, detail: ItemDetail, close: Close) -> Sheet:
    """A colleague takes the tablet, and consents to the N/A with their own PIN."""
    sheet = Sheet(title=say("consent.title"), dock="top")
    people = {person: Tick(text=name, radio=True) for person, name in detail.consent_from}
    pin = Field(label=say("consent.pin"), limit=32)
    pin.ids.entry.password = True

    def choose(chosen: Tick) -> None:
        for tick in people.values():
            tick.on = tick is chosen

    for tick in people.values():
        tick.bind(on_release=choose)

    def refused(sentence: str) -> None:
        pin.text, pin.problem = "", sentence

    def record() -> None:
        who = next((person for person, tick in people.items() if tick.on), "")
        if not who or not pin.text:
            pin.problem = say("consent.cure")
            return
        session.prove(PersonId(who), pin.text, lambda: known(who), refused)

    def known(who: str) -> None:
        if sheet.leaving:
            return  # the button was pressed twice while the PIN was looked at
        close()
        reason = next((value.na_reason for value in detail.values if value.na_reason), "")
        session.do("consent", detail.item, reason, person=who, told=say("consent.done"))

    sheet.put(
        Text(content=joined(detail.code, detail.values[0].text if detail.values else ""), strong=True),
        Text(content=say("consent.explain"), tone="ink_2"),
        Text(content=say("consent.who"), tone="ink_2", type="hint"),
        *people.values(),
        pin,
    )
    sheet.act(
        button(say("cancel"), close, kind="plain"),
        button(say("consent.record"), record, kind="primary", icon="check"),
    )
    sheet.people, sheet.pin = people, pin
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
    drafts = Drafts(f"settle/{field}")
    drafts.follow(reason)

    def settle() -> None:
        if not reason.text.strip():
            reason.problem = say("dispute.reason_missing")
            return
        close()
        session.do("settle", field, OpId(sheet.adopted), reason.text.strip(), seen=seen, then=drafts.forget)

    sheet.put(*cards.values(), reason)
    sheet.act(
        button(say("cancel"), drafts.giving_up(close), kind="plain"),
        button(say("dispute.settle"), settle, kind="primary", tone="dispute", icon="settle"),
    )
    sheet.reason = reason
    return sheet
