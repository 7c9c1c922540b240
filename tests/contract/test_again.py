"""What waits is judged again by itself, when a version comes that reads it, or a checklist that has its item."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
from msgspec import Raw
from msgspec.structs import replace

from server.intake.again import judge_again
from server.intake.rebuild import rebuild
from server.storage import registers
from server.storage.console_inspection import log_of
from server.storage.database import Connection, Database
from server.storage.edition import renew
from shared_schema import operations
from shared_schema.checklist import to_bytes
from shared_schema.operations import Answer, Note, Submitted, YesNo
from tests.contract.plan import CHECKLIST
from tests.contract.talk import NOW_MS, ask, do, news_of, outcomes, say
from tests.make import Scribe

YES_NO = next(item.id for item in CHECKLIST.items if item.response == "yes_no")
TRAIL = "SELECT who, action, what, facts FROM audit_event"
HELD = "SELECT held FROM score_sheet WHERE inspection = 'I-1'"


def again(db: Database) -> int:
    """What a server does when it starts."""
    return db.write(lambda conn: judge_again(conn, now_ms=NOW_MS))


@contextmanager
def before(kind: str) -> Iterator[None]:
    """The program as it was before it knew this kind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(cast(dict[str, Any], operations.KINDS), kind)
        patch.delitem(operations._body_decoders, kind)
        yield


def test_what_was_held_is_counted_when_a_version_comes_that_reads_it(db: Database) -> None:
    """Once, with one line for each inspection; what is still not known stays held."""
    scribe = Scribe()
    mind, beyond = scribe.write(Answer(YES_NO, YesNo(True))), scribe.write(Submitted(), kind="beyond")
    with before("answer"):
        assert outcomes(say(db, [mind, beyond])) == ["held", "held"]
        assert again(db) == 0
        assert ask(db, HELD) == [(2,)]
    assert again(db) == 1
    assert ask(db, HELD) == [(1,)]
    assert ask(db, "SELECT count(*) FROM operation WHERE held") == [(1,)]
    assert ask(db, TRAIL) == [("server", "operation.judged_again", "I-1", '{"was":"held 1"}')]
    assert again(db) == 0
    assert len(ask(db, TRAIL)) == 1
    assert rebuild(db, check=True).differences == ()
    assert outcomes(say(db, [mind, beyond])) == ["duplicate"] * 2


def test_what_a_newer_version_finds_wrong_in_it_is_said_and_stops_nobody(db: Database) -> None:
    """It is in everybody's log already, so everybody counts it; people are told what is wrong with it."""
    with before("answer"):
        say(db, [Scribe().write(Answer("Z99", YesNo(True)))])
    assert again(db) == 1
    assert ask(db, TRAIL) == [
        ("server", "operation.judged_again", "I-1", '{"was":"held 1","but":"item_unknown 1"}')
    ]
    assert ask(db, "SELECT status FROM score_sheet WHERE inspection = 'I-1'") == [("open",)]


def test_what_no_version_can_read_stays_held_and_stops_nobody(db: Database) -> None:
    """A version that did not know its kind took it in unseen: the next one starts all the same, and counts the rest."""
    scribe = Scribe()
    unfit = scribe.write(Note(YES_NO, "x")).raw.replace(b'"text":"x"', b'"text":7')
    with before("note"):
        sound = scribe.write(Note(YES_NO, "z"))
        assert outcomes(say(db, ops=(Raw(unfit), Raw(sound.raw)))) == ["held"] * 2
    assert again(db) == 1
    assert ask(db, "SELECT status, held FROM score_sheet WHERE inspection = 'I-1'") == [("open", 1)]
    assert outcomes(say(db, [scribe.write(Note(YES_NO, "w"))])) == ["accepted"]
    assert ask(db, "SELECT status, held FROM score_sheet WHERE inspection = 'I-1'") == [("open", 1)]
    assert [one.operation.raw for one in db.read(lambda conn: log_of(conn, "I-1"))][:1] == [unfit]
    assert rebuild(db, check=True).differences == ()
    assert again(db) == 0


