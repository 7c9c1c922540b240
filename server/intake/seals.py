"""Seals: how the server knows again what was made at its own console, when tablets bring it back after a restore.

The seal is a field of the envelope that every version passes on unread: an HMAC over the operation's
bytes without it, under a key that is made with the database and never leaves it.
"""

import hmac
import re

_SEAL = re.compile(rb',"seal":"([0-9a-f]{64})"}$')


def seal(raw: bytes, key: bytes) -> bytes:
    """The operation with its seal."""
    return raw[:-1] + b',"seal":"' + _mac(raw, key) + b'"}'


def is_sealed(raw: bytes, key: bytes) -> bool:
    """Whether an operation carries our seal, and nothing of it was changed."""
    found = _SEAL.search(raw)
    return found is not None and hmac.compare_digest(found[1], _mac(raw[: found.start()] + b"}", key))


def _mac(raw: bytes, key: bytes) -> bytes:
    return hmac.new(key, raw, "sha256").hexdigest().encode()
