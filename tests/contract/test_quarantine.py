"""Quarantine: what comes too late, or from a tablet that was turned away, is kept, told, and can be admitted."""

from server.access import devices
from server.access.devices import is_signed
from server.access.keys import public_keys
from server.intake import desk, quarantine
from server.storage.database import Database
from shared_schema.operations import Accepted, Locked, Note, Operation, Submitted
from shared_schema.proofs import receipt_text
from shared_schema.wire import Head
from tests.contract.talk import NOW_MS, ask, held, news_of, outcomes, say
from tests.make import Scribe, make_op


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


def test_a_restored_server_takes_again_what_the_lock_covers(db: Database) -> None:
    """When it arrives does not matter."""
    scribe = Scribe()
    early = note(scribe, "按时")
    say(db, [early, scribe.write(Submitted())])
    lock(db)
    db.write(lambda conn: conn.exec_driver_sql(f"DELETE FROM operation WHERE id = '{early.id}'"))
    assert outcomes(say(db, [early])) == ["accepted"]


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


def test_a_receipt_is_signed_over_all_it_says(db: Database) -> None:
    """With the key that tablets got when they enrolled."""
    op = make_op(Note("A01", "一"))
    receipt = say(db, [op], heads=(Head("E-1", 1, op.hash),), photos=("0d" * 32,)).receipt
    assert receipt is not None
    key = db.read(public_keys).signing
    assert is_signed(key, receipt.signature, receipt_text(receipt))
    assert receipt.photos == ()
