"""A tablet's data destroyed: the wrapped keys first, the rest after them, finished whatever ends it."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from mobile import wipe as wiping
from mobile.photo_sources import left_behind
from mobile.wipe import Wiped, wipe, wiped
from shared_schema.problems import Problem
from tests.unit.mobile import sealed
from tests.unit.mobile.killing import killed_everywhere


def wipe_it(folder: Path) -> Wiped:
    places = sealed.store_path(folder), sealed.photos_path(folder)
    return wipe(sealed.keyring(folder), sealed.secret(folder), *places, "revoked", sealed.NOW_MS)


def data_files(folder: Path) -> set[str]:
    """What is left, the note apart."""
    return {path.name for path in folder.rglob("*") if path.is_file()} - {wiping.NOTE}


def gone(folder: Path) -> None:
    """After a kill the tablet is as before, or its keys are gone first; going on takes all the rest."""
    if wiped(folder / "data") is None:
        assert sealed.unlocked(folder).make_key(sealed.SEED)
    if not sealed.store_path(folder).exists() or not (folder / "data" / "device.key").exists():
        assert not sealed.keyring(folder).exists(), "data went before the keys"
    note = wipe_it(folder)
    assert (note.reason, note.at_ms) == ("revoked", sealed.NOW_MS)
    assert data_files(folder) == set()
    with pytest.raises(Problem, match="keys_lost"):
        sealed.unlocked(folder)


def test_everything_goes_and_a_note_stays(tmp_path: Path) -> None:
    """Keys, store, photos, and the secret of the device in its own folder."""
    sealed.with_pin(tmp_path)
    assert {"keyring.json", "device.key", "tablet.db"} < data_files(tmp_path)
    gone(tmp_path)
    wiping.forget(tmp_path / "data")
    assert wiped(tmp_path / "data") is None


@pytest.mark.parametrize("name", ["abc.jpg", "of its own/abc.jpg"])
def test_a_picture_that_a_camera_program_left_goes_too(tmp_path: Path, name: str) -> None:
    """It is the one thing that lies readable, until somebody unlocks; in whatever folder the program put it."""
    sealed.with_pin(tmp_path)
    left = left_behind(sealed.photos_path(tmp_path)) / name
    left.parent.mkdir(parents=True)
    left.write_bytes(b"picture")
    gone(tmp_path)
    assert not left.exists()


@pytest.mark.parametrize("stuck", ["keyring.json.part", "device.key.part", "tablet.db-stuck"])
def test_what_cannot_be_removed_keeps_nothing_else(tmp_path: Path, stuck: str) -> None:
    """A folder where a file should be, as a failing disk makes them: it is told, and tried again at each start."""
    sealed.with_pin(tmp_path)
    (tmp_path / "data" / stuck).mkdir()
    left = (str(tmp_path / "data" / stuck),)
    first = wipe_it(tmp_path)
    assert data_files(tmp_path) == set()
    assert wipe_it(tmp_path) == first == replace(first, left=left)
    (tmp_path / "data" / stuck).rmdir()
    assert wipe_it(tmp_path) == wiped(tmp_path / "data") == replace(first, left=())


def test_what_may_not_be_written_over_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Storage that lets nobody write any more may still let a name go."""
    sealed.with_pin(tmp_path)
    opened = os.open

    def refused(path: Any, flags: int, *more: Any) -> int:
        if flags & os.O_WRONLY and str(path).endswith("device.key"):
            raise OSError(errno.EIO, "made up")
        return opened(path, flags, *more)

    monkeypatch.setattr(os, "open", refused)
    assert wipe_it(tmp_path).left == ()
    assert data_files(tmp_path) == set()


