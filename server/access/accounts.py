"""Accounts of the console: making one, and finding out whether a person may come in."""

from server.access import audit, passwords, sessions
from server.access.throttle import Throttle
from server.storage import accounts as rows
from server.storage.database import Connection, Database
from shared_schema.problems import Problem
from shared_schema.roles import CONSOLE_ROLES

LOGIN_LENGTH_MAX = 64
SALT_BYTES = 16


def make_account(conn: Connection, *, login: str, name: str, role: str, password: str, salt: bytes) -> None:
    """Makes an account, or replaces it and ends its sessions.

    Raises form_invalid for a weak password or a role without a console.
    """
    if role not in CONSOLE_ROLES:
        raise Problem("form_invalid", field="role", cure=", ".join(sorted(CONSOLE_ROLES)))
    passwords.check_new(password)
    password_hash = passwords.make_hash(password, salt=salt)
    rows.put_account(conn, rows.Account(login=login, name=name, role=role, password_hash=password_hash))
    rows.drop_sessions(conn, login)


def sign_in(
    db: Database,
    throttle: Throttle,
    *,
    login: str,
    password: str,
    address: str,
    former: str,
    now_ms: int,
    entropy: sessions.Entropy,
) -> str:
    """The token of a new session. Raises sign_in_throttled, sign_in_failed.

    The password is looked at between two transactions: hashing is slow on purpose, and the one writer
    must not wait for it. Unknown, locked and wrong all give the same answer after the same work.
    """
    login = login.strip()[:LOGIN_LENGTH_MAX]
    throttle.check(login, address, now_ms)
    known = db.read(lambda conn: rows.account_of(conn, login))
    right = passwords.matches(password, None if known is None else known.password_hash)
    if known is None or known.disabled or not right:
        throttle.failed(login, address, now_ms)
        db.write(lambda conn: audit.record(conn, now_ms, login, "sign_in.failed", address=address))
        raise Problem("sign_in_failed")
    throttle.passed(login, address, now_ms)
    stronger = (
        passwords.make_hash(password, salt=entropy(SALT_BYTES))
        if passwords.outdated(known.password_hash)
        else None
    )

    def begin(conn: Connection) -> str:
        if stronger is not None:
            rows.set_password_hash(conn, login, stronger)
        audit.record(conn, now_ms, login, "sign_in.done", address=address)
        return sessions.begin(conn, login, now_ms, entropy, former=former)

    return db.write(begin)


def sign_out(db: Database, *, token: str, login: str, now_ms: int) -> None:
    """Ends the session of that token."""

    def end(conn: Connection) -> None:
        sessions.end(conn, token)
        audit.record(conn, now_ms, login, "sign_out")

    db.write(end)
