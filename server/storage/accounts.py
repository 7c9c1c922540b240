"""Accounts, their sessions and the audit trail: all SQL about who came in and what they looked at."""

from typing import Any

import msgspec
from sqlalchemy import Connection, Select, delete, func, insert, or_, select, update

from server.storage.tables import account, audit_event, session


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One console account; `role` is one of roles.CONSOLE_ROLES."""

    login: str
    name: str
    role: str
    password_hash: str
    disabled: bool = False


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A session with the account it belongs to, as of now: a changed role or a lock counts at once."""

    login: str
    name: str
    role: str
    disabled: bool
    csrf: str
    created_at_ms: int
    seen_at_ms: int


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the audit trail. `facts` is JSON and never holds the content that was read."""

    id: int
    at_ms: int
    who: str
    action: str
    what: str
    facts: str


# --- accounts --------------------------------------------------------------------------------------


def put_account(conn: Connection, row: Account) -> None:
    """Makes the account, or replaces it under the same login."""
    conn.execute(delete(account).where(account.c.login == row.login))
    conn.execute(insert(account).values(**msgspec.structs.asdict(row)))


def drop_sessions(conn: Connection, login: str) -> None:
    """Ends every session of the account."""
    conn.execute(delete(session).where(session.c.login == login))


def account_of(conn: Connection, login: str) -> Account | None:
    """The account of that login."""
    row = conn.execute(select(account).where(account.c.login == login)).mappings().one_or_none()
    return None if row is None else Account(**row)


def accounts(conn: Connection) -> list[tuple[Account, int | None]]:
    """Every account by login, with when one of its sessions was last used."""
    seen = (
        select(session.c.login, func.max(session.c.seen_at_ms).label("seen"))
        .group_by(session.c.login)
        .subquery()
    )
    rows = conn.execute(
        select(account, seen.c.seen)
        .outerjoin(seen, seen.c.login == account.c.login)
        .order_by(account.c.login)
    ).mappings()
    return [(Account(**{k: v for k, v in row.items() if k != "seen"}), row["seen"]) for row in rows]


def set_password_hash(conn: Connection, login: str, password_hash: str) -> None:
    """Stores another hash for the account."""
    conn.execute(update(account).where(account.c.login == login).values(password_hash=password_hash))


def set_disabled(conn: Connection, login: str, disabled: bool) -> None:
    """Locks or unlocks the account; a lock ends its sessions."""
    conn.execute(update(account).where(account.c.login == login).values(disabled=disabled))
    if disabled:
        conn.execute(delete(session).where(session.c.login == login))


# --- sessions --------------------------------------------------------------------------------------


def add_session(conn: Connection, token_hash: str, login: str, csrf: str, now_ms: int) -> None:
    """Begins a session; only the hash of its token is ever stored."""
    conn.execute(
        insert(session).values(
            token_hash=token_hash, login=login, csrf=csrf, created_at_ms=now_ms, seen_at_ms=now_ms
        )
    )


def session_of(conn: Connection, token_hash: str) -> SessionRow | None:
    """The session whose token has that hash."""
    row = (
        conn.execute(
            select(
                account.c.login,
                account.c.name,
                account.c.role,
                account.c.disabled,
                session.c.csrf,
                session.c.created_at_ms,
                session.c.seen_at_ms,
            )
            .join(account, account.c.login == session.c.login)
            .where(session.c.token_hash == token_hash)
        )
        .mappings()
        .one_or_none()
    )
    return None if row is None else SessionRow(**row)


def touch_session(conn: Connection, token_hash: str, now_ms: int) -> None:
    """The session was used."""
    conn.execute(update(session).where(session.c.token_hash == token_hash).values(seen_at_ms=now_ms))


def drop_session(conn: Connection, token_hash: str) -> None:
    """Ends the session."""
    conn.execute(delete(session).where(session.c.token_hash == token_hash))


def drop_expired(conn: Connection, *, created_before_ms: int, seen_before_ms: int) -> None:
    """Forgets sessions that are over by their age or by standing idle."""
    conn.execute(
        delete(session).where(
            or_(session.c.created_at_ms < created_before_ms, session.c.seen_at_ms < seen_before_ms)
        )
    )


# --- audit trail -----------------------------------------------------------------------------------


def add_audit_event(conn: Connection, at_ms: int, who: str, action: str, what: str, facts: str) -> None:
    """Adds a line; lines are never changed or taken away."""
    conn.execute(insert(audit_event).values(at_ms=at_ms, who=who, action=action, what=what, facts=facts))


def audit_events(
    conn: Connection, *, who: str = "", action: str = "", before_id: int | None = None, limit: int = 100
) -> list[AuditEvent]:
    """The newest lines first, of one person or one kind of action where named."""
    query: Select[Any] = select(audit_event).order_by(audit_event.c.id.desc()).limit(limit)
    if who:
        query = query.where(audit_event.c.who == who)
    if action:
        query = query.where(audit_event.c.action.startswith(action, autoescape=True))
    if before_id is not None:
        query = query.where(audit_event.c.id < before_id)
    return [AuditEvent(**row) for row in conn.execute(query).mappings()]


def audit_people(conn: Connection) -> list[str]:
    """Everyone who has left a line."""
    return list(conn.execute(select(audit_event.c.who).distinct().order_by(audit_event.c.who)).scalars())
