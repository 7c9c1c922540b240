"""Tablets and the one-time codes that admit them."""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import Connection, delete, func, insert, select, update

from server.storage.edition import renew
from server.storage.op_log import run
from server.storage.tables import clock_jump, device, device_holder, enrolment
from shared_schema.ids import DeviceId, SquadId

CONSOLE = DeviceId("console")
"""Names the console in operations made there; no tablet may have this id."""


class DeviceRow(Struct, frozen=True, kw_only=True):
    """One enrolled tablet."""

    id: DeviceId
    squad: SquadId
    name: str
    platform: str
    app: str
    public_key: str
    enrolled_at_ms: int
    seen_at_ms: int | None = None
    revoked_at_ms: int | None = None
    revoked_why: str = ""
    replaced_by: str = ""
    holder: str = ""
    """The person it is handed out to."""
    sealing_key: str = ""
    clock_ahead_ms: int | None = None
    """How far its clock was ahead of ours at the last contact."""
    told_revoked_at_ms: int | None = None


class Contact(NamedTuple):
    """One contact of a tablet: when, with which app, and how far its clock was ahead of ours, where it said so."""

    at_ms: int
    app: str
    ahead_ms: int | None = None


class HolderRow(Struct, frozen=True, kw_only=True):
    """From when a person had a tablet, by whose hand and why; the latest one has it now."""

    device: DeviceId
    since_ms: int
    person: str
    given_by: str
    why: str


class JumpRow(Struct, frozen=True, kw_only=True):
    """A contact at which a tablet's clock stood elsewhere than the contact before would have it."""

    device: DeviceId
    at_ms: int
    ahead_before_ms: int
    ahead_ms: int


class EnrolmentRow(Struct, frozen=True, kw_only=True):
    """One code, by its hash: which tablet of which squad it makes, until when, and when it did."""

    code_hash: str
    device: DeviceId
    squad: SquadId
    expires_at_ms: int
    used_at_ms: int | None = None
    holder: str = ""
    replaces: str = ""


def get(conn: Connection, device_id: str) -> DeviceRow | None:
    """One tablet."""
    rows = run(conn, f"SELECT {_DEVICE} FROM device WHERE id = ?", (device_id,))  # noqa: S608 our columns
    return DeviceRow(**dict(zip(DeviceRow.__struct_fields__, rows[0], strict=True))) if rows else None


_DEVICE = ", ".join(DeviceRow.__struct_fields__)


def every(conn: Connection) -> list[DeviceRow]:
    """All tablets, by id."""
    return [DeviceRow(**row._mapping) for row in conn.execute(select(device).order_by(device.c.id))]


def add(conn: Connection, row: DeviceRow) -> None:
    """Adds a tablet."""
    conn.execute(insert(device).values({name: getattr(row, name) for name in row.__struct_fields__}))
    renew(conn)


def of_squad(conn: Connection, squad_id: SquadId) -> list[DeviceRow]:
    """The tablets of a squad, by id."""
    query = select(device).where(device.c.squad == squad_id).order_by(device.c.id)
    return [DeviceRow(**row._mapping) for row in conn.execute(query)]


def seen(conn: Connection, device_id: DeviceId, contacts: Sequence[Contact], jump_ms: int) -> None:
    """Notes that a tablet was here; each time its clock stood elsewhere than before by more than `jump_ms`, a jump."""
    rows = run(conn, "SELECT app, clock_ahead_ms FROM device WHERE id = ?", (device_id,))
    if not rows:
        return
    app, ahead_ms = rows[0]
    for contact in contacts:
        app = contact.app or app
        if contact.ahead_ms is not None:
            if ahead_ms is not None and abs(contact.ahead_ms - ahead_ms) > jump_ms:
                _jumped(conn, device_id, contact.at_ms, ahead_ms, contact.ahead_ms)
            ahead_ms = contact.ahead_ms
    sql = "UPDATE device SET seen_at_ms = ?, app = ?, clock_ahead_ms = ? WHERE id = ?"
    run(conn, sql, (contacts[-1].at_ms, app, ahead_ms, device_id))


def _jumped(conn: Connection, device_id: DeviceId, now_ms: int, before_ms: int, ahead_ms: int) -> None:
    sql = (
        "INSERT INTO clock_jump (device, at_ms, ahead_before_ms, ahead_ms) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (device, at_ms) DO NOTHING"
    )
    run(conn, sql, (device_id, now_ms, before_ms, ahead_ms))


