"""Backups under a running writer, restored: the same log, the same scores; nothing half-written counts."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from server.access.devices import enrol, make_enrolment
from server.intake import backups, projection
from server.intake.photos import take_photo
from server.intake.rebuild import rebuild
from server.storage import backup_notes, migrations, table_copy
from server.storage.backup_files import BackupFiles
from server.storage.database import Database
from server.storage.photo_files import PhotoFiles
from shared_schema.ids import DeviceId, digest
from shared_schema.operations import Note
from shared_schema.problems import Problem
from shared_schema.wire import EnrolRequest
from tests.contract.files import picture
from tests.contract.keeping import ITEM, Ticks, Writing, of_backup, restored, same_but, tables
from tests.contract.plan import PUBLIC_KEY, inspection_id
from tests.contract.postgres import Postgres
from tests.contract.talk import NOW_MS, ask, do, say
from tests.make import Scribe

BACKUPS = 10


def test_backups_under_a_writer_restore_to_the_same_log_and_scores(
    db: Database,
    files: BackupFiles,
    photos: PhotoFiles,
    another: Callable[[], str],
    tmp_path: Path,
    clock: Ticks,
) -> None:
    writing = Writing(db)
    writing.start()
    made = []
    try:
        for number in range(BACKUPS):
            content = picture(number)
            take_photo(db, photos, digest(content), content, device=DeviceId("D-1"), now_ms=NOW_MS)
            made.append(backups.back_up(db, photos, files, clock=clock))
    finally:
        writing.stop()
    assert len({one.manifest.log_root for one in made}) == BACKUPS, (
        "nobody wrote meanwhile: it proves nothing"
    )
    checked = backups.check(files)
    assert [len(one.manifest.photos) for one in checked] == list(range(1, BACKUPS + 1))
    for one in made:
        url = another()
        told = restored(files, url, tmp_path, one.name)
        with Database.open(url) as again:
            assert again.read(table_copy.log_root) == (one.manifest.operations, one.manifest.log_root)
            report = rebuild(again, check=True)
            assert not report.differences
            assert report.operations == one.manifest.operations
            assert same_but(tables(again), of_backup(files, one.name))
            assert again.read(migrations.server_id) == told.server != one.manifest.server
    assert all((tmp_path / "restored-photos").glob(f"*/{digest(picture(n))}") for n in range(BACKUPS))


def test_what_the_folder_has_is_not_copied_again(
    db: Database, files: BackupFiles, photos: PhotoFiles, clock: Ticks
) -> None:
    content = picture(1, 200_000)
    take_photo(db, photos, digest(content), content, device=DeviceId("D-1"), now_ms=NOW_MS)
    for n in range(1, 6):
        scribe = Scribe(device="D-1", epoch=f"E-{n}", inspection=inspection_id(1, n))
        say(db, [scribe.write(Note(ITEM, f"{n}"), person="P-1") for _ in range(20)])
    first = backups.back_up(db, photos, files, clock=clock)
    say(
        db,
        [
            Scribe(device="D-1", epoch="E-9", inspection=inspection_id(1, 9)).write(
                Note(ITEM, "新"), person="P-1"
            )
        ],
    )
    second = backups.back_up(db, photos, files, clock=clock)
    assert first.copied > 10
    assert first.copied_bytes > 200_000
    assert second.copied_bytes < 60_000
    fresh = [part.table for part in second.manifest.parts if part not in first.manifest.parts]
    assert fresh.count("operation") == 1, "of a log nobody wrote to, nothing is copied again"


def test_a_flipped_byte_is_refused_with_its_place(
    db: Database,
    files: BackupFiles,
    photos: PhotoFiles,
    another: Callable[[], str],
    tmp_path: Path,
    clock: Ticks,
) -> None:
    content = picture(1)
    take_photo(db, photos, digest(content), content, device=DeviceId("D-1"), now_ms=NOW_MS)
    made = backups.back_up(db, photos, files, clock=clock)
    every = sorted(path for path in files.root.rglob("*") if path.is_file())
    assert len(every) > 10
    for path in every:
        whole = path.read_bytes()
        path.chmod(0o600)
        path.write_bytes(whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:])
        with pytest.raises(Problem) as refused:
            restored(files, another(), tmp_path)
        assert refused.value.code == "backup_damaged", path
        assert path.name in refused.value.facts["where"]  # type: ignore[operator]
        path.write_bytes(whole)
        path.with_name(f"{path.name}.damaged").unlink(missing_ok=True)
    assert [one.name for one in backups.check(files)] == [made.name]


def test_damaged_contents_are_copied_again_by_the_next_backup(
    db: Database, files: BackupFiles, photos: PhotoFiles, clock: Ticks
) -> None:
    """However many there are; a folder of a thousand would else be without a backup for a thousand nights."""
    for n in range(3):
        take_photo(db, photos, digest(picture(n)), picture(n), device=DeviceId("D-1"), now_ms=NOW_MS)
    backups.back_up(db, photos, files, clock=clock)
    for n in (0, 1):
        content = picture(n)
        files.path(digest(content)).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    unreadable = files.path(digest(picture(2)))
    unreadable.unlink()
    unreadable.symlink_to("/proc/self/mem")  # its first byte is EIO
    with pytest.raises(Problem, match="not whole"):
        backups.back_up(db, photos, files, clock=clock)
    assert len(files.names()) == 1, "what is not whole does not count"
    backups.back_up(db, photos, files, clock=clock)
    assert len(backups.check(files)) == 2


def test_without_its_list_nothing_is_a_backup(
    db: Database, files: BackupFiles, photos: PhotoFiles, clock: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object) -> str:
        raise OSError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(BackupFiles, "keep", cut)
        with pytest.raises(OSError, match="power cut"):
            backups.back_up(db, photos, files, clock=clock)
    assert files.names() == []
    assert db.read(backup_notes.last) is None
    with pytest.raises(Problem, match="Not found"):
        backups.check(files)


def test_only_so_many_are_kept_and_they_stay_whole(
    db: Database, files: BackupFiles, photos: PhotoFiles, clock: Ticks
) -> None:
    scribe = Scribe(device="D-1", epoch="E-1", inspection=inspection_id(1, 1))
    sizes = []
    backups.back_up(db, photos, files, clock=clock)
    killed = files.root / f"{files.names()[0]}.partial"
    killed.write_bytes(b"{")
    for n in range(5):
        say(db, [scribe.write(Note(ITEM, f"{n}"), person="P-1")])
        backups.back_up(db, photos, files, clock=clock, keep=2)
        sizes.append(len(list(files.root.glob("contents/*/*"))))
    assert len(files.names()) == 2
    assert len(backups.check(files)) == 2
    assert sizes[-1] == sizes[-2], "what no list names is removed"
    assert not killed.exists(), "so is half a list"


@pytest.mark.parametrize("jump_ms", [-(10**12), 10**12])
def test_the_newest_backup_is_the_last_that_was_made_whatever_the_clock_says(
    db: Database, files: BackupFiles, photos: PhotoFiles, jump_ms: int
) -> None:
    """What it holds is cleared from tablets: it is neither taken for the oldest and removed nor left for another."""
    say(db, [Scribe().write(Note(ITEM, "one"))])
    for at_ms in (NOW_MS, NOW_MS, NOW_MS + jump_ms, NOW_MS + 1):
        made = backups.back_up(db, photos, files, clock=lambda at_ms=at_ms: at_ms, keep=2)  # type: ignore[misc]
        assert backups.newest(files) == made.name
    assert len(files.names()) == 2


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_bad_sector_under_the_newest_list_stops_no_backup(
    db: Database, files: BackupFiles, photos: PhotoFiles, clock: Ticks
) -> None:
    """Nothing is swept while it lies there: it may name anything."""
    name = backups.back_up(db, photos, files, clock=clock).name
    (files.root / name).unlink()
    (files.root / name).symlink_to("/proc/self/mem")  # its first byte is EIO
    made = backups.back_up(db, photos, files, clock=clock)
    assert backups.newest(files) == made.name > name
    assert [one.name for one in backups.check(files, made.name)] == [made.name]


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_bad_sector_under_the_keys_is_said_and_mended_by_the_next_backup(
    db: Database, files: BackupFiles, photos: PhotoFiles, clock: Ticks
) -> None:
    backups.back_up(db, photos, files, clock=clock)
    files.keys_path.unlink()
    files.keys_path.symlink_to("/proc/self/mem")  # its first byte is EIO
    with pytest.raises(Problem, match=files.keys_path.name):
        backups.check(files)
    backups.back_up(db, photos, files, clock=clock)
    assert len(backups.check(files)) == 2


@pytest.mark.parametrize("kind", ["sqlite"])
def test_what_a_backup_that_was_killed_left_of_the_keys_stops_no_other(
    db: Database, files: BackupFiles, photos: PhotoFiles, clock: Ticks
) -> None:
    """Nobody may write into it, whoever may write into the folder."""
    files.root.mkdir(parents=True, exist_ok=True)
    left = files.keys_path.with_name(f"{files.keys_path.name}.partial")
    left.symlink_to("/proc/self/no such folder/file")  # cannot be opened, by root either
    backups.back_up(db, photos, files, clock=clock)
    assert not left.is_symlink()
    assert len(backups.check(files)) == 1


@pytest.mark.parametrize("kind", ["sqlite"])
def test_what_could_not_be_read_once_and_can_again_is_whole(
    db: Database, files: BackupFiles, photos: PhotoFiles, clock: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder may lie on a share whose line was bad for a while, and the server may have lost it since."""
    content = picture(1)
    take_photo(db, photos, digest(content), content, device=DeviceId("D-1"), now_ms=NOW_MS)
    backups.back_up(db, photos, files, clock=clock)

    def unanswered(_: Path) -> bytes:
        raise OSError(errno.EIO, "no answer")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", unanswered)
        with pytest.raises(Problem, match="not whole"):
            files.get(digest(content))
    assert files.get(digest(content)) == content
    assert len(backups.check(files)) == 1


