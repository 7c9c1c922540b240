"""Sessions: opaque, kept on the server, short-lived; and the tokens that tie a form to one of them."""

import hashlib
import hmac
from collections.abc import Callable
from typing import NamedTuple

from server.storage import accounts as rows
from server.storage.database import Connection

IDLE_MS = 30 * 60 * 1000
ABSOLUTE_MS = 12 * 60 * 60 * 1000
TOUCH_MS = 60 * 1000  # written at most once a minute, so that reading pages is not writing
TOKEN_BYTES = 32

Entropy = Callable[[int], bytes]


class Who(NamedTuple):
    """The person at the browser, as of this request."""

    login: str
    name: str
    role: str
    csrf: str


class Found(NamedTuple):
    """A live session; `stale` when its last use should be written down."""

    who: Who
    stale: bool


def token_hash(token: str) -> str:
    """What of a token is stored: worthless to whoever reads the database."""
    return hashlib.sha256(token.encode()).hexdigest()


def begin(conn: Connection, login: str, now_ms: int, entropy: Entropy, *, former: str = "") -> str:
    """Starts a session and returns its token; the former token of this browser is good no longer."""
    if former:
        rows.drop_session(conn, token_hash(former))
    rows.drop_expired(conn, created_before_ms=now_ms - ABSOLUTE_MS, seen_before_ms=now_ms - IDLE_MS)
    token = entropy(TOKEN_BYTES).hex()
    rows.add_session(conn, token_hash(token), login, entropy(TOKEN_BYTES).hex(), now_ms)
    return token


def find(conn: Connection, token: str, now_ms: int) -> Found | None:
    """Who holds the token, unless it is unknown, over, idle for too long, or the account is locked."""
    row = rows.session_of(conn, token_hash(token))
    if row is None or row.disabled:
        return None
    if now_ms - row.created_at_ms >= ABSOLUTE_MS or now_ms - row.seen_at_ms >= IDLE_MS:
        return None
    return Found(Who(row.login, row.name, row.role, row.csrf), now_ms - row.seen_at_ms >= TOUCH_MS)


def touch(conn: Connection, token: str, now_ms: int) -> None:
    """The session was used now."""
    rows.touch_session(conn, token_hash(token), now_ms)


def end(conn: Connection, token: str) -> None:
    """Signs out: the token is good no longer, wherever it may be copied."""
    rows.drop_session(conn, token_hash(token))


def visitor_csrf(visitor: str) -> str:
    """The form token of somebody not signed in yet, bound to the visitor cookie of that one browser."""
    return hashlib.sha256(b"hucha visitor form " + visitor.encode()).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two secrets are equal, in a time that tells nothing."""
    return hmac.compare_digest(one.encode(), other.encode())
