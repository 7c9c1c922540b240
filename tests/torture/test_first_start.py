"""The power goes after a first start, which made the folder of the data: what was said to be saved is in it."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from random import Random

from server.storage.database import Database
from tests.contract.plan import plan
from tests.torture.conftest import Count
from tests.torture.powercut import KINDS, cuts, lay_out, record
from tests.torture.share import part_of
from tests.torture.syscalls import Say

DATABASE = Path("var/hucha/hucha.db")


def test_what_a_first_start_saved_is_there_after_a_power_cut(disk: Path, count: Count) -> None:
    def begin(saved: Say) -> None:
        with Database.open(f"sqlite:///{played / DATABASE}") as db:
            db.write(plan)
            saved(b"campaign:C-1")

    played, cut = disk / "played", disk / "cut"
    played.mkdir()
    recording = record(begin, played)
    assert recording.acks == [b"campaign:C-1"]
    images = max(len(recording.events) + 1, part_of(20_000))
    after = 0
    for one in cuts(recording, images, Random(1)):
        lay_out(one.files, cut)
        found = _campaigns(cut / DATABASE)
        assert one.acked <= found, f"{one.kind} before event {one.at}"
        after += bool(one.acked)
    assert after >= len(KINDS)
    count(f"{after} disks after it was said, 0 lost")


def _campaigns(path: Path) -> set[bytes]:
    with (
        suppress(sqlite3.OperationalError),
        closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as conn,
    ):
        return {f"campaign:{name}".encode() for (name,) in conn.execute("SELECT id FROM campaign")}
    return set()
