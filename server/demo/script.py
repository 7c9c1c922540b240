"""What a squad taps on one visit: steps for `mobile.replay`, made from the unit's profile and a seed.

Pure: no clock, no files. The script says what inspectors see and do; operations, merging, disputes
and scores come out of the real tablet and server code that plays it.

A visit is: exchange at the office · opening · everybody answers a share of the sections offline, and
part of the items twice, sometimes differently · exchange at noon over a bad line · consents, findings,
computers, interviews, photos · everybody exchanges · the leader settles what differs, the squad
deliberates and signs · the leader submits. On some visits one tablet exchanges only days later.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from server.demo.truth import Truth
from server.planning.records import InventoryDevice, LastFinding, Unit
from server.planning.registering import earlier_id
from shared_schema.chance import Chance
from shared_schema.checklist import Checklist, Item
from shared_schema.rules import (
    RatioRule,
)

Step = dict[str, Any]
Phrases = Mapping[str, Any]

DAY_START = dt.time(8, 30, tzinfo=dt.timezone(dt.timedelta(hours=8)))
OVERLAP_PERCENT = 18
DIFFER_PERCENT = 5  # of the items answered twice
EMPHASIS_WEIGHT = 4  # how much likelier a problem is on an item that districts report often
REPEAT_WEIGHT = 20  # … and where there was one last year
AGGRAVATED_PERCENT = 5  # visits with an aggravating occurrence
LATE_PERCENT = 15  # of the visits with three checking: one tablet exchanges only after submission


class Member(NamedTuple):
    """One member on the visit; the tablet is named after its person."""

    person: str
    role: str
    name: str = ""


class Visit(NamedTuple):
    """One visit as planned."""

    inspection: str
    unit: Unit
    date: dt.date
    members: tuple[Member, ...]
    inventory: tuple[InventoryDevice, ...]
    earlier: tuple[LastFinding, ...]


def at_start(day: dt.date) -> int:
    """When a visit of that day begins, in milliseconds since 1970."""
    return int(dt.datetime.combine(day, DAY_START).timestamp()) * 1000


class VisitScript:
    """The steps of one visit, in the order they happen."""

    def __init__(self, visit: Visit, checklist: Checklist, phrases: Phrases, seed: str) -> None:
        self.visit = visit
        self.checklist = checklist
        self.phrases = phrases
        self.chance = Chance(f"{seed}/{visit.inspection}")
        self.start_ms = self.now_ms = at_start(visit.date)
        others = [one for one in visit.members if one.role != "leader"]
        self.leader = next(one for one in visit.members if one.role == "leader")
        present = 1 + self.chance.below(len(others))
        checking = [one for one in others if one.role != "trainee"]
        chosen = self.chance.sample(checking, 1)
        rest = [one for one in others if one not in chosen]
        self.present = [self.leader, *chosen, *self.chance.sample(rest, present - 1)]
        self.checkers = [one for one in self.present if one.role != "trainee"]
        late = len(self.checkers) > 2 and self.chance.percent(LATE_PERCENT)
        self.late = self.chance.choice(self.checkers[1:]) if late else None
        self.authors = [one for one in self.checkers if one is not self.late]
        weights = dict.fromkeys(phrases["emphasis"], EMPHASIS_WEIGHT)
        weights |= {found.item: REPEAT_WEIGHT for found in visit.earlier}
        self.truth = Truth(visit.unit, checklist, weights, self.chance)

    # -- the visit ----------------------------------------------------------------------------------

    def steps(self) -> Iterator[Step]:
        """The visit up to the leader's submission (and the late tablet's exchange after it)."""
        everyone = self.present
        for member in everyone:
            yield self._sync(member)
        opened = [one.person for one in everyone]
        yield self._tap(self.leader, "open_visit", members=opened, task_letter_shown=True, recusal_asked=True)
        for member in everyone[1:]:
            if member.role == "trainee" or (member is not self.late and self.chance.percent(60)):
                yield self._sync(self.leader)
                yield self._sync(member)
            else:  # offline at the door: this tablet opens the visit by itself
                yield self._tap(
                    member, "open_visit", members=opened, task_letter_shown=True, recusal_asked=True
                )
        yield from self._answers()
        yield from self._findings()
        yield from self._computers()
        yield from self._interviews()
        yield from self._notes()
        yield from self._noon()
        yield from self._consents()
        for member in self.checkers:
            if member is not self.late:
                yield self._sync(member)
        yield self._sync(self.leader)
        yield from self._closing()
        if self.late is not None:
            self.now_ms += 26 * 3600 * 1000
            yield self._sync(self.late)

    def _notes(self) -> Iterator[Step]:
        for member in self.present:
            if self.chance.percent(35):
                text = self.chance.choice(self.phrases["notes"])["zh"]
                item = self.chance.choice(self.checklist.items).id
                yield self._tap(member, "note", item=item, text=text)

    def _noon(self) -> Iterator[Step]:
        """Everybody exchanges over a bad line, and twice more so that all see what all have."""
        for member in self.present:
            if self.chance.percent(70) and member is not self.late:
                yield self._sync(member, lose=("request", "reply", "repeat", "")[self.chance.below(4)])
        for _ in range(2):
            for member in self.present:
                if member is not self.late:
                    yield self._sync(member)

    def again(self) -> Iterator[Step]:
        """What the leader does when the visit was sent back: looks, settles, explains and submits again."""
        self.now_ms += 3 * 24 * 3600 * 1000
        yield self._sync(self.leader)
        yield from self._settle()
        yield self._tap(self.leader, "note", item=self.checklist.items[0].id, text="已按退回意见核实补充")
        yield self._tap(self.leader, "submit", remark="已按退回意见处理")
        yield self._sync(self.leader)

    def _answers(self) -> Iterator[Step]:
        for index, section in enumerate(self.checklist.sections):
            member = self.authors[index % len(self.authors)]
            for item in section.items:
                yield from self._answer(member, item, first=True)
                others = [one for one in self.checkers if one is not member]
                if others and self.chance.percent(OVERLAP_PERCENT):
                    yield from self._answer(self.chance.choice(others), item, first=False)
        if self.chance.percent(AGGRAVATED_PERCENT):
            extra = self.chance.choice(self.checklist.aggravating)
            number = f"HC-{self.visit.date:%m%d}-{1 + self.chance.below(20):02}"
            answer = {"type": "count", "count": 1}
            yield self._tap(self.leader, "answer", item=extra.id, answer=answer, paper_ref=number)

    def _answer(self, member: Member, item: Item, *, first: bool) -> Iterator[Step]:
        differs = not first and self.chance.percent(100 if member is self.late else DIFFER_PERCENT)
        reason = self.truth.absent.get(item.id)
        if reason and not differs:
            text = self.chance.choice(self.phrases["na"][reason])["zh"]
            yield self._tap(member, "not_applicable", item=item.id, reason=reason, explanation=text)
            return
        wrong = self.truth.wrongs.get(item.id)
        if differs:
            answer = (
                self.truth.right(item)
                if wrong
                else self.truth.wrong(item, heavy=False, reported=False).answer
            )
        else:
            answer = wrong.answer if wrong else self.truth.right(item)
        if first or differs or wrong or not isinstance(item.rule, RatioRule):
            # Two inspectors draw different samples, so a second ratio would always differ: it is left out.
            paper = self.chance.percent(4)
            yield self._tap(
                member, "answer", item=item.id, answer=answer, **({"from_paper": True} if paper else {})
            )

    def _findings(self) -> Iterator[Step]:
        number = 0
        for wrong in self.truth.wrongs.values():
            if not wrong.reported:
                continue
            item, chance = wrong.item, self.chance
            member = chance.choice([one for one in self.checkers if one is not self.late])
            number += 1
            finding = f"{self.visit.inspection}-F{number:02}"
            facts = [
                one for one in self.phrases["facts"][item.id] if one.get("clause", "") in ("", wrong.clause)
            ]
            fact = chance.choice(facts or self.phrases["facts"][item.id])["zh"]
            fixes = self.phrases["fixes_on_the_spot"].get(item.id)
            fixed = bool(fixes) and chance.percent(75)
            content = {
                "finding": finding,
                "item": item.id,
                "fact": fact,
                "severity": ("minor", "general", "general", "general", "severe")[chance.below(5)],
                "cause": chance.choice(CAUSES),
                "basis": list(item.basis),
                "common": item.id in self.phrases["emphasis"],
                "occurrences": wrong.occurrences,
                "disposal": "fix_now" if fixed else "fix_by",
                "due": "" if fixed else f"{self.visit.date + dt.timedelta(days=30):%Y-%m-%d}",
            }
            yield self._tap(member, "record_finding", **content)
            earlier = next((one for one in self.visit.earlier if one.item == item.id), None)
            if earlier is not None:
                yield self._tap(member, "repeat_of", finding=finding, earlier=earlier_id(earlier))
            if item.photo != "forbidden" and chance.percent(70):
                yield self._photo(member, item, finding)
            if fixed:
                after = chance.choice(fixes)["zh"]
                yield self._tap(member, "fix", finding=finding, before=fact, after=after)
            if chance.percent(35):
                stance = ("accept", "accept", "explain", "disagree")[chance.below(4)]
                statement = chance.choice(self.phrases["unit_statements"][stance])["zh"]
                yield self._tap(
                    member, "unit_states", finding=finding, statement=statement, accepts=stance != "disagree"
                )

    def _photo(self, member: Member, item: Item, finding: str) -> Step:
        picture = {"seed": f"{finding}/{item.id}", "size": [640, 480]}
        screener = next(one for one in self.checkers if one is not member)
        return self._tap(
            member,
            "attach_photo",
            item=item.id,
            finding=finding,
            picture=picture,
            caption="现场环境",
            screened_by=screener.person,
        )

    def _computers(self) -> Iterator[Step]:
        inventory = self.visit.inventory
        ordinary = [one.register_no for one in inventory if not one.classified]
        if not inventory:
            return
        member = next(one for one in reversed(self.checkers) if one is not self.late)
        left_out = 1 if len(ordinary) > 4 and self.chance.percent(40) else 0
        yield self._tap(
            member,
            "draw_sample",
            item="E09",
            size=len(inventory) - left_out,
            seed=f"{self.visit.date:%Y%m%d}",
        )
        troubled = self.truth.wrongs.get("E09")
        left = troubled.occurrences if troubled else 0
        for one in self.chance.sample(inventory, len(inventory) - left_out):
            bad = 1 if left and not one.classified else 0
            left -= bad
            yield self._tap(
                member,
                "check_device",
                register_no=one.register_no,
                classified=one.classified,
                problems=bad,
                tool_report=f"JC{self.visit.date:%Y%m%d}-{1 + self.chance.below(900):03}",
            )

    def _interviews(self) -> Iterator[Step]:
        for category in ("leader", "secret_post", "ex_military"):
            if category == "secret_post" and not self.visit.unit.has_secret:
                continue
            required = 1 + self.chance.below(3)
            points = self.chance.choice(self.phrases["interviews"][category])["zh"]
            yield self._tap(
                self.leader,
                "hold_interview",
                category=category,
                required=required,
                held=required,
                points=points,
            )

    def _consents(self) -> Iterator[Step]:
        """Another member stands behind each N/A: the leader, or for the leader's own a colleague."""
        for index, section in enumerate(self.checklist.sections):
            author = self.authors[index % len(self.authors)]
            other = self.authors[1] if author is self.leader else self.leader
            for item in section.items:
                if item.id in self.truth.absent:
                    yield self._tap(other, "consent", item=item.id, reason=self.truth.absent[item.id])

    def _settle(self) -> Iterator[Step]:
        reason = self.chance.choice(self.phrases["settle_reasons"])["zh"]
        yield self._tap(self.leader, "settle_all", reason=reason, keep=self.leader.person)

    def _closing(self) -> Iterator[Step]:
        yield from self._settle()
        yield self._tap(self.leader, "deliberate", opinion="全组评议一致，按清单计分。")
        for member in self.checkers:
            if member is self.late or member is self.leader:
                continue
            yield self._sync(self.leader)
            yield self._sync(member)
            yield self._tap(
                member, "sign", role="inspector", name=member.name, method="paper", paper_ref="签字页"
            )
            yield self._sync(member)
        strokes = [[[200, 500, 0], [350, 320, 60], [520, 610, 130]], [[560, 400, 300], [720, 580, 380]]]
        yield self._tap(
            self.leader, "sign", role="leader", name=self.leader.name, method="drawn", strokes=strokes
        )
        if self.chance.percent(2):
            yield self._tap(
                self.leader,
                "refuse_signature",
                role="unit_head",
                name=self.visit.unit.contact,
                reason="对部分问题有不同意见",
                witness="属地街道工作人员",
            )
        else:
            yield self._tap(
                self.leader,
                "sign",
                role="unit_head",
                name=self.visit.unit.contact,
                method="paper",
                paper_ref="签字页",
            )
        yield self._sync(self.leader)
        yield self._tap(self.leader, "submit", remark="")
        yield self._sync(self.leader, lose=("", "", "reply", "repeat")[self.chance.below(4)])
        yield self._sync(self.leader)

    # -- steps ----------------------------------------------------------------------------------------

    def _tap(self, member: Member, verb: str, **arguments: Any) -> Step:
        self.now_ms += 1000 * (15 + self.chance.below(45))
        step: Step = {"tablet": member.person, "at_ms": self.now_ms, "do": verb}
        return step | {"person": member.person, "inspection": self.visit.inspection} | arguments

    def _sync(self, member: Member, lose: str = "") -> Step:
        self.now_ms += 1000 * (1 + self.chance.below(5))
        step: Step = {"tablet": member.person, "at_ms": self.now_ms, "do": "sync"}
        return step | ({"lose": lose} if lose else {})


CAUSES = ("未履行审批", "误操作", "不熟悉规定", "交接不清", "监督检查不到位")


def enrolments(members: Sequence[Member], codes: Mapping[str, str], at_ms: int, seed: str) -> Iterator[Step]:
    """Every member's tablet is enrolled; most clocks are a little off, some by hours, two by years."""
    for member in members:
        chance = Chance(f"{seed}/clock/{member.person}")
        kind = chance.below(100)
        minute = 60_000
        offset_ms = (chance.below(20) - 10) * minute
        if kind >= 70:
            offset_ms = (chance.below(16) - 8) * 60 * minute
        if kind >= 90:
            offset_ms = -at_ms + chance.below(1000) * minute if kind >= 95 else 3 * 365 * 24 * 60 * minute
        yield {
            "tablet": member.person,
            "at_ms": at_ms,
            "do": "enrol",
            "code": codes[member.person],
            "clock_offset_ms": offset_ms,
            "person": member.person,
        }
