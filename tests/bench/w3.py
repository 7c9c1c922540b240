"""W3: photos over tus 1.0.0, several at once, and one whose connection breaks at half and is resumed."""

import asyncio
import base64
import hashlib
import json
import random
import time
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from server.storage.database import Database
from tests.bench.http import Link
from tests.bench.plan import Tablet, enter, make_plan
from tests.bench.server import Server, serving

TUS = {"tus-resumable": "1.0.0"}
OFFSET = {"content-type": "application/offset+octet-stream"}
CREATED, DONE = 201, 204
CUT_PAUSE_SECONDS = 0.3
"""Until the server has noticed that the sender hung up."""


class Photo(NamedTuple):
    """One photo's bytes and their name."""

    content: bytes
    sha256: str


def run(folder: Path, photos: int, photo_bytes: int, at_once: int, seed: int, command: str) -> dict[str, Any]:
    """So many photos, no two alike, each created and sent whole; then one in two parts."""
    rng = random.Random(seed)
    plan = make_plan(2, 8, rng)
    with Database.open(f"sqlite:///{folder / 'hucha.db'}") as db:
        db.write(lambda conn: enter(conn, plan))
    filler = rng.randbytes(photo_bytes)
    work = [make_photo(number, filler) for number in range(photos + 1)]
    with serving(folder, command) as server:
        found = asyncio.run(_send_all(work, at_once, server, plan.tablets[0]))
    return {"photos": photos, "photo_bytes": photo_bytes, "at_once": at_once, **found}


def make_photo(number: int, filler: bytes) -> Photo:
    """A small JPEG with bytes behind its end, which decoders do not read: as large as a photo, like no other."""
    out = BytesIO()
    Image.new("RGB", (32, 24), (number % 256, 90, 60)).save(out, "JPEG")
    head = out.getvalue() + number.to_bytes(8, "big")
    content = head + filler[len(head) :]
    return Photo(content, hashlib.sha256(content).hexdigest())


async def _send_all(work: list[Photo], at_once: int, server: Server, tablet: Tablet) -> dict[str, Any]:
    *whole, cut = work
    async with Link(server.host, server.port) as link:
        server_id = json.loads((await link.ask("GET", "/healthz")).body)["server"]
    may = {**TUS, **token(server_id, tablet)}
    used = await send_whole(whole, at_once, server, may)
    return {**used, **await _cut(cut, server, may)}


async def send_whole(
    photos: list[Photo], at_once: int, server: Server, may: Mapping[str, str]
) -> dict[str, Any]:
    """Each created and sent, so many at once, with these headers; how fast that went, and what it took."""
    waiting = iter(photos)
    cpu, own, began = server.cpu_seconds(), time.process_time(), time.perf_counter()

    async def send() -> None:
        async with Link(server.host, server.port) as link:
            for photo in waiting:
                await _send(link, photo, may)

    await asyncio.gather(*(send() for _ in range(at_once)))
    seconds = time.perf_counter() - began
    sent = sum(len(photo.content) for photo in photos)
    return {
        "mb_per_second": round(sent / seconds / 1e6),
        "server_cpu_ms_per_photo": round((server.cpu_seconds() - cpu) / len(photos) * 1e3, 2),
        "client_cpu_ms_per_photo": round((time.process_time() - own) / len(photos) * 1e3, 2),
        "server_peak_mib": round(server.peak_bytes() / 2**20),
    }


def token(server_id: str, tablet: Tablet) -> dict[str, str]:
    """The header by which a tablet may upload for the next hours: what it signs once, and its signature."""
    at_ms = time.time_ns() // 1_000_000
    signature = tablet.key.sign(f"hucha files 1 {server_id} {tablet.device} {at_ms}".encode()).hex()
    return {"hucha-token": f"{tablet.device}.{at_ms}.{signature}"}


async def _create(link: Link, photo: Photo, may: Mapping[str, str]) -> str:
    named = base64.b64encode(photo.sha256.encode()).decode()
    headers = {**may, "upload-length": str(len(photo.content)), "upload-metadata": f"sha256 {named}"}
    made = await link.ask("POST", "/files", b"", headers)
    if made.status != CREATED:
        raise ConnectionError(f"{made.status}: {made.body[:300]!r}")
    return "/" + made.headers["location"].split("://")[-1].split("/", 1)[1]


async def _send(link: Link, photo: Photo, may: Mapping[str, str]) -> None:
    place = await _create(link, photo, may)
    headers = {**may, **OFFSET, "upload-offset": "0"}
    done = await link.ask("PATCH", place, photo.content, headers)
    if done.status != DONE or done.headers["upload-offset"] != str(len(photo.content)):
        raise ConnectionError(f"{done.status}: {done.body[:300]!r}")


async def _cut(photo: Photo, server: Server, may: Mapping[str, str]) -> dict[str, Any]:
    """How much of a photo that broke off at half was kept, and whether the rest made it whole."""
    half = len(photo.content) // 2
    async with Link(server.host, server.port) as link:
        place = await _create(link, photo, may)
        headers = {**may, **OFFSET, "upload-offset": "0"}
        await Link(server.host, server.port).send_part(
            "PATCH", place, photo.content[:half], len(photo.content), headers
        )
        await asyncio.sleep(CUT_PAUSE_SECONDS)
        held = int((await link.ask("HEAD", place, b"", may)).headers["upload-offset"])
        rest = {**may, **OFFSET, "upload-offset": str(held)}
        done = await link.ask("PATCH", place, photo.content[held:], rest)
    return {"cut_at_bytes": half, "kept_bytes": held, "resumed": done.status == DONE}
