"""A whole visit by touch on two running tablets that meet through a real server; and the same killed at any moment."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from server.access.devices import make_enrolment
from server.app import running as serving
from server.settings import Settings
from server.storage import console_inspection
from server.storage.database import Connection, Database
from shared_schema.ids import ItemId
from shared_schema.inspection import Inspection
from shared_schema.operations import Answer, YesNo
from tests.contract.plan import inspection_id, person_id, plan
from tests.e2e.marks import SCREENS

pytestmark = SCREENS
LEADER, SECOND, VISIT = person_id(1, 1), person_id(1, 2), inspection_id(1, 1)
ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = (("zh", "en", "成员2", "成员3"), ("en", "zh", "Member 2", "Member 3"))
"""Of the leader's tablet and of the member's, and what the leader's calls two members."""


class Said(msgspec.Struct):
    """What a hand answers."""

    place: dict[str, str]
    screen: str
    seq: int
    given: Any


class Tablet:
    """One running tablet, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._log = (folder / "log.txt").open("ab")
        self.program = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.hand", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=ROOT,
            env={**os.environ, "HUCHA_TABLET_SECRETS": str(folder / "secret")},
        )
        self.folder = folder
        self.said = self._read()

    def _read(self) -> Said:
        assert self.program.stdout is not None
        line = self.program.stdout.readline()
        # Killed in the middle of a line, it has not said it.
        if not line.endswith(b"\n"):
            raise EOFError((self.folder / "log.txt").read_text(encoding="utf-8")[-3000:])
        return msgspec.json.decode(line, type=Said)

    def do(self, name: str, *arguments: object) -> Said:
        """One call of the hand; waits until it is done. Raises EOFError where the tablet has ended."""
        assert self.program.stdin is not None
        self.program.stdin.write(msgspec.json.encode([name, *arguments]) + b"\n")
        self.program.stdin.flush()
        self.said = self._read()
        return self.said

    def kill(self) -> None:
        """Ends it as a dead battery does."""
        self.program.kill()
        self.program.communicate()
        self._log.close()


class Place(NamedTuple):
    """A running server with a code for each of two tablets."""

    db: Database
    url: str
    folder: Path


def _code(number: int, conn: Connection) -> None:
    make_enrolment(conn, "S-1", f"code-{number}", f"T-{number}", 2**52)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A server of its own for each test."""
    settings = Settings(data=tmp_path / "server", port=0, log_level="error")
    with Database.open(settings.database_url) as db, serving(settings, db) as url:
        db.write(plan)
        for number in (1, 2):
            db.write(partial(_code, number))
        yield Place(db, url, tmp_path)


@pytest.fixture
def tablets(place: Place) -> Iterator[tuple[Tablet, Tablet]]:
    """The leader's tablet and a member's, enrolled by hand."""
    pair = (Tablet(place.folder / "one"), Tablet(place.folder / "two"))
    try:
        for number, (tablet, person) in enumerate(zip(pair, (LEADER, SECOND), strict=True), start=1):
            tablet.do("enrol", place.url, f"code-{number}")
            tablet.do("choose", person)
        yield pair
    finally:
        for tablet in pair:
            tablet.kill()


@pytest.mark.parametrize(("leaders", "members", "second", "third"), LANGUAGES)
def test_a_whole_visit_on_two_tablets_that_meet_through_a_server(
    place: Place, tablets: tuple[Tablet, Tablet], leaders: str, members: str, second: str, third: str
) -> None:
    """Opening, answers, a finding, a sample, talks, a dispute settled, the unit's word, signatures, handing in."""
    one, two = tablets
    one.do("speak", leaders)
    two.do("speak", members)
    one.do("enter", VISIT)
    one.do("open_visit", second, third)
    one.do("sync")
    two.do("sync")
    two.do("enter", VISIT)
    assert two.do("look").given["stage"] == "opened"
    work(one, two)
    for tablet in (one, two, one):
        tablet.do("sync")
    assert one.do("look").given["disputes"] == two.do("look").given["disputes"] == 1
    finish(one, second)
    one.do("sync")
    two.do("sync")
    first, second = one.do("look").given, two.do("look").given
    assert first == second
    assert (first["stage"], first["disputes"], first["findings"]) == ("submitted", 0, 1)
    as_recorded(place.db.read(lambda conn: console_inspection.view_of(conn, VISIT)))
    sql = "SELECT count(DISTINCT device) FROM operation"
    assert place.db.read(lambda conn: conn.exec_driver_sql(sql).scalar_one()) == 2


