"""The tablet's file: operations, outbox, cursors, assignments, checklists, photos, settings; all its SQL."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from mobile.vault import Vault
from shared_schema.operations import Operation


class Identity(NamedTuple):
    """Who this tablet is, once enrolled."""

    device: str
    server: str
    squad: str


class Refused(NamedTuple):
    """An operation of this tablet that the server refused, with the problem's code and facts."""

    operation: Operation
    problem: str
    facts: Mapping[str, str]


class SyncState(NamedTuple):
    """What is not with the server yet, and how the last exchanges went."""

    enrolled: bool
    unsent: int
    refused: int
    photos_left: int
    offline: bool
    """The last attempt found no server; a state, not an error."""
    last_success_ms: int | None
    """By the tablet's clock."""
    problem: str
    facts: Mapping[str, str]
    """Why the last exchange failed though there was a server; an empty code when it did not."""
    attempts: int
    """Failed attempts since the last success."""
    notice: str
    """`` or `forked`: this tablet was restored from a backup or cloned, and numbers anew."""


class Store:
    """The one open file. Used from one thread only."""

    @classmethod
    def open(cls, path: Path, vault: Vault) -> "Store":
        """The store at a path, made when missing. Raises store_damaged, schema_too_new."""
        raise NotImplementedError

    def identity(self) -> Identity | None:
        """Who this tablet is; None before enrolment."""
        raise NotImplementedError

    def sync_state(self) -> SyncState:
        """For the bar at the bottom."""
        raise NotImplementedError

    def setting(self, key: str, default: str = "") -> str:
        """A setting or the last place of the user interface."""
        raise NotImplementedError

    def set_setting(self, key: str, value: str) -> None:
        """Keeps a setting; committed when it returns."""
        raise NotImplementedError

    def close(self) -> None:
        """Closes the file."""
        raise NotImplementedError
