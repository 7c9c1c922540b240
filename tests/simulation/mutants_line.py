"""Deliberate bugs in what a hand in the line, an older backup and clearing rest on."""

from collections.abc import Sequence
from typing import Any

import pytest

from mobile import exchange as tablet_exchange
from mobile import settling
from mobile.store import Store
from server.intake import news
from server.storage.database import Connection
from shared_schema.wire import ExchangeRequest
from tests.simulation.mutants import mutant
from tests.simulation.mutants_office import MUTANTS

__all__ = ["MUTANTS"]

OFTEN_LOST = "purged,backup_restored,older_backup"


@mutant("invented", "lost", "hidden", "diverged", "stalled", "overruled", faults="forged_reply", worlds=6)
def believes_whoever_answers(patch: pytest.MonkeyPatch) -> None:
    """A tablet reads a reply without looking whose it is, and to what."""
    patch.setattr(tablet_exchange, "signed_by", lambda *_: True)


@mutant("lost", faults="forged_photo,photo_cut", worlds=12)
def believes_the_line_about_photos(patch: pytest.MonkeyPatch) -> None:
    """What the line says of a photo counts as the server's receipt."""

    def became(self: Store, sha256: str, status: str) -> None:
        with self._write():
            self._db.execute("UPDATE photo SET status = ?, receipt = 1 WHERE sha256 = ?", (status, sha256))

    patch.setattr(Store, "photo_became", became)


@mutant("lost", "diverged", faults=OFTEN_LOST, worlds=12)
def calls_lost_what_has_only_not_come_yet(patch: pytest.MonkeyPatch) -> None:
    """Whatever was cleared from a tablet is called lost at the next exchange."""
    patch.setattr(
        settling,
        "_lose",
        lambda db: db.execute("UPDATE operation SET status = 'lost' WHERE status = 'purged'"),
    )


@mutant("lost", "stalled", "hidden", "diverged", faults="all", worlds=1, first=1049)
def never_says_that_nothing_is_left(patch: pytest.MonkeyPatch) -> None:
    """A log that is empty goes without saying: a tablet that asked for it waits for ever."""
    after_cursors = news.after_cursors

    def silent(
        conn: Connection, inspections: Sequence[Any], request: ExchangeRequest, *more: Any
    ) -> news.Told:
        told = after_cursors(conn, inspections, request, *more)
        return told._replace(
            news=tuple(one for one in told.news if one.cursor or one.inspection in request.cursors)
        )

    patch.setattr(news, "after_cursors", silent)
