"""Which tablet hands in photos: a pass that it signs once and that stays the same for all requests of a run.

An upload is many small requests, made by ordinary tus clients that send fixed headers; so the tablet signs
`hucha files 1 <server> <device> <at_ms>` with its own key, and that is good for twelve hours around `at_ms`,
the server's time as the tablet last heard it. The pass opens nothing but the tablet's own uploads.
"""

from server.access import devices
from server.storage import migrations
from server.storage.database import Connection, Database
from shared_schema import wire
from shared_schema.ids import DeviceId
from shared_schema.problems import Problem

TOKEN_LENGTH_MAX = 400
KNOWN_MAX = 4096
"""Passes remembered as verified, so that a request of a run costs no signature; of a few thousand tablets, all."""


class FileTokens:
    """Passes of the tablets of one server. Used from one thread at a time for each of its two halves."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[str, tuple[DeviceId, int]] = {}

    def known(self, token: str, now_ms: int) -> DeviceId | None:
        """The tablet of a pass that was verified before; None where `verify` must look. Raises token_expired."""
        found = self._known.get(token)
        if found is None:
            return None
        _check_age(found[1], now_ms)
        return found[0]

    def verify(self, token: str, now_ms: int) -> DeviceId:
        """The tablet that signed this pass. Raises device_unknown, signature_invalid, token_expired.

        A tablet that was turned away may still bring the photos it took: they are evidence.
        """
        device, at_ms, signature = _parts(token)

        def run(conn: Connection) -> None:
            signed = wire.token_bytes(migrations.server_id(conn), device, at_ms)
            devices.verify(conn, device, signature, signed)

        self._db.read(run, joins=True)
        _check_age(at_ms, now_ms)
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known[token] = DeviceId(device), at_ms
        return DeviceId(device)


def _parts(token: str) -> tuple[str, int, str]:
    """Device, time and signature; a device's id may itself have dots. Raises signature_invalid."""
    device, _, rest = token[:TOKEN_LENGTH_MAX].rpartition(".")[0].rpartition(".")
    signature = token.rpartition(".")[2]
    if len(token) > TOKEN_LENGTH_MAX or not device or not (rest.isascii() and rest.isdigit()):
        raise Problem("signature_invalid")
    return device, int(rest), signature


def _check_age(at_ms: int, now_ms: int) -> None:
    if abs(now_ms - at_ms) > wire.TOKEN_AGE_MS_MAX:
        raise Problem("token_expired", limit_hours=wire.TOKEN_AGE_MS_MAX // 3_600_000)
