"""Receipts: what the server holds of a tablet, signed, so that the tablet can hold it against its own chain."""

from collections.abc import Iterable

from msgspec.structs import replace

from server.access import keys
from server.storage import chains, migrations, photos, watermark
from server.storage.database import Connection
from shared_schema.ids import DeviceId
from shared_schema.proofs import receipt_text
from shared_schema.wire import BackedLog, ExchangeRequest, Held, Receipt


def own(conn: Connection, request: ExchangeRequest, now_ms: int, *, revoked: bool = False) -> Receipt:
    """For the tablet that asks: its chains, the photos it asks about that are here, and whether it was `revoked`.

    That these photos have been given a receipt is noted, for whoever follows them on the console.
    """
    held = photos.held(conn, request.photos)
    photos.give_receipt(conn, held, now_ms)
    return receipt(
        conn,
        DeviceId(request.device),
        [head.epoch for head in request.heads],
        now_ms,
        photos_here=[one for one in request.photos if one in held],
        photos_safe=[one for one in request.photos if held.get(one)],
        logs=watermark.logs(conn, request.logs, request.cursors, request.last_read) if request.logs else (),
        revoked=revoked,
    )


def relayed(conn: Connection, request: ExchangeRequest, now_ms: int) -> tuple[Receipt, ...]:
    """For each tablet whose operations this request passed on."""
    epochs: dict[str, list[str]] = {}
    for head in request.proofs:
        epochs.setdefault(head.device, []).append(head.epoch)
    return tuple(
        receipt(conn, DeviceId(device), sorted(set(named)), now_ms)
        for device, named in sorted(epochs.items())
        if device != request.device
    )


def receipt(
    conn: Connection,
    device: DeviceId,
    epochs: Iterable[str],
    now_ms: int,
    *,
    photos_here: Iterable[str] = (),
    photos_safe: Iterable[str] = (),
    logs: tuple[BackedLog, ...] = (),
    revoked: bool = False,
) -> Receipt:
    """One tablet's receipt over these chains and photos."""
    asked = tuple(epochs)
    held = chains.backed(conn, device, asked)
    plain = Receipt(
        server=migrations.server_id(conn),
        device=device,
        at_ms=now_ms,
        heads=tuple(Held(epoch, *held.get(epoch, chains.Backed())) for epoch in asked),
        photos=tuple(photos_here),
        photos_backed_up=tuple(photos_safe),
        logs=logs,
        revoked=revoked,
    )
    return replace(plain, signature=keys.sign(conn, receipt_text(plain)))
