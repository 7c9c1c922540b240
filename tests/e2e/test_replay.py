"""`python -m mobile.replay` against a real server over HTTP, in two processes."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server.access.devices import make_enrolment
from server.app import running
from server.settings import Settings
from server.storage.database import Database
from tests.contract.plan import inspection_id, person_id, plan

AT_MS = 1_780_000_000_000


class Place:
    """A running server, and the way to play a script against it."""

    def __init__(self, folder: Path, db: Database, url: str) -> None:
        self.folder, self.db, self.url = folder, db, url

    def replay(self, steps: list[dict[str, Any]], *options: str) -> "subprocess.CompletedProcess[str]":
        script = self.folder / "script.jsonl"
        script.write_bytes(b"\n".join(map(msgspec.json.encode, steps)))
        command = [sys.executable, "-m", "mobile.replay", str(script), "--server", self.url]
        command += ["--out", str(self.folder / "tablets"), *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    settings = Settings(data=tmp_path, port=0, log_level="error")
    with Database.open(settings.database_url) as db, running(settings, db) as url:
        db.write(plan)
        yield Place(tmp_path, db, url)


def squad_at_work(place: Place, squad: int) -> list[dict[str, Any]]:
    """One squad's tablet from enrolment to an answered item with a photo."""
    tablet, visit, leader = f"T-{squad}", inspection_id(squad, 1), person_id(squad, 1)
    code = f"code-for-{squad}"
    place.db.write(lambda conn: make_enrolment(conn, f"S-{squad}", code, tablet, 2**52))
    here = {"tablet": tablet, "at_ms": AT_MS}
    tap = {**here, "person": leader, "inspection": visit}
    members = [leader, person_id(squad, 2)]
    return [
        {**here, "do": "enrol", "code": code},
        {**here, "do": "sync"},
        {**tap, "do": "open_visit", "members": members, "task_letter_shown": True, "recusal_asked": True},
        {**tap, "do": "answer", "item": "A03", "answer": {"type": "count", "count": squad}},
        {**tap, "do": "attach_photo", "item": "F02", "picture": {"seed": tablet, "size": [320, 240]}},
        {**here, "do": "sync", "lose": "reply"},
        {**here, "do": "sync"},
        {**here, "do": "expect", "unsent": 0, "photos_left": 0, "refused": 0},
    ]


@pytest.mark.e2e
def test_two_squads_are_played_at_the_same_time(place: Place) -> None:
    """What was done is printed as one line of JSON; operations and photos are with the server."""
    done = place.replay([step for squad in (1, 2) for step in squad_at_work(place, squad)], "--jobs", "2")
    assert (done.returncode, done.stderr) == (0, "")
    told = msgspec.json.decode(done.stdout)
    assert {key: told[key] for key in ("steps", "taps", "syncs", "tablets")} == {
        "steps": 16,
        "taps": 6,
        "syncs": 6,
        "tablets": 2,
    }
    [(operations, photos)] = place.db.read(
        lambda conn: conn.exec_driver_sql(
            "SELECT (SELECT count(*) FROM operation), (SELECT count(*) FROM photo)"
        ).fetchall()
    )
    assert (operations, photos) == (6, 2)


@pytest.mark.e2e
def test_a_step_that_goes_wrong_ends_the_program_with_its_place(place: Place) -> None:
    """Exit 1, and the script, the number and the reason on the error stream."""
    steps = squad_at_work(place, 1)
    done = place.replay([*steps, {**steps[-1], "unsent": 7}])
    assert done.returncode == 1
    assert "script.jsonl: step 9: expected" in done.stderr
