"""The client that tus.io itself keeps, tus-js-client on Node, hands photos in unchanged: only the header is ours.

It is pinned with its digests in tests/contract/tus_js/package-lock.json and installed by `make setup-test`. Without it
these tests fail: a client that was not run has shown nothing.
"""

import json
import shutil
import subprocess
import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.app import running
from server.settings import Settings
from server.storage.database import Database
from server.storage.photo_files import PhotoFiles
from shared_schema.ids import digest
from shared_schema.wire import PASS_HEADER
from tests.contract.files import PUBLIC, pass_for, picture
from tests.contract.plan import plan
from tests.contract.talk import ask

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "tests/contract/tus_js"
HOME = ROOT / ".venv/tus_js"
"""Where `.ci/setup test` puts it."""
SIZE = 300_000
CHUNK = 70_000
SECONDS = 60


@pytest.fixture(scope="module")
def node() -> str:
    """Node, with the very client that is pinned."""
    found = shutil.which("node")
    assert found, "node is missing: run `make setup-test`, or install what Debian calls nodejs (18 or newer)"
    installed = HOME / "node_modules/tus-js-client/package.json"
    assert installed.exists(), "tus-js-client is not installed: run `make setup-test` (it needs npm)"
    wanted = json.loads((CLIENT / "package.json").read_text())["dependencies"]["tus-js-client"]
    assert json.loads(installed.read_text())["version"] == wanted
    return found


