"""After the server was restored from a backup, tablets bring back whatever any of them still holds."""

from hashlib import sha256

import pytest

from server.intake import desk
from server.storage import chains
from server.storage.chains import Tip
from server.storage.database import Database
from shared_schema.ids import DeviceId
from shared_schema.operations import Note, Operation, Returned, Submitted, read
from tests.contract.talk import ask, cursors_of, news_of, outcomes, say
from tests.make import Scribe, make_op


def notes(scribe: Scribe, count: int) -> list[Operation]:
    """Some notes of one tablet."""
    return [scribe.write(Note("A01", f"{scribe.device} {n}")) for n in range(count)]


def test_a_colleagues_operation_comes_back_byte_for_byte(db: Database) -> None:
    """A tablet of the same squad may bring it; it is filed under the tablet that made it."""
    ops = notes(Scribe(device="D-1"), 2)
    assert outcomes(say(db, ops, device="D-2")) == ["accepted", "accepted"]
    assert db.read(lambda conn: chains.tips(conn, DeviceId("D-1"), ["E-1"]))["E-1"] == Tip(2, ops[1].hash)
    assert outcomes(say(db, ops, device="D-1")) == ["duplicate", "duplicate"]
    assert news_of(say(db, device="D-2"), "I-1") == [one.raw for one in ops]


def test_another_squad_brings_nothing(db: Database) -> None:
    """Neither of its own inspections by our tablet, nor of ours by its."""
    assert outcomes(say(db, notes(Scribe(device="D-1"), 1), device="D-21")) == ["inspection_unknown"]
    theirs = Scribe(device="D-1", person="P-21", inspection="I-21")
    assert outcomes(say(db, notes(theirs, 1), device="D-21")) == ["op_wrong_device"]


def returned(db: Database) -> bytes:
    """What the console wrote when the inspection was sent back."""
    say(db, [make_op(Submitted())])
    sent_back = Returned((("", "缺签字"),))
    db.write(
        lambda conn: desk.record(
            conn, "I-1", "xu", "coordinator", sent_back, now_ms=1, entropy=lambda n: sha256(b"1").digest()[:n]
        )
    )
    ((raw,),) = ask(db, "SELECT raw FROM operation WHERE device = 'console'")
    return bytes(raw)


def forget(db: Database, op: str) -> None:
    """The server comes up without the end of its log."""
    db.write(lambda conn: conn.exec_driver_sql(f"DELETE FROM operation WHERE id = '{op}'"))
    db.write(lambda conn: conn.exec_driver_sql("UPDATE inspection SET last_number = 1 WHERE id = 'I-1'"))


def test_what_the_console_made_comes_back_by_its_seal(db: Database) -> None:
    """A tablet that had read it brings it back, though nobody of the squad may write it."""
    raw = returned(db)
    forget(db, read(raw).id)
    assert outcomes(say(db, [read(raw)], device="D-2")) == ["accepted"]
    assert ask(db, "SELECT raw FROM operation WHERE device = 'console'") == [(raw,)]


@pytest.mark.parametrize(
    ("was", "is_now"), [(b"returned", b"accepted"), (b"I-1", b"I-2"), (b'"seal":"', b'"seal":"0')]
)
def test_what_the_console_did_not_make_is_not_believed(db: Database, was: bytes, is_now: bytes) -> None:
    """Any change to a sealed operation breaks its seal."""
    raw = returned(db)
    op = read(raw).id
    forget(db, op)
    forged = raw.replace(op.encode(), b"forged").replace(was, is_now, 1)
    if was == b"returned":
        forged = forged.replace('{"remarks":[["","缺签字"]]}'.encode(), b"{}")
    assert outcomes(say(db, [read(forged)], device="D-2")) == ["op_wrong_device"]


def test_a_tablet_learns_that_the_log_is_no_longer_the_one_it_read(db: Database) -> None:
    """Where the log is shorter, or another, the news begins at the start and says so."""
    first, second = notes(Scribe(device="D-1"), 2)
    reply = say(db, [first, second], device="D-1")
    assert reply.rewound == ()
    reading = cursors_of(reply)
    assert say(db, device="D-1", **reading).rewound == ()
    forget(db, second.id)
    shorter = say(db, device="D-1", **reading)
    assert shorter.rewound == ("I-1",)
    assert news_of(shorter, "I-1") == [first.raw]
    say(db, notes(Scribe(device="D-2", person="P-2"), 1), device="D-2")
    another = say(db, device="D-1", **reading)
    assert another.rewound == ("I-1",)
    assert len(news_of(another, "I-1")) == 2
    assert say(db, device="D-1", **cursors_of(another)).rewound == ()
