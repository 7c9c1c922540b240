"""W1: tablets in pairs write whole visits and hand them in all at once."""

import asyncio
import random
import time
from pathlib import Path
from typing import Any, NamedTuple

from server.intake.rebuild import rebuild
from server.storage.database import Database
from tests.bench.changes import Writer
from tests.bench.http import Link
from tests.bench.plan import enter, make_plan
from tests.bench.server import serving
from tests.bench.tablets import BenchTablet, batches, refused


class Size(NamedTuple):
    """How large the workload is."""

    tablets: int
    changes: int
    """Of each tablet."""
    items: int
    batch: int


def run(folder: Path, size: Size, seed: int, command: str) -> dict[str, Any]:
    """One run over a new database: rates, CPU, memory and bytes, and whether the rows are what the log makes."""
    rng = random.Random(seed)
    plan = make_plan(size.tablets, size.items, rng)
    url = f"sqlite:///{folder / 'hucha.db'}"
    with Database.open(url) as db:
        db.write(lambda conn: enter(conn, plan))
    writers = [Writer(tablet, plan.checklist, random.Random(rng.random())) for tablet in plan.tablets]
    work = [batches(writer, size.changes, size.batch) for writer in writers]
    with serving(folder, command) as server:
        tablets = [BenchTablet(writer, Link(server.host, server.port)) for writer in writers]
        found = asyncio.run(_measure(tablets, work, server))
    changes = size.tablets * size.changes
    with Database.open(url, create=False, readonly=True) as db:
        report = rebuild(db, check=True)
    return {
        "batch": size.batch,
        "changes": changes,
        "changes_per_second": round(changes / found["seconds"]),
        "server_cpu_us_per_change": round(found["cpu_seconds"] / changes * 1e6, 1),
        "client_cpu_us_per_change": round(found["client_cpu_seconds"] / changes * 1e6, 1),
        "bytes_per_change_up": round(found["up"] / changes, 1),
        "bytes_per_change_down": round(found["down"] / changes, 1),
        "server_peak_mib": round(found["peak_bytes"] / 2**20),
        "exchange_ms_p50": found["p50_ms"],
        "exchange_ms_p95": found["p95_ms"],
        "not_accepted": refused(tablets, changes),
        "rebuild_differences": len(report.differences) + len(report.errors),
    }


async def _measure(tablets: list[BenchTablet], work: list[Any], server: Any) -> dict[str, Any]:
    for tablet in tablets:
        await tablet.hello()
    up, down = _bytes(tablets)
    cpu, own, began = server.cpu_seconds(), time.process_time(), time.perf_counter()
    took: list[float] = []

    async def hand_in(tablet: BenchTablet, mine: list[Any]) -> None:
        for batch in mine:
            start = time.perf_counter()
            await tablet.exchange(batch)
            took.append(time.perf_counter() - start)

    await asyncio.gather(*map(hand_in, tablets, work))
    seconds = time.perf_counter() - began
    up_after, down_after = _bytes(tablets)
    for tablet in tablets:
        await tablet.link.close()
    return {
        "seconds": seconds,
        "cpu_seconds": server.cpu_seconds() - cpu,
        "client_cpu_seconds": time.process_time() - own,
        "up": up_after - up,
        "down": down_after - down,
        "peak_bytes": server.peak_bytes(),
        **percentiles(took),
    }


def _bytes(tablets: list[BenchTablet]) -> tuple[int, int]:
    return (
        sum(tablet.link.sent_bytes for tablet in tablets),
        sum(tablet.link.received_bytes for tablet in tablets),
    )


def percentiles(seconds: list[float]) -> dict[str, float]:
    """The middle and the slow end, in milliseconds."""
    ordered = sorted(seconds)
    return {
        "p50_ms": round(ordered[len(ordered) // 2] * 1e3, 3),
        "p95_ms": round(ordered[int(len(ordered) * 0.95)] * 1e3, 3),
    }
