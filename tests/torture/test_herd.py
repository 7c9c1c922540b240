"""A thundering herd: all tablets come at once, are served or told when to come again, and nothing is lost (F20)."""

import asyncio
import random
import signal
import time
from pathlib import Path

import httpx
import pytest

from mobile.pauses import pause_ms
from mobile.settling import Journal
from server.access.patience import AGAIN_SECONDS
from server.app import running
from server.intake.rebuild import rebuild
from server.settings import Settings
from server.storage.database import Database
from shared_schema import wire
from shared_schema.operations import Note
from tests.contract.plan import inspection_id
from tests.contract.talk import ask
from tests.make import Scribe, make_request
from tests.torture.conftest import Count
from tests.torture.server_load import ITEM, KEY, prepare
from tests.torture.server_process import ServerProcess
from tests.torture.share import at_least

CLIENTS = at_least(80, 2000)
OPS = 20
CROWD = 40
PLACES = 8
"""So many connections at once a server has that is crowded by them."""
WITHIN_SECONDS = 1.0
"""All of them come within so long."""
TRIES_MAX = 40
LOOKS_MIN = 5
"""So often at least somebody must have looked at the console meanwhile, or nothing was shown of it."""
BUSY = httpx.codes.SERVICE_UNAVAILABLE

pytestmark = pytest.mark.e2e


class Client:
    """One tablet on a connection of its own, with the app's own patience."""

    def __init__(self, number: int, within_seconds: float = WITHIN_SECONDS) -> None:
        self._within_seconds = within_seconds
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
        self.waits: list[tuple[float, float]] = []
        """Each time a server that was there had no room: the seconds it asked for, and those that were waited."""
        self.took_seconds = 0.0
        self.done = False

    async def run(self, line: httpx.AsyncClient, url: str) -> None:
        """Comes, and comes again until it is served."""
        await asyncio.sleep(self._chance.uniform(0, self._within_seconds))
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
                facts = {"wait_seconds": reply.headers["retry-after"]}
            self.turned_away += 1
            pause = pause_ms(Journal(attempts=attempt, facts=facts), self._chance.randbytes(4)) / 1000
            if facts:
                self.waits.append((float(facts["wait_seconds"]), pause))
            await asyncio.sleep(pause)


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


def everything_is_there(data: Path, clients: list[Client]) -> None:
    """Asserts that what they all handed in is stored, once, and counted."""
    assert [one for one in clients if not one.done] == []
    with Database.open(Settings(data=data).database_url) as db:
        stored = [bytes(raw) for (raw,) in ask(db, "SELECT raw FROM operation")]
        assert len(stored) == len(clients) * OPS
        assert set(stored) == {raw for one in clients for raw in one.raws}
        assert rebuild(db, check=True).differences == ()


def test_a_herd_is_served_whole_and_the_console_goes_on(tmp_path: Path, count: Count) -> None:
    prepare(tmp_path)
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
    count(
        f"{CLIENTS} clients: p50 {took[len(took) // 2]:.1f} s, p99 {took[len(took) * 99 // 100]:.1f} s,"
        f" told to come again {sum(one.turned_away for one in clients)} times, server {peak / 2**20:.0f} MiB;"
        f" console {len(seen)} pages, slowest {max(seen):.1f} s"
    )
    assert len(seen) >= LOOKS_MIN
    everything_is_there(tmp_path, clients)


def test_those_for_whom_there_is_no_room_come_again_when_they_were_told(
    tmp_path: Path, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few places and many tablets: each waits as long as it was asked to, no two the same, and all are served."""
    monkeypatch.setattr("server.app.CONNECTIONS_MAX", PLACES)
    prepare(tmp_path)
    clients = [Client(number, within_seconds=0.1) for number in range(CROWD)]
    with running(Settings(data=tmp_path, port=0, log_level="error")) as url:
        asyncio.run(herd(url, clients))
    waits = [wait for one in clients for wait in one.waits]
    count(f"{CROWD} clients, {PLACES} places: told to come again {len(waits)} times")
    assert len(waits) >= PLACES, "there was room for everybody"
    assert all(asked == AGAIN_SECONDS <= waited for asked, waited in waits)
    assert len({waited for _, waited in waits}) > len(waits) * 0.9, "all of them come at once again"
    everything_is_there(tmp_path, clients)
