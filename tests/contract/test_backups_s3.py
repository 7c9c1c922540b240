"""Backups of a server whose photos lie in a real S3 store, restored into another one."""

import random
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.intake import backups
from server.intake.photos import take_photo
from server.intake.rebuild import rebuild
from server.intake.restore import restore
from server.storage.backup_files import BackupFiles
from server.storage.database import Database
from server.storage.photo_store import PhotoStore, open_photo_store
from shared_schema.ids import DeviceId, digest
from shared_schema.operations import Note
from shared_schema.problems import Problem
from tests.contract.files import picture
from tests.contract.keeping import ITEM, Ticks, of_backup, same_but, tables
from tests.contract.plan import plan
from tests.contract.s3 import ObjectServer
from tests.contract.talk import NOW_MS, say
from tests.make import Scribe

PHOTOS = 5


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Database]:
    """A server's database with the small campaign."""
    with Database.open(f"sqlite:///{tmp_path / 'hucha.db'}") as db:
        db.write(plan)
        yield db


def bucket(objects: ObjectServer, tmp_path: Path, name: str) -> PhotoStore:
    """A store of its own in the S3 server."""
    return open_photo_store(f"{objects.address}&prefix={tmp_path.name}-{name}", tmp_path)


def put(db: Database, store: PhotoStore, seeds: range) -> list[str]:
    """Photos that the server has given a receipt for, by their hashes."""
    contents = [picture(seed) for seed in seeds]
    for content in contents:
        take_photo(db, store, digest(content), content, device=DeviceId("D-1"), now_ms=NOW_MS)
    return [digest(content) for content in contents]


def test_photos_in_an_object_store_are_backed_up_and_restored_into_another(
    objects: ObjectServer, embedded: Database, tmp_path: Path, files: BackupFiles, clock: Ticks
) -> None:
    """Each is there under its hash, those that came after the backup are not, and the rows are the same to the byte."""
    store, scribe = bucket(objects, tmp_path, "first"), Scribe()
    say(embedded, [scribe.write(Note(ITEM, "备份前"))])
    held = put(embedded, store, range(PHOTOS))
    made = backups.back_up(embedded, store, files, clock=clock)
    assert {one.sha256 for one in made.manifest.photos} == set(held)
    say(embedded, [scribe.write(Note(ITEM, "备份后"))])
    (late,) = put(embedded, store, range(PHOTOS, PHOTOS + 1))

    another = bucket(objects, tmp_path, "second")
    url = f"sqlite:///{tmp_path / 'again.db'}"
    restore(files, lambda: Database.open(url), another, now_ms=NOW_MS + 10**6, entropy=secrets.token_bytes)
    for sha256 in held:
        assert another.has(sha256)
        assert digest(another.get(sha256)) == sha256
    assert not another.has(late)
    with Database.open(url) as again:
        assert same_but(tables(again), of_backup(files, made.name))
        assert rebuild(again, check=True).differences == ()
        put(again, another, range(PHOTOS, PHOTOS + 1))
        assert digest(another.get(late)) == late
        second = backups.back_up(again, another, files, clock=clock)
        assert {one.sha256 for one in second.manifest.photos} == {*held, late}


def test_an_object_that_was_changed_is_never_called_backed_up(
    objects: ObjectServer, embedded: Database, tmp_path: Path, files: BackupFiles, clock: Ticks
) -> None:
    """It is named as missing and stops none of the others; whole again, the next backup has it."""
    store = bucket(objects, tmp_path, "changed")
    held = put(embedded, store, range(PHOTOS))
    victim = random.Random(7).choice(held)
    raw, key = store._store, store._key(victim)  # type: ignore[attr-defined]
    good = store.get(victim)
    raw.put(key, good[:-1] + bytes([good[-1] ^ 1]))
    made = backups.back_up(embedded, store, files, clock=clock)
    assert made.manifest.photos_missing == (victim,)
    assert {one.sha256 for one in made.manifest.photos} == {*held} - {victim}
    assert backed_up(embedded, held) == {*held} - {victim}
    raw.put(key, good)
    assert len(backups.back_up(embedded, store, files, clock=clock).manifest.photos) == PHOTOS
    assert backed_up(embedded, held) == {*held}


def backed_up(db: Database, photos: list[str]) -> set[str]:
    """Of these photos, those that a receipt calls backed up."""
    receipt = say(db, photos=tuple(photos)).receipt
    assert receipt is not None
    return set(receipt.photos_backed_up)


def test_a_store_that_was_killed_makes_a_backup_wait(
    objects: ObjectServer, embedded: Database, tmp_path: Path, files: BackupFiles, clock: Ticks
) -> None:
    """Nothing half is left that counts; when the store is back, the same backup is made."""
    store = bucket(objects, tmp_path, "killed")
    put(embedded, store, range(PHOTOS))
    objects.kill()
    with pytest.raises(Problem, match="busy"):
        backups.back_up(embedded, store, files, clock=clock)
    assert files.names() == []
    objects.start()
    made = backups.back_up(embedded, store, files, clock=clock)
    assert len(backups.check(files)) == 1
    assert len(made.manifest.photos) == PHOTOS
