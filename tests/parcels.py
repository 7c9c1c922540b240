"""Packages of a season's tablet, as its app would write them, for tests of the console."""

from collections.abc import Iterable, Sequence
from io import BytesIO

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from PIL import Image
from sqlalchemy import update

from mobile.sealing import opening_of, sealing_for
from server.access.keys import public_keys
from server.storage.database import Connection, Database
from server.storage.tables import device
from shared_schema import package, volumes, wire
from shared_schema.chance import Chance
from shared_schema.ids import digest
from shared_schema.operations import Note
from shared_schema.package import Answer, Content, Manifest, Span, Unsealed
from tests.make import Scribe, make_request
from tests.season import Season

KEY = Ed25519PrivateKey.from_private_bytes(b"\x21" * 32)
SEALING_KEY = X25519PrivateKey.from_private_bytes(b"\x22" * 32)


class Parcels:
    """The leader's tablet of the first squad, writing packages for the console of this season."""

    def __init__(self, db: Database, season: Season) -> None:
        leader = season.plan.teams[0].members[0]
        self.device = leader.tablet
        self.squad = season.plan.teams[0].squad
        self._server_key = db.read(lambda conn: public_keys(conn).sealing)
        self._seeds = Chance("parcels")
        self._scribe = Scribe(
            device=leader.tablet, person=leader.person.id, epoch="E-stick", inspection=season.opened[0]
        )
        db.write(self._give_keys)

    def _give_keys(self, conn: Connection) -> None:
        public = KEY.public_key().public_bytes_raw().hex()
        sealing = SEALING_KEY.public_key().public_bytes_raw().hex()
        conn.execute(
            update(device).where(device.c.id == self.device).values(public_key=public, sealing_key=sealing)
        )

    def write(self, notes: int = 3, photos: Sequence[bytes] = (), format_: int = package.FORMAT) -> bytes:
        """A package with so many new operations."""
        ops = [self._scribe.write(Note("A01", f"带回 {number}")) for number in range(notes)]
        request = make_request(ops, device=self.device)
        contents = [package.message("request", wire.encode(request))]
        contents += [_photo(one) for one in photos]
        spans = (Span("E-stick", ops[0].seq, ops[-1].seq),) if ops else ()
        return self._seal(contents, spans=spans, operations=notes, photos=len(photos), format=format_)

    def _seal(self, contents: Iterable[Content], receiver: str = "", **told: object) -> bytes:
        contents = list(contents)
        manifest = Manifest(
            **{
                "kind": "request",
                "server": "S",
                "device": self.device,
                "squad": self.squad,
                "parts": tuple(one.part for one in contents),
                **told,
            }  # type: ignore[arg-type]
        )
        signed = msgspec.json.encode(manifest)
        sealing = sealing_for(receiver or self._server_key, self._seeds.bytes(32))
        signature = KEY.sign(package.signed_text(sealing.digest, self.device, digest(signed)))
        return b"".join(
            package.package_bytes(
                sealing.header, self.device, signed, contents, signature=signature, seal=sealing.seal
            )
        )

    def foreign(self) -> bytes:
        """Sealed to another server."""
        return self._seal([], receiver="09" * 32)

    def too_new(self) -> bytes:
        """Of a format that is not there yet."""
        return self.write(1, format_=99)


def in_volumes(whole: bytes, volume_bytes: int = volumes.VOLUME_BYTES_MIN) -> list[bytes]:
    """The package as several files."""
    start = package.read_start(BytesIO(whole).read)
    files: dict[int, bytearray] = {}
    for volume, some in volumes.split([whole], volumes.plan(start.digest, len(whole), volume_bytes)):
        files.setdefault(volume.number, bytearray()).extend(some)
    return [bytes(one) for _, one in sorted(files.items())]


def opened(content: bytes) -> tuple[Manifest, list[Answer]]:
    """A package from the server, as the tablet reads it."""
    stream = BytesIO(content)
    start = package.read_start(stream.read)

    def agree(ephemeral: bytes) -> bytes:
        return SEALING_KEY.exchange(X25519PublicKey.from_public_bytes(ephemeral))

    unsealed = Unsealed(stream.read, opening_of(start, agree))
    manifest = package.read_manifest(package.read_signed(unsealed).manifest)
    return manifest, [
        msgspec.json.decode(part, type=Answer) for _, part in package.read_parts(unsealed, manifest)
    ]


def picture(number: int, side: int = 64) -> bytes:
    """A photo like no other."""
    out = BytesIO()
    Image.new("RGB", (side, side * 3 // 4), (number * 37 % 256, 90, 120)).save(out, "JPEG")
    return out.getvalue() + bytes([number % 256]) * 32


def _photo(content: bytes) -> Content:
    return package.photo(digest(content), len(content), lambda: content)
