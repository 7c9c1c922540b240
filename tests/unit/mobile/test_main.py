"""The program without a screen, on a tablet that was destroyed."""

from pathlib import Path

import pytest

from mobile import wipe
from mobile.main import main
from tests.unit.mobile import sealed


def test_without_a_screen_a_wipe_that_was_cut_short_is_finished(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it is said why nothing is here, and what could not be removed."""
    monkeypatch.setenv("HUCHA_TABLET_SECRETS", str(tmp_path / "secrets"))
    sealed.with_pin(tmp_path)
    store = sealed.store_path(tmp_path)
    left = store.read_bytes()
    wipe.wipe(sealed.keyring(tmp_path), sealed.secret(tmp_path), store, tmp_path / "y", "pin", sealed.NOW_MS)
    store.write_bytes(left)
    store.with_name("tablet.db-stuck").mkdir()
    assert main(["--data", str(tmp_path / "data"), "--read-package", str(tmp_path / "one.hcx")]) == 2
    said = capsys.readouterr().err
    assert not store.exists()
    for words in (
        "连续输错",
        "10 wrong PINs",
        "Tell the coordinator",
        f"1 file could not be removed, such as {store}-stuck",
    ):
        assert words in said
