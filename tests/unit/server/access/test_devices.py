"""Codes and keys: what a tablet must bring, and that whatever is refused leaves the code good."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from server.access import devices
from server.access.public_keys import fingerprint, is_public_key
from server.storage import devices as store
from server.storage.database import Database
from shared_schema import wire
from shared_schema.ids import DeviceId
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


def enrol(
    db: Database, public_key: str, device: str = "", *, now_ms: int = NOW, code: str = CODE
) -> EnrolReply:
    asked = EnrolRequest(code=code, public_key=public_key, device=device)
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


def test_a_tablet_that_was_turned_away_does_not_get_its_id_back(db: Database) -> None:
    """Neither by its id, nor with the code it came in by; the new code stays good, for a tablet with another key."""
    assert enrol(db, key(7)).device == "T-1"
    db.write(lambda conn: devices.revoke(conn, "T-1", NOW, "lost"))
    db.write(lambda conn: devices.make_enrolment(conn, "S-1", "code-2", "T-2", NOW + 1))
    assert refusal(db, key(7)) == "device_revoked"
    with pytest.raises(Problem, match="device_revoked"):
        enrol(db, key(7), "T-1", code="code-2")
    with pytest.raises(Problem, match="form_invalid"):
        enrol(db, key(8), "T-1", code="code-2")
    row = db.read(lambda conn: store.get(conn, "T-1"))
    assert row is not None
    assert row.revoked_at_ms == NOW
    assert enrol(db, key(8), code="code-2").device == "T-2"


def replacement(db: Database, code: str, device: str, replaces: str) -> None:
    db.write(
        lambda conn: devices.make_enrolment(
            conn, "S-1", code, device, NOW + 1, holder="P-1", replaces=replaces
        )
    )


def test_replacing_twice_works(db: Database) -> None:
    """One after the other, and again after the first replacement was lost before it was used."""
    enrol(db, key(7))
    replacement(db, "code-2", "T-2", "T-1")
    replacement(db, "code-3", "T-3", "T-2")
    replacement(db, "code-4", "T-4", "T-1")
    for number, code in enumerate(("code-2", "code-3", "code-4"), 8):
        assert enrol(db, key(number), code=code).squad == "S-1"
        assert enrol(db, key(number), code=code).device == f"T-{number - 6}", "the reply may have been lost"
    found = {str(row.id): row for row in db.read(store.every)}
    assert [(found[one].revoked_why, found[one].replaced_by) for one in ("T-1", "T-2")] == [
        ("replaced", "T-4"),
        ("replaced", "T-3"),
    ]
    assert [found[one].revoked_at_ms for one in ("T-3", "T-4")] == [None, None]
    assert [found[one].holder for one in ("T-2", "T-3", "T-4")] == ["P-1"] * 3


def test_a_lost_tablet_stays_lost_when_it_is_replaced(db: Database) -> None:
    """Why and when it was turned away is not written over."""
    enrol(db, key(7))
    db.write(lambda conn: devices.revoke(conn, "T-1", NOW - 5, "lost"))
    replacement(db, "code-2", "T-2", "T-1")
    enrol(db, key(8), code="code-2")
    row = db.read(lambda conn: store.get(conn, "T-1"))
    assert row is not None
    assert (row.revoked_at_ms, row.revoked_why, row.replaced_by) == (NOW - 5, "lost", "T-2")


def test_a_withdrawn_code_admits_nobody(db: Database) -> None:
    """A used one cannot be withdrawn: revoking is what takes a tablet out."""
    assert db.write(lambda conn: store.drop_enrolment(conn, "T-1"))
    assert refusal(db, key(7)) == "enrolment_code_invalid"
    db.write(lambda conn: devices.make_enrolment(conn, "S-1", CODE, "T-1", NOW + 1))
    enrol(db, key(7))
    assert not db.write(lambda conn: store.drop_enrolment(conn, "T-1"))
    assert not db.write(lambda conn: store.drop_enrolment(conn, "T-9"))


def test_who_had_a_tablet_stays_on_record(db: Database) -> None:
    """Also where it changes hands twice in one moment; a revoked one is handed to nobody."""
    enrol(db, key(7))
    for person in ("P-1", "P-2", "P-1"):
        db.write(lambda conn, person=person: devices.hand_over(conn, "T-1", person, "xu", "调班", NOW))  # type: ignore[misc]
    had = db.read(lambda conn: store.holders(conn, DeviceId("T-1")))
    assert [(one.person, one.since_ms) for one in had] == [("P-1", NOW + 2), ("P-2", NOW + 1), ("P-1", NOW)]
    row = db.read(lambda conn: store.get(conn, "T-1"))
    assert row is not None
    assert row.holder == "P-1"
    db.write(lambda conn: devices.revoke(conn, "T-1", NOW))
    with pytest.raises(Problem, match="device_revoked"):
        db.write(lambda conn: devices.hand_over(conn, "T-1", "P-2", "xu", "", NOW))


def test_a_fingerprint_is_short_and_of_the_key_alone() -> None:
    """Four groups that two people can compare aloud."""
    assert fingerprint("00" * 32) == "6668 7aad f862 bd77"
    assert fingerprint(key(1)) != fingerprint(key(2))


@pytest.mark.parametrize("given", ["ab", "abc", "0f" * 31, "0f" * 33])
def test_a_key_to_seal_to_is_whole_or_left_out(given: str) -> None:
    """Nothing could ever be sealed to a piece of one."""
    with pytest.raises(Problem) as caught:
        wire.read_enrol(msgspec.json.encode({"code": "AB12", "public_key": "11" * 32, "sealing_key": given}))
    assert caught.value.code == "request_malformed"
