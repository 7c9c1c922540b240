"""A package as a tablet would make it, sealed to a server."""

from collections.abc import Sequence

import msgspec

from mobile.sealing import sealing_for
from server.access.keys import public_keys
from server.storage.database import Database
from shared_schema import package, wire
from shared_schema.chance import Chance
from shared_schema.ids import digest
from shared_schema.operations import Operation
from shared_schema.package import Manifest
from tests.contract.plan import KEY
from tests.make import make_request


def packed(db: Database, operations: Sequence[Operation], photos: Sequence[bytes]) -> bytes:
    """One request with these operations, and photos; it asks for a receipt."""
    device = operations[0].device
    contents = [package.message("request", wire.encode(make_request(operations)))]
    contents += [package.photo(digest(one), len(one), lambda one=one: one) for one in photos]  # type: ignore[misc]
    sealing = sealing_for(db.read(lambda conn: public_keys(conn).sealing), Chance("packed").bytes(32))
    manifest = Manifest(
        kind="request",
        server="S",
        device=device,
        squad="S-1",
        reply_to=sealing.header.ephemeral,  # nobody opens the receipt: it only has to be there
        parts=tuple(one.part for one in contents),
    )
    signed = msgspec.json.encode(manifest)
    signature = KEY.sign(package.signed_text(sealing.digest, device, digest(signed)))
    pieces = package.package_bytes(
        sealing.header, device, signed, contents, signature=signature, seal=sealing.seal
    )
    return b"".join(pieces)
