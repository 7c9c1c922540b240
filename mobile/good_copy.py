"""The last good copy of the store: made when it is closed, proven whole, and offered when the store is damaged."""

import os
from pathlib import Path
from typing import NamedTuple

from mobile import engine
from mobile.files import rename, write_whole
from mobile.vault import Vault


class Kept(NamedTuple):
    """What the copy holds of this tablet's own operations."""

    at_ms: int
    """When the store was changed last before that, by the tablet's clock."""
    operations: int
    received: int
    """Of these, how many the server has answered for."""


def path_of(store: Path) -> Path:
    """Where the copy of a store lies."""
    return store.with_name(store.name + ".good")


def keep(store: Path, vault: Vault) -> bool:
    """Makes the copy anew of a closed store; False where there was nothing new, or it is not sound.

    The store must be closed: reading its file beside an open connection would give up that connection's locks.
    """
    copy = path_of(store)
    log = store.with_name(store.name + "-wal")
    if not store.exists() or log.exists() or _as_new(copy, store):
        return False
    fresh = copy.with_name(copy.name + ".new")
    write_whole(fresh, store.read_bytes())
    if _read(fresh, vault) is None:
        fresh.unlink()
        return False
    _without_log(fresh)
    changed_ns = store.stat().st_mtime_ns
    os.utime(fresh, ns=(changed_ns, changed_ns))
    rename(fresh, copy)
    return True


def look(store: Path, vault: Vault) -> Kept | None:
    """What the copy holds; None where there is none, or it is damaged as well."""
    copy = path_of(store)
    if not copy.exists():
        return None
    at_ms = copy.stat().st_mtime_ns // 1_000_000
    counts = _read(copy, vault)
    _without_log(copy)
    return None if counts is None else Kept(at_ms, *counts)


def put_back(store: Path) -> Path:
    """Puts the copy in the store's place; the damaged file is kept under the name returned."""
    number = 1 + len(list(store.parent.glob(f"{store.name}.damaged-*")))
    aside = store.with_name(f"{store.name}.damaged-{number}")
    log = store.with_name(store.name + "-wal")
    if log.exists():
        # Left beside the copy, the damaged store's log would be written into it.
        rename(log, store.with_name(f"{store.name}.log-{number}"))
    if store.exists():
        write_whole(aside, store.read_bytes())
    write_whole(store, path_of(store).read_bytes())
    return aside


def _as_new(copy: Path, store: Path) -> bool:
    # The same time and not a later one: a clock that was ahead and has been set right would keep the copy old.
    return copy.exists() and copy.stat().st_mtime_ns == store.stat().st_mtime_ns


def _read(path: Path, vault: Vault) -> tuple[int, int] | None:
    """(operations, received) of a sound copy."""
    try:
        connection = vault.connect(path)
    except engine.DatabaseError:
        return None
    try:
        [(verdict,), *_] = connection.execute("PRAGMA quick_check(1)").fetchall()
        sql = (
            "SELECT count(*), count(*) FILTER (WHERE status IN ('accepted', 'held')) FROM operation WHERE own"
        )
        [(operations, received)] = connection.execute(sql).fetchall()
    except engine.DatabaseError:
        return None
    finally:
        connection.close()
    return (operations, received) if verdict == "ok" else None


def _without_log(path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
