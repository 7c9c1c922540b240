"""A real disk that fills up: first a warning, then photos wait, and operations and reads go on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from server.storage.database import Database
from server.storage.disk import free_percent
from shared_schema.ids import digest
from shared_schema.operations import Note
from shared_schema.wire import UPLOAD_MEDIA_TYPE
from tests.contract.files import KEY, PUBLIC, Files, metadata, pass_for, picture
from tests.contract.plan import CHECKLIST, inspection_id, plan
from tests.contract.talk import NOW_MS, ask, outcomes, say
from tests.make import Scribe
from tests.small_disk import elsewhere, small_disk

DISK_BYTES = 16 * 1024 * 1024


@pytest.fixture
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A disk of its own, of 16 MB, in memory."""
    with small_disk(tmp_path / "disk", DISK_BYTES) as mounted:
        if not mounted:
            elsewhere(request.node.nodeid)
        yield tmp_path / "disk"


def fill(disk: Path, free: float) -> None:
    """Fills the disk until so many percent of it are free."""
    ballast = disk / "ballast"
    ballast.unlink(missing_ok=True)
    left = int(DISK_BYTES * (free_percent(disk) - free) / 100)
    ballast.write_bytes(bytes(left))


def test_a_disk_that_fills_up(disk: Path) -> None:
    with Database.open(f"sqlite:///{disk / 'hucha.db'}") as db:
        db.write(lambda conn: plan(conn, public_key=PUBLIC))
        files = Files(db, disk / "photos", lambda: NOW_MS, free=free_percent)
        scribe = Scribe(device="D-1", epoch="E-1", inspection=inspection_id(1, 1))

        def upload(number: int) -> tuple[int, str]:
            photo = picture(number)
            told = {
                "upload-length": str(len(photo)),
                "upload-metadata": metadata(sha256=digest(photo)),
                "content-type": UPLOAD_MEDIA_TYPE,
            }
            reply = files.ask("POST", "", photo, {**pass_for(db, NOW_MS, "D-1", KEY), **told})
            assert reply is not None
            return reply.status, reply.headers.get("retry-after", "")

        def record() -> list[str]:
            return outcomes(say(db, [scribe.write(Note(CHECKLIST.items[0].id, "满"), person="P-1")]))

        assert upload(1) == (201, "")
        fill(disk, 8)
        with capture_logs() as logs:
            assert upload(2) == (201, "")
        assert {one["event"] for one in logs} >= {"disk_nearly_full"}
        fill(disk, 4)
        with capture_logs() as logs:
            assert upload(3) == (507, "60")
        assert {one["event"] for one in logs} >= {"photos_refused"}
        assert record() == ["accepted"]
        assert ask(db, "SELECT count(*) FROM operation") == [(1,)]
        (disk / "ballast").unlink()
        assert upload(3) == (201, ""), "once there is room, without a restart"
        files.close()