class Place:
    """A running server, and the client on its way to it."""

    def __init__(self, node: str, url: str, db: Database, photos: PhotoFiles, folder: Path) -> None:
        self.db = db
        self.photos = photos
        self.url = url
        self._node = node
        self._folder = folder
        headers = pass_for(db, time.time_ns() // 1_000_000)
        self.headers = {PASS_HEADER: headers[PASS_HEADER]}

    def run(self, scenario: str, content: bytes, **more: Any) -> dict[str, Any]:
        """One scenario of client.mjs; what it says."""
        file = self._folder / "photo.jpg"
        file.write_bytes(content)
        asked = {
            "scenario": scenario,
            "endpoint": f"{self.url}/files",
            "headers": self.headers,
            "file": str(file),
            "chunk": CHUNK,
            "metadata": {"filename": "保密室 门口（一）.jpg", "filetype": "image/jpeg"},
            "memory": str(self._folder / "memory.json"),
            **more,
        }
        done = subprocess.run(
            [self._node, str(CLIENT / "client.mjs"), str(HOME), json.dumps(asked)],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def head(self, url: str) -> httpx.Response:
        return httpx.head(url, headers={**self.headers, "tus-resumable": "1.0.0"}, trust_env=False)

    def has(self, content: bytes) -> bool:
        """Whether the photo is here, in the store with its very bytes and in the database."""
        name = digest(content)
        noted = ask(self.db, f"SELECT count(*) FROM photo WHERE sha256 = '{name}'") == [(1,)]
        return noted and self.photos.has(name) and self.photos.get(name) == content


@pytest.fixture(scope="module")
def place(node: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("tus_js")
    settings = Settings(data=folder / "data", port=0, log_level="error")
    with Database.open(settings.database_url) as db:
        db.write(lambda conn: plan(conn, public_key=PUBLIC))
        with running(settings, db) as url:
            yield Place(node, url, db, PhotoFiles(settings.photo_dir), folder)


def methods(found: dict[str, Any]) -> list[str]:
    return [one["method"] for one in found["requests"]]


def test_a_photo_in_chunks(place: Place) -> None:
    content = picture(11, SIZE)
    found = place.run("whole", content)
    assert found["ok"], found
    assert methods(found) == ["POST", *["PATCH"] * 5]
    assert place.has(content)


def test_metadata_with_chinese_names_come_back_as_they_were(place: Place) -> None:
    found = place.run("whole", picture(12, SIZE))
    given = dict(one.split(" ") for one in place.head(found["url"]).headers["upload-metadata"].split(","))
    assert b64decode(given["filename"]).decode() == "保密室 门口（一）.jpg"


def test_pause_and_resume(place: Place) -> None:
    """It asks how far the server is and goes on from there; nothing is sent twice."""
    content = picture(13, SIZE)
    found = place.run("pause_and_resume", content)
    assert found["ok"], found
    assert found["paused_at"] == CHUNK
    assert found["resumed_by"][0]["method"] == "HEAD"
    assert found["resumed_by"][1] == {"method": "PATCH", "offset": str(CHUNK)}
    assert place.has(content)


@pytest.mark.parametrize("way", ["by_url", "by_memory"])
def test_another_run_goes_on_where_the_first_was(place: Place, way: str) -> None:
    """By the address it was told, and by what the client itself keeps of former uploads."""
    content = picture(14 + len(way), SIZE)
    found = place.run(way, content)
    assert found["ok"], found
    assert found["resumed_by"][:2] == [
        {"method": "HEAD", "offset": None},
        {"method": "PATCH", "offset": str(CHUNK)},
    ]
    assert place.has(content)


def test_bytes_in_the_request_that_begins_the_upload(place: Place) -> None:
    """The whole photo in one request; or its first chunk, and then the rest."""
    small, large = picture(31, SIZE), picture(32, SIZE)
    found = place.run("during_creation", small, chunk=10 * SIZE)
    assert (found["ok"], methods(found)) == (True, ["POST"])
    assert place.has(small)
    found = place.run("during_creation", large)
    assert (found["ok"], methods(found)) == (True, ["POST", *["PATCH"] * 4])
    assert found["requests"][1]["offset"] == str(CHUNK)
    assert place.has(large)


def test_an_upload_is_given_up(place: Place) -> None:
    """Its bytes are gone from the disk, and nobody finds it again."""
    content = picture(41, SIZE)
    found = place.run("terminate", content)
    assert found["ok"], found
    assert methods(found)[-1] == "DELETE"
    assert place.head(found["url"]).status_code == 404
    assert not place.has(content)
    assert not list(place.photos._root.glob(f"uploads/*/{found['url'].rpartition('/')[2]}*"))


def test_what_the_clients_own_test_asks_of_a_server(place: Place) -> None:
    """What was handed in is read back as it was; its metadata too, in whatever order; given up, it is found no more."""
    content = picture(45, SIZE)
    told = {"nonlatin": "słońce", "number": "100", "filename": "hello.jpg", "filetype": "image/jpeg"}
    found = place.run("its_own_test", content, metadata=told)
    assert found["ok"], found
    assert found["read"]["status"] == 200
    assert b64decode(found["read"]["body"]) == content
    assert found["read"]["head"]["content-type"] == "image/jpeg"
    looked = found["looked"]["head"]
    assert (looked["upload-offset"], looked["upload-length"]) == (str(SIZE), str(SIZE))
    given = dict(one.split(" ") for one in looked["upload-metadata"].split(","))
    assert {key: b64decode(value).decode() for key, value in given.items()} == told
    assert (methods(found)[-1], found["gone"]) == ("DELETE", 404)
    assert place.has(content), "it is evidence, whoever gives its upload up"


@pytest.mark.parametrize("scenario", ["in_parallel", "length_unknown"])
def test_what_the_server_does_not_offer_is_refused_and_leaves_nothing(place: Place, scenario: str) -> None:
    """Neither concatenation nor deferred lengths are among its extensions: no half of a photo becomes a photo."""
    content = picture(50 + len(scenario), SIZE)
    before = ask(place.db, "SELECT count(*) FROM photo")
    found = place.run(scenario, content)
    assert (found["ok"], found["status"]) == (False, 400), found
    assert ask(place.db, "SELECT count(*) FROM photo") == before
    assert "PATCH" not in methods(found)


def test_through_a_network_that_lets_only_post_through(place: Place) -> None:
    content = picture(71, SIZE)
    found = place.run("only_post_gets_through", content)
    assert found["ok"], found
    assert set(methods(found)) == {"POST"}
    assert place.has(content)


def test_a_photo_named_by_its_hash_is_found_again(place: Place) -> None:
    """As the tablet names it: the second client is told at once that the photo is here whole."""
    content = picture(81, SIZE)
    named = {"sha256": digest(content)}
    first = place.run("whole", content, metadata=named)
    again = place.run("during_creation", content, metadata=named)
    assert (first["ok"], again["ok"], methods(again)) == (True, True, ["POST"]), again
    assert again["url"] == first["url"]


def test_the_wrong_hash_is_told_as_an_error(place: Place) -> None:
    """The control: a client that would take anything for success shows nothing."""
    content = picture(91, SIZE)
    found = place.run("whole", content, metadata={"sha256": digest(b"another")})
    assert (found["ok"], found["status"]) == (False, 422), found
    assert not place.has(content)
