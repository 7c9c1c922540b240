"""What the board says of the last backup and of a disk that fills up."""

from collections.abc import Iterator

import pytest

from server.storage import backup_notes
from server.storage.backup_notes import Noted
from server.storage.disk import free_percent
from tests.unit.server.console.desk import Console, console

PROGRESS = "/campaigns/HD-2026-HC/progress"
HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with console(tmp_path_factory.mktemp("progress")) as one:
        yield one


def noted(made: Console, hours_ago: int, missing: int = 0) -> None:
    made_at_ms = made.now_ms - hours_ago * HOUR_MS
    one = Noted(
        name="backup-x.json",
        made_at_ms=made_at_ms,
        noted_at_ms=made_at_ms,
        operations=1,
        photos=1,
        photos_missing=missing,
        size_bytes=1,
        log_root="0" * 64,
    )
    made.db.write(lambda conn: backup_notes.keep(conn, one))


def test_the_last_backup_is_told_and_an_old_one_warned_of(made: Console) -> None:
    desk = made.desk("coordinator")
    assert "服务器还没有备份" in desk.get(PROGRESS).text
    noted(made, 2)
    page = desk.get(PROGRESS).text
    assert "最近备份：" in page
    assert "最近一次备份已是" not in page
    noted(made, 30, missing=3)
    page = desk.get(PROGRESS).text
    assert "最近一次备份已是" in page
    assert "有 3 张照片在服务器上已无法读取" in page


def test_a_disk_that_fills_up_is_told(made: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    room = made.client.app.state["console"].room
    monkeypatch.setattr(room, "_free", lambda _: 8.04)
    assert "服务器磁盘仅剩 8.0%，请尽快清理" in made.desk("coordinator").get(PROGRESS).text
    monkeypatch.setattr(room, "_free", lambda _: 3.0)
    assert "暂不接收照片" in made.desk("coordinator").get(PROGRESS).text
    monkeypatch.setattr(room, "_free", free_percent)
