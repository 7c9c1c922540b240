"""Backups beside a server, told as they are made: one that is killed before its list, then two of which one is kept."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from unittest.mock import patch

import msgspec

from server.intake import backups
from server.storage.backup_files import BackupFiles
from tests.contract.keeping import Ticks
from tests.torture import server_story
from tests.torture.server_story import Server
from tests.torture.syscalls import Say

KEPT = 1


def prepare(folder: Path) -> None:
    """A server with something to lose."""
    server_story.prepare(folder)
    with server_story.started(folder) as server:
        first, *_ = server_story.batches()
        server_story.hands_in(server, [first], lambda _: None)
        server_story.sends_photo(server, 1, lambda _: None)


def tell(folder: Path, saved: Say, *, pragmas: tuple[str, ...] = ()) -> None:
    """Makes backups while the season goes on; says of each how many operations it holds."""
    _, second, *_ = server_story.batches()
    clock = Ticks()
    with server_story.started(folder) as server:
        server_story.tune(server.db, *pragmas)
        with (
            patch.object(BackupFiles, "write_keys", side_effect=InterruptedError),
            suppress(InterruptedError),
        ):
            _back_up(folder, server, clock)
        saved(_told(_back_up(folder, server, clock).manifest.operations))
        server_story.hands_in(server, [second], lambda _: None)
        server_story.sends_photo(server, 2, lambda _: None)
        saved(_told(_back_up(folder, server, clock).manifest.operations))


def _back_up(folder: Path, server: Server, clock: Ticks) -> backups.Made:
    return backups.back_up(server.db, server.files.store, _files(folder), clock=clock, keep=KEPT)


def _files(folder: Path) -> BackupFiles:
    return BackupFiles(folder / "backups", folder / "secret" / "keys.json")


def _told(operations: int) -> bytes:
    return f"backed up:{operations}".encode()


def stored(folder: Path) -> set[bytes]:
    """How far the newest backup reaches; asserts that every backup that is there is whole, and so is what is noted."""
    files = _files(folder)
    names = files.names()
    made = [backups.verify(files, files.read(name)) for name in names]
    with closing(sqlite3.connect(f"file:{folder / 'server.db'}?mode=ro", uri=True)) as conn:
        for (noted,) in conn.execute("SELECT value FROM meta WHERE key = 'last_backup'"):
            assert msgspec.json.decode(noted)["name"] in names, "a backup is noted that is not there"
    reached = max((one.manifest.operations for one in made), default=-1)
    return {_told(number) for number in range(reached + 1)}


def has_its_keys(folder: Path) -> None:
    """Without the server's keys nothing can be restored."""
    if (files := _files(folder)).names():
        backups.read_secrets(files)
