"""The edition of the registers: a name that changes with everything entered there.

What is worked out of the registers alone (what a squad's tablets are told, say) may be kept under it. It
is drawn, not counted: a change that is taken back never shares its name with another.
"""

import secrets

from sqlalchemy import Connection

from server.storage import group
from server.storage.op_log import run

_KEY = "edition"
_JUDGED = "judged_for"


def edition(conn: Connection) -> str:
    """The name of the registers as they are."""
    known = group.memory(conn, _KEY)
    if _KEY not in known:
        rows = run(conn, "SELECT value FROM meta WHERE key = ?", (_KEY,))
        known[_KEY] = str(rows[0][0]) if rows else ""
    return str(known[_KEY])


def judged_for(conn: Connection) -> str:
    """For which program and registers what waits was last judged."""
    rows = run(conn, "SELECT value FROM meta WHERE key = ?", (_JUDGED,))
    return str(rows[0][0]) if rows else ""


def note_judged(conn: Connection, name: str) -> None:
    """What waits has been judged for this program and these registers."""
    _put(conn, _JUDGED, name)


def renew(conn: Connection) -> None:
    """To be called with every change of the registers."""
    group.memory(conn, _KEY).clear()
    _put(conn, _KEY, secrets.token_hex(8))


def _put(conn: Connection, key: str, value: str) -> None:
    run(
        conn,
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, value),
    )
