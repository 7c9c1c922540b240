"""How a package is sealed and opened: X25519, HKDF-SHA-256, ChaCha20-Poly1305; tablets have the same."""

from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared_schema.ids import digest
from shared_schema.package import SUITE, Cipher, Header, Start, start_bytes

KEY_BYTES = 32


class Sealing(NamedTuple):
    """The clear beginning of a new package, its digest, and what seals the rest."""

    header: Header
    digest: str
    seal: Cipher


def sealing_for(receiver: str, seed: bytes) -> Sealing:
    """Seals to a public key (X25519, raw, hex) by a key made from 32 random bytes and never used again."""
    ephemeral = X25519PrivateKey.from_private_bytes(seed)
    header = Header(suite=SUITE, receiver=receiver, ephemeral=ephemeral.public_key().public_bytes_raw().hex())
    named = digest(start_bytes(header))
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(bytes.fromhex(receiver)))
    cipher = _cipher(shared, named)
    return Sealing(
        header, named, lambda number, last, content: cipher.encrypt(_nonce(number, last), content, None)
    )


def opening_of(start: Start, key: X25519PrivateKey) -> Cipher:
    """Opens what was sealed to this key. Raises ValueError for what was not, or was changed."""
    shared = key.exchange(X25519PublicKey.from_public_bytes(bytes.fromhex(start.header.ephemeral)))
    cipher = _cipher(shared, start.digest)

    def opens(number: int, last: bool, content: bytes) -> bytes:
        try:
            return cipher.decrypt(_nonce(number, last), content, None)
        except InvalidTag as err:
            raise ValueError("not what was sealed") from err

    return opens


def _cipher(shared: bytes, start_digest: str) -> ChaCha20Poly1305:
    """The key also comes from the clear beginning, so that not a bit of that can be changed."""
    derived = HKDF(
        SHA256(), length=KEY_BYTES, salt=bytes.fromhex(start_digest), info=b"hucha package std-1"
    ).derive(shared)
    return ChaCha20Poly1305(derived)


def _nonce(number: int, last: bool) -> bytes:
    """Chunks can be neither reordered nor left out, and a package cannot be cut off at one."""
    return number.to_bytes(11, "big") + bytes([last])
