"""Codes and keys: what a tablet must bring, and that whatever is refused leaves the code good."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from server.access import devices
from server.access.public_keys import is_public_key
from server.storage import devices as store
from server.storage.database import Database
from shared_schema.problems import Problem
from shared_schema.wire import EnrolReply, EnrolRequest
from tests.contract.plan import plan

NOW, CODE = 1_000, "code-1"


def key(number: int) -> str:
    return Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32).public_key().public_bytes_raw().hex()


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    """The small campaign, and a code for a tablet T-1 of squad S-1."""
    with Database.open(f"sqlite:///{tmp_path / 'hucha.db'}") as database:
        database.write(lambda conn: plan(conn, public_key=key(1)))
        database.write(lambda conn: devices.make_enrolment(conn, "S-1", CODE, "T-1", NOW + 1))
        yield database


def enrol(db: Database, public_key: str, device: str = "", *, now_ms: int = NOW) -> EnrolReply:
    asked = EnrolRequest(code=CODE, public_key=public_key, device=device)
    return db.write(lambda conn: devices.enrol(conn, asked, now_ms))


def refusal(db: Database, public_key: str, device: str = "", *, now_ms: int = NOW) -> str:
    with pytest.raises(Problem) as caught:
        enrol(db, public_key, device, now_ms=now_ms)
    return caught.value.code


@pytest.mark.parametrize("number", range(12))
def test_keys_are_points(number: int) -> None:
    """Real keys are; what is none can be told by bytes no key has."""
    assert is_public_key(bytes.fromhex(key(number)))


@pytest.mark.parametrize(
    "wrong", ["ff" * 32, "02" + "00" * 31, "01" + "00" * 30 + "80", "ed" + "ff" * 30 + "7f"]
)
def test_what_is_no_key_is_refused_and_the_code_stays_good(db: Database, wrong: str) -> None:
    """Otherwise the code is gone and no signature of that tablet ever fits."""
    assert refusal(db, wrong) == "request_malformed"
    assert enrol(db, key(7)).device == "T-1"


def test_a_forgotten_tablet_gets_its_id_back(db: Database) -> None:
    """Again with the same code too, as its reply may have been lost; for nobody else."""
    assert enrol(db, key(7), "T-8") == enrol(db, key(7), "T-8")
    row = db.read(lambda conn: store.get(conn, "T-8"))
    assert row is not None
    assert (row.squad, row.public_key) == ("S-1", key(7))
    assert refusal(db, key(9), "T-8") == "enrolment_code_invalid"
    assert refusal(db, key(7)) == "enrolment_code_invalid"
    assert refusal(db, key(7), "T-7") == "enrolment_code_invalid"


@pytest.mark.parametrize("taken", ["D-1", "console"])
def test_an_id_that_is_taken_is_refused_and_the_code_stays_good(db: Database, taken: str) -> None:
    assert refusal(db, key(7), taken) == "form_invalid"
    assert refusal(db, key(7), taken, now_ms=NOW + 2) == "enrolment_code_invalid"
    assert enrol(db, key(7)).device == "T-1"


def test_a_tablet_that_is_known_changes_nothing(db: Database) -> None:
    """A key is no secret: whoever has a code cannot move another's tablet to another squad with it."""
    before = db.read(store.every)
    reply = enrol(db, key(1), "D-21")
    assert db.read(store.every) == before
    assert reply.squad == next(row.squad for row in before if row.id == "D-21")
    assert enrol(db, key(7)).device == "T-1"
