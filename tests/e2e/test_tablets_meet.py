"""Tablets as processes of their own meet over real sockets; later one of them reaches a real server over HTTP."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from server.access.devices import make_enrolment
from server.app import running
from server.settings import Settings
from server.storage.database import Database
from tests.contract.plan import inspection_id, person_id, plan

pytestmark = pytest.mark.e2e
VISIT, LEADER, SECOND = inspection_id(1, 1), person_id(1, 1), person_id(1, 2)
LOOPBACK = "127.0.0.1"
ANSWER_SECONDS = 120
KILLS = 6
NOBODY = "http://127.0.0.1:9"
"""A server that is not there."""


class Tablet:
    """A tablet's program."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._start()

    def _start(self) -> None:
        self._program = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.meeting_tablet", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, do: str, **facts: object) -> None:
        """Gives a command."""
        assert self._program.stdin is not None
        self._program.stdin.write(json.dumps({"do": do, **facts}) + "\n")
        self._program.stdin.flush()

    def heard(self) -> Any:
        """The answer to the command given last."""
        assert self._program.stdout is not None
        line = self._program.stdout.readline()
        assert line, f"the program of {self.folder.name} has ended"
        return json.loads(line)

    def do(self, do: str, **facts: object) -> Any:
        self.tell(do, **facts)
        return self.heard()

    def kill(self) -> None:
        """Ends it between two instructions, and starts it again."""
        self._program.kill()
        self.close()
        self._start()

    def close(self) -> None:
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._program.stdin.close()
        self._program.wait(ANSWER_SECONDS)
        self._program.stdout.close()


class Squad:
    """Two tablets that have been enrolled and met the server once, and that server's database and address."""

    def __init__(self, db: Database, url: str, one: Tablet, two: Tablet) -> None:
        self.db, self.url, self.one, self.two = db, url, one, two

    def log(self) -> list[tuple[str, str]]:
        """(tablet, bytes) of every operation the server has."""
        sql = "SELECT device, raw FROM operation ORDER BY inspection, number"
        rows = self.db.read(lambda conn: conn.exec_driver_sql(sql).fetchall())
        return [(device, bytes(raw).decode()) for device, raw in rows]


def _announce(db: Database, device: str) -> None:
    db.write(lambda conn: make_enrolment(conn, "S-1", f"code-{device}", device, 2**52))


@pytest.fixture
def squad(tmp_path: Path) -> Iterator[Squad]:
    settings = Settings(data=tmp_path / "server", port=0, log_level="error")
    settings.data.mkdir()
    one, two = Tablet(tmp_path / "one"), Tablet(tmp_path / "two")
    with Database.open(settings.database_url) as db, running(settings, db) as url:
        db.write(plan)
        for tablet, device in ((one, "T-1"), (two, "T-2")):
            _announce(db, device)
            assert tablet.do("enrol", server=url, code=f"code-{device}") == device
        for tablet in (one, two, one):
            assert tablet.do("sync", server=url) == ["done", ""]
        yield Squad(db, url, one, two)
        one.close()
        two.close()


def test_two_tablets_meet_and_one_takes_all_to_the_server(squad: Squad) -> None:
    """Each sees the other's records at once; the server takes them under their authors' signatures from the one that
    reaches it; its receipts come back with the next meeting; and the author settles them when it meets the server.
    """
    one, two = squad.one, squad.two
    one.do("open", visit=VISIT, members=[LEADER, SECOND])
    address = f"{LOOPBACK}:{two.do('serve')}"
    assert one.do("meet", address=address) == ["done", "", 0, 1]
    taps = [one.do("answer", visit=VISIT, person=LEADER, item="A03", count=count) for count in range(40)]
    theirs = two.do("answer", visit=VISIT, person=SECOND, item="B05", count=1)
    assert one.do("sync", server=NOBODY) == ["offline", ""]
    assert one.do("meet", address=address) == ["done", "", 1, 40]
    assert one.do("state", visit=VISIT) == two.do("state", visit=VISIT)
    assert one.do("meet", address=f"{address}#T-9") == ["failed", "peer_unknown", 0, 0]

    before = squad.log()
    assert two.do("sync", server=squad.url) == ["done", ""]
    arrived = squad.log()
    assert before == []
    assert sorted(arrived) == sorted(
        [(json.loads(raw)["device"], raw) for raw in (*taps, theirs)]
        + [row for row in arrived if json.loads(row[1])["kind"] == "opened"]
    )
    assert len(arrived) == 42
    assert {device for device, _ in arrived} == {"T-1", "T-2"}

    waiting = one.do("waiting")
    assert [so for _, so in waiting] == [False] * 41
    assert one.do("meet", address=address)[:2] == ["done", ""]
    assert one.do("waiting") == [[op, True] for op, _ in waiting]
    two.do("stop")
    assert one.do("meet", address=address)[0] == "offline"

    assert one.do("sync", server=squad.url) == ["done", ""]
    assert one.do("waiting") == []
    assert squad.log() == arrived


def test_a_meeting_survives_either_program_being_killed(squad: Squad) -> None:
    """At whatever moment: after the next whole meeting both hold everything, once, and the server takes it."""
    one, two, chance = squad.one, squad.two, Random(5)
    one.do("open", visit=VISIT, members=[LEADER, SECOND])
    assert one.do("meet", address=f"{LOOPBACK}:{two.do('serve')}")[0] == "done"
    two.do("stop")
    taps: set[str] = set()
    for kill in range(KILLS):
        for count in range(30):
            taps.add(one.do("answer", visit=VISIT, person=LEADER, item="A03", count=count))
            taps.add(two.do("answer", visit=VISIT, person=SECOND, item="B05", count=count))
        port = two.do("serve")
        one.tell("meet", address=f"{LOOPBACK}:{port}")
        time.sleep(chance.random() * 0.15)
        (one if kill % 2 else two).kill()
        if kill % 2:
            two.do("stop")
        else:
            assert one.heard()[0] in ("offline", "done")
    address = f"{LOOPBACK}:{two.do('serve')}"
    assert one.do("meet", address=address)[:2] == ["done", ""]
    assert one.do("state", visit=VISIT) == two.do("state", visit=VISIT)
    assert two.do("sync", server=squad.url) == ["done", ""]
    log = [raw for _, raw in squad.log()]
    assert taps <= set(log)
    assert len(log) == len(set(log)) == len(taps) + 1
