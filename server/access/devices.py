"""Which tablet is asking: one-time codes that admit a tablet, and its signature over every request after that.

The tablet makes its own Ed25519 key and hands over only the public half. Codes are stored as hashes,
work once and for a short while. Signatures are checked before anything in a request is believed.
"""

import hmac
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from server.access.keys import public_keys
from server.access.public_keys import is_public_key
from server.storage import devices as store
from server.storage import migrations
from server.storage.database import Connection
from server.storage.devices import DeviceRow, EnrolmentRow, HolderRow
from shared_schema.ids import DeviceId, SquadId, digest
from shared_schema.problems import Problem
from shared_schema.wire import EnrolReply, EnrolRequest

CONSOLE_DEVICE = store.CONSOLE


def make_enrolment(
    conn: Connection,
    squad: str,
    code: str,
    device_id: str,
    expires_at_ms: int,
    *,
    holder: str = "",
    replaces: str = "",
) -> None:
    """Prepares a tablet: whoever brings this code before it expires becomes `device_id` of the squad.

    It is handed to `holder`, and the tablet it `replaces` is turned away. Raises form_invalid for an id that is taken.
    """
    if device_id == CONSOLE_DEVICE or store.get(conn, device_id) is not None:
        raise Problem("form_invalid", field="device", cure="该平板编号已被使用 / this tablet id is taken")
    store.add_enrolment(
        conn,
        EnrolmentRow(
            code_hash=_code_hash(code),
            device=DeviceId(device_id),
            squad=SquadId(squad),
            expires_at_ms=expires_at_ms,
            holder=holder,
            replaces=replaces,
        ),
    )


def enrol(conn: Connection, request: EnrolRequest, now_ms: int) -> EnrolReply:
    """The identity of the tablet that brought the code.

    The same code and the same key again get the same answer, because the first reply may have been lost. A tablet
    that this server, restored from a backup, has forgotten gets back the id it had: its operations name it.
    Raises enrolment_code_invalid; form_invalid where another tablet has that id, device_revoked where it is this one's
    and was turned away, request_malformed for a key that is none, all three with the code still unused.
    """
    wanted = _code_hash(request.code)
    found = store.get_enrolment(conn, wanted)
    if found is None or not hmac.compare_digest(found.code_hash, wanted):
        raise Problem("enrolment_code_invalid")
    device = DeviceId(request.device) or found.device
    used = found.used_at_ms is not None
    usable = not used and now_ms <= found.expires_at_ms
    here = store.get(conn, device)
    if here is not None:
        known = (used or bool(request.device)) and hmac.compare_digest(here.public_key, request.public_key)
        if known and here.revoked_at_ms is not None:
            raise Problem("device_revoked", device=here.id)
        if known:
            # Nobody has proved anything yet but to know a code, so what stands of this tablet stays as it is.
            return _admitted(conn, here.id, here.squad)
        raise _taken(device) if usable else Problem("enrolment_code_invalid")
    if not usable:
        raise Problem("enrolment_code_invalid")
    if device == CONSOLE_DEVICE:
        raise _taken(device)
    if not is_public_key(bytes.fromhex(request.public_key)):
        raise Problem("request_malformed", where="public_key")
    if not store.use_enrolment(conn, wanted, now_ms):
        raise Problem("enrolment_code_invalid")
    store.add(
        conn,
        DeviceRow(
            id=device,
            squad=found.squad,
            name=request.name,
            platform=request.platform,
            app=request.app,
            public_key=request.public_key,
            enrolled_at_ms=now_ms,
            sealing_key=request.sealing_key,
        ),
    )
    _hand_out(conn, device, found, now_ms)
    return _admitted(conn, device, found.squad)


def _hand_out(conn: Connection, device: DeviceId, found: EnrolmentRow, now_ms: int) -> None:
    if found.holder:
        handed = HolderRow(device=device, since_ms=now_ms, person=found.holder, given_by="", why="enrolled")
        store.hand_over(conn, handed)
    if found.replaces:
        store.replace(conn, DeviceId(found.replaces), device, now_ms)


def _admitted(conn: Connection, device: DeviceId, squad: SquadId) -> EnrolReply:
    keys = public_keys(conn)
    return EnrolReply(
        device=device,
        server=migrations.server_id(conn),
        squad=squad,
        signing_key=keys.signing,
        sealing_key=keys.sealing,
    )


def _taken(device: str) -> Problem:
    cure = f"编号 {device} 属于另一台，请交回协调员 / {device} is another tablet's: hand this one to the coordinator"
    return Problem("form_invalid", field="device", cure=cure)


def verify(conn: Connection, device: str, signature: str, body: bytes) -> DeviceRow:
    """The tablet whose key signed these bytes, revoked or not. Raises device_unknown, signature_invalid."""
    row = store.get(conn, device)
    if row is None:
        raise Problem("device_unknown", device=device)
    if not is_signed(row.public_key, signature, body):
        raise Problem("signature_invalid")
    return row


def is_signed(public_key: str, signature: str, message: bytes) -> bool:
    """Whether an Ed25519 signature (hex) of a message is by the key (raw, hex)."""
    try:
        _public(public_key).verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=4096)
def _public(key: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))


def revoke(conn: Connection, device: str, now_ms: int, why: str = "") -> None:
    """Turns a tablet away from now on; what it handed in stays. Raises device_unknown, device_revoked."""
    here = store.get(conn, device)
    if here is None:
        raise Problem("device_unknown", device=device)
    if here.revoked_at_ms is not None:
        raise Problem("device_revoked", device=device)
    store.revoke(conn, DeviceId(device), now_ms, why=why)


def hand_over(conn: Connection, device: str, person: str, given_by: str, why: str, now_ms: int) -> None:
    """Hands a tablet to another person; who had it stays on record. Raises device_unknown, device_revoked."""
    here = store.get(conn, device)
    if here is None:
        raise Problem("device_unknown", device=device)
    if here.revoked_at_ms is not None:
        raise Problem("device_revoked", device=device)
    row = HolderRow(device=DeviceId(device), since_ms=now_ms, person=person, given_by=given_by, why=why)
    store.hand_over(conn, row)


def _code_hash(code: str) -> str:
    """Codes are read aloud and typed: case, blanks and dashes do not matter."""
    return digest("".join(one for one in code.lower() if one.isalnum()).encode())
