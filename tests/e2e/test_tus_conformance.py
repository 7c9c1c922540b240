"""tus 1.0.0, sentence by sentence, asked of the real server over real HTTP: every MUST for a server of what it offers.

https://tus.io/protocols/resumable-upload (core, creation, creation-with-upload, expiration, termination)

What the protocol says, and what shows it:

- core: Tus-Resumable MUST be in every response except to OPTIONS, and name the version in use
  → every_answer_names_the_version
- core: another version MUST be answered 412, MUST include Tus-Version, MUST NOT be processed
  → another_version_is_refused
- core: Tus-Version MUST be a comma-separated list → what_the_server_offers
- core: a server MUST ignore Tus-Resumable in OPTIONS; its answer MUST contain Tus-Version → what_the_server_offers
- core: Tus-Extension MUST list extensions; Tus-Max-Size MUST be a non-negative integer → what_the_server_offers
- core: X-HTTP-Method-Override MUST be taken for the method, and the method itself ignored
  → the_method_may_be_overridden
- core: HEAD MUST include Upload-Offset, at 0 and when complete too, and Upload-Length where known
  → head_always_tells
- core: HEAD MUST prevent caching by Cache-Control: no-store → head_always_tells
- core: HEAD of what is not there SHOULD be 404 and MUST NOT have Upload-Offset → what_is_not_there
- core: PATCH MUST use application/offset+octet-stream, else 415 → the_wrong_media_type
- core: PATCH at another offset MUST be 409 and MUST NOT change the upload → another_offset_changes_nothing
- core: PATCH MUST be answered 204 with Upload-Offset: the sum of before and received → each_part_is_added
- core: Upload-Offset and Upload-Length MUST be non-negative integers → numbers_that_are_none
- core: a server SHOULD store as much of what arrived as possible → tests/e2e/test_uploads_cut.py
- creation: the extension MUST be in Tus-Extension (so the others') → what_the_server_offers
- creation: success MUST be 201 with Location → a_new_upload
- creation: a length over Tus-Max-Size MUST be 413 → longer_than_offered
- creation: Upload-Length MUST be there where creation-defer-length is not offered → numbers_that_are_none
- creation: keys of Upload-Metadata MUST NOT be empty, hold blanks or commas, or be there twice; values MUST be Base64
  → metadata_that_is_none
- creation: Upload-Metadata MUST be in HEAD's answer as it was given → metadata_comes_back
- creation-with-upload: Content-Type MUST be application/offset+octet-stream, else 415 → the_wrong_media_type
- creation-with-upload: the answer MUST have Upload-Offset of what was taken → bytes_with_the_creation
- expiration: Upload-Expires MUST be in every PATCH answer of an upload that will expire → when_an_upload_expires
- expiration: its date MUST be written as HTTP writes dates → when_an_upload_expires
- expiration: an expired upload SHOULD be 404 or 410 → unit: what_nobody_goes_on_with_expires
- termination: MUST be 204; later requests SHOULD be 404 or 410 → a_terminated_upload_is_gone
- not offered: checksum, concatenation, deferred lengths MUST NOT be named, and are refused
  → what_the_server_offers, what_is_not_offered

An empty upload is none of ours: nothing is a photo of no bytes (415).
"""

import re
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from server.app import running
from server.settings import Settings
from server.storage.database import Database
from server.storage.partials import KEPT_MS
from shared_schema.wire import PHOTO_BYTES_MAX, UPLOAD_MEDIA_TYPE
from tests.contract.files import PUBLIC, metadata, pass_for, picture
from tests.contract.plan import plan

pytestmark = pytest.mark.e2e

SIZE = 50_000
IMF_FIXDATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")


