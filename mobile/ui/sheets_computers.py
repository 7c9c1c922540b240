"""Sheets about computers and talks: drawing a sample, a result, a substitution, and how many were talked with."""

from collections.abc import Callable

from mobile.computer_views import GROUPS, population
from mobile.page_rows import ComputerRow, InterviewRow, SampleRow
from mobile.ui.cards import Fact, Said
from mobile.ui.kit_controls import Field, Segmented, Stepper, button
from mobile.ui.kit_sheet import Sheet
from mobile.ui.kit_text import Text
from mobile.ui.memory import Drafts
from mobile.ui.page import picks
from mobile.ui.session import Session
from mobile.ui.shown import VisitShown
from mobile.ui.words import joined, say, words
from mobile.words import listed

Close = Callable[[], None]
OTHERS_MAX = 12
"""Computers offered as substitutes by a tap; any other of the inventory can be typed."""


def draw(session: Session, visit: VisitShown, close: Close) -> Sheet:
    """How many of which computers; they are drawn and recorded in one go."""
    sheet = Sheet(title=say("sample.title"))
    inventory = visit.whole.assignment.inventory
    counts = {group: len(population(inventory, group)) for group in GROUPS}
    group = Segmented(
        options=[(one, say(f"sample.of_{one}", count=counts[one]), "", "accent") for one in GROUPS],
        value="all",
    )
    size = Stepper(value=min(5, counts["all"]), lowest=1, highest=counts["all"], typed=True)
    size.bind(on_step=lambda stepper, value: setattr(stepper, "value", value))
    cure = Text(content="", tone="bad")

    def choose(one: Segmented, key: str) -> None:
        one.value, size.highest = key, max(1, counts[key])
        size.value = min(size.value, size.highest)
        cure.content = "" if counts[key] else say("sample.empty")

    group.bind(on_pick=choose)

    def record() -> None:
        if counts[group.value]:
            close()
            session.do("draw_sample", int(size.value), population=population(inventory, group.value))

    sheet.put(_label("sample.of"), group, cure, _label("sample.size"), size)
    sheet.put(Text(content=say("sample.explain"), tone="ink_2", type="hint"))
    sheet.act(
        button(say("cancel"), close, kind="plain"),
        button(say("sample.record"), record, kind="primary", icon="draw"),
    )
    sheet.size_wanted, sheet.group = size, group
    return sheet


def sample(row: SampleRow, close: Close) -> Sheet:
    """Everything another person needs to draw it again."""
    sheet = Sheet(title=say("sample.drawn_title"))
    sheet.put(
        Text(content=row.text, strong=True, type="item"),
        Fact(
            icon="check" if row.verified else "info",
            text=row.verified_text,
            tone="ok" if row.verified else "warn",
        ),
        Said(text=row.seed, by=say("sample.seed")),
        Said(text=_grouped(row.population_hash), by=say("sample.hash")),
        Said(text=listed(row.drawn, words.language), by=say("sample.drawn")),
    )
    for old, new, reason in row.replaced:
        line = say("sample.replaced_line", old=old, new=new, reason=reason)
        sheet.put(Said(text=line, by=say("sample.replaced")))
    sheet.put(Fact(icon="person", text=joined(row.author, row.when)))
    sheet.act(button(say("close"), close, kind="plain"))
    return sheet


