"""The register of packages, and how far each tablet has been told."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, delete, insert, select

from server.storage.op_log import run
from server.storage.tables import device, package, squad

TOLD_MAX = 16
"""So many digests are kept of what was last told to a tablet that has not answered since."""


class PackageRow(Struct, frozen=True, kw_only=True):
    """One package that was taken in or given out."""

    digest: str
    direction: str
    kind: str
    device: str
    code: str
    answers: str = ""
    operations: int = 0
    photos: int = 0
    size_bytes: int = 0
    at_ms: int
    by: str
    facts: str = "{}"


class PackageLine(Struct, frozen=True, kw_only=True):
    """A package as the register shows it."""

    package: PackageRow
    device_name: str
    squad: str
    squad_zh: str
    squad_en: str


class Told(Struct, frozen=True, omit_defaults=True):
    """Where a tablet stood when it last asked, and the digests of what it has been told since."""

    cursors: Mapping[str, int] = {}
    last_read: Mapping[str, str] = {}
    checklists: tuple[str, ...] = ()
    assignments: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()


def keep(conn: Connection, row: PackageRow) -> None:
    """Enters a package, or what is known of it by now."""
    conn.execute(delete(package).where(package.c.digest == row.digest))
    conn.execute(insert(package).values({name: getattr(row, name) for name in row.__struct_fields__}))


def get(conn: Connection, digest: str) -> PackageRow | None:
    """One package of the register."""
    row = conn.execute(select(package).where(package.c.digest == digest)).one_or_none()
    return None if row is None else PackageRow(**row._mapping)


def receipt_of(conn: Connection, digest: str) -> PackageRow | None:
    """The latest receipt that was made for a package."""
    query = (
        select(package).where(package.c.answers == digest).order_by(package.c.at_ms.desc(), package.c.digest)
    )
    row = conn.execute(query.limit(1)).one_or_none()
    return None if row is None else PackageRow(**row._mapping)


def lines(conn: Connection, campaign: str, limit: int) -> list[PackageLine]:
    """The packages of a campaign's tablets, the latest first."""
    query = (
        select(package, device.c.name, squad.c.id, squad.c.name_zh, squad.c.name_en)
        .join(device, device.c.id == package.c.device)
        .join(squad, squad.c.id == device.c.squad)
        .where(squad.c.campaign == campaign)
        .order_by(package.c.at_ms.desc(), package.c.digest)
        .limit(limit)
    )
    count = len(package.columns)
    return [
        PackageLine(
            package=PackageRow(**dict(zip(package.columns.keys(), row[:count], strict=True))),
            device_name=row[count],
            squad=row[count + 1],
            squad_zh=row[count + 2],
            squad_en=row[count + 3],
        )
        for row in conn.execute(query)
    ]


def campaign_of(conn: Connection, device_id: str) -> str:
    """The campaign of a tablet's squad; "" where there is none."""
    query = (
        select(squad.c.campaign).join(device, device.c.squad == squad.c.id).where(device.c.id == device_id)
    )
    return conn.execute(query).scalar_one_or_none() or ""


def told_of(conn: Connection, device_id: str) -> Told | None:
    """What a tablet has been told; None for one that has never asked."""
    rows = run(conn, "SELECT content FROM told WHERE device = ?", (device_id,))
    return _decoder.decode(bytes(rows[0][0])) if rows else None


def keep_told(conn: Connection, device_id: str, now: Told) -> None:
    """Notes what a tablet has been told; the same again writes nothing."""
    run(
        conn,
        "INSERT INTO told (device, content) VALUES (?, ?)"
        " ON CONFLICT (device) DO UPDATE SET content = excluded.content WHERE told.content <> excluded.content",
        (device_id, msgspec.json.encode(now)),
    )


_decoder = msgspec.json.Decoder(Told)
