"""Sheets about one finding: what it says, and each thing that can be done with it."""

from collections.abc import Callable
from typing import Any

from mobile.photo_views import policy
from mobile.rows import FindingRow
from mobile.ui.cards import SEVERITY_TONES, Fact
from mobile.ui.finding_form import amended_finding
from mobile.ui.kit_controls import Field, Segmented, Tick, button
from mobile.ui.kit_sheet import Sheet
from mobile.ui.kit_text import Text
from mobile.ui.memory import Drafts
from mobile.ui.page import ActLine
from mobile.ui.photo_desk import Wanted
from mobile.ui.session import Session
from mobile.ui.shown import VisitShown
from mobile.ui.words import joined, say, words
from mobile.views import earlier_rows, finding_rows
from shared_schema.ids import PersonId

Close = Callable[[], None]
Open = Callable[[Sheet], None]


def finding(session: Session, visit: VisitShown, row: FindingRow, lay: Open, close: Close) -> Sheet:
    """The finding, and what can be done with it; `lay` lays another sheet in its place."""
    sheet = Sheet(title=say("finding.sheet", code=row.item))
    sheet.put(
        Text(content=row.fact, strong=True, type="item"),
        Fact(
            icon="finding",
            tone=SEVERITY_TONES.get(row.severity, "muted"),
            text=joined(row.severity_text, row.disposal_text, *row.marks),
        ),
        Fact(icon="person", text=joined(row.author, row.when)),
    )
    if row.basis_text:
        sheet.put(Fact(icon="basis", text=row.basis_text))
    if row.text is not None and row.text.cause:
        sheet.put(Fact(icon="info", text=row.text.cause))
    if row.text is not None and row.text.device:
        sheet.put(Fact(icon="computer", text=row.text.device))
    may = visit.head.may
    if row.text is not None and "finding" in may:
        for icon, key, detail, make in _acts(row):
            act = ActLine(
                icon=icon, text=say(key), detail=detail, tone="bad" if icon == "delete" else "accent"
            )
            act.bind(on_release=lambda _, make=make: lay(make(session, visit, row, close)))
            sheet.put(act)

    person = PersonId(session.place.person)
    if row.text is not None and policy(visit.whole, row.item, person).may_take:
        shoot = ActLine(icon="camera", text=say("photo.finding"))
        wanted = Wanted(row.item, row.finding)
        shoot.bind(on_release=lambda _: session.photo_desk.dispatch("on_wanted", wanted))
        sheet.put(shoot)

    def go() -> None:
        close()
        session.go(item=row.item, pane="item", only="")

    sheet.act(button(say("finding.go_to_item", code=row.item), go, kind="plain", icon="next"))
    return sheet


def _acts(row: FindingRow) -> tuple[tuple[str, str, str, Callable[..., Sheet]], ...]:
    """(icon, what it does, what stands so far, the sheet it opens)."""
    fix = f"{row.before} → {row.after}" if row.fixed else ""
    return (
        ("edit", "finding.edit", "", amended_finding),
        ("check", "finding.fix", fix, fixed),
        ("unit", "finding.unit_said", row.statement_text or say("finding.not_heard"), stated),
        ("history", "finding.mark_repeat", row.earlier_text, repeated),
        ("not_applicable", "finding.mark_duplicate", row.duplicate_text, duplicated),
        ("delete", "finding.withdraw", "", withdrawn),
    )


def fixed(session: Session, _visit: VisitShown, row: FindingRow, close: Close) -> Sheet:
    """Fixed on the spot: what it was before and after."""
    sheet = Sheet(title=say("finding.fix_title", code=row.item))
    drafts = Drafts(f"{row.finding}/fix")
    before = Field(label=say("finding.before"), lines=3, limit=4000, text=row.before or row.fact)
    after = Field(label=say("finding.after"), lines=3, limit=4000, text=row.after)
    drafts.follow(before, "before")
    drafts.follow(after, "after")

    def record() -> None:
        if not before.text.strip() or not after.text.strip():
            after.problem = say("finding.fix_missing")
            return
        close()
        texts = before.text.strip(), after.text.strip()
        session.do("fix", row.finding, *texts, seen=row.fix_seen, then=drafts.forget)

    sheet.put(Text(content=row.fact, tone="ink_2"), before, after)
    return _finished(sheet, drafts.giving_up(close), record)


