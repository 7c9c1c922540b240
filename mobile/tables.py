"""The tables of the tablet's file, how it is opened, and what the disk can do to it."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mobile import engine
from mobile.engine import Database
from mobile.vault import Vault
from shared_schema.problems import Problem

SCHEMA_VERSION = 2

_SCHEMA = """
CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- Every operation held, as bytes. own: made in this file, so part of its chains.
-- status of own: unsent (the outbox), accepted, held, refused, id_reused, set_aside; of others': news, unreadable,
-- doubtful (the server was restored: is it still there?), relay (it is not, so it goes in again), disowned (refused);
-- of both: purged (server and backup have it; the bytes are gone from here, its place in the chain is not), lost (the
-- same, and a server restored from an older backup has not got it).
CREATE TABLE operation (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL, inspection TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL, hash TEXT NOT NULL,
    own INTEGER NOT NULL, status TEXT NOT NULL,
    problem TEXT NOT NULL DEFAULT '', facts TEXT NOT NULL DEFAULT '{}',
    confirmed INTEGER NOT NULL DEFAULT 0,  -- own: lies before the cursor, so that a restored server is found out
    raw BLOB NOT NULL,
    device TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX operation_id ON operation (id, own);
CREATE UNIQUE INDEX operation_chain ON operation (epoch, seq) WHERE own;
CREATE INDEX operation_inspection ON operation (inspection, position);
CREATE INDEX operation_outbox ON operation (position) WHERE status = 'unsent';
CREATE INDEX operation_unconfirmed ON operation (position) WHERE own AND NOT confirmed;
CREATE INDEX operation_relay ON operation (device, epoch, seq DESC) WHERE status = 'relay';
CREATE INDEX operation_doubtful ON operation (device) WHERE status = 'doubtful';
CREATE INDEX operation_refused ON operation (position) WHERE status IN ('refused', 'id_reused');
CREATE INDEX operation_purged ON operation (inspection) WHERE status = 'purged';

-- The unbroken runs of this file's numbers. receipt: the last number the server said it holds; backed_up: that a
-- backup of the server holds.
CREATE TABLE epoch (
    position INTEGER PRIMARY KEY, epoch TEXT NOT NULL UNIQUE,
    forked INTEGER NOT NULL DEFAULT 0, receipt INTEGER NOT NULL DEFAULT 0, backed_up INTEGER NOT NULL DEFAULT 0,
    arrived INTEGER NOT NULL DEFAULT 0  -- the last number of which a receipt came back through another tablet
);

-- Heads of other tablets' chains: with them what these wrote can be brought to a server that has not got it.
CREATE TABLE signed_head (
    device TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL, hash TEXT NOT NULL, signature TEXT NOT NULL,
    PRIMARY KEY (hash)
) WITHOUT ROWID;

-- Tablets met without a server: when, where, what each held then, and what it told of this tablet's operations.
CREATE TABLE meeting (
    device TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, address TEXT NOT NULL, holds TEXT NOT NULL, refused TEXT NOT NULL
) WITHOUT ROWID;

-- The server's receipts for other tablets, kept until these are met.
CREATE TABLE carried_receipt (
    device TEXT NOT NULL, epoch TEXT NOT NULL, at_ms INTEGER NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (device, epoch)
) WITHOUT ROWID;

-- Of these logs a backup of the server holds all up to this number, as the server's last receipt said.
CREATE TABLE backed_log (
    inspection TEXT PRIMARY KEY, number INTEGER NOT NULL, head TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE cursor (
    inspection TEXT PRIMARY KEY, number INTEGER NOT NULL, last_read TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE assignment (inspection TEXT PRIMARY KEY, gone INTEGER NOT NULL, content BLOB NOT NULL);
CREATE TABLE checklist (hash TEXT PRIMARY KEY, content BLOB NOT NULL);

-- status: waiting, received (the server has it), missing (this tablet lost the file before that), purged (server and
-- backup have it, and the file is gone from here), stray (taken after the copy that took this file's place; the
-- server may ask for it).
-- receipt: 0 none, 1 the server has signed that it holds it, 2 a backup of the server holds it too.
-- upload: what the server calls its upload, once begun; sent_bytes: how far that was, when it was last heard of.
CREATE TABLE photo (
    sha256 TEXT PRIMARY KEY, media_type TEXT NOT NULL, status TEXT NOT NULL, receipt INTEGER NOT NULL DEFAULT 0,
    upload TEXT NOT NULL DEFAULT '', sent_bytes INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE photo_use (
    sha256 TEXT NOT NULL, operation TEXT NOT NULL, PRIMARY KEY (sha256, operation)
) WITHOUT ROWID;
"""

_STEPS: Mapping[int, str] = {
    1: """
        ALTER TABLE operation ADD COLUMN device TEXT NOT NULL DEFAULT '';
        UPDATE operation SET device = coalesce(json_extract(CAST(raw AS TEXT), '$.device'), '')
            WHERE json_valid(CAST(raw AS TEXT));
        DROP INDEX operation_outbox;
        CREATE INDEX operation_outbox ON operation (position) WHERE status = 'unsent';
        CREATE INDEX operation_relay ON operation (device, epoch, seq DESC) WHERE status = 'relay';
        CREATE INDEX operation_doubtful ON operation (device) WHERE status = 'doubtful';
        ALTER TABLE epoch ADD COLUMN backed_up INTEGER NOT NULL DEFAULT 0;
        CREATE TABLE signed_head (
            device TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL, hash TEXT NOT NULL,
            signature TEXT NOT NULL, PRIMARY KEY (hash)
        ) WITHOUT ROWID;
        ALTER TABLE photo ADD COLUMN receipt INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE photo ADD COLUMN upload TEXT NOT NULL DEFAULT '';
        ALTER TABLE photo ADD COLUMN sent_bytes INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE epoch ADD COLUMN arrived INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX operation_purged ON operation (inspection) WHERE status = 'purged';
        CREATE TABLE backed_log (
            inspection TEXT PRIMARY KEY, number INTEGER NOT NULL, head TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE meeting (
            device TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, address TEXT NOT NULL, holds TEXT NOT NULL,
            refused TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE carried_receipt (
            device TEXT NOT NULL, epoch TEXT NOT NULL, at_ms INTEGER NOT NULL, content BLOB NOT NULL,
            PRIMARY KEY (device, epoch)
        ) WITHOUT ROWID;
    """,
}
"""By the version a step starts from: what leads to the next one, in one transaction. Makes what _SCHEMA makes."""


def open_file(path: Path, vault: Vault) -> Database:
    """The file at a path, made when missing. Raises store_damaged, schema_too_new, store_in_use."""
    with problems(path):
        connection = vault.connect(path)
    try:
        with problems(path):
            _prepare(connection, path)
            # Plugins of sqlite-utils that happen to be installed have no business in this file, and none is looked for.
            return Database(connection, recursive_triggers=False, execute_plugins=False)
    except BaseException:
        connection.close()
        raise


def _prepare(connection: engine.Connection, path: Path) -> None:
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
    for start in range(version, SCHEMA_VERSION):
        connection.executescript(f"BEGIN; {_STEPS[start]} PRAGMA user_version = {start + 1}; COMMIT;")


_CODES = {
    sqlite3.SQLITE_CORRUPT: "store_damaged",
    sqlite3.SQLITE_NOTADB: "store_damaged",
    sqlite3.SQLITE_IOERR: "disk_failing",
    sqlite3.SQLITE_CANTOPEN: "disk_failing",
    sqlite3.SQLITE_BUSY: "store_in_use",
    sqlite3.SQLITE_LOCKED: "store_in_use",
    sqlite3.SQLITE_FULL: "disk_full",
}


@contextmanager
def problems(path: Path) -> Iterator[None]:
    """Turns what the disk can do to us into Problems; any other database error is a bug and stays one.

    SQLCipher's exceptions are not those of the standard library, which opens plain stores of version 0.1.
    """
    try:
        yield
    except (sqlite3.DatabaseError, engine.DatabaseError) as err:
        code = _CODES.get(getattr(err, "sqlite_errorcode", 0) & 0xFF)
        if code is None:
            raise
        raise Problem(code, path=str(path)) from err
