"""The part of the store that clears away what server and backup have: what there is, what is covered, and doing it.

Of an operation that is cleared only its bytes go. Its row stays, with its hash and its place in the chain, so
that heads, forks and news are known again as before; news about it brings it back.
"""

from collections.abc import Collection
from typing import NamedTuple

import msgspec

from mobile.store_file import StoreFile

PURGED = "purged"
LOST = "lost"
WITHOUT_BYTES = (PURGED, LOST)
"""The statuses of operations of which only the place in the chain is here."""
_COVERED = "status IN ('accepted', 'held', 'news', 'unreadable')"
"""What lies in the log before the cursor: of such, a receipt for the log up to the cursor says all."""
_PENDING = (
    "(status IN ('unsent', 'refused', 'id_reused', 'relay', 'doubtful')"
    " OR (own AND NOT confirmed AND status IN ('accepted', 'held')))"
)
_BEYOND = (
    "EXISTS (SELECT 1 FROM operation o JOIN epoch e ON e.epoch = o.epoch WHERE o.inspection = c.inspection"
    " AND o.status IN ('accepted', 'held') AND o.seq > e.backed_up AND NOT e.forked AND NOT EXISTS (SELECT 1"
    " FROM operation p WHERE p.own AND p.epoch = e.epoch AND p.seq > e.receipt AND p.status IN ('purged', 'lost')))"
)
"""Of a visit `c`: something made here (of nothing else it is said that it was taken) is further on in its chain than a
backup, by the server's signed word, has it. Of a chain that forked the word may be about the other branch, and says
nothing; nor does it where a restored server has lost what was cleared here: that leaves a hole which nobody fills, and
no word about a chain passes one."""
_CLEAR = (
    "UPDATE operation SET raw = x'', status = 'purged' WHERE inspection = ?1"  # noqa: S608 - constants of this module
    f" AND {_COVERED} AND NOT EXISTS (SELECT 1 FROM operation WHERE inspection = ?1 AND {_PENDING})"
    " AND EXISTS (SELECT 1 FROM cursor c JOIN backed_log b ON b.inspection = c.inspection"
    f" AND b.number = c.number AND b.head = c.last_read WHERE c.inspection = ?1 AND NOT {_BEYOND}) RETURNING position"
)
_PHOTOS_OF = (
    "SELECT p.sha256, p.status, p.receipt FROM photo p WHERE EXISTS (SELECT 1 FROM photo_use u"
    " JOIN operation o ON o.id = u.operation AND o.own WHERE u.sha256 = p.sha256 AND o.inspection = ?)"
)


class Holding(NamedTuple):
    """What this tablet holds of one visit."""

    inspection: str
    operations: int
    """Those whose bytes are here."""
    size_bytes: int
    """Of these."""
    pending: int
    """Of these, those that the server has not got for certain, or that a person has to deal with."""
    in_backup: bool
    """The server's last receipt said that a backup holds all that was read of its log, and all that was made here."""
    photos: tuple[str, ...]
    """Photos whose files are here."""
    photos_in_backup: tuple[str, ...]
    """Of these, those that a backup holds, as the server signed."""


class Clearing(StoreFile):
    """What the store knows of clearing away."""

    def logs_to_ask(self, limit: int) -> tuple[str, ...]:
        """Visits with nothing unsent of which it is not known yet that a backup holds all that was read."""
        rows = self._rows(
            "SELECT c.inspection FROM cursor c WHERE c.number > 0"
            " AND NOT EXISTS (SELECT 1 FROM backed_log b WHERE b.inspection = c.inspection"
            " AND b.number = c.number AND b.head = c.last_read)"
            " AND c.inspection NOT IN (SELECT inspection FROM operation WHERE status = 'unsent')"
            " ORDER BY c.inspection LIMIT ?",
            limit,
        )
        return tuple(inspection for (inspection,) in rows)

    def holdings(self) -> list[Holding]:
        """What is here of each visit."""
        rows = self._rows(
            "SELECT inspection, count(*), sum(length(raw)), sum(" + _PENDING + ") FROM operation"  # noqa: S608
            " WHERE status NOT IN (?, ?) AND inspection <> '' GROUP BY inspection ORDER BY inspection",
            *WITHOUT_BYTES,
        )
        covered = {
            inspection
            for (inspection,) in self._rows(
                "SELECT c.inspection FROM cursor c JOIN backed_log b ON b.inspection = c.inspection"  # noqa: S608
                f" AND b.number = c.number AND b.head = c.last_read AND c.number > 0 WHERE NOT {_BEYOND}"
            )
        }
        found = []
        for inspection, count, size_bytes, pending in rows:
            photos = [row for row in self._rows(_PHOTOS_OF, inspection) if row[1] not in (PURGED, "missing")]
            safe = tuple(sha256 for sha256, status, receipt in photos if (status, receipt) == ("received", 2))
            every = tuple(sha256 for sha256, _, _ in photos)
            found.append(Holding(inspection, count, size_bytes, pending, inspection in covered, every, safe))
        return found

    def purged(self) -> frozenset[str]:
        """Visits that were cleared away and have not come back."""
        rows = self._rows("SELECT DISTINCT inspection FROM operation WHERE status = 'purged'")
        return frozenset(inspection for (inspection,) in rows)

    def lost(self) -> dict[str, int]:
        """By visit, how many operations were cleared from here that a restored server, read to its end, has not got."""
        return dict(
            self._rows(
                "SELECT inspection, count(*) FROM operation WHERE status = ? GROUP BY inspection", LOST
            )
        )

    def purge(self, visits: Collection[str], photos: Collection[str]) -> int:
        """Clears visits and photos away in one transaction, as far as they are covered; how many operations went.

        What was judged before and is no longer so is left. The files of photos are the caller's to destroy.
        """
        gone = 0
        with self._write():
            for inspection in visits:
                rows = self._db.execute(_CLEAR, (inspection,)).fetchall()
                gone += len(rows)
            self._db.execute(
                "UPDATE photo SET status = 'purged' WHERE status = 'received' AND receipt = 2"
                " AND sha256 IN (SELECT value FROM json_each(?))",
                (msgspec.json.encode(list(photos)).decode(),),
            )
        for inspection in visits:
            self._states.pop(inspection, None)
        return gone

    def photos_purged(self) -> tuple[str, ...]:
        """Photos whose files are to be no longer here."""
        rows = self._rows("SELECT sha256 FROM photo WHERE status = 'purged' ORDER BY sha256")
        return tuple(sha256 for (sha256,) in rows)

    def fetch_again(self, inspection: str) -> None:
        """A person wants a visit back: with the next exchange it is read from the start."""
        with self._write():
            self._db.execute("DELETE FROM cursor WHERE inspection = ?", (inspection,))
            self._db.execute("DELETE FROM backed_log WHERE inspection = ?", (inspection,))

    def give_back_space(self) -> None:
        """Writes the file anew without what was cleared, so that neither its bytes nor its space stay behind."""
        self._rows("VACUUM")
        self._rows("PRAGMA wal_checkpoint(TRUNCATE)")
