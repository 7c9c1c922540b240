"""Three reference batches, as JSON and packed, with every byte flipped and cut at every length (F8 of the fault list).

As they arrive, the signature catches them all. Signed anew, as by a tablet with a bug, they are refused whole with a
code, or what is taken is what stands in them; nothing is half applied.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient
from msgspec import Raw

from server.app import create_app
from server.settings import Settings
from server.storage import op_log
from server.storage.database import Connection, Database
from shared_schema import wire
from shared_schema.ids import digest
from shared_schema.operations import Note, encode
from tests.contract.plan import CHECKLIST, KEY, plan
from tests.contract.talk import NOW_MS, signed
from tests.make import (
    Scribe,
    make_answer,
    make_envelope,
    make_finding,
    make_op,
    make_request,
    make_settlement,
)
from tests.torture.share import stride
from tests.unit.server.intake.trials import contents, trials

YES_NO = next(item.id for item in CHECKLIST.items if item.response == "yes_no")
BYTES_MIN = 300
"""So many positions each batch must have, or it is no reference."""
JSON_EVERY = 5
"""Of JSON signed anew, a share: most of it is taken, and costs more. `test_exchange_bad_input` has one batch whole."""
NAMED = {"request_malformed", "request_too_large", "protocol_too_new", "bases_unknown", "taken"}
EARLIER = [
    make_op(Note(YES_NO, f"{n}"), device="D-3", seq=n + 1, id=digest(b"%d" % n)[:32]) for n in range(6)
]
"""What the server holds before the batches come."""


def plain() -> wire.ExchangeRequest:
    """A tap and a finding, and all that a request can say besides."""
    scribe = Scribe()
    ops = [scribe.write(make_answer(YES_NO, True)), scribe.write(make_finding("F-1", YES_NO))]
    return make_request(ops, cursors={"I-1": 0}, last_read={"I-1": "x"}, app="1.0", sent_at_ms=7)


def odd() -> wire.ExchangeRequest:
    """A dispute settled, a kind of a newer version, one written in another manner, and one that is refused."""
    scribe = Scribe()
    mine, newer = scribe.write(make_answer(YES_NO, True)), scribe.write(Note(YES_NO, "新"))
    settled = scribe.write(make_settlement(make_answer(YES_NO, False)), bases=(mine.id,))
    spaced = encode(make_envelope(Note(YES_NO, "x"), seq=9, id="odd-1")).replace(b'","', b'", "', 1)
    unknown = newer.raw.replace(b'"kind":"note"', b'"kind":"voice"')
    wrong = scribe.write(Note("Z99", "no such item"))
    return make_request(ops=tuple(map(Raw, (mine.raw, unknown, settled.raw, spaced, wrong.raw))))


def relayed() -> wire.ExchangeRequest:
    """A colleague's operations with a signed head that answers for them."""
    theirs = Scribe(device="D-2", epoch="E-2")
    ops = [theirs.write(Note(YES_NO, f"{n}"), inspection=f"I-{1 + n}") for n in range(3)]
    return make_request(ops, device="D-1", proofs=(signed(ops[-1]),))


def shortened() -> bytes:
    """Operations that name earlier ones by how their ids begin."""
    scribe, bases = Scribe(), [one.id for one in EARLIER]
    texts = ("一", "登记簿", "见台账", "x")
    ops = [scribe.write(Note(YES_NO, text), bases[at : at + 3]) for at, text in enumerate(texts)]
    request = make_request(ops, cursors={"I-1": 0}, app="1.0", sent_at_ms=7)
    body = wire.encode_packed(request, shortens=True)
    assert len(body) < len(wire.encode_packed(request))
    return body


BATCHES: dict[str, Callable[[], bytes]] = {
    f"{one.__name__}-{how}": lambda one=one, write=write: write(one())
    for one in (plain, odd, relayed)
    for how, write in (("json", wire.encode), ("packed", wire.encode_packed))
} | {"shortened-packed": shortened}


def planned(conn: Connection) -> None:
    """The small campaign, and what the log has before."""
    plan(conn)
    op_log.append(conn, EARLIER, now_ms=NOW_MS)


def damaged(body: bytes) -> Iterator[bytes]:
    """With one bit of each byte flipped, and cut at every length."""
    for at in range(len(body)):
        yield body[:at] + bytes([body[at] ^ 1 << at % 8]) + body[at + 1 :]
        yield body[:at]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, TestClient[Any]]]:
    """The server's app and its database, with the small campaign in it."""
    settings = Settings(data=tmp_path_factory.mktemp("server"), log_level="error")
    with Database.open(settings.database_url) as db:
        db.write(planned)
        with TestClient(create_app(settings, db, clock=lambda: NOW_MS)) as client:
            yield db, client


def send(client: TestClient[Any], body: bytes, signature: str) -> tuple[int, bytes]:
    """One request as a tablet sends it: the status, and the answer."""
    headers = {wire.DEVICE_HEADER: "D-1", wire.SIGNATURE_HEADER: signature}
    reply = client.post("/sync", content=body, headers=headers)
    return reply.status_code, reply.content


@pytest.mark.parametrize("batch", BATCHES)
def test_whatever_is_damaged_on_its_way_is_refused_by_its_signature(
    app: tuple[Database, TestClient[Any]], batch: str
) -> None:
    db, client = app
    body = BATCHES[batch]()
    signature = KEY.sign(body).hex()
    before = db.read(contents)
    tried = 0
    for changed in damaged(body):
        status, answer = send(client, changed, signature)
        problem = msgspec.json.decode(answer, type=wire.ProblemReply)
        assert (status, problem.code) == (401, "signature_invalid"), f"position {tried // 2}"
        tried += 1
    assert tried == 2 * len(body) >= 2 * BYTES_MIN
    assert db.read(contents) == before, "a refused request has changed something"
    assert send(client, body, signature)[0] == 200, "the control: undamaged it is taken"


@pytest.mark.parametrize("batch", BATCHES)
def test_what_a_tablet_with_a_bug_has_signed_is_taken_as_it_stands_or_refused_whole(
    tmp_path: Path, batch: str
) -> None:
    body = BATCHES[batch]()
    step = 1 if batch.endswith("packed") else stride(JSON_EVERY)
    bodies = list(damaged(body))[::step]
    with Database.open(f"sqlite:///{tmp_path / 'hucha.db'}") as db:
        db.write(planned)
        assert trials(db, [body]) == {"taken": 1}
        counts = trials(db, bodies)
    assert sum(counts.values()) == len(bodies) >= 2 * BYTES_MIN // step
    assert counts["request_malformed"] > len(bodies) // 2
    assert set(counts) <= NAMED
    if batch.endswith("packed"):
        # Whatever is flipped in there, a checksum or the grammar objects; what does not matter may say anything.
        assert counts.get("taken", 0) <= len(wire.PACKED) + 8
