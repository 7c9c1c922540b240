"""The tables of the tablet's file, how it is opened, and what the disk can do to it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database

from mobile.vault import Vault
from shared_schema.problems import Problem

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- Every operation held, as bytes. own: made in this file, so part of its chains.
-- status of own: unsent (the outbox), accepted, held, refused, id_reused, set_aside; of others': news, unreadable,
-- doubtful (the server was restored: is it still there?), relay (it is not, so it goes in again), disowned (refused).
CREATE TABLE operation (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL, inspection TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL, hash TEXT NOT NULL,
    own INTEGER NOT NULL, status TEXT NOT NULL,
    problem TEXT NOT NULL DEFAULT '', facts TEXT NOT NULL DEFAULT '{}',
    confirmed INTEGER NOT NULL DEFAULT 0,  -- own: lies before the cursor, so that a restored server is found out
    raw BLOB NOT NULL
);
CREATE UNIQUE INDEX operation_id ON operation (id, own);
CREATE UNIQUE INDEX operation_chain ON operation (epoch, seq) WHERE own;
CREATE INDEX operation_inspection ON operation (inspection, position);
CREATE INDEX operation_outbox ON operation (position) WHERE status IN ('unsent', 'relay');
CREATE INDEX operation_unconfirmed ON operation (position) WHERE own AND NOT confirmed;
CREATE INDEX operation_refused ON operation (position) WHERE status IN ('refused', 'id_reused');

-- The unbroken runs of this file's numbers. receipt: the last number the server said it holds.
CREATE TABLE epoch (
    position INTEGER PRIMARY KEY, epoch TEXT NOT NULL UNIQUE,
    forked INTEGER NOT NULL DEFAULT 0, receipt INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE cursor (
    inspection TEXT PRIMARY KEY, number INTEGER NOT NULL, last_read TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE assignment (inspection TEXT PRIMARY KEY, gone INTEGER NOT NULL, content BLOB NOT NULL);
CREATE TABLE checklist (hash TEXT PRIMARY KEY, content BLOB NOT NULL);

-- status: waiting, received (the server has it), missing (this tablet lost the file before that).
CREATE TABLE photo (sha256 TEXT PRIMARY KEY, media_type TEXT NOT NULL, status TEXT NOT NULL);
CREATE TABLE photo_use (
    sha256 TEXT NOT NULL, operation TEXT NOT NULL, PRIMARY KEY (sha256, operation)
) WITHOUT ROWID;
"""


def open_file(path: Path, vault: Vault) -> Database:
    """The file at a path, made when missing. Raises store_damaged, schema_too_new, store_in_use."""
    with problems(path):
        connection = vault.connect(path)
    try:
        with problems(path):
            _prepare(connection, path)
            return Database(connection, recursive_triggers=False)
    except BaseException:
        connection.close()
        raise


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Makes the tables of a new file, and refuses one that is damaged or of a newer program, as it is."""
    [(version,)] = connection.execute("PRAGMA user_version").fetchall()
    if version > SCHEMA_VERSION:
        raise Problem("schema_too_new", theirs=version, ours=SCHEMA_VERSION)
    if version == 0:
        [(tables,)] = connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        if tables:
            raise Problem("store_damaged", path=str(path))
        connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        return
    [(verdict,), *_] = connection.execute("PRAGMA quick_check(1)").fetchall()
    if verdict != "ok":
        raise Problem("store_damaged", path=str(path))


_CODES = {
    sqlite3.SQLITE_CORRUPT: "store_damaged",
    sqlite3.SQLITE_NOTADB: "store_damaged",
    sqlite3.SQLITE_IOERR: "store_damaged",
    sqlite3.SQLITE_BUSY: "store_in_use",
    sqlite3.SQLITE_LOCKED: "store_in_use",
    sqlite3.SQLITE_FULL: "disk_full",
}


@contextmanager
def problems(path: Path) -> Iterator[None]:
    """Turns what the disk can do to us into Problems; any other database error is a bug and stays one."""
    try:
        yield
    except sqlite3.DatabaseError as err:
        code = _CODES.get(getattr(err, "sqlite_errorcode", 0) & 0xFF)
        if code is None:
            raise
        raise Problem(code, path=str(path)) from err
