"""Which tablet signed a request, mostly without asking the database: a tablet's key never changes.

Small requests are checked where they arrive: handing them to a thread would cost more than the signature.
"""

import asyncio

from server.access.devices import is_signed
from server.storage import devices
from server.storage.database import Database
from shared_schema.ids import DeviceId
from shared_schema.problems import Problem

HERE_BYTES_MAX = 64 * 1024
"""Of a larger request the signature takes so long that the event loop should not wait for it: a millisecond a megabyte
and more."""
KNOWN_MAX = 16_384


class Signers:
    """The keys of the tablets of one server. For one event loop."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._keys: dict[str, str] = {}

    async def verified(self, device: str, signature: str, signed: bytes) -> DeviceId:
        """The tablet whose key signed these bytes, turned away or not. Raises device_unknown, signature_invalid."""
        key = self._keys.get(device)
        if key is None:
            key = await asyncio.to_thread(self._look_up, device)
        if len(signed) <= HERE_BYTES_MAX:
            good = is_signed(key, signature, signed)
        else:
            good = await asyncio.to_thread(is_signed, key, signature, signed)
        if not good:
            raise Problem("signature_invalid")
        return DeviceId(device)

    def _look_up(self, device: str) -> str:
        row = self._db.read(lambda conn: devices.get(conn, device), joins=True)
        if row is None:
            raise Problem("device_unknown", device=device)
        if len(self._keys) >= KNOWN_MAX:
            self._keys.clear()
        self._keys[device] = row.public_key
        return row.public_key
