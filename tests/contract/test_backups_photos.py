"""Photos that a server has lost: told by its backups, asked for again, and here again as soon as anybody has them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from server.intake import backups
from server.intake.photos import take_photo
from server.storage import photos as photos_asked
from server.storage.backup_files import BackupFiles
from server.storage.database import Database
from server.storage.disk import Room
from server.storage.photo_files import PhotoFiles
from shared_schema.ids import DeviceId, digest
from shared_schema.problems import Problem
from tests.contract.files import picture
from tests.contract.keeping import Ticks, restored
from tests.contract.talk import NOW_MS, ask, say
from tests.make import Scribe, make_photo


def test_a_photo_that_is_gone_stops_no_backup_and_is_told(
    db: Database, files: BackupFiles, photos: PhotoFiles, clock: Ticks
) -> None:
    for n in (1, 2):
        take_photo(db, photos, digest(picture(n)), picture(n), device=DeviceId("D-1"), now_ms=NOW_MS)
    gone = digest(picture(1))
    photos.path(gone).write_bytes(b"damaged")
    made = backups.back_up(db, photos, files, clock=clock)
    assert made.manifest.photos_missing == (gone,)
    assert ask(db, "SELECT sha256 FROM photo WHERE backed_up") == [(digest(picture(2)),)]


def test_a_restored_server_asks_again_for_a_photo_that_its_backup_had_not_got(
    db: Database,
    files: BackupFiles,
    photos: PhotoFiles,
    another: Callable[[], str],
    clock: Ticks,
    tmp_path: Path,
) -> None:
    """No backup held it, so its tablet has it still; and no receipt says that it is here."""
    gone, here = (digest(picture(n)) for n in (1, 2))
    scribe = Scribe()
    say(db, [scribe.write(make_photo(f"E-{one[:8]}", "F02", one)) for one in (gone, here)])
    for n in (1, 2):
        take_photo(db, photos, digest(picture(n)), picture(n), device=DeviceId("D-1"), now_ms=NOW_MS)
    photos.path(gone).write_bytes(b"damaged")
    backups.back_up(db, photos, files, clock=clock)
    url = another()
    restored(files, url, tmp_path)
    with Database.open(url) as again:
        reply = say(again, photos=(gone, here))
    assert reply.receipt is not None
    assert (reply.receipt.photos, reply.photos_wanted) == ((here,), (gone,))


def test_a_photo_that_a_backup_finds_damaged_is_asked_for_at_once_and_is_here_again_when_it_comes(
    url: str, db: Database, files: BackupFiles, photos: PhotoFiles, clock: Ticks
) -> None:
    """By another process, as `hucha backup` is: the server that goes on hears of it, and no receipt names the photo."""
    gone, here = (digest(picture(n)) for n in (1, 2))
    scribe = Scribe()
    say(db, [scribe.write(make_photo(f"E-{one[:8]}", "F02", one)) for one in (gone, here)])
    for n in (1, 2):
        take_photo(db, photos, digest(picture(n)), picture(n), device=DeviceId("D-1"), now_ms=NOW_MS)
    assert say(db, photos=(gone, here)).photos_wanted == ()
    photos.path(gone).write_bytes(b"damaged")
    with Database.open(url, create=False, readonly=True) as beside:
        backups.back_up(beside, photos, files, clock=clock)
    reply = say(db, photos=(gone, here))
    assert reply.receipt is not None
    assert (reply.receipt.photos, reply.photos_wanted) == ((here,), (gone,))
    made = backups.back_up(db, photos, files, clock=clock)
    assert made.manifest.photos_missing == (gone,), "it is told until it is here again"
    take_photo(db, photos, gone, picture(1), device=DeviceId("D-1"), now_ms=NOW_MS)
    assert say(db, photos=(gone, here)).photos_wanted == ()
    made = backups.back_up(db, photos, files, clock=clock)
    assert [one.sha256 for one in made.manifest.photos] == sorted((gone, here))


@pytest.mark.parametrize("backed_up", [False, True])
def test_a_backup_that_looks_for_photos_elsewhere_asks_nobody_for_them_and_puts_none_there(
    db: Database, files: BackupFiles, photos: PhotoFiles, clock: Ticks, tmp_path: Path, *, backed_up: bool
) -> None:
    """Without the server's settings, or its disk not mounted: all are where they were."""
    names = [digest(picture(n)) for n in range(backups.ELSEWHERE_MIN)]
    scribe = Scribe()
    say(db, [scribe.write(make_photo(f"E-{one[:8]}", "F02", one)) for one in names])
    for n in range(backups.ELSEWHERE_MIN):
        take_photo(db, photos, names[n], picture(n), device=DeviceId("D-1"), now_ms=NOW_MS)
    if backed_up:
        backups.back_up(db, photos, files, clock=clock)
    other = PhotoFiles(tmp_path / "other")
    made = backups.back_up(db, other, files, clock=clock)
    assert made.elsewhere
    assert made.manifest.photos_missing == (() if backed_up else tuple(sorted(names)))
    assert not any(other.has(one) for one in names)
    reply = say(db, photos=tuple(names))
    assert reply.receipt is not None
    assert sorted(reply.receipt.photos) == sorted(names)


