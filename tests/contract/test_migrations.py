"""Versions of a database: a newer one is left alone, an older one brought up, whatever interrupts that."""

import os
import sqlite3
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, inspect, text

from server.storage import engines, migrations
from server.storage.database import Database
from server.storage.tables import SCHEMA_VERSION
from shared_schema.problems import Problem
from tests.contract.postgres import Postgres
from tests.contract.talk import ask, do

KILLED = 9


def add_column(conn: Connection) -> None:
    """From version 2: a column, filled in two statements."""
    conn.execute(text("ALTER TABLE unit ADD COLUMN remark TEXT"))
    conn.execute(text("UPDATE unit SET remark = 'first half' WHERE id <= 'U-I-3'"))
    conn.execute(text("UPDATE unit SET remark = 'second half' WHERE id > 'U-I-3'"))


def add_table(conn: Connection) -> None:
    """From version 3: a table with as many rows as there are units."""
    conn.execute(text("CREATE TABLE lesson (unit VARCHAR(64) PRIMARY KEY)"))
    conn.execute(text("INSERT INTO lesson SELECT id FROM unit"))


@pytest.fixture
def version_4(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program as it will be two versions from now."""
    monkeypatch.setattr(migrations, "SCHEMA_VERSION", 4)
    monkeypatch.setattr(migrations, "STEPS", {2: add_column, 3: add_table})


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


def test_who_only_reads_an_older_database_is_told_to_bring_it_up(url: str, version_4: None) -> None:
    """A backup of it would say that it is of this program's version."""
    with pytest.raises(Problem, match=r"(?s)version 2.*hucha migrate"):
        Database.open(url, readonly=True)


def _everything(url: str, kind: str) -> Any:
    if kind == "sqlite":
        return Path(url.removeprefix("sqlite:///")).read_bytes()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(migrations, "SCHEMA_VERSION", 99)
        with Database.open(url, readonly=True) as looking:
            return ask(looking, "SELECT * FROM meta ORDER BY key"), ask(
                looking, "SELECT id FROM unit ORDER BY id"
            )


def test_an_older_database_is_brought_up_once(url: str, version_4: None) -> None:
    for _ in range(2):
        with Database.open(url) as db:
            assert version(db) == 4
            assert ask(db, "SELECT count(*) FROM lesson") == [(20,)]
            assert ask(db, "SELECT DISTINCT remark FROM unit ORDER BY 1") == [
                ("first half",),
                ("second half",),
            ]


def test_a_step_that_fails_leaves_the_version_before_it(
    url: str, version_4: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(conn: Connection) -> None:
        conn.execute(text("CREATE TABLE lesson (unit VARCHAR(64) PRIMARY KEY)"))
        raise OSError("the disk says no")

    monkeypatch.setattr(migrations, "STEPS", {2: add_column, 3: half})
    with pytest.raises(OSError, match="says no"):
        Database.open(url)
    monkeypatch.setattr(migrations, "STEPS", {2: None, 3: add_table})  # the first step is not run again
    with Database.open(url) as db:
        assert version(db) == 4


def test_version_1_gets_the_tables_columns_and_keys_of_a_new_one(
    new_url: str, kind: str, tmp_path: Path
) -> None:
    """What lay in it stays; afterwards nothing tells it from a database made new."""
    _as_version_1(new_url, kind)
    with Database.open(new_url) as db:
        assert version(db) == SCHEMA_VERSION
        assert db.read(migrations.server_id) == "S-OLD"
        assert len(db.read(migrations.signing_key)) == len(db.read(migrations.sealing_key)) == 32
        shape = db.read(_shape)
        assert ask(db, "SELECT id, holder, clock_ahead_ms FROM device") == [("D-1", "", None)]
    with Database.open(f"sqlite:///{tmp_path / 'new.db'}") as new:
        assert new.read(_shape) == shape


def _as_version_1(url: str, kind: str) -> None:
    dialect = "sqlite" if kind == "sqlite" else "postgresql"
    made = Path(__file__).parent.parent / "golden" / "schema" / f"v1.{dialect}.sql"
    engine = engines.writer(engines.parse(url))
    with engine.begin() as conn:
        for statement in made.read_text().split(";")[:-1]:
            conn.execute(text(statement))
        conn.execute(text("INSERT INTO meta VALUES ('schema_version', '1'), ('server_id', 'S-OLD')"))
        conn.execute(text(f"INSERT INTO meta VALUES ('seal_key', '{'5e' * 32}')"))
        conn.execute(
            text(
                "INSERT INTO device (id, squad, name, platform, app, public_key, enrolled_at_ms)"
                f" VALUES ('D-1', 'S-1', '', '', '', '{'0a' * 32}', 1)"
            )
        )
    engine.dispose()


def _shape(conn: Connection) -> dict[str, list[str]]:
    found = inspect(conn)
    return {
        table: sorted(column["name"] for column in found.get_columns(table))
        + sorted(str(one["name"]) for one in found.get_indexes(table) if not one["unique"])
        for table in found.get_table_names()
    }


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


def test_killed_at_any_statement_it_is_the_old_version_or_the_new(tmp_path: Path, version_4: None) -> None:
    source = _version_2(tmp_path / "source.db")
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
            assert version(db) == 4
        assert _read(path) == EXPECTED[2]
        copy = migrations.copy_path(path, 2)
        assert not copy.exists() or _read(copy) == EXPECTED[0]
    assert points >= 15, "fewer points than the migration has statements"


def test_killed_at_any_statement_on_postgresql_it_is_the_old_version_or_the_new(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's process dies, and with it the connection; what it had not committed is gone."""
    template = postgres.make()
    with Database.open(postgres.url(template)) as db:
        for unit in UNITS:
            do(db, "INSERT INTO unit VALUES (?, '', '', '', '', '', '', '', '{}')", unit)
    monkeypatch.setattr(migrations, "SCHEMA_VERSION", 4)
    monkeypatch.setattr(migrations, "STEPS", {2: add_column, 3: add_table})
    points = 0
    dies = True
    while dies:
        points += 1
        name = postgres.make(template)
        url = postgres.url(name)
        dies = in_a_process_that_dies(lambda url=url: Database.open(url), points)  # type: ignore[misc]
        assert _read_postgres(postgres, name) in EXPECTED
        with Database.open(url) as db:
            assert version(db) == 4
        assert _read_postgres(postgres, name) == EXPECTED[2]
    assert points >= 15, "fewer points than the migration has statements"


def _read_postgres(postgres: Postgres, name: str) -> tuple[str, int, int]:
    [(found,)] = postgres.run("SELECT value FROM meta WHERE key = 'schema_version'", name)
    columns = (
        "SELECT count(*) FROM information_schema.columns WHERE table_name = 'unit' AND column_name = 'remark'"
    )
    [(remarks,)] = postgres.run(columns, name)
    if remarks:
        [(remarks,)] = postgres.run("SELECT count(remark) FROM unit", name)
    [(lessons,)] = postgres.run(
        "SELECT count(*) FROM information_schema.tables WHERE table_name = 'lesson'", name
    )
    if lessons:
        [(lessons,)] = postgres.run("SELECT count(*) FROM lesson", name)
    return str(found), remarks, lessons


def test_killed_while_it_is_made_it_is_nothing_or_whole(tmp_path: Path) -> None:
    points = 0
    dies = True
    while dies:
        points += 1
        url = f"sqlite:///{tmp_path / f'{points}.db'}"
        dies = in_a_process_that_dies(lambda url=url: Database.open(url), points)  # type: ignore[misc]
        if points % 10 == 1 or not dies:  # each point makes 40 tables
            with Database.open(url) as db:
                assert version(db) == SCHEMA_VERSION
    assert points >= 30


def test_a_whole_copy_is_kept_before_the_first_step(tmp_path: Path, version_4: None) -> None:
    path = tmp_path / "hucha.db"
    path.write_bytes(_version_2(tmp_path / "source.db"))
    Database.open(f"sqlite:///{path}").close()
    assert _read(migrations.copy_path(path, 2)) == EXPECTED[0]
    assert _read(path) == EXPECTED[2]


UNITS = ("U-I-1", "U-I-3", "U-I-5", "U-I-7")
EXPECTED = [
    ("2", 0, 0),
    ("3", 4, 0),
    ("4", 4, 4),
]
"""By version: the version, how many units have a remark, how many lessons there are."""


def _version_2(path: Path) -> bytes:
    assert SCHEMA_VERSION == 2, "these tests play the two versions after this one"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(migrations, "SCHEMA_VERSION", SCHEMA_VERSION)
        with Database.open(f"sqlite:///{path}") as db:
            for unit in UNITS:
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
