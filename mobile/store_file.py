"""The open file under the tablet's store: transactions, rows, settings, and who this tablet is."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from mobile.engine import Database
from mobile.tables import problems
from shared_schema.merge import State
from shared_schema.wire import Peer


class Identity(NamedTuple):
    """Who this tablet is, once enrolled."""

    device: str
    server: str
    squad: str
    signing_key: str = ""
    """The server's (Ed25519, raw, hex): only receipts signed by it count. Empty after an enrolment of version 0.1."""
    sealing_key: str = ""
    """The server's (X25519, raw, hex), to which packages are sealed."""


class StoreFile:
    """What every part of the store stands on. Used from one thread at a time."""

    def __init__(self, database: Database, path: Path) -> None:
        self._db = database
        self._path = path
        self._states: dict[str, State] = {}
        self._identity: Identity | None = None

    def close(self) -> None:
        """Closes the file."""
        self._db.conn.close()

    @contextmanager
    def _write(self) -> Iterator[None]:
        with problems(self._path), self._db.atomic():
            yield

    def _rows(self, sql: str, *arguments: object) -> list[Any]:
        with problems(self._path):
            return self._db.execute(sql, arguments).fetchall()

    def identity(self) -> Identity | None:
        """Who this tablet is; None before enrolment."""
        if self._identity is None:
            stored = self.setting("tablet.identity")
            self._identity = Identity(*msgspec.json.decode(stored)) if stored else None
        return self._identity

    def peers(self) -> tuple[Peer, ...]:
        """The tablets of the squad, this one among them, as the server told of them."""
        stored = self.setting("tablet.peers")
        return _peers_decoder.decode(stored) if stored else ()

    def setting(self, key: str, default: str = "") -> str:
        """A setting or the last place of the user interface."""
        rows = self._rows("SELECT value FROM setting WHERE key = ?", key)
        return rows[0][0] if rows else default

    def set_setting(self, key: str, value: str) -> None:
        """Keeps a setting; committed when it returns."""
        with self._write():
            self._set(key, value)

    def _set(self, key: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (key, value))


_peers_decoder = msgspec.json.Decoder(tuple[Peer, ...])
