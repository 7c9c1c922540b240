"""An operation of this tablet that this version cannot read is refused by the server and stops nobody here."""

from pathlib import Path

from mobile.settling import Journal, Settlement, Verdict
from mobile.store import Store
from mobile.store_file import Identity
from mobile.vault import Vault
from shared_schema.ids import digest
from shared_schema.operations import Note, Unknown, encode
from tests.make import make_envelope, make_op


def test_a_refused_operation_that_cannot_be_read_is_still_shown(tmp_path: Path) -> None:
    """It is listed with what the file knows of it, beside one that can be read."""
    store = Store.open(tmp_path / "tablet.db", Vault.headless(tmp_path))
    store.enrol(Identity("D-1", "server", "S-1"), "E-1")
    good = make_op(Note("A01", "见台账"))
    garbled = make_op(Note("A01", "x"), seq=2)
    raw = encode(make_envelope(Note("A01", "x"), seq=2)).replace(b'"A01"', b"7")
    store.record(good)
    store.record(garbled._replace(raw=raw, hash=digest(raw)))
    verdicts = [Verdict(one.id, "refused", "op_malformed") for one in (good, garbled)]
    store.settle(Settlement(Journal(), verdicts=verdicts))
    first, second = store.refused("I-1")
    assert first.operation == good
    assert (second.operation.id, second.operation.raw) == (garbled.id, raw)
    assert isinstance(second.operation.body, Unknown)
    store.close()
