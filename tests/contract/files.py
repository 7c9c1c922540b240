"""The server's desk for photos, asked through real bytes and without a network, as the route asks it."""

import asyncio
import weakref
from base64 import b64encode
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from mobile.transport import Offline, Rejected
from server.access.file_tokens import FileTokens
from server.intake.upload_desk import UploadDesk
from server.intake.uploads import Uploads
from server.storage import migrations
from server.storage.database import Database
from server.storage.disk import Room
from server.storage.partials import Partials
from server.storage.photo_files import PhotoFiles
from server.storage.photo_store import PhotoStore
from shared_schema import wire
from shared_schema.chance import Chance
from shared_schema.wire import ProblemReply

STEP_BYTES = 16 * 1024
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC = KEY.public_key().public_bytes_raw().hex()


def picture(number: int, size_bytes: int = 20_000) -> bytes:
    """A picture of exactly that many bytes, like no other: decoders stop at its end, hashes do not."""
    out = BytesIO()
    Image.new("RGB", (32, 24), (number % 256, 90, 60)).save(out, "JPEG")
    head = out.getvalue()
    return head + Chance(f"picture/{number}").bytes(size_bytes - len(head))


def pass_for(db: Database, at_ms: int, device: str = "D-1", key: Ed25519PrivateKey = KEY) -> dict[str, str]:
    """The fixed headers of a tablet that hands in photos."""
    server = db.read(migrations.server_id)
    signature = key.sign(wire.token_bytes(server, device, at_ms)).hex()
    return {wire.PASS_HEADER: wire.file_token(device, at_ms, signature), "tus-resumable": wire.TUS_VERSION}


def metadata(**values: str) -> str:
    """An Upload-Metadata header."""
    return ",".join(f"{key} {b64encode(value.encode()).decode()}" for key, value in values.items())


class Reply(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Files:
    """One desk over a folder of photos; `clock()` is the server's."""

    def __init__(
        self,
        db: Database,
        folder: Path,
        clock: Callable[[], int],
        *,
        store: PhotoStore | None = None,
        free: Callable[[Path], float] = lambda _: 50.0,
    ) -> None:
        (folder / "uploads").mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.store = store or PhotoFiles(folder)
        self.partials = Partials(folder / "uploads")
        self.uploads = Uploads(
            db,
            self.store,
            self.partials,
            folder,
            entropy=Chance("uploads").bytes,
            room=Room(folder, free=free),
        )
        self._loop = asyncio.new_event_loop()
        # A world that fell over leaves nobody to close it, and its warning would hit some later test.
        weakref.finalize(self, self._loop.close)
        self._desk = UploadDesk(self.uploads, FileTokens(db), clock)

    def close(self) -> None:
        """Ends its threads."""
        self._desk.close()
        self._loop.close()

    def ask(
        self, method: str, name: str, body: bytes, headers: Mapping[str, str], *, cut: int | None = None
    ) -> Reply | None:
        """One request; None where the line was cut after so many bytes of the body."""
        given = {"content-length": str(len(body)), **headers} if body or method != "HEAD" else dict(headers)
        scope = {"method": method, "headers": [(k.encode(), v.encode()) for k, v in given.items()]}
        arrives = body if cut is None else body[:cut]
        parts = [arrives[at : at + STEP_BYTES] for at in range(0, len(arrives), STEP_BYTES)] or [b""]
        messages = [
            {"type": "http.request", "body": part, "more_body": cut is not None or number < len(parts) - 1}
            for number, part in enumerate(parts)
        ]
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(0)
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        self._loop.run_until_complete(self._desk.answer(scope, name, receive, send))
        if not sent or cut is not None:
            return None
        answered = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
        return Reply(sent[0]["status"], answered, sent[1]["body"])

    def carry(
        self, method: str, name: str, body: bytes, headers: Mapping[str, str], *, cut: int | None = None
    ) -> Mapping[str, str]:
        """`Transport.files` to this desk. Raises Offline, Rejected."""
        reply = self.ask(method, name, body, headers, cut=cut)
        if reply is None:
            raise Offline("the line was cut")
        if reply.status >= 400:
            if method == "HEAD":
                code = {404: "not_found", 422: "photo_wrong_hash", 415: "photo_type"}[reply.status]
                raise Rejected(ProblemReply(code, "", ""))
            raise Rejected(msgspec.json.decode(reply.body, type=ProblemReply))
        return reply.headers
