"""Backups made and restored for tests: a clock that moves, tablets that go on writing, tables to compare."""

import secrets
import threading
import time
from collections import defaultdict
from pathlib import Path

import pytest

from server.intake.restore import Restored, restore
from server.storage import table_copy
from server.storage.backup_files import BackupFiles
from server.storage.database import Database
from server.storage.photo_files import PhotoFiles
from shared_schema.ids import digest
from shared_schema.operations import Note
from tests.contract.plan import CHECKLIST, inspection_id
from tests.contract.postgres import Postgres
from tests.contract.talk import NOW_MS, say
from tests.make import Scribe

ITEM = CHECKLIST.items[0].id
CHANGED_BY_RESTORING = {"meta", "chain", "backed_log", "photo", "audit_event"}


class Ticks:
    """A clock that never stands still."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        self.now_ms += 1
        return self.now_ms


def empty_database(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """The address of a database of that kind with nothing in it."""
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
