"""Where packages are carried: sticks and discs that are plugged in, a folder of one's own, and what lies there."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from shared_schema import package, volumes
from shared_schema.problems import Problem

MEDIA = (Path("/media"), Path("/run/media"))
"""Where Linux desktops put what is plugged in: a folder for each volume, mostly within one for each user."""
FILES_MAX = 200
"""Of one folder, the newest; nobody looks through more."""


class Place(NamedTuple):
    """A folder that packages can be carried in."""

    path: Path
    name: str
    free_bytes: int


class Found(NamedTuple):
    """A package in a folder: one file, or the volumes of it that are there."""

    name: str
    paths: tuple[Path, ...]
    size_bytes: int
    missing: int = 0
    """How many volumes are not there."""
    ours: bool = True
    """Whether it is sealed to this tablet; also said of one that cannot be read, so that it can be asked why."""


def removable(
    media: Sequence[Path] = MEDIA, mounted: Callable[[Path], bool] = os.path.ismount
) -> tuple[Place, ...]:
    """What is plugged in and can be written to, by name."""
    found = [path for root in media for path in _below(root, 2) if mounted(path)]
    return tuple(sorted((one for one in map(_place, found) if one is not None), key=lambda one: one.name))


def own(typed: str) -> Path:
    """A folder as typed. Raises form_invalid where there is none."""
    path = Path(typed.strip()).expanduser()
    if not typed.strip() or not path.is_dir():
        raise Problem("form_invalid", field="文件夹 / folder", cure="如 / such as ~/packages")
    return path


def packages(folder: Path, key: str) -> tuple[Found, ...]:
    """The packages in a folder, the newest first; `key` is the X25519 key (raw, hex) that this tablet opens with.

    Raises not_found where the folder is gone: a stick was pulled out.
    """
    try:
        files = sorted(folder.glob("*.hcx"), key=_changed, reverse=True)[:FILES_MAX]
    except OSError as err:
        raise Problem("not_found", what=folder) from err
    if not files and not folder.is_dir():
        raise Problem("not_found", what=folder)
    sets: dict[str, list[Path]] = {}
    for path in files:
        volume = _volume(path)
        sets.setdefault(str(path) if volume is None else volume.package, []).append(path)
    return tuple(_found(paths, key) for paths in sets.values())


def _found(paths: Sequence[Path], key: str) -> Found:
    size, volume = sum(map(_size, paths)), _volume(paths[0])
    if volume is None:
        return Found(paths[0].stem, tuple(paths), size, ours=_is_ours(paths, key))
    missing = volume.of - len({one.number for one in map(_volume, paths) if one})
    name = paths[0].stem.rpartition(".")[0] or paths[0].stem
    return Found(name, tuple(sorted(paths)), size, missing, missing > 0 or _is_ours(paths, key))


def _is_ours(paths: Sequence[Path], key: str) -> bool:
    try:
        with ExitStack() as stack:
            # Only its beginning is read here: on a slow stick all of a large package would take minutes.
            return package.read_start(_beginning(paths, stack)).header.receiver == key
    except (Problem, OSError):
        return True


def _beginning(paths: Sequence[Path], stack: ExitStack) -> package.Read:
    first = min(paths, key=lambda one: volume.number if (volume := _volume(one)) else 0)
    file = stack.enter_context(first.open("rb"))
    file.seek(volumes.HEADER_BYTES if _volume(first) else 0)
    return file.read


def _volume(path: Path) -> volumes.Volume | None:
    try:
        with path.open("rb") as file:
            start = file.read(volumes.HEADER_BYTES)
        return volumes.read_header(start) if volumes.is_volume(start) else None
    except (OSError, Problem):
        return None


def _place(path: Path) -> Place | None:
    try:
        free = shutil.disk_usage(path).free
    except OSError:
        return None
    return Place(path, path.name, free) if os.access(path, os.R_OK | os.W_OK | os.X_OK) else None


def _below(folder: Path, depth: int) -> Iterator[Path]:
    try:
        inside = [one for one in folder.iterdir() if one.is_dir() and not one.is_symlink()]
    except OSError:
        return
    for one in inside:
        yield one
        if depth > 1:
            yield from _below(one, depth - 1)


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


@contextmanager
def usable(folder: Path) -> Iterator[None]:
    """Turns what a stick can do to us into Problems: folder_full, folder_unusable."""
    if not folder.is_dir():
        raise Problem("folder_unusable", path=str(folder))  # not to be made anew: it was pulled out
    try:
        yield
    except OSError as err:
        if err.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Problem("folder_full", path=str(folder)) from err
        raise Problem("folder_unusable", path=str(folder)) from err
