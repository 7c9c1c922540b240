"""Versions of a database: a newer one is left alone, an older one brought up, whatever interrupts that."""

import os
import sqlite3
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from server.storage import migrations
from server.storage.database import Database
from server.storage.tables import SCHEMA_VERSION
from shared_schema.problems import Problem
from tests.contract.talk import ask, do

KILLED = 9


def add_column(conn: Connection) -> None:
    """From version 1: a column, filled in two statements."""
    conn.execute(text("ALTER TABLE unit ADD COLUMN remark TEXT"))
    conn.execute(text("UPDATE unit SET remark = 'first half' WHERE id <= 'U-I-3'"))
    conn.execute(text("UPDATE unit SET remark = 'second half' WHERE id > 'U-I-3'"))


def add_table(conn: Connection) -> None:
    """From version 2: a table with as many rows as there are units."""
    conn.execute(text("CREATE TABLE lesson (unit VARCHAR(64) PRIMARY KEY)"))
    conn.execute(text("INSERT INTO lesson SELECT id FROM unit"))


@pytest.fixture
def version_3(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program as it will be two versions from now."""
    monkeypatch.setattr(migrations, "SCHEMA_VERSION", 3)
    monkeypatch.setattr(migrations, "STEPS", {1: add_column, 2: add_table})


def version(db: Database) -> int | None:
    """The version of an open database."""
    return db.read(migrations.version_of)


def test_a_new_database_is_ours_and_has_an_identity(new_url: str) -> None:
    with Database.open(new_url) as db:
        assert version(db) == SCHEMA_VERSION
        name = db.read(migrations.server_id)
    with Database.open(new_url) as db:
        assert db.read(migrations.server_id) == name


def test_a_newer_database_is_refused_and_left_as_it_is(url: str, kind: str) -> None:
    with Database.open(url) as db:
        do(db, "UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    before = _everything(url, kind)
    with pytest.raises(Problem, match="version 99"):
        Database.open(url)
    assert _everything(url, kind) == before


def _everything(url: str, kind: str) -> Any:
    if kind == "sqlite":
        return Path(url.removeprefix("sqlite:///")).read_bytes()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(migrations, "SCHEMA_VERSION", 99)
        with Database.open(url, readonly=True) as looking:
            return ask(looking, "SELECT * FROM meta ORDER BY key"), ask(
                looking, "SELECT id FROM unit ORDER BY id"
            )


def test_an_older_database_is_brought_up_once(url: str, version_3: None) -> None:
    for _ in range(2):
        with Database.open(url) as db:
            assert version(db) == 3
            assert ask(db, "SELECT count(*) FROM lesson") == [(20,)]
            assert ask(db, "SELECT DISTINCT remark FROM unit ORDER BY 1") == [
                ("first half",),
                ("second half",),
            ]


def test_a_step_that_fails_leaves_the_version_before_it(
    url: str, version_3: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(conn: Connection) -> None:
        conn.execute(text("CREATE TABLE lesson (unit VARCHAR(64) PRIMARY KEY)"))
        raise OSError("the disk says no")

    monkeypatch.setattr(migrations, "STEPS", {1: add_column, 2: half})
    with pytest.raises(OSError, match="says no"):
        Database.open(url)
    monkeypatch.setattr(migrations, "STEPS", {1: None, 2: add_table})  # the first step is not run again
    with Database.open(url) as db:
        assert version(db) == 3


# --- killed ----------------------------------------------------------------------------------------


def in_a_process_that_dies(run: Callable[[], object], at_statement: int) -> bool:
    """Runs it in a process of its own that is killed before its n-th statement; whether it died of that."""
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # forking where there are threads: the child uses none
        child = os.fork()
    if child == 0:
        left = at_statement

        def count(*_: object) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os._exit(KILLED)

        event.listen(Engine, "before_cursor_execute", count)
        event.listen(Engine, "commit", count)
        try:
            run()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == KILLED


def test_killed_at_any_statement_it_is_the_old_version_or_the_new(tmp_path: Path, version_3: None) -> None:
    source = _version_1(tmp_path / "source.db")
    points = 0
    dies = True
    while dies:
        points += 1
        path = tmp_path / f"{points}.db"
        path.write_bytes(source)
        url = f"sqlite:///{path}"
        dies = in_a_process_that_dies(lambda url=url: Database.open(url), points)  # type: ignore[misc]
        left = _read(path)
        assert left in EXPECTED
        with Database.open(url) as db:
            assert version(db) == 3
        assert _read(path) == EXPECTED[2]
        copy = migrations.copy_path(path, 1)
        assert not copy.exists() or _read(copy) == EXPECTED[0]
    assert points >= 15, "fewer points than the migration has statements"


def test_killed_while_it_is_made_it_is_nothing_or_whole(tmp_path: Path) -> None:
    points = 0
    dies = True
    while dies:
        points += 1
        url = f"sqlite:///{tmp_path / f'{points}.db'}"
        dies = in_a_process_that_dies(lambda url=url: Database.open(url), points)  # type: ignore[misc]
        if points % 10 == 1 or not dies:  # each point makes 40 tables
            with Database.open(url) as db:
                assert version(db) == 1
    assert points >= 30


def test_a_whole_copy_is_kept_before_the_first_step(tmp_path: Path, version_3: None) -> None:
    path = tmp_path / "hucha.db"
    path.write_bytes(_version_1(tmp_path / "source.db"))
    Database.open(f"sqlite:///{path}").close()
    assert _read(migrations.copy_path(path, 1)) == EXPECTED[0]
    assert _read(path) == EXPECTED[2]


EXPECTED = [
    ("1", 0, 0),
    ("2", 4, 0),
    ("3", 4, 4),
]
"""By version: the version, how many units have a remark, how many lessons there are."""


def _version_1(path: Path) -> bytes:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(migrations, "SCHEMA_VERSION", 1)
        with Database.open(f"sqlite:///{path}") as db:
            for unit in ("U-I-1", "U-I-3", "U-I-5", "U-I-7"):
                do(db, "INSERT INTO unit VALUES (?, '', '', '', '', '', '', '', '{}')", unit)
    return path.read_bytes()


def _read(path: Path) -> tuple[str, int, int]:
    """What a database holds, asked without any of our code."""
    conn = sqlite3.connect(path)
    try:
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (found,) = conn.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
        tables = {name for (name,) in conn.execute("SELECT name FROM sqlite_master")}
        columns = {row[1] for row in conn.execute("PRAGMA table_info(unit)")}
        remarks = conn.execute("SELECT count(remark) FROM unit").fetchone()[0] if "remark" in columns else 0
        lessons = conn.execute("SELECT count(*) FROM lesson").fetchone()[0] if "lesson" in tables else 0
        return found, remarks, lessons
    finally:
        conn.close()
