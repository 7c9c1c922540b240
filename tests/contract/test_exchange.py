"""The exchange: what becomes of each operation, what is told to whom, and that sending again is harmless."""

import random
from typing import Any

import msgspec
import pytest
from msgspec import Raw
from sqlalchemy import Connection, select

from server.intake import news
from server.intake.exchange import exchange
from server.storage import op_log, photos, registers
from server.storage.database import Database
from server.storage.op_log import run
from server.storage.tables import campaign
from shared_schema import wire
from shared_schema.ids import DeviceId, digest
from shared_schema.operations import Accepted, NotApplicable, Note, Opened, Operation, encode, read
from shared_schema.problems import Problem
from shared_schema.wire import Head
from tests.contract.plan import CHECKLIST, HASH, inspection_id, person_id
from tests.contract.talk import ask, cursors_of, held, news_of, outcomes, say
from tests.make import Scribe, make_answer, make_envelope, make_op, make_photo, make_request, make_settlement

OPENED = Opened(("P-1", "P-2"), task_letter_shown=True, recusal_asked=True)
YES_NO = next(item.id for item in CHECKLIST.items if item.response == "yes_no")
SCENE = next(item.id for item in CHECKLIST.items if item.photo != "forbidden")


ITEMS = "SELECT earned_low, earned_high, status FROM score_item WHERE inspection = ? ORDER BY item"


def notes(scribe: Scribe, count: int, **changes: Any) -> list[Operation]:
    """So many notes, each an operation."""
    return [scribe.write(Note(YES_NO, f"{n}"), **changes) for n in range(count)]


def sheet(db: Database, inspection: str = "I-1") -> tuple[object, ...]:
    """An inspection's score row: last number, stage, status, disputes, held."""
    sql = "SELECT number, stage, status, disputes, held FROM score_sheet WHERE inspection = ?"
    rows = ask(db, sql, inspection)
    return rows[0] if rows else ()


def logged(db: Database) -> list[tuple[str, int, bytes]]:
    """The whole log."""
    return [
        (inspection, number, bytes(raw))
        for inspection, number, raw in db.read(
            lambda conn: run(
                conn, "SELECT inspection, number, raw FROM operation ORDER BY inspection, number"
            )
        )
    ]


# --- taking in -------------------------------------------------------------------------------------


def test_operations_are_stored_as_received_numbered_and_scored(db: Database) -> None:
    scribe = Scribe()
    ops = [scribe.write(OPENED), scribe.write(make_answer(YES_NO, True))]
    reply = say(db, ops)
    assert outcomes(reply) == ["accepted", "accepted"]
    assert logged(db) == [("I-1", 1, ops[0].raw), ("I-1", 2, ops[1].raw)]
    assert sheet(db) == (2, "opened", "open", 0, 0)


def test_twice_is_once(db: Database) -> None:
    scribe = Scribe()
    ops = notes(scribe, 3)
    first = say(db, ops)
    again = say(db, ops)
    assert outcomes(first) == ["accepted"] * 3
    assert outcomes(again) == ["duplicate"] * 3
    assert again.receipt == first.receipt
    assert len(logged(db)) == 3


def test_twice_in_one_request_is_once(db: Database) -> None:
    (one,) = notes(Scribe(), 1)
    assert outcomes(say(db, [one, one])) == ["accepted", "duplicate"]
    assert len(logged(db)) == 1


def test_an_id_used_again_for_other_bytes_changes_nothing_but_is_kept(db: Database) -> None:
    first = make_op(Note(YES_NO, "first"))
    other = make_op(Note(YES_NO, "other"))
    assert first.id == other.id
    say(db, [first])
    reply = say(db, [other])
    assert [(one.status, one.id) for one in reply.statuses] == [("id_reused", first.id)]
    assert logged(db) == [("I-1", 1, first.raw)]
    kept = ask(db, "SELECT problem, raw FROM refusal")
    assert [(problem, bytes(raw)) for problem, raw in kept] == [("op_id_reused", other.raw)]
    assert outcomes(say(db, [other])) == ["id_reused"]


def test_a_kind_of_a_newer_version_is_held_stored_and_passed_on(db: Database) -> None:
    newer = make_op(Raw(b'{"secret":["of","2031"]}'), kind="telepathy")
    reply = say(db, [newer])
    assert outcomes(reply) == ["held"]
    assert sheet(db) == (1, "prepared", "open", 0, 1)
    assert news_of(say(db, device="D-2"), "I-1") == [newer.raw]


