"""After the server was restored from a backup, tablets bring back whatever any of them still holds."""

import pytest
from msgspec import Raw
from msgspec.structs import replace

from server.intake import desk, quarantine
from server.storage import chains
from server.storage.chains import Tip
from server.storage.database import Database
from shared_schema.ids import DeviceId, digest
from shared_schema.operations import Note, Operation, Returned, Submitted, encode, read
from shared_schema.problems import Problem
from shared_schema.wire import Head
from tests.contract.talk import NOW_MS, ask, cursors_of, do, news_of, outcomes, say, signed
from tests.make import Scribe, make_envelope, make_op


def notes(scribe: Scribe, count: int) -> list[Operation]:
    """Some notes of one tablet."""
    return [scribe.write(Note("A01", f"{scribe.device} {n}")) for n in range(count)]


def test_a_colleagues_operations_come_back_byte_for_byte(db: Database) -> None:
    """Any tablet may bring what their own tablet has signed; they are filed under that one."""
    ops = notes(Scribe(device="D-1"), 2)
    reply = say(db, ops, device="D-2", proofs=(signed(ops[1]),))
    assert outcomes(reply) == ["accepted", "accepted"]
    assert [(one.device, one.heads[0].seq, one.heads[0].hash) for one in reply.relayed] == [
        ("D-1", 2, ops[1].hash)
    ]
    assert outcomes(say(db, ops, device="D-1")) == ["duplicate", "duplicate"]
    assert news_of(say(db, device="D-2"), "I-1") == [one.raw for one in ops]


def test_a_head_answers_for_all_before_it_however_many_requests_they_come_in(db: Database) -> None:
    """From the newest to the oldest each is followed by one that is here already."""
    ops = notes(Scribe(device="D-1"), 6)
    assert outcomes(say(db, ops[3:], device="D-2", proofs=(signed(ops[5]),))) == ["accepted"] * 3
    assert outcomes(say(db, ops[1:3], device="D-2")) == ["accepted"] * 2
    assert outcomes(say(db, ops[:1], device="D-2")) == ["accepted"]
    assert db.read(lambda conn: chains.tips(conn, DeviceId("D-1"), ["E-1"]))["E-1"] == Tip(6, ops[5].hash)


def test_each_that_is_followed_by_one_that_is_here_is_proven(db: Database) -> None:
    """Wherever in its chain, and however many are brought at once."""
    ops = notes(Scribe(device="D-1"), 6)
    say(db, ops[1::2])
    assert outcomes(say(db, ops[::2], device="D-2")) == ["accepted"] * 3


def test_what_nobody_has_signed_waits_under_the_name_of_each_who_brought_it(db: Database) -> None:
    """None of them takes away what another has brought."""
    (op,) = notes(Scribe(device="D-1"), 1)
    for device in ("D-2", "D-21", "D-2"):
        assert outcomes(say(db, [op], device=device)) == ["op_not_proven"]
    assert ask(db, "SELECT device FROM refusal ORDER BY device") == [("D-2",), ("D-21",)]


def test_a_head_that_is_kept_answers_for_nothing_else(db: Database) -> None:
    """It was checked when it came; what names the same place, or has its signature, is looked at for itself."""
    first, later = notes(Scribe(device="D-1"), 2)
    kept = signed(first)
    assert outcomes(say(db, [first], device="D-2", proofs=(kept,))) == ["accepted"]
    twin = make_op(Note("A01", "另一条"), id="twin")
    for forged in (twin, later):
        head = replace(kept, seq=forged.seq, hash=forged.hash)
        assert outcomes(say(db, [forged], device="D-2", proofs=(head,))) == ["op_not_proven"]


@pytest.mark.parametrize("case", ["no head", "a head before it", "another's signature", "other bytes"])
def test_what_nobody_has_signed_waits_in_quarantine(db: Database, case: str) -> None:
    """It is kept, told, and changes nothing; a person may admit it, once, with a reason."""
    first, second = notes(Scribe(device="D-1"), 2)
    heads = {
        "no head": (),
        "a head before it": (signed(first),),
        "another's signature": (replace(signed(second), signature="0a" * 64),),
        "other bytes": (replace(signed(second), hash="0b" * 32),),
    }
    reply = say(db, [second], device="D-2", proofs=heads[case])
    assert outcomes(reply) == ["op_not_proven"]
    assert ask(db, "SELECT device, hash FROM refusal") == [("D-2", second.hash)]
    assert ask(db, "SELECT count(*) FROM operation") == [(0,)]
    with pytest.raises(Problem, match="form_invalid"):
        admit(db, "D-2", second, why=" ")
    admit(db, "D-2", second, why="已电话核实")
    assert news_of(say(db, device="D-1"), "I-1") == [second.raw]
    assert ask(db, "SELECT op, problem, admitted_by, why FROM admission") == [
        (second.id, "op_not_proven", "xu", "已电话核实")
    ]
    with pytest.raises(Problem, match="not_found"):
        admit(db, "D-2", second, why="再补一次")


