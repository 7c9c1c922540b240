"""Quarantine: what comes too late, or from a tablet that was turned away, is kept, told, and can be admitted."""

import pytest
from msgspec import Raw

from server.access import devices
from server.access.devices import is_signed
from server.access.keys import public_keys
from server.intake import desk, projection, quarantine
from server.intake.exchange import exchange
from server.intake.rebuild import rebuild
from server.storage.database import Database
from shared_schema import wire
from shared_schema.ids import DeviceId
from shared_schema.operations import (
    KIND_OF,
    Accepted,
    Body,
    Decision,
    DisputeSettled,
    EvidenceAttached,
    Locked,
    Note,
    Opened,
    Operation,
    ScoringClosed,
    Submitted,
    TakenBack,
    body_bytes,
    encode,
    read,
)
from shared_schema.problems import Problem
from shared_schema.proofs import receipt_text
from shared_schema.wire import Head
from tests.contract.talk import NOW_MS, ask, do, held, news_of, outcomes, say
from tests.make import Scribe, make_envelope, make_op, make_request


def lock(db: Database) -> None:
    """The coordinator accepts and locks I-1."""
    for number, body in enumerate((Accepted(), Locked()), 1):
        db.write(
            lambda conn, body=body, number=number: desk.record(  # type: ignore[misc]
                conn, "I-1", "xu", "coordinator", body, now_ms=number,
            )
        )  # fmt: skip


def note(scribe: Scribe, text: str) -> Operation:
    """One note."""
    return scribe.write(Note("A01", text))


def test_what_comes_after_the_lock_waits_and_can_be_admitted(db: Database) -> None:
    """Late is what the lock does not cover; the figures move only when a person admits it."""
    first, second = Scribe(), Scribe(device="D-2", person="P-2")
    say(db, [note(first, "按时"), first.write(Submitted())])
    lock(db)
    late = note(second, "迟到")
    assert outcomes(say(db, [late], device="D-2")) == ["op_late"]
    assert outcomes(say(db, [note(first, "锁定后")])) == ["op_late"]
    assert ask(db, "SELECT number FROM score_sheet") == [(4,)]
    db.write(
        lambda conn: quarantine.admit(
            conn, "D-2", late.hash, admitted_by="xu", why="途中无网络", now_ms=NOW_MS
        )
    )
    assert ask(db, "SELECT number FROM score_sheet") == [(5,)]
    assert outcomes(say(db, [late], device="D-2")) == ["duplicate"]
    assert late.raw in news_of(say(db), "I-1")


def test_nobody_admits_what_can_never_be_right(db: Database) -> None:
    """It came late, so nobody had looked at what it says: an item that is none, an id that is another's by now."""
    first, second = Scribe(), Scribe(device="D-2", person="P-2")
    sound = note(first, "按时")
    say(db, [sound, first.write(Submitted())])
    lock(db)
    strange = second.write(Note("Z99", "迟到"))
    twin = make_op(Note("A01", "迟到"), device="D-2", person="P-2", seq=2)
    assert outcomes(say(db, [strange, twin], device="D-2")) == ["op_late", "op_late"]
    do(db, "UPDATE operation SET id = ? WHERE id = ?", twin.id, sound.id)
    for late, problem in ((strange, "item_unknown"), (twin, "op_id_reused")):
        with pytest.raises(Problem) as refused:
            db.write(
                lambda conn, late=late: quarantine.admit(  # type: ignore[misc]
                    conn, "D-2", late.hash, admitted_by="xu", why="核实", now_ms=NOW_MS
                )
            )
        assert refused.value.code == problem


def test_what_a_colleague_brought_and_a_person_admitted_is_in_its_own_tablets_receipt(db: Database) -> None:
    """Its author will not send it again, so nothing else would ever move the receipt over it."""
    first, second = (note(scribe, text) for scribe in [Scribe()] for text in "一二")
    say(db, [first])
    assert outcomes(say(db, [second], device="D-2")) == ["op_not_proven"]
    db.write(
        lambda conn: quarantine.admit(conn, "D-2", second.hash, admitted_by="xu", why="已核", now_ms=NOW_MS)
    )
    head = Head("E-1", 2, second.hash)
    reply = say(db, [second], heads=(head,))
    assert outcomes(reply) == ["duplicate"]
    assert held(reply) == (head,)


