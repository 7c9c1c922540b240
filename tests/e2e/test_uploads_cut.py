"""Uploads over raw sockets, cut at any byte of head and body: each goes on and comes to the right hash."""

import os
import random
import socket
import struct
import time
from collections.abc import Iterator
from typing import NamedTuple

import httpx
import pytest

from server.app import running
from server.settings import Settings
from server.storage.database import Database
from server.storage.photo_files import PhotoFiles
from shared_schema.ids import digest
from shared_schema.wire import UPLOAD_MEDIA_TYPE
from tests.contract.files import PUBLIC, metadata, pass_for, picture
from tests.contract.plan import plan

pytestmark = pytest.mark.e2e

CUTS = int(os.environ.get("UPLOAD_CUTS", "200"))
"""How many places of the body are cut; releases take 20 000."""
SIZE = 400_000
EDGES = [at + by for at in (65_536, 131_072, 262_144) for by in (-1, 0, 1)]
"""Where one read of a socket may end and the next begin."""
HOW = ("FIN", "RST")


class Place(NamedTuple):
    """The running server and what it keeps."""

    address: tuple[str, int]
    http: httpx.Client
    headers: dict[str, str]
    photos: PhotoFiles


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    settings = Settings(data=tmp_path_factory.mktemp("cuts"), port=0, log_level="error")
    with Database.open(settings.database_url) as db:
        db.write(lambda conn: plan(conn, public_key=PUBLIC))
        headers = pass_for(db, time.time_ns() // 1_000_000)
        with running(settings, db) as url, httpx.Client(base_url=url, trust_env=False, timeout=60) as http:
            address = (http.base_url.host, http.base_url.port or 0)
            yield Place(address, http, headers, PhotoFiles(settings.photo_dir))


def begin(place: Place, content: bytes) -> str:
    told = {"upload-length": str(len(content)), "upload-metadata": metadata(sha256=digest(content))}
    reply = place.http.post("/files", headers={**place.headers, **told})
    assert reply.status_code == 201
    return reply.headers["location"]


def offset(place: Place, location: str) -> int:
    reply = place.http.head(location, headers=place.headers)
    assert reply.status_code == 200, reply
    return int(reply.headers["upload-offset"])


def head_of(place: Place, location: str, at: int, count: int) -> bytes:
    lines = {
        "host": "x",
        **place.headers,
        "upload-offset": str(at),
        "content-type": UPLOAD_MEDIA_TYPE,
        "content-length": str(count),
    }
    return "".join(
        [f"PATCH {location} HTTP/1.1\r\n", *[f"{k}: {v}\r\n" for k, v in lines.items()], "\r\n"]
    ).encode()


def send_and_cut(place: Place, content: bytes, how: str) -> None:
    with socket.create_connection(place.address) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.sendall(content)
        if how == "RST":
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_a_head_cut_at_any_byte_does_nothing(place: Place) -> None:
    content = picture(1, SIZE)
    location = begin(place, content)
    head = head_of(place, location, 0, SIZE)
    for at in range(len(head)):
        send_and_cut(place, head[:at], HOW[at % 2])
    assert len(head) > 300, "a head as it is in life"
    assert offset(place, location) == 0
    reply = place.http.patch(
        location,
        content=content,
        headers={**place.headers, "upload-offset": "0", "content-type": UPLOAD_MEDIA_TYPE},
    )
    assert reply.status_code == 204
    assert place.photos.get(digest(content)) == content


def bring_to_its_end(place: Place, location: str, content: bytes) -> None:
    """Goes on as a client does: a request that was cut may reach the server later than one made after it."""
    for _ in range(5):
        now_at = offset(place, location)
        if now_at == SIZE:
            return
        told = {"upload-offset": str(now_at), "content-type": UPLOAD_MEDIA_TYPE}
        reply = place.http.patch(location, content=content[now_at:], headers={**place.headers, **told})
        assert reply.status_code in {204, 409, 423}, reply.text
    raise AssertionError("the upload does not come to its end")


@pytest.mark.parametrize("how", HOW)
def test_a_body_cut_anywhere_goes_on_where_it_was(place: Place, how: str) -> None:
    """One photo after another, each cut at several places on its way, always from the offset the server names."""
    chance = random.Random(f"cuts {how}")
    wanted = [*EDGES, 0, 1, SIZE - 1, SIZE, *[chance.randrange(SIZE) for _ in range(CUTS - len(EDGES) - 4)]]
    made = resumed = 0
    number = 100
    waiting: list[int] = []
    while wanted or waiting:
        number += 1
        content = picture(1000 * (how == "RST") + number, SIZE)
        location, now_at = begin(place, content), 0
        waiting, wanted = sorted(wanted[:8]), wanted[8:]
        while waiting:
            at = waiting.pop(0)
            send_and_cut(place, head_of(place, location, now_at, SIZE - now_at) + content[now_at:at], how)
            made += 1
            arrived_by = time.monotonic() + 5
            # Asking takes over from whoever still writes; so after a proper end all is first let arrive.
            while how == "FIN" and offset_on_disk(place, location) < at and time.monotonic() < arrived_by:
                time.sleep(0.002)
            then_at = offset(place, location)
            # What a reset throws away never arrived; what was sent before a proper end did.
            assert now_at <= then_at <= max(at, now_at)
            if how == "FIN":
                assert then_at == max(at, now_at)
            resumed += then_at > now_at
            now_at = then_at
            if now_at == SIZE:
                break
        bring_to_its_end(place, location, content)
        wanted += waiting
        waiting = []
        assert place.photos.get(digest(content)) == content
    assert made >= CUTS, "fewer cuts than wanted"
    assert resumed >= made * (0.9 if how == "FIN" else 0.1), f"{resumed} of {made} cuts came to anything"


@pytest.mark.parametrize("newer", ["HEAD", "PATCH"])
def test_a_newer_request_takes_a_stalled_upload_over(place: Place, newer: str) -> None:
    """The stalled one is cut off at once, and what it had brought stays."""
    content = picture(7_000 + len(newer), SIZE)
    location = begin(place, content)
    with socket.create_connection(place.address) as stalled:
        stalled.sendall(head_of(place, location, 0, SIZE) + content[:100_000])
        began = time.monotonic()
        # The bytes are on their way for a moment; a tablet asks much later.
        while newer == "PATCH" and offset_on_disk(place, location) < 100_000:
            time.sleep(0.01)
        if newer == "HEAD":
            time.sleep(0.2)
            assert offset(place, location) == 100_000
        told = {"upload-offset": "100000", "content-type": UPLOAD_MEDIA_TYPE}
        reply = place.http.patch(location, content=content[100_000:], headers={**place.headers, **told})
        assert reply.status_code == 204, reply.text
        assert time.monotonic() - began < 10, "long before the stalled one would be given up"
        stalled.settimeout(10)
        assert b" 423 " in stalled.recv(1000).splitlines()[0]
    assert place.photos.get(digest(content)) == content


def offset_on_disk(place: Place, location: str) -> int:
    """How much of it is written, without asking (and so taking over)."""
    found = list(place.photos._root.glob(f"uploads/*/{location.rpartition('/')[2]}"))
    return found[0].stat().st_size if found else SIZE
