"""One tablet played from a script: the real verbs, store and exchange, with a scripted clock and chance."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace
from PIL import Image, ImageDraw

from mobile import photos
from mobile.actions import Desk
from mobile.store import Store
from mobile.sync import Sync
from mobile.transport import Offline, Transport
from mobile.vault import Vault
from shared_schema.chance import Chance
from shared_schema.ids import FindingId, InspectionId, PersonId
from shared_schema.inspection import Cell, Standing
from shared_schema.merge import State, view
from shared_schema.operations import AnswerValue, Body, Finding
from shared_schema.problems import Problem
from shared_schema.scoring import score

Step = dict[str, Any]

PLAIN_VERBS = frozenset(
    {
        "open_visit", "not_applicable", "consent", "note", "withdraw_finding", "repeat_of", "duplicate_of", "fix",
        "unit_states", "draw_sample", "check_device", "hold_interview", "remove_photo", "sign", "refuse_signature",
        "propose_measure", "deliberate", "submit", "abort",
    }
)  # fmt: skip
"""Verbs whose step carries exactly the arguments of the method of that name."""


class BadLine:
    """A transport that loses what the script says: a request, a reply; or delivers a request twice, or late."""

    def __init__(self, real: Transport) -> None:
        self._real = real
        self._late: Callable[[], object] | None = None
        self.lose = ""

    def enrol(self, body: bytes) -> bytes:
        """The reply to an enrolment."""
        return self._real.enrol(body)

    def sync(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """The reply to one exchange, unless it is this one's turn to go wrong."""
        late, self._late = self._late, None
        if late is not None:
            late()
        lose, self.lose = self.lose, ""
        if lose == "late":
            self._late = lambda: self._real.sync(body, headers)
        if lose in ("request", "late"):
            raise Offline("the request was lost")
        if lose == "repeat":
            self._real.sync(body, headers)
        reply = self._real.sync(body, headers)
        if lose == "reply":
            raise Offline("the reply was lost")
        return reply

    def files(self, method: str, name: str, body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        """One request of a photo's upload."""
        return self._real.files(method, name, body, headers)


class Player:
    """One tablet in a folder of its own. Same script and seed, same operations, to the byte."""

    def __init__(self, folder: Path, transport: Transport, seed: str) -> None:
        self._folder = folder
        self._line = BadLine(transport)
        self._seed = seed
        self._at_ms = 0
        self.taps = 0
        self.open()

    def open(self) -> None:
        """Opens the store, as the start of the program does."""
        self._vault = Vault.headless(self._folder)
        self._store = Store.open(self._folder / "tablet.db", self._vault)
        enrolled = self._store.identity() is not None
        # Goes on where the chain ends, so that a script played in parts never draws the same ids twice.
        place = f"/{self._store.head().epoch}/{self._store.head().seq}" if enrolled else ""
        self._chance = Chance(f"{self._seed}/{self._folder.name}{place}")
        self._offset_ms = int(self._store.setting("replay.clock_offset_ms", "0"))
        self._desk = Desk(self._store, self._chance.bytes, self._clock)
        self._sync = Sync(
            self._store,
            self._vault,
            self._line,
            self._folder / "photos",
            entropy=self._chance.bytes,
            clock=self._clock,
            app="replay",
        )

    def close(self) -> None:
        """Closes the store."""
        self._store.close()

    def _clock(self) -> int:
        return self._at_ms + self._offset_ms

    def play(self, step: Step) -> None:
        """One step. A Problem is raised, unless it is the one the step says it expects."""
        self._at_ms = step["at_ms"]
        expected = step.get("problem")
        try:
            self._do(step)
        except Problem as problem:
            if problem.code != expected:
                raise
        else:
            if expected:
                raise AssertionError(f"no Problem, although {expected} was expected")

    def _do(self, step: Step) -> None:
        match step["do"]:
            case "enrol":
                self._enrol(step["code"], step.get("clock_offset_ms", 0))
            case "sync":
                self._exchange(step.get("lose", ""))
            case "close":
                self.close()
            case "open":
                self.open()
            case "expect":
                self._expect(InspectionId(step.get("inspection", "")), _arguments(step))
            case verb:
                self._tap(verb, PersonId(step["person"]), InspectionId(step["inspection"]), _arguments(step))

    def _enrol(self, code: str, clock_offset_ms: int) -> None:
        self._offset_ms = clock_offset_ms
        self._store.set_setting("replay.clock_offset_ms", str(clock_offset_ms))
        self._sync.enrol(code, name=self._folder.name, platform="replay")

    def _exchange(self, lose: str) -> None:
        self._line.lose = lose
        report = self._sync.once()
        wanted = "offline" if lose in ("request", "reply", "late") else "done"
        if report.outcome != wanted:
            raise AssertionError(f"the exchange is {report.outcome} ({report.problem}), not {wanted}")

    def _tap(self, verb: str, person: PersonId, inspection: InspectionId, given: Step) -> None:
        desk = self._desk
        self.taps += 1
        if verb in PLAIN_VERBS:
            getattr(desk, verb)(person, inspection, **given)
            return
        match verb:
            case "answer":
                value = msgspec.convert(given.pop("answer"), AnswerValue)
                desk.answer(person, inspection, given.pop("item"), value, **given)
            case "record_finding":
                given.setdefault("finding", "")
                desk.record_finding(person, inspection, Finding(**_tuples(given)))
            case "amend_finding":
                reason = given.pop("reason", "")
                known = desk.visit(inspection).inspection.findings.get(FindingId(given["finding"]))
                if known is None or known.text is None:
                    raise Problem("not_found", what=given["finding"])
                desk.amend_finding(person, inspection, replace(known.text, **_tuples(given)), reason)
            case "attach_photo":
                taken = photos.take(self._picture(given), self._folder / "photos", self._vault)
                desk.attach_photo(person, inspection, given.pop("item"), taken, **given)
            case "settle" | "settle_all":
                self._settle(person, inspection, **given)
            case _:
                raise AssertionError(f"no verb {verb}")

    def _picture(self, given: Step) -> bytes:
        """The picture of a step: a file, or one drawn from a seed."""
        if "path" in given:
            return Path(given.pop("path")).read_bytes()
        picture = given.pop("picture")
        return draw(picture["seed"], *picture["size"])

    def _settle(
        self, person: PersonId, inspection: InspectionId, *, reason: str, keep: str = "", field: str = ""
    ) -> None:
        """Settles one dispute or all: for what `keep` wrote, else for what takes more points away."""
        for cell in view(self._store.state(inspection)).disputes:
            if field in ("", cell.field):
                kept = next((one for one in cell.standing if one.person == keep), None)
                chosen = kept or self._harsher(inspection, cell)
                self._desk.settle(person, inspection, cell.field, chosen.op, reason)

    def _harsher(self, inspection: InspectionId, cell: Cell[Body]) -> Standing[Body]:
        """Of the standing values the one with the lowest score, were it to stand alone."""
        state, checklist = self._store.state(inspection), self._desk.visit(inspection).checklist

        def worth(standing: Standing[Body]) -> Decimal:
            alone = tuple(one for one in state.fields[cell.field] if one.id == standing.op)
            sheet = score(
                checklist, view(State({**state.fields, cell.field: alone}, state.replaced, state.held))
            )
            return Decimal(0) if sheet.percent_low is None else sheet.percent_low

        return min(cell.standing, key=worth)

    def _expect(self, inspection: InspectionId, wanted: Step) -> None:
        """Compares what the tablet shows with what the script says it must."""
        state = self._store.sync_state()
        shown: Step = {"unsent": state.unsent, "refused": state.refused, "photos_left": state.photos_left}
        shown["notice"] = state.notice
        if inspection:
            visit = self._desk.visit(inspection)
            shown |= {
                "stage": visit.inspection.stage,
                "disputes": len(visit.inspection.disputes),
                "findings": sum(not one.withdrawn for one in visit.inspection.findings.values()),
                "held": len(visit.inspection.held),
                "open": visit.sheet.counts.open,
                "percent": str(visit.sheet.percent),
                "gone": visit.gone,
            }
        wrong = {key: shown.get(key) for key, value in wanted.items() if shown.get(key) != value}
        if wrong:
            raise AssertionError(f"expected {wanted}, but {wrong}")


def _arguments(step: Step) -> Step:
    """What a step says beyond who, where, when and what."""
    return {
        key: value
        for key, value in step.items()
        if key not in ("tablet", "at_ms", "do", "person", "inspection", "problem")
    }


def _tuples(given: Step) -> Step:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}


