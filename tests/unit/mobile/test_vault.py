"""Keys and files at rest, and where they lie."""

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mobile import engine
from mobile.settings import Settings, from_environment
from mobile.vault import Vault
from shared_schema.problems import Problem


def test_the_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    """A second seed changes nothing, a second start finds the same key, and its signatures are true."""
    public = Vault.headless(tmp_path / "t").make_key(b"1" * 32)
    vault = Vault.headless(tmp_path / "t")
    assert vault.make_key(b"2" * 32) == public
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(vault.sign(b"x")), b"x")
    assert stat.S_IMODE((tmp_path / "t" / "device.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "t").stat().st_mode) == 0o700
    with pytest.raises(ValueError, match="32 bytes"):
        vault.make_key(b"short")


def test_two_tablets_agree_on_a_secret_to_seal_packages_with(tmp_path: Path) -> None:
    """Each by its own private and the other's public X25519 key; the keys are made once."""
    one, two = Vault.headless(tmp_path / "1"), Vault.headless(tmp_path / "2")
    first, second = one.make_sealing_key(b"1" * 32), two.make_sealing_key(b"2" * 32)
    assert one.make_sealing_key(b"3" * 32) == first
    assert one.agree(bytes.fromhex(second)) == two.agree(bytes.fromhex(first))


def test_a_locked_vault_opens_nothing(tmp_path: Path) -> None:
    """Neither store nor file nor key, until somebody unlocks it again."""
    vault = Vault.headless(tmp_path)
    vault.make_key(b"1" * 32)
    vault.keep(tmp_path / "note.txt", b"a note")
    vault.lock()
    assert vault.locked
    for act in (
        lambda: vault.connect(tmp_path / "tablet.db"),
        lambda: vault.fetch(tmp_path / "note.txt"),
        lambda: vault.keep(tmp_path / "other.txt", b""),
        lambda: vault.sign(b"x"),
        lambda: vault.master,
    ):
        with pytest.raises(Problem, match="tablet_locked"):
            act()
    assert not any(isinstance(value, bytes) and len(value) == 32 for value in vars(vault).values())


def test_a_lost_first_sector_does_not_take_the_store_with_it(tmp_path: Path) -> None:
    """SQLCipher's salt lies there, and beside the wrapped key as well; the page itself comes back from the log."""
    vault = Vault.headless(tmp_path)
    connection = vault.connect(tmp_path / "tablet.db")
    connection.executescript("CREATE TABLE t (x); INSERT INTO t VALUES ('tapped');")
    log, store = (tmp_path / name for name in ("tablet.db-wal", "tablet.db"))
    kept = log.read_bytes()
    connection.close()
    store.write_bytes(os.urandom(4096) + store.read_bytes()[4096:])
    log.write_bytes(kept)
    connection = vault.connect(tmp_path / "tablet.db")
    assert connection.execute("SELECT x FROM t").fetchall() == [("tapped",)]
    connection.close()


def test_no_two_files_are_encrypted_with_one_key(tmp_path: Path) -> None:
    """Same content, same name: other bytes each time; nothing of the content shows; a name cannot be swapped."""
    vault, path = Vault.headless(tmp_path), tmp_path / "photo.jpg"
    sealed = set()
    for _ in range(50):
        vault.keep(path, b"the same picture")
        sealed.add(path.read_bytes())
    assert len({one[4:36] for one in sealed}) == len({one[36:] for one in sealed}) == 50
    assert not any(b"picture" in one for one in sealed)
    path.rename(tmp_path / "another.jpg")
    with pytest.raises(Problem, match="file_damaged"):
        vault.fetch(tmp_path / "another.jpg")


@pytest.mark.parametrize("byte", [0, 4, 36, -1])
def test_one_changed_byte_of_a_file_is_noticed(tmp_path: Path, byte: int) -> None:
    """And a plain file put in its place is not taken either."""
    vault, path = Vault.headless(tmp_path), tmp_path / "photo.jpg"
    vault.keep(path, b"a picture")
    content = bytearray(path.read_bytes())
    content[byte] ^= 1
    path.write_bytes(content)
    with pytest.raises(Problem, match="file_damaged"):
        vault.fetch(path)
    path.write_bytes(b"\xff\xd8\xff\xe0 a plain picture")
    with pytest.raises(Problem, match="file_damaged"):
        vault.fetch(path)


def test_every_commit_is_on_the_disk(tmp_path: Path) -> None:
    """WAL with full synchronisation: NORMAL loses committed taps at a power cut."""
    connection = Vault.headless(tmp_path).connect(tmp_path / "x" / "tablet.db")
    settings = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
    }
    connection.close()
    assert settings == {"journal_mode": "wal", "synchronous": 2}


def test_a_failed_opening_leaves_nothing_open(tmp_path: Path) -> None:
    """The file can be replaced at once."""
    (tmp_path / "tablet.db").write_bytes(b"x" * 4096)
    with pytest.raises(engine.DatabaseError):
        Vault.headless(tmp_path).connect(tmp_path / "tablet.db")


def test_a_kept_file_is_whole_and_replaces_the_one_before(tmp_path: Path) -> None:
    """No half-written file is ever under the name."""
    vault, path = Vault.headless(tmp_path), tmp_path / "deep" / "er" / "file"
    for content in (b"first", b"second"):
        vault.keep(path, content)
        assert vault.fetch(path) == content
    assert [one.name for one in path.parent.iterdir()] == ["file"]


def test_settings_come_from_the_environment(tmp_path: Path) -> None:
    """HUCHA_TABLET_DATA, HUCHA_TABLET_SERVER, HUCHA_TABLET_LANGUAGE; Chinese and the user's data folder without."""
    given = {
        "HUCHA_TABLET_DATA": str(tmp_path),
        "HUCHA_TABLET_SERVER": "http://s",
        "HUCHA_TABLET_LANGUAGE": "en",
    }
    settings = from_environment(given)
    assert settings == Settings(tmp_path, "http://s", "en")
    assert (settings.store_path, settings.photos) == (tmp_path / "tablet.db", tmp_path / "photos")
    plain = from_environment({"XDG_DATA_HOME": "/data"})
    assert plain == Settings(Path("/data/hucha-tablet"), "", "zh")
