"""Sheets about blind scoring and about leads to verify."""

from collections.abc import Callable, Sequence

from mobile.rows import LeadRow
from mobile.ui.cards import Fact, Said
from mobile.ui.cards_before import LeadCard
from mobile.ui.kit_controls import Field, Segmented, Tick, button
from mobile.ui.kit_sheet import Sheet
from mobile.ui.kit_text import Text
from mobile.ui.memory import Drafts
from mobile.ui.session import Session
from mobile.ui.shown import VisitShown
from mobile.ui.words import joined, say
from shared_schema.ids import PersonId

Close = Callable[[], None]


def close_scoring(session: Session, visit: VisitShown, close: Close) -> Sheet:
    """One's own scoring is closed for good: asked once more, because it cannot be taken back."""
    sheet = Sheet(title=say("blind.close_title"))
    left = visit.score.open_items

    def record() -> None:
        close()
        session.do("close_scoring", PersonId(session.place.person), told=say("blind.done"))

    sheet.put(
        Fact(
            icon="open" if left else "check",
            text=say("blind.close_open", count=left) if left else say("blind.close_none_open"),
            tone="warn" if left else "ok",
        ),
        Text(content=say("blind.close_explain"), tone="ink_2"),
    )
    sheet.act(
        button(say("cancel"), close, kind="plain"),
        button(say("blind.close"), record, kind="primary", icon="check"),
    )
    return sheet


def close_for_another(session: Session, visit: VisitShown, close: Close) -> Sheet:
    """The leader closes the scoring of a member who cannot, with the reason."""
    sheet = Sheet(title=say("blind.other_title"))
    scoring = visit.head.scoring
    others = [one for one in (scoring.waiting if scoring else ()) if one[0] != session.place.person]
    ticks = [Tick(text=name, radio=True) for _, name in others]
    reason = Field(label=say("blind.other_reason"), lines=3, limit=400)
    drafts = Drafts("blind/reason")
    drafts.follow(reason)

    def choose(chosen: Tick) -> None:
        for tick in ticks:
            tick.on = tick is chosen

    for tick in ticks:
        tick.bind(on_release=choose)

    def record() -> None:
        who = next((one[0] for one, tick in zip(others, ticks, strict=True) if tick.on), None)
        if who is None or not reason.text.strip():
            reason.problem = say("blind.other_cure")
            return
        close()
        why, told = reason.text.strip(), say("blind.other_done")
        session.do("close_scoring", who, why, told=told, then=drafts.forget)

    sheet.put(Text(content=say("blind.other_explain"), tone="ink_2"), *ticks, reason)
    sheet.act(
        button(say("cancel"), drafts.giving_up(close), kind="plain"),
        button(say("blind.other_record"), record, kind="primary", icon="check"),
    )
    return sheet


def leads(rows: Sequence[LeadRow], check: Callable[[LeadRow], None], close: Close) -> Sheet:
    """All leads of the visit."""
    sheet = Sheet(title=say("lead.title"))
    for row in rows:
        card = LeadCard(row)
        card.bind(on_check=lambda _, one: check(one))
        sheet.put(card)
    if not rows:
        sheet.put(Text(content=say("lead.none"), tone="ink_2"))
    sheet.act(button(say("close"), close, kind="plain"))
    return sheet


def check_lead(session: Session, row: LeadRow, close: Close) -> Sheet:
    """Whether a lead is true, and what was seen."""
    sheet = Sheet(title=say("lead.record_title"), dock="top")
    drafts = Drafts(f"{row.lead}/lead")
    finding = Segmented(
        options=[
            ("true", say("lead.true"), "problem", "bad"),
            ("untrue", say("lead.untrue"), "answered", "ok"),
        ],
        value=row.state if row.state in ("true", "untrue") else "",
    )
    finding.bind(on_pick=lambda one, key: setattr(one, "value", key))
    note = Field(label=say("lead.note"), hint=say("lead.note_hint"), lines=4, limit=4000, text=row.note)
    drafts.follow(note)
    drafts.follow(finding, "verified", "value")

    def record() -> None:
        if not finding.value:
            note.problem = say("lead.choose")
            return
        close()
        session.do(
            "check_lead",
            row.lead,
            verified=finding.value == "true",
            note=note.text.strip(),
            seen=row.seen,
            told=say("lead.done"),
            then=drafts.forget,
        )

    sheet.put(Said(text=joined(row.item, row.text), by=row.paper_ref, strong=True), finding, note)
    sheet.act(
        button(say("cancel"), drafts.giving_up(close), kind="plain"),
        button(say("save"), record, kind="primary"),
    )
    sheet.finding, sheet.note = finding, note
    return sheet
