"""The version of a database: made new, brought up step by step, or left alone when it is newer.

Each step and the version it leads to are one transaction, so a process killed anywhere leaves the
old version or the new one, and the next start goes on from there. Before the first step of an
embedded database a whole copy is kept beside it.
"""

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

from sqlalchemy import Connection, insert, inspect, select, text, update
from sqlalchemy.schema import CreateColumn

from server.storage import group
from server.storage.disk import disk_problems, flush
from server.storage.op_log import run
from server.storage.tables import SCHEMA_VERSION, meta, metadata
from shared_schema.problems import Problem

_META = "meta"

Step = Callable[[Connection], None]


def _widen(conn: Connection) -> None:
    """Makes what tables, columns and indexes are missing; new columns of old tables have a default or may be null."""
    metadata.create_all(conn)
    for table in metadata.sorted_tables:
        known = {column["name"] for column in inspect(conn).get_columns(table.name)}
        for column in table.columns:
            if column.name not in known:
                drawn = CreateColumn(column).compile(dialect=conn.dialect)
                conn.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {drawn}"))
        for index in sorted(table.indexes, key=lambda one: str(one.name)):
            index.create(conn, checkfirst=True)


STEPS: Mapping[int, Step] = {1: _widen}
"""By the version a step starts from: what leads to the next one. A released step is never edited."""


def version_of(conn: Connection) -> int | None:
    """The version of the database; None where nothing has been made yet."""
    if not inspect(conn).has_table(meta.name):
        return None
    found = conn.execute(select(meta.c.value).where(meta.c.key == "schema_version")).scalar_one_or_none()
    return None if found is None else int(found)


def refuse_newer(conn: Connection) -> int | None:
    """The version of the database. Raises schema_too_new, having changed nothing."""
    version = version_of(conn)
    if version is not None and version > SCHEMA_VERSION:
        raise Problem("schema_too_new", theirs=version, ours=SCHEMA_VERSION)
    return version


def refuse_older(version: int | None) -> None:
    """For whoever only reads, and will bring nothing up. Raises schema_too_old."""
    if version is not None and version < SCHEMA_VERSION:
        raise Problem("schema_too_old", theirs=version, ours=SCHEMA_VERSION)


def migrate(conn: Connection, *, made: Mapping[str, str], keep_copy: Callable[[int], None]) -> None:
    """Brings the database to our version; `keep_copy(version)` is called before the first step. Raises schema_too_new.

    `made` are the identity and the keys of a new database; of an older one, what it has not got yet is added.
    `conn` begins and ends its own transactions here.
    """
    with conn.begin():
        version = refuse_newer(conn)
        if version is None:
            metadata.create_all(conn)
            _give(conn, {"schema_version": str(SCHEMA_VERSION), **made})
            return
    if version < SCHEMA_VERSION:
        keep_copy(version)
    for start in range(version, SCHEMA_VERSION):
        with conn.begin():
            STEPS[start](conn)
            _give(conn, made)
            conn.execute(update(meta).where(meta.c.key == "schema_version").values(value=str(start + 1)))


def _give(conn: Connection, values: Mapping[str, str]) -> None:
    """Adds what the database has not got yet."""
    known = set(conn.execute(select(meta.c.key)).scalars())
    missing = [{"key": key, "value": value} for key, value in values.items() if key not in known]
    if missing:
        conn.execute(insert(meta), missing)


def clear_meta(conn: Connection) -> None:
    """Takes away identity, keys and all else of a database that is about to be filled from a backup."""
    group.memory(conn, _META).clear()
    conn.execute(meta.delete())


def put_meta(conn: Connection, values: Mapping[str, str]) -> None:
    """Puts these in place of what a backup had there."""
    group.memory(conn, _META).clear()
    conn.execute(meta.delete().where(meta.c.key.in_(list(values))))
    conn.execute(insert(meta), [{"key": key, "value": value} for key, value in values.items()])


def copy_path(database: Path, version: int) -> Path:
    """Where the copy of an embedded database lies that was kept before leaving that version."""
    return database.with_name(f"{database.name}.before-version-{version + 1}")


def keep_sqlite_copy(database: Path, version: int) -> None:
    """Writes a whole, consistent copy beside the database, or none at all. Raises disk_full, disk_failing."""
    target = copy_path(database, version)
    partial = target.with_name(target.name + ".partial")
    with disk_problems():
        try:
            partial.write_bytes(b"")  # SQLite would not say why it cannot make the file
            conn = sqlite3.connect(database)
            try:
                conn.execute("VACUUM INTO ?", (str(partial),))
            finally:
                conn.close()
            flush(partial)
            partial.replace(target)
            flush(target.parent)
        finally:
            partial.unlink(missing_ok=True)


def server_id(conn: Connection) -> str:
    """The identity made with this database, or given to it when it was restored from a backup."""
    return _meta(conn, "server_id")


def seal_key(conn: Connection) -> bytes:
    """The key made with this database, by which it knows its own console's operations again."""
    return bytes.fromhex(_meta(conn, "seal_key"))


def signing_key(conn: Connection) -> bytes:
    """The Ed25519 key (raw, 32 bytes) by which this server signs receipts."""
    return bytes.fromhex(_meta(conn, "signing_key"))


def sealing_key(conn: Connection) -> bytes:
    """The X25519 key (raw, 32 bytes) that opens packages sealed to this server."""
    return bytes.fromhex(_meta(conn, "sealing_key"))


def _meta(conn: Connection, key: str) -> str:
    """What was made with the database, and stays for as long as it is open."""
    known = group.memory(conn, _META)
    if key not in known:
        ((value,),) = run(conn, "SELECT value FROM meta WHERE key = ?", (key,))
        known[key] = str(value)
    return str(known[key])