def result(
    session: Session, row: ComputerRow | None, close: Close, substitute: Callable[[], None] | None = None
) -> Sheet:
    """What a computer looked like; without a row, one that is not in the inventory."""
    title = say("device.new_title") if row is None else say("device.title", register_no=row.register_no)
    sheet = Sheet(title=title)
    drafts = Drafts("device/" + ("" if row is None else row.register_no))
    number = Field(label=say("device.number"))
    classified = Segmented(
        options=[
            ("classified", say("device.classified"), "lock", "accent"),
            ("ordinary", say("device.ordinary"), "computer", "accent"),
        ],
        value="classified" if row is not None and row.classified else "ordinary",
    )
    classified.bind(on_pick=lambda one, key: setattr(one, "value", key))
    problems = Stepper(value=0 if row is None else row.problems or 0, typed=True, highest=10_000)
    problems.bind(on_step=lambda stepper, value: setattr(stepper, "value", value))
    report = Field(label=say("device.report"), text="" if row is None else row.tool_report)
    remark = Field(label=say("device.remark"), lines=3, limit=400, text="" if row is None else row.remark)
    drafts.follow(report, "report")
    drafts.follow(remark, "remark")
    drafts.follow(problems, "problems", "value")
    drafts.follow(classified, "kind", "value")
    if row is None:
        drafts.follow(number, "number")

    def record() -> None:
        register_no = number.text.strip() if row is None else row.register_no
        if not register_no:
            number.problem = say("device.number_missing")
            return
        close()
        session.do(
            "check_device",
            register_no,
            classified=classified.value == "classified",
            problems=int(problems.value),
            tool_report=report.text.strip(),
            remark=remark.text.strip(),
            seen=() if row is None else row.seen,
            then=drafts.forget,
        )

    sheet.put(*([number] if row is None else [Text(content=row.detail, tone="ink_2")]))
    sheet.put(classified, _label("device.problems"), problems, report, remark)
    sheet.put(Fact(icon="lock", text=say("device.hint"), tone="warn"))
    if row is not None and row.state == "drawn" and substitute is not None:
        sheet.put(button(say("device.substitute"), substitute, kind="outline", icon="sync"))
    sheet.act(
        button(say("cancel"), drafts.giving_up(close), kind="plain"),
        button(say("device.record"), record, kind="primary", icon="check"),
    )
    sheet.number, sheet.problems = number, problems
    return sheet


def substitution(session: Session, visit: VisitShown, row: ComputerRow, close: Close) -> Sheet:
    """Another computer instead of one that was drawn, with the reason."""
    sheet = Sheet(title=say("substitute.title", register_no=row.register_no))
    page = visit.computers
    free = [] if page is None else [one for one in page.computers if one.state == "listed"]
    # One of the same kind is the likeliest to stand in.
    free.sort(key=lambda one: one.classified != row.classified)
    other = Field(label=say("substitute.other"))
    reason = Field(label=say("substitute.reason"), hint=say("substitute.reason_hint"), lines=2)
    drafts = Drafts(f"substitute/{row.register_no}")
    drafts.follow(reason)
    drafts.follow(other, "other")

    def record() -> None:
        other.problem = "" if other.text.strip() else say("device.number_missing")
        reason.problem = "" if reason.text.strip() else say("finding.reason_missing")
        if not other.problem and not reason.problem:
            close()
            told = other.text.strip(), reason.text.strip()
            session.do("substitute", row.sample, row.register_no, *told, then=drafts.forget)

    sheet.put(
        other,
        picks(
            *(
                (one.register_no, lambda one=one: setattr(other, "text", one.register_no))
                for one in free[:OTHERS_MAX]
            )
        ),
        reason,
    )
    sheet.act(
        button(say("cancel"), drafts.giving_up(close), kind="plain"),
        button(say("substitute.record"), record, kind="primary"),
    )
    return sheet


def talks(session: Session, row: InterviewRow, close: Close) -> Sheet:
    """How many of a category are due, how many this person talked with, and what was heard."""
    sheet = Sheet(title=say("interview.title", category=row.title))
    own, drafts = row.own, Drafts(f"talks/{row.category}")
    due = Stepper(value=row.required, typed=True, highest=10_000)
    held = Stepper(value=0 if own is None else own.held, typed=True, highest=10_000)
    for stepper in (due, held):
        stepper.bind(on_step=lambda one, value: setattr(one, "value", value))
    points = Field(
        label=say("interview.points"),
        hint=say("interview.points_hint"),
        lines=6,
        limit=4000,
        text="" if own is None else own.points,
    )
    drafts.follow(points)
    drafts.follow(due, "due", "value")
    drafts.follow(held, "held", "value")

    def record() -> None:
        close()
        session.do(
            "hold_interview",
            row.category,
            required=int(due.value),
            held=int(held.value),
            points=points.text.strip(),
            interview="" if own is None else own.interview,
            seen=() if own is None else own.seen,
            then=drafts.forget,
        )

    sheet.put(_label("interview.due"), due, _label("interview.held"), held, points)
    sheet.act(
        button(say("cancel"), drafts.giving_up(close), kind="plain"),
        button(say("interview.record"), record, kind="primary", icon="check"),
    )
    sheet.due, sheet.held, sheet.points = due, held, points
    return sheet


def _label(key: str) -> Text:
    return Text(content=say(key), tone="ink_2", type="hint")


def _grouped(hash_: str) -> str:
    """A hash in groups of eight, so that two people can read it to each other."""
    return " ".join(hash_[at : at + 8] for at in range(0, len(hash_), 8))
