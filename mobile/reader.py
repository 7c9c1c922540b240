"""One visit read for one person in one language: what the rows of every screen are made with; pure."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from mobile.rows import Control, EarlierRow, FindingRow, ValueRow
from mobile.visit import ItemState, Visit
from mobile.words import Entry, answer_text, basis_texts, body_text, in_turn, plain, say, span, when
from shared_schema.apart import told_apart
from shared_schema.checklist import Item
from shared_schema.ids import FindingId, ItemId, PersonId
from shared_schema.inspection import Cell, FindingState, Stage
from shared_schema.inspection import Item as ItemView
from shared_schema.operations import KINDS, Answer, Body, Finding, NotApplicable, Returned
from shared_schema.problems import Language, Problem
from shared_schema.roles import Role, may_now
from shared_schema.rules import (
    BinaryRule,
    Bonus,
    ClausesRule,
    RatioRule,
    ShortfallRule,
    TiersRule,
    Veto,
)
from shared_schema.sheet import Deduction, ExtraLine, ItemLine

BEGINS_MAX = 16
"""Characters of a finding's fact by which it is known again, where there is no room for more."""
EXTRAS = ("aggravating", "veto", "bonus")

_CONTROLS: dict[type, Control] = {
    BinaryRule: "yes_no",
    ClausesRule: "clauses",
    RatioRule: "ratio",
    ShortfallRule: "actual",
    TiersRule: "value",
    Veto: "present",
}


class Reader(NamedTuple):
    """A visit, who looks at it, and in which language."""

    visit: Visit
    person: PersonId
    language: Language

    # -- words ------------------------------------------------------------------------------------------

    def say(self, key: str, **facts: object) -> str:
        """A sentence of the catalogue."""
        return say(key, self.language, **facts)

    def name(self, person: str) -> str:
        """A person's name; an account of the console by its login."""
        member = next((one for one in self.visit.assignment.members if one.person == person), None)
        if member is None:
            return person
        return member.name_en if self.language == "en" and member.name_en else member.name_zh

    def body(self, body: Body) -> str:
        """A body in words."""
        return body_text(self.visit.checklist, body, self.language)

    # -- who may ----------------------------------------------------------------------------------------

    def may(self) -> frozenset[str]:
        """The kinds of operation this person is offered now."""
        member = next((one for one in self.visit.assignment.members if one.person == self.person), None)
        if member is None or self.visit.gone:
            return frozenset()
        return _offered(member.role, self.visit.inspection.stage, self.visit.scoring.withheld(self.person))

    # -- sections and items -----------------------------------------------------------------------------

    def sections(self) -> Iterator[tuple[str, str, Sequence[Entry]]]:
        """(id, title, entries) of the sections, and of what has no points of its own."""
        checklist = self.visit.checklist
        for section in checklist.sections:
            yield section.id, section.title.read(self.language), section.items
        extras: tuple[Sequence[Entry], ...] = (checklist.aggravating, checklist.vetoes, checklist.bonus)
        for key, entries in zip(EXTRAS, extras, strict=True):
            if entries:
                yield key, self.say(f"section.{key}"), entries

    def entry(self, item: str) -> Entry:
        """Whatever may be answered under that id. Raises item_unknown."""
        found = self.visit.checklist.entry(item)
        if found is None:
            raise Problem("item_unknown", item=item)
        return found

    def line(self, item: str) -> ItemLine | ExtraLine:
        """The item's line of the score sheet."""
        sheet = self.visit.sheet
        line = sheet.line(item) or next((one for one in sheet.extras if one.item == item), None)
        assert line is not None, "an item without a line"
        return line

    def item(self, item: str) -> ItemView:
        """What stands on an item, perhaps nothing."""
        return self.visit.inspection.items.get(ItemId(item)) or ItemView(ItemId(item))

    def state(self, item: str) -> ItemState:
        """How the item stands."""
        return self.visit.states[item]

    def summary(self, item: str) -> str:
        """What stands on the item, in words; of a dispute all of it."""
        cell = self.item(item).answer
        if cell is None:
            extra = isinstance(self.line(item), ExtraLine)
            return self.say("answer.by_exception") if extra else ""
        texts = list(dict.fromkeys(self.answer(one.value) for one in cell.standing))
        return " ↔ ".join(texts) if cell.disputed else texts[0]

    def answer(self, value: Answer | NotApplicable) -> str:
        """An answer in words."""
        return answer_text(self.visit.checklist, self.entry(value.item), value, self.language)

    def values(self, cell: Cell[Any] | None) -> tuple[ValueRow, ...]:
        """What stands on a field, each value with its author, and what tells it apart where they differ."""
        standing = () if cell is None else cell.standing
        differs = told_apart([one.value for one in standing], self.say, self.name)
        return tuple(
            ValueRow(
                op=one.op,
                text=self.body(one.value),
                explanation=one.value.explanation
                if isinstance(one.value, NotApplicable)
                else "\n".join(apart),
                author=self.name(one.person),
                when=when(one.at_ms),
                mine=one.person == self.person,
                reason=one.reason,
                answer=one.value.answer if isinstance(one.value, Answer) else None,
                na_reason=one.value.reason if isinstance(one.value, NotApplicable) else "",
            )
            for one, apart in zip(standing, differs, strict=True)
        )

    def points(self, item: str) -> str:
        """What the item earns of what it is worth, or between what."""
        line, entry = self.line(item), self.entry(item)
        if isinstance(line, ItemLine):
            if line.status == "not_applicable":
                return self.say("points.na")
            got = span(line.low, line.high, self.language) if line.points is None else plain(line.points)
            return self.say("points", got=got, most=plain(line.max_points))
        if isinstance(entry, Veto):
            grade = self.visit.checklist.grade(entry.grade).read(self.language)
            return self.say("points.veto", grade=grade) if entry.grade else ""
        unit = self.say("times")
        if isinstance(entry, Bonus):
            return self.say("points.bonus", unit=unit, points=plain(entry.points))
        assert not isinstance(entry, Item), "an item with points has a line of its own"
        return self.say("points.extra", unit=entry.unit or unit, points=plain(entry.deduct))

    # -- findings ---------------------------------------------------------------------------------------

    def findings(self, item: str) -> Iterator[FindingState]:
        """The findings on an item, or all."""
        if item:
            yield from self.visit.findings_on.get(item, ())
        else:
            yield from (one for one in self.visit.inspection.findings.values() if one.record is not None)

    def live_findings(self, item: str) -> Iterator[FindingState]:
        """Those of them not withdrawn."""
        return (one for one in self.findings(item) if not one.withdrawn)

    def charge(self, item: str, one: Deduction) -> str:
        """Why points go. The score sheet names a finding by its id, which nobody can read: here by how it begins."""
        text = one.zh if self.language == "zh" else one.en
        for state in self.findings(item):
            if state.finding in text:
                fact = " ".join(self.finding_row(state).fact.split())
                begins = (
                    fact if len(fact) <= BEGINS_MAX else fact[: BEGINS_MAX - 1].rstrip("，。、；：,;: ") + "…"
                )
                lead = " " if self.language == "zh" else ""  # no space before a Chinese quote
                text = text.replace(lead + state.finding, self.say("trace.finding", begins=begins))
        return text

    def finding_row(self, state: FindingState) -> FindingRow:
        """One finding."""
        assert state.record is not None, "a finding nobody recorded"
        first, text = state.record.standing[0], state.text
        marks = {
            "badge.dispute": state.record.disputed,
            "finding.withdrawn": state.withdrawn,
            "finding.fixed": state.fix is not None,
            "finding.repeat": bool(state.earlier),
            "finding.duplicate": bool(state.duplicate),
        }
        return FindingRow(
            finding=state.finding,
            item=ItemId(first.value.item),
            fact=text.fact if text is not None else self.body(first.value),
            severity=text.severity if text is not None else "",
            severity_text=self.say(f"severity.{text.severity}") if text is not None else "",
            disposal_text=_disposal(self, text),
            marks=tuple(self.say(key) for key, given in marks.items() if given),
            author=self.name(first.person),
            when=when(first.at_ms),
            disputed=state.record.disputed,
            withdrawn=state.withdrawn,
            fixed=state.fix is not None,
            text=text,
            seen=state.record.ops,
            fix_seen=() if state.fix is None else state.fix.ops,
            basis_text="" if text is None else in_turn(basis_texts(text.basis, self.language), self.language),
        )._replace(**_hanging(self, state))

    def earlier(self, item: str) -> Iterator[EarlierRow]:
        """The findings of earlier inspections on an item, or all: what is still open first."""
        known = sorted(self.visit.assignment.earlier, key=lambda one: (not one.open, -one.year, one.finding))
        return (
            EarlierRow(
                finding=one.finding,
                item=one.item,
                year=str(one.year),
                fact=one.fact,
                open=one.open,
                open_text=self.say("earlier.open" if one.open else "earlier.closed"),
            )
            for one in known
            if item in ("", one.item)
        )

    # -- what came back ---------------------------------------------------------------------------------

    def remarks(self) -> tuple[tuple[str, str], ...]:
        """(item or "", remark) of the coordinator, while the visit is sent back."""
        cell = self.visit.inspection.stage_cell
        if cell is None or self.visit.inspection.stage != "returned":
            return ()
        return tuple(
            remark for one in cell.standing if isinstance(one.value, Returned) for remark in one.value.remarks
        )


