"""Names for ids, and how an id is made from given bytes.

Ids are opaque strings. Those made by Hucha are 26 characters of Crockford's base 32 over 16 given
bytes: no two look alike when read aloud, and none can be guessed from another.
"""

import hashlib
from typing import NewType

OpId = NewType("OpId", str)
InspectionId = NewType("InspectionId", str)
PersonId = NewType("PersonId", str)
DeviceId = NewType("DeviceId", str)
UnitId = NewType("UnitId", str)
SquadId = NewType("SquadId", str)
ItemId = NewType("ItemId", str)
FindingId = NewType("FindingId", str)
EvidenceId = NewType("EvidenceId", str)
ChecklistHash = NewType("ChecklistHash", str)
FieldKey = NewType("FieldKey", str)
"""Names one field of an inspection, such as `answer/A01`; two operations compete only on one field."""

ID_BYTES = 16
HASH_HEX_LENGTH = 64
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def make_id(entropy: bytes) -> str:
    """The 26-character id for exactly 16 bytes of entropy (or of time and entropy)."""
    if len(entropy) != ID_BYTES:
        raise ValueError(f"an id is made from {ID_BYTES} bytes, not {len(entropy)}")
    number = int.from_bytes(entropy, "big")
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


_sha256 = hashlib.sha256().copy
"""Begins a hash in half the time that the library takes to look one up by its name."""


def digest(content: bytes) -> str:
    """SHA-256 in lower-case hex: how operations, checklists and photos are named by their bytes."""
    begun = _sha256()
    begun.update(content)
    return begun.hexdigest()
