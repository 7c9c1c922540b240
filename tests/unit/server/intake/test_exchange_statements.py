"""What one change costs the database: a bounded number of statements, found by indexes, however long the log is."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from server.intake.exchange import exchange
from server.storage.database import Database
from server.storage.tables import metadata
from shared_schema import wire
from shared_schema.ids import DeviceId
from shared_schema.operations import Note
from shared_schema.proofs import head_text
from shared_schema.wire import ExchangeReply, Head
from tests.contract.plan import CHECKLIST, KEY, plan
from tests.make import Scribe, make_request

NOW_MS = 1_780_000_000_000
YES_NO = next(item.id for item in CHECKLIST.items if item.response == "yes_no")
HAND_IN_MAX = 16
"""Statements to take one change in and answer, without those that begin and end transaction and savepoint."""
READ_MAX = 5
OF_THE_TRANSACTION = re.compile(r"(BEGIN|COMMIT|SAVEPOINT|RELEASE)\b")
WRITES = re.compile(r"(INSERT|UPDATE|DELETE)\b")
IS_THERE_ANY = re.compile(r"SELECT 1 FROM \w+ LIMIT 1")
"""Ends at the first row."""
A_TABLE = re.compile(rf"SCAN ({'|'.join(metadata.tables)})\b")


class Squad:
    """Two tablets on one inspection, and the statements that the writer runs for them."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.scribe = Scribe()
        self.statements: list[str] = []
        self._cursors: dict[str, dict[str, Any]] = {"D-1": {}, "D-2": {}}
        db.submit(lambda conn: self._driver(conn).set_trace_callback(self._heard), joins=True).result()

    def _driver(self, conn: Any) -> Any:
        return conn.connection.driver_connection

    def _heard(self, sql: str) -> None:
        if not OF_THE_TRANSACTION.match(sql):
            self.statements.append(sql)

    def hand_in(self, count: int = 1) -> ExchangeReply:
        """So many changes of the first tablet, with its signature over the last."""
        written = [self.scribe.write(Note(YES_NO, f"{number}")) for number in range(count)]
        last = written[-1]
        text = head_text(last.device, last.epoch, last.seq, last.hash)
        head = Head(last.epoch, last.seq, last.hash, KEY.sign(text).hex())
        return self._ask("D-1", written, heads=(head,))

    def name(self, bases: Sequence[str]) -> ExchangeReply:
        """One change of the first tablet that names these as its bases, by how they begin."""
        return self._ask("D-1", [self.scribe.write(Note(YES_NO, "x"), bases)], shortens=True)

    def read(self) -> ExchangeReply:
        """What the second tablet has not read."""
        return self._ask("D-2", [])

    def _ask(self, device: str, written: list[Any], *, shortens: bool = False, **more: Any) -> ExchangeReply:
        asked = make_request(written, device=device, **more, **self._cursors[device])
        body = wire.encode_packed(asked, shortens=shortens)
        self.statements.clear()
        run = self.db.submit(
            lambda conn: exchange(conn, body, device=DeviceId(device), now_ms=NOW_MS), joins=True
        )
        reply = wire.read_reply(run.result())
        known = self._cursors[device]
        for one in reply.news:
            known.setdefault("cursors", {})[one.inspection] = one.cursor
            if one.last_read:
                known.setdefault("last_read", {})[one.inspection] = one.last_read
        if reply.assignments is not None:
            known["assignments"] = wire.assignments_digest(reply.assignments)
            known["checklists"] = tuple({one.checklist for one in reply.assignments})
        if reply.peers is not None:
            known["peers"] = wire.peers_digest(reply.peers)
        return reply


@pytest.fixture
def squad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Squad]:
    """Over a database with a small campaign; what is put off waits until somebody looks, on a slow machine too."""
    for patience in ("IDLE_SECONDS", "LAG_SECONDS_MAX"):
        monkeypatch.setattr(f"server.storage.writer.{patience}", 3600.0)
    with Database.open(f"sqlite:///{tmp_path / 'hucha.db'}") as db:
        db.write(plan)
        yield Squad(db)


def at_length(squad: Squad, length: int) -> tuple[list[str], list[str]]:
    """The statements of handing one change in and of reading it, when the log holds so many."""
    while len(squad.scribe.written) < length:
        squad.hand_in(min(500, length - len(squad.scribe.written)))
    squad.hand_in()
    while squad.read().more:
        pass  # both have been here before, and know what does not change
    (status,) = squad.hand_in().statuses
    assert status.status == "accepted"
    handed_in = list(squad.statements)
    (news,) = squad.read().news
    assert len(news.ops) == 1
    return handed_in, list(squad.statements)


def test_one_change_takes_as_many_statements_however_long_the_log_is(squad: Squad) -> None:
    counts = [tuple(map(len, at_length(squad, length))) for length in (1, 100, 1500)]
    assert len(set(counts)) == 1
    handed_in, read = counts[0]
    assert handed_in <= HAND_IN_MAX
    assert read <= READ_MAX


def test_who_only_reads_writes_nothing_before_the_reply(squad: Squad) -> None:
    _, read = at_length(squad, 10)
    assert read
    assert not list(filter(WRITES.match, read))


@pytest.mark.parametrize("what", ["handing in", "reading", "rows"])
def test_no_statement_of_one_change_looks_through_a_table(squad: Squad, what: str) -> None:
    handed_in, read = at_length(squad, 10)
    squad.hand_in()
    squad.statements.clear()
    squad.db.read(lambda _: None)  # has done what was put off
    statements = {"handing in": handed_in, "reading": read, "rows": list(squad.statements)}[what]
    assert statements
    for sql in statements:
        assert IS_THERE_ANY.fullmatch(sql) or not A_TABLE.search(_plan(squad.db, sql)), sql


def test_all_bases_of_a_request_are_found_by_one_statement_and_an_index(squad: Squad) -> None:
    written = [squad.scribe.write(Note(YES_NO, f"{n}"), id=f"{n:032x}"[::-1]) for n in range(40)]
    squad.hand_in()
    squad._ask("D-1", written)
    (status,) = squad.name([one.id for one in written]).statuses
    assert status.status == "accepted"
    (sql,) = [one for one in squad.statements if "id >= given.value" in one]
    plan_ = _plan(squad.db, sql)
    assert "SEARCH operation USING COVERING INDEX" in plan_
    assert not A_TABLE.search(plan_)


def _plan(db: Database, sql: str) -> str:
    """How the database goes about a statement."""
    explain: Callable[[Any], list[Any]] = lambda conn: (  # noqa: E731
        conn.connection.driver_connection.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
    )
    return "\n".join(str(row[-1]) for row in db.submit(explain, joins=True).result())