@pytest.mark.parametrize("lists", [True, False])
def test_a_folder_with_another_servers_backups_or_keys_is_left_alone(
    db: Database,
    files: BackupFiles,
    photos: PhotoFiles,
    another: Callable[[], str],
    tmp_path: Path,
    clock: Ticks,
    lists: bool,
) -> None:
    """A machine set up anew makes its nightly backup before anybody has restored: with its keys in the place of those
    that lie there, none of the backups of the server that burned could be restored any more.
    """
    say(db, [Scribe().write(Note(ITEM, "one"))])
    made = backups.back_up(db, photos, files, clock=clock)
    if not lists:
        (files.root / made.name).unlink()
    before = {path: path.read_bytes() for path in files.root.rglob("*") if path.is_file()}
    with Database.open(another()) as empty, pytest.raises(Problem, match="backup_foreign"):
        backups.back_up(empty, photos, files, clock=clock, keep=1)
    assert {path: path.read_bytes() for path in files.root.rglob("*") if path.is_file()} == before
    url = another()
    if lists:
        restored(files, url, tmp_path)
        with Database.open(url) as again:
            assert len(backups.back_up(again, photos, files, clock=clock, keep=2).pruned) == 0


def test_data_that_stands_is_not_restored_over(
    db: Database, url: str, files: BackupFiles, photos: PhotoFiles, tmp_path: Path, clock: Ticks
) -> None:
    backups.back_up(db, photos, files, clock=clock)
    before = tables(db)
    db.close()
    with pytest.raises(Problem) as refused:
        restored(files, url, tmp_path)
    assert refused.value.code == "not_empty"
    with Database.open(url) as still:
        assert tables(still) == before


