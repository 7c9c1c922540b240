"""Sheets about the whole visit: opening it, deliberating, handing it in, and why the score is what it is."""

from collections.abc import Callable

from kivy.properties import BooleanProperty, StringProperty

from mobile.closing_views import REMOVED, trace
from mobile.ui.cards import Fact
from mobile.ui.icons import ICONS
from mobile.ui.kit import load_rules
from mobile.ui.kit_controls import Field, Press, Tick, button
from mobile.ui.kit_sheet import Sheet
from mobile.ui.kit_text import Text
from mobile.ui.memory import Drafts
from mobile.ui.session import Session
from mobile.ui.shown import VisitShown
from mobile.ui.words import say, words


class TraceAct(Press):
    """One reason why points are off."""

    code = StringProperty("")
    points = StringProperty("")
    text = StringProperty("")
    sure = BooleanProperty(True)


Close = Callable[[], None]


def heading(text: str) -> Text:
    """A heading inside a sheet."""
    return Text(content=text, strong=True)


def opening(session: Session, visit: VisitShown, close: Close) -> Sheet:
    """Who is there, was the task letter shown, was recusal asked: then the visit is open."""
    sheet = Sheet(title=say("visit.open"))
    person = session.place.person
    members = [Tick(text=name, detail=role, on=member == person) for member, name, role in visit.head.members]
    letter, recusal = Tick(text=say("open.letter")), Tick(text=say("open.recusal"))
    cure = Text(content="", tone="bad")

    def flip(tick: Tick) -> None:
        tick.on = not tick.on

    for tick in (*members, letter, recusal):
        tick.bind(on_release=flip)

    def open_visit() -> None:
        there = [row[0] for row, tick in zip(visit.head.members, members, strict=True) if tick.on]
        if len(there) < 2 or not letter.on or not recusal.on:
            cure.content = say("open.cure")
            return
        close()
        session.do(
            "open_visit",
            members=there,
            task_letter_shown=letter.on,
            recusal_asked=recusal.on,
            told=say("open.done"),
        )

    sheet.put(heading(say("open.members")), *members, letter, recusal, cure)
    sheet.act(
        button(say("cancel"), close, kind="plain"), button(say("visit.open"), open_visit, kind="primary")
    )
    sheet.ticks = {**{row[0]: tick for row, tick in zip(visit.head.members, members, strict=True)}}
    sheet.letter, sheet.recusal = letter, recusal
    return sheet


def deliberation(session: Session, visit: VisitShown, close: Close) -> Sheet:
    """What the squad goes through together, and its opinion."""
    sheet = Sheet(title=say("visit.deliberate"))
    opinion = Field(label=say("deliberate.opinion"), lines=4, limit=4000)
    drafts = Drafts("deliberate")
    drafts.follow(opinion)

    def done() -> None:
        close()
        session.do("deliberate", opinion.text.strip(), told=say("deliberate.done"), then=drafts.forget)

    sheet.put(Text(content=say("deliberate.explain"), tone="ink_2"), *_open_ends(visit), opinion)
    sheet.act(
        button(say("cancel"), drafts.giving_up(close), kind="plain"),
        button(say("deliberate.record"), done, kind="primary", icon="check"),
    )
    return sheet


def submission(session: Session, visit: VisitShown, close: Close) -> Sheet:
    """The inspection is handed in; what is not settled is said, and may stay so."""
    sheet = Sheet(title=say("visit.submit"))
    remark = Field(label=say("submit.remark"), lines=3, limit=4000)
    drafts = Drafts("submit")
    drafts.follow(remark)
    ready = visit.score.final and not visit.disputes

    def done() -> None:
        close()
        session.do("submit", remark.text.strip(), told=say("submit.done"), then=handed_in)

    def handed_in() -> None:
        drafts.forget()
        session.sync(quietly=True)

    sheet.put(
        Text(content=say("submit.ready" if ready else "submit.not_ready")),
        *_open_ends(visit),
        remark,
        Text(content=say("submit.explain"), tone="ink_2", type="hint"),
    )
    sheet.act(
        button(say("cancel"), drafts.giving_up(close), kind="plain"),
        button(say("visit.submit"), done, kind="primary", icon="hand_in"),
    )
    return sheet


def why(visit: VisitShown, go_to: Callable[[str], None]) -> Sheet:
    """The score as it stands, what keeps it a range, and every reason why points are off; a tap goes to the item."""
    sheet = Sheet(title=say("score.title"))
    sheet.put(
        Text(content=visit.score.text, strong=True, type="score"),
        Text(content=visit.score.grade_text),
    )
    if visit.score.why:
        sheet.put(heading(say("score.why")), *(Fact(icon="info", text=reason) for reason in visit.score.why))
    else:
        sheet.put(Text(content=say("score.final"), tone="ink_2"))
    steps = [zh if words.language == "zh" else en for zh, en in visit.whole.sheet.steps]
    if steps:
        sheet.put(
            heading(say("trace.steps")), *(Text(content=step, type="hint", tone="ink_2") for step in steps)
        )
    for section in trace(visit.whole, words.language):
        if not section.points_text and not section.lines:
            continue
        code = "" if section.section in {*ICONS, REMOVED} else section.section
        sheet.put(heading("  ".join(one for one in (code, section.title, section.points_text) if one)))
        if not section.lines:
            sheet.put(Text(content=say("trace.all"), type="hint", tone="ink_2"))
        for line in section.lines:
            if section.section == REMOVED:
                sheet.put(Text(content=f"{line.item}  {line.text}", type="hint"))
                continue
            act = TraceAct(code=line.item, points=line.points, text=line.text, sure=line.sure)
            act.bind(on_release=lambda one: go_to(one.code))
            sheet.put(act)
    return sheet


def _open_ends(visit: VisitShown) -> list[Fact]:
    score = visit.score
    return [
        Fact(
            icon="open" if score.open_items else "check",
            text=say("deliberate.open_items", count=score.open_items),
            tone="warn" if score.open_items else "ok",
        ),
        Fact(
            icon="disputed",
            text=say("deliberate.disputes", count=len(visit.disputes)),
            tone="dispute" if visit.disputes else "ok",
        ),
        Fact(icon="problem", text=say("deliberate.problems", count=score.problems), tone="ink_2"),
    ]


load_rules(__file__)
