"""Keys and files at rest, and where they lie."""

import sqlite3
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mobile.settings import Settings, from_environment
from mobile.vault import Vault


def test_the_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    """A second seed changes nothing, a second start finds the same key, and its signatures are true."""
    public = Vault(tmp_path / "t").make_key(b"1" * 32)
    vault = Vault(tmp_path / "t")
    assert vault.make_key(b"2" * 32) == public
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(vault.sign(b"x")), b"x")
    assert stat.S_IMODE((tmp_path / "t" / "device.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "t").stat().st_mode) == 0o700
    with pytest.raises(ValueError, match="32 bytes"):
        vault.make_key(b"short")


def test_every_commit_is_on_the_disk(tmp_path: Path) -> None:
    """WAL with full synchronisation: NORMAL loses committed taps at a power cut."""
    connection = Vault(tmp_path).connect(tmp_path / "x" / "tablet.db")
    settings = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
    }
    connection.close()
    assert settings == {"journal_mode": "wal", "synchronous": 2}


def test_a_failed_opening_leaves_nothing_open(tmp_path: Path) -> None:
    """The file can be replaced at once."""
    (tmp_path / "tablet.db").write_bytes(b"x" * 4096)
    with pytest.raises(sqlite3.DatabaseError):
        Vault(tmp_path).connect(tmp_path / "tablet.db")


def test_a_kept_file_is_whole_and_replaces_the_one_before(tmp_path: Path) -> None:
    """No half-written file is ever under the name."""
    vault, path = Vault(tmp_path), tmp_path / "deep" / "er" / "file"
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
