"""A real server process killed, stopped and told to end at random moments under load, with photos on their way.

What it has acknowledged is there afterwards, looked at from outside.
"""

import random
import signal
import socket
import subprocess
import sys
import threading
import time
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from server.intake.rebuild import rebuild
from server.settings import Settings
from server.storage.database import Database
from server.storage.photo_files import PhotoFiles
from shared_schema import wire
from shared_schema.operations import Note
from tests.contract.files import metadata, pass_for, picture
from tests.contract.plan import CHECKLIST, inspection_id, plan
from tests.contract.talk import ask
from tests.make import Scribe, make_request
from tests.torture.amount import count
from tests.torture.server_process import START_SECONDS_MAX, ServerProcess

KILLS = count(6, 100)
STOPS = count(1, 10)
"""So often it is stopped in mid-work for longer than a tablet waits, and goes on."""
ENDS = count(2, 20)
"""So often it is told to end, and drains."""
STOPPED_SECONDS = 6.0
TABLETS = 4
BATCH = 5
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
ITEM = CHECKLIST.items[0].id

pytestmark = pytest.mark.e2e


class Server(ServerProcess):
    """The process, and what its tablets hand in photos with."""

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self.passes: dict[str, dict[str, str]] = {}
        """By tablet, the headers."""


class Tablet:
    """Sends batches, each until it is acknowledged, to whatever server runs."""

    def __init__(self, server: Server, number: int) -> None:
        self._server = server
        self._scribe = Scribe(
            device=f"D-{1 + number % 2}", epoch=f"E-{number}", inspection=inspection_id(1, 1 + number % 3)
        )
        self.acknowledged: set[bytes] = set()
        self.photos: set[str] = set()
        self.lost_replies = 0
        self.cut_photos = 0
        self.refused: list[str] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        while not self.stop.is_set():
            ops = [self._scribe.write(Note(ITEM, f"{n}")) for n in range(BATCH)]
            body = wire.encode(make_request(ops))
            while not self._send("POST", "/sync", body, body) and not self.stop.is_set():
                time.sleep(0.02)
            if not self.stop.is_set():
                self.acknowledged |= {op.raw for op in ops}
            photo = picture(0) + ops[0].raw
            if self._upload(photo):
                self.photos.add(sha256(photo).hexdigest())

    def _upload(self, photo: bytes) -> bool:
        told = {
            "upload-length": str(len(photo)),
            "upload-metadata": metadata(sha256=sha256(photo).hexdigest()),
            "content-type": wire.UPLOAD_MEDIA_TYPE,
        }
        try:
            reply = httpx.post(
                f"{self._server.url}/files",
                content=photo,
                headers={**self._server.passes[self._scribe.device], **told},
                timeout=5,
                trust_env=False,
            )
        except httpx.TransportError:
            self.lost_replies += 1
            self.cut_photos += 1
            return False
        if reply.status_code not in {201, httpx.codes.SERVICE_UNAVAILABLE}:
            self.refused.append(reply.text)
        return reply.status_code == 201 and reply.headers["upload-offset"] == str(len(photo))

    def _send(self, method: str, path: str, body: bytes, signed: bytes) -> bool:
        headers = {wire.DEVICE_HEADER: self._scribe.device, wire.SIGNATURE_HEADER: KEY.sign(signed).hex()}
        try:
            reply = httpx.request(
                method, self._server.url + path, content=body, headers=headers, timeout=5, trust_env=False
            )
        except httpx.TransportError:
            self.lost_replies += 1
            return False
        if reply.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return False  # it is going down: to be sent again
        good = reply.status_code in {200, 204}
        if not good or (path == "/sync" and not _all_taken(reply.content)):
            self.refused.append(reply.text)
        return good


def _all_taken(reply: bytes) -> bool:
    return all(one.status in {"accepted", "duplicate"} for one in wire.read_reply(reply).statuses)


