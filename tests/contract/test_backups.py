"""Backups under a running writer, restored: the same log, the same scores, and what tablets may forget by them."""

import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.intake import backups
from server.intake.photos import take_photo
from server.intake.rebuild import rebuild
from server.intake.restore import Restored, restore
from server.storage import backup_notes, migrations, table_copy
from server.storage.backup_files import BackupFiles
from server.storage.database import Database
from server.storage.photo_files import PhotoFiles
from shared_schema.ids import DeviceId, digest
from shared_schema.operations import Note
from shared_schema.problems import Problem
from shared_schema.wire import BackedLog, Head
from tests.contract.files import picture
from tests.contract.plan import CHECKLIST, inspection_id
from tests.contract.postgres import Postgres
from tests.contract.talk import NOW_MS, ask, cursors_of, do, say
from tests.make import Scribe

ITEM = CHECKLIST.items[0].id
BACKUPS = 10
CHANGED_BY_RESTORING = {"meta", "chain", "backed_log", "photo", "audit_event"}


class Ticks:
    """A clock that never stands still."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        self.now_ms += 1
        return self.now_ms


@pytest.fixture
def clock() -> Ticks:
    return Ticks()


@pytest.fixture
def photos(tmp_path: Path) -> PhotoFiles:
    """The server's photos."""
    return PhotoFiles(tmp_path / "photos")


@pytest.fixture
def files(tmp_path: Path) -> BackupFiles:
    """A folder for backups."""
    return BackupFiles(tmp_path / "backups")


@pytest.fixture
def another(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Addresses of empty databases of the same kind."""
    return lambda: _empty(kind, request, tmp_path)


def _empty(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    if kind == "sqlite":
        return f"sqlite:///{folder / secrets.token_hex(4)}.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.url(server.make())


def restored(files: BackupFiles, url: str, folder: Path, name: str = "") -> Restored:
    """A backup, restored into an empty database and a folder of photos."""
    return restore(
        files,
        lambda: Database.open(url),
        PhotoFiles(folder / "restored-photos"),
        name=name,
        now_ms=NOW_MS + 10**6,
        entropy=secrets.token_bytes,
    )


def tables(db: Database) -> dict[str, list[str]]:
    """By table, the digests of its parts."""
    found: dict[str, list[str]] = defaultdict(list)
    for piece in db.read(lambda conn: list(table_copy.pieces(conn))):
        found[piece.table].append(digest(piece.content))
    return found


def of_backup(files: BackupFiles, name: str) -> dict[str, list[str]]:
    """The same of a backup."""
    found: dict[str, list[str]] = defaultdict(list)
    for part in files.read(name).manifest.parts:
        found[part.table].append(part.sha256)
    return found


def same_but(left: dict[str, list[str]], right: dict[str, list[str]]) -> bool:
    """Whether all tables are the same to the byte, but those that restoring changes."""
    wanted = (set(left) | set(right)) - CHANGED_BY_RESTORING
    assert {"operation", "score_sheet", "score_item", "state"} <= wanted
    return all(left.get(table) == right.get(table) for table in wanted)


class Writing(threading.Thread):
    """Tablets that go on writing until they are told to stop."""

    def __init__(self, db: Database) -> None:
        super().__init__()
        self._db = db
        self._enough = threading.Event()
        self.sent = 0
        self.scribes = [
            Scribe(device=f"D-{n}", epoch=f"E-{n}", inspection=inspection_id(1, n)) for n in (1, 2)
        ]

    def run(self) -> None:
        while not self._enough.is_set():
            for scribe in self.scribes:
                one = scribe.write(Note(ITEM, f"第{self.sent}条"), person="P-1")
                say(self._db, [one], device=one.device)
                self.sent += 1
                time.sleep(0.01)

    def stop(self) -> None:
        self._enough.set()
        self.join()


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


def test_a_damaged_content_is_copied_again_by_the_next_backup(
    db: Database, files: BackupFiles, photos: PhotoFiles, clock: Ticks
) -> None:
    content = picture(1)
    take_photo(db, photos, digest(content), content, device=DeviceId("D-1"), now_ms=NOW_MS)
    backups.back_up(db, photos, files, clock=clock)
    lies = files.path(digest(content))
    lies.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
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
    with pytest.raises(Problem, match="not found|Not found"):
        backups.check(files)


def test_only_so_many_are_kept_and_they_stay_whole(
    db: Database, files: BackupFiles, photos: PhotoFiles, clock: Ticks
) -> None:
    scribe = Scribe(device="D-1", epoch="E-1", inspection=inspection_id(1, 1))
    sizes = []
    for n in range(5):
        say(db, [scribe.write(Note(ITEM, f"{n}"), person="P-1")])
        made = backups.back_up(db, photos, files, clock=clock, keep=2)
        sizes.append(len(list(files.root.glob("contents/*/*"))))
    assert files.names()[-1] == made.name
    assert len(files.names()) == 2
    assert len(backups.check(files)) == 2
    assert sizes[-1] == sizes[-2], "what no list names is removed"


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


# --- the watermark ---------------------------------------------------------------------------------


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
    newer = {"cursors": {inspection: 4}, "last_read": {inspection: ask(db, "SELECT log_head FROM operation WHERE number = 4")[0][0]}}  # fmt: skip
    beyond = say(db, **{**asked, **newer}).receipt
    assert beyond is not None
    assert beyond.logs == (), "what came after the backup is not covered"
    other = say(db, **{**asked, "last_read": {inspection: "0" * 64}}).receipt
    assert other is not None
    assert other.logs == (), "a log that went another way is not covered"


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


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.xdist_group("postgres")
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
