"""The last good copy in the place of a damaged store: pictures taken since it was made are not lost with the store."""

import os
from pathlib import Path

import pytest

from mobile import photos
from mobile.door import Door
from mobile.drafts import Drafts
from mobile.settings import Settings
from mobile.store import Store
from mobile.transport import Offline
from shared_schema.problems import Problem
from tests.unit.mobile import sealed
from tests.unit.mobile.test_package import photographed
from tests.unit.mobile.test_purge import a_picture
from tests.unit.mobile.world import Server, Tablet


def cut(*_: object) -> None:
    raise Offline


def test_a_photo_of_which_only_the_server_has_the_record_still_gets_there(
    one: Tablet, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file was taken for a picture that nobody knows, and destroyed; and nobody would have sent it."""
    one.open_visit()
    one.meet()
    copy = one.backup()
    taken = photographed(one)
    with monkeypatch.context() as patch:
        patch.setattr(one.line, "files", cut)
        assert one.sync.once().outcome == "offline"
    other = a_picture(one).sha256
    one.restore(copy)
    folder = one.folder / "photos"
    one.store.keep_strays(photos.held(folder))
    assert Drafts(one.store).idle(photos.held(folder)) == ()
    one.meet()
    one.meet()
    assert server.photos == [taken]
    assert one.store.sync_state().photos_left == 0
    assert Drafts(one.store).idle((taken, other)) == (), "what else was taken then stays, too"


def with_a_picture(folder: Path) -> tuple[Door, Settings]:
    """A locked tablet with a good copy, and a picture that was taken since."""
    settings = Settings(folder / "data", secrets=folder / "secrets")
    door = Door(settings, os.urandom, lambda: sealed.NOW_MS, sealed.QUICK)
    assert door.open_unprotected() is not None
    door.give_pin(sealed.CHEN, sealed.PIN)
    door.lock()
    settings.photos.mkdir(exist_ok=True)
    (settings.photos / f"{'ab' * 32}.jpg").write_bytes(b"sealed")
    return door, settings


def test_a_copy_that_is_put_back_keeps_what_was_taken_since(tmp_path: Path) -> None:
    """Though the program ends before it has opened the copy."""
    door, settings = with_a_picture(tmp_path)
    _, store = door.unlock("p-chen", sealed.PIN)
    assert not store.knows_photo("ab" * 32)
    store.close()
    _, store = door.use_copy()
    assert store.knows_photo("ab" * 32)
    door.lock()
    (settings.photos / f"{'cd' * 32}.jpg").write_bytes(b"sealed")
    _, store = door.unlock("p-chen", sealed.PIN)
    assert not store.knows_photo("cd" * 32), "once: afterwards what nobody was told of goes as ever"
    door.lock()


def test_a_disk_that_is_full_then_keeps_nobody_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures are noted at the next try, for which the room that was set aside is given up."""
    door, _ = with_a_picture(tmp_path)
    _, store = door.unlock("p-chen", sealed.PIN)
    store.close()

    def full(*_: object) -> None:
        raise Problem("disk_full", path="tablet.db")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "keep_strays", full)
        with pytest.raises(Problem, match="disk_full"):
            door.use_copy()
    _, store = door.unlock("p-chen", sealed.PIN)
    assert store.knows_photo("ab" * 32)
    door.lock()
