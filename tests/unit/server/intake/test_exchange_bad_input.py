"""Whatever bytes arrive, the answer is a clear refusal or valid statuses; nothing is half applied, nothing crashes."""

import random
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from server.storage.database import Database
from shared_schema import packing, wire
from tests.contract.plan import CHECKLIST, plan
from tests.make import Scribe, make_answer, make_finding, make_request
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


def test_a_request_that_is_too_large_is_refused_whole(db: Database) -> None:
    assert trials(db, [reference() + b" " * wire.REQUEST_BYTES_MAX]) == {"request_too_large": 1}


def test_operations_beside_packed_ones_are_refused(db: Database) -> None:
    """Colleagues are handed what was packed as it came: they would never be told of the one beside it."""
    scribe = Scribe()
    beside, within = (scribe.write(make_answer(YES_NO, said)) for said in (True, False))
    plain = zlib.compress(wire.encode(make_request([beside])))
    body = wire.PACKED + msgspec.msgpack.encode([plain, [packing.pack([within.raw])]])
    assert trials(db, [body]) == {"request_malformed": 1}
