"""Runs of many worlds: one seed after another or on several processes, and what they came to together."""

import re
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import structlog

from tests.simulation.checks import LAWS, at_the_end, outcome
from tests.simulation.faults import FAULTS
from tests.simulation.safety import Watch, before_healing
from tests.simulation.world import World

TWIN_EVERY = 10
"""Every so many seeds a world is played twice, with other clocks: the price of a whole world for one law."""
CLOCKS = frozenset(name for name in FAULTS if name.startswith("clock_"))
NOT_IN_TWINS = frozenset(
    {"tablet_cloned", "tablet_restored", "server_restored", "tablet_killed", "server_full", "tablet_full"}
)
"""Which of two forked branches keeps its numbers follows from hashes, and when a disk is full from the bytes in the
file: both follow from clocks, and neither is decided by one."""


class Result(NamedTuple):
    """What one world came to."""

    seed: int
    operations: int
    disputes: int
    settled: int
    destroyed: int
    broken: tuple[str, ...]
    """What the checks found; each line begins with the counter of its law."""
    faults: Counter[str]
    crash: str = ""
    """The traceback, where the program fell over."""


def play(seed: int, faults: frozenset[str], *, twins: bool | None = None) -> Result:
    """Plays one world; `twins` says whether a second one with other clocks is held against it."""
    world = World(seed, faults)
    try:
        broken = world.run(Watch(), before_healing, at_the_end)
        if seed % TWIN_EVERY == 0 if twins is None else twins:
            broken += _twins_agree(seed, faults - NOT_IN_TWINS)
        crash = ""
    except Exception:  # noqa: BLE001 - one world that falls over must not hide what the others find
        broken, crash = [], traceback.format_exc()
    entries = world.journal.entries.values()
    return Result(
        seed=seed,
        operations=len(world.journal.committed),
        disputes=len(world.met_disputes),
        settled=sum(one.kind == "dispute_settled" for one in entries),
        destroyed=len(world.destroyed),
        broken=tuple(dict.fromkeys(broken)),
        faults=world.weather.counts,
        crash=crash,
    )


def _twins_agree(seed: int, faults: frozenset[str]) -> Iterator[str]:
    """The same world with other clocks comes to the same end."""
    ends: list[Any] = []

    def look(world: World) -> tuple[str, ...]:
        ends.append(outcome(world))
        return ()

    for clocks in (None, seed + 1):
        twin = World(seed, faults | CLOCKS, clocks=clocks)
        twin.run(lambda _: (), lambda _: (), look)
    if ends[0] != ends[1]:
        yield f"clock: seed {seed} comes to another end with other clocks"


def play_all(seeds: Sequence[int], faults: frozenset[str], jobs: int) -> Iterator[Result]:
    """Plays these worlds, in order, on so many processes."""
    if jobs == 1:
        yield from map(partial(play, faults=faults), seeds)
        return
    with ProcessPoolExecutor(jobs, initializer=quiet) as pool:
        yield from pool.map(partial(play, faults=faults), seeds, chunksize=2)


def quiet() -> None:
    """The server's own log is not what a simulation is read for."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))


def sum_up(results: Iterable[Result]) -> dict[str, Any]:
    """All results as one JSON object; every counter of a law must be 0, and `crashed` too."""
    results = list(results)
    laws = Counter(line.partition(":")[0] for one in results for line in one.broken)
    assert set(laws) <= set(LAWS), "a check names a law that is none"
    faults: Counter[str] = Counter()
    for one in results:
        faults.update(one.faults)
    return {
        "seeds": len(results),
        "operations": sum(one.operations for one in results),
        "disputes": sum(one.disputes for one in results),
        "settled": sum(one.settled for one in results),
        **{law: laws[law] for law in LAWS},
        "crashed": sum(bool(one.crash) for one in results),
        "destroyed": sum(one.destroyed for one in results),
        "faults": {name: faults[name] for name in FAULTS},
    }


def holds(summary: dict[str, Any]) -> bool:
    """Whether every law held in every world."""
    return not any(summary[name] for name in (*LAWS, "crashed"))


def read_seeds(text: str) -> range:
    """`7` or `1-200` as seeds. Raises ValueError."""
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", text.strip())
    if found is None:
        raise ValueError(f"seeds are given as 7 or as 1-200, not as {text!r}")
    first, last = int(found[1]), int(found[2] or found[1])
    if last < first:
        raise ValueError(f"{text}: the last seed comes before the first")
    return range(first, last + 1)


def read_faults(text: str) -> frozenset[str]:
    """`all`, `none` or names with commas. Raises ValueError."""
    if text == "all":
        return frozenset(FAULTS)
    names = frozenset(name for name in text.split(",") if name and name != "none")
    if names - set(FAULTS):
        raise ValueError(
            f"no such fault: {', '.join(sorted(names - set(FAULTS)))}; there are {', '.join(FAULTS)}"
        )
    return names