@pytest.mark.parametrize(
    "way", ["its author delivers it", "another carrier brings a proof", "a later one is here"]
)
def test_what_waits_for_its_authors_word_is_settled_by_it(db: Database, way: str) -> None:
    """Nobody needs to decide; the line says under whose name it had waited, and that it was settled by itself."""
    first, second, third = notes(Scribe(device="D-1"), 3)
    say(db, [first, second], device="D-2")
    say(db, [second], device="D-21")
    if way == "its author delivers it":
        assert outcomes(say(db, [first, second], device="D-1")) == ["accepted"] * 2
    elif way == "another carrier brings a proof":
        assert outcomes(say(db, [first, second], device="D-2", proofs=(signed(second),))) == ["accepted"] * 2
    else:
        say(db, [third], device="D-1")
        assert outcomes(say(db, [first, second], device="D-21")) == ["accepted"] * 2
    assert ask(db, "SELECT count(*) FROM refusal") == [(0,)]
    line = "SELECT hash, device, problem, admitted_by, why FROM admission ORDER BY op = ? DESC"
    assert ask(db, line, first.id) == [(one.hash, "D-2", "op_not_proven", "", "") for one in (first, second)]
    assert outcomes(say(db, [first, second], device="D-2")) == ["duplicate"] * 2
    assert ask(db, line, first.id) == [(one.hash, "D-2", "op_not_proven", "", "") for one in (first, second)]


@pytest.mark.parametrize("order", [("D-2", "D-1"), ("D-1", "D-2"), ("D-2", "D-1", "D-2")])
@pytest.mark.parametrize("problem", ["item_unknown", "op_id_reused"])
def test_what_its_author_delivers_waits_under_the_authors_name(
    db: Database, order: tuple[str, ...], problem: str
) -> None:
    """Refused for another reason, it waits once, for that reason, in whatever order it came."""
    scribe = Scribe(device="D-1")
    before = scribe.write(Note("A01", "先"))
    say(db, [before])
    wrong = scribe.write(Note("Z99", "没有这一项"))
    if problem == "op_id_reused":
        wrong = make_op(Note("A01", "同号"), id=before.id, seq=2, prev=before.hash)
    for device in order:
        say(db, [wrong], device=device)
    assert ask(db, "SELECT device, problem FROM refusal") == [("D-1", problem)]
    assert ask(db, "SELECT count(*) FROM admission") == [(0,)]


def test_what_cannot_be_read_leaves_those_before_it_proven_and_is_its_authors_own(db: Database) -> None:
    """Its chain goes on over it, whoever brings it: no number is missing anywhere, and it waits once."""
    first = make_op(Note("A01", "1"))
    odd = encode(make_envelope(Raw(b'{"item":1}'), kind="note", id="odd", seq=2, prev=first.hash))
    last = make_op(Note("A01", "3"), seq=3, prev=digest(odd))
    chain = tuple(map(Raw, (first.raw, odd, last.raw)))
    lines = "SELECT device, seq, problem FROM refusal"
    say(db, device="D-21", ops=(Raw(odd),))
    assert ask(db, lines) == [("D-21", 0, "op_malformed")]
    reply = say(db, device="D-2", ops=chain, proofs=(signed(last),))
    assert outcomes(reply) == ["accepted", "op_malformed", "accepted"]
    assert [one.heads[0].seq for one in reply.relayed] == [3]
    assert outcomes(say(db, ops=chain)) == ["duplicate", "op_malformed", "duplicate"]
    assert ask(db, lines) == [("D-1", 2, "op_malformed")]
    assert db.read(chains.gaps) == []


@pytest.mark.parametrize("named", ['"D-2\\u0000"', '["D-2"]', "9" * 30, "null"])
def test_what_cannot_be_read_may_name_whatever_it_will_as_its_tablet(db: Database, named: str) -> None:
    """It keeps nothing else of its request out, and what it says that a database cannot hold is asked of none."""
    first = make_op(Note("A01", "1"))
    odd = encode(make_envelope(Raw(b"{}"), kind="note", id="odd", seq=2, prev=first.hash))
    odd = odd.replace(b'"device":"D-1"', b'"device":' + named.encode())
    assert outcomes(say(db, ops=(Raw(first.raw), Raw(odd)))) == ["accepted", "op_malformed"]
    assert ask(db, "SELECT device, epoch, seq FROM refusal") == [("D-1", "E-1", 2)]


