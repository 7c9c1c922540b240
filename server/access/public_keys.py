"""Is this an Ed25519 public key at all? The library takes any 32 bytes, and then no signature ever fits.

And what people compare when they hold a tablet against the register: its key's fingerprint.
"""

from shared_schema.ids import digest

PRIME = 2**255 - 19
D = -121665 * pow(121666, -1, PRIME) % PRIME
"""Of the curve -x² + y² = 1 + D x² y² (RFC 8032, 5.1)."""


def is_public_key(key: bytes) -> bool:
    """Whether these bytes name a point of the curve: its y, and the sign of its x in the last bit."""
    number = int.from_bytes(key, "little")
    y, negative = number & ~(1 << 255), number >> 255
    if len(key) != 32 or y >= PRIME:
        return False
    x_squared = (y * y - 1) * pow(D * y * y + 1, -1, PRIME) % PRIME
    if x_squared == 0:
        return not negative
    return pow(x_squared, (PRIME - 1) // 2, PRIME) == 1


def fingerprint(key: str) -> str:
    """A key (raw, hex) as people read it out: the first 16 hex digits of its SHA-256, in fours."""
    figures = digest(bytes.fromhex(key))[:16]
    return " ".join(figures[at : at + 4] for at in range(0, 16, 4))
