"""Packages by hand: the same exchange out of a file, whole or not at all, and the answer into one.

First everything is read and checked, and nothing kept. Then the photos are put in their places, where
nobody finds them yet. Then one transaction runs the very exchange of `POST /sync` for each request and
notes the photos. So a package is taken whole, and taking it again changes nothing. Its receipt is written before
that transaction ends: where there is no room for it nothing was taken, and until then nobody is shown the file.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from server.access import audit, keys
from server.access.devices import is_signed
from server.access.sealing import opening_of, sealing_for
from server.intake import answers
from server.intake.photos import media_type_of, undamaged
from server.storage import devices, migrations, packages, photos
from server.storage.database import Connection, Database
from server.storage.devices import DeviceRow
from server.storage.package_files import PackageFiles, Source
from server.storage.packages import PackageRow
from server.storage.photo_store import PhotoStore
from shared_schema import package, wire
from shared_schema.ids import DeviceId, digest
from shared_schema.package import Answer, Manifest, Part, Unsealed
from shared_schema.problems import Problem

SEED_BYTES = 32
NEW = ("accepted", "held")
"""What becomes of an operation that was not here before."""


class Way(NamedTuple):
    """What packages are taken in and given out with."""

    db: Database
    photo_files: PhotoStore
    files: PackageFiles
    entropy: Callable[[int], bytes]


class Opened(NamedTuple):
    """A package that has been read to its end and is sound."""

    digest: str
    code: str
    manifest: Manifest
    requests: tuple[bytes, ...]
    photos: tuple[tuple[Part, str], ...]
    """Each with its media type."""
    size_bytes: int


class Taken(NamedTuple):
    """A package that was taken in, and its receipt, where the tablet has a key to seal one to."""

    row: PackageRow
    receipt: PackageRow | None = None
    path: Path | None = None
    """Where the receipt lies."""


def take(way: Way, source: Source, *, by: str, now_ms: int) -> Taken:
    """Takes in one package and makes its receipt; the same package again changes nothing.

    Raises package_damaged, package_foreign, package_suite, package_too_new, package_too_large, signature_invalid,
    device_unknown, request_malformed, protocol_too_new, photo_type, package_keys_missing, disk_full, busy; then
    nothing of it was taken.
    """
    opened = check(way.db, source)
    _place(way, source, opened)
    taken = way.db.write(partial(_take, opened=opened, way=way, by=by, now_ms=now_ms))
    way.files.forget(opened.digest)
    return taken


def _take(conn: Connection, opened: Opened, way: Way, *, by: str, now_ms: int) -> Taken:
    """What is one transaction."""
    tablet = _tablet(conn, opened.manifest.device)
    for part, media_type in opened.photos:
        photos.add(
            conn,
            sha256=part.sha256,
            size_bytes=part.size_bytes,
            media_type=media_type,
            device=DeviceId(tablet.id),
            now_ms=now_ms,
        )
    told = answers.of_requests(conn, opened.requests, tablet, now_ms=now_ms)
    row = _row_of(opened, told, by=by, now_ms=now_ms)
    before = packages.get(conn, row.digest)
    packages.keep(conn, row if before is None else _taken_again(before, row))
    audit.record(conn, now_ms, by, "package.taken", opened.digest, device=row.device, code=row.code)
    receiver = opened.manifest.reply_to or tablet.sealing_key
    if not receiver:
        return Taken(row)
    if not tablet.sealing_key:
        devices.give_sealing_key(conn, tablet.id, receiver)
    return Taken(row, *_made(conn, tablet, receiver, told, way=way, opened=opened, by=by, now_ms=now_ms))


def give(way: Way, device: str, *, by: str, now_ms: int) -> tuple[PackageRow, Path]:
    """Makes a package for a tablet without a request: assignments, checklists, and what it has not been told.

    Raises device_unknown, device_revoked, package_keys_missing.
    """

    def run(conn: Connection) -> tuple[PackageRow, Path]:
        tablet = _tablet(conn, device)
        if tablet.revoked_at_ms is not None:
            raise Problem("device_revoked", device=device)
        if not tablet.sealing_key:
            raise Problem("package_keys_missing")
        told = answers.untold(conn, tablet, now_ms=now_ms)
        audit.record(conn, now_ms, by, "package.given", device)
        return _made(conn, tablet, tablet.sealing_key, told, way=way, opened=None, by=by, now_ms=now_ms)

    return way.db.write(run)


def in_words(row: PackageRow) -> str:
    """One line about a package that was taken in, in both languages."""
    became = _became(row)
    taken = sum(became[one] for one in NEW)
    known, refused = became["duplicate"], became["refused"] + became["id_reused"]
    return (
        f"{row.code} {row.device}: 新收 {taken} 条，已有 {known} 条，暂存待处理 {refused} 条，照片 {row.photos} 张"
        f" / {taken} new, {known} known, {refused} in quarantine, {row.photos} photos"
    )


# --- reading ---------------------------------------------------------------------------------------


def check(db: Database, source: Source) -> Opened:
    """Reads a package to its end and keeps nothing of it but the requests. Raises as `take` does."""
    with ExitStack() as stack:
        stream, start_digest = _unsealed(db, source, stack)
        signed = package.read_signed(stream)
        tablet = db.read(lambda conn: _tablet(conn, signed.sender))
        text = package.signed_text(start_digest, signed.sender, digest(signed.manifest))
        if not is_signed(tablet.public_key, signed.signature.hex(), text):
            raise Problem("signature_invalid")
        manifest = package.read_manifest(signed.manifest)
        if manifest.kind != "request":
            raise Problem("package_foreign", what=f"{manifest.kind}_package")
        if manifest.device != tablet.id:
            raise Problem("package_foreign", what="other_sender")
        requests: list[bytes] = []
        pictures: list[tuple[Part, str]] = []
        for part, content in package.read_parts(stream, manifest):
            if part.kind == "photo":
                pictures.append((part, media_type_of(BytesIO(content))))
            else:
                _check_request(part, content, tablet)
                requests.append(content)
    return Opened(
        digest=start_digest,
        code=package.short_code(signed.signature),
        manifest=manifest,
        requests=tuple(requests),
        photos=tuple(pictures),
        size_bytes=source.size_bytes,
    )


def _unsealed(db: Database, source: Source, stack: ExitStack) -> tuple[Unsealed, str]:
    """The sealed part, to be read, and the digest of the clear beginning."""
    read = source.opened(stack)
    start = package.read_start(read)
    public, private = db.read(lambda conn: (keys.public_keys(conn).sealing, keys.opening_key(conn)))
    if start.header.receiver != public:
        raise Problem("package_foreign", what="other_receiver")
    try:
        opens = opening_of(start, private)
    except ValueError as err:
        raise package.damaged("header") from err
    return Unsealed(read, opens), start.digest


def _check_request(part: Part, content: bytes, tablet: DeviceRow) -> None:
    if part.kind != "request":
        raise Problem("package_foreign", what="other_part")
    if wire.read_request(content).device != tablet.id:
        raise Problem("request_malformed", where="device")


def _tablet(conn: Connection, device: str) -> DeviceRow:
    tablet = devices.get(conn, device)
    if tablet is None:
        raise Problem("device_unknown", device=device)
    return tablet


def _place(way: Way, source: Source, opened: Opened) -> None:
    """Puts the photos on the disk, read a second time so that one at a time is in memory; nobody finds them yet."""
    wanted = {part.sha256 for part, _ in opened.photos if undamaged(way.photo_files, part.sha256) is None}
    if not wanted:
        return
    way.files.check_room(sum(part.size_bytes for part, _ in opened.photos if part.sha256 in wanted))
    with ExitStack() as stack:
        stream, _ = _unsealed(way.db, source, stack)
        package.read_signed(stream)
        for part, content in package.read_parts(stream, opened.manifest):
            if part.sha256 in wanted:
                way.photo_files.put(part.sha256, content)


def _taken_again(before: PackageRow, row: PackageRow) -> PackageRow:
    """The row of a package that was taken before: what was new then is no longer merely known, and what waited then
    and is taken now is new.
    """
    first, became = _became(before), _became(row)
    for one in NEW:
        became[one] += first[one]
        became["duplicate"] -= first[one]
    facts = {**msgspec.json.decode(before.facts), "became": dict(sorted((+became).items()))}
    return replace(before, facts=msgspec.json.encode(facts).decode())


def _became(row: PackageRow) -> Counter[str]:
    return Counter(msgspec.json.decode(row.facts)["became"])


def _row_of(opened: Opened, told: Sequence[Answer], *, by: str, now_ms: int) -> PackageRow:
    became: Counter[str] = Counter()
    for one in told:
        became.update(status.status for status in wire.read_reply(bytes(one.reply)).statuses)
    manifest = opened.manifest
    facts = {
        "became": dict(sorted(became.items())),
        "spans": [[one.epoch, one.first, one.last] for one in manifest.spans],
        "made_at_ms": manifest.made_at_ms,
    }
    return PackageRow(
        digest=opened.digest,
        direction="in",
        kind=manifest.kind,
        device=manifest.device,
        code=opened.code,
        operations=became.total(),
        photos=len(opened.photos),
        size_bytes=opened.size_bytes,
        at_ms=now_ms,
        by=by,
        facts=msgspec.json.encode(facts).decode(),
    )


# --- writing ---------------------------------------------------------------------------------------


def _made(
    conn: Connection,
    tablet: DeviceRow,
    receiver: str,
    told: Sequence[Answer],
    *,
    way: Way,
    opened: Opened | None,
    by: str,
    now_ms: int,
) -> tuple[PackageRow, Path]:
    """A package for a tablet, the receipt of the opened one if there is one, written and entered in the register."""
    try:
        sealing = sealing_for(receiver, way.entropy(SEED_BYTES))
    except ValueError as err:  # a point of which nothing secret can come
        raise Problem("package_keys_missing") from err
    contents = [package.message("answer", msgspec.json.encode(one)) for one in told]
    server = migrations.server_id(conn)
    manifest = Manifest(
        kind="receipt" if opened else "assignments",
        server=server,
        device=tablet.id,
        squad=tablet.squad,
        campaigns=tuple(filter(None, [packages.campaign_of(conn, tablet.id)])),
        made_at_ms=now_ms,
        answers=opened.digest if opened else "",
        mark=opened.manifest.mark if opened else "",
        parts=tuple(one.part for one in contents),
    )
    signed = msgspec.json.encode(manifest)
    size = package.whole_bytes(sealing.header, server, signed, contents)
    text = package.signed_text(sealing.digest, server, digest(signed))
    signature = bytes.fromhex(keys.sign(conn, text))
    content = package.package_bytes(
        sealing.header, server, signed, contents, signature=signature, seal=sealing.seal
    )
    row = PackageRow(
        digest=sealing.digest,
        direction="out",
        kind=manifest.kind,
        device=tablet.id,
        code=package.short_code(signature),
        answers=manifest.answers,
        operations=sum(len(one.ops) for reply in told for one in wire.read_reply(bytes(reply.reply)).news),
        size_bytes=size,
        at_ms=now_ms,
        by=by,
    )
    packages.keep(conn, row)
    return row, way.files.give(row.digest, content)
