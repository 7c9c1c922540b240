"""The audit trail: who signed in, was turned away, acted, or read scores, photos and exports."""

import unicodedata

import msgspec

from server.storage.accounts import add_audit_event
from server.storage.database import Connection

WHAT_LENGTH_MAX = 200


def record(conn: Connection, at_ms: int, who: str, action: str, what: str = "", **facts: str) -> None:
    """Adds one line. Everything a stranger may have typed is made harmless for whoever reads logs."""
    add_audit_event(
        conn,
        at_ms,
        plain(who, 64),
        action,
        plain(what, WHAT_LENGTH_MAX),
        msgspec.json.encode({key: plain(value, WHAT_LENGTH_MAX) for key, value in facts.items()}).decode(),
    )


def plain(text: str, length_max: int) -> str:
    """The text without line breaks, escape codes or marks that turn the reading direction round."""
    shown = "".join("�" if unicodedata.category(one)[0] == "C" else one for one in text[: length_max + 1])
    return shown if len(shown) <= length_max else shown[: length_max - 1] + "…"
