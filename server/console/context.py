"""What every page needs: the parts the server is made of, and who is asking in which language."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from litestar.connection import ASGIConnection

from server.access.sessions import Who
from server.access.throttle import Throttle
from server.intake.packages import Way
from server.intake.thumbnails import Thumbnails
from server.storage.database import Database
from server.storage.package_files import PackageFiles
from server.storage.partials import Partials
from server.storage.photo_store import PhotoStore
from shared_schema.problems import Language, Problem

LANGUAGE_COOKIE = "hucha-language"
_STATE_KEY = "console"


@dataclass(frozen=True)
class Console:
    """The parts the console is wired with; made once, by `server.app` or by a test."""

    db: Database
    clock: Callable[[], int]
    """Milliseconds since 1970."""
    entropy: Callable[[int], bytes]
    photos: PhotoStore
    thumbnails: Thumbnails
    partials: Partials
    package_files: PackageFiles
    secure: bool = False
    """Whether the browser reaches us over https: cookies are then Secure and named `__Host-`."""
    throttle: Throttle = field(default_factory=Throttle)

    @property
    def way(self) -> Way:
        """What packages are taken in and given out with."""
        return Way(self.db, self.photos, self.package_files, self.entropy)

    @property
    def session_cookie(self) -> str:
        """The cookie that holds the session's token."""
        return "__Host-hucha" if self.secure else "hucha"

    @property
    def visitor_cookie(self) -> str:
        """The cookie that ties the sign-in form to one browser."""
        return "__Host-hucha-visitor" if self.secure else "hucha-visitor"


class Asking(NamedTuple):
    """One request's person (None before signing in) and language."""

    who: Who | None
    language: Language
    csrf: str
    token: str
    visitor: str


Connection = ASGIConnection[Any, Any, Any, Any]


def install(state: Any, console: Console) -> None:
    """Hands the parts to the application whose router serves the pages."""
    state[_STATE_KEY] = console


def console_of(connection: Connection) -> Console:
    """The parts."""
    found: Console = connection.app.state[_STATE_KEY]
    return found


def asking(connection: Connection) -> Asking:
    """Who is asking, as the edge found out before the route was entered."""
    found: Asking = connection.scope["state"][_STATE_KEY]
    return found


def signed_in(connection: Connection) -> Who:
    """The person asking. Raises not_signed_in."""
    who = asking(connection).who
    if who is None:
        raise Problem("not_signed_in")
    return who


def remember(connection: Connection, found: Asking) -> None:
    """Keeps the answer for the length of the request."""
    connection.scope["state"][_STATE_KEY] = found
