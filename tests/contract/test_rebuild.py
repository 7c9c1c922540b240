"""rebuild: scores equal the fold of the log, row by row and byte by byte; and a bug stops one inspection only."""

from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, Integer, Table

from server.intake import judge, projection, score_rows
from server.intake.rebuild import _one, rebuild
from server.storage import group
from server.storage.database import Database
from server.storage.op_log import run
from server.storage.tables import ROWS, Points
from shared_schema import merge, operations
from shared_schema.ids import InspectionId
from shared_schema.inspection import Inspection
from shared_schema.operations import (
    DeviceChecked,
    InterviewHeld,
    NotApplicable,
    Note,
    Opened,
    Operation,
    TakenBack,
    UnitStated,
)
from shared_schema.scoring import score
from tests.contract.plan import CHECKLIST, inspection_id
from tests.contract.talk import ask, do, outcomes, say
from tests.make import Scribe, make_answer, make_finding, make_photo

YES_NO, COUNTED = (next(i.id for i in CHECKLIST.items if i.response == kind) for kind in ("yes_no", "count"))
SCENE = next(item.id for item in CHECKLIST.items if item.photo != "forbidden")
OPTIONAL = next(item for item in CHECKLIST.items if item.na)
POISON = "毒"


def day(inspection: str, count: int) -> list[Operation]:
    """A visit by two tablets that fills every score table: answers, a dispute, a finding, a talk, a photo."""
    first = Scribe(device="D-1", person="P-1", epoch=f"E-{inspection}", inspection=inspection)
    second = Scribe(device="D-2", person="P-2", epoch=f"E-{inspection}", inspection=inspection)
    return [
        first.write(Opened(("P-1", "P-2"), task_letter_shown=True, recusal_asked=True)),
        first.write(make_answer(YES_NO, True)),
        second.write(make_answer(YES_NO, False)),
        first.write(make_answer(COUNTED, count)),
        second.write(NotApplicable(OPTIONAL.id, OPTIONAL.na[0], "无此类设备")),
        first.write(make_finding("F-1", COUNTED)),
        second.write(UnitStated("F-1", "当天补登")),
        first.write(DeviceChecked(register_no="JX-0001", classified=True, problems=1)),
        second.write(InterviewHeld(interview="V-1", category="leader", required=1, held=1)),
        first.write(make_photo(item=SCENE)),
        second.write(Note(YES_NO, "两人看法不一")),
    ]


def played(db: Database, *inspections: str) -> None:
    """Plays a day on each of these inspections, its operations in several exchanges."""
    for count, inspection in enumerate(inspections, start=1):
        ops = day(inspection, count)
        for start in range(0, len(ops), 4):
            for device in ("D-1", "D-2"):
                yours = [op for op in ops[start : start + 4] if op.device == device]
                assert set(outcomes(say(db, yours, device=device))) <= {"accepted"}


def test_rows_stored_with_the_exchange_are_what_the_log_makes(db: Database) -> None:
    played(db, "I-1", "I-2")
    report = rebuild(db, check=True)
    assert report.differences == ()
    assert (report.inspections, report.operations, report.errors) == (20, 22, ())
    assert report.rows == sum(ask(db, f"SELECT count(*) FROM {table.name}")[0][0] for table in ROWS)


def test_every_table_is_compared_and_healed(db: Database) -> None:
    """A row taken away, a value changed and a row too many are found in each of the tables, and put right."""
    played(db, "I-1", "I-2")
    do(db, "UPDATE score_item SET points_max = 77")
    damaged = rebuild(db, check=True)
    assert len(damaged.differences) == 2 * len(CHECKLIST.items)
    assert rebuild(db, check=True) == damaged  # looking changes nothing
    rebuild(db, check=False)
    for table in ROWS:
        before = _all(db, table.name)
        assert before, "the day fills every table"
        for damage in _damages(table):
            do(db, damage)
            assert {one.table for one in rebuild(db, check=False).differences} == {table.name}
            assert _all(db, table.name) == before
    assert rebuild(db, check=True).differences == ()


def _damages(table: Table) -> list[str]:
    names = [column.name for column in table.columns]
    key = [column.name for column in table.primary_key][-1]
    moved = ", ".join("'I-3'" if name == "inspection" else name for name in names)
    one = f"inspection = 'I-1' AND {key} = (SELECT min({key}) FROM {table.name} WHERE inspection = 'I-1')"
    (changed, *_) = [
        c.name for c in table.columns if not c.primary_key and isinstance(c.type, Integer | Points)
    ]
    return [
        f"DELETE FROM {table.name} WHERE {one}",
        f"UPDATE {table.name} SET {changed} = 77 WHERE {one}",
        f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {moved} FROM {table.name} WHERE {one}",
    ]


def _all(db: Database, table: str) -> list[str]:
    rows = ask(db, f"SELECT * FROM {table}")
    return sorted(repr(tuple(bytes(v) if isinstance(v, memoryview) else v for v in row)) for row in rows)


def test_states_are_compared_and_healed(db: Database) -> None:
    played(db, "I-1", "I-2")
    other = "SELECT raw FROM operation WHERE operation.number = 1 AND operation.inspection = state.inspection"
    for damage in (
        f"UPDATE state SET content = ({other})",
        "UPDATE state SET number = 5",
        "DELETE FROM state",
    ):
        do(db, damage)
        assert {one.table for one in rebuild(db, check=True).differences} == {"state"}
        rebuild(db, check=False)
        assert rebuild(db, check=True).differences == ()


