"""A request for a photo that is given up while a thread works for it."""

import asyncio
import threading
from pathlib import Path

import pytest

from server.access.file_tokens import FileTokens
from server.intake.upload_desk import UploadDesk
from server.storage.database import Database
from tests.contract.files import Files
from tests.unit.server.intake.test_upload_desk import NOW_MS


def test_one_that_is_given_up_twice_lets_go_of_nothing_in_use(tmp_path: Path) -> None:
    """By the server that ends and the line that is cut at once: the file was closed while a thread wrote into it."""
    begun, go_on = threading.Event(), threading.Event()
    done = []

    def work() -> None:
        begun.set()
        go_on.wait(10)
        done.append(True)

    async def given_up(desk: UploadDesk) -> None:
        task = asyncio.ensure_future(desk._run(work))
        await asyncio.to_thread(begun.wait)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0.01)
            assert not task.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert done

    with Database.open(f"sqlite:///{tmp_path / 'hucha.db'}") as db:
        files = Files(db, tmp_path / "photos", lambda: NOW_MS)
        desk = UploadDesk(files.uploads, FileTokens(db), lambda: NOW_MS)
        asyncio.run(given_up(desk))
        desk.close()
        files.close()
