"""The version of a database: made new, brought up step by step, or left alone when it is newer.

Each step and the version it leads to are one transaction, so a process killed anywhere leaves the
old version or the new one, and the next start goes on from there. Before the first step of an
embedded database a whole copy is kept beside it.
"""

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

from sqlalchemy import Connection, insert, inspect, select, update

from server.storage.disk import flush
from server.storage.tables import SCHEMA_VERSION, meta, metadata
from shared_schema.problems import Problem

Step = Callable[[Connection], None]

STEPS: Mapping[int, Step] = {}
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


def migrate(conn: Connection, *, server_id: str, seal_key: bytes, keep_copy: Callable[[int], None]) -> None:
    """Brings the database to our version; `keep_copy(version)` is called before the first step. Raises schema_too_new.

    `conn` begins and ends its own transactions here.
    """
    with conn.begin():
        version = refuse_newer(conn)
        if version is None:
            metadata.create_all(conn)
            conn.execute(
                insert(meta),
                [
                    {"key": "schema_version", "value": str(SCHEMA_VERSION)},
                    {"key": "server_id", "value": server_id},
                    {"key": "seal_key", "value": seal_key.hex()},
                ],
            )
            return
    if version < SCHEMA_VERSION:
        keep_copy(version)
    for start in range(version, SCHEMA_VERSION):
        with conn.begin():
            STEPS[start](conn)
            conn.execute(update(meta).where(meta.c.key == "schema_version").values(value=str(start + 1)))


def copy_path(database: Path, version: int) -> Path:
    """Where the copy of an embedded database lies that was kept before leaving that version."""
    return database.with_name(f"{database.name}.before-version-{version + 1}")


def keep_sqlite_copy(database: Path, version: int) -> None:
    """Writes a whole, consistent copy beside the database, or none at all."""
    target = copy_path(database, version)
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    conn = sqlite3.connect(database)
    try:
        conn.execute("VACUUM INTO ?", (str(partial),))
    finally:
        conn.close()
    flush(partial)
    partial.replace(target)
    flush(target.parent)


def server_id(conn: Connection) -> str:
    """The identity made with this database, or given to it when it was restored from a backup."""
    found: str = conn.execute(select(meta.c.value).where(meta.c.key == "server_id")).scalar_one()
    return found


def seal_key(conn: Connection) -> bytes:
    """The key made with this database, by which it knows its own console's operations again."""
    found: str = conn.execute(select(meta.c.value).where(meta.c.key == "seal_key")).scalar_one()
    return bytes.fromhex(found)
