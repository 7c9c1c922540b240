"""An ordinary tus client hands photos in, unchanged: it is only given the fixed header."""

import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import pytest
from tusclient.client import TusClient

from server.app import running
from server.settings import Settings
from server.storage.database import Database
from server.storage.photo_files import PhotoFiles
from shared_schema.ids import digest
from shared_schema.wire import PASS_HEADER
from tests.contract.files import PUBLIC, pass_for, picture
from tests.contract.plan import plan

pytestmark = pytest.mark.e2e


class Place(NamedTuple):
    """A running server and what it keeps."""

    client: TusClient
    photos: PhotoFiles


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    settings = Settings(data=tmp_path, port=0, log_level="error")
    with Database.open(settings.database_url) as db:
        db.write(lambda conn: plan(conn, public_key=PUBLIC))
        headers = pass_for(db, time.time_ns() // 1_000_000)
        with running(settings, db) as url:
            client = TusClient(f"{url}/files/", headers={PASS_HEADER: headers[PASS_HEADER]})
            yield Place(client, PhotoFiles(settings.photo_dir))


def test_tuspy_uploads_in_parts(place: Place) -> None:
    """It names no hash, and sends an empty Upload-Metadata where it has none."""
    content = picture(1, 300_000)
    place.client.uploader(file_stream=BytesIO(content), chunk_size=70_000).upload()
    assert place.photos.get(digest(content)) == content


def test_tuspy_goes_on_where_it_was(place: Place) -> None:
    content = picture(2, 300_000)
    first = place.client.uploader(
        file_stream=BytesIO(content), chunk_size=100_000, metadata={"filename": "门.jpg"}
    )
    first.upload(stop_at=100_000)
    again = place.client.uploader(file_stream=BytesIO(content), chunk_size=100_000, url=first.url)
    assert again.offset == 100_000
    again.upload()
    assert place.photos.get(digest(content)) == content
