"""Everything of a tablet destroyed for good: the wrapped keys first, then the rest; and a note of why.

The note comes before all, so that a wipe ended in the middle is finished at the next start.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec
from msgspec.structs import replace

from mobile.files import destroy, flush_folder, write_whole
from mobile.keyring import Keyring
from mobile.photo_sources import left_behind
from mobile.secret import DeviceSecret
from mobile.vault import DEVICE_KEY, SEALING_KEY
from shared_schema.problems import Problem

Reason = Literal["pin", "revoked"]
NOTE = "wiped.json"


class Wiped(msgspec.Struct, frozen=True):
    """Why and when, by the tablet's clock. `secret` names the secret of the device that goes as well."""

    reason: Reason
    at_ms: int
    secret: str = ""
    left: tuple[str, ...] = ()
    """Files that the disk let nobody remove, as said by the last try: each start tries again. Not kept in the note."""


def wiped(folder: Path) -> Wiped | None:
    """The note of a wipe, if there was one."""
    try:
        return msgspec.json.decode((folder / NOTE).read_bytes(), type=Wiped)
    except FileNotFoundError:
        return None


def wipe(
    keyring: Keyring, secret: DeviceSecret, store: Path, photos: Path, reason: Reason, now_ms: int
) -> Wiped:
    """Destroys a tablet's keys and data; ended at any point and called again, it goes on.

    A file that cannot be destroyed keeps none of the others.
    """
    folder = keyring.path.parent
    note = wiped(folder) or _write_note(folder, keyring, reason, now_ms)
    with suppress(OSError):
        keyring.destroy()
    if note.secret:
        with suppress(OSError):
            secret.destroy(note.secret)
    for path in _rest(folder, store, photos):
        with suppress(OSError):
            destroy(path)
    if wiped(folder) is None:
        _keep(folder, note)  # there is room now
    keys = [*keyring.files, *([secret.path(note.secret)] if note.secret else [])]
    left = (path for path in (*keys, *_rest(folder, store, photos)) if _may_be_there(path))
    return replace(note, left=tuple(map(str, left)))


def forget(folder: Path) -> None:
    """Puts the note away: the tablet is to be set up anew."""
    # Not written over: cut before its name went, it would be a note that nobody can read.
    (folder / NOTE).unlink(missing_ok=True)
    flush_folder(folder)


def _write_note(folder: Path, keyring: Keyring, reason: Reason, now_ms: int) -> Wiped:
    try:
        name = keyring.read().secret
    except (OSError, Problem):
        name = ""
    note = Wiped(reason, now_ms, name)
    _keep(folder, note)
    return note


def _keep(folder: Path, note: Wiped) -> None:
    # A disk that is full or failing saves nobody's keys.
    with suppress(OSError, Problem):
        write_whole(folder / NOTE, msgspec.json.encode(note))


def _rest(folder: Path, store: Path, photos: Path) -> Iterator[Path]:
    """The device's keys, then what a camera program left readable, then store and copies of it, then photos."""
    for name in (DEVICE_KEY, SEALING_KEY):
        yield from sorted(folder.glob(name + "*"))
    yield from _files(left_behind(photos))
    yield from sorted(store.parent.glob(store.name + "*"))
    yield from _files(photos)


def _files(folder: Path) -> list[Path]:
    # Of a file in a bad place it cannot be asked what it is; that it has a name there is known all the same.
    return sorted(Path(where) / name for where, _, names in os.walk(folder) for name in names)


def _may_be_there(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True
