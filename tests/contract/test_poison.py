"""Poison, by hand: whatever one operation or one body says, it is answered by name or kept, and its neighbours count.

On both kinds of database, for what one of them stores the other may choke on.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping

import pytest
from msgspec import Raw

from server.intake.rebuild import rebuild
from server.storage.database import Database
from shared_schema import wire
from shared_schema.operations import OP_BYTES_MAX, Note, encode
from tests.contract.plan import CHECKLIST
from tests.contract.talk import NOW_MS, ask, outcomes, say
from tests.make import Scribe, make_answer, make_envelope, make_finding, make_photo, make_request
from tests.unit.server.intake.trials import trials

YES_NO = next(item.id for item in CHECKLIST.items if item.response == "yes_no")
CASES_MIN = 50
REFUSED = {"request_malformed": 1}
DEEP = 100_000
GOOD = encode(make_envelope(Note(YES_NO, "x"), id="poison", epoch="E-9"))
HEAD = GOOD[: GOOD.index(b'"kind"')]
ANSWERED = encode(make_envelope(make_answer(YES_NO, True), id="poison", epoch="E-9"))
FOUND = encode(make_envelope(make_finding("F-1", YES_NO, occurrences=2), id="poison", epoch="E-9"))
PHOTO = encode(make_envelope(make_photo(item=YES_NO), id="poison", epoch="E-9"))


def instead(good: bytes, old: bytes, new: bytes) -> bytes:
    """A sound operation with one thing put differently."""
    assert good.count(old) == 1, (good, old)
    return good.replace(old, new)


def body(content: bytes, kind: bytes = b"telepathy") -> bytes:
    """An operation of that kind with that body."""
    return HEAD + b'"kind":"' + kind + b'","body":' + content + b"}"


def answer(value: bytes) -> bytes:
    """An answer that says that."""
    return instead(ANSWERED, b'{"type":"yes_no","ok":true}', value)


MALFORMED: Mapping[str, bytes] = {
    "a number out of range": instead(GOOD, b'"seq":1', b'"seq":99999999999999999999'),
    "a negative number": instead(GOOD, b'"seq":1', b'"seq":-1'),
    "number zero": instead(GOOD, b'"seq":1', b'"seq":0'),
    "a fraction for a number": instead(GOOD, b'"seq":1', b'"seq":1.5'),
    "a text for a number": instead(GOOD, b'"seq":1', b'"seq":"1"'),
    "truth for a number": instead(GOOD, b'"seq":1', b'"seq":true'),
    "null for a number": instead(GOOD, b'"seq":1', b'"seq":null'),
    "no body": GOOD[: GOOD.index(b',"body"')] + b"}",
    "no id": instead(GOOD, b'"id":"poison",', b""),
    "an empty id": instead(GOOD, b'"id":"poison"', b'"id":""'),
    "an id with a line break": instead(GOOD, b'"id":"poison"', b'"id":"a\\n"'),
    "an id with NUL": instead(GOOD, b'"id":"poison"', b'"id":"a\\u0000b"'),
    "an operation before with NUL": instead(GOOD, b'"seq":1', b'"seq":1,"prev":"a\\u0000b"'),
    "an id of 10 kB": instead(GOOD, b'"id":"poison"', b'"id":"' + b"x" * 10_000 + b'"'),
    "a list for an id": instead(GOOD, b'"id":"poison"', b'"id":["poison"]'),
    "a list": b"[]",
    "a list of what it should be": b"[" + GOOD + b"]",
    "a text": b'"x"',
    "a number": b"7",
    "null": b"null",
    "an empty object": b"{}",
    "a text for the bases": HEAD + b'"bases":"x",' + GOOD[len(HEAD) :],
    "it replaces itself": encode(
        make_envelope(Note(YES_NO, "x"), id="poison", epoch="E-9", bases=("poison",))
    ),
    "a note that is a list": body(b"[]", b"note"),
    "a note that is null": body(b"null", b"note"),
    "a note without a text": body(b'{"item":"A01"}', b"note"),
    "a note that is a number": body(b'{"item":"A01","text":5}', b"note"),
    "a note with NUL": body(b'{"item":"A01","text":"a\\u0000b"}', b"note"),
    "an answer of no kind": answer(b"{}"),
    "an answer that is a list": answer(b"[]"),
    "yes or no by a number": answer(b'{"type":"yes_no","ok":1}'),
    "a negative count": answer(b'{"type":"count","count":-1}'),
    "a huge count": answer(b'{"type":"count","count":' + b"9" * 400 + b"}"),
    "a count of one half": answer(b'{"type":"count","count":0.5}'),
    "an infinite figure": answer(b'{"type":"value","value":"Infinity"}'),
    "no figure": answer(b'{"type":"value","value":"NaN"}'),
    "a signalling figure": answer(b'{"type":"value","value":"sNaN1"}'),
    "a figure of a million digits": answer(b'{"type":"value","value":"1e999999"}'),
    "a finding minus twice": instead(FOUND, b'"occurrences":2', b'"occurrences":-2'),
    "a photo of less than nothing": instead(PHOTO, b'"size_bytes":1000', b'"size_bytes":-1'),
    "a kind of the future with NUL": body(b'"\\u0000"'),
    "a kind whose name is no name": body(b"{}", "读心术".encode()),
    "a photo by a path": instead(PHOTO, b"0f" * 32, b"../../etc/passwd"),
}
"""Refused for good, by name."""

KEPT: Mapping[str, bytes] = {
    "a kind of the future": body(b'{"thought":"x"}'),
    "with a text of 60 kB": body(b'"' + b"x" * 60_000 + b'"'),
    "with a huge integer": body(b"9" * 4000),
    "with a huge exponent": body(b"1e999999"),
    "with the same key twice": body(b'{"a":1,"a":2}'),
    "that is an empty list": body(b"[]"),
    "that is null": body(b"null"),
    "a known kind with an answer of the future": answer(b'{"type":"hunch","ok":true}'),
}
"""Of kinds nobody knows yet: stored as they are, and passed on."""

NOT_ALLOWED: Mapping[str, bytes] = {
    "a share where yes or no is asked": answer(b'{"type":"ratio","sampled":1,"conforming":2,"population":3}'),
    "none of nothing": answer(b'{"type":"ratio","sampled":0,"conforming":0,"population":0}'),
}
"""What that item cannot be answered with."""

TOO_LARGE: Mapping[str, bytes] = {
    "a note of too many bytes": body(b'{"item":"A01","text":"' + b"x" * OP_BYTES_MAX + b'"}', b"note"),
    "a text of 5 MB": body(b'"' + b"x" * 5_000_000 + b'"'),
}

TABLE = {
    "op_malformed": MALFORMED,
    "held": KEPT,
    "answer_not_allowed": NOT_ALLOWED,
    "op_too_large": TOO_LARGE,
}
"""By what becomes of them."""

NO_JSON: Mapping[str, bytes] = {
    "deep": body(b"[" * 5000 + b"]" * 5000),
    "NaN": body(b"NaN"),
    "Infinity": body(b"-Infinity"),
    "a lone surrogate": body(b'"\\ud800"'),
    "a number that starts with nought": body(b"007"),
    "a comma too many": body(b"[1,]"),
    "a line break within a text": body(b'"a\nb"'),
    "cut": GOOD[:-2],
}
"""What no tablet can have written and nobody can frame: refused with the request it is in."""

WHOLE: Mapping[str, Callable[[], bytes]] = {
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
    "a head with NUL": lambda: (
        b'{"device":"D-1","heads":[{"epoch":"E","seq":1,"hash":"a\\u0000b","signature":"0a"}]}'
    ),
    "negative cursor": lambda: b'{"device":"D-1","cursors":{"I-1":-1}}',
}


def test_a_poisoned_operation_takes_nobody_with_it(db: Database) -> None:
    """Each between two sound ones: those are accepted and counted, and it is refused by name or held."""
    scribe, told = Scribe(), Counter[str]()
    wrong: dict[str, list[str]] = {}
    for expected, cases in TABLE.items():
        for case, written in cases.items():
            # Each as if it were the first of that name: what is held keeps its name for itself.
            poison = written.replace(b'"poison"', f'"poison-{len(wrong)}-{told.total()}"'.encode())
            before, after = (scribe.write(Note(YES_NO, case)) for _ in range(2))
            got = outcomes(say(db, ops=(Raw(before.raw), Raw(poison), Raw(after.raw))))
            told[got[1]] += 1
            if got != ["accepted", expected, "accepted"]:
                wrong[case] = got
    assert wrong == {}
    assert told.total() >= CASES_MIN
    assert told["held"] == len(KEPT)
    assert ask(db, "SELECT count(*) FROM operation") == [(2 * told.total() + told["held"],)]
    assert ask(db, "SELECT max(length(raw)) <= 65536 FROM refusal")[0][0] in {None, 1}
    assert ask(db, "SELECT count(*) FROM score_sheet WHERE status = 'error'") == [(0,)]
    assert rebuild(db, check=True).differences == ()


def test_what_is_no_json_is_refused_with_the_request_it_is_in(db: Database) -> None:
    request = wire.encode(make_request([Scribe().write(Note(YES_NO, "a"))]))
    bodies = {
        case: request.replace(b'"ops":[', b'"ops":[' + poison + b",") for case, poison in NO_JSON.items()
    }
    wrong = {case: got for case, body in bodies.items() if (got := trials(db, [body])) != REFUSED}
    assert wrong == {}


def test_a_request_that_cannot_be_read_is_refused_whole(db: Database) -> None:
    wrong = {case: got for case, make in WHOLE.items() if (got := trials(db, [make()])) != REFUSED}
    assert wrong == {}


@pytest.mark.parametrize("clock", [-(2**63), 2**63, 2**64 - 1], ids=["first", "after the last", "last"])
def test_a_clock_that_no_column_holds_stops_nobody(db: Database, clock: int) -> None:
    """Not the tablet itself, nor those whose requests share its commit."""
    scribe = Scribe()
    for text in "一二":
        assert outcomes(say(db, [scribe.write(Note(YES_NO, text))], sent_at_ms=clock)) == ["accepted"]
    assert ask(db, "SELECT seen_at_ms FROM device WHERE id = 'D-1'") == [(NOW_MS,)]


def test_a_newer_protocol_is_told_apart_from_nonsense(db: Database) -> None:
    body = json.dumps({"protocol": 99, "device": ["unlike", "today"]}).encode()
    assert trials(db, [body]) == {"protocol_too_new": 1}
