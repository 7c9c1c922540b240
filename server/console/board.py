"""What each tablet owes: numbers announced, received and accepted, gaps, forks, clock, and whether it was heard of.

Nothing here decides anything about an operation; it is what people look after.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from server.storage import chains
from server.storage import console_tablets as store
from server.storage.chains import Fork, Gap
from server.storage.console_tablets import Run, TabletLine
from server.storage.database import Connection

CLOCK_OFF_MS = 10 * 60 * 1000
"""A clock further off than this is shown: times on papers and screens no longer fit."""
STALE_MS = 24 * 3600 * 1000
"""A squad that is out exchanges at least in the evening; after a day without a word somebody should ask."""


class Tablet(NamedTuple):
    """One tablet with what is known of its chains. `expected`: the numbers it has given, as far as it has told."""

    line: TabletLine
    expected: int
    received: int
    gaps: tuple[Gap, ...]
    forks: tuple[Fork, ...]
    silent_ms: int
    stale: bool

    @property
    def missing(self) -> int:
        """How many numbers have not come, though the tablet has told of them or later ones are here."""
        return self.expected - self.received

    @property
    def clock_off(self) -> bool:
        """Whether its clock was further off than is good, at the last contact."""
        return abs(self.line.clock_ahead_ms or 0) > CLOCK_OFF_MS

    @property
    def photos_left(self) -> int:
        """How many photos of its operations are not here yet."""
        return self.line.photos_expected - self.line.photos_here

    @property
    def troubled(self) -> bool:
        """Whether somebody should look after it."""
        return bool(self.gaps or self.forks or self.stale or self.clock_off or self.photos_left)


def gather(
    lines: Iterable[TabletLine],
    runs: Iterable[Run],
    gaps: Iterable[Gap],
    forks: Iterable[Fork],
    *,
    due: Collection[str],
    now_ms: int,
) -> list[Tablet]:
    """Each tablet, whole; `due` are the squads with visits planned by now or open, whose silence is told."""
    runs, gaps, forks = list(runs), list(gaps), list(forks)
    found = []
    for line in lines:
        own = [run for run in runs if run.device == line.id]
        lost = tuple(gap for gap in gaps if gap.device == line.id)
        received = sum(run.highest for run in own) - sum(gap.last - gap.first + 1 for gap in lost)
        silent_ms = now_ms - (line.seen_at_ms or line.enrolled_at_ms)
        found.append(
            Tablet(
                line=line,
                expected=sum(run.announced for run in own),
                received=received,
                gaps=lost,
                forks=tuple(fork for fork in forks if fork.device == line.id),
                silent_ms=silent_ms,
                stale=line.revoked_at_ms is None and line.squad in due and silent_ms > STALE_MS,
            )
        )
    return found


def tablets(conn: Connection, campaign: str, now_ms: int, due: Collection[str] = ()) -> list[Tablet]:
    """Every tablet of the campaign."""
    return gather(
        store.tablets(conn, campaign),
        store.runs(conn, campaign),
        chains.gaps(conn),
        chains.forks(conn),
        due=due,
        now_ms=now_ms,
    )
