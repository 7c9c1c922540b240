"""Which photos the server holds, and which it still wants from whom."""

import secrets
from collections.abc import Iterable

from sqlalchemy import Connection, select, update

from server.storage import group
from server.storage.op_log import run
from server.storage.rows import WANTED
from server.storage.tables import photo
from shared_schema.ids import DeviceId

_ASIDE = "photos_noted_aside"
"""Drawn anew with every change that the writer's own connection does not make, so that it remembers nothing older."""
_ASKED = "photos asked for"
"""By tablet, the last it was asked for of more than fit: remembered whatever comes meanwhile."""


def has(conn: Connection, sha256: str) -> bool:
    """Whether the photo's bytes are here."""
    return conn.execute(select(photo.c.sha256).where(photo.c.sha256 == sha256)).first() is not None


def brought_by(conn: Connection, sha256: str, device: DeviceId) -> str | None:
    """The media type of a photo that this tablet was the first to hand in; None where it was not."""
    query = select(photo.c.media_type).where(photo.c.sha256 == sha256, photo.c.device == device)
    return conn.execute(query).scalar_one_or_none()


def held(conn: Connection, wanted: Iterable[str]) -> dict[str, bool]:
    """Of these photos, those whose bytes are here, and whether a backup holds them."""
    asked = list(wanted)
    if not asked:
        return {}
    query = select(photo.c.sha256, photo.c.backed_up).where(photo.c.sha256.in_(asked))
    return {sha256: bool(safe) for sha256, safe in conn.execute(query)}


def give_receipt(conn: Connection, named: Iterable[str], now_ms: int) -> None:
    """Notes that a signed receipt names these photos; of those it has named before, nothing is written."""
    here = list(named)
    if here:
        fresh = photo.c.sha256.in_(here) & photo.c.receipted_at_ms.is_(None)
        conn.execute(update(photo).where(fresh).values(receipted_at_ms=now_ms))


def add(
    conn: Connection, *, sha256: str, size_bytes: int, media_type: str, device: DeviceId, now_ms: int
) -> None:
    """Notes that the photo's bytes are safely on disk; the same again changes nothing."""
    group.memory(conn, WANTED).clear()
    sql = (
        "INSERT INTO photo (sha256, size_bytes, media_type, device, received_at_ms) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (sha256) DO NOTHING"
    )
    run(conn, sql, (sha256, size_bytes, media_type, device, now_ms))


def forget(conn: Connection, gone: Iterable[str]) -> None:
    """These photos' bytes are not here, whatever was noted: whichever tablet still has them is asked for them again."""
    for sha256 in gone:
        run(conn, "DELETE FROM photo WHERE sha256 = ?", (sha256,))
    changed_aside(conn)


def ask_again(conn: Connection, unreadable: Iterable[str]) -> None:
    """Forgets those of these photos that stand in the record. For the others no tablet would be asked: theirs is the
    only note that there is such a photo, until they stand there.
    """
    forget(
        conn,
        [
            sha256
            for sha256 in unreadable
            if run(conn, "SELECT 1 FROM evidence WHERE sha256 = ? LIMIT 1", (sha256,))
        ],
    )


def changed_aside(conn: Connection) -> None:
    """To be called with every change that may be made beside a running server."""
    run(
        conn,
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (_ASIDE, secrets.token_hex(8)),
    )


def unnoted(conn: Connection) -> list[tuple[str, DeviceId]]:
    """The photos that stand in the record and are not noted as here, by hash; each with a tablet that names it."""
    rows = run(
        conn,
        "SELECT sha256, min(device) FROM evidence WHERE NOT EXISTS ("
        "SELECT 1 FROM photo WHERE photo.sha256 = evidence.sha256) GROUP BY sha256 ORDER BY sha256",
    )
    return [(sha256, DeviceId(device)) for sha256, device in rows]


def wanted(conn: Connection, device: DeviceId, limit: int) -> tuple[str, ...]:
    """Photos that stand in the record by this tablet's operations, and whose bytes are not here yet.

    Looked for among all of the tablet's once, and again when any photo or piece of evidence has come or gone. Where
    there are more than `limit`, the next ones are asked for each time: a tablet may have none of the first any more.
    """
    known = group.memory(conn, WANTED)
    aside = run(conn, "SELECT value FROM meta WHERE key = ?", (_ASIDE,))
    if known.get(_ASIDE) != aside:
        known.clear()
        known[_ASIDE] = aside
    found: tuple[str, ...] | None = known.get((device, limit))
    if found is None:
        asked = group.memory(conn, _ASKED)
        after = asked.pop(device, "")
        found = _wanted(conn, device, limit, after)
        if after and not found:
            after, found = "", _wanted(conn, device, limit, "")
        if after or len(found) == limit:
            asked[device] = found[-1]
        else:
            known[device, limit] = found
    return found


def _wanted(conn: Connection, device: DeviceId, limit: int, after: str) -> tuple[str, ...]:
    rows = run(
        conn,
        "SELECT DISTINCT sha256 FROM evidence WHERE device = ? AND sha256 > ? AND NOT EXISTS ("
        "SELECT 1 FROM photo WHERE photo.sha256 = evidence.sha256) ORDER BY sha256 LIMIT ?",
        (device, after, limit),
    )
    return tuple(sha256 for (sha256,) in rows)


def all_of_them(conn: Connection) -> list[tuple[str, int]]:
    """The hash and size of every photo that is noted, by hash."""
    return [
        (sha256, size) for sha256, size in run(conn, "SELECT sha256, size_bytes FROM photo ORDER BY sha256")
    ]