@lru_cache(maxsize=64)
def _offered(role: Role, stage: Stage, withheld: frozenset[str]) -> frozenset[str]:
    """Every page asks, at every tap."""
    return frozenset(kind for kind in KINDS if kind not in withheld and may_now(role, kind, stage))


def _hanging(reader: Reader, state: FindingState) -> dict[str, Any]:
    """What hangs on a finding: its fix, the unit's word, what it repeats, what it duplicates."""
    fix = None if state.fix is None else state.fix.value
    said = None if state.statement is None else state.statement.value
    earlier = next((one for one in reader.earlier("") if one.finding == state.earlier), None)
    twin = reader.visit.inspection.findings.get(FindingId(state.duplicate)) if state.duplicate else None
    twin_text = twin.text if twin is not None else None
    return {
        "before": "" if fix is None else fix.before,
        "after": "" if fix is None else fix.after,
        "statement": "" if said is None else said.statement,
        "accepts": None if said is None else said.accepts,
        "statement_text": "" if said is None else reader.body(said),
        "statement_seen": () if state.statement is None else state.statement.ops,
        "earlier": state.earlier,
        "earlier_text": state.earlier if earlier is None else f"{earlier.year} {earlier.item} {earlier.fact}",
        "earlier_seen": () if state.repeat_of is None else state.repeat_of.ops,
        "duplicate": state.duplicate,
        "duplicate_text": state.duplicate if twin_text is None else f"{twin_text.item} {twin_text.fact}",
        "duplicate_seen": () if state.duplicate_of is None else state.duplicate_of.ops,
    }


def _disposal(reader: Reader, text: Finding | None) -> str:
    if text is None:
        return ""
    return " ".join(part for part in (reader.say(f"disposal.{text.disposal}"), text.due) if part)


def control_of(entry: Entry) -> Control:
    """Which control the item is answered with."""
    return _CONTROLS.get(type(entry.rule if isinstance(entry, Item) else entry), "count")


def text_of(entry: Entry, language: Language) -> str:
    """What the item asks."""
    return entry.text.read(language)
