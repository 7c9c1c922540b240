"""What people do: they look at a screen and tap; few items and few values, so that taps meet."""

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from mobile.visit import Visit
from shared_schema.ids import FieldKey, InspectionId, OpId, PersonId
from shared_schema.operations import (
    Accepted,
    Answer,
    AnswerValue,
    Body,
    ClauseHit,
    Clauses,
    Count,
    Finding,
    Locked,
    Operation,
    Present,
    Returned,
    YesNo,
)
from tests.simulation.tablets import Screen, Tablet

EXPECTED = frozenset(
    {
        "stage_forbids",
        "consent_needs_another",
        "not_disputed",
        "not_found",
        "author_not_allowed",
        "item_unknown",
        "inspection_unknown",
    }
)
"""What a verb may answer to somebody who taps what the screen should not have offered."""


Seen = Sequence[OpId]
CRASHING = "🧨"
"""A note that the server's scoring trips over, where a world has that bug."""


class Tap(NamedTuple):
    """A verb about to be called, and the field it is about ("" where it makes a new one)."""

    field: str
    verb: Callable[[Seen], Operation]


class Person(NamedTuple):
    """Somebody with a tablet, at one inspection, before one screen."""

    random: Random
    tablet: Tablet
    person: PersonId
    role: str
    inspection: InspectionId
    screen: Screen
    visit: Visit
    hands_in: bool = True
    """Whether inspections are handed in here at all: without that, nothing comes late."""

    def draws(self) -> Tap | None:
        """What this person does next; None when nothing comes to mind."""
        if self.role == "trainee":
            return self.notes()
        if self.visit.inspection.stage == "prepared":
            return self.opens()
        verbs, weights = zip(*_VERBS, strict=True)
        verb = self.random.choices(verbs, weights)[0]
        # An older app has no button for what it does not know.
        return None if self.tablet.lacks and verb in (Person.amends, Person.checks_device) else verb(self)

    # --- answers --------------------------------------------------------------------------------------

    def opens(self) -> Tap:
        members = [PersonId(one.person) for one in self.visit.assignment.members[:2]]
        return Tap(
            "stage",
            lambda seen: self.tablet.desk.open_visit(
                self.person,
                self.inspection,
                members=members,
                task_letter_shown=True,
                recusal_asked=True,
                seen=seen,
            ),
        )

    def answers(self) -> Tap:
        item = self.random.choice(("A01", "A01", "A02", "A02", "E01", "X01", "V01"))
        value = self.value(item)
        return Tap(
            f"answer/{item}",
            lambda seen: self.tablet.desk.answer(self.person, self.inspection, item, value, seen=seen),
        )

    def value(self, item: str) -> AnswerValue:
        match item:
            case "A01":
                return Clauses(tuple(map(ClauseHit, self.random.choice(("", "a", "b", "ab", "ba")))))
            case "A02":
                return Count(self.random.randrange(3))
            case "E01":
                return YesNo(self.random.random() < 0.5)
            case "V01":
                return Present(self.random.random() < 0.2)
            case _:
                return Count(self.random.randrange(2))

    def says_not_applicable(self) -> Tap:
        item = self.random.choice(("A02", "E01"))
        return Tap(
            f"answer/{item}",
            lambda seen: self.tablet.desk.not_applicable(
                self.person, self.inspection, item, "no_event", "无", seen=seen
            ),
        )

    def consents(self) -> Tap:
        item = self.random.choice(("A02", "E01"))
        consents = self.random.random() < 0.8
        return Tap(
            f"consent/{item}/{self.person}",
            lambda seen: self.tablet.desk.consent(
                self.person, self.inspection, item, "no_event", consents=consents, seen=seen
            ),
        )

    def notes(self) -> Tap:
        item = self.random.choice(("A01", "E01"))
        text = self.random.choice(("", "见台账", "另附", CRASHING))
        return Tap(
            f"note/{item}/{self.person}",
            lambda seen: self.tablet.desk.note(self.person, self.inspection, item, text, seen=seen),
        )

    # --- findings and the rest ------------------------------------------------------------------------

    def finds(self) -> Tap:
        text = self.text("")
        return Tap("", lambda _: self.tablet.desk.record_finding(self.person, self.inspection, text))

    def text(self, finding: str) -> Finding:
        return Finding(
            finding=finding,
            item=self.random.choice(("A02", "E01")),
            fact=self.random.choice(("缺登记", "未签收")),
            occurrences=self.random.randint(1, 2),
        )

    def finding(self) -> str | None:
        """A finding on the screen."""
        shown = [name.partition("/")[2] for name in self.screen if name.startswith("finding/")]
        return self.random.choice(shown) if shown else None

    def amends(self) -> Tap | None:
        finding = self.finding()
        if finding is None:
            return None
        text = self.text(finding)
        return Tap(
            f"finding/{finding}",
            lambda seen: self.tablet.desk.amend_finding(
                self.person, self.inspection, text, "重核", seen=seen
            ),
        )

    def withdraws(self) -> Tap | None:
        finding = self.finding()
        if finding is None:
            return None
        return Tap(
            f"finding/{finding}",
            lambda seen: self.tablet.desk.withdraw_finding(
                self.person, self.inspection, finding, "误记", seen=seen
            ),
        )

    def links(self) -> Tap | None:
        finding, other = self.finding(), self.finding()
        if finding is None or other is None:
            return None
        if self.random.random() < 0.5:
            return Tap(
                f"duplicate_of/{finding}",
                lambda seen: self.tablet.desk.duplicate_of(
                    self.person, self.inspection, finding, other if other != finding else "", seen=seen
                ),
            )
        return Tap(
            f"repeat_of/{finding}",
            lambda seen: self.tablet.desk.repeat_of(
                self.person, self.inspection, finding, "OLD-1", seen=seen
            ),
        )

    def fixes(self) -> Tap | None:
        finding = self.finding()
        if finding is None:
            return None
        after = self.random.choice(("已改", "已补"))
        return Tap(
            f"fix/{finding}",
            lambda seen: self.tablet.desk.fix(self.person, self.inspection, finding, "缺", after, seen=seen),
        )

    def checks_device(self) -> Tap:
        register_no = f"{self.inspection}-{self.random.randint(1, 2)}"
        problems = self.random.randrange(3)
        return Tap(
            f"device/{register_no}",
            lambda seen: self.tablet.desk.check_device(
                self.person, self.inspection, register_no, classified=True, problems=problems, seen=seen
            ),
        )

    def talks(self) -> Tap:
        held = self.random.randrange(3)
        return Tap(
            "interview/V-1",
            lambda seen: self.tablet.desk.hold_interview(
                self.person, self.inspection, "leader", required=2, held=held, interview="V-1", seen=seen
            ),
        )

    def signs(self) -> Tap:
        refuses = self.random.random() < 0.3
        name = self.random.choice(("张", "李"))
        if refuses:
            return Tap(
                "signature/unit_head",
                lambda seen: self.tablet.desk.refuse_signature(
                    self.person, self.inspection, "unit_head", reason="有异议", witness="王", seen=seen
                ),
            )
        return Tap(
            "signature/unit_head",
            lambda seen: self.tablet.desk.sign(
                self.person, self.inspection, "unit_head", name, method="paper", paper_ref="1", seen=seen
            ),
        )

    def photographs(self) -> Tap:
        taken = self.tablet.photographs(self.random.getrandbits(16))
        members = self.visit.assignment.members
        screener = next(one.person for one in members if one.person != self.person and one.role != "trainee")
        return Tap(
            "",
            lambda _: self.tablet.desk.attach_photo(
                self.person, self.inspection, "A02", taken, caption="台账柜", screened_by=screener
            ),
        )

    def removes_photo(self) -> Tap | None:
        shown = [name.partition("/")[2] for name in self.screen if name.startswith("evidence/")]
        if not shown:
            return None
        evidence = self.random.choice(shown)
        return Tap(
            f"evidence/{evidence}",
            lambda seen: self.tablet.desk.remove_photo(
                self.person, self.inspection, evidence, "拍到屏幕", seen=seen
            ),
        )

    # --- the leader's ---------------------------------------------------------------------------------

    def settles(self) -> Tap | None:
        disputed = [str(cell.field) for cell in self.visit.inspection.disputes]
        if self.role != "leader" or not disputed:
            return None
        field = self.random.choice(disputed)
        shown = self.screen.get(field, ())
        if not shown:
            return None
        chosen = OpId(self.random.choice(shown))
        decision: OpId | Body = chosen
        if field == "answer/A02" and self.random.random() < 0.3:
            decision = Answer("A02", Count(1))
        return Tap(
            field,
            lambda seen: self.tablet.desk.settle(
                self.person, self.inspection, FieldKey(field), decision, "现场复核", seen=seen
            ),
        )

    def deliberates(self) -> Tap | None:
        if self.role != "leader":
            return None
        return Tap(
            "stage", lambda seen: self.tablet.desk.deliberate(self.person, self.inspection, "符合", seen=seen)
        )

    def submits(self) -> Tap | None:
        if self.role != "leader" or not self.hands_in:
            return None
        return Tap("stage", lambda seen: self.tablet.desk.submit(self.person, self.inspection, seen=seen))

    def aborts(self) -> Tap | None:
        if self.role != "leader":
            return None
        return Tap(
            "stage",
            lambda seen: self.tablet.desk.abort(self.person, self.inspection, "emergency", "停电", seen=seen),
        )


_VERBS: tuple[tuple[Callable[[Person], Tap | None], int], ...] = (
    (Person.answers, 40),
    (Person.says_not_applicable, 6),
    (Person.consents, 4),
    (Person.notes, 5),
    (Person.finds, 5),
    (Person.amends, 7),
    (Person.withdraws, 4),
    (Person.links, 4),
    (Person.fixes, 3),
    (Person.checks_device, 6),
    (Person.talks, 3),
    (Person.signs, 3),
    (Person.photographs, 6),
    (Person.removes_photo, 1),
    (Person.settles, 14),
    (Person.deliberates, 5),
    (Person.submits, 9),
    (Person.aborts, 1),
)


def coordinator_says(random: Random, stage: str, *, locks: bool) -> Body | None:
    """What a coordinator does with an inspection in this stage."""
    match stage:
        case "submitted":
            return Returned((("", "请补签字"),)) if random.random() < 0.5 else Accepted()
        case "accepted":
            return Locked() if locks and random.random() < 0.7 else Returned((("A01", "请复核"),))
        case _:
            return None
