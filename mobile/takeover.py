"""A plain store of version 0.1 taken over once: copied encrypted, compared, and only then destroyed.

Killed at any point it begins again where it was: what is plain under its own name has not been taken over, and
what is called `.plain` has.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from mobile import engine
from mobile.files import destroy, flush_folder, rename
from mobile.tables import problems
from mobile.vault import DEVICE_KEY, KEY_BYTES, Vault, is_sealed
from shared_schema.problems import Problem

PLAIN_HEADER = b"SQLite format 3\x00"


def needed(store: Path) -> bool:
    """Whether a store of version 0.1 lies here, or what is left of one."""
    return _is_plain(store) or _plain(store).exists()


def take_over(store: Path, photos: Path, vault: Vault) -> None:
    """Encrypts store, device key and photos of version 0.1. Raises store_damaged, store_in_use, disk_full."""
    copy, plain = store.with_name(store.name + ".sealed"), _plain(store)
    if _is_plain(store):
        _forget(copy)
        with problems(store):
            _settle(store)
            _copy(store, copy, vault)
        rename(store, plain)
    if not store.exists() and copy.exists():
        # The copy had been compared before the plain store lost its name.
        rename(copy, store)
    _seal_key(vault.folder / DEVICE_KEY, vault)
    for path in [*vault.folder.glob("*.part"), *photos.rglob("*.part")]:
        destroy(
            path
        )  # what a killed program was writing; its file is there whole under its own name, or never was
    for path in _pictures(photos):
        if not is_sealed(path):
            vault.keep(path, path.read_bytes(), destroy_old=True)
    if store.exists() and not _is_plain(store):
        destroy(plain)


def _plain(store: Path) -> Path:
    return store.with_name(store.name + ".plain")


def _is_plain(store: Path) -> bool:
    try:
        with store.open("rb") as file:
            return file.read(len(PLAIN_HEADER)) == PLAIN_HEADER
    except FileNotFoundError:
        return False


def _settle(store: Path) -> None:
    """Brings what lies in the log beside a plain store into it, and refuses one that is damaged."""
    connection = sqlite3.connect(store, timeout=1)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA journal_mode=DELETE")
        [(verdict,), *_] = connection.execute("PRAGMA quick_check(1)").fetchall()
    finally:
        connection.close()
    if verdict != "ok":
        raise Problem("store_damaged", path=str(store))


def _copy(store: Path, copy: Path, vault: Vault) -> None:
    """An encrypted copy, on the disk and found to be the same when it returns."""
    connection = vault.connect(copy)
    try:
        connection.execute(f"ATTACH DATABASE '{_quoted(store)}' AS plain KEY ''")
        connection.execute("SELECT sqlcipher_export('main', 'plain')").fetchall()
        [(version,)] = connection.execute("PRAGMA plain.user_version").fetchall()
        connection.execute(f"PRAGMA main.user_version = {int(version)}")
        connection.commit()
        if any(_differences(connection)):
            raise Problem("store_damaged", path=str(store))
        connection.execute("DETACH DATABASE plain")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")
    finally:
        connection.close()
    with copy.open("rb") as file:
        assert file.read(len(PLAIN_HEADER)) != PLAIN_HEADER, "the copy is not encrypted"
    flush_folder(copy.parent)


def _differences(connection: engine.Connection) -> Iterator[str]:
    """Tables that are not the same on both sides, row for row."""
    sql = "SELECT name, sql FROM {}.sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
    ours, theirs = (connection.execute(sql.format(side)).fetchall() for side in ("main", "plain"))
    if ours != theirs:
        yield "schema"
    tables = connection.execute("SELECT name FROM plain.sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        for one, other in (("main", "plain"), ("plain", "main")):
            missing = f'SELECT * FROM {one}."{table}" EXCEPT SELECT * FROM {other}."{table}" LIMIT 1'  # noqa: S608
            if connection.execute(missing).fetchall():
                yield table


def _seal_key(path: Path, vault: Vault) -> None:
    if path.exists() and path.stat().st_size == KEY_BYTES:
        vault.keep(path, path.read_bytes(), destroy_old=True)


def _pictures(photos: Path) -> list[Path]:
    return sorted(path for path in photos.rglob("*") if path.is_file()) if photos.exists() else []


def _forget(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
