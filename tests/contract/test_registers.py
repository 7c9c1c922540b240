"""The registers: what is put twice is brought up to date, and what is in use does not change under anybody."""

import msgspec
import pytest

from server.storage import registers
from server.storage.database import Database
from shared_schema.checklist import to_bytes
from shared_schema.ids import digest
from shared_schema.operations import Note
from shared_schema.problems import Problem
from tests.contract.plan import CHECKLIST, HASH
from tests.contract.talk import ask, say
from tests.make import Scribe

OTHER_WORDS = msgspec.structs.replace(CHECKLIST, title=msgspec.structs.replace(CHECKLIST.title, zh="另一份"))
NEXT_VERSION = msgspec.structs.replace(CHECKLIST, version="next")


def test_what_is_put_again_is_brought_up_to_date(db: Database) -> None:
    unit = {
        "id": "U-I-1", "name_zh": "新名", "name_en": "New", "kind": "street", "parent_area": "", "parent_system": "",
        "address": "", "contact": "", "profile": {"key": False},
    }  # fmt: skip
    db.write(lambda conn: registers.put_units(conn, [unit]))
    found = {row.id: row for row in db.read(registers.units)}
    assert (found["U-I-1"].name_zh, found["U-I-1"].profile) == ("新名", {"key": False})  # type: ignore[index]
    assert len(found) == 20


def test_a_squads_membership_is_put_whole(db: Database) -> None:
    squads = [{"id": "S-1", "campaign": "C-1", "name_zh": "一", "name_en": "one"}]
    members = [{"squad": "S-1", "person": "P-2", "role": "leader"}]
    db.write(lambda conn: registers.put_squads(conn, squads, members))
    assert db.read(lambda conn: registers.squad_members(conn, "S-1")) == {"P-2": "leader"}
    assert len(db.read(lambda conn: registers.squad_members(conn, "S-2"))) == 3


def test_a_checklist_is_named_by_its_bytes_and_put_once(db: Database) -> None:
    assert db.write(lambda conn: registers.put_checklist(conn, to_bytes(CHECKLIST))) == HASH
    assert digest(db.read(lambda conn: registers.checklist_content(conn, HASH))) == HASH
    with pytest.raises(Problem, match="checklist_unknown"):
        db.read(lambda conn: registers.checklist_content(conn, "0" * 64))
    with pytest.raises(Problem, match="checklist_invalid"):
        db.write(lambda conn: registers.put_checklist(conn, b"{}"))


def test_a_checklist_in_use_does_not_change(db: Database) -> None:
    with pytest.raises(Problem, match="checklist_in_use"):
        db.write(lambda conn: registers.put_checklist(conn, to_bytes(OTHER_WORDS)))
    assert ask(db, "SELECT hash FROM checklist") == [(HASH,)]


def test_a_checklist_nobody_uses_may_still_change(db: Database) -> None:
    changed = msgspec.structs.replace(OTHER_WORDS, version="next")
    db.write(lambda conn: registers.put_checklist(conn, to_bytes(NEXT_VERSION)))
    name = db.write(lambda conn: registers.put_checklist(conn, to_bytes(changed)))
    assert set(ask(db, "SELECT hash FROM checklist")) == {(HASH,), (name,)}


def test_planning_again_leaves_the_log_alone(db: Database) -> None:
    say(db, [Scribe().write(Note(CHECKLIST.items[0].id, "x"))])
    row = db.read(lambda conn: registers.inspection(conn, "I-1"))
    assert row is not None
    assert row.last_number == 1
    moved = msgspec.structs.replace(row, planned_date="2026-07-01", last_number=0, log_head="")
    db.write(lambda conn: registers.put_inspections(conn, [moved]))
    after = db.read(lambda conn: registers.inspection(conn, "I-1"))
    assert after == msgspec.structs.replace(row, planned_date="2026-07-01")


def test_an_inspection_with_operations_keeps_its_checklist(db: Database) -> None:
    other = db.write(lambda conn: registers.put_checklist(conn, to_bytes(NEXT_VERSION)))
    rows = {row.id: row for row in db.read(lambda conn: registers.inspections(conn, campaign="C-1"))}
    say(db, [Scribe().write(Note(CHECKLIST.items[0].id, "x"))])
    for inspection, allowed in (("I-2", True), ("I-1", False)):
        changed = msgspec.structs.replace(rows[inspection], checklist=other)  # type: ignore[index]
        if allowed:
            db.write(lambda conn, row=changed: registers.put_inspections(conn, [row]))  # type: ignore[misc]
        else:
            with pytest.raises(Problem, match="checklist_in_use"):
                db.write(lambda conn, row=changed: registers.put_inspections(conn, [row]))  # type: ignore[misc]