def test_what_a_person_admitted_answers_for_nothing_before_it(db: Database) -> None:
    """No signature of its tablet ever came: each of such a chain is a person's to let in."""
    forged = Scribe(device="D-1", epoch="E-forged")
    written = [note(forged, text) for text in "一二"]
    assert outcomes(say(db, written, device="D-2")) == ["op_not_proven"] * 2
    last = written[1].hash
    db.write(lambda conn: quarantine.admit(conn, "D-2", last, admitted_by="xu", why="已核", now_ms=NOW_MS))
    assert outcomes(say(db, written, device="D-2")) == ["op_not_proven", "duplicate"]
    assert outcomes(say(db, written)) == ["accepted", "duplicate"]


def test_a_squad_cannot_take_back_what_the_coordinator_accepted(db: Database) -> None:
    """Whatever it says that it had seen; who had not heard of it yet is taken in, and changes nothing either."""
    scribe = Scribe()
    say(db, [scribe.write(Submitted())])
    db.write(lambda conn: desk.record(conn, "I-1", "xu", "coordinator", Accepted(), now_ms=1))
    seen = [one for (one,) in ask(db, "SELECT id FROM operation WHERE device = 'console'")]
    opened = Opened(("P-1", "P-2"), task_letter_shown=True, recusal_asked=True)
    tries = [scribe.write(opened, seen), scribe.write(settle("stage", opened), seen), scribe.write(opened)]
    assert outcomes(say(db, tries)) == ["author_not_allowed"] * 2 + ["accepted"]
    assert ask(db, "SELECT stage FROM score_sheet") == [("accepted",)]


def test_settling_is_no_way_to_unsay_a_stage(db: Database) -> None:
    """No more than a tap on *undo* is."""
    unsaid = make_envelope(settle("stage", TakenBack("stage")), bases=("x",))
    assert outcomes(say(db, ops=(Raw(encode(unsaid)),))) == ["op_malformed"]


def test_a_stage_cannot_be_unsaid_in_a_packed_request_either(db: Database) -> None:
    """Nor a colleague's note: however it came, an operation is what its bytes say."""
    scribe = Scribe()
    say(db, [scribe.write(Submitted())])
    db.write(lambda conn: desk.record(conn, "I-1", "xu", "coordinator", Accepted(), now_ms=1))
    (accepted,) = ask(db, "SELECT id FROM operation WHERE device = 'console'")
    unsaid = [
        make_envelope(TakenBack(field), id=f"op-{seq}", seq=seq, bases=accepted)
        for seq, field in enumerate(("stage", "note/A01/P-2"), 2)
    ]
    request = wire.encode_packed(make_request(ops=tuple(Raw(encode(one)) for one in unsaid)))
    reply = db.write(lambda conn: exchange(conn, request, device=DeviceId("D-1"), now_ms=NOW_MS))
    assert outcomes(wire.read_reply(reply)) == ["op_malformed"] * 2
    assert ask(db, "SELECT stage FROM score_sheet") == [("accepted",)]


def test_the_leader_settles_that_a_colleague_has_taken_a_note_or_a_consent_back(db: Database) -> None:
    """As it may stand in dispute: said on one tablet, unsaid on another. To unsay it unasked is that person's alone."""
    scribe = Scribe()
    fields = ("note/A01/P-2", "consent/A01/P-2")
    settled = [scribe.write(settle(field, TakenBack(field))) for field in fields]
    assert outcomes(say(db, settled)) == ["accepted"] * 2
    assert outcomes(say(db, ops=(Raw(encode(make_envelope(TakenBack(fields[0]), id="x"))),))) == [
        "op_malformed"
    ]


def test_whoever_closed_their_own_scoring_closes_no_colleagues_in_the_same_request(db: Database) -> None:
    scribe = Scribe(device="D-2", person="P-2")
    closings = [scribe.write(ScoringClosed(member)) for member in ("P-2", "P-3")]
    assert outcomes(say(db, closings, device="D-2")) == ["accepted", "author_not_allowed"]


def test_a_restored_server_takes_again_what_the_lock_covers(db: Database) -> None:
    """When it arrives does not matter."""
    scribe = Scribe()
    early, handed_in = note(scribe, "按时"), scribe.write(Submitted())
    say(db, [early, handed_in])
    lock(db)
    for lost in (early, handed_in):
        do(db, "DELETE FROM operation WHERE id = ?", lost.id)
    assert outcomes(say(db, [early, handed_in])) == ["accepted", "accepted"]
    assert outcomes(say(db, [note(scribe, "锁定后")])) == ["op_late"]


