"""Where a photo is: on its tablet, on its way, here, with a receipt given for it, in a backup."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from server.storage.console_inspection import Picture

State = Literal["on_tablet", "on_its_way", "received", "receipt", "backed_up"]


class Custody(NamedTuple):
    """How far a photo is, and since when where that is known. `percent`: of its bytes, while it is on its way."""

    state: State
    percent: int = 0
    at_ms: int | None = None


def custody_of(picture: Picture, arrived: Callable[[str, int], int]) -> Custody:
    """Where this photo is; `arrived(sha256, size_bytes)` tells how many of its bytes have come so far."""
    if picture.here:
        if picture.backed_up:
            return Custody("backed_up", 100, picture.received_at_ms)
        if picture.receipted_at_ms is not None:
            return Custody("receipt", 100, picture.receipted_at_ms)
        return Custody("received", 100, picture.received_at_ms)
    bytes_here = arrived(picture.sha256, picture.size_bytes)
    if not bytes_here or not picture.size_bytes:
        return Custody("on_tablet")
    # All bytes and no verdict yet is not received.
    return Custody("on_its_way", min(99, 100 * bytes_here // picture.size_bytes))