def test_what_was_refused_for_what_it_says_is_taken_when_its_checklist_comes(db: Database) -> None:
    """As after a restore to before the change; what does not fit the new one either waits as before."""
    scribe = Scribe()
    fits, wrong = scribe.write(Note("NEW-1", "新项")), scribe.write(Note("Z99", "没有这一项"))
    late = Scribe(device="D-2", person="P-99").write(Note(YES_NO, "不是组员"))
    assert outcomes(say(db, [fits, wrong])) == ["item_unknown"] * 2
    assert outcomes(say(db, [late], device="D-2")) == ["author_not_allowed"]
    assert again(db) == 0
    section = CHECKLIST.sections[0]
    added = replace(section, items=(*section.items, replace(section.items[0], id="NEW-1")))
    newer = to_bytes(replace(CHECKLIST, version="9", sections=(added, *CHECKLIST.sections[1:])))

    db.write(lambda conn: move(conn, newer))
    assert again(db) == 1
    assert again(db) == 0
    assert ask(db, TRAIL) == [("server", "operation.judged_again", "I-1", '{"was":"item_unknown 1"}')]
    assert ask(db, "SELECT hash, problem FROM refusal ORDER BY problem") == [
        (late.hash, "author_not_allowed"),
        (wrong.hash, "item_unknown"),
    ]
    assert ask(db, "SELECT hash, problem, admitted_by FROM admission") == [(fits.hash, "item_unknown", "")]
    assert news_of(say(db, device="D-2"), "I-1") == [fits.raw]
    assert outcomes(say(db, [fits])) == ["duplicate"]


def test_what_was_answered_before_its_item_was_removed_is_kept_and_not_scored(db: Database) -> None:
    """A tablet out of reach went on under the version before; nothing of it is refused, and no figure moves."""
    scribe = Scribe()
    section = next(one for one in CHECKLIST.sections if any(item.id == YES_NO for item in one.items))
    left = replace(section, items=tuple(one for one in section.items if one.id != YES_NO))
    sections = tuple(left if one is section else one for one in CHECKLIST.sections)
    newer = to_bytes(replace(CHECKLIST, version="9", sections=sections))
    db.write(lambda conn: move(conn, newer))
    first = scribe.write(Note(left.items[0].id, "仍在清单上"))
    say(db, [first])
    figures = "SELECT status, items_open, percent_low, percent_high FROM score_sheet WHERE inspection = 'I-1'"
    before = ask(db, figures)
    about = [scribe.write(Answer(YES_NO, YesNo(True))), scribe.write(Note(YES_NO, "删除前所作"))]
    assert outcomes(say(db, [*about, scribe.write(Note("Z99", "从未有过"))])) == [
        "accepted",
        "accepted",
        "item_unknown",
    ]
    assert ask(db, figures) == before
    assert news_of(say(db, device="D-2"), "I-1") == [one.raw for one in (first, *about)]
    assert rebuild(db, check=True).differences == ()


def move(conn: Connection, checklist: bytes) -> None:
    """Plans I-1 anew, with this version of its checklist."""
    row = registers.inspection(conn, "I-1")
    assert row is not None
    registers.put_inspections(conn, [replace(row, checklist=registers.put_checklist(conn, checklist))])


def test_it_waits_for_the_reason_it_has_now(db: Database) -> None:
    """Judged again, and still not taken: then people see what is wrong with it today."""
    wrong = Scribe().write(Note("Z99", "没有这一项"))
    say(db, [wrong])
    do(db, "DELETE FROM squad_member WHERE person = 'P-1'")
    db.write(renew)
    assert again(db) == 0
    assert ask(db, "SELECT problem FROM refusal") == [("author_not_allowed",)]
