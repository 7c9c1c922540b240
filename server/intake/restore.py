"""Restore: a server made again from a backup, on an empty machine; tablets then bring back what came later.

It gets a new identity: tablets see by it that this is no longer the server that answered before, and offer
again all they hold; the console numbers anew, so that what it wrote after the backup can come back, too.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from server.access import audit
from server.intake import backups, projection
from server.intake.backups import Checked, Secrets
from server.storage import devices, edition, migrations, photos, table_copy, watermark
from server.storage.backup_files import BackupFiles, Manifest
from server.storage.database import Connection, Database
from server.storage.photo_store import PhotoStore
from server.storage.tables import SCHEMA_VERSION
from shared_schema.ids import ID_BYTES, make_id
from shared_schema.problems import Problem


class Restored(NamedTuple):
    """What was restored."""

    name: str
    manifest: Manifest
    server: str
    """The new identity."""
    rows: int


def restore(
    files: BackupFiles,
    open_database: Callable[[], Database],
    store: PhotoStore,
    *,
    name: str = "",
    now_ms: int,
    entropy: Callable[[int], bytes],
) -> Restored:
    """Fills an empty database and its photo store from a backup, the newest unless named.

    All of the backup is verified first. Photos come before the rows that name them, and all rows in one
    transaction: killed anywhere, the database is still empty, and the same can be done again.

    Raises not_found, backup_damaged, schema_too_new, not_empty, disk_full, busy.
    """
    with files.locked(create=False):
        kept = files.read(name or backups.newest(files))
        checked = backups.verify(files, kept)
        secrets = backups.read_secrets(files)
        if kept.manifest.schema_version > SCHEMA_VERSION:
            raise Problem("schema_too_new", theirs=kept.manifest.schema_version, ours=SCHEMA_VERSION)
        server = make_id(entropy(ID_BYTES))
        with open_database() as db:
            if not db.read(table_copy.is_empty):
                raise Problem("not_empty", what="database")
            for photo in kept.manifest.photos:
                store.put(photo.sha256, files.get(photo.sha256))
            rows = db.write(lambda conn: _fill(conn, files, checked, secrets, server, now_ms))
        return Restored(kept.name, kept.manifest, server, rows)


def _fill(
    conn: Connection, files: BackupFiles, kept: Checked, secrets: Secrets, server: str, now_ms: int
) -> int:
    migrations.clear_meta(conn)
    rows = sum(table_copy.fill(conn, part.table, files.get(part.sha256)) for part in kept.manifest.parts)
    table_copy.follow_up(conn)
    migrations.put_meta(
        conn,
        {
            "schema_version": str(SCHEMA_VERSION),
            "server_id": server,
            "seal_key": secrets.seal_key,
            "signing_key": secrets.signing_key,
            "sealing_key": secrets.sealing_key,
        },
    )
    operations, root = table_copy.log_root(conn)
    if (operations, root) != (kept.manifest.operations, kept.manifest.log_root):
        raise Problem("backup_damaged", where=f"{kept.name}: log_root")
    edition.renew(conn)
    devices.drop_unused(conn)  # some have been used or withdrawn since
    photos.forget(conn, kept.manifest.photos_missing)
    # The rows tell of the backup before this one. What this one holds is exactly what is here now.
    watermark.forget(conn)
    watermark.note(conn, watermark.mark(conn), [one.sha256 for one in kept.manifest.photos])
    backups.note_last(conn, kept, now_ms)
    audit.record(conn, now_ms, "", "server.restored", kept.name)
    projection.catch_up(conn)  # a backup made beside a server holds rows that it had put off
    return rows


def move_aside(database: Path, now_ms: int) -> list[Path]:
    """Gives the files of an embedded database other names, so that a new one can be made; their new names."""
    at = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    moved = []
    for suffix in ("", "-wal", "-shm"):
        path = database.with_name(database.name + suffix)
        if path.exists():
            moved.append(path.rename(path.with_name(f"{database.name}.before-restore-{at}{suffix}")))
    return moved
