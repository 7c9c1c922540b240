"""A small season in a real database, for tests of the console: visits in every stage, disputes, findings, photos.

The registers are the demonstration's; what the squads write goes through the real intake, tablet by
tablet. Nothing here depends on the day it runs.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from PIL import Image, ImageDraw

from server.demo.plan import Plan, Team, make_plan
from server.demo.registering import register
from server.demo.script import Visit, at_start
from server.demo.truth import Truth
from server.intake import desk, taking
from server.intake.judge import RoleOf
from server.planning.registering import earlier_id
from server.storage import devices, photos
from server.storage.database import Connection
from server.storage.photo_files import PhotoFiles
from shared_schema.chance import Chance
from shared_schema.checklist import Item
from shared_schema.ids import DeviceId, SquadId, digest
from shared_schema.inspection import Standing
from shared_schema.merge import EMPTY, apply, view
from shared_schema.operations import (
    Accepted,
    Answer,
    AnswerValue,
    Body,
    Count,
    Deliberated,
    DeviceChecked,
    EvidenceAttached,
    Finding,
    FindingFixed,
    FindingRepeatOf,
    InterviewHeld,
    Locked,
    NaConsent,
    NotApplicable,
    Note,
    Opened,
    Returned,
    SampleDrawn,
    Signed,
    Submitted,
    UnitStated,
    read,
)
from shared_schema.roles import Role
from tests.make import Scribe, make_settlement

HOUR_MS = 3600 * 1000
STAGES = (
    "accepted",
    "locked",
    "submitted",
    "accepted",
    "disputed",
    "submitted",
    "returned",
    "opened",
    "",
    "",
)
"""What becomes of a squad's first ten visits; `disputed` is submitted with a dispute left open."""


class Season(NamedTuple):
    """What a test may want to name."""

    campaign: str
    plan: Plan
    disputed: tuple[str, ...]
    accepted: tuple[str, ...]
    submitted: tuple[str, ...]
    now_ms: int
    locked: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()


def fill(conn: Connection, photo_dir: Path, *, visits_per_squad: int = 10, squads: int = 8) -> Season:
    """Puts the season into an empty database."""
    plan = make_plan(7)
    register(conn, plan, 4_000_000_000_000)
    ends: dict[str, list[str]] = {"disputed": [], "accepted": [], "submitted": []}
    last_ms = 0
    for team in plan.teams[:squads]:
        crew = Crew(conn, team, PhotoFiles(photo_dir))
        for number, visit in enumerate(team.visits[:visits_per_squad]):
            stage = STAGES[(number + plan.teams.index(team)) % len(STAGES)]
            if stage:
                last_ms = max(last_ms, crew.visit(plan, visit, stage))
                ends.setdefault(stage, []).append(visit.inspection)
    found = {name: tuple(ids) for name, ids in ends.items()}
    return Season(
        plan.registers.season.campaign.code,
        plan,
        found["disputed"],
        found["accepted"],
        found["submitted"],
        last_ms + 6 * HOUR_MS,
        found.get("locked", ()),
        found.get("opened", ()),
    )