@pytest.mark.parametrize("sealed_first", [True, False])
def test_what_the_console_made_counts_before_what_comes_with_it(db: Database, sealed_first: bool) -> None:
    """A server restored from before the lock gets it back with what is late, from the tablet that knows both."""
    scribe = Scribe()
    ours = [note(scribe, "按时"), scribe.write(Submitted())]
    say(db, ours)
    lock(db)
    rows = ask(db, "SELECT id, raw FROM operation WHERE device = 'console' ORDER BY number")
    opened = Opened(("P-1", "P-2"), task_letter_shown=True, recusal_asked=True)
    ours += [scribe.write(opened, [rows[0][0]]), note(scribe, "锁定后")]
    for table in ("operation", "chain", "score_sheet", "state", "refusal"):
        do(db, f"DELETE FROM {table}")
    do(db, "UPDATE inspection SET last_number = 0, log_head = ''")
    sealed = [read(bytes(raw)) for _, raw in rows]
    reply = say(db, sealed + ours if sealed_first else ours + sealed, device="D-1")
    said = outcomes(reply)[2:] if sealed_first else outcomes(reply)[:4]
    assert said == ["accepted", "accepted", "op_late", "op_late"]
    assert outcomes(reply).count("accepted") == 4
    assert [one.last_read for one in reply.news if one.inspection == "I-1"] == [
        head for (head,) in ask(db, "SELECT log_head FROM inspection WHERE id = 'I-1'")
    ]
    assert ask(db, "SELECT number, stage FROM score_sheet") == [(4, "locked")]


def test_a_visit_can_be_locked_however_many_chains_wrote_on_it(db: Database) -> None:
    """Of more than a lock can name it covers those that wrote most: all else is late to a restored server."""
    scribe = Scribe()
    early = note(scribe, "按时")
    clones = [make_op(Note("A01", "x"), id=f"c{n}", epoch=f"{'C' * 60}{n}", device="D-2") for n in range(600)]
    say(db, [early, scribe.write(Submitted())])
    assert set(outcomes(say(db, clones, device="D-2", heads=()))) == {"accepted"}
    lock(db)
    assert ask(db, "SELECT stage FROM score_sheet") == [("locked",)]
    do(db, "DELETE FROM operation WHERE id = ?", early.id)
    assert outcomes(say(db, [early])) == ["accepted"]


