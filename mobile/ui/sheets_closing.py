"""Sheets of the end of a visit: signing, and proposing a measure."""

from collections.abc import Callable
from typing import Any

from mobile.closing_views import UNIT_SIGNERS
from mobile.page_rows import SignatureRow
from mobile.ui.kit_controls import Field, Segmented, Tick, button
from mobile.ui.kit_sheet import Sheet
from mobile.ui.kit_text import Text
from mobile.ui.memory import Drafts
from mobile.ui.page import picks
from mobile.ui.session import Session
from mobile.ui.shown import VisitShown
from mobile.ui.signature import SignPad
from mobile.ui.words import say

Close = Callable[[], None]
CAUSES = ("basic_item", "refusal", "emergency")
MEASURES = ("register_and_keep", "stop_use", "delete", "interview_head", "transfer")


class SignForm:
    """Who signs and how: on the screen, on paper, or not at all."""

    def __init__(self, visit: VisitShown, row: SignatureRow) -> None:
        self._row = row
        self.of_unit = row.role in UNIT_SIGNERS
        self.role = Segmented(
            options=[(one, say(f"sign.role_{one}"), "", "accent") for one in UNIT_SIGNERS], value=row.role
        )
        self.role.bind(on_pick=lambda one, key: setattr(one, "value", key))
        self.name = Field(label=say("sign.name"), text=row.name, disabled=not self.of_unit)
        self.how = Segmented(
            options=[
                ("drawn", say("sign.drawn"), "sign", "accent"),
                ("paper", say("sign.paper"), "letter", "accent"),
                ("refused", say("sign.refused"), "refused", "bad"),
            ],
            value="drawn",
        )
        self.pad = SignPad(hint=say("sign.here"))
        self.clear = button(say("sign.clear"), self.pad.clear, kind="outline", icon="undo")
        self.paper = Field(label=say("sign.paper_ref"), limit=400)
        self.reason = Field(label=say("sign.reason"), lines=3, limit=4000)
        self.witness = Field(label=say("sign.witness"), limit=400)
        members = visit.closing.members if visit.closing is not None else ()
        self.witnesses = picks(
            *((name, lambda name=name: setattr(self.witness, "text", name)) for _, name in members)
        )
        self.cure = Text(content="", tone="bad")
        self.drafts = Drafts(f"sign/{row.field}")
        for part, field in (("paper", self.paper), ("reason", self.reason), ("witness", self.witness)):
            self.drafts.follow(field, part)
        if self.of_unit:
            self.drafts.follow(self.name, "name")

    def parts(self) -> list[Any]:
        """The fields of the way chosen."""
        by_way: dict[str, list[Any]] = {
            "drawn": [],
            "paper": [self.paper],
            "refused": [self.reason, self.witness, self.witnesses],
        }
        who = [_label("sign.by"), self.role, self.name] if self.of_unit else []
        return [*who, _label("sign.how"), self.how, *by_way[self.how.value], self.cure]

    def missing(self) -> str:
        """The sentence that says what is missing, or ""."""
        name = self.name.text.strip()
        if self.how.value == "refused":
            told = self.reason.text.strip() and self.witness.text.strip()
            return "" if told else say("sign.refusal_missing")
        if not name:
            return say("sign.name_missing")
        if self.how.value == "paper":
            return "" if self.paper.text.strip() else say("sign.paper_missing")
        return say("sign.pad_missing") if self.pad.empty else ""

    def record(self, session: Session) -> None:
        """Signed, or refused with reason and witness."""
        role = self.role.value if self.of_unit else self._row.role
        # Another of the unit than the one on the row signs for themselves: their own field, with nothing in it.
        seen = self._row.seen if role == self._row.role else ()
        name, forget = self.name.text.strip(), self.drafts.forget
        if self.how.value == "refused":
            why = {"reason": self.reason.text.strip(), "witness": self.witness.text.strip()}
            session.do("refuse_signature", role, **why, name=name, seen=seen, then=forget)
        elif self.how.value == "paper":
            paper = self.paper.text.strip()
            session.do("sign", role, name, method="paper", paper_ref=paper, seen=seen, then=forget)
        else:
            session.do("sign", role, name, method="drawn", strokes=self.pad.strokes, seen=seen, then=forget)