def test_a_restore_that_was_killed_is_done_again(
    db: Database, files: BackupFiles, photos: PhotoFiles, another: Callable[[], str], tmp_path: Path, clock: Ticks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    backups.back_up(db, photos, files, clock=clock)
    url = another()
    with monkeypatch.context() as patch:
        patch.setattr(table_copy, "follow_up", lambda conn: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            restored(files, url, tmp_path)
    restored(files, url, tmp_path)
    with Database.open(url) as again:
        assert same_but(tables(again) | {"operation": [], "score_sheet": [], "score_item": [], "state": []},
                        tables(db) | {"operation": [], "score_sheet": [], "score_item": [], "state": []})  # fmt: skip


def test_rows_that_the_server_had_put_off_are_made_when_it_is_restored(
    db: Database, files: BackupFiles, clock: Ticks, tmp_path: Path
) -> None:
    """A backup is made beside a server that writes its rows after its replies."""
    say(db, [Scribe().write(Note(ITEM, "one"))])
    do(db, "UPDATE score_sheet SET number = 0")
    backups.back_up(db, PhotoFiles(tmp_path / "photos"), files, clock=clock)
    url = f"sqlite:///{tmp_path / 'restored.db'}"
    restored(files, url, tmp_path)
    with Database.open(url, create=False) as again:
        assert again.read(projection.behind) == []
        assert rebuild(again, check=True).differences == ()


def test_numbers_that_the_database_counts_go_on_after_a_restore(
    db: Database,
    files: BackupFiles,
    photos: PhotoFiles,
    another: Callable[[], str],
    tmp_path: Path,
    clock: Ticks,
) -> None:
    line = "INSERT INTO audit_event (at_ms, who, action, what, facts) VALUES (1, 'x', 'y', 'z', '{}')"
    for _ in range(3):
        do(db, line)
    backups.back_up(db, photos, files, clock=clock)
    url = another()
    restored(files, url, tmp_path)
    with Database.open(url) as again:
        do(again, line)
        assert [one for (one,) in ask(again, "SELECT id FROM audit_event ORDER BY id")] == [1, 2, 3, 4, 5]


def test_a_code_that_was_unused_at_the_backup_is_good_no_longer(
    db: Database,
    files: BackupFiles,
    photos: PhotoFiles,
    another: Callable[[], str],
    tmp_path: Path,
    clock: Ticks,
) -> None:
    """It may have been used since, and is valid once."""
    db.write(lambda conn: make_enrolment(conn, "S-1", "AB12-CD34", "D-9", 10**15))
    backups.back_up(db, photos, files, clock=clock)
    request = EnrolRequest(code="AB12-CD34", public_key=PUBLIC_KEY)
    assert db.write(lambda conn: enrol(conn, request, NOW_MS)).device == "D-9"
    url = another()
    restored(files, url, tmp_path)
    with Database.open(url) as again, pytest.raises(Problem, match="enrolment_code_invalid"):
        again.write(lambda conn: enrol(conn, request, NOW_MS))


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_backup_is_whole_however_the_database_it_comes_from_sorts_ids(
    db: Database,
    files: BackupFiles,
    photos: PhotoFiles,
    another: Callable[[], str],
    clock: Ticks,
    tmp_path: Path,
) -> None:
    """PostgreSQL sorts as its locale does, mostly small letters before large ones; the machine it moves to does not."""
    for name in ("a-1", "B-1"):
        do(db, "INSERT INTO inspection SELECT ?, campaign, unit, squad, planned_date, checklist, responsible_person,"
               " last_number, log_head, blind FROM inspection WHERE id = 'I-1'", name)  # fmt: skip
    ((made,),) = ask(db, "SELECT sql FROM sqlite_schema WHERE name = 'inspection'")
    do(db, "ALTER TABLE inspection RENAME TO was")
    do(db, made.replace("id VARCHAR(64) NOT NULL", "id VARCHAR(64) NOT NULL COLLATE NOCASE"))
    do(db, "INSERT INTO inspection SELECT * FROM was")
    do(db, "DROP TABLE was")
    assert ask(db, "SELECT id FROM inspection ORDER BY id LIMIT 2") == [("a-1",), ("B-1",)]
    backups.back_up(db, photos, files, clock=clock)
    restored(files, another(), tmp_path)


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_backup_moves_from_one_kind_of_database_to_the_other_and_back(
    db: Database, files: BackupFiles, photos: PhotoFiles, postgres: Postgres, tmp_path: Path, clock: Ticks
) -> None:
    scribe = Scribe(device="D-1", epoch="E-1", inspection=inspection_id(1, 1))
    say(db, [scribe.write(Note(ITEM, f"{n}"), person="P-1") for n in range(30)])
    first = backups.back_up(db, photos, files, clock=clock)
    url = postgres.url(postgres.make())
    restored(files, url, tmp_path)
    with Database.open(url) as there:
        assert not rebuild(there, check=True).differences
        assert same_but(tables(there), of_backup(files, first.name))
        second = backups.back_up(there, photos, files, clock=clock)
    back = f"sqlite:///{tmp_path / 'back.db'}"
    restored(files, back, tmp_path)
    with Database.open(back) as home:
        assert not rebuild(home, check=True).differences
        assert same_but(tables(home), of_backup(files, second.name))
        assert home.read(table_copy.log_root)[1] == first.manifest.log_root
