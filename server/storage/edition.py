"""The edition of the registers: a name that changes with everything entered there.

What is worked out of the registers alone (what a squad's tablets are told, say) may be kept under it. It
is drawn, not counted: a change that is taken back never shares its name with another.
"""

import secrets

from sqlalchemy import Connection

from server.storage.op_log import run

_KEY = "edition"


def edition(conn: Connection) -> str:
    """The name of the registers as they are."""
    rows = run(conn, "SELECT value FROM meta WHERE key = ?", (_KEY,))
    return str(rows[0][0]) if rows else ""


def renew(conn: Connection) -> None:
    """To be called with every change of the registers."""
    run(
        conn,
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (_KEY, secrets.token_hex(8)),
    )