def jumps(conn: Connection, device_id: DeviceId) -> list[JumpRow]:
    """Every jump of a tablet's clock, newest first."""
    query = select(clock_jump).where(clock_jump.c.device == device_id).order_by(clock_jump.c.at_ms.desc())
    return [JumpRow(**row._mapping) for row in conn.execute(query)]


def give_sealing_key(conn: Connection, device_id: DeviceId, sealing_key: str) -> None:
    """Keeps the key to which packages for a tablet are sealed, unless there is one."""
    conn.execute(
        update(device)
        .where(device.c.id == device_id, device.c.sealing_key == "")
        .values(sealing_key=sealing_key)
    )


def revoke(conn: Connection, device_id: DeviceId, now_ms: int, *, why: str = "") -> None:
    """Turns a tablet away from now on; what it handed in stays, what it still holds goes to quarantine."""
    conn.execute(
        update(device)
        .where(device.c.id == device_id, device.c.revoked_at_ms.is_(None))
        .values(revoked_at_ms=now_ms, revoked_why=why)
    )
    renew(conn)


def replace(conn: Connection, device_id: DeviceId, by: DeviceId, now_ms: int) -> None:
    """Another tablet has this one's place; it is turned away, where it was not lost and turned away before."""
    revoke(conn, device_id, now_ms, why="replaced")
    conn.execute(update(device).where(device.c.id == device_id).values(replaced_by=by))


def told_revoked(conn: Connection, device_id: DeviceId, now_ms: int) -> None:
    """Notes that a tablet was answered that it is turned away."""
    conn.execute(
        update(device)
        .where(device.c.id == device_id, device.c.told_revoked_at_ms.is_(None))
        .values(told_revoked_at_ms=now_ms)
    )


def hand_over(conn: Connection, row: HolderRow) -> None:
    """A tablet is somebody else's from now on; who had it before stays on record.

    Two hand-overs at one moment are recorded one after the other.
    """
    latest = conn.execute(
        select(func.max(device_holder.c.since_ms)).where(device_holder.c.device == row.device)
    ).scalar_one()
    since_ms = row.since_ms if latest is None else max(row.since_ms, latest + 1)
    values = {name: getattr(row, name) for name in row.__struct_fields__} | {"since_ms": since_ms}
    conn.execute(insert(device_holder).values(values))
    conn.execute(update(device).where(device.c.id == row.device).values(holder=row.person))


def holders(conn: Connection, device_id: DeviceId) -> list[HolderRow]:
    """Everybody who had a tablet, the latest first."""
    query = (
        select(device_holder)
        .where(device_holder.c.device == device_id)
        .order_by(device_holder.c.since_ms.desc())
    )
    return [HolderRow(**row._mapping) for row in conn.execute(query)]


def add_enrolment(conn: Connection, row: EnrolmentRow) -> None:
    """Adds a code."""
    conn.execute(insert(enrolment).values({name: getattr(row, name) for name in row.__struct_fields__}))


def get_enrolment(conn: Connection, code_hash: str) -> EnrolmentRow | None:
    """The code with that hash, used or not."""
    row = conn.execute(select(enrolment).where(enrolment.c.code_hash == code_hash)).one_or_none()
    return None if row is None else EnrolmentRow(**row._mapping)


def use_enrolment(conn: Connection, code_hash: str, now_ms: int) -> bool:
    """Uses up a code; whether it was still unused."""
    used = conn.execute(
        update(enrolment)
        .where(enrolment.c.code_hash == code_hash, enrolment.c.used_at_ms.is_(None))
        .values(used_at_ms=now_ms)
    )
    return used.rowcount == 1


def drop_unused(conn: Connection) -> None:
    """Takes back every code that nobody is known to have used."""
    conn.execute(delete(enrolment).where(enrolment.c.used_at_ms.is_(None)))


def drop_enrolment(conn: Connection, device_id: str) -> bool:
    """Takes back the unused code for a tablet; whether there was one."""
    gone = conn.execute(
        delete(enrolment).where(enrolment.c.device == device_id, enrolment.c.used_at_ms.is_(None))
    )
    return gone.rowcount > 0
