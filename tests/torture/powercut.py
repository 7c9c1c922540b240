"""What a disk may hold after the power went: the calls of a real run, recorded, and every disk they could leave.

A write, a cut or a new name is safe once the file (for names: the folder) was flushed after it. Until then each
sector of it may be there, be missing, be torn or be garbage; names take effect in their order, up to any point,
and a file in a folder whose own name is not safe is as lost as the folder.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import ClassVar, NamedTuple

from tests.torture.syscalls import Call, Say, watched

SECTOR_BYTES = 512
KINDS = ("none", "all", "torn", "garbage")
"""Nothing that was not flushed is there; all of it; each sector there, missing or half; there, missing or garbage."""

Files = dict[str, bytes]
"""A disk: by name below the folder, the content."""


class Ack(NamedTuple):
    """The program said that something is saved."""

    what: bytes


class Recording(NamedTuple):
    """A run: the disk before it, and each call and each word of it in order."""

    before: Mapping[str, bytes]
    folders: frozenset[str]
    events: tuple[Call | Ack, ...]

    @property
    def acks(self) -> list[bytes]:
        """What the program said is saved."""
        return [event.what for event in self.events if isinstance(event, Ack)]


class Cut(NamedTuple):
    """One way the disk may look when the power goes before event number `at`."""

    at: int
    kind: str
    files: Files
    acked: frozenset[bytes]


def record(run: Callable[[Say], object], folder: Path) -> Recording:
    """Runs it in a child; every call on files below the folder, and what it said. What lies there before is safe."""
    there = {str(path.relative_to(folder)): path for path in folder.rglob("*")}
    before = {name: path.read_bytes() for name, path in there.items() if path.is_file()}
    events: list[Call | Ack] = []

    def seen(call: Call) -> None:
        target = None if call.target is None else call.target.relative_to(folder)
        events.append(call._replace(path=call.path.relative_to(folder), target=target))

    ended = watched(run, folder, seen, heard=lambda what: events.append(Ack(what)))
    assert ended.code == 0, ended.words
    return Recording(before, frozenset(there) - frozenset(before), tuple(events))


# --- the disk ---------------------------------------------------------------------------------------


@dataclass
class _File:
    """One file, whatever its name: what is safe of it, and what was done since."""

    safe: bytes = b""
    pending: list[tuple[int, bytes] | int] = field(default_factory=list)
    """Writes at an offset, and cuts to a size."""


_FOLDER = _File()
"""Stands for a folder among the names."""


class _Rename(NamedTuple):
    """A change of names, in one folder or two; without a file the name is taken away."""

    name: str
    former: str
    file: _File | None

    def apply(self, names: dict[str, _File]) -> None:
        names.pop(self.former, None)
        if self.file is None:
            names.pop(self.name, None)
        else:
            names[self.name] = self.file


class _Disk:
    def __init__(self, recording: Recording) -> None:
        self.files = {name: _File(content) for name, content in recording.before.items()}
        """By the name it has now."""
        self.files |= dict.fromkeys(recording.folders, _FOLDER)
        self.nameless: dict[str, _File] = {}
        """Open still, after its name went to another or was taken away; called as Linux calls it then."""
        self.safe_names = dict(self.files)
        """The names as the disk is sure to have them."""
        self.pending_names: list[_Rename] = []

    def apply(self, call: Call) -> None:
        """The call was made."""
        if not _volatile(str(call.path)):
            self._calls[call.name](self, str(call.path), call)

    def _open(self, name: str, call: Call) -> None:
        if call.creates:
            self._name(name, _File())
        else:
            self._cut(name, call)  # to nothing

    def _mkdir(self, name: str, _: Call) -> None:
        if name not in self.files:
            self._name(name, _FOLDER)

    def _write(self, name: str, call: Call) -> None:
        self._file(name).pending.append((call.offset, call.data))

    def _cut(self, name: str, call: Call) -> None:
        self._file(name).pending.append(call.size)

    def _rename(self, name: str, call: Call) -> None:
        self._name(str(call.target), self.files.pop(name), former=name)

    def _remove(self, name: str, _: Call) -> None:
        self._unnamed(name)
        if self.files.pop(name, None) is not None:
            self.pending_names.append(_Rename(name, "", None))

    def _name(self, name: str, file: _File, former: str = "") -> None:
        self._unnamed(name)
        self.files[name] = file
        self.pending_names.append(_Rename(name, former, file))

    def _unnamed(self, name: str) -> None:
        former = self.files.get(name, _FOLDER)
        if former is not _FOLDER:
            self.nameless[f"{name} (deleted)"] = former

    def _file(self, name: str) -> _File:
        return self.files[name] if name in self.files else self.nameless[name]

    def _flush(self, name: str, _: Call) -> None:
        file = _FOLDER if name == "." else self._file(name)
        if file is not _FOLDER:
            file.safe, file.pending = _laid(file.safe, file.pending), []
            return
        kept = []
        for one in self.pending_names:
            if str(Path(one.name).parent) == name:
                one.apply(self.safe_names)
            else:
                kept.append(one)
        self.pending_names = kept

    _calls: ClassVar[Mapping[str, Callable[["_Disk", str, Call], None]]] = {
        "open": _open,
        "mkdir": _mkdir,
        "write": _write,
        "pwrite": _write,
        "ftruncate": _cut,
        "fsync": _flush,
        "fdatasync": _flush,
        "rename": _rename,
        "unlink": _remove,
        "rmdir": _remove,
    }

    def look(self, kind: str, rnd: Random) -> Files:
        """A disk as it may be found now."""
        names = dict(self.safe_names)
        pending = self.pending_names
        count = {"none": 0, "all": len(pending)}.get(kind, rnd.randint(0, len(pending)))
        for change in pending[:count]:
            change.apply(names)
        found = {}
        for name, file in names.items():
            reached = all(str(folder) in names for folder in Path(name).parents if folder != Path())
            if file is not _FOLDER and reached:
                found[name] = _content(file, kind, rnd)
        return found


def _volatile(name: str) -> bool:
    """What readers and writer share is made anew by whoever opens the database first; a lock holds nothing."""
    return name.endswith(("-shm", ".lock"))


def _laid(content: bytes, changes: list[tuple[int, bytes] | int]) -> bytes:
    if not changes:
        return content
    out = bytearray(content)
    for change in changes:
        if isinstance(change, int):
            _cut(out, change)
        else:
            _put(out, *change)
    return bytes(out)


def _cut(out: bytearray, size: int) -> None:
    """To that size, be it shorter or longer."""
    del out[size:]
    out += bytes(size - len(out))


def _put(out: bytearray, offset: int, data: bytes) -> None:
    if offset > len(out):
        out += bytes(offset - len(out))
    out[offset : offset + len(data)] = data


def _content(file: _File, kind: str, rnd: Random) -> bytes:
    if kind == "none" or not file.pending:
        return file.safe
    if kind == "all":
        return _laid(file.safe, file.pending)
    out = bytearray(file.safe)
    there = rnd.choice((0.1, 0.5, 0.9))
    spoilt = there + (1 - there) * rnd.choice((0.0, 0.3))
    for change in file.pending:
        if isinstance(change, int):
            if rnd.random() < there:
                _cut(out, change)
            continue
        for at, sector in _sectors(*change):
            drawn = rnd.random()
            if drawn < there:
                _put(out, at, sector)
            elif drawn < spoilt:
                half = 0 if kind == "garbage" else len(sector) // 2
                _put(out, at, sector[:half] + (rnd.randbytes(len(sector)) if kind == "garbage" else b""))
    return bytes(out)


def _sectors(offset: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    at, end = offset, offset + len(data)
    while at < end:
        until = min(end, at - at % SECTOR_BYTES + SECTOR_BYTES)
        yield at, data[at - offset : until - offset]
        at = until


def cuts(recording: Recording, images: int, rnd: Random) -> Iterator[Cut]:
    """So many disks or a few more, as many before every event and after the last, the kinds taking turns."""
    disk = _Disk(recording)
    acked: frozenset[bytes] = frozenset()
    each = -(-images // (len(recording.events) + 1))
    turn = rnd.randrange(len(KINDS))
    for at, event in enumerate((*recording.events, None)):
        for _ in range(each):
            kind = KINDS[turn % len(KINDS)]
            turn += 1
            yield Cut(at, kind, disk.look(kind, rnd), acked)
        turn += each % len(KINDS) == 0  # or the same kinds would fall to the same events
        if isinstance(event, Ack):
            acked |= {event.what}
        elif event is not None:
            disk.apply(event)


def lay_out(files: Files, folder: Path) -> None:
    """Makes a folder hold exactly these files."""
    for path in folder.rglob("*"):
        if path.is_file() and str(path.relative_to(folder)) not in files:
            path.unlink()
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