@pytest.mark.parametrize("bad", ["keyring.json", "device.key", "tablet.db"])
def test_what_a_bad_place_holds_is_removed_or_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: str
) -> None:
    """Storage that cannot even say what is there: the rest goes, and nothing is called gone that may not be."""
    sealed.with_pin(tmp_path)
    stat, lstat, unlink = os.stat, os.lstat, os.unlink

    def failing(call: Any) -> Any:
        def made_up(path: Any, *rest: Any, **named: Any) -> Any:
            if Path(str(path)).name == bad:
                raise OSError(errno.EIO, "made up")
            return call(path, *rest, **named)

        return made_up

    for name, call in (("stat", stat), ("lstat", lstat), ("unlink", unlink)):
        monkeypatch.setattr(os, name, failing(call))
    left = wipe_it(tmp_path).left
    monkeypatch.undo()
    assert [Path(one).name for one in left] == [bad]
    assert data_files(tmp_path) == {bad}


@pytest.mark.e2e
def test_killed_at_any_step_the_keys_are_gone_first(tmp_path: Path) -> None:
    """Every file call is a point to be killed at."""
    assert killed_everywhere(tmp_path, sealed.with_pin, wipe_it, gone) > 40


def test_the_calls_come_in_that_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file is written over, flushed and removed before the next is touched, and the keyring is the first."""
    sealed.with_pin(tmp_path)
    calls: list[tuple[str, str]] = []
    for name in ("write", "fsync", "unlink"):
        call = getattr(os, name)

        def recorded(what: int | Path, *rest: Any, name: str = name, call: Any = call, **named: Any) -> Any:
            path = Path(f"/proc/self/fd/{what}").readlink() if isinstance(what, int) else str(what)
            calls.append((name, Path(path).name))
            return call(what, *rest, **named)

        monkeypatch.setattr(os, name, recorded)
    wipe_it(tmp_path)
    calls = [call for call in calls if "." in call[1] and not call[1].startswith(wiping.NOTE)]
    files = list(dict.fromkeys(file for _, file in calls))
    assert calls == [(name, file) for file in files for name in ("write", "fsync", "unlink")]
    assert files[0] == "keyring.json"
    assert files[1].endswith(".secret")
    assert files[2:4] == ["device.key", "tablet.db"]
    assert len(files) == 8  # and two photos, one of which waits for a colleague, with their thumbnails


def _wiped(folder: Path) -> None:
    sealed.with_pin(folder)
    wipe_it(folder)


def _forget(folder: Path) -> None:
    wiping.forget(folder / "data")


def _there_or_gone(folder: Path) -> None:
    note = wiped(folder / "data")
    assert note is None or note.reason == "revoked"


@pytest.mark.e2e
def test_killed_while_the_note_is_put_away_it_is_there_or_gone(tmp_path: Path) -> None:
    """Half of it, and the tablet could never be set up again."""
    assert killed_everywhere(tmp_path, _wiped, _forget, _there_or_gone) > 1


def test_keys_that_cannot_be_read_are_destroyed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a bad sector they name no secret; the rest goes, and the secret alone opens nothing."""
    sealed.with_pin(tmp_path)
    read = Path.read_bytes

    def failing(path: Path) -> bytes:
        if path.name == "keyring.json":
            raise OSError(errno.EIO, "bad sector")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", failing)
    assert wipe_it(tmp_path).left == ()
    assert {Path(name).suffix for name in data_files(tmp_path)} == {".secret"}


def test_a_secret_that_cannot_be_destroyed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And of the keyring whatever is left, above all: with both, what was copied before could be read."""
    sealed.with_pin(tmp_path)
    (path,) = (tmp_path / "secrets").iterdir()
    part = tmp_path / "data" / "keyring.json.part"
    part.touch()
    unlink = os.unlink

    def refused(what: Any, *more: Any, **named: Any) -> None:
        if Path(what) in (path, part):
            raise OSError(errno.EACCES, "made up")
        unlink(what, *more, **named)

    with monkeypatch.context() as stuck:
        stuck.setattr(os, "unlink", refused)
        assert wipe_it(tmp_path).left == (str(part), str(path))
    assert wipe_it(tmp_path).left == ()
    assert data_files(tmp_path) == set()