@pytest.mark.parametrize("where", ["its place", "the folder"])
def test_a_photo_that_was_lost_is_here_again_with_the_first_backup_that_finds_it(
    url: str, db: Database, files: BackupFiles, photos: PhotoFiles, clock: Ticks, where: str, tmp_path: Path
) -> None:
    """A disk that was not mounted is mounted again; or another folder of backups has what this server lost.

    Its tablet may have cleared it long ago: then nobody else brings it, and older backups are removed some day.
    """
    name = digest(picture(1))
    say(db, [Scribe().write(make_photo("E-1", "F02", name))])
    take_photo(db, photos, name, picture(1), device=DeviceId("D-1"), now_ms=NOW_MS)
    backups.back_up(db, photos, files, clock=clock)
    lies = photos.path(name)
    aside = lies.rename(tmp_path / "aside")
    made = backups.back_up(db, photos, BackupFiles(tmp_path / "second"), clock=clock)
    assert made.manifest.photos_missing == (name,)
    assert say(db, photos=(name,)).photos_wanted == (name,)
    if where == "its place":
        aside.rename(lies)
    with Database.open(url, create=False, readonly=True) as beside:
        made = backups.back_up(beside, photos, files, clock=clock, keep=1)
    assert ([one.sha256 for one in made.manifest.photos], made.manifest.photos_missing) == ([name], ())
    assert photos.get(name) == picture(1)
    reply = say(db, photos=(name,))
    assert reply.receipt is not None
    assert (reply.receipt.photos_backed_up, reply.photos_wanted) == ((name,), ())


@pytest.mark.parametrize("damage", ["gone", "cut", "flipped"])
def test_what_the_folder_has_and_the_server_has_lost_is_put_back(
    db: Database, files: BackupFiles, photos: PhotoFiles, clock: Ticks, damage: str
) -> None:
    """Whoever looks at the visit sees it again, and no tablet has to have it still."""
    for n in (1, 2):
        take_photo(db, photos, digest(picture(n)), picture(n), device=DeviceId("D-1"), now_ms=NOW_MS)
    backups.back_up(db, photos, files, clock=clock)
    lies = photos.path(digest(picture(1)))
    if damage == "gone":
        lies.unlink()
    else:
        content = bytearray(picture(1)[: -1 if damage == "cut" else None])
        content[-1] ^= 1
        lies.write_bytes(content)
    made = backups.back_up(db, photos, files, clock=clock)
    assert (made.manifest.photos_missing, len(made.manifest.photos)) == ((), 2)
    assert photos.get(digest(picture(1))) == picture(1)


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_damaged_photo_of_which_there_is_no_other_stays(
    db: Database, files: BackupFiles, photos: PhotoFiles, clock: Ticks
) -> None:
    """A flipped bit is a speck in a picture: it stays set aside until there is a whole one."""
    name = digest(picture(1))
    say(db, [Scribe().write(make_photo("E-1", "F02", name))])
    take_photo(db, photos, name, picture(1), device=DeviceId("D-1"), now_ms=NOW_MS)
    backups.back_up(db, photos, files, clock=clock)
    flipped = picture(1)[:-1] + b"!"
    files.path(name).write_bytes(flipped)
    photos.path(name).unlink()
    aside = files.path(name).with_name(f"{name}.damaged")
    with pytest.raises(Problem, match="not whole"):
        backups.back_up(db, photos, files, clock=clock)
    for _ in range(2):
        made = backups.back_up(db, photos, files, clock=clock, keep=1)
        assert made.manifest.photos_missing == (name,)
        assert aside.read_bytes() == flipped
    take_photo(db, photos, name, picture(1), device=DeviceId("D-1"), now_ms=NOW_MS)
    assert backups.back_up(db, photos, files, clock=clock).manifest.photos_missing == ()
    assert not aside.exists()