def work(one: Tablet, two: Tablet) -> None:
    """Each on their own, out of reach of the other."""
    one.do("section", "A")
    one.do("answer", "A06", 0.25)
    one.do("answer", "A03", 0.85)
    one.do("item", "A03")
    one.do("finding", "综合科台账缺 2 页")
    one.do("note", "见台账第 7 页")
    two.do("section", "A")
    two.do("answer", "A06", 0.75)
    two.do("section", "@computers")
    two.do("draw")
    two.do("check_first", "JC-7")
    two.do("section", "@interviews")
    two.do("talk")


def finish(one: Tablet, witness: str) -> None:
    """What the leader does at the end, with the unit."""
    one.do("settle_first", "yes_no.no", "看过考评表原件")
    one.do("deliberate", "基本符合")
    one.do("section", "@closing")
    one.do("accept_all")
    one.do("sign_drawn", 0)
    one.do("sign_paper", 1, "笔录第 3 页")
    one.do("refuse", 3, "对 A03 有异议", witness)
    one.do("hand_in")


def as_recorded(stored: Inspection) -> None:
    """The server has all of it."""
    assert stored.stage == "submitted"
    assert not stored.disputes
    (finding,) = stored.findings.values()
    assert finding.text is not None
    assert finding.text.fact == "综合科台账缺 2 页"
    assert finding.statement is not None
    assert finding.statement.value.accepts
    assert (len(stored.samples), len(stored.devices), len(stored.interviews)) == (1, 1, 1)
    kinds = [type(cell.value).__name__ for cell in stored.signatures]
    assert sorted(kinds) == ["SignatureRefused", "Signed", "Signed"]
    cell = stored.items[ItemId("A06")].answer
    assert cell is not None
    assert cell.value == Answer("A06", YesNo(ok=False))
    assert cell.standing[0].reason == "看过考评表原件"


STRETCHES: tuple[tuple[tuple[str, *tuple[object, ...]], ...], ...] = (
    (("section", "A"), ("answer", "A06", 0.25), ("answer", "A03", 0.15), ("answer", "A06", 0.75)),
    (("section", "A"), ("item", "A03"), ("note", "见台账第 7 页")),
    (("section", "A"), ("item", "A03"), ("finding", "台账缺页")),
    (("section", "@interviews"), ("talk",)),
    (("section", "@closing"), ("sign_paper", 1, "笔录第 3 页")),
)  # fmt: skip
"""Stretches of a visit; each begins by going where it takes place, so that it can be gone through after any kill."""


def _gone_through(
    tablet: Tablet, stretch: Sequence[tuple[str, *tuple[object, ...]]], kill_after: float
) -> bool:
    """One stretch, with the power gone after so many seconds; whether it was gone before the end."""
    timer = threading.Timer(kill_after, tablet.program.kill)
    timer.start()
    try:
        for name, *arguments in stretch:
            tablet.do(name, *arguments)
    except (EOFError, BrokenPipeError):
        timer.join()
        return True
    timer.cancel()
    timer.join()
    return False


def test_a_tablet_killed_at_any_moment_comes_back_where_it_was(place: Place) -> None:
    """The screen comes back to the visit, and every operation that a hand had seen committed is in the file."""
    tablet = Tablet(place.folder / "killed")
    chance = random.Random(int(os.environ.get("SEED", "5")))
    kills = inside = 0
    try:
        tablet.do("enrol", place.url, "code-1")
        tablet.do("choose", LEADER)
        tablet.do("enter", VISIT)
        tablet.do("open_visit", *LANGUAGES[0][2:])
        for stretch in STRETCHES:
            # How long it lasts here and now, so that the kill falls inside of it on a busy machine too.
            began = time.monotonic()
            assert not _gone_through(tablet, stretch, 3600)
            lasted = time.monotonic() - began
            if _gone_through(tablet, stretch, chance.uniform(0.05, 0.95) * lasted):
                inside += 1
            before = tablet.said
            # One that was over sooner than before is killed at rest.
            tablet.kill()
            assert tablet.program.returncode == -signal.SIGKILL, "it ended by itself: nothing was tested"
            kills += 1
            tablet = Tablet(tablet.folder)
            assert (tablet.said.screen, tablet.said.place["inspection"]) == ("visit", VISIT)
            assert tablet.said.place["person"] == LEADER
            # One tap was under way: it is there whole, or not at all.
            assert before.seq <= tablet.said.seq <= before.seq + 1, "what was committed is gone, or more came"
        assert kills == len(STRETCHES)
        assert inside >= len(STRETCHES) - 2, "too few kills fell on anything under way"
        tablet.do("sync")
        sql = "SELECT count(*) FROM operation"
        received = place.db.read(lambda conn: conn.exec_driver_sql(sql).scalar_one())
        assert received == tablet.said.seq > len(STRETCHES)
    finally:
        tablet.kill()
