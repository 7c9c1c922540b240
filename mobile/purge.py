"""Clearing away what is safe elsewhere: which visits and photos may go, and destroying them.

Nothing goes by the server's word that it has it: only by its signed word that a backup has it, too. Otherwise
a server restored from that backup would have lost it for good.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

from mobile.clearing import Holding
from mobile.files import destroy
from mobile.photos import photo_path, thumbnail_path
from mobile.store import Store
from shared_schema.inspection import Stage
from shared_schema.merge import view

DAYS_KEPT = 60
"""A visit so long after its planned day may be cleared though nobody has locked it."""
Why = Literal["", "under_way", "pending", "no_backup"]
"""Why a visit stays: nobody has locked it; something is not handed over; no backup is known to hold it."""


class Part(NamedTuple):
    """What may go of one visit, and why the rest stays."""

    inspection: str
    why: Why
    operations: int
    size_bytes: int
    photos: tuple[str, ...]
    """Photos come first: they are large, and a visit can be looked at without them."""


class Plan(NamedTuple):
    """What may be cleared away now."""

    parts: tuple[Part, ...]

    @property
    def visits(self) -> tuple[str, ...]:
        """Visits that may go whole."""
        return tuple(one.inspection for one in self.parts if not one.why)

    @property
    def photos(self) -> tuple[str, ...]:
        """Photos that may go, each once."""
        return tuple(dict.fromkeys(sha256 for one in self.parts for sha256 in one.photos))

    @property
    def size_bytes(self) -> int:
        """How large the records are that may go; photos not counted."""
        return sum(one.size_bytes for one in self.parts if not one.why)

    def staying(self, why: Why) -> int:
        """How many visits stay for that reason."""
        return sum(one.why == why for one in self.parts)


class Purged(NamedTuple):
    """What was cleared away."""

    visits: int
    operations: int
    photos: int


class ClearTools(NamedTuple):
    """Clearing one open tablet; where its store is used."""

    plan: Callable[[], Plan]
    clear: Callable[[Plan], Purged]


def tools(store: Store, folder: Path, clock: Callable[[], int]) -> ClearTools:
    """What the sync center needs for it; `folder` is where photos lie, `clock()` the tablet's milliseconds."""
    return ClearTools(lambda: plan(store, clock()), lambda wanted: clear(store, wanted, folder))


def judge(
    holdings: Iterable[Holding],
    stages: Callable[[str], Stage],
    planned: Callable[[str], str],
    now_ms: int,
) -> Plan:
    """What may go; pure. `stages` and `planned` tell of a visit its stage and its planned day (ISO)."""
    before = (
        (datetime.fromtimestamp(max(now_ms, 0) / 1000, UTC) - timedelta(days=DAYS_KEPT)).date().isoformat()
    )
    held = list(holdings)
    done = {
        one.inspection
        for one in held
        if stages(one.inspection) in ("locked", "aborted") or "" < planned(one.inspection) < before
    }
    # The same picture may stand on two visits: while one of them is under way, it stays.
    wanted = {sha256 for one in held if one.inspection not in done for sha256 in one.photos}
    return Plan(tuple(_part(one, one.inspection in done, wanted) for one in held))


def _part(one: Holding, done: bool, wanted: Collection[str]) -> Part:
    why: Why = ""
    if not done:
        why = "under_way"
    elif one.pending:
        why = "pending"
    elif not one.in_backup or len(one.photos_in_backup) < len(one.photos):
        why = "no_backup"
    photos = tuple(sha256 for sha256 in one.photos_in_backup if done and sha256 not in wanted)
    return Part(one.inspection, why, one.operations, one.size_bytes, photos)


def plan(store: Store, now_ms: int) -> Plan:
    """What may be cleared from this tablet."""
    assignments = store.assignments()
    return judge(
        store.holdings(),
        lambda inspection: view(store.state(inspection)).stage,
        lambda inspection: assignments[inspection][0].planned_date if inspection in assignments else "",
        now_ms,
    )


def clear(store: Store, wanted: Plan, folder: Path) -> Purged:
    """Clears it away: first the rows say so, then the files are destroyed; killed in between, the next run goes on.

    `folder` is where photos lie. Raises disk_full.
    """
    before = len(store.purged())
    gone = store.purge(wanted.visits, wanted.photos)
    files = [sha256 for sha256 in store.photos_purged() if photo_path(folder, sha256).exists()]
    for sha256 in files:
        destroy(thumbnail_path(folder, sha256))
        destroy(photo_path(folder, sha256))
    if gone:
        store.give_back_space()
    return Purged(len(store.purged()) - before, gone, len(files))
