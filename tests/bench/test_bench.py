"""The benchmark itself works: small, never by time."""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench import peers
from tests.bench.__main__ import main
from tests.bench.server import serving
from tests.bench.w1 import Size

pytestmark = pytest.mark.e2e

SERVER_OF_THREE = """
import os, time

def start(then):
    pid = os.fork()
    if not pid:
        held = os.urandom(2**25)
        while time.process_time() < 0.3:
            pass
        then()
        os._exit(0)
    return pid

def stay():
    os.close(alive)
    os.write(told, b".")
    os.read(ended, 1)

os.waitpid(start(lambda: None), 0)
(done, told), (ended, alive) = os.pipe(), os.pipe()
start(stay)
os.read(done, 1)
held = os.urandom(2**25)
print("http://127.0.0.1:1", flush=True)
os.read(ended, 1)
"""


def test_a_small_benchmark_takes_every_change_and_its_rows_are_what_the_log_makes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "result.json"
    asked = (
        "--workloads=raw,w1,w2,w4 --items=9 --tablets=2 --changes=40 --batches=20 --sizes=10,30 --samples=2 "
        f"--photos=2 --photo-bytes=1000 --at-once=2 --contacts=4 --contact-changes=3 --within=0.1 --out={out}"
    )
    assert main(asked.split()) == 0
    result = json.loads(out.read_text(encoding="utf-8"))
    assert json.loads(capsys.readouterr().out) == result
    (w1,) = result["w1"]
    assert (w1["changes"], w1["not_accepted"], w1["rebuild_differences"]) == (80, 0, 0)
    assert [one["operations"] for one in result["w2"]["sizes"]] == [10, 30]
    assert result["w4"]["not_accepted"] == 0
    assert result["ratios"].keys() == {
        "w1_20_over_sqlite_3000",
        *(f"w2_{size}_over_{what}" for size in (10, 30) for what in ("commit", "http_commit")),
    }


def test_peers_that_cannot_be_installed_are_named_and_the_rest_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(peers, "INSTALLED", tmp_path / "peers")
    monkeypatch.setenv("PATH", str(tmp_path))  # neither Node nor npm
    asked = "--workloads=w1,peers --items=9 --tablets=2 --changes=10 --batches=5"
    assert main(asked.split()) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["peers"]["changes"] == []
    assert {one["peer"] for one in result["peers"]["not_run"]} == {*peers.OF_CHANGES, peers.OF_PHOTOS}
    assert all("npm" in one["why"] for one in result["peers"]["not_run"])
    assert [one["changes"] for one in result["w1"]] == [20]


def test_a_peer_that_breaks_off_is_named_with_its_batch_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def changes(folder: Path, peer: str, size: Size) -> dict[str, Any]:
        assert folder.is_dir()
        if (peer, size.batch) == (peers.KINTO, 100):
            raise subprocess.TimeoutExpired("node", peers.SECONDS_MAX)
        return {"peer": peer, "batch": size.batch, "changes_per_second": 1}

    monkeypatch.setattr(peers, "install", lambda: {peers.OF_PHOTOS: "not today"})
    monkeypatch.setattr(peers, "changes", changes)
    assert main(["--workloads=peers", "--batches=1000,100"]) == 0
    told = json.loads(capsys.readouterr().out)["peers"]
    assert [(one["peer"], one.get("batch")) for one in told["not_run"]] == [
        (peers.OF_PHOTOS, None),
        (peers.KINTO, 100),
    ]
    assert [(one["peer"], one["batch"]) for one in told["changes"]] == [
        (peer, batch)
        for peer in peers.OF_CHANGES
        for batch in (1000, 100)
        if (peer, batch) != (peers.KINTO, 100)
    ]
    assert told["photos"] == {}


def test_what_a_server_starts_is_its_own_work(tmp_path: Path) -> None:
    """As its database is: one process here has ended, another still runs."""
    script = tmp_path / "server.py"
    script.write_text(SERVER_OF_THREE, encoding="utf-8")
    with serving(tmp_path, shlex.join([sys.executable, str(script)])) as server:
        assert server.cpu_seconds() >= 2 * 0.3
        assert server.peak_bytes() >= 2 * 2**25
