"""`hucha backup` beside a real server under load, killed itself at random moments; and the server made again."""

import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from server.settings import Settings
from server.storage import table_copy
from server.storage.backup_files import BackupFiles
from server.storage.database import Database
from tests.contract.talk import ask
from tests.torture.server_load import TabletOnTheLine, prepare
from tests.torture.server_process import ServerProcess

KILLED = 4
PATIENCE_SECONDS = 240

pytestmark = pytest.mark.e2e


def hucha(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end."""
    command = [sys.executable, "-m", "server", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS)


def kill_one(folder: Path, data: Path, after_seconds: float) -> bool:
    """Kills a backup a moment after it has begun to copy; whether it was cut off."""
    files = BackupFiles(folder)
    before, lists = len(list(folder.glob("contents/*/*"))), files.names()
    process = subprocess.Popen(
        [sys.executable, "-m", "server", "backup", str(folder), "--data", str(data)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(list(folder.glob("contents/*/*"))) == before and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(after_seconds)
    process.kill()
    return process.wait() == -signal.SIGKILL and files.names() == lists


def under_load(data: Path, folder: Path) -> list[str]:
    """Backups beside a server under load, most of them killed; what the server refused meanwhile."""
    rnd = random.Random(20261125)
    passes = prepare(data)
    server = ServerProcess(data)
    server.start()
    tablets = [TabletOnTheLine(server, passes, number) for number in range(3)]
    try:
        made = hucha("backup", str(folder), "--data", str(data))
        assert made.returncode == 0, made.stderr
        cut = [kill_one(folder, data, rnd.uniform(0, 0.1)) for _ in range(KILLED)]
        assert sum(cut) >= KILLED // 2, "hardly any was cut off"
        last = hucha("backup", str(folder), "--data", str(data), "--keep", "2")
        assert last.returncode == 0, last.stderr
    finally:
        for tablet in tablets:
            tablet.end()
        server.end(signal.SIGKILL)
    return [text for tablet in tablets for text in tablet.refused]


def test_a_server_under_load_is_backed_up_and_made_again(tmp_path: Path) -> None:
    data, folder, fresh = tmp_path / "data", tmp_path / "backups", tmp_path / "fresh"
    data.mkdir()
    fresh.mkdir()
    assert under_load(data, folder) == [], "the backups stood in the server's way"
    checked = hucha("backup", str(folder), "--check")
    assert checked.returncode == 0, checked.stderr
    assert len(checked.stdout.splitlines()) == len(BackupFiles(folder).names()) == 2
    manifest = BackupFiles(folder).read(BackupFiles(folder).names()[-1]).manifest
    assert manifest.photos
    with Database.open(Settings(data=data).database_url) as db:
        assert ask(db, "SELECT count(*) FROM photo WHERE backed_up") == [(len(manifest.photos),)]
    refused = hucha("restore", str(folder), "--data", str(data))
    assert (refused.returncode, "not_empty" in refused.stderr) == (2, True)
    restored = hucha("restore", str(folder), "--data", str(fresh))
    assert restored.returncode == 0, restored.stderr
    found = re.search(r"log root ([0-9a-f]{16})", restored.stdout)
    assert found is not None
    assert manifest.log_root.startswith(found[1])
    assert hucha("rebuild", "--data", str(fresh), "--check").returncode == 0
    with Database.open(Settings(data=fresh).database_url) as db:
        assert db.read(table_copy.log_root) == (manifest.operations, manifest.log_root)
    assert hucha("restore", str(folder), "--data", str(data), "--replace").returncode == 0
    assert list(data.glob("hucha.db.before-restore-*"))
