"""W2: one change, handed in by one tablet and read by its colleague, while the inspection's log grows."""

import asyncio
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from server.storage.database import Database
from tests.bench.changes import Writer
from tests.bench.http import Link
from tests.bench.plan import enter, make_plan
from tests.bench.server import Server, serving
from tests.bench.tablets import BenchTablet, batches
from tests.bench.w1 import percentiles

FILL_BATCH = 1000


def run(
    folder: Path, sizes: Sequence[int], samples: int, items: int, seed: int, command: str
) -> dict[str, Any]:
    """At each size of one inspection's log: how long handing in one change takes, and reading it."""
    rng = random.Random(seed)
    plan = make_plan(2, items, rng)
    with Database.open(f"sqlite:///{folder / 'hucha.db'}") as db:
        db.write(lambda conn: enter(conn, plan))
    writers = [Writer(tablet, plan.checklist, random.Random(rng.random())) for tablet in plan.tablets]
    with serving(folder, command) as server:
        rows = asyncio.run(_grow(writers, server, sizes, samples))
    first, last = rows[0], rows[-1]
    return {
        "sizes": rows,
        "growth_hand_in_p50": round(last["hand_in"]["p50_ms"] / first["hand_in"]["p50_ms"], 2),
        "growth_read_p50": round(last["read"]["p50_ms"] / first["read"]["p50_ms"], 2),
    }


async def _grow(
    writers: list[Writer], server: Server, sizes: Sequence[int], samples: int
) -> list[dict[str, Any]]:
    one, other = (BenchTablet(writer, Link(server.host, server.port)) for writer in writers)
    await one.hello()
    rows = []
    logged = 0
    for size in sizes:
        for batch in batches(one.writer, max(0, size - logged), FILL_BATCH):
            await one.exchange(batch)
        logged = max(size, logged)
        await other.hello()
        rows.append(
            {
                "operations": logged,
                **await _sample(one, other, samples),
                "server_peak_mib": round(server.peak_bytes() / 2**20),
            }
        )
        logged += samples
    for tablet in (one, other):
        await tablet.link.close()
    return rows


async def _sample(one: BenchTablet, other: BenchTablet, samples: int) -> dict[str, Any]:
    hand_in: list[float] = []
    read: list[float] = []
    for batch in batches(one.writer, samples, 1):
        start = time.perf_counter()
        await one.exchange(batch)
        middle = time.perf_counter()
        await other.exchange(None)
        hand_in.append(middle - start)
        read.append(time.perf_counter() - middle)
    return {"hand_in": percentiles(hand_in), "read": percentiles(read)}
