"""W4: very many tablets that all connect within a minute, as after a field day when the network comes back."""

import asyncio
import random
import time
from pathlib import Path
from typing import Any

from mobile.pauses import pause_ms
from mobile.settling import Journal
from server.storage.database import Database
from tests.bench.changes import Writer
from tests.bench.http import Link
from tests.bench.plan import enter, make_plan
from tests.bench.server import Server, serving
from tests.bench.tablets import Batch, BenchTablet, RefusedError, batches, refused
from tests.bench.w1 import percentiles

TRIES_MAX = 40


def run(
    folder: Path, contacts: int, changes: int, within: float, items: int, seed: int, command: str
) -> dict[str, Any]:
    """Each tablet makes its first contact and hands in its changes, from the moment it finds the network."""
    rng = random.Random(seed)
    plan = make_plan(contacts, items, rng)
    with Database.open(f"sqlite:///{folder / 'hucha.db'}") as db:
        db.write(lambda conn: enter(conn, plan))
    writers = [Writer(tablet, plan.checklist, random.Random(rng.random())) for tablet in plan.tablets]
    work = [batches(writer, changes, changes)[0] for writer in writers]
    starts = [rng.uniform(0, within) for _ in writers]
    with serving(folder, command) as server:
        tablets = [BenchTablet(writer, Link(server.host, server.port)) for writer in writers]
        found = asyncio.run(_all_come(tablets, work, starts, server, rng))
    return {
        "tablets": contacts,
        "within_seconds": within,
        "changes_each": changes,
        **found,
        "not_accepted": refused(tablets, contacts * changes),
    }


async def _all_come(
    tablets: list[BenchTablet], work: list[Batch], starts: list[float], server: Server, chance: random.Random
) -> dict[str, Any]:
    took: list[float] = []
    retries = 0

    async def come(tablet: BenchTablet, batch: Batch, start: float) -> None:
        nonlocal retries
        await asyncio.sleep(start)
        began = time.perf_counter()
        for attempt in range(TRIES_MAX):
            try:
                await tablet.hello()
                await tablet.exchange(batch)
                break
            except ConnectionError as err:
                if attempt == TRIES_MAX - 1:
                    raise
                retries += 1
                await tablet.link.close()
                await asyncio.sleep(pause(attempt, err))
        took.append(time.perf_counter() - began)
        await tablet.link.close()

    def pause(attempt: int, err: ConnectionError) -> float:
        """How long the tablet's own program would wait."""
        asked = {"wait_seconds": err.wait_seconds} if isinstance(err, RefusedError) else {}
        return pause_ms(Journal(facts=asked, attempts=attempt + 1), chance.randbytes(4)) / 1000

    cpu, began = server.cpu_seconds(), time.perf_counter()
    await asyncio.gather(*map(come, tablets, work, starts))
    return {
        "seconds": round(time.perf_counter() - began, 1),
        "served_ms": percentiles(took),
        "slowest_ms": round(max(took) * 1e3),
        "retries": retries,
        "server_cpu_seconds": round(server.cpu_seconds() - cpu, 1),
        "server_peak_mib": round(server.peak_bytes() / 2**20),
    }
