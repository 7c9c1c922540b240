"""Tablets and the one-time codes that admit them."""

from msgspec import Struct
from sqlalchemy import Connection, insert, select, update

from server.storage.tables import device, enrolment
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


class EnrolmentRow(Struct, frozen=True, kw_only=True):
    """One code, by its hash: which tablet of which squad it makes, until when, and when it did."""

    code_hash: str
    device: DeviceId
    squad: SquadId
    expires_at_ms: int
    used_at_ms: int | None = None


def get(conn: Connection, device_id: str) -> DeviceRow | None:
    """One tablet."""
    row = conn.execute(select(device).where(device.c.id == device_id)).one_or_none()
    return None if row is None else DeviceRow(**row._mapping)


def every(conn: Connection) -> list[DeviceRow]:
    """All tablets, by id."""
    return [DeviceRow(**row._mapping) for row in conn.execute(select(device).order_by(device.c.id))]


def add(conn: Connection, row: DeviceRow) -> None:
    """Adds a tablet."""
    conn.execute(insert(device).values({name: getattr(row, name) for name in row.__struct_fields__}))


def seen(conn: Connection, device_id: DeviceId, now_ms: int, app: str) -> None:
    """Notes that a tablet was here, with which app."""
    values: dict[str, object] = {"seen_at_ms": now_ms}
    if app:
        values["app"] = app
    conn.execute(update(device).where(device.c.id == device_id).values(values))


def revoke(conn: Connection, device_id: DeviceId, now_ms: int) -> None:
    """Turns a tablet away from now on; what it handed in stays."""
    conn.execute(
        update(device)
        .where(device.c.id == device_id, device.c.revoked_at_ms.is_(None))
        .values(revoked_at_ms=now_ms)
    )


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
