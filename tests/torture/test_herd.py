"""A thundering herd: all tablets come at once, are served or told when to come again, and nothing is lost (F20)."""

import asyncio
import random
import signal
import time
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mobile.settling import Journal
from mobile.sync import pause_ms
from server.intake.rebuild import rebuild
from server.settings import Settings
from server.storage.database import Database
from shared_schema import wire
from shared_schema.operations import Note
from tests.contract.plan import CHECKLIST, inspection_id, plan
from tests.contract.talk import ask
from tests.make import Scribe, make_request
from tests.torture.amount import count
from tests.torture.server_process import ServerProcess

CLIENTS = count(500, 2000)
OPS = 20
WITHIN_SECONDS = 3.0
"""All of them come within so long."""
TRIES_MAX = 40
LOOKS_MIN = 5
"""So often at least somebody must have looked at the console meanwhile, or nothing was shown of it."""
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
ITEM = CHECKLIST.items[0].id
BUSY = httpx.codes.SERVICE_UNAVAILABLE

pytestmark = pytest.mark.e2e


class Client:
    """One tablet on a connection of its own, with the app's own patience."""

    def __init__(self, number: int) -> None:
        self._chance = random.Random(number)
        scribe = Scribe(
            device=f"D-{1 + number % 2}", epoch=f"E-{number}", inspection=inspection_id(1, 1 + number % 10)
        )
        self.raws = [scribe.write(Note(ITEM, f"{number}/{n}")).raw for n in range(OPS)]
        request = make_request(scribe.written)
        self._body = wire.encode_packed(request)
        self._headers = {
            wire.DEVICE_HEADER: request.device,
            wire.SIGNATURE_HEADER: KEY.sign(self._body).hex(),
        }
        self.turned_away = 0
        self.took_seconds = 0.0
        self.done = False

    async def run(self, line: httpx.AsyncClient, url: str) -> None:
        """Comes, and comes again until it is served."""
        await asyncio.sleep(self._chance.uniform(0, WITHIN_SECONDS))
        began = time.monotonic()
        for attempt in range(1, TRIES_MAX):
            facts: dict[str, str] = {}
            try:
                reply = await line.post(f"{url}/sync", content=self._body, headers=self._headers)
            except httpx.TransportError:
                reply = None
            if reply is not None and reply.status_code == httpx.codes.OK:
                statuses = wire.read_reply(reply.content).statuses
                self.done = {one.status for one in statuses} <= {"accepted", "duplicate"}
                self.took_seconds = time.monotonic() - began
                return
            if reply is not None:
                assert reply.status_code == BUSY, reply.text
                if reply.headers.get("retry-after"):
                    facts = {"wait_seconds": reply.headers["retry-after"]}
            self.turned_away += 1
            pause = pause_ms(Journal(attempts=attempt, facts=facts), self._chance.randbytes(4))
            await asyncio.sleep(pause / 1000)


async def look(url: str, seen: list[float], ended: asyncio.Event) -> None:
    """Somebody at the console opens a page, again and again."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as line:
        while not ended.is_set():
            began = time.monotonic()
            reply = await line.get(f"{url}/sign-in", follow_redirects=True)
            if reply.status_code != BUSY:
                assert reply.status_code == httpx.codes.OK, reply.text
                seen.append(time.monotonic() - began)
            await asyncio.sleep(0.1)


async def herd(url: str, clients: list[Client]) -> list[float]:
    """All of them at once; how long the console's pages took meanwhile."""
    seen: list[float] = []
    ended = asyncio.Event()
    looking = asyncio.create_task(look(url, seen, ended))
    # Each request that is under way has a connection of its own, and so has each tablet.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(trust_env=False, timeout=120, limits=limits) as line:
        await asyncio.gather(*(one.run(line, url) for one in clients))
    ended.set()
    await looking
    return seen


def test_a_herd_is_served_whole_and_the_console_goes_on(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    with Database.open(settings.database_url) as db:
        db.write(lambda conn: plan(conn, public_key=KEY.public_key().public_bytes_raw().hex()))
    clients = [Client(number) for number in range(CLIENTS)]
    server = ServerProcess(tmp_path)
    server.start()
    try:
        seen = asyncio.run(herd(server.url, clients))
        peak = server.peak_bytes()
    finally:
        ended = server.end(signal.SIGTERM)
    assert ended in {0, -signal.SIGTERM}
    took = sorted(one.took_seconds for one in clients)
    print(
        f"{CLIENTS} clients: p50 {took[len(took) // 2]:.1f} s, p99 {took[len(took) * 99 // 100]:.1f} s,"
        f" told to come again {sum(one.turned_away for one in clients)} times, server {peak / 2**20:.0f} MiB;"
        f" console {len(seen)} pages, slowest {max(seen):.1f} s"
    )
    assert [one for one in clients if not one.done] == []
    assert len(seen) >= LOOKS_MIN
    with Database.open(settings.database_url) as db:
        stored = [bytes(raw) for (raw,) in ask(db, "SELECT raw FROM operation")]
        assert len(stored) == CLIENTS * OPS
        assert set(stored) == {raw for one in clients for raw in one.raws}
        assert rebuild(db, check=True).differences == ()