def test_a_log_that_was_tampered_with_is_found(db: Database) -> None:
    played(db, "I-1")
    for damage in (
        "UPDATE operation SET raw = (SELECT raw FROM operation WHERE number = 2) WHERE number = 3",
        "UPDATE operation SET hash = (SELECT hash FROM operation WHERE number = 2) WHERE number = 4",
        "DELETE FROM operation WHERE number = 9",
    ):
        with pytest.raises(LookupError):
            db.write(partial(_look, damage))


def _look(damage: str, conn: Connection) -> None:
    """Does the damage, checks that it is seen, and takes it back."""
    run(conn, damage)
    assert "operation" in {one.table for one in _one(InspectionId("I-1"), conn).differences}
    raise LookupError


def test_a_state_of_another_version_is_thrown_away(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    played(db, "I-1")
    monkeypatch.setattr(merge, "MERGE_VERSION", -1)
    (op,) = [Scribe(epoch="E-9", inspection="I-1").write(Note(YES_NO, "later"))]
    assert outcomes(say(db, [op])) == ["accepted"]
    assert rebuild(db, check=True).differences == ()


def test_a_state_that_counts_what_is_now_held_is_thrown_away(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version that looked less closely took it in and counted it."""
    scribe = Scribe(epoch="E-9", inspection="I-1")
    with monkeypatch.context() as before:
        before.setattr(operations, "can_be_unsaid", lambda *_: True)
        assert outcomes(say(db, [scribe.write(TakenBack("stage"))])) == ["accepted"]
        assert ask(db, "SELECT held FROM score_sheet WHERE inspection = 'I-1'") == [(0,)]
    db.write(lambda conn: group.memory(conn, "projection").clear())  # as a new process begins
    assert outcomes(say(db, [scribe.write(Note(YES_NO, "later"))])) == ["accepted"]
    assert ask(db, "SELECT held FROM score_sheet WHERE inspection = 'I-1'") == [(1,)]
    assert rebuild(db, check=True).differences == ()


# --- a bug in merging or scoring -------------------------------------------------------------------


def _poisoned(checklist: Any, inspection: Inspection, *memo: Any) -> Any:
    """A scoring that crashes on one word."""
    for item in inspection.items.values():
        for cell in item.notes:
            if POISON in cell.value.text:
                raise ZeroDivisionError(POISON)
    return score(checklist, inspection, *memo)


def test_an_answer_that_the_check_crashes_on_keeps_no_other_out(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tablet sends everything again until it is answered, so one crash would hold back all of it for ever."""

    def check(_checklist: Any, body: Any, _versions: Any) -> None:
        if getattr(body, "text", "") == POISON:
            raise ZeroDivisionError(POISON)

    monkeypatch.setattr(judge, "check_answer", check)
    scribe = Scribe()
    ops = [scribe.write(Note(YES_NO, text)) for text in ("x", POISON, "y")]
    assert outcomes(say(db, ops)) == ["accepted"] * 3
    assert rebuild(db, check=True).differences == ()


def test_a_poison_operation_stops_its_inspection_only_and_heals(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection, "score", _poisoned)
    scribe = Scribe()
    before = scribe.write(Note(YES_NO, "x"))
    poison = scribe.write(Note(COUNTED, POISON))
    elsewhere = scribe.write(Note(YES_NO, "y"), inspection="I-2")
    after = scribe.write(Note(SCENE, "z"))
    assert outcomes(say(db, [before])) == ["accepted"]
    assert outcomes(say(db, [poison, elsewhere, after])) == ["accepted"] * 3
    sql = "SELECT inspection, status, number FROM score_sheet ORDER BY inspection"
    assert ask(db, sql) == [("I-1", "error", 3), ("I-2", "open", 1)]
    assert rebuild(db, check=True).errors == ("I-1",)
    monkeypatch.setattr(projection, "score", score)  # the fix
    assert rebuild(db, check=True).differences != ()
    rebuild(db, check=False)
    assert ask(db, sql) == [("I-1", "open", 3), ("I-2", "open", 1)]
    assert rebuild(db, check=True).differences == ()


def test_a_value_the_database_will_not_take_stops_its_inspection_only(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = score_rows.rows_of

    def rows_of(row: Any, *rest: Any) -> Any:
        made = dict(real(row, *rest))
        if row.id == "I-1":
            made["score_item"] = [*made["score_item"], made["score_item"][0]]
        return made

    monkeypatch.setattr(projection, "rows_of", rows_of)
    scribe = Scribe()
    ops = [scribe.write(Note(YES_NO, "x"), inspection=inspection_id(1, n)) for n in (1, 2)]
    assert outcomes(say(db, ops)) == ["accepted", "accepted"]
    statuses = db.read(
        lambda conn: run(conn, "SELECT inspection, status FROM score_sheet ORDER BY inspection")
    )
    assert statuses == [("I-1", "error"), ("I-2", "open")]
    monkeypatch.setattr(projection, "rows_of", real)
    rebuild(db, check=False)
    assert rebuild(db, check=True) == rebuild(db, check=True)._replace(differences=(), errors=())
