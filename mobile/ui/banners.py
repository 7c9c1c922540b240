"""What stands above the items of a visit: the stage it is in, and the first thing to do about it."""

from collections.abc import Callable
from typing import Any, NamedTuple

from mobile.ui.banner import Banner
from mobile.ui.cards import Fact
from mobile.ui.kit_controls import button
from mobile.ui.shown import VisitShown
from mobile.ui.words import say, words
from mobile.words import listed

LIVE = ("prepared", "opened", "deliberated", "returned")
"""Stages in which a squad can still look into something."""


class Acts(NamedTuple):
    """What the banners' buttons do."""

    open_visit: Callable[[], None]
    close_scoring: Callable[[], None]
    close_for_another: Callable[[], None]
    see_leads: Callable[[], None]


def banners(visit: VisitShown, acts: Acts) -> list[Banner]:
    """From the most to the least pressing."""
    head = visit.head
    found = []
    if head.stage == "prepared":
        detail = say("visit.prepared_explain")
        if head.scoring is not None:
            detail += " " + say("blind.prepared")
        banner = Banner(icon="letter", title=say("visit.prepared"), detail=detail)
        if "opened" in head.may:
            banner.ids.acts.add_widget(button(say("visit.open"), acts.open_visit, kind="primary"))
        found.append(banner)
    elif head.stage == "returned":
        banner = Banner(icon="undo", tone="warn", title=say("visit.returned"))
        for remark in head.remarks:
            banner.add_widget(Fact(icon="", text=remark))
        found.append(banner)
    elif head.stage in ("submitted", "accepted", "locked", "aborted"):
        found.append(Banner(icon="lock", tone="muted", title=say("visit.closed", stage=head.stage_text)))
    elif head.scoring is not None:
        found.append(_scoring(head.scoring, acts))
    if head.leads_open and head.stage in LIVE:
        banner = Banner(icon="search", tone="warn", title=say("lead.banner", count=head.leads_open))
        banner.ids.acts.add_widget(button(say("lead.see"), acts.see_leads, kind="outline"))
        found.append(banner)
    return found


def _scoring(scoring: Any, acts: Acts) -> Banner:
    names = listed((name for _, name in scoring.waiting), words.language)
    waiting = say("blind.waiting", names=names) if names else ""
    if scoring.may_close:
        banner = Banner(icon="people", title=say("blind.title"), detail=say("blind.explain"))
        banner.ids.acts.add_widget(button(say("blind.close"), acts.close_scoring, kind="outline"))
    else:
        title = say("blind.closed" if scoring.closed else "blind.onlooker")
        banner = Banner(icon="pending", tone="warn", title=title, detail=waiting)
    if scoring.may_close_others and scoring.closed:
        banner.ids.acts.add_widget(button(say("blind.other"), acts.close_for_another, kind="outline"))
    return banner
