"""A plain store of version 0.1 is taken over once, and nothing of it is lost or left, wherever it is killed."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mobile import photos, takeover
from mobile.store import Store
from mobile.vault import Vault
from shared_schema.problems import Problem
from tests.unit.mobile import sealed
from tests.unit.mobile.killing import killed_everywhere


def vault_of(folder: Path) -> Vault:
    """Of a tablet nobody has set a PIN on yet."""
    ring = sealed.keyring(folder)
    master = ring.unprotected() if ring.exists() else ring.set_up(taking_over=True)
    assert master is not None
    return Vault(folder / "data", master, ring.read().store_salt)


def take_over(folder: Path) -> None:
    takeover.take_over(sealed.store_path(folder), sealed.photos_path(folder), vault_of(folder))


def prepared(folder: Path) -> None:
    """A plain tablet whose keys have just been made."""
    sealed.plain_tablet(folder)
    vault_of(folder)


def whole(folder: Path) -> None:
    """Going on brings everything over: every row, the photo, the key; and nothing plain is left."""
    take_over(folder)
    vault = vault_of(folder)
    before = Store.open(folder / "making" / "tablet.db", Vault.headless(folder / "making"))
    store = Store.open(sealed.store_path(folder), vault)
    assert sealed.contents(store) == sealed.contents(before)
    assert len(store.photos_to_send()) == len(before.photos_to_send())
    [(sha256,)] = store._rows("SELECT sha256 FROM photo")
    assert photos.fetch(sha256, sealed.photos_path(folder), vault) is not None
    assert vault.make_key(bytes(32)) == vault.make_key(sealed.SEED)
    assert vault.fetch(folder / "data" / "device.key") == sealed.SEED
    store.close()
    before.close()
    assert sealed.found_in(folder / "data") == {}
    assert not takeover.needed(sealed.store_path(folder))


def test_a_plain_store_is_taken_over_whole(tmp_path: Path) -> None:
    """And it was plain: what must not be read was there to be read."""
    prepared(tmp_path)
    found = {what for hits in sealed.found_in(tmp_path / "data").values() for what in hits}
    assert found == {*sealed.TRACES, "a JPEG", "what a camera wrote"}
    whole(tmp_path)


@pytest.mark.e2e
def test_killed_at_any_step_it_goes_on_where_it_was(tmp_path: Path) -> None:
    """Every file call and every statement is a point to be killed at."""
    assert killed_everywhere(tmp_path, prepared, take_over, whole) > 60


def test_a_damaged_plain_store_stays_as_it_is(tmp_path: Path) -> None:
    """Nothing is copied from it, and nothing destroyed."""
    prepared(tmp_path)
    store = sealed.store_path(tmp_path)
    content = bytearray(store.read_bytes())
    for start in range(4096, len(content), 4096):
        content[start : start + 40] = b"\xff" * 40
    store.write_bytes(content)
    with pytest.raises(Problem, match="store_damaged"):
        take_over(tmp_path)
    assert store.read_bytes()[4096:] == content[4096:]


def test_what_cannot_be_taken_over_now_is_said_and_stays_as_it_is(tmp_path: Path) -> None:
    """A plain store without its second half, and one that the program of version 0.1 still has open."""
    prepared(tmp_path)
    store = sealed.store_path(tmp_path)
    content = store.read_bytes()
    store.write_bytes(content[:4096])
    with pytest.raises(Problem, match="store_damaged"):
        take_over(tmp_path)
    store.write_bytes(content)
    with closing(sqlite3.connect(store)) as writing:
        writing.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Problem, match="store_in_use"):
            take_over(tmp_path)
    whole(tmp_path)


def test_what_was_written_last_and_lay_in_the_log_comes_along(tmp_path: Path) -> None:
    """The program of version 0.1 was killed: its last taps are in the log beside the store."""
    prepared(tmp_path)
    store = sealed.store_path(tmp_path)
    writing = sqlite3.connect(store)
    writing.execute("PRAGMA wal_autocheckpoint = 0")
    writing.execute("INSERT INTO setting VALUES ('last', 'tap')")
    writing.commit()
    copy = tmp_path / "killed"
    shutil.copytree(tmp_path / "data", copy)
    writing.close()
    shutil.rmtree(tmp_path / "data")
    copy.rename(tmp_path / "data")
    assert (tmp_path / "data" / "tablet.db-wal").stat().st_size > 0
    take_over(tmp_path)
    opened = Store.open(store, vault_of(tmp_path))
    assert opened.setting("last") == "tap"
    opened.close()
