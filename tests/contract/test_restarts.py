"""PostgreSQL stopped, killed and started again under the running server: nothing acknowledged is lost."""

import signal
import threading
import time

import pytest

from server.intake.exchange import exchange
from server.intake.rebuild import rebuild
from server.storage import writer
from server.storage.database import Database
from shared_schema import wire
from shared_schema.ids import DeviceId
from shared_schema.operations import Note
from shared_schema.problems import Problem
from tests.contract.plan import CHECKLIST, inspection_id
from tests.contract.postgres import Postgres
from tests.contract.talk import NOW_MS, ask, outcomes, say
from tests.make import Scribe, make_request

ITEM = CHECKLIST.items[0].id
TABLETS = 3
ROUNDS = 2


class Tablet:
    """Writes notes and sends each until it is acknowledged."""

    def __init__(self, db: Database, number: int) -> None:
        self._db = db
        self._scribe = Scribe(
            device=f"D-{1 + number % 2}", epoch=f"E-{number}", inspection=inspection_id(1, 1 + number)
        )
        self.acknowledged: set[bytes] = set()
        self.busy = 0
        self.problems: list[Exception] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            while not self.stop.is_set():
                op = self._scribe.write(Note(ITEM, "x"))
                while not self._send(op.raw, wire.encode(make_request([op]))):
                    time.sleep(0.02)
        except Exception as err:  # noqa: BLE001 - shown by the test's own thread
            self.problems.append(err)

    def _send(self, raw: bytes, request: bytes) -> bool:
        device = DeviceId(self._scribe.device)
        try:
            reply = self._db.write(lambda conn: exchange(conn, request, device=device, now_ms=NOW_MS))
        except Problem as problem:
            if problem.code != "busy":
                raise
            self.busy += 1
            return False
        if outcomes(wire.read_reply(reply)) not in (["accepted"], ["duplicate"]):
            raise AssertionError(reply)
        self.acknowledged.add(raw)
        return True


@pytest.fixture
def kind() -> str:
    """These tests are about PostgreSQL."""
    return "postgres"


def test_nothing_acknowledged_is_lost_when_postgresql_dies(db: Database, postgres: Postgres) -> None:
    tablets = [Tablet(db, number) for number in range(TABLETS)]
    restarts = 0
    for _ in range(ROUNDS):
        for mode in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            before = sum(len(tablet.acknowledged) for tablet in tablets)
            deadline = time.monotonic() + 30
            while (
                sum(len(tablet.acknowledged) for tablet in tablets) < before + 20
                and time.monotonic() < deadline
            ):
                time.sleep(0.01)
            postgres.restart(mode)
            restarts += 1
    time.sleep(0.5)
    for tablet in tablets:
        tablet.stop.set()
    for tablet in tablets:
        tablet.thread.join()
    assert [problem for tablet in tablets for problem in tablet.problems] == []
    acknowledged = {raw for tablet in tablets for raw in tablet.acknowledged}
    assert restarts == 3 * ROUNDS
    assert len(acknowledged) >= 20 * restarts
    stored = [bytes(raw) for (raw,) in ask(db, "SELECT raw FROM operation")]
    assert len(stored) == len(set(stored))
    assert acknowledged - set(stored) == set()
    assert rebuild(db, check=True).differences == ()


def test_while_postgresql_is_away_tablets_are_asked_to_come_again(
    db: Database, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "PATIENCE_SECONDS", 0.3)
    say(db, [])
    postgres.kill(signal.SIGINT)
    try:
        with pytest.raises(Problem, match="busy"):
            say(db, [])
        with pytest.raises(Problem, match="busy"):
            ask(db, "SELECT 1")
    finally:
        postgres.start()
    assert outcomes(say(db, [Scribe().write(Note(ITEM, "x"))])) == ["accepted"]
    assert ask(db, "SELECT 1") == [(1,)]


def test_a_connection_cut_in_mid_request_is_not_noticed_outside(db: Database, postgres: Postgres) -> None:
    """The request is run again on a new connection, because it cannot have been committed."""
    cut: list[bool] = []

    def interrupted(conn: object) -> bytes:
        request = wire.encode(make_request([op]))
        reply = exchange(conn, request, device=DeviceId("D-1"), now_ms=NOW_MS)  # type: ignore[arg-type]
        if not cut:
            cut.append(True)
            postgres.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state LIKE 'idle in%'")
            ask_again = conn.exec_driver_sql("SELECT 1")  # type: ignore[attr-defined]
            raise AssertionError(ask_again)
        return reply

    op = Scribe().write(Note(ITEM, "x"))
    assert outcomes(wire.read_reply(db.write(interrupted))) == ["accepted"]
    assert ask(db, "SELECT count(*) FROM operation") == [(1,)]
