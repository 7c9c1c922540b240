"""The disk is full at whatever page an exchange comes to: that is said, nothing of it is kept, and it goes on later."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event

from server.intake.rebuild import rebuild
from server.storage.database import Database
from server.storage.op_log import run
from shared_schema.operations import Note
from shared_schema.problems import Problem
from tests.contract.plan import CHECKLIST, plan
from tests.contract.talk import ask, outcomes, say
from tests.make import Scribe, make_answer, make_finding

YES_NO = next(item.id for item in CHECKLIST.items if item.response == "yes_no")
PAGES = range(0, 160, 10)
REFUSED_MIN = 6
"""So often there must really be no room; with fewer, the exchange has become too small for this test."""


def test_wherever_the_disk_ends_it_is_said_and_nothing_is_kept(tmp_path: Path) -> None:
    room = {"pages": 2**30}

    def limit(driver: Any, _record: object = None) -> None:
        driver.execute(f"PRAGMA max_page_count = {room['pages']}")

    def limit_now(conn: Connection) -> None:
        limit(conn.connection.driver_connection)

    refused = 0
    with Database.open(f"sqlite:///{tmp_path / 'hucha.db'}") as db:
        db.write(plan)
        event.listen(db._write_engine, "connect", limit)
        scribe = Scribe()
        for free in PAGES:
            ops = [scribe.write(make_finding(f"F-{free}-{n}", YES_NO, fact="满" * 300)) for n in range(40)]
            ops += [scribe.write(Note(YES_NO, "满" * 900), inspection=f"I-{1 + n % 9}") for n in range(40)]
            ops.append(scribe.write(make_answer(YES_NO, free % 2 == 0)))
            before = ask(db, "SELECT count(*) FROM operation")
            room["pages"] = db.read(lambda conn: run(conn, "PRAGMA page_count"))[0][0] + free
            db.write(limit_now)
            said = ""
            try:
                say(db, ops)
            except Problem as problem:
                said = problem.code
            assert said in {"", "disk_full"}
            if said:
                refused += 1
                assert ask(db, "SELECT count(*) FROM operation") == before
            room["pages"] = 2**30
            db.write(limit_now)
            assert set(outcomes(say(db, ops))) <= {"accepted", "duplicate"}
        assert refused >= REFUSED_MIN
        assert rebuild(db, check=True).differences == ()
    assert refused < len(PAGES), "with room enough it is taken"
