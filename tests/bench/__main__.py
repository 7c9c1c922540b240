"""`python -m tests.bench`: runs the workloads asked for beside what the machine itself can do; one JSON document."""

import argparse
import json
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from tests.bench import peers, raw, tablet, w1, w2, w3, w4
from tests.bench.server import COMMAND
from tests.bench.w1 import Size

M = TypeVar("M")

RAW_BATCH = 3000
"""The batch at which bare SQLite is measured beside our large one."""


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; 1 where something was lost or a row is not what the log makes of it."""
    asked = _arguments().parse_args(arguments)
    asked.workloads = asked.workloads.split(",")
    asked.batches = [int(one) for one in asked.batches.split(",")]
    asked.sizes = [int(one) for one in asked.sizes.split(",")]
    result: dict[str, Any] = {"machine": _machine(), "asked": vars(asked)}
    for name, measure in WORKLOADS.items():
        if name in asked.workloads:
            print(f"{name} …", file=sys.stderr, flush=True)
            result[name] = measure(asked)
    result["ratios"] = ratios(result)
    text = json.dumps(result, indent=2, ensure_ascii=False)
    if asked.out:
        Path(asked.out).write_text(text + "\n", encoding="utf-8")
    print(text, flush=True)
    return 0 if sound(result) else 1


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hucha bench", description=__doc__)
    parser.add_argument(
        "--workloads",
        default="raw,w1,w2,w4",
        help="which of raw, w1, w2, w3, w4, peers (needs Node, npm and pip), tablet, with commas",
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--runs", type=int, default=1, help="of w1: the best of so many is told")
    parser.add_argument(
        "--server", default=COMMAND, help="the command that serves {data} and prints its address"
    )
    parser.add_argument("--folder", default=None, help="where databases are made: the disk that is measured")
    parser.add_argument("--out", default="", help="a file for the result")
    parser.add_argument("--items", type=int, default=120, help="of the checklist")
    parser.add_argument("--tablets", type=int, default=40, help="w1")
    parser.add_argument("--changes", type=int, default=3000, help="w1: of each tablet")
    parser.add_argument("--batches", default="1000,100", help="w1: changes in one request")
    parser.add_argument("--sizes", default="1000,10000,100000,1000000", help="w2: operations in the log")
    parser.add_argument("--samples", type=int, default=200, help="w2: single changes at each size")
    parser.add_argument("--photos", type=int, default=400, help="w3")
    parser.add_argument("--photo-bytes", type=int, default=1_500_000, help="w3")
    parser.add_argument("--at-once", type=int, default=8, help="w3")
    parser.add_argument("--contacts", type=int, default=2000, help="w4: tablets")
    parser.add_argument("--contact-changes", type=int, default=50, help="w4: of each tablet")
    parser.add_argument("--visit-operations", type=int, default=3000, help="tablet: of the visit opened")
    parser.add_argument("--within", type=float, default=60.0, help="w4: seconds")
    return parser


def _machine() -> dict[str, Any]:
    return {
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "load_before": round(os.getloadavg()[0], 2),
    }


def _in_folder(asked: argparse.Namespace, measure: Callable[[Path], M]) -> M:
    with tempfile.TemporaryDirectory(prefix="hucha-bench-", dir=asked.folder) as folder:
        return measure(Path(folder))


def _raw(asked: argparse.Namespace) -> dict[str, Any]:
    sizes = [Size(asked.tablets, asked.changes, asked.items, batch) for batch in (RAW_BATCH, 100)]
    return {
        "sqlite_rows": [
            _in_folder(asked, partial(raw.sqlite_rows, size=size, seed=asked.seed)) for size in sizes
        ],
        "sqlite_commit": _in_folder(asked, lambda folder: raw.sqlite_commit(folder, asked.samples)),
        "http_commit": _in_folder(asked, lambda folder: raw.http_commit(folder, asked.samples)),
        "socket_files": _in_folder(
            asked, lambda folder: raw.socket_files(folder, asked.photos, asked.photo_bytes, asked.at_once)
        ),
    }


def _w1(asked: argparse.Namespace) -> list[dict[str, Any]]:
    best = []
    for batch in asked.batches:
        size = Size(asked.tablets, asked.changes, asked.items, batch)
        found = [
            _in_folder(asked, partial(w1.run, size=size, seed=asked.seed, command=asked.server))
            for _ in range(asked.runs)
        ]
        best.append(max(found, key=lambda one: one["changes_per_second"]))
    return best


def _w2(asked: argparse.Namespace) -> dict[str, Any]:
    return _in_folder(
        asked,
        lambda folder: w2.run(folder, asked.sizes, asked.samples, asked.items, asked.seed, asked.server),
    )


def _w3(asked: argparse.Namespace) -> dict[str, Any]:
    return _in_folder(
        asked,
        lambda folder: w3.run(
            folder, asked.photos, asked.photo_bytes, asked.at_once, asked.seed, asked.server
        ),
    )


def _w4(asked: argparse.Namespace) -> dict[str, Any]:
    return _in_folder(
        asked,
        lambda folder: w4.run(
            folder, asked.contacts, asked.contact_changes, asked.within, asked.items, asked.seed, asked.server
        ),
    )


def _peers(asked: argparse.Namespace) -> dict[str, Any]:
    missing = peers.install()
    not_run: list[dict[str, Any]] = [{"peer": peer, "why": why} for peer, why in missing.items()]

    def tried(peer: str, measure: Callable[[Path], dict[str, Any]], **of: int) -> list[dict[str, Any]]:
        if peer in missing:
            return []
        print(f"peers: {peer} …", file=sys.stderr, flush=True)
        try:
            return [_in_folder(asked, measure)]
        except peers.FAILURES as failure:
            not_run.append({"peer": peer, **of, "why": peers.told(failure)})
            return []

    sizes = [Size(asked.tablets, asked.changes, asked.items, batch) for batch in asked.batches]
    changes = [
        row
        for peer in peers.OF_CHANGES
        for size in sizes
        for row in tried(peer, partial(peers.changes, peer=peer, size=size), batch=size.batch)
    ]
    photos = tried(
        peers.OF_PHOTOS,
        lambda folder: peers.photos(folder, asked.photos, asked.photo_bytes, asked.at_once, asked.seed),
    )
    return {"changes": changes, "photos": photos[0] if photos else {}, "not_run": not_run}


def _tablet(asked: argparse.Namespace) -> dict[str, Any]:
    return _in_folder(asked, lambda folder: tablet.run(folder, asked.visit_operations))


WORKLOADS: dict[str, Callable[[argparse.Namespace], Any]] = {
    "raw": _raw,
    "w1": _w1,
    "w2": _w2,
    "w3": _w3,
    "w4": _w4,
    "peers": _peers,
    "tablet": _tablet,
}


def ratios(result: dict[str, Any]) -> dict[str, float]:
    """Ours over the machine's own: of rates more is better, of times less."""
    found: dict[str, float] = _beside_peers(result)
    bare = result.get("raw")
    if bare is None:
        return found
    for ours, theirs in zip(result.get("w1", ()), bare["sqlite_rows"], strict=False):
        rate = ours["changes_per_second"] / theirs["changes_per_second"]
        found[f"w1_{ours['batch']}_over_sqlite_{theirs['batch']}"] = round(rate, 3)
    for row in result.get("w2", {}).get("sizes", ()):
        times = row["hand_in"]["p50_ms"] / bare["sqlite_commit"]["p50_ms"]
        found[f"w2_{row['operations']}_over_commit"] = round(times, 2)
        times = row["hand_in"]["p50_ms"] / bare["http_commit"]["p50_ms"]
        found[f"w2_{row['operations']}_over_http_commit"] = round(times, 2)
    if "w3" in result:
        rate = result["w3"]["mb_per_second"] / bare["socket_files"]["mb_per_second"]
        found["w3_over_socket"] = round(rate, 3)
    return found


def _beside_peers(result: dict[str, Any]) -> dict[str, float]:
    found = {}
    theirs = result.get("peers", {"changes": (), "photos": {}})
    for one in theirs["changes"]:
        for ours in result.get("w1", ()):
            if ours["batch"] == one["batch"]:
                rate = ours["changes_per_second"] / one["changes_per_second"]
                found[f"w1_{one['batch']}_over_{one['peer']}"] = round(rate, 3)
    if "w3" in result and theirs["photos"]:
        rate = result["w3"]["mb_per_second"] / theirs["photos"]["mb_per_second"]
        found[f"w3_over_{theirs['photos']['peer']}"] = round(rate, 3)
    return found


def sound(result: dict[str, Any]) -> bool:
    """Whether everything handed in was taken, and every row is what the log makes of it."""
    runs = [*result.get("w1", ()), *([result["w4"]] if "w4" in result else ())]
    if not result.get("w3", {}).get("resumed", True):
        return False
    return not any(one["not_accepted"] or one.get("rebuild_differences", 0) for one in runs)


if __name__ == "__main__":
    sys.exit(main())
