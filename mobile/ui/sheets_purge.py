"""Sheets about clearing this tablet: what may go and why the rest stays; and wanting a visit back."""

from functools import partial

from mobile import sync_views
from mobile.purge import Plan, Purged, Why
from mobile.ui.cards import Fact
from mobile.ui.kit_controls import button
from mobile.ui.kit_sheet import Sheet
from mobile.ui.kit_text import Text
from mobile.ui.session import Session
from mobile.ui.words import say, words
from mobile.words import headed, noted

STAYING: tuple[tuple[Why, str], ...] = (
    ("under_way", "edit"),
    ("pending", "pending"),
    ("no_backup", "offline"),
)
"""Why visits stay, and the icon of each; its words are `purge.<why>`."""

SHOWN_BYTES_MIN = 100_000
"""Less is not worth a figure."""


def clearing(session: Session) -> None:
    """Reads what may go, and asks."""
    session.sync_desk.purge_plan(lambda plan: session.dispatch("on_sheet", asking(session, plan)))


def asking(session: Session, plan: Plan) -> Sheet:
    """What may go, what stays and why; it goes only when the person says so."""
    sheet = Sheet(title=say("purge.title"))
    close = partial(sheet.dispatch, "on_close")
    visits, photos = len(plan.visits), len(plan.photos)
    sheet.put(Text(content=say("purge.explain"), tone="ink_2"))
    if visits or photos:
        told = str(visits)
        if plan.size_bytes >= SHOWN_BYTES_MIN:
            told = noted(told, sync_views.size(plan.size_bytes), words.language)
        sheet.put(
            Fact(icon="answered", tone="ok", text=headed(say("purge.visits"), told, words.language)),
            Fact(icon="camera", tone="ok", text=headed(say("purge.photos"), str(photos), words.language)),
        )
    else:
        sheet.put(Text(content=say("purge.nothing"), strong=True))
    for why, icon in STAYING:
        if count := plan.staying(why):
            sheet.put(
                Fact(icon=icon, tone="ink_2", text=headed(say(f"purge.{why}"), str(count), words.language))
            )

    def go() -> None:
        close()
        session.sync_desk.purge(plan, done)

    def done(purged: Purged) -> None:
        session.tell(say("purge.done", visits=purged.visits, photos=purged.photos), "check")

    sheet.act(button(say("cancel"), close, kind="plain"))
    if visits or photos:
        sheet.act(button(say("purge.do"), go, kind="primary", icon="delete"))
    return sheet


def fetching(session: Session, inspection: str, unit: str) -> Sheet:
    """A visit that was cleared: who has it now, and how to get it back."""
    sheet = Sheet(title=say("purge.fetch_title"))
    close = partial(sheet.dispatch, "on_close")
    sheet.put(Text(content=say("purge.fetch_explain", unit=unit)))

    def go() -> None:
        close()
        session.sync_desk.fetch_again(inspection, session.sync)

    sheet.act(
        button(say("cancel"), close, kind="plain"),
        button(say("purge.fetch"), go, kind="primary", icon="sync"),
    )
    return sheet
