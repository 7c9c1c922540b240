"""Photos: taken in, stripped, shrunk, hashed and kept until there is a receipt for them."""

from typing import NamedTuple


class Taken(NamedTuple):
    """A photo as kept: re-encoded, without what the camera wrote into it."""

    sha256: str
    size_bytes: int
    media_type: str
    width: int
    height: int