class Client:
    """A client that says exactly what a test wants said."""

    def __init__(self, http: httpx.Client, headers: dict[str, str]) -> None:
        self.http = http
        self.headers = headers
        self.number = 0

    def ask(self, method: str, path: str, content: bytes = b"", **headers: str | None) -> httpx.Response:
        """One request with the fixed headers; a header of None is left out."""
        given = {**self.headers, **{name.replace("_", "-"): text for name, text in headers.items()}}
        sent = {name: text for name, text in given.items() if text is not None}
        return self.http.request(method, path, content=content, headers=sent)

    def photo(self) -> bytes:
        """One that nobody has sent."""
        self.number += 1
        return picture(10_000 + self.number, SIZE)

    def begin(self, size_bytes: int = SIZE, **headers: Any) -> str:
        """The address of a new upload."""
        reply = self.ask("POST", "/files", upload_length=str(size_bytes), **headers)
        assert reply.status_code == 201, reply.text
        return reply.headers["location"]

    def patch(self, path: str, offset: int | str, content: bytes, **headers: str | None) -> httpx.Response:
        told = {"upload_offset": str(offset), "content_type": UPLOAD_MEDIA_TYPE, **headers}
        return self.ask("PATCH", path, content, **told)

    def offset(self, path: str) -> int:
        return int(self.ask("HEAD", path).headers["upload-offset"])


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    settings = Settings(data=tmp_path_factory.mktemp("tus"), port=0, log_level="error")
    with Database.open(settings.database_url) as db:
        db.write(lambda conn: plan(conn, public_key=PUBLIC))
        headers = pass_for(db, time.time_ns() // 1_000_000)
        with running(settings, db) as url, httpx.Client(base_url=url, trust_env=False, timeout=30) as http:
            yield Client(http, headers)


@pytest.mark.parametrize("version", [None, "1.0.0", "0.2.2"])
def test_what_the_server_offers(client: Client, version: str | None) -> None:
    for path in ("/files", client.begin()):
        reply = client.ask("OPTIONS", path, tus_resumable=version)
        assert reply.status_code in {200, 204}
        assert reply.headers["tus-version"].split(",") == ["1.0.0"]
        extensions = reply.headers["tus-extension"].split(",")
        assert sorted(extensions) == ["creation", "creation-with-upload", "expiration", "termination"]
        assert int(reply.headers["tus-max-size"]) == PHOTO_BYTES_MAX


def test_every_answer_names_the_version(client: Client) -> None:
    """Also those that refuse, and those to another version."""
    here, gone = client.begin(), f"/files/{'0' * 26}"
    replies = [
        client.ask("POST", "/files", upload_length=str(SIZE)),
        client.ask("POST", "/files"),
        client.ask("POST", "/files", upload_length=str(SIZE), tus_resumable="0.2.2"),
        client.patch(here, 0, b"x"),
        client.patch(here, 7, b"x"),
        client.patch(gone, 0, b"x"),
        client.ask("HEAD", here),
        client.ask("HEAD", gone),
        client.ask("DELETE", here),
        client.ask("DELETE", gone),
        client.ask("GET", here),
    ]
    assert [reply.headers.get("tus-resumable") for reply in replies] == ["1.0.0"] * len(replies)


@pytest.mark.parametrize("version", [None, "", "0.2.2", "2.0.0", "1"])
def test_another_version_is_refused(client: Client, version: str | None) -> None:
    """Nothing of the request is done."""
    here = client.begin()
    asked = [
        client.ask("POST", "/files", upload_length=str(SIZE), tus_resumable=version),
        client.patch(here, 0, b"x" * 10, tus_resumable=version),
        client.ask("HEAD", here, tus_resumable=version),
        client.ask("DELETE", here, tus_resumable=version),
    ]
    assert {one.status_code for one in asked} == {412}
    assert {one.headers["tus-version"] for one in asked} == {"1.0.0"}
    assert client.offset(here) == 0


def test_the_method_may_be_overridden(client: Client) -> None:
    """Whatever the request's own method is."""
    here, content = client.begin(), client.photo()
    headers = {"upload_offset": "0", "content_type": UPLOAD_MEDIA_TYPE, "x_http_method_override": "PATCH"}
    assert client.ask("POST", here, content[:100], **headers).status_code == 204
    reply = client.ask("GET", here, x_http_method_override="HEAD")
    assert reply.headers["upload-offset"] == "100"
    assert client.ask("POST", here, x_http_method_override="DELETE").status_code == 204
    assert client.ask("HEAD", here).status_code == 404


def test_head_always_tells(client: Client) -> None:
    """At the beginning, on the way, and at the end; no cache in between keeps it."""
    content, here = client.photo(), client.begin()
    for arrived in (0, 20_000, SIZE):
        if arrived:
            before = client.offset(here)
            assert client.patch(here, before, content[before:arrived]).status_code == 204
        reply = client.ask("HEAD", here)
        assert reply.status_code in {200, 204}
        assert (reply.headers["upload-offset"], reply.headers["upload-length"]) == (str(arrived), str(SIZE))
        assert reply.headers["cache-control"] == "no-store"
        assert reply.content == b""


def test_what_is_not_there(client: Client) -> None:
    for path in (f"/files/{'0' * 26}", f"/files/{'0' * 64}-50000", "/files/../hucha.db", "/files/%2e%2e"):
        reply = client.ask("HEAD", path)
        assert reply.status_code in {404, 405}, path
        assert "upload-offset" not in reply.headers
    assert client.patch(f"/files/{'0' * 26}", 0, b"x").status_code == 404


@pytest.mark.parametrize("kind", [None, "", "application/octet-stream", "multipart/form-data", "text/plain"])
def test_the_wrong_media_type(client: Client, kind: str | None) -> None:
    """For parts, and for bytes that come with the creation; of neither is a byte taken."""
    here = client.begin()
    reply = client.patch(here, 0, b"x" * 10, content_type=kind)
    assert reply.status_code == 415
    assert client.offset(here) == 0
    reply = client.ask("POST", "/files", b"x" * 10, upload_length=str(SIZE), content_type=kind)
    assert reply.status_code == 415
    assert "location" not in reply.headers


@pytest.mark.parametrize("offset", [0, 99, 101, SIZE, SIZE + 1])
def test_another_offset_changes_nothing(client: Client, offset: int) -> None:
    here, content = client.begin(), client.photo()
    assert client.patch(here, 0, content[:100]).status_code == 204
    assert client.patch(here, offset, content[100:]).status_code == 409
    assert client.offset(here) == 100
    assert client.patch(here, 100, content[100:]).status_code == 204, "what is there is what was sent"


def test_each_part_is_added(client: Client) -> None:
    """Also an empty one, also byte by byte, and one whose length nobody announced."""
    here, content = client.begin(), client.photo()
    offset = 0
    for count in (0, 1, 1, 9_999, 0, 30_000, SIZE):
        reply = client.patch(here, offset, content[offset : offset + count])
        offset = min(offset + count, SIZE)
        assert reply.status_code == 204
        assert reply.headers["upload-offset"] == str(offset)
        assert reply.content == b""
    assert offset == SIZE
    here, content = client.begin(), client.photo()
    told = {**client.headers, "upload-offset": "0", "content-type": UPLOAD_MEDIA_TYPE}
    reply = client.http.patch(here, content=iter([content[:10], content[10:30_000]]), headers=told)
    assert "content-length" not in reply.request.headers
    assert (reply.status_code, reply.headers["upload-offset"]) == (204, "30000")


@pytest.mark.parametrize("number", [None, "", "-1", "1.5", "ten", "0x10", "1 2", "9" * 30])
def test_numbers_that_are_none(client: Client, number: str | None) -> None:
    reply = client.ask("POST", "/files", upload_length=number)
    assert reply.status_code == 400
    assert "location" not in reply.headers
    here = client.begin()
    told = {"content_type": UPLOAD_MEDIA_TYPE, "upload_offset": number}
    assert client.ask("PATCH", here, b"x", **told).status_code == 400
    assert client.offset(here) == 0


def test_a_new_upload(client: Client) -> None:
    """Its address is one that the next requests may use as it is; two uploads have two."""
    places = {client.begin() for _ in range(2)}
    assert len(places) == 2
    for place in places:
        assert client.offset(place) == 0


def test_longer_than_offered(client: Client) -> None:
    """The largest there may be, and one byte more."""
    assert client.ask("POST", "/files", upload_length=str(PHOTO_BYTES_MAX)).status_code == 201
    reply = client.ask("POST", "/files", upload_length=str(PHOTO_BYTES_MAX + 1))
    assert reply.status_code == 413
    assert "location" not in reply.headers


@pytest.mark.parametrize(
    "given", [",", "name", "name !!!", "name eA==,name eQ==", "na me eA==", "name eA==,,b eA=="]
)
def test_metadata_that_is_none(client: Client, given: str) -> None:
    reply = client.ask("POST", "/files", upload_length=str(SIZE), upload_metadata=given)
    if given == "name":  # a value may be empty, and then its blank may be left out
        assert reply.status_code == 201
    else:
        assert reply.status_code == 400, reply.text


def test_metadata_comes_back(client: Client) -> None:
    """As it was given, unfinished and finished; also names and values that mean nothing to us."""
    given = metadata(filename="保密室门口（一）.jpg", other="") + ",flag"
    content = client.photo()
    here = client.begin(upload_metadata=given)
    assert client.ask("HEAD", here).headers["upload-metadata"] == given
    assert client.patch(here, 0, content).status_code == 204
    assert client.ask("HEAD", here).headers["upload-metadata"] == given
    assert "upload-metadata" not in client.ask("HEAD", client.begin()).headers


@pytest.mark.parametrize("count", [1, 20_000, SIZE])
def test_bytes_with_the_creation(client: Client, count: int) -> None:
    content = client.photo()
    told = {"upload_length": str(SIZE), "content_type": UPLOAD_MEDIA_TYPE}
    reply = client.ask("POST", "/files", content[:count], **told)
    assert reply.status_code == 201
    assert reply.headers["upload-offset"] == str(count)
    here = reply.headers["location"]
    assert client.offset(here) == count
    if count < SIZE:
        assert client.patch(here, count, content[count:]).status_code == 204


def test_when_an_upload_expires(client: Client) -> None:
    """In the answer to its creation and to each part but the last; after that it expires no more."""
    content = client.photo()
    made = client.ask("POST", "/files", upload_length=str(SIZE))
    here = made.headers["location"]
    for reply in (made, client.patch(here, 0, content[:10]), client.patch(here, 10, content[10:20])):
        said = reply.headers["upload-expires"]
        assert IMF_FIXDATE.fullmatch(said), said
        in_ms = parsedate_to_datetime(said).timestamp() * 1000 - time.time() * 1000
        assert abs(in_ms - KEPT_MS) < 60_000
    assert "upload-expires" not in client.patch(here, 20, content[20:]).headers


def test_a_terminated_upload_is_gone(client: Client) -> None:
    """Begun, half arrived, or unknown."""
    content = client.photo()
    for arrived in (0, 10_000):
        here = client.begin()
        if arrived:
            client.patch(here, 0, content[:arrived])
        assert client.ask("DELETE", here).status_code == 204
        for reply in (
            client.ask("HEAD", here),
            client.patch(here, arrived, b"x"),
            client.ask("DELETE", here),
        ):
            assert reply.status_code in {404, 410}


@pytest.mark.parametrize(
    "header",
    [{"upload_defer_length": "1"}, {"upload_concat": "partial"}, {"upload_concat": "final;/files/a"}],
)
def test_what_is_not_offered(client: Client, header: dict[str, Any]) -> None:
    """With and without a length: refused, and nothing begun."""
    for length in (None, str(SIZE)):
        reply = client.ask("POST", "/files", upload_length=length, **header)
        assert reply.status_code == 400
        assert "location" not in reply.headers


def test_nothing_is_no_photo(client: Client) -> None:
    assert client.ask("POST", "/files", upload_length="0").status_code == 415