class Crew:
    """Two members of a squad with a tablet each, and the operations they write."""

    def __init__(self, conn: Connection, team: Team, files: PhotoFiles) -> None:
        self.conn, self.team, self.files = conn, team, files
        self.leader = team.members[0]
        self.other = next(one for one in team.members if one.role == "inspector")
        self.scribes: dict[str, Scribe] = {
            str(one.person.id): Scribe(device=one.tablet, person=one.person.id, epoch=f"E-{one.tablet}")
            for one in (self.leader, self.other)
        }
        self.roles: dict[str, Role] = {str(one.person.id): one.role for one in team.members}
        for one in (self.leader, self.other):
            number = one.tablet.removeprefix("T")
            devices.add(
                conn,
                devices.DeviceRow(
                    id=DeviceId(one.tablet),
                    squad=SquadId(team.squad),
                    name=f"平板 {number}",
                    platform="Kylin V10 ARM64",
                    app="0.1.0",
                    public_key=digest(one.tablet.encode()),
                    enrolled_at_ms=at_start(team.visits[0].date) - 48 * HOUR_MS,
                ),
            )

    def visit(self, plan: Plan, visit: Visit, stage: str) -> int:
        """Plays one visit up to a stage; when the last of it was received."""
        self.plan, self.inspection = plan, visit.inspection
        self.at_ms = at_start(visit.date)
        self.taken: list[bytes] = []
        self.pending: dict[str, list[bytes]] = {one: [] for one in self.scribes}
        chance = Chance(f"tests/{visit.inspection}")
        truth = Truth(visit.unit, plan.checklist, {}, chance)
        both = (self.leader.person.id, self.other.person.id)
        self.write(both[0], Opened(both, task_letter_shown=True, recusal_asked=True))
        half = stage == "opened"
        items = plan.checklist.items[:40] if half else plan.checklist.items
        for number, item in enumerate(items):
            author, second = both if number % 3 else both[::-1]
            self.answer(truth, item, author, second)
        self.findings(truth, visit, chance, both)
        self.computers(visit, chance, both[1])
        if not half:
            self.handing_in(visit, chance, both)
        if stage in {"disputed", "opened", "returned"}:
            self.differ(truth, items, both)
        self.send()
        if not half:
            self.write(both[0], Submitted(""), self.bases("stage"))
            self.send()
        return self.coordinate(stage)

    def answer(self, truth: Truth, item: Item, author: str, second: str) -> None:
        reason = truth.absent.get(item.id)
        if reason:
            self.write(author, NotApplicable(item.id, reason, "已核对单位情况"))
            self.write(second, NaConsent(item.id, reason))
            return
        wrong = truth.wrongs.get(item.id)
        given = wrong.answer if wrong else truth.right(item)
        self.write(author, Answer(item.id, msgspec.convert(given, AnswerValue)))

    def findings(self, truth: Truth, visit: Visit, chance: Chance, both: Sequence[str]) -> None:
        facts = self.plan.phrases["facts"]
        assert isinstance(facts, dict)
        reported = [one for one in truth.wrongs.values() if one.reported]
        for number, wrong in enumerate(reported):
            author = both[number % 2]
            name = f"{visit.inspection}-F{number + 1:02}"
            fact = chance.choice(facts[wrong.item.id])["zh"]
            fixed = number % 3 == 0
            self.write(
                author,
                Finding(
                    finding=name,
                    item=wrong.item.id,
                    fact=fact,
                    severity=("general", "minor", "severe")[number % 3],
                    cause="不熟悉规定",
                    basis=wrong.item.basis,
                    common=number % 4 == 0,
                    occurrences=wrong.occurrences,
                    disposal="fix_now" if fixed else "fix_by",
                    due="" if fixed else "2026-08-15",
                ),
            )
            earlier = next((one for one in visit.earlier if one.item == wrong.item.id), None)
            if earlier:
                self.write(author, FindingRepeatOf(name, earlier_id(earlier)))
            if fixed:
                self.write(author, FindingFixed(name, fact, "已当场补登并签收"))
            elif number % 3 == 1:
                self.write(author, UnitStated(name, "情况属实，一周内补齐。"))
        if reported:
            self.write(both[1], Note(reported[0].item.id, "台账见保密室第二柜。"))
        scene = next((one for one in self.plan.checklist.items if one.photo != "forbidden"), None)
        if scene:
            self.photo(both[1], scene.id, f"{visit.inspection}-P1", visit.unit.code, here=chance.percent(85))

    def photo(self, author: str, item: str, name: str, seed: str, *, here: bool) -> None:
        content = picture(seed)
        sha256 = digest(content)
        self.write(
            author,
            EvidenceAttached(
                evidence=name,
                item=item,
                sha256=sha256,
                size_bytes=len(content),
                caption="保密室门锁，无文件入镜",
                screened_by=self.leader.person.id,
            ),
        )
        if here:
            self.files.put(sha256, content)
            device = DeviceId(self.scribes[author].device)
            photos.add(
                self.conn,
                sha256=sha256,
                size_bytes=len(content),
                media_type="image/jpeg",
                device=device,
                now_ms=self.at_ms,
            )

    def computers(self, visit: Visit, chance: Chance, author: str) -> None:
        numbers = [one.register_no for one in visit.inventory]
        if not numbers:
            return
        drawn = tuple(numbers[:6])
        self.write(
            author,
            SampleDrawn(
                sample=f"{visit.inspection}-S",
                item="E09",
                population_hash=digest("\n".join(sorted(numbers)).encode()),
                population_size=len(numbers),
                seed=f"{visit.date:%Y%m%d}",
                drawn=drawn,
            ),
        )
        for one in visit.inventory[:6]:
            self.write(
                author,
                DeviceChecked(
                    register_no=one.register_no,
                    classified=one.classified,
                    problems=chance.below(8) // 7,
                    tool_report=f"JC{visit.date:%m%d}-{chance.below(900):03}",
                ),
            )

    def handing_in(self, visit: Visit, chance: Chance, both: Sequence[str]) -> None:
        for category in ("leader", "secret_post", "ex_military"):
            held = 1 + chance.below(3)
            self.write(
                both[0],
                InterviewHeld(
                    interview=f"{visit.inspection}-{category}", category=category, required=held, held=held
                ),
            )
        self.write(both[0], Deliberated("全组一致。"), self.bases("stage"))
        strokes = (((0, 0, 0), (40, -20, 30)),)
        leader = self.leader.person.name_zh
        self.write(both[0], Signed(role="leader", name=leader, method="drawn", strokes=strokes))
        self.write(
            both[0],
            Signed(role="unit_head", name=visit.unit.contact, method="paper", paper_ref="签字页第1页"),
        )

    def differ(self, truth: Truth, items: Sequence[Item], both: Sequence[str]) -> None:
        """Both members answer the same two items differently without seeing each other; one is settled."""
        counted = [one for one in items if one.id not in truth.absent and one.response == "count"][:2]
        for number, item in enumerate(counted):
            seen = self.bases(f"answer/{item.id}")  # by both, before either wrote
            for person, count in zip(both, (2, 4 if number else 1), strict=True):
                self.write(person, Answer(item.id, Count(count)), seen)
        self.send()
        if counted:
            field = f"answer/{counted[0].id}"
            kept = self.standing(field)[0].op
            body = make_settlement(
                Answer(counted[0].id, Count(2)), reason="共同复核登记簿，确认两处", kept=kept
            )
            self.write(both[0], body, self.bases(field))

    def coordinate(self, stage: str) -> int:
        bodies: dict[str, Sequence[Body]] = {
            "accepted": (Accepted("材料齐全"),),
            "locked": (Accepted("材料齐全"), Locked("归档")),
            "returned": (Returned((("", "请补充访谈情况"), ("E09", "抽样数量与台账不符，请核实"))),),
        }
        for body in bodies.get(stage, ()):
            self.at_ms += 26 * HOUR_MS
            desk.record(
                self.conn,
                self.inspection,
                "coordinator",
                "coordinator",
                body,
                None,
                now_ms=self.at_ms,
            )
        return self.at_ms

    # -- writing ------------------------------------------------------------------------------------

    def write(self, person: str, body: Body, bases: Sequence[str] = ()) -> None:
        """One tap, minutes after the one before; the second tablet's clock is an hour slow."""
        self.at_ms += 47_000
        scribe = self.scribes[person]
        clock_ms = self.at_ms - (HOUR_MS if person == self.other.person.id else 0)
        operation = scribe.write(
            body,
            bases,
            inspection=self.inspection,
            at_ms=clock_ms,
            id=f"{scribe.device}.{len(scribe.written) + 1:05}",
        )
        self.pending[person].append(operation.raw)

    def _role_of(self, _device: str) -> RoleOf:
        return lambda _row, person: self.roles.get(person)

    def send(self) -> None:
        """Both tablets exchange."""
        self.at_ms += 20 * 60 * 1000
        for person, raws in self.pending.items():
            device = DeviceId(self.scribes[person].device)
            statuses = taking.take(
                self.conn,
                raws,
                device=device,
                role_of=self._role_of,
                now_ms=self.at_ms,
            ).statuses
            refused = [one for one in statuses if one.problem]
            assert not refused, refused[:3]
            devices.seen(self.conn, device, [devices.Contact(self.at_ms, "0.1.0")], 0)
            self.taken += raws
            raws.clear()

    def standing(self, field: str) -> tuple[Standing[Body], ...]:
        """What stands on a field, of all that is written or still on its way."""
        everything = [*self.taken, *(raw for raws in self.pending.values() for raw in raws)]
        found = view(apply(EMPTY, map(read, everything)))
        cells: list[Any] = [found.stage_cell, *(item.answer for item in found.items.values())]
        return next((cell.standing for cell in cells if cell is not None and cell.field == field), ())

    def bases(self, field: str) -> tuple[str, ...]:
        """What the author of the next operation on a field sees."""
        return tuple(one.op for one in self.standing(field))


def picture(seed: str) -> bytes:
    """A made-up scene: a door with a lock, in colours of its own."""
    chance = Chance(f"picture/{seed}")
    shade = 170 + chance.below(60)
    image = Image.new("RGB", (640, 480), (shade, shade - 8, shade - 20))
    draw = ImageDraw.Draw(image)
    left = 180 + chance.below(80)
    draw.rectangle((0, 400, 640, 480), fill=(shade - 60, shade - 66, shade - 74))
    draw.rectangle((left, 60, left + 220, 420), fill=(96, 84, 70), outline=(60, 52, 44), width=6)
    draw.rectangle((left + 170, 220, left + 200, 290), fill=(205, 205, 210), outline=(120, 120, 128), width=3)
    draw.ellipse((left + 178, 232, left + 192, 246), fill=(70, 70, 78))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()