def test_a_lock_holds_though_a_bug_keeps_the_inspection_from_being_worked_out(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    scribe = Scribe()
    early = note(scribe, "按时")
    say(db, [early, scribe.write(Submitted())])
    lock(db)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(projection, "score", broken)
    rebuild(db, check=False)
    assert ask(db, "SELECT status, stage FROM score_sheet WHERE inspection = 'I-1'") == [("error", "")]
    late = note(scribe, "迟到")
    assert outcomes(say(db, [early, late])) == ["duplicate", "op_late"]


def test_what_a_clone_writes_after_the_lock_is_late_whatever_number_it_gives_it(db: Database) -> None:
    """A tablet restored from an old backup goes on from a number that the lock covers; sent again it is late still."""
    scribe, clone = Scribe(), Scribe()
    taken = [note(scribe, text) for text in "一二三"]
    say(db, [*taken, scribe.write(Submitted())])
    lock(db)
    clone.written = taken[:1]
    written = [clone.write(Note("A02", "另记"), id=f"clone.{number}") for number in (2, 3)]
    for _ in range(2):
        assert outcomes(say(db, written)) == ["op_late"] * 2
    assert outcomes(say(db, taken)) == ["duplicate"] * 3


def test_what_a_lock_covers_is_taken_again_though_a_clone_gave_its_number_away(db: Database) -> None:
    """What follows it in its chain is here: it is of the branch that the lock covers, and no late one."""
    scribe, clone = Scribe(), Scribe()
    taken = [note(scribe, text) for text in "一二三"]
    clone.written = taken[:1]
    say(db, [*taken, clone.write(Note("A02", "另记"), id="clone.2"), scribe.write(Submitted())])
    lock(db)
    do(db, "DELETE FROM operation WHERE id = ?", taken[1].id)  # by a backup from before it
    assert outcomes(say(db, [taken[1]])) == ["accepted"]


def test_the_last_that_a_lock_covers_of_a_chain_is_taken_again(db: Database) -> None:
    """Other numbers, runs of numbers and refusals of its tablet are no other branch."""
    first, second = Scribe(device="D-2", person="P-2"), Scribe(device="D-2", person="P-2", epoch="E-2")
    taken = [note(first, text) for text in "一二"]
    others = [note(second, text) for text in "三四"]
    wrong = [scribe.write(Note("Z99", "没有这一项")) for scribe in (first, second)]
    say(db, [*taken, *others, *wrong], device="D-2")
    say(db, [Scribe().write(Submitted())])
    lock(db)
    do(db, "DELETE FROM operation WHERE id = ?", taken[1].id)
    assert outcomes(say(db, [taken[1]], device="D-2")) == ["accepted"]


def test_a_tablet_that_was_turned_away_delivers_into_quarantine_and_is_told_nothing(db: Database) -> None:
    """Its chain is receipted, so that it can let go of everything; what it delivered can be admitted."""
    scribe = Scribe()
    before, after = note(scribe, "停用前"), note(scribe, "停用后")
    say(db, [before])
    db.write(lambda conn: devices.revoke(conn, "D-1", 7, "遗失"))
    head = Head("E-1", 2, after.hash)
    reply = say(db, [before, after], heads=(head,))
    assert outcomes(reply) == ["duplicate", "device_revoked"]
    assert reply.revoked
    assert (reply.assignments, reply.peers, reply.news, reply.checklists) == (None, None, (), ())
    assert held(reply) == (head,)
    assert ask(db, "SELECT revoked_why, told_revoked_at_ms FROM device WHERE id = 'D-1'") == [
        ("遗失", NOW_MS)
    ]
    db.write(
        lambda conn: quarantine.admit(
            conn, "D-1", after.hash, admitted_by="xu", why="本人确认", now_ms=NOW_MS
        )
    )
    assert after.raw in news_of(say(db, device="D-2"), "I-1")


def test_a_revoked_tablet_whose_file_was_taken_in_is_not_said_to_know(db: Database) -> None:
    """Its receipt has still to be carried to it."""
    db.write(lambda conn: devices.revoke(conn, "D-1", 7, "遗失"))
    request = wire.encode(make_request([make_op(Note("A01", "一"))]))
    db.write(lambda conn: exchange(conn, request, device=DeviceId("D-1"), now_ms=NOW_MS, by_hand=True))
    assert ask(db, "SELECT told_revoked_at_ms FROM device WHERE id = 'D-1'") == [(None,)]


@pytest.mark.parametrize(
    "looked", ["", "P-1", "P-21", "P-4"], ids=["nobody", "himself", "stranger", "trainee"]
)
def test_a_photo_nobody_has_looked_at_waits_and_can_be_admitted(db: Database, looked: str) -> None:
    """Only another member who may take photos is another pair of eyes; campaigns that do not ask take it as it is."""
    do(db, "INSERT INTO squad_member VALUES ('S-1', 'P-4', 'trainee')")
    scribe = Scribe()
    assert outcomes(say(db, [scribe.write(photo("E-0", looked))])) == ["accepted"]
    do(db, "UPDATE campaign SET screening = true")
    alone, seen, after = (
        scribe.write(one) for one in (photo("E-1", looked), photo("E-2", "P-2"), Note("A01", "无碍"))
    )
    reply = say(db, [alone, seen, after])
    assert outcomes(reply) == ["photo_not_screened", "accepted", "accepted"]
    assert reply.statuses[0].facts == {"item": "F02"}
    db.write(
        lambda conn: quarantine.admit(conn, "D-1", alone.hash, admitted_by="xu", why="已看", now_ms=NOW_MS)
    )
    assert outcomes(say(db, [alone])) == ["duplicate"]


def test_settling_on_a_photo_does_not_go_around_the_second_look(db: Database) -> None:
    """Whoever looked may be the one who settles; but somebody must have looked."""
    do(db, "UPDATE campaign SET screening = true")
    scribe = Scribe()
    settled = [
        scribe.write(settle("evidence/E-1", photo("E-1", looked))) for looked in ("", "P-21", "P-2", "P-1")
    ]
    assert outcomes(say(db, settled)) == ["photo_not_screened"] * 2 + ["accepted"] * 2


def photo(evidence: str, screened_by: str) -> EvidenceAttached:
    """A photo on an item that allows it."""
    return EvidenceAttached(
        evidence=evidence, item="F02", sha256="0a" * 32, size_bytes=9, screened_by=screened_by
    )


def settle(field: str, body: Body) -> DisputeSettled:
    """The leader says what stands."""
    return DisputeSettled(field, Decision(KIND_OF[type(body)], body_bytes(body)), "看过原件")


def test_a_receipt_is_signed_over_all_it_says(db: Database) -> None:
    """With the key that tablets got when they enrolled."""
    op = make_op(Note("A01", "一"))
    receipt = say(db, [op], heads=(Head("E-1", 1, op.hash),), photos=("0d" * 32,)).receipt
    assert receipt is not None
    key = db.read(public_keys).signing
    assert is_signed(key, receipt.signature, receipt_text(receipt))
    assert receipt.photos == ()
