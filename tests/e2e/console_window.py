"""A console served over a small season, and watched windows on it: whatever offends the page's policy is seen."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Page

from server.access import sessions
from server.app import running
from server.settings import Settings
from server.storage.database import Database
from tests.e2e import screens
from tests.season import Season, fill
from tests.trouble import make_trouble

WATCH = """
window.offences = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.offences.push(event.violatedDirective + " " + event.blockedURI + " " + event.sourceFile);
});
"""


class Served(NamedTuple):
    """A running console and its season."""

    url: str
    db: Database
    season: Season

    @property
    def campaign(self) -> str:
        """Where the campaign's pages lie."""
        return f"/campaigns/{self.season.campaign}"


@contextmanager
def served(folder: Path, *, visits: int = 8) -> Iterator[Served]:
    """A real server over a season of one squad."""
    settings = Settings(data=folder, port=0, log_level="error")
    with Database.open(settings.database_url) as db:
        season = db.write(lambda conn: fill(conn, settings.photo_dir, visits_per_squad=visits, squads=1))
        if season.opened:
            db.write(lambda conn: make_trouble(conn, season))
        with running(settings, db) as url:
            yield Served(url, db, season)


class Watched:
    """A window, and everything in it that should not happen."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []
        page.add_init_script(WATCH)
        page.on("dialog", self._dialog)
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("request", lambda request: self._asked(request.url))

    def _dialog(self, dialog: object) -> None:
        self.wrong.append("a dialog opened")
        dialog.dismiss()  # type: ignore[attr-defined]

    def _said(self, kind: str, text: str) -> None:
        if kind == "error" and "status of 4" not in text:
            self.wrong.append(text)

    def _asked(self, url: str) -> None:
        if not url.startswith(("http://127.0.0.1:", "data:")) or ":9/" in url:
            self.wrong.append(f"asked for {url}")

    def check(self) -> None:
        """Nothing wrong has happened on this page."""
        found = [*self.wrong, *self.page.evaluate("window.offences")]
        assert not found, (self.page.url, found)
        assert self.page.evaluate("window.ran") is None, self.page.url


@contextmanager
def window(
    browser: Browser, console: Served, role: str, size: str = "desk", language: str = "zh"
) -> Iterator[Watched]:
    """A watched window of somebody signed in (the form itself is shown in test_console)."""
    with screens.page_in(browser, console.url, screens.SIZES[size], language) as page:
        if role:
            login, now_ms = screens.passwords()[role][0], time.time_ns() // 1_000_000
            token = console.db.write(lambda conn: sessions.begin(conn, login, now_ms, secrets.token_bytes))
            page.context.add_cookies([{"name": "hucha", "value": token, "url": console.url}])
        yield Watched(page)