@pytest.mark.parametrize("comes_back", [True, False])
def test_what_a_forgotten_tablet_made_waits_for_it_or_for_a_person(db: Database, comes_back: bool) -> None:
    """The server was restored from before it was enrolled; where it is lost, only its colleagues hold what it made."""
    (op,) = notes(Scribe(device="D-1"), 1)
    ((key,),) = ask(db, "SELECT public_key FROM device WHERE id = 'D-1'")
    do(db, "DELETE FROM device WHERE id = 'D-1'")
    assert outcomes(say(db, [op], device="D-2", proofs=(signed(op),))) == ["op_not_proven"]
    if comes_back:
        do(db, "UPDATE device SET id = 'D-1', public_key = ? WHERE id = 'D-22'", key)
        do(db, "UPDATE device SET squad = 'S-1' WHERE id = 'D-1'")
        assert outcomes(say(db, [op])) == ["accepted"]
    else:
        admit(db, "D-2", op, why="平板已损毁，组员平板带回")
    assert ask(db, "SELECT count(*) FROM refusal") == [(0,)]
    assert op.raw in news_of(say(db, device="D-2"), "I-1")


def admit(db: Database, device: str, operation: Operation, why: str) -> None:
    """The coordinator admits an operation."""
    db.write(
        lambda conn: quarantine.admit(conn, device, operation.hash, admitted_by="xu", why=why, now_ms=NOW_MS)
    )


def test_another_squad_brings_what_is_signed_and_nothing_of_its_own(db: Database) -> None:
    """A carrier adds no right: what counts is whose it is."""
    (ours,) = notes(Scribe(device="D-1"), 1)
    assert outcomes(say(db, [ours], device="D-21")) == ["op_not_proven"]
    assert outcomes(say(db, [ours], device="D-21", proofs=(signed(ours),))) == ["accepted"]
    assert ask(db, "SELECT count(*) FROM refusal") == [(0,)]
    (theirs,) = notes(Scribe(device="D-21", person="P-21"), 1)
    assert outcomes(say(db, [theirs], device="D-21")) == ["inspection_unknown"]


def test_news_comes_with_the_heads_that_answer_for_it(db: Database) -> None:
    """So that whoever has read it can bring it back."""
    ops = notes(Scribe(device="D-1"), 3)
    heads = [signed(one) for one in ops]
    for one, head in zip(ops, heads, strict=True):
        say(db, [one], heads=(Head(one.epoch, one.seq, one.hash, head.signature),))
    assert say(db, device="D-2").proofs == (heads[2],)
    say(db, heads=(Head("E-1", 3, ops[2].hash, "0c" * 64),))  # a head that is not signed is not passed on
    assert say(db, device="D-2").proofs == (heads[2],)


def returned(db: Database) -> bytes:
    """What the console wrote when the inspection was sent back."""
    say(db, [make_op(Submitted())])
    sent_back = Returned((("", "缺签字"),))
    db.write(lambda conn: desk.record(conn, "I-1", "xu", "coordinator", sent_back, now_ms=1))
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


def test_beside_one_that_is_believed_another_is_looked_at_for_itself(db: Database) -> None:
    """In one request, by the same person and of the same kind: one sealed or signed for, and one that is not."""
    raw = returned(db)
    sealed = read(raw)
    forget(db, sealed.id)
    forged = read(raw.replace(sealed.id.encode(), b"forged").replace("缺签字".encode(), "缺照片".encode()))
    proven, unproven = notes(Scribe(device="D-1", epoch="E-9"), 2)
    reply = say(db, [sealed, forged, proven, unproven], device="D-2", proofs=(signed(proven),))
    assert outcomes(reply) == ["accepted", "op_wrong_device", "accepted", "op_not_proven"]


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


@pytest.mark.parametrize("held", [False, True])
def test_nobody_signs_for_another_tablet_by_hanging_its_name_into_the_own_chain(
    db: Database, held: bool
) -> None:
    """An operation made up in D-1's name is named by D-2's next as the one before it: D-2's word is not D-1's."""
    made_up = Scribe(device="D-1").write(Note("A01", "made up"))
    first = make_op(Note("A01", "1"), device="D-2")
    second = make_op(Note("A01", "2"), device="D-2", seq=2, prev=made_up.hash)
    if held:
        assert outcomes(say(db, [second], device="D-2")) == ["accepted"]
    reply = say(db, [first, made_up, second], device="D-21", proofs=(signed(first), signed(second)))
    assert outcomes(reply) == ["accepted", "op_not_proven", "duplicate" if held else "accepted"]