def stated(session: Session, _visit: VisitShown, row: FindingRow, close: Close) -> Sheet:
    """What the unit says of it: accepts it, or objects and why."""
    sheet = Sheet(title=say("finding.unit_title", code=row.item))
    drafts = Drafts(f"{row.finding}/statement")
    says = Segmented(
        options=[
            ("accepts", say("finding.accepts"), "check", "ok"),
            ("objects", say("finding.objects"), "problem", "bad"),
        ],
        value="" if row.accepts is None else "accepts" if row.accepts else "objects",
    )
    says.bind(on_pick=lambda one, key: setattr(one, "value", key))
    text = Field(label=say("finding.statement"), lines=4, limit=4000, text=row.statement)
    drafts.follow(text)
    drafts.follow(says, "says", "value")

    def record() -> None:
        if not says.value or (says.value == "objects" and not text.text.strip()):
            text.problem = say("finding.statement_missing")
            return
        close()
        session.do(
            "unit_states",
            row.finding,
            text.text.strip(),
            accepts=says.value == "accepts",
            seen=row.statement_seen,
            then=drafts.forget,
        )

    sheet.put(Text(content=row.fact, tone="ink_2"), says, text)
    return _finished(sheet, drafts.giving_up(close), record)


def repeated(session: Session, visit: VisitShown, row: FindingRow, close: Close) -> Sheet:
    """Which finding of an earlier inspection it repeats."""
    known = earlier_rows(visit.whole, words.language)
    # What was found on the same item is the likeliest.
    known = tuple(sorted(known, key=lambda one: one.item != row.item))
    options = [(one.finding, one.fact, joined(one.year, one.item, one.open_text)) for one in known]
    return _pick(
        session,
        Sheet(title=say("finding.repeat_title", code=row.item)),
        [("", say("finding.repeat_none"), ""), *options] if known else [],
        row.earlier,
        say("finding.no_earlier"),
        lambda chosen: session.do("repeat_of", row.finding, chosen, seen=row.earlier_seen),
        close,
    )


def duplicated(session: Session, visit: VisitShown, row: FindingRow, close: Close) -> Sheet:
    """Which other finding is the same fact."""
    others = [
        one
        for one in finding_rows(visit.whole, words.language)
        if one.finding != row.finding and not one.withdrawn
    ]
    options = [(one.finding, one.fact, joined(one.item, one.author)) for one in others]
    sheet = Sheet(title=say("finding.duplicate_title", code=row.item))
    sheet.put(Text(content=say("finding.duplicate_explain"), tone="ink_2", type="hint"))
    return _pick(
        session,
        sheet,
        [("", say("finding.duplicate_none"), ""), *options] if others else [],
        row.duplicate,
        say("finding.no_other"),
        lambda chosen: session.do("duplicate_of", row.finding, chosen, seen=row.duplicate_seen),
        close,
    )


def withdrawn(session: Session, _visit: VisitShown, row: FindingRow, close: Close) -> Sheet:
    """Taken back, with why."""
    sheet = Sheet(title=say("finding.withdraw_title", code=row.item))
    reason = Field(label=say("finding.withdraw_reason"), lines=3, limit=400)
    drafts = Drafts(f"{row.finding}/withdraw")
    drafts.follow(reason)

    def record() -> None:
        if not reason.text.strip():
            reason.problem = say("finding.reason_missing")
            return
        close()
        why = reason.text.strip()
        session.do("withdraw_finding", row.finding, why, seen=row.seen, then=drafts.forget)

    sheet.put(
        Text(content=row.fact, tone="ink_2"),
        reason,
        Text(content=say("finding.withdraw_explain"), tone="ink_2", type="hint"),
    )
    sheet.act(
        button(say("cancel"), drafts.giving_up(close), kind="plain"),
        button(say("finding.withdraw"), record, kind="primary", tone="bad", icon="delete"),
    )
    return sheet


def _pick(
    _session: Session,
    sheet: Sheet,
    options: list[tuple[str, str, str]],
    value: str,
    nothing: str,
    chosen: Callable[[str], Any],
    close: Close,
) -> Sheet:
    """One of several, by a tap on it."""
    for key, text, detail in options:
        tick = Tick(text=text, detail=detail, radio=True, on=key == value)

        def take(_: Tick, key: str = key) -> None:
            close()
            if key != value:
                chosen(key)

        tick.bind(on_release=take)
        sheet.put(tick)
    if not options:
        sheet.put(Text(content=nothing, tone="ink_2"))
    sheet.act(button(say("close"), close, kind="plain"))
    return sheet


def _finished(sheet: Sheet, close: Close, record: Callable[[], None]) -> Sheet:
    sheet.act(button(say("cancel"), close, kind="plain"), button(say("save"), record, kind="primary"))
    return sheet
