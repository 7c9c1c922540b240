"""Sessions are opaque, short, and end when they should."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.access import accounts, audit, passwords, sessions
from server.access.sessions import ABSOLUTE_MS, IDLE_MS, TOUCH_MS
from server.access.throttle import PAIR_MAX, Throttle
from server.storage import accounts as rows
from server.storage.database import Connection, Database
from shared_schema.problems import Problem

PASSWORD = "three grey herons"
NOW_MS = 1_762_000_000_000


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    """A database with one account."""
    with Database.open(f"sqlite:///{tmp_path / 'hucha.db'}") as database:
        database.write(
            lambda conn: accounts.make_account(
                conn, login="lin", name="林", role="coordinator", password=PASSWORD, salt=b"s" * 16
            )
        )
        yield database


def sign_in(
    db: Database,
    login: str = "lin",
    password: str = PASSWORD,
    *,
    former: str = "",
    throttle: Throttle | None = None,
) -> str:
    """A token."""
    return accounts.sign_in(
        db,
        throttle or Throttle(),
        login=login,
        password=password,
        address="10.0.0.1",
        former=former,
        now_ms=NOW_MS,
        entropy=secrets.token_bytes,
    )


def found(db: Database, token: str, now_ms: int = NOW_MS) -> sessions.Found | None:
    """Whose session it is."""
    return db.read(lambda conn: sessions.find(conn, token, now_ms))


def test_a_token_is_256_bits_and_only_its_hash_is_stored(db: Database, tmp_path: Path) -> None:
    """Whoever reads the database cannot sign in with what is there."""
    token = sign_in(db)
    assert len(bytes.fromhex(token)) == 32
    db.write(lambda conn: None)
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("hucha.db*"))
    assert token.encode() not in stored
    assert sessions.token_hash(token).encode() in stored


def test_signing_in_gives_a_new_token_and_ends_the_former(db: Database) -> None:
    """A token planted in a browser before signing in is worth nothing afterwards."""
    one = sign_in(db)
    two = sign_in(db, former=one)
    assert one != two
    assert found(db, one) is None
    who = found(db, two)
    assert who is not None
    assert (who.who.login, who.who.role) == ("lin", "coordinator")
    assert who.who.csrf not in {"", two}


def test_a_session_ends_when_idle_and_after_twelve_hours(db: Database) -> None:
    """Thirty idle minutes; twelve hours however busy; the boundary belongs to the end."""
    token = sign_in(db)
    assert found(db, token, NOW_MS + IDLE_MS - 1) is not None
    assert found(db, token, NOW_MS + IDLE_MS) is None
    for at_ms in range(NOW_MS, NOW_MS + ABSOLUTE_MS, IDLE_MS // 2):
        assert found(db, token, at_ms) is not None
        db.write(lambda conn, at_ms=at_ms: sessions.touch(conn, token, at_ms))  # type: ignore[misc]
    assert found(db, token, NOW_MS + ABSOLUTE_MS) is None


def test_use_is_written_at_most_once_a_minute(db: Database) -> None:
    """Reading pages is not writing."""
    token = sign_in(db)
    fresh, later = found(db, token, NOW_MS + TOUCH_MS - 1), found(db, token, NOW_MS + TOUCH_MS)
    assert fresh is not None
    assert later is not None
    assert (fresh.stale, later.stale) == (False, True)


def test_signing_out_and_locking_end_sessions_at_once(db: Database) -> None:
    """On the server, whatever a browser still holds; a changed role counts with the next request."""
    one, two = sign_in(db), sign_in(db)
    accounts.sign_out(db, token=one, login="lin", now_ms=NOW_MS)
    assert found(db, one) is None
    account = db.read(lambda conn: rows.account_of(conn, "lin"))
    assert account is not None
    db.write(
        lambda conn: rows.put_account(
            conn,
            rows.Account(
                login="lin", name="林", role="auditor", password_hash=account.password_hash, disabled=False
            ),
        )
    )
    changed = found(db, two)
    assert changed is not None
    assert changed.who.role == "auditor"
    locked = rows.Account(
        login="lin", name="林", role="auditor", password_hash=account.password_hash, disabled=True
    )
    db.write(lambda conn: rows.put_account(conn, locked))
    assert found(db, two) is None, "locked, though its session is still there"
    db.write(lambda conn: rows.set_disabled(conn, "lin", False))
    assert found(db, two) is not None
    db.write(lambda conn: rows.set_disabled(conn, "lin", True))
    assert found(db, two) is None
    with pytest.raises(Problem, match="sign_in_failed"):
        sign_in(db)


def test_wrong_password_unknown_user_and_locked_account_give_one_answer(db: Database) -> None:
    """Nobody learns which accounts there are."""
    answers = set()
    for login, password in (("lin", "something else"), ("nobody", PASSWORD), ("", ""), ("lin\x00", PASSWORD)):
        with pytest.raises(Problem) as raised:
            sign_in(db, login, password)
        answers.add((raised.value.code, raised.value.message("zh")))
    assert len(answers) == 1


def test_an_unknown_user_costs_a_whole_hash(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer takes as long as for a known one, because the same work is done."""
    checked: list[str | None] = []
    right = passwords.matches

    def counted(password: str, hash_: str | None) -> bool:
        checked.append(hash_)
        return right(password, hash_)

    monkeypatch.setattr(passwords, "matches", counted)
    with pytest.raises(Problem):
        sign_in(db, "nobody")
    assert checked == [None]