def draw(seed: str, width: int, height: int) -> bytes:
    """A picture of a door in a wall, different for each seed: fittings without people, papers or screens."""
    chance = Chance(f"picture/{seed}")
    shade = 150 + chance.below(80)
    picture = Image.new("RGB", (width, height), (shade, shade, shade - 10 - chance.below(40)))
    pen = ImageDraw.Draw(picture)
    left = width // 4 + chance.below(max(1, width // 8))
    wood = (90 + chance.below(60), 60 + chance.below(40), 40)
    pen.rectangle((left, height // 6, left + width // 3, height), fill=wood, outline=(40, 30, 20), width=3)
    lock = (left + width // 3 - 20, height // 2 + chance.below(max(1, height // 8)))
    pen.ellipse((lock[0] - 6, lock[1] - 6, lock[0] + 6, lock[1] + 6), fill=(220, 200, 90))
    for _ in range(3):
        across, down = chance.below(max(1, width)), chance.below(max(1, height // 6))
        pen.rectangle((across, down, across + 24, down + 12), fill=(200, 60 + chance.below(120), 60))
    out = BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def steps_of(lines: Iterable[bytes]) -> list[Step]:
    """The steps of a script: one JSON object a line."""
    return [msgspec.json.decode(line) for line in lines if line.strip()]