BAD = {
    "not JSON of ours": (b"[1]", "op_malformed"),
    "another tablet's": (make_op(OPENED, device="D-21").raw, "op_not_proven"),
    "no tablet at all": (make_op(OPENED, device="D-99").raw, "op_not_proven"),
    "the console's": (make_op(OPENED, device="console").raw, "op_wrong_device"),
    "no such inspection": (make_op(OPENED, inspection="I-999").raw, "inspection_unknown"),
    "another squad's": (make_op(OPENED, inspection="I-21", person="P-21").raw, "inspection_unknown"),
    "a stranger": (make_op(OPENED, person="P-99").raw, "author_not_allowed"),
    "the other squad's member": (make_op(OPENED, person="P-21").raw, "author_not_allowed"),
    "not the leader": (
        make_op(make_settlement(make_answer(YES_NO, True)), person="P-2").raw,
        "author_not_allowed",
    ),
    "a coordinator's": (
        make_op(msgspec.convert({}, __import__("shared_schema.operations").operations.Accepted)).raw,
        "author_not_allowed",
    ),
    "a coordinator's, dressed as a settlement": (
        make_op(make_settlement(Accepted())).raw,
        "author_not_allowed",
    ),
    "no such item": (make_op(make_answer("Z99", True)).raw, "item_unknown"),
    "the wrong kind of answer": (make_op(make_answer(YES_NO, 3)).raw, "answer_not_allowed"),
    "a reason the item does not have": (make_op(NotApplicable(YES_NO, "tired")).raw, "answer_not_allowed"),
    "a photo where none may be taken": (
        make_op(make_photo(item=next(i.id for i in CHECKLIST.items if i.photo == "forbidden"))).raw,
        "photo_forbidden",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_refused_operation_says_why_is_kept_and_takes_nobody_with_it(db: Database, case: str) -> None:
    raw, problem = BAD[case]
    before, after = make_op(Note(YES_NO, "a"), seq=7), make_op(Note(YES_NO, "b"), seq=8)
    request = wire.ExchangeRequest(device="D-1", ops=(Raw(before.raw), Raw(raw), Raw(after.raw)))
    for expected in (["accepted", problem, "accepted"], ["duplicate", problem, "duplicate"]):
        reply = say(db, ops=request.ops)
        assert outcomes(reply) == expected
    assert len(logged(db)) == 2
    kept = ask(db, "SELECT device, hash, problem, raw FROM refusal")
    assert [(*row[:3], bytes(row[3])) for row in kept] == [("D-1", digest(raw), problem, raw)]


def test_what_was_refused_is_taken_once_the_registers_allow_it(db: Database) -> None:
    op = make_op(OPENED, person="P-99")
    assert outcomes(say(db, [op])) == ["author_not_allowed"]
    squads = [{"id": "S-1", "campaign": "C-1", "name_zh": "一", "name_en": "one"}]
    members = [{"squad": "S-1", "person": "P-99", "role": "inspector"}]
    db.write(lambda conn: registers.put_squads(conn, squads, members))
    assert outcomes(say(db, [op])) == ["accepted"]


def test_no_clock_matters(db: Database) -> None:
    scribe = Scribe()
    ops = [scribe.write(Note(YES_NO, str(at)), at_ms=at) for at in (0, -(2**52), 2**52, 1_000)]
    assert outcomes(say(db, ops, sent_at_ms=-5)) == ["accepted"] * 4


def test_order_does_not_matter(db: Database) -> None:
    """Whatever order and grouping operations arrive in, state and rows are the same."""
    first, second = Scribe(device="D-1"), Scribe(device="D-2", person="P-2")
    ops = [first.write(OPENED), first.write(make_answer(YES_NO, True)), first.write(Note(YES_NO, "x"))]
    ops += [second.write(make_answer(YES_NO, False)), second.write(make_answer(YES_NO, True))]
    ops.append(second.write(make_answer(YES_NO, False), bases=[ops[1].id, ops[3].id]))
    told = set()
    for seed, inspection in enumerate(inspection_id(1, n) for n in range(1, 6)):
        moved = [_moved(op, inspection) for op in ops]
        random.Random(seed).shuffle(moved)
        for op in moved:
            say(db, [op], device=op.device)
        rows = ask(db, ITEMS, inspection)
        told.add((sheet(db, inspection), tuple(map(str, rows))))
    assert len(told) == 1


def _moved(op: Operation, inspection: str) -> Operation:
    """The same operation on another inspection; the hash of the one before it no longer fits, which stops nobody."""
    moved = msgspec.structs.replace(
        msgspec.json.decode(op.raw, type=type(make_envelope())), inspection=inspection, id=f"{inspection}.{op.id}",
        bases=tuple(f"{inspection}.{base}" for base in op.bases),
    )  # fmt: skip
    return read(encode(moved))


# --- news ------------------------------------------------------------------------------------------


def test_everyone_of_the_squad_hears_everything_and_nobody_else_anything(db: Database) -> None:
    ops = notes(Scribe(), 3)
    say(db, ops)
    assert news_of(say(db, device="D-2"), "I-1") == [op.raw for op in ops]
    stranger = say(db, device="D-21", cursors={"I-1": 0})
    assert not any(one.ops or one.cursor for one in stranger.news)
    assert "I-1" not in {one.inspection for one in stranger.news}
    assert stranger.gone == ("I-1",)


def test_what_came_with_the_request_is_not_told_back(db: Database) -> None:
    scribe = Scribe()
    ops = notes(scribe, 2)
    reply = say(db, ops)
    assert news_of(reply, "I-1") == []
    assert cursors_of(reply)["cursors"]["I-1"] == 2
    # Not even when the first reply was lost, and another tablet wrote in between.
    (other,) = notes(Scribe(device="D-2", person="P-2"), 1)
    say(db, [other], device="D-2")
    assert news_of(say(db, ops), "I-1") == [other.raw]


def test_that_nothing_is_recorded_yet_is_told_once(db: Database) -> None:
    """A tablet that asks a cleared visit back has no cursor, and must know when there is nothing to come."""
    first = say(db)
    assert {(one.cursor, one.ops, one.last_read) for one in first.news} == {(0, (), "")}
    assert "I-1" in cursors_of(first)["cursors"]
    assert say(db, cursors={one.inspection: 0 for one in first.news}).news == ()


def test_nothing_new_is_no_news(db: Database) -> None:
    first = say(db, notes(Scribe(), 2))
    assert say(db, **cursors_of(first)).news == ()


def test_pages_together_are_the_log(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "REPLY_OPS_MAX", 7)
    scribe = Scribe()
    for n in range(1, 4):
        say(db, notes(scribe, 10, inspection=inspection_id(1, n)))
    told: dict[str, list[bytes]] = {}
    reading: dict[str, Any] = {"cursors": {}, "last_read": {}}
    pages = 0
    more = True
    while more:
        pages += 1
        reply = say(db, device="D-2", **reading)
        assert sum(len(one.ops) for one in reply.news) <= 7
        for one in reply.news:
            told.setdefault(one.inspection, []).extend(bytes(raw) for raw in one.ops)
        now = cursors_of(reply)
        reading = {key: {**reading[key], **now[key]} for key in reading}
        more = reply.more
    assert pages == 5  # 30 operations, 7 at a time
    assert [(i, n, raw) for i in sorted(told) for n, raw in enumerate(told[i], 1)] == logged(db)


def test_a_reply_is_not_larger_than_a_slow_link_can_carry(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "REPLY_OPS_BYTES_MAX", 2000)
    say(db, notes(Scribe(), 30))
    reply = say(db, device="D-2")
    assert 0 < sum(len(raw) for raw in news_of(reply, "I-1")) <= 2000
    assert reply.more


def test_what_a_full_reply_has_no_room_for_is_not_read(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tablet that reads from the start costs one reply's worth of reading at a time, not the whole season's."""
    scribe = Scribe()
    for n in range(1, 4):
        say(db, notes(scribe, 10, inspection=inspection_id(1, n)))
    read: list[str] = []
    after = op_log.after

    def watched(conn: Any, inspection: Any, *rest: Any, **named: Any) -> Any:
        read.append(inspection)
        return after(conn, inspection, *rest, **named)

    monkeypatch.setattr(news, "REPLY_OPS_MAX", 7)
    monkeypatch.setattr("server.intake.news.op_log.after", watched)
    assert say(db, device="D-2").more
    assert read == [inspection_id(1, 1)]


def test_an_inspection_assigned_later_is_told_from_its_start(db: Database) -> None:
    ops = notes(Scribe(), 3)
    say(db, ops)
    row = db.read(lambda conn: registers.inspection(conn, "I-1"))
    assert row is not None
    db.write(lambda conn: registers.put_inspections(conn, [msgspec.structs.replace(row, squad="S-2")]))
    reply = say(db, device="D-21")
    assert news_of(reply, "I-1") == [op.raw for op in ops]
    assert reply.assignments is not None
    assert "I-1" in {one.inspection for one in reply.assignments}
    assert say(db, device="D-1", cursors={"I-1": 3}).gone == ("I-1",)
    assert ask(db, "SELECT squad FROM score_sheet") == [("S-2",)]


def test_assignments_and_checklists_come_once(db: Database) -> None:
    first = say(db)
    assert first.assignments is not None
    assert [one.inspection for one in first.assignments] == sorted(inspection_id(1, n) for n in range(1, 11))
    assert [member.person for member in first.assignments[0].members] == [person_id(1, n) for n in (1, 2, 3)]
    assert len(first.assignments[0].inventory) == 8
    ((name, content),) = [(one.hash, bytes(one.content)) for one in first.checklists]
    assert name == HASH == digest(content)
    second = say(db, assignments=wire.assignments_digest(first.assignments), checklists=(HASH,))
    assert second.assignments is None
    assert second.checklists == ()


def test_a_campaign_says_whether_photos_are_stamped(db: Database) -> None:
    """Not unless it is set; then the tablets of its squads are told with their next exchange."""
    first = say(db).assignments
    assert first is not None
    assert not any(one.watermark for one in first)
    [row] = db.read(lambda conn: [dict(one._mapping) for one in conn.execute(select(campaign))])
    db.write(lambda conn: registers.put_campaign(conn, row | {"watermark": True}))
    second = say(db, assignments=wire.assignments_digest(first)).assignments
    assert second is not None
    assert all(one.watermark for one in second)


# --- a server restored from a backup ---------------------------------------------------------------


def test_a_server_restored_from_a_backup_skips_nothing(db: Database) -> None:
    """The log shrinks to the backup and grows anew to the same length: the tablet is told it all again."""
    early, late = notes(Scribe(), 4), notes(Scribe(device="D-2", person="P-2", epoch="E-2"), 2)
    say(db, early)
    reading = cursors_of(say(db, device="D-2"))
    assert reading["cursors"]["I-1"] == 4
    _restore(db, keep=2)
    shorter = say(db, device="D-2", **reading)
    assert news_of(shorter, "I-1") == [op.raw for op in early[:2]]
    assert cursors_of(shorter)["cursors"] == {"I-1": 2}
    say(db, late, device="D-2")
    as_long = say(db, device="D-2", **reading)
    assert news_of(as_long, "I-1") == [op.raw for op in (*early[:2], *late)]


def test_a_restored_log_that_ends_in_the_same_operation_is_not_taken_for_the_same(db: Database) -> None:
    early = notes(Scribe(), 4)
    say(db, early)
    reading = cursors_of(say(db, device="D-2"))
    _restore(db, keep=2)
    (other,) = notes(Scribe(device="D-2", person="P-2"), 1)
    say(db, [other], device="D-2")
    say(db, [early[3]])
    told = news_of(say(db, device="D-2", **reading), "I-1")
    assert told == [op.raw for op in (*early[:2], other, early[3])]


def test_the_receipt_of_a_restored_server_asks_for_what_it_lost(db: Database) -> None:
    ops = notes(Scribe(), 4)
    head = Head("E-1", 4, ops[3].hash)
    assert held(say(db, ops, heads=(head,))) == (head,)
    _restore(db, keep=2)
    assert held(say(db, heads=(head,))) == (Head("E-1", 2, ops[1].hash),)
    assert outcomes(say(db, ops[2:])) == ["accepted", "accepted"]
    assert held(say(db, heads=(head,))) == (head,)


def _restore(db: Database, keep: int) -> None:
    """Makes the database what a backup held: the first operations of I-1 of one chain, and nothing after."""

    log_head = "SELECT log_head FROM operation WHERE inspection = 'I-1' AND number = ?"

    def cut(conn: Connection) -> None:
        run(conn, "DELETE FROM operation WHERE inspection = 'I-1' AND number > ?", (keep,))
        run(conn, "DELETE FROM state")
        head = f"UPDATE inspection SET last_number = ?, log_head = ({log_head}) WHERE id = 'I-1'"
        run(conn, head, (keep, keep))
        run(conn, "UPDATE chain SET seq = ?, hash = (SELECT hash FROM operation WHERE seq = ?)", (keep, keep))

    db.write(cut)


# --- the request as a whole ------------------------------------------------------------------------


def test_a_request_of_another_device_than_signed_it_changes_nothing(db: Database) -> None:
    request = wire.encode(make_request(notes(Scribe(), 1)))
    with pytest.raises(Problem, match="request_malformed"):
        db.write(lambda conn: exchange(conn, request, device=DeviceId("D-2"), now_ms=0))
    assert logged(db) == []


def test_photos_are_wanted_until_they_are_here(db: Database) -> None:
    scribe = Scribe()
    op = scribe.write(make_photo(item=SCENE))
    assert say(db, [op]).photos_wanted == ("0f" * 32,)
    assert say(db, device="D-2").photos_wanted == ()  # it is the other tablet that has it
    db.write(
        lambda conn: photos.add(
            conn, sha256="0f" * 32, size_bytes=1000, media_type="image/jpeg", device=DeviceId("D-1"), now_ms=0
        )
    )
    assert say(db).photos_wanted == ()
