"""What a backup holds of the chains, logs and photos: noted once it has been verified, told with receipts.

A tablet may forget only what is noted here. A number alone would not do: chains and logs are named by the
hash at that number, so that a fork, or a log that went another way, is never taken for what was copied.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from server.storage import op_log
from server.storage.op_log import one_of, run, run_many
from shared_schema.wire import BackedLog

PHOTOS_AT_ONCE = 500


class Mark(NamedTuple):
    """How far chains and logs reach in one snapshot."""

    chains: Sequence[tuple[str, str, int, str]]
    """Device, epoch, last number without a gap, hash there."""
    logs: Sequence[tuple[str, int]]
    """Inspection, last number."""


def mark(conn: Connection) -> Mark:
    """Where chains and logs stand."""
    return Mark(
        [
            tuple(row)
            for row in run(conn, "SELECT device, epoch, seq, hash FROM chain ORDER BY device, epoch")
        ],
        [
            tuple(row)
            for row in run(conn, "SELECT id, last_number FROM inspection WHERE last_number > 0 ORDER BY id")
        ],
    )


def note(conn: Connection, reached: Mark, photos: Sequence[str]) -> None:
    """Notes that a verified backup holds all that. Rows are touched in order, so that nobody waits in a circle."""
    run_many(
        conn,
        "UPDATE chain SET backed_up = ?, backed_hash = ? WHERE device = ? AND epoch = ? AND backed_hash <> ?",
        [(seq, hash_, device, epoch, hash_) for device, epoch, seq, hash_ in reached.chains],
    )
    run_many(
        conn,
        "INSERT INTO backed_log (inspection, number) VALUES (?, ?)"
        " ON CONFLICT (inspection) DO UPDATE SET number = excluded.number",
        reached.logs,
    )
    for start in range(0, len(photos), PHOTOS_AT_ONCE):
        where, value = one_of(conn, "sha256", photos[start : start + PHOTOS_AT_ONCE])
        run(conn, f"UPDATE photo SET backed_up = ? WHERE {where}", (True, value))  # noqa: S608


def forget(conn: Connection) -> None:
    """No backup is known of any more."""
    run(conn, "UPDATE chain SET backed_up = 0, backed_hash = ''")
    run(conn, "DELETE FROM backed_log")
    run(conn, "UPDATE photo SET backed_up = ?", (False,))


def logs(
    conn: Connection, asked: Iterable[str], cursors: Mapping[str, int], last_read: Mapping[str, str]
) -> tuple[BackedLog, ...]:
    """Of these inspections, those of which a backup holds all that a tablet has read: its cursor, and the same log."""
    where, value = one_of(conn, "inspection", sorted(set(asked)))
    rows = run(conn, f"SELECT inspection, number FROM backed_log WHERE {where} ORDER BY inspection", (value,))  # noqa: S608
    found = []
    for inspection, number in rows:
        cursor, read = cursors.get(inspection, 0), last_read.get(inspection, "")
        if 0 < cursor <= number and read and op_log.head_at(conn, inspection, cursor) == read:
            found.append(BackedLog(inspection, cursor, read))
    return tuple(found)