def befall(server: Server, rnd: random.Random) -> None:
    """Kills, stops and ends the process at random moments, and starts it again each time."""
    troubles = ["kill"] * KILLS + ["stop"] * STOPS + ["end"] * ENDS
    rnd.shuffle(troubles)
    for trouble in troubles:
        time.sleep(rnd.uniform(0.3, 1.2))
        if trouble == "stop":
            server.send(signal.SIGSTOP)
            time.sleep(STOPPED_SECONDS)
            server.send(signal.SIGCONT)
            continue
        if trouble == "kill":
            assert server.end(signal.SIGKILL) == -signal.SIGKILL
        else:
            assert server.end(signal.SIGTERM) in {0, -signal.SIGTERM}
        began = time.monotonic()
        server.start()
        assert time.monotonic() - began < START_SECONDS_MAX


def test_a_server_killed_under_load_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    with Database.open(settings.database_url) as db:
        db.write(lambda conn: plan(conn, public_key=KEY.public_key().public_bytes_raw().hex()))
        passes = {device: pass_for(db, time.time_ns() // 1_000_000, device) for device in ("D-1", "D-2")}
    server = Server(tmp_path)
    server.passes = passes
    server.start()
    tablets = [Tablet(server, number) for number in range(TABLETS)]
    try:
        befall(server, random.Random(20261122))
        time.sleep(0.5)
    finally:
        for tablet in tablets:
            tablet.stop.set()
        for tablet in tablets:
            tablet.thread.join()
        ended = server.end(signal.SIGTERM)
    assert ended in {0, -signal.SIGTERM}

    assert [text for tablet in tablets for text in tablet.refused] == []
    assert sum(tablet.lost_replies for tablet in tablets) >= KILLS, "the kills met nobody"
    assert sum(tablet.cut_photos for tablet in tablets) >= 1, "no photo was on its way"
    acknowledged = {raw for tablet in tablets for raw in tablet.acknowledged}
    assert len(acknowledged) >= KILLS * BATCH, "hardly anything was acknowledged"
    with Database.open(settings.database_url) as db:
        stored = [bytes(raw) for (raw,) in ask(db, "SELECT raw FROM operation")]
        assert len(stored) == len(set(stored)), "stored twice"
        assert acknowledged - set(stored) == set(), "acknowledged and lost"
        assert rebuild(db, check=True).differences == ()
        assert ask(db, "PRAGMA integrity_check") == [("ok",)]
        photos = {name for tablet in tablets for name in tablet.photos}
        assert photos
        assert photos - {name for (name,) in ask(db, "SELECT sha256 FROM photo")} == set()
    files = PhotoFiles(settings.photo_dir)
    assert all(sha256(files.get(name)).hexdigest() == name for name in photos)


def test_a_request_under_way_is_answered_before_the_server_ends(tmp_path: Path) -> None:
    """SIGTERM in the middle of a body: the rest is still read, committed and answered, and then the process ends."""
    settings = Settings(data=tmp_path)
    with Database.open(settings.database_url) as db:
        db.write(lambda conn: plan(conn, public_key=KEY.public_key().public_bytes_raw().hex()))
    server = ServerProcess(tmp_path)
    server.start()
    op = Scribe(device="D-1").write(Note(ITEM, "在途"))
    body = wire.encode(make_request([op]))
    head = (
        f"POST /sync HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n"
        f"{wire.DEVICE_HEADER}: D-1\r\n{wire.SIGNATURE_HEADER}: {KEY.sign(body).hex()}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as line:
        line.sendall(head.encode() + body[:50])
        time.sleep(0.5)
        server.send(signal.SIGTERM)
        time.sleep(1.0)
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{server.url}/healthz", trust_env=False, timeout=5)
        line.sendall(body[50:])
        answer = line.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200"), answer
    assert server.end(signal.SIGCONT) in {0, -signal.SIGTERM}
    with Database.open(settings.database_url) as db:
        assert ask(db, "SELECT raw FROM operation") == [(op.raw,)]


def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.start()
    try:
        second = subprocess.run(
            [sys.executable, "-m", "server", "serve", "--data", str(tmp_path), "--port", "0"],
            capture_output=True,
            timeout=START_SECONDS_MAX,
        )
        assert second.returncode == 2
        assert b"store_in_use" in second.stderr
        assert httpx.get(f"{server.url}/healthz", trust_env=False).status_code == 200
    finally:
        assert server.end(signal.SIGTERM) in {0, -signal.SIGTERM}
