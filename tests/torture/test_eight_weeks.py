"""A tablet that was offline for eight weeks comes back over a line that breaks, to a server that is killed (F19)."""

import random
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from mobile import photos
from mobile.player import draw
from mobile.sync import Sync
from mobile.transport import HttpTransport, Offline
from server.settings import Settings
from server.storage.database import Database
from server.storage.photo_files import PhotoFiles
from shared_schema.ids import digest
from shared_schema.operations import Count
from tests.contract.talk import ask
from tests.torture.server_process import ServerProcess
from tests.torture.share import at_least
from tests.unit.mobile.world import COUNT, LEADER, SCENE, VISIT, Server, Tablet

OPERATIONS = at_least(1500, 20_000)
PHOTOS = at_least(60, 1500)
SERVER_BYTES_MAX = 256 * 1024 * 1024
CUTS_MIN = 3
"""So often the line must have broken, or it was no bad line."""
RUNS_MAX = 400

pytestmark = pytest.mark.e2e


class BadLine(HttpTransport):
    """Loses every few requests, before they get there or after."""

    def __init__(self, url: str, chance: random.Random) -> None:
        super().__init__(url)
        self._chance = chance
        self.cuts = 0

    def _cut(self) -> None:
        if self._chance.random() < 0.03:
            self.cuts += 1
            raise Offline("the line broke")

    def sync(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        self._cut()
        reply = super().sync(body, headers)
        self._cut()
        return reply

    def files(self, method: str, name: str, body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        self._cut()
        reply = super().files(method, name, body, headers)
        self._cut()
        return reply


class Journey(NamedTuple):
    """How it went home."""

    cuts: int
    ops_seconds: float
    seconds: float
    server_bytes: int
    """The most that the server had in use."""


def test_eight_weeks_come_home_whole(tmp_path: Path) -> None:
    home = Server(tmp_path)
    tablet = Tablet(tmp_path, home, "T-1")
    tablet.meet()
    home.close()
    settings = Settings(data=tmp_path / "data")
    settings.data.mkdir()
    (tmp_path / "server.db").rename(settings.database_url.removeprefix("sqlite:///"))
    eight_weeks(tablet)
    journey = goes_home(tablet, ServerProcess(settings.data))
    print(
        f"{OPERATIONS} operations in {journey.ops_seconds:.1f} s, {PHOTOS} photos in {journey.seconds:.1f} s,"
        f" {journey.cuts} cuts, server {journey.server_bytes / 2**20:.0f} MiB"
    )
    assert journey.cuts >= CUTS_MIN
    assert journey.server_bytes <= SERVER_BYTES_MAX
    with Database.open(settings.database_url) as db:
        stored = [bytes(raw) for (raw,) in ask(db, "SELECT raw FROM operation ORDER BY number")]
        names = {name for (name,) in ask(db, "SELECT sha256 FROM photo")}
    held = tablet.store._rows("SELECT raw FROM operation ORDER BY position")
    assert stored == [bytes(raw) for (raw,) in held]
    assert len(stored) == 1 + OPERATIONS + PHOTOS
    assert names == {name for (name,) in tablet.store._rows("SELECT sha256 FROM photo")}
    assert len(names) == PHOTOS
    files = PhotoFiles(settings.photo_dir)
    assert all(digest(files.get(name)) == name for name in names)
    tablet.close()


def eight_weeks(tablet: Tablet) -> None:
    """Taps and photos, far from any server."""
    tablet.open_visit()
    for number in range(OPERATIONS):
        tablet.desk.answer(LEADER, VISIT, COUNT, Count(number % 9))
    for number in range(PHOTOS):
        taken = photos.take(draw(f"weeks/{number}", 96, 72), tablet.folder / "photos", tablet.vault)
        tablet.desk.attach_photo(LEADER, VISIT, SCENE, taken)


def goes_home(tablet: Tablet, server: ServerProcess) -> Journey:
    """Exchanges until all is handed over; the server is killed once on the way."""
    server.start()
    line = BadLine(server.url, random.Random(19))
    entropy = random.Random(20).randbytes
    folder = tablet.folder / "photos"
    sync = Sync(tablet.store, tablet.vault, line, folder, entropy=entropy, clock=lambda: tablet.clock_ms)
    began, ops_seconds, peak = time.monotonic(), 0.0, 0
    left = [_left(tablet)]
    try:
        report = sync.once()
        for _ in range(RUNS_MAX):
            left.append(_left(tablet))
            assert left[-1] <= left[-2], "what was done is done again"
            if not ops_seconds and not tablet.store.sync_state().unsent:
                ops_seconds = time.monotonic() - began
            if report.outcome == "done" and not left[-1]:
                break
            if not peak and left[-1] < left[0] // 2:
                peak = server.peak_bytes()
                assert server.end(signal.SIGKILL) == -signal.SIGKILL
                server.start()
            report = sync.once()
        assert (report.outcome, left[-1]) == ("done", 0), report
        assert peak, "the server was not killed"
        peak = max(peak, server.peak_bytes())
    finally:
        line.close()
        ended = server.end(signal.SIGTERM)
    assert ended in {0, -signal.SIGTERM}
    return Journey(line.cuts, ops_seconds, time.monotonic() - began, peak)


def _left(tablet: Tablet) -> int:
    return tablet.store.sync_state().unsent + len(tablet.store.photos_to_carry())
