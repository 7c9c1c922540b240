"""A server whose disk is nearly full: photos wait on the tablet, and it says so; operations go on."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from mobile import photos
from server.storage.disk import Room
from shared_schema.problems import sentence
from tests.unit.mobile.world import LEADER, SCENE, VISIT, Server, Tablet


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path)
    yield one
    one.close()


def test_photos_wait_and_operations_go_on(server: Server, tmp_path: Path) -> None:
    tablet = Tablet(tmp_path, server, "T-1")
    tablet.meet()
    tablet.open_visit()
    out = BytesIO()
    Image.new("RGB", (40, 30), (1, 90, 200)).save(out, "PNG")
    taken = photos.take(out.getvalue(), tablet.folder / "photos", tablet.vault)
    tablet.desk.attach_photo(LEADER, VISIT, SCENE, taken)
    server.files.uploads._room = Room(tmp_path, free=lambda _: 4.0)
    report = tablet.sync.once()
    assert (report.outcome, report.accepted, report.photos) == ("failed", 2, 0)
    state = tablet.store.sync_state()
    assert (state.problem, state.unsent, state.photos_left) == ("server_full", 0, 1)
    assert "照片仍在本机" in sentence(state.problem, state.facts, "zh")
    assert photos.fetch(taken.sha256, tablet.folder / "photos", tablet.vault)
    server.files.uploads._room = Room(tmp_path, free=lambda _: 50.0)
    assert tablet.meet().photos == 1
    assert not tablet.store.sync_state().problem
    tablet.close()
