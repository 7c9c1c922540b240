"""A real server process killed at random moments under load: what it acknowledged is there afterwards."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.torture.conftest import Count
from tests.torture.server_load import BATCH, TabletOnTheLine, look, prepare
from tests.torture.server_process import START_SECONDS_MAX, ServerProcess
from tests.torture.share import at_least

KILLS = at_least(6, 200)
TABLETS = 4
UP_SECONDS = (0.3, 1.2)
"""So long a process lives."""

pytestmark = pytest.mark.e2e


def test_a_server_killed_under_load_loses_nothing_it_acknowledged(tmp_path: Path, count: Count) -> None:
    passes = prepare(tmp_path)
    rnd = random.Random(20261122)
    server = ServerProcess(tmp_path)
    server.start()
    tablets = [TabletOnTheLine(server, passes, number) for number in range(TABLETS)]
    killed = 0
    try:
        for _ in range(KILLS):
            time.sleep(rnd.uniform(*UP_SECONDS))
            # Every other one amid a photo: on a slow machine, chance alone may never meet one.
            if killed % 2:
                assert any(tablet.under_way.wait(START_SECONDS_MAX) for tablet in tablets)
            assert server.end(signal.SIGKILL) == -signal.SIGKILL
            killed += 1
            began = time.monotonic()
            server.start()
            assert time.monotonic() - began < START_SECONDS_MAX
        time.sleep(UP_SECONDS[1])
    finally:
        for tablet in tablets:
            tablet.end()
        ended = server.end(signal.SIGTERM)
    assert ended in {0, -signal.SIGTERM}
    assert [text for tablet in tablets for text in tablet.refused] == []
    count(f"{killed} kills; {look(tmp_path, tablets)}")
    assert killed == KILLS
    assert sum(tablet.lost_replies for tablet in tablets) >= KILLS, "the kills met nobody"
    assert sum(tablet.resumed for tablet in tablets) >= 1, "no photo was under way"
    assert sum(len(tablet.acknowledged) for tablet in tablets) >= KILLS * BATCH, (
        "hardly anything was acknowledged"
    )
    assert sum(len(tablet.photos) for tablet in tablets) >= KILLS, "hardly a photo was acknowledged"


def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    server.start()
    try:
        second = subprocess.run(
            [sys.executable, "-m", "server", "serve", "--data", str(tmp_path), "--port", "0"],
            capture_output=True,
            timeout=START_SECONDS_MAX,
        )
        assert second.returncode == 2
        assert b"store_in_use" in second.stderr
        assert httpx.get(f"{server.url}/healthz", trust_env=False).status_code == 200
    finally:
        assert server.end(signal.SIGTERM) in {0, -signal.SIGTERM}
