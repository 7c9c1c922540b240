"""Whose signature it is: the server's under a receipt, a colleague's tablet's under the head of its chain."""

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared_schema.proofs import head_text, receipt_text
from shared_schema.wire import Receipt, SignedHead


def signed_receipt(receipt: Receipt, server_key: str) -> bool:
    """Whether the server with this key (Ed25519, raw, hex) signed the receipt."""
    return signed_by(server_key, receipt.signature, receipt_text(receipt))


def signed_head(head: SignedHead, tablet_key: str) -> bool:
    """Whether the tablet with this key signed the head."""
    text = head_text(head.device, head.epoch, head.seq, head.hash)
    return signed_by(tablet_key, head.signature, text)


def signed_by(key: str, signature: str, message: bytes) -> bool:
    """Whether the message is signed by a key (Ed25519, raw, hex)."""
    try:
        _public(key).verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=256)
def _public(key: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
