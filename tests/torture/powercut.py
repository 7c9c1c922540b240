"""What a disk may hold after the power went: the calls of a real run, recorded, and every disk they could leave.

A write, a cut or a new name is safe once the file (for names: the folder) was flushed after it. Until then each
sector of it may be there, be missing, or be torn; names take effect in their order, up to any point.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.torture.syscalls import Call, Ended, watched

SECTOR_BYTES = 512

Files = dict[str, bytes]
"""A disk: by name below the folder, the content."""


class Ack(NamedTuple):
    """The program said that something is saved."""

    what: bytes


class Recording(NamedTuple):
    """A run: the disk before it, and each call and each word of it in order."""

    before: Mapping[str, bytes]
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


def record(run: Callable[[Callable[[bytes], None]], object], folder: Path) -> Recording:
    """Runs it in a child; every call on files below the folder, and what it said. What lies there before is safe."""
    before = {
        str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    events: list[Call | Ack] = []

    def seen(call: Call) -> None:
        assert not call.path.name.endswith("-shm") or call.name in ("open", "unlink", "ftruncate", "pwrite")
        events.append(call._replace(path=call.path.relative_to(folder), target=_below(call.target, folder)))

    ended: Ended = watched(run, folder, seen, heard=lambda what: events.append(Ack(what)))
    assert ended.code == 0, ended.words
    return Recording(before, tuple(events))


def _below(path: Path | None, folder: Path) -> Path | None:
    return None if path is None else path.relative_to(folder)


# --- the disk ---------------------------------------------------------------------------------------


@dataclass
class _File:
    """One file, whatever its name: what is safe of it, and what was done since."""

    safe: bytes = b""
    pending: list[tuple[int, bytes] | int] = field(default_factory=list)
    """Writes at an offset, and cuts to a size."""


@dataclass
class _Disk:
    files: dict[str, _File]
    """By the name it has now."""
    safe_names: dict[str, _File]
    """The names as the disk is sure to have them."""
    pending_names: list[tuple[str, str, _File | None]] = field(default_factory=list)
    """(name, name it had before, file), in order; without a file the name is taken away."""

    def apply(self, call: Call) -> None:
        name = str(call.path)
        if _shared_memory(name):
            return
        match call.name:
            case "open":
                if call.creates:
                    self.files[name] = _File()
                    self.pending_names.append((name, "", self.files[name]))
                elif call.empties:
                    self.files[name].pending.append(0)
            case "write" | "pwrite":
                self.files[name].pending.append((call.offset, call.data))
            case "ftruncate":
                self.files[name].pending.append(call.size)
            case "fsync" | "fdatasync":
                self._flush(name)
            case "rename":
                self.files[str(call.target)] = self.files.pop(name)
                self.pending_names.append((str(call.target), name, self.files[str(call.target)]))
            case "unlink":
                self.files.pop(name, None)
                self.pending_names.append((name, "", None))

    def _flush(self, name: str) -> None:
        if name in self.files:
            file = self.files[name]
            file.safe, file.pending = _laid(file.safe, file.pending), []
            return
        # A folder: its names are safe now. That of a file whose folder nobody flushed is not.
        below = "" if name == "." else f"{name}/"
        kept = []
        for one in self.pending_names:
            folder = one[0].rpartition("/")[0]
            if folder == below.removesuffix("/"):
                _rename(self.safe_names, one)
            else:
                kept.append(one)
        self.pending_names = kept


def _shared_memory(name: str) -> bool:
    return name.endswith(("-shm", ".lock"))


def _rename(names: dict[str, _File], change: tuple[str, str, _File | None]) -> None:
    name, former, file = change
    names.pop(former, None)
    if file is None:
        names.pop(name, None)
    else:
        names[name] = file


def _laid(content: bytes, changes: list[tuple[int, bytes] | int]) -> bytes:
    out = bytearray(content)
    for change in changes:
        if isinstance(change, int):
            out = out[:change] + bytes(change - len(out))
        else:
            _put(out, *change)
    return bytes(out)


def _put(out: bytearray, offset: int, data: bytes) -> None:
    if offset > len(out):
        out += bytes(offset - len(out))
    out[offset : offset + len(data)] = data


def _partly(file: _File, rnd: Random) -> bytes:
    """Some sectors of what was not flushed, each there, missing or torn."""
    out = bytearray(file.safe)
    share = rnd.choice((0.1, 0.5, 0.9))
    torn = rnd.random() < 0.5
    for change in file.pending:
        if isinstance(change, int):
            if rnd.random() < share:
                out = out[:change] + bytes(change - len(out))
            continue
        offset, data = change
        end = offset + len(data)
        at = offset
        while at < end:
            until = min(end, at - at % SECTOR_BYTES + SECTOR_BYTES)
            drawn = rnd.random()
            if drawn < share:
                _put(out, at, data[at - offset : until - offset])
            elif torn and drawn < share + (1 - share) / 4:
                half = (until - at) // 2
                _put(out, at, data[at - offset : at - offset + half] + rnd.randbytes(until - at - half))
            at = until
    return bytes(out)


def _look(disk: _Disk, kind: str, rnd: Random) -> Files:
    names = dict(disk.safe_names)
    count = {"none": 0, "all": len(disk.pending_names)}.get(kind)
    for change in disk.pending_names[: rnd.randint(0, len(disk.pending_names)) if count is None else count]:
        _rename(names, change)
    if kind == "none":
        return {name: file.safe for name, file in names.items()}
    if kind == "all":
        return {name: _laid(file.safe, file.pending) for name, file in names.items()}
    return {name: _partly(file, rnd) for name, file in names.items()}


def cuts(recording: Recording, images: int, rnd: Random) -> Iterator[Cut]:
    """At every event: nothing that was not flushed is there, or all of it, or some: about so many disks in all."""
    disk = _Disk({name: _File(content) for name, content in recording.before.items()}, {})
    disk.safe_names = dict(disk.files)
    acked: frozenset[bytes] = frozenset()
    each = max(3, -(-images // (len(recording.events) + 1)))
    for at, event in enumerate((*recording.events, None)):
        for number in range(each):
            kind = ("none", "all")[number] if number < 2 else "some"
            yield Cut(at, kind, _look(disk, kind, rnd), acked)
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
