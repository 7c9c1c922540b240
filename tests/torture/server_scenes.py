"""The scenes of a server that are killed and refused at every call: an exchange, a photo, a package, a start …"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import text

from mobile.transport import Rejected
from server.storage import engines, migrations
from server.storage.database import Database
from server.storage.tables import SCHEMA_VERSION
from shared_schema.problems import Problem
from tests.contract.talk import ask
from tests.torture import server_story as story
from tests.torture.points import Program, Scene
from tests.torture.server_story import Server
from tests.torture.syscalls import Say

GOLDEN = Path(__file__).parent.parent / "golden" / "schema" / "v1.sqlite.sql"


class Running(NamedTuple):
    """A server, and what it is about to do."""

    folder: Path
    server: Server
    does: Callable[[Path, Server, Say], object]

    def act(self, said: Say) -> None:
        """What the scene is about."""
        try:
            self.does(self.folder, self.server, said)
        except Rejected as err:
            raise Problem(err.problem.code, **err.problem.facts) from err

    def look(self, said: frozenset[bytes]) -> None:
        """All that was said, once; requests whole or not at all; rows as the log makes them."""
        found = story.stored(self.folder)
        assert said <= found, f"lost: {said - found}"
        for batch in story.batches():
            there = {f"op:{one.id}".encode() for one in batch} & found
            assert len(there) in (0, len(batch)), "a request is there by half"
        story.holds(self.server)


@contextmanager
def _start(
    folder: Path, _seed: str, does: Callable[[Path, Server, Say], object], pages: int
) -> Iterator[Program]:
    with story.started(folder) as server:
        story.tune(server.db, f"wal_autocheckpoint={pages}")
        yield Running(folder, server, does)


def _handed_in(folder: Path) -> None:
    story.prepare(folder)
    with story.started(folder) as server:
        story.hands_in(server, list(story.batches()), lambda _: None)


class Migrating(NamedTuple):
    """A server that is about to be started on a database of version 0.1."""

    folder: Path

    def act(self, said: Say) -> None:
        """The start itself."""
        Database.open(story.address(self.folder)).close()
        said(b"version")

    def look(self, said: frozenset[bytes]) -> None:
        """The old version or the new, with all that was in it, and a whole copy of the old beside it."""
        path = self.folder / "server.db"
        version = _version(path)
        assert version == SCHEMA_VERSION if b"version" in said else version in (1, SCHEMA_VERSION)
        copy = migrations.copy_path(path, 1)
        assert version == 1 or copy.exists()
        assert not copy.exists() or _version(copy) == 1


def _version(path: Path) -> int:
    engine = engines.readers(engines.parse(f"sqlite:///{path}"))
    try:
        with engine.connect() as conn:
            [(verdict,)] = conn.exec_driver_sql("PRAGMA integrity_check").fetchall()
            assert verdict == "ok"
            [(device,)] = conn.exec_driver_sql("SELECT id FROM device").fetchall()
            assert device == "D-1"
            [(version,)] = conn.exec_driver_sql(
                "SELECT value FROM meta WHERE key = 'schema_version'"
            ).fetchall()
            return int(version)
    finally:
        engine.dispose()


def _version_1(folder: Path) -> None:
    engine = engines.writer(engines.parse(story.address(folder)))
    with engine.begin() as conn:
        for statement in GOLDEN.read_text(encoding="utf-8").split(";")[:-1]:
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


@contextmanager
def _migrate(folder: Path, _seed: str) -> Iterator[Program]:
    yield Migrating(folder)


def _scene(
    does: Callable[[Path, Server, Say], object],
    mins: tuple[int, int, int],
    prepare: Callable[[Path], None] = story.prepare,
    pages: int = 1000,
) -> Scene:
    return Scene(prepare, partial(_start, does=does, pages=pages), *mins)


def _exchanges(_folder: Path, server: Server, said: Say) -> None:
    first, second, *_ = story.batches()
    story.hands_in(server, [first, second, story.refused()], said)


def _season(_folder: Path, server: Server, said: Say) -> None:
    story.hands_in(server, list(story.batches()), said)
    assert ask(server.db, "SELECT count(*) FROM score_sheet") == [(1,)]


SCENES: Mapping[str, Scene] = {
    "exchange": _scene(_exchanges, (120, 120, 75)),
    "exchanges and checkpoints": _scene(_season, (480, 600, 440), pages=story.CHECKPOINT_PAGES),
    "enrolment": _scene(lambda _, server, said: story.enrols(server, said), (35, 18, 11)),
    "photo": _scene(lambda _, server, said: story.sends_photo(server, 1, said), (38, 22, 12)),
    "package": _scene(story.carries, (105, 115, 55)),
    "acceptance and freeze": _scene(
        lambda _, server, said: story.closes(server, said), (95, 110, 52), _handed_in
    ),
    "start on version 0.1": Scene(_version_1, _migrate, 150, 210, 130, reads=False),
}
