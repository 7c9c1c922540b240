"""Both kinds of database for every test of this folder: an embedded one, and a real PostgreSQL started here."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from server.storage.backup_files import BackupFiles
from server.storage.database import Database
from server.storage.photo_files import PhotoFiles
from tests.contract.keeping import Ticks, empty_database
from tests.contract.plan import plan
from tests.contract.postgres import Postgres
from tests.contract.s3 import ObjectServer


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> None:
    """Logs as lines; the traces drawn for a developer's terminal take seconds."""
    structlog.configure(processors=[structlog.processors.JSONRenderer(default=repr)])


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL, one for each test process that asks."""
    server = Postgres()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    """A running S3 server."""
    server = ObjectServer(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def empty_template(postgres: Postgres) -> str:
    """A database with our tables, to be copied."""
    name = postgres.make()
    Database.open(postgres.url(name)).close()
    return name


@pytest.fixture(scope="session")
def planned_template(postgres: Postgres) -> str:
    """A database with the small campaign, to be copied."""
    name = postgres.make()
    with Database.open(postgres.url(name)) as db:
        db.write(plan)
    return name


@pytest.fixture(params=["sqlite", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which kind of database."""
    return str(request.param)


@pytest.fixture
def new_url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database that nothing has been made in."""
    if kind == "sqlite":
        return f"sqlite:///{tmp_path / 'hucha.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.url(server.make())


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database with the small campaign in it."""
    if kind == "sqlite":
        address = f"sqlite:///{tmp_path / 'hucha.db'}"
        with Database.open(address) as db:
            db.write(plan)
        return address
    server: Postgres = request.getfixturevalue("postgres")
    return server.url(server.make(request.getfixturevalue("planned_template")))


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    """An open database with the small campaign in it."""
    with Database.open(url) as database:
        yield database


@pytest.fixture
def clock() -> Ticks:
    """A clock that never stands still."""
    return Ticks()


@pytest.fixture
def photos(tmp_path: Path) -> PhotoFiles:
    """The server's photos."""
    return PhotoFiles(tmp_path / "photos")


@pytest.fixture
def files(tmp_path: Path) -> BackupFiles:
    """A folder for backups."""
    return BackupFiles(tmp_path / "backups")


@pytest.fixture
def another(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Addresses of empty databases of the same kind."""
    return lambda: empty_database(kind, request, tmp_path)
