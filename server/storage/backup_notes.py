"""What is noted of the last backup, for people to see."""

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from server.storage.op_log import run

_KEY = "last_backup"


class Noted(Struct, frozen=True, kw_only=True):
    """The last backup that was verified."""

    name: str
    made_at_ms: int
    """Of the snapshot: what came later is not in it."""
    noted_at_ms: int
    operations: int
    photos: int
    photos_missing: int
    """Photos of the record that could not be read any more."""
    size_bytes: int
    log_root: str


def keep(conn: Connection, noted: Noted) -> None:
    """Notes it."""
    run(
        conn,
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (_KEY, msgspec.json.encode(noted).decode()),
    )


def last(conn: Connection) -> Noted | None:
    """The last one; None where there has been none."""
    rows = run(conn, "SELECT value FROM meta WHERE key = ?", (_KEY,))
    return msgspec.json.decode(rows[0][0], type=Noted) if rows else None
