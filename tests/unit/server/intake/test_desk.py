"""The coordinator's desk: what is recorded at the console goes into the same log, under the same rules."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from server.access.devices import CONSOLE_DEVICE
from server.intake.desk import record
from server.intake.rebuild import rebuild
from server.storage import chains, migrations
from server.storage.database import Database
from shared_schema.operations import (
    Accepted,
    Deliberated,
    Locked,
    Opened,
    Returned,
    Submitted,
    read,
)
from shared_schema.problems import Problem
from shared_schema.wire import OpStatus
from tests.contract.plan import CHECKLIST, plan
from tests.contract.talk import NOW_MS, ask, news_of, outcomes, say
from tests.make import Scribe, make_answer, make_settlement

YES_NO = next(item.id for item in CHECKLIST.items if item.response == "yes_no")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    """An open database in which two tablets disagree on one item of I-1, which is handed in."""
    with Database.open(f"sqlite:///{tmp_path / 'hucha.db'}") as database:
        database.write(plan)
        first, second = Scribe(device="D-1"), Scribe(device="D-2", person="P-2")
        opened = first.write(Opened(("P-1", "P-2"), task_letter_shown=True, recusal_asked=True))
        ops = [opened, first.write(make_answer(YES_NO, True)), first.write(Deliberated(), bases=[opened.id])]
        ops.append(first.write(Submitted(), bases=[ops[-1].id]))
        say(database, ops)
        say(database, [second.write(make_answer(YES_NO, False))], device="D-2")
        yield database


def at_desk(db: Database, body: Any, bases: list[str] | None = None, **changes: Any) -> OpStatus:
    """One operation of the coordinator."""
    facts: dict[str, Any] = {"inspection": "I-1", "person": "coordinator", "role": "coordinator", **changes}
    return db.write(
        lambda conn: record(
            conn,
            **facts,
            body=body,
            bases=bases,
            now_ms=NOW_MS,
        )
    )


def stage(db: Database) -> tuple[str, int]:
    """The inspection's stage and how many disputes it has."""
    (row,) = ask(db, "SELECT stage, disputes FROM score_sheet WHERE inspection = 'I-1'")
    return row[0], row[1]


def test_a_decision_is_an_operation_like_any_other(db: Database) -> None:
    assert stage(db) == ("submitted", 1)
    assert at_desk(db, Returned((("", "请复核"),))).status == "accepted"
    assert stage(db) == ("returned", 1)
    told = [read(raw) for raw in news_of(say(db, device="D-2"), "I-1")]
    assert (told[-1].kind, told[-1].person, told[-1].device) == ("returned", "coordinator", CONSOLE_DEVICE)
    assert rebuild(db, check=True).differences == ()


def test_the_console_has_a_chain_of_its_own(db: Database) -> None:
    at_desk(db, Accepted())
    at_desk(db, Locked())
    epoch = db.read(migrations.server_id)
    rows = ask(
        db, "SELECT seq, prev, hash, epoch FROM operation WHERE device = ? ORDER BY seq", CONSOLE_DEVICE
    )
    assert [row[0] for row in rows] == [1, 2]
    assert rows[1][1] == rows[0][2]
    assert {row[3] for row in rows} == {epoch}
    assert db.read(chains.gaps) == []


def test_a_dispute_ends_by_naming_what_was_seen(db: Database) -> None:
    seen = [op for (op,) in ask(db, "SELECT id FROM operation WHERE kind = 'answer'")]
    at_desk(db, make_settlement(make_answer(YES_NO, False), person="coordinator"), seen)
    assert stage(db) == ("submitted", 0)


def test_what_the_page_did_not_show_stays_in_dispute(db: Database) -> None:
    (seen, _unseen) = [
        op for (op,) in ask(db, "SELECT id FROM operation WHERE kind = 'answer' ORDER BY number")
    ]
    at_desk(db, make_settlement(make_answer(YES_NO, True), person="coordinator"), [seen])
    assert stage(db) == ("submitted", 1)


@pytest.mark.parametrize(
    ("body", "changes", "code"),
    [
        (Accepted(), {"inspection": "I-999"}, "inspection_unknown"),
        (Accepted(), {"inspection": "I-2"}, "stage_forbids"),
        (Locked(), {}, "stage_forbids"),
        (Accepted(), {"role": "auditor"}, "author_not_allowed"),
        (make_answer(YES_NO, True), {}, "author_not_allowed"),
        (
            make_settlement(make_answer(CHECKLIST.items[-1].id, True), person="coordinator"),
            {},
            "not_disputed",
        ),
        (make_settlement(make_answer(YES_NO, 7), person="coordinator"), {}, "answer_not_allowed"),
        (Accepted(), {"person": "not an id"}, "op_malformed"),
    ],
)
def test_what_a_page_should_not_have_offered_is_refused_and_leaves_nothing(
    db: Database, body: Struct, changes: dict[str, Any], code: str
) -> None:
    before = ask(db, "SELECT count(*) FROM operation"), ask(db, "SELECT count(*) FROM refusal")
    with pytest.raises(Problem) as caught:
        at_desk(db, body, **changes)
    assert caught.value.code == code
    assert (ask(db, "SELECT count(*) FROM operation"), ask(db, "SELECT count(*) FROM refusal")) == before


def test_no_tablet_can_speak_as_the_console(db: Database) -> None:
    forged = Scribe(device=CONSOLE_DEVICE, person="P-1").write(make_answer(YES_NO, True))
    assert outcomes(say(db, [forged], device="D-1")) == ["op_wrong_device"]
