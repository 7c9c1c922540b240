"""The server's own keys: it signs receipts, and packages are sealed to it."""

from functools import lru_cache
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from server.storage import migrations
from server.storage.database import Connection


class PublicKeys(NamedTuple):
    """What tablets learn of this server when they enrol: raw, in hex."""

    signing: str
    sealing: str


def public_keys(conn: Connection) -> PublicKeys:
    """The public halves."""
    return PublicKeys(
        _signing(migrations.signing_key(conn)).public_key().public_bytes_raw().hex(),
        opening_key(conn).public_key().public_bytes_raw().hex(),
    )


def sign(conn: Connection, message: bytes) -> str:
    """The server's Ed25519 signature of a message, in hex."""
    return _signing(migrations.signing_key(conn)).sign(message).hex()


@lru_cache(maxsize=16)
def _signing(secret: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(secret)


def opening_key(conn: Connection) -> X25519PrivateKey:
    """The key that opens what was sealed to this server."""
    return X25519PrivateKey.from_private_bytes(migrations.sealing_key(conn))
