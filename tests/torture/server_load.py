"""Load on a real server process: tablets that hand in operations and photos to whatever process runs, again and again.

Each knows what it was told is taken; that, and no more, must be there afterwards.
"""

import random
import threading
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from server.intake import projection
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
from tests.torture.server_process import ServerProcess

BATCH = 5
PHOTO_BYTES = 400_000
PART_BYTES = 100_000
AGAIN_SECONDS = 0.1
"""After about so long it comes again."""
REPLY_SECONDS = 5.0
"""So long a tablet waits for an answer; then it asks again."""
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
ITEM = CHECKLIST.items[0].id
DEVICES = ("D-1", "D-2")
PASSING = {httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.LOCKED}
"""Answers after which a tablet comes again: the server is going down, or has not let go of a photo yet."""

Passes = Mapping[str, Mapping[str, str]]
"""By tablet, the headers it hands in photos with."""


def prepare(data: Path) -> Passes:
    """The small campaign in a folder of data."""
    with Database.open(Settings(data=data).database_url) as db:
        db.write(lambda conn: plan(conn, public_key=KEY.public_key().public_bytes_raw().hex()))
        return {device: pass_for(db, time.time_ns() // 1_000_000, device) for device in DEVICES}


class TabletOnTheLine:
    """Sends a batch until it is acknowledged, then a photo in parts until it is, and so on, until told to stop."""

    def __init__(self, server: ServerProcess, passes: Passes, number: int) -> None:
        self._server = server
        self._number = number
        self._scribe = Scribe(
            device=DEVICES[number % 2], epoch=f"E-{number}", inspection=inspection_id(1, 1 + number % 3)
        )
        self._pass = passes[self._scribe.device]
        self._chance = random.Random(number)
        self.acknowledged: set[bytes] = set()
        self.photos: set[str] = set()
        self.lost_replies = 0
        self.resumed = 0
        """So many photos had been cut and went on from a place within."""
        self.under_way = threading.Event()
        """Set while a part of a photo is there, and not the whole."""
        self.refused: list[str] = []
        # One for all requests: making one costs more than most requests do.
        self._line = httpx.Client(timeout=REPLY_SECONDS, trust_env=False)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        """Stops after what is under way."""
        self._stop.set()
        self._thread.join()
        self._line.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            ops = [self._scribe.write(Note(ITEM, f"{n}")) for n in range(BATCH)]
            if self._hand_in(wire.encode(make_request(ops))):
                self.acknowledged |= {op.raw for op in ops}
            photo = picture(self._number, PHOTO_BYTES) + ops[0].raw
            if self._carry(photo):
                self.photos.add(sha256(photo).hexdigest())

    def _hand_in(self, body: bytes) -> bool:
        headers = {wire.DEVICE_HEADER: self._scribe.device, wire.SIGNATURE_HEADER: KEY.sign(body).hex()}
        while not self._stop.is_set():
            reply = self._ask("POST", "/sync", body, headers)
            if reply is not None and reply.status_code == httpx.codes.OK:
                taken = {one.status for one in wire.read_reply(reply.content).statuses}
                if taken - {"accepted", "duplicate"}:
                    self.refused.append(f"{taken}")
                return True
        return False

    def _carry(self, photo: bytes) -> bool:
        """Begins an upload and goes on with it from wherever the server says it stands."""
        told = {
            "upload-length": str(len(photo)),
            "upload-metadata": metadata(sha256=sha256(photo).hexdigest()),
        }
        begun = self._until("POST", "/files", b"", {**self._pass, **told})
        if begun is None:
            return False
        place, offset, cut = begun.headers["location"], 0, False
        while offset < len(photo):
            part = photo[offset : offset + PART_BYTES]
            headers = {"upload-offset": str(offset), "content-type": wire.UPLOAD_MEDIA_TYPE}
            reply = self._ask("PATCH", place, part, {**self._pass, **headers})
            if reply is None or reply.status_code != httpx.codes.NO_CONTENT:
                cut = True
                reply = self._until("HEAD", place, b"", self._pass)
                if reply is None:
                    return False
            offset = int(reply.headers["upload-offset"])
            if not 0 < offset < len(photo):
                self.under_way.clear()
                continue
            self.under_way.set()
            if cut:
                self.resumed += 1
                cut = False
        return True

    def _until(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> httpx.Response | None:
        """Asks until there is a good answer; None when told to stop."""
        while not self._stop.is_set():
            reply = self._ask(method, path, body, headers)
            if reply is not None and reply.is_success:
                return reply
        return None

    def _ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response | None:
        """One request; None where no answer came or one that asks to come again, after a pause."""
        try:
            reply = self._line.request(method, self._server.url + path, content=body, headers=headers)
        except httpx.TransportError:
            self.lost_replies += 1
            self._stop.wait(AGAIN_SECONDS * (0.5 + self._chance.random()))
            return None
        if reply.status_code in PASSING:
            self._stop.wait(AGAIN_SECONDS * (0.5 + self._chance.random()))
            return None
        if not reply.is_success and reply.status_code != httpx.codes.CONFLICT:
            self.refused.append(f"{method} {path}: {reply.status_code} {reply.text}")
        return reply


def look(data: Path, tablets: list[TabletOnTheLine]) -> str:
    """Asserts, from outside, that all that was acknowledged is there, once and whole; says how much it was."""
    settings = Settings(data=data)
    acknowledged = {raw for tablet in tablets for raw in tablet.acknowledged}
    photos = {name for tablet in tablets for name in tablet.photos}
    with Database.open(settings.database_url) as db:
        stored = [bytes(raw) for (raw,) in ask(db, "SELECT raw FROM operation")]
        assert len(stored) == len(set(stored)), "stored twice"
        assert acknowledged - set(stored) == set(), "acknowledged and lost"
        db.write(
            projection.catch_up
        )  # what a server that was killed has put off, the next one does when it starts
        assert rebuild(db, check=True).differences == ()
        assert ask(db, "PRAGMA integrity_check") == [("ok",)]
        assert photos - {name for (name,) in ask(db, "SELECT sha256 FROM photo")} == set(), "photos lost"
    files = PhotoFiles(settings.photo_dir)
    assert all(sha256(files.get(name)).hexdigest() == name for name in photos), "other bytes"
    resumed, lost = sum(one.resumed for one in tablets), sum(one.lost_replies for one in tablets)
    return (
        f"{len(acknowledged)} operations and {len(photos)} photos acknowledged, all there;"
        f" {lost} answers lost, {resumed} photos gone on with"
    )
