"""A console over a small season, and people signed in to it, for tests that need no browser."""

import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

from litestar.testing import TestClient

from server.access import sessions
from server.app import create_app
from server.settings import Settings
from server.storage import accounts
from server.storage.accounts import AuditEvent
from server.storage.database import Database
from tests.parcels import Parcels
from tests.season import Season, fill
from tests.trouble import Trouble, make_trouble

ROLES = ("coordinator", "evaluator", "sysadmin", "secadmin", "auditor")
CSRF = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


class Answer(NamedTuple):
    """One answer: status, text, headers."""

    status: int
    text: str
    headers: dict[str, str]
    content: bytes


class Desk:
    """One browser without a screen: keeps cookies, knows its form token."""

    def __init__(self, console: "Console", role: str = "") -> None:
        self.console = console
        self.cookies: dict[str, str] = {}
        self.csrf = ""
        if role:
            login = console.logins[role]
            now_ms = console.now_ms
            token = console.db.write(lambda conn: sessions.begin(conn, login, now_ms, secrets.token_bytes))
            found = console.db.read(lambda conn: sessions.find(conn, token, now_ms))
            assert found is not None
            self.cookies, self.csrf = {"hucha": token}, found.who.csrf

    def get(self, path: str, **headers: str) -> Answer:
        """Asks for a page."""
        return self._ask("GET", path, headers=headers)

    def post(self, path: str, fields: dict[str, Any] | None = None, **headers: str) -> Answer:
        """Sends a form with its token."""
        return self._ask("POST", path, data={"csrf": self.csrf} | (fields or {}), headers=headers)

    def send(self, path: str, files: Sequence[tuple[str, bytes]], csrf: str | None = None) -> Answer:
        """Sends a form with files, its token before them as a browser does."""
        parts: list[tuple[str, Any]] = [("csrf", (None, self.csrf if csrf is None else csrf))]
        parts += [("files", (name, content, "application/octet-stream")) for name, content in files]
        return self._ask("POST", path, files=parts, headers={})

    def _ask(self, method: str, path: str, **more: Any) -> Answer:
        client = self.console.client
        client.cookies.clear()
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        more["headers"] = {name.replace("_", "-"): text for name, text in more["headers"].items()}
        if cookies:
            more["headers"]["cookie"] = cookies
        reply = client.request(method, path, follow_redirects=False, **more)
        for name, value in reply.cookies.items():
            self.cookies[name] = value
        found = CSRF.search(reply.text) if "text/html" in reply.headers.get("content-type", "") else None
        if found:
            self.csrf = found[1]
        return Answer(reply.status_code, reply.text, dict(reply.headers), reply.content)


class Console:
    """The running console."""

    def __init__(
        self, db: Database, client: TestClient[Any], season: Season, trouble: Trouble | None
    ) -> None:
        self.db, self.client, self.season = db, client, season
        self.given = trouble
        self.now_ms = season.now_ms
        self.folder = Path()
        rows = db.read(accounts.accounts)
        self.logins = {account.role: account.login for account, _ in reversed(rows)}

    @property
    def trouble(self) -> Trouble:
        """What is wrong in the season, where it is long enough for that."""
        assert self.given is not None
        return self.given

    @cached_property
    def parcels(self) -> Parcels:
        """A tablet of the season that writes packages."""
        return Parcels(self.db, self.season)

    @cached_property
    def given_package(self) -> str:
        """A package for that tablet, made by the console."""
        place = self.desk("coordinator").post(
            f"/campaigns/{self.season.campaign}/packages/give", {"for": self.parcels.device}
        )
        return place.headers["location"].partition("given=")[2].partition("&")[0]

    def desk(self, role: str = "") -> Desk:
        """Somebody of that role, signed in; nobody without one."""
        return Desk(self, role)

    def trail(self, action: str = "") -> list[AuditEvent]:
        """The audit trail, newest first."""
        return self.db.read(lambda conn: accounts.audit_events(conn, action=action, limit=10_000))


class Planted(NamedTuple):
    """A folder with a season in it."""

    folder: Path
    season: Season
    trouble: Trouble | None


def plant(folder: Path, *, visits: int = 8) -> Planted:
    """Puts the season of one squad and its trouble into a folder."""
    settings = Settings(data=folder)
    with Database.open(settings.database_url) as db:
        season = db.write(lambda conn: fill(conn, settings.photo_dir, visits_per_squad=visits, squads=1))
        trouble = db.write(lambda conn: make_trouble(conn, season)) if season.opened else None
    return Planted(folder, season, trouble)


@contextmanager
def console(folder: Path, *, visits: int = 8, https: bool = False) -> Iterator[Console]:
    """A console over a season of one squad and its trouble, with a clock that the test may set."""
    with console_over(plant(folder, visits=visits), https=https) as made:
        yield made


@contextmanager
def console_over(planted: Planted, *, https: bool = False) -> Iterator[Console]:
    """A console over what is in a folder already."""
    settings = Settings(data=planted.folder, log_level="error", https=https)
    with Database.open(settings.database_url) as db:
        holder: list[Console] = []
        app = create_app(settings, db, clock=lambda: (holder[0] if holder else planted.season).now_ms)
        with TestClient(app) as client:
            holder.append(Console(db, client, planted.season, planted.trouble))
            holder[0].folder = planted.folder
            yield holder[0]


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in {"href", "hx-get", "src"} and value and value.startswith("/"):
                self.found.add(value.partition("#")[0])


def links(text: str) -> set[str]:
    """Every address of this server that a page names."""
    parser = _Links()
    parser.feed(text)
    return parser.found
