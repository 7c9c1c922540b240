"""What receipts tell of backups: what tablets may forget."""

from collections.abc import Callable
from pathlib import Path

import pytest

from server.intake import backups
from server.intake.photos import take_photo
from server.storage import backup_notes, watermark
from server.storage.backup_files import BackupFiles
from server.storage.database import Database
from server.storage.photo_files import PhotoFiles
from shared_schema.ids import DeviceId, digest
from shared_schema.operations import Note
from shared_schema.wire import BackedLog, Head
from tests.contract.files import picture
from tests.contract.keeping import ITEM, Ticks, restored
from tests.contract.plan import inspection_id
from tests.contract.talk import NOW_MS, ask, cursors_of, say
from tests.make import Scribe


def test_receipts_tell_what_the_backup_holds_and_nothing_more(
    db: Database, files: BackupFiles, photos: PhotoFiles, clock: Ticks
) -> None:
    inspection = inspection_id(1, 1)
    scribe = Scribe(device="D-1", epoch="E-1", inspection=inspection)
    ops = [scribe.write(Note(ITEM, f"{n}"), person="P-1") for n in range(3)]
    take_photo(db, photos, digest(picture(1)), picture(1), device=DeviceId("D-1"), now_ms=NOW_MS)
    first = say(db, ops)
    read = cursors_of(first)
    heads = (Head("E-1", 3, ops[-1].hash),)
    asked = {"heads": heads, "photos": (digest(picture(1)),), "logs": (inspection,), **read}
    before = say(db, **asked).receipt
    assert before is not None
    assert (before.heads[0].backed_up, before.photos_backed_up, before.logs) == (0, (), ())
    backups.back_up(db, photos, files, clock=clock)
    later = scribe.write(Note(ITEM, "之后"), person="P-1")
    say(db, [later])
    after = say(db, **asked).receipt
    assert after is not None
    assert (after.heads[0].seq, after.heads[0].backed_up, after.heads[0].backed_hash) == (4, 3, ops[-1].hash)
    assert after.photos_backed_up == (digest(picture(1)),)
    assert after.logs == (BackedLog(inspection, 3, read["last_read"][inspection]),)
    ((head,),) = ask(db, "SELECT log_head FROM operation WHERE number = 4")
    newer = {"cursors": {inspection: 4}, "last_read": {inspection: head}}
    beyond = say(db, **{**asked, **newer}).receipt
    assert beyond is not None
    assert beyond.logs == (), "what came after the backup is not covered"
    other = say(db, **{**asked, "last_read": {inspection: "0" * 64}}).receipt
    assert other is not None
    assert other.logs == (), "a log that went another way is not covered"


def test_each_run_of_numbers_is_backed_up_as_far_as_it_was_held(
    db: Database, files: BackupFiles, photos: PhotoFiles, clock: Ticks
) -> None:
    """A tablet that was restored has several, and of none is said what is true of another."""
    ends = {}
    for epoch, count in (("E-1", 3), ("E-2", 1), ("E-3", 2)):
        scribe = Scribe(device="D-1", epoch=epoch, inspection=inspection_id(1, 1))
        ops = [scribe.write(Note(ITEM, f"{n}"), person="P-1", id=f"{epoch}.{n}") for n in range(count)]
        say(db, ops)
        ends[epoch] = (count, ops[-1].hash)
    backups.back_up(db, photos, files, clock=clock)
    receipt = say(db, heads=tuple(Head(epoch, *end) for epoch, end in ends.items())).receipt
    assert receipt is not None
    assert {one.epoch: (one.backed_up, one.backed_hash) for one in receipt.heads} == ends


def test_of_many_photos_all_are_noted_as_backed_up(
    db: Database, files: BackupFiles, photos: PhotoFiles, clock: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many are written at once."""
    monkeypatch.setattr(watermark, "PHOTOS_AT_ONCE", 2)
    shades = [picture(shade) for shade in range(1, 6)]
    for one in shades:
        take_photo(db, photos, digest(one), one, device=DeviceId("D-1"), now_ms=NOW_MS)
    backups.back_up(db, photos, files, clock=clock)
    assert ask(db, "SELECT count(*) FROM photo WHERE backed_up") == [(len(shades),)]


def test_a_branch_that_overtook_is_not_what_the_backup_holds(
    db: Database, files: BackupFiles, photos: PhotoFiles, clock: Ticks
) -> None:
    """A cloned tablet's branch becomes the one the server answers for; the backup holds the other one."""
    scribe = Scribe(device="D-1", epoch="E-1", inspection=inspection_id(1, 1))
    shared = scribe.write(Note(ITEM, "共同"), person="P-1")
    twin = Scribe(device="D-1", epoch="E-1", inspection=inspection_id(1, 1))
    assert twin.write(Note(ITEM, "共同"), person="P-1").hash == shared.hash
    mine = [scribe.write(Note(ITEM, f"甲{n}"), person="P-1") for n in range(2)]
    theirs = [twin.write(Note(ITEM, f"乙{n}"), person="P-2") for n in range(4)]
    say(db, [shared, *mine])
    backups.back_up(db, photos, files, clock=clock)
    say(db, theirs)
    receipt = say(db, heads=(Head("E-1", 5, theirs[-1].hash),)).receipt
    assert receipt is not None
    (held,) = receipt.heads
    assert (held.seq, held.hash) == (5, theirs[-1].hash)
    assert held.backed_hash == mine[-1].hash, "by which the other tablet sees that this is not its own"


def test_a_restored_server_tells_of_the_backup_it_came_from(
    db: Database,
    files: BackupFiles,
    photos: PhotoFiles,
    another: Callable[[], str],
    tmp_path: Path,
    clock: Ticks,
) -> None:
    scribe = Scribe(device="D-1", epoch="E-1", inspection=inspection_id(1, 1))
    say(db, [scribe.write(Note(ITEM, f"{n}"), person="P-1") for n in range(2)])
    backups.back_up(db, photos, files, clock=clock)
    say(db, [scribe.write(Note(ITEM, "二"), person="P-1")])
    take_photo(db, photos, digest(picture(1)), picture(1), device=DeviceId("D-1"), now_ms=NOW_MS)
    second = backups.back_up(db, photos, files, clock=clock)
    say(db, [scribe.write(Note(ITEM, "三"), person="P-1")])
    url = another()
    restored(files, url, tmp_path)
    with Database.open(url) as again:
        receipt = say(again, heads=(Head("E-1", 4, "f" * 64),), photos=(digest(picture(1)),)).receipt
        assert receipt is not None
        assert (receipt.heads[0].seq, receipt.heads[0].backed_up) == (3, 3)
        assert receipt.photos_backed_up == (digest(picture(1)),)
        assert ask(again, "SELECT number FROM backed_log") == [(3,)]
        noted = again.read(backup_notes.last)
        assert noted is not None
        assert noted.name == second.name