def test_a_store_that_does_not_answer_is_asked_once_and_stops_no_backup(
    db: Database, files: BackupFiles, photos: PhotoFiles, clock: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        take_photo(db, photos, digest(picture(n)), picture(n), device=DeviceId("D-1"), now_ms=NOW_MS)
    backups.back_up(db, photos, files, clock=clock)
    asked: list[str] = []

    def down(_: PhotoFiles, sha256: str) -> bool:
        asked.append(sha256)
        raise Problem("busy")

    monkeypatch.setattr(PhotoFiles, "has", down)
    made = backups.back_up(db, photos, files, clock=clock)
    assert (len(made.manifest.photos), len(asked)) == (3, 1)


@pytest.mark.parametrize("noted", [True, False])
def test_nothing_is_put_back_into_the_room_that_operations_need(
    db: Database, files: BackupFiles, photos: PhotoFiles, clock: Ticks, tmp_path: Path, noted: bool
) -> None:
    """The disk of the photos is not mounted, and all of them would go to the one on which the database lies."""
    name = digest(picture(1))
    say(db, [Scribe().write(make_photo("E-1", "F02", name))])
    take_photo(db, photos, name, picture(1), device=DeviceId("D-1"), now_ms=NOW_MS)
    backups.back_up(db, photos, files, clock=clock)
    lies = photos.path(name)
    aside = lies.rename(tmp_path / "aside")
    if not noted:
        db.write(lambda conn: photos_asked.forget(conn, [name]))
    full = Room(tmp_path, free=lambda _: 4.9)
    backups.back_up(db, photos, files, clock=clock, room=full)
    assert not lies.exists()
    aside.rename(lies)
    backups.back_up(db, photos, files, clock=clock, room=full)
    assert say(db, photos=(name,)).photos_wanted == ()


def test_a_store_that_does_not_answer_is_asked_for_one_lost_photo_only(
    db: Database, files: BackupFiles, photos: PhotoFiles, clock: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer may take it half a minute, and of a campaign thousands are still on tablets."""
    scribe = Scribe()
    names = [digest(picture(n)) for n in range(3)]
    say(db, [scribe.write(make_photo(f"E-{one[:8]}", "F02", one)) for one in names])
    asked: list[str] = []

    def down(_: PhotoFiles, sha256: str) -> bytes:
        asked.append(sha256)
        raise Problem("busy")

    monkeypatch.setattr(PhotoFiles, "get", down)
    backups.back_up(db, photos, files, clock=clock)
    assert len(asked) == 1


def test_a_lost_photo_that_comes_while_a_backup_is_made_is_here(
    db: Database, files: BackupFiles, photos: PhotoFiles, clock: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was told as lost before; what this backup has looked at is older than what its tablet has brought."""
    name = digest(picture(1))
    say(db, [Scribe().write(make_photo("E-1", "F02", name))])
    take_photo(db, photos, name, picture(1), device=DeviceId("D-1"), now_ms=NOW_MS)
    photos.path(name).unlink()
    backups.back_up(db, photos, files, clock=clock)
    keep_keys = BackupFiles.write_keys

    def meanwhile(self: BackupFiles, content: bytes) -> None:
        take_photo(db, photos, name, picture(1), device=DeviceId("D-1"), now_ms=NOW_MS)
        keep_keys(self, content)

    monkeypatch.setattr(BackupFiles, "write_keys", meanwhile)
    backups.back_up(db, photos, files, clock=clock)
    assert say(db, photos=(name,)).photos_wanted == ()


def test_of_many_lost_photos_all_are_asked_for_in_turn(db: Database) -> None:
    """Its tablet may have cleared the first ones, and has the last ones still."""
    scribe = Scribe()
    names = sorted(digest(picture(n)) for n in range(5))
    say(db, [scribe.write(make_photo(f"E-{one[:8]}", "F02", one)) for one in names])
    asked = [db.write(lambda conn: photos_asked.wanted(conn, DeviceId("D-1"), 2)) for _ in range(4)]
    assert asked == [tuple(names[:2]), tuple(names[2:4]), tuple(names[4:]), tuple(names[:2])]


def test_of_many_lost_photos_all_are_asked_for_however_much_comes_meanwhile(db: Database) -> None:
    """Each photo and each piece of evidence, of whichever tablet, has them looked for anew."""
    scribe, other = Scribe(), Scribe(device="D-2", epoch="E-2")
    names = sorted(digest(picture(n)) for n in range(5))
    say(db, [scribe.write(make_photo(f"E-{one[:8]}", "F02", one)) for one in names])
    asked: set[str] = set()
    for n in range(5, 8):
        asked |= set(db.write(lambda conn: photos_asked.wanted(conn, DeviceId("D-1"), 2)))
        say(db, [other.write(make_photo(f"E-{n}", "F02", digest(picture(n))))], device="D-2")
    assert asked == set(names)