def test_too_many_tries_are_not_looked_at(db: Database) -> None:
    """Not even the right password is."""
    throttle = Throttle()
    for _ in range(PAIR_MAX):
        with pytest.raises(Problem, match="sign_in_failed"):
            sign_in(db, password="wrong wrong wrong", throttle=throttle)
    with pytest.raises(Problem, match="sign_in_throttled"):
        sign_in(db, throttle=throttle)


def test_an_old_hash_is_made_again_at_sign_in(db: Database) -> None:
    """When the settings grow stronger, accounts follow as people come by."""
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    db.write(lambda conn: rows.set_password_hash(conn, "lin", weak))
    sign_in(db)
    account = db.read(lambda conn: rows.account_of(conn, "lin"))
    assert account is not None
    assert account.password_hash != weak
    sign_in(db)


def test_what_strangers_type_cannot_forge_lines_of_the_trail(db: Database) -> None:
    """Line breaks, escape codes and marks that turn the reading direction are made visible."""
    login = "lin\r\n2026 evaluator signed in\x1b[2K\u202ekcol"
    with pytest.raises(Problem):
        sign_in(db, login)
    newest = db.read(lambda conn: rows.audit_events(conn, limit=1))[0]
    assert newest.action == "sign_in.failed"
    assert newest.who.isprintable()
    assert newest.who.startswith("lin��2026")
    db.write(lambda conn: audit.record(conn, NOW_MS, "x" * 500, "read", "y" * 500, note="z" * 500))
    line = db.read(lambda conn: rows.audit_events(conn, limit=1))[0]
    assert len(line.who) == 64
    assert len(line.what) == audit.WHAT_LENGTH_MAX


def test_form_tokens_differ_by_browser_and_compare_in_constant_time() -> None:
    """A visitor's token is bound to the visitor's cookie."""
    assert sessions.visitor_csrf("one") != sessions.visitor_csrf("two")
    assert sessions.same("abc", "abc")
    assert not sessions.same("abc", "abd")
    assert not sessions.same("abc", "")
    assert not sessions.same("ä", "a")


def test_a_new_password_ends_every_session_of_the_account(db: Database) -> None:
    """Whoever took a session keeps it no longer than the old password."""
    token = sign_in(db)

    def renew(conn: Connection) -> None:
        accounts.make_account(
            conn, login="lin", name="林", role="coordinator", password="four grey herons", salt=b"t" * 16
        )

    db.write(renew)
    assert db.read(lambda conn: sessions.find(conn, token, NOW_MS)) is None
