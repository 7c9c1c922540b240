"""Whatever bytes arrive, the answer is a clear refusal or valid statuses; nothing is half applied, nothing crashes."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec import Raw

from server.intake.rebuild import rebuild
from server.storage.database import Database
from shared_schema import wire
from shared_schema.operations import OP_BYTES_MAX, Note, encode
from tests.contract.plan import CHECKLIST, plan
from tests.contract.talk import ask, outcomes, say
from tests.make import Scribe, make_answer, make_envelope, make_finding, make_op, make_request
from tests.unit.server.intake.trials import trials

YES_NO = next(item.id for item in CHECKLIST.items if item.response == "yes_no")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    """An open database with the small campaign in it."""
    with Database.open(f"sqlite:///{tmp_path / 'hucha.db'}") as database:
        database.write(plan)
        yield database


def reference() -> bytes:
    """A request with everything a request can have."""
    scribe = Scribe()
    ops = [scribe.write(make_answer(YES_NO, True)), scribe.write(make_finding("F-1", YES_NO))]
    return wire.encode(make_request(ops, cursors={"I-1": 0}, last_read={"I-1": "x"}, app="1.0", sent_at_ms=7))


def test_truncated_at_every_length(db: Database) -> None:
    body = reference()
    counts = trials(db, [body[:length] for length in range(len(body))])
    assert counts == {"request_malformed": len(body)}


@pytest.mark.parametrize("flip", [0x01, 0x20, 0x80])
def test_every_byte_flipped(db: Database, flip: int) -> None:
    body = reference()
    flipped = [body[:at] + bytes([body[at] ^ flip]) + body[at + 1 :] for at in range(len(body))]
    counts = trials(db, flipped)
    assert sum(counts.values()) == len(body) > 600
    assert set(counts) <= {"taken", "request_malformed", "protocol_too_new"}
    assert counts["taken"] > 100
    assert counts["request_malformed"] > 100


def test_bytes_replaced_added_and_taken_away_at_random(db: Database) -> None:
    rnd = random.Random(20261122)
    body = reference()

    def changed() -> bytes:
        mutant = bytearray(body)
        for _ in range(rnd.randrange(1, 6)):
            at = rnd.randrange(len(mutant))
            match rnd.randrange(3):
                case 0:
                    mutant[at] = rnd.randrange(256)
                case 1:
                    mutant[at:at] = rnd.choice(
                        [b"[", b"{", b'"', b"\\", b"0", b"-", b"e9", b"\\ud800", b"\x00"]
                    )
                case _:
                    del mutant[at : at + rnd.randrange(1, 9)]
        return bytes(mutant)

    assert sum(trials(db, [changed() for _ in range(1500)]).values()) == 1500


DEEP = 100_000
WHOLE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "not JSON": lambda: b"\xff\xfe",
    "a list": lambda: b"[]",
    "deep": lambda: b'{"device":"D-1","ops":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep where nobody looks": lambda: b'{"device":"D-1","x":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}",
    "huge number": lambda: b'{"device":"D-1","sent_at_ms":' + b"9" * 5000 + b"}",
    "not a number": lambda: b'{"device":"D-1","sent_at_ms":NaN}',
    "lone surrogate": lambda: b'{"device":"D-1","app":"\\ud800"}',
    "too many operations": lambda: wire.encode(
        wire.ExchangeRequest(device="D-1", ops=(Raw(b"1"),) * (wire.REQUEST_OPS_MAX + 1))
    ),
    "a million empty lists": lambda: b'{"device":"D-1","ops":[' + b",".join([b"[]"] * 1_000_000) + b"]}",
    "negative cursor": lambda: b'{"device":"D-1","cursors":{"I-1":-1}}',
}


@pytest.mark.parametrize("case", WHOLE)
def test_a_request_that_cannot_be_read_is_refused_whole(db: Database, case: str) -> None:
    assert trials(db, [WHOLE[case]()]) == {"request_malformed": 1}


def test_a_request_that_is_too_large_is_refused_whole(db: Database) -> None:
    assert trials(db, [reference() + b" " * wire.REQUEST_BYTES_MAX]) == {"request_too_large": 1}


def test_a_newer_protocol_is_told_apart_from_nonsense(db: Database) -> None:
    body = json.dumps({"protocol": 99, "device": ["unlike", "today"]}).encode()
    assert trials(db, [body]) == {"protocol_too_new": 1}


def hostile() -> dict[str, bytes]:
    """Operations that must not take a batch down, whatever becomes of themselves."""
    good = encode(make_envelope(Note(YES_NO, "x")))
    unknown = b'"kind":"telepathy","body":'
    head = good[: good.index(b'"kind"')]
    return {
        "deep body": head + unknown + b"[" * 5000 + b"]" * 5000 + b"}",
        "10 MB text": head + unknown + b'"' + b"x" * 200_000 + b'"}',
        "NUL": head + unknown + b'"\\u0000"}',
        "NaN": head + unknown + b"NaN}",
        "not UTF-8": head + unknown + b'"\xff\xfe"}',
        "lone surrogate": head + unknown + b'"\\ud800"}',
        "huge integer": head + unknown + b"9" * 4000 + b"}",
        "number out of range": good.replace(b'"seq":1', b'"seq":99999999999999999999'),
        "negative number": good.replace(b'"seq":1', b'"seq":-1'),
        "a fraction": good.replace(b'"seq":1', b'"seq":1.5'),
        "no body": good[: good.index(b',"body"')] + b"}",
        "empty id": good.replace(b'"id":"D-1.E-1.1"', b'"id":""'),
        "id with a line break": good.replace(b'"id":"D-1.E-1.1"', b'"id":"a\\n"'),
        "replaces itself": encode(make_envelope(Note(YES_NO, "x"), bases=("D-1.E-1.1",))),
        "infinite figure": encode(make_envelope(make_answer(YES_NO, True))).replace(
            b'{"type":"yes_no","ok":true}', b'{"type":"value","value":"Infinity"}'
        ),
        "figure of a million digits": encode(make_envelope(make_answer(YES_NO, True))).replace(
            b'{"type":"yes_no","ok":true}', b'{"type":"value","value":"1e999999"}'
        ),
        "a list": b"[]",
        "a text": b'"x"',
        "null": b"null",
        "too large": head + b'"kind":"note","body":{"item":"A01","text":"' + b"x" * OP_BYTES_MAX + b'"}}',
    }


NO_JSON = {"deep body", "NaN", "lone surrogate"}
"""What no tablet can have written and nobody can frame: it cannot be told apart from its neighbours."""


@pytest.mark.parametrize("case", sorted(NO_JSON))
def test_what_is_no_json_is_refused_with_the_request_it_is_in(db: Database, case: str) -> None:
    request = wire.encode(make_request([make_op(Note(YES_NO, "a"))]))
    body = request.replace(b'"ops":[', b'"ops":[' + hostile()[case] + b",")
    assert trials(db, [body]) == {"request_malformed": 1}


@pytest.mark.parametrize("case", sorted(hostile().keys() - NO_JSON))
def test_a_hostile_operation_takes_nobody_with_it(db: Database, case: str) -> None:
    before, after = make_op(Note(YES_NO, "a"), seq=7), make_op(Note(YES_NO, "b"), seq=8)
    ops = (Raw(before.raw), Raw(hostile()[case]), Raw(after.raw))
    reply = say(db, ops=ops)
    assert outcomes(reply)[0] == outcomes(reply)[2] == "accepted"
    assert outcomes(reply)[1] in {"held", "op_malformed", "op_too_large"}
    assert ask(db, "SELECT max(length(raw)) <= 65536 FROM refusal")[0][0] in {None, 1}
    assert rebuild(db, check=True).differences == ()
    assert ask(db, "SELECT count(*) FROM score_sheet WHERE status = 'error'") == [(0,)]
