"""What the machine itself can do: the same rows into bare SQLite, the same bytes through a bare socket to disk."""

import asyncio
import hashlib
import os
import random
import shlex
import socket
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.bench.bare import bare_log, commit
from tests.bench.changes import Writer
from tests.bench.http import Link
from tests.bench.plan import make_plan
from tests.bench.server import Server, serving
from tests.bench.w1 import Size, percentiles

CHUNK_BYTES = 256 * 1024
ROW = b"x" * 400
"""As long as a change."""


def sqlite_rows(folder: Path, size: Size, seed: int) -> dict[str, Any]:
    """Log and state rows of W1, inserted as they are: no signature, no merge, no score, no HTTP."""
    rng = random.Random(seed)
    plan = make_plan(size.tablets, size.items, rng)
    rows: list[tuple[Any, ...]] = []
    for tablet in plan.tablets:
        writer = Writer(tablet, plan.checklist, random.Random(rng.random()))
        for number, raw in enumerate(writer.write(size.changes), start=1):
            rows.append(
                (os.urandom(13).hex(), tablet.inspection, tablet.device, number, raw, f"f{number % 360}")
            )
    conn = sqlite3.connect(folder / "raw.db", isolation_level=None)
    conn.execute("PRAGMA journal_mode=WAL")
    conn.execute("PRAGMA synchronous=FULL")
    conn.execute(
        "CREATE TABLE log (id TEXT PRIMARY KEY, inspection TEXT, device TEXT, number INTEGER, raw BLOB)"
    )
    conn.execute("CREATE TABLE state (inspection TEXT, field TEXT, op TEXT, PRIMARY KEY (inspection, field))")
    began = time.perf_counter()
    for start in range(0, len(rows), size.batch):
        part = rows[start : start + size.batch]
        conn.execute("BEGIN IMMEDIATE")
        conn.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?)", [row[:5] for row in part])
        conn.executemany(
            "INSERT INTO state VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET op = excluded.op",
            [(row[1], row[5], row[0]) for row in part],
        )
        conn.execute("COMMIT")
    seconds = time.perf_counter() - began
    conn.close()
    return {"batch": size.batch, "changes": len(rows), "changes_per_second": round(len(rows) / seconds)}


def sqlite_commit(folder: Path, samples: int) -> dict[str, float]:
    """One row and its commit, synchronous=FULL: below this no answered change can be."""
    conn = bare_log(folder / "commit.db")
    took = []
    for _ in range(samples):
        start = time.perf_counter()
        commit(conn, ROW)
        took.append(time.perf_counter() - start)
    conn.close()
    return percentiles(took)


def http_commit(folder: Path, samples: int) -> dict[str, float]:
    """The same behind HTTP, in a process of its own with a thread that writes: what one change by itself waits for."""

    async def ask(server: Server) -> list[float]:
        took = []
        async with Link(server.host, server.port) as link:
            for _ in range(samples):
                start = time.perf_counter()
                await link.ask("POST", "/", ROW)
                took.append(time.perf_counter() - start)
        return took

    with serving(folder, f"{shlex.quote(sys.executable)} -m tests.bench.bare {{data}}") as server:
        return percentiles(asyncio.run(ask(server)))


def socket_files(folder: Path, photos: int, photo_bytes: int, at_once: int) -> dict[str, Any]:
    """Files through sockets, hashed on arrival and flushed to disk, so many at once; no HTTP, no database."""
    content = random.Random(1).randbytes(photo_bytes)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        places = [folder / str(number) for number in range(at_once)]
        for place in places:
            place.mkdir()
        began = time.perf_counter()
        shares = [photos // at_once + (number < photos % at_once) for number in range(at_once)]
        address = listening.getsockname()
        senders = [threading.Thread(target=_send, args=(address, content, share)) for share in shares]
        for sender in senders:
            sender.start()
        for place in places:
            link, _ = listening.accept()
            threading.Thread(target=_serve, args=(link, place, photo_bytes), daemon=True).start()
        for sender in senders:
            sender.join()
        seconds = time.perf_counter() - began
    return {"photos": photos, "mb_per_second": round(photos * photo_bytes / seconds / 1e6)}


def _send(address: tuple[str, int], content: bytes, count: int) -> None:
    with socket.create_connection(address) as link:
        for _ in range(count):
            link.sendall(b"n")
            link.sendall(content)
            assert link.recv(1) == b"k"


def _serve(link: socket.socket, place: Path, size: int) -> None:
    with link:
        number = 0
        while link.recv(1):
            _keep(link, place / f"{number}.part", size)
            link.sendall(b"k")
            number += 1


def _keep(link: socket.socket, path: Path, left: int) -> None:
    hasher = hashlib.sha256()
    with path.open("wb") as out:
        while left:
            part = link.recv(min(CHUNK_BYTES, left))
            hasher.update(part)
            out.write(part)
            left -= len(part)
        out.flush()
        os.fsync(out.fileno())
    path.rename(path.with_name(f"{path.stem}-{hasher.hexdigest()}"))
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