def signature(session: Session, visit: VisitShown, row: SignatureRow, close: Close) -> Sheet:
    """A signature, given or refused."""
    sheet = Sheet(title=say("sign.title", who=" ".join(one for one in (row.title, row.called) if one)))
    form = SignForm(visit, row)

    def show(*_: object) -> None:
        sheet.ids.body.clear_widgets()
        sheet.put(*form.parts())
        sheet.keep(*((form.pad, form.clear) if form.how.value == "drawn" else ()))

    def choose(one: Segmented, key: str) -> None:
        one.value, form.cure.content = key, ""
        show()

    form.how.bind(on_pick=choose)
    show()

    def record() -> None:
        form.cure.content = form.missing()
        if not form.cure.content:
            close()
            form.record(session)

    sheet.act(
        button(say("cancel"), form.drafts.giving_up(close), kind="plain"),
        button(say("sign.record"), record, kind="primary", icon="check"),
    )
    sheet.form = form
    return sheet


def breaking_off(session: Session, close: Close) -> Sheet:
    """The visit is broken off, for good: a cause, why, and that the squad means it."""
    sheet = Sheet(title=say("abort.title"))
    causes = _one_of({key: Tick(text=say(f"abort.cause_{key}"), radio=True) for key in CAUSES})
    reason = Field(label=say("abort.reason"), lines=3, limit=4000)
    drafts = Drafts("abort")
    drafts.follow(reason)
    sure = Tick(text=say("abort.sure"))
    sure.bind(on_release=lambda tick: setattr(tick, "on", not tick.on))
    cure = Text(content="", tone="bad")

    def record() -> None:
        cause = next((key for key, tick in causes.items() if tick.on), "")
        if not (cause and reason.text.strip() and sure.on):
            cure.content = say("abort.missing")
            return
        close()
        session.do("abort", cause, reason.text.strip(), told=say("abort.done"), then=broken_off)

    def broken_off() -> None:
        drafts.forget()
        session.sync(quietly=True)

    sheet.put(Text(content=say("abort.explain"), tone="ink_2"), *causes.values(), reason, sure, cure)
    sheet.act(
        button(say("cancel"), drafts.giving_up(close), kind="plain"),
        button(say("abort.do"), record, kind="primary", tone="bad"),
    )
    sheet.reason = reason
    return sheet


def measure(session: Session, _visit: VisitShown, close: Close) -> Sheet:
    """A measure the squad proposes."""
    sheet = Sheet(title=say("measure.add"))
    kinds = _one_of({key: Tick(text=say(f"measure.{key}"), radio=True) for key in MEASURES})
    reason = Field(label=say("measure.reason"), lines=3, limit=4000)
    paper = Field(label=say("measure.paper"), limit=400)
    drafts = Drafts("measure")
    drafts.follow(reason, "reason")
    drafts.follow(paper, "paper")

    def record() -> None:
        what = next((key for key, tick in kinds.items() if tick.on), "")
        if not what or not reason.text.strip():
            reason.problem = say("measure.missing")
            return
        close()
        why, number = reason.text.strip(), paper.text.strip()
        session.do("propose_measure", what, why, paper_ref=number, then=drafts.forget)

    sheet.put(
        Text(content=say("closing.measures_explain"), tone="ink_2", type="hint"),
        *kinds.values(),
        reason,
        paper,
    )
    sheet.act(
        button(say("cancel"), drafts.giving_up(close), kind="plain"),
        button(say("measure.record"), record, kind="primary"),
    )
    sheet.reason = reason
    return sheet


def _one_of(ticks: dict[str, Tick]) -> dict[str, Tick]:
    """The same ticks, of which a tap leaves one on."""

    def choose(chosen: Tick) -> None:
        for tick in ticks.values():
            tick.on = tick is chosen

    for tick in ticks.values():
        tick.bind(on_release=choose)
    return ticks


def _label(key: str) -> Text:
    return Text(content=say(key), tone="ink_2", type="hint")
