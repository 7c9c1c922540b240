"""Every call by which a child process changes files, shown to its parent before the kernel makes it.

Linux itself offers this (seccomp with a listener): the child is halted at each call until the parent says whether
it is made, refused with an error, or the last thing that process ever tried. No tracer and no library of
ours stands in between, so it is the same for SQLite, SQLCipher and plain files, and for every thread.
"""

import array
import ctypes
import fcntl
import os
import platform
import select
import signal
import socket
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

CALLS = {
    "x86_64": (0xC000003E, 317, {
        "write": 1, "pread": 17, "pwrite": 18, "writev": 20, "pwritev": 296, "fsync": 74, "fdatasync": 75,
        "truncate": 76, "ftruncate": 77, "fallocate": 285,
        "rename": 82, "mkdir": 83, "unlink": 87, "open": 2, "openat": 257, "mkdirat": 258, "unlinkat": 263,
        "renameat": 264, "renameat2": 316,
    }),
    "aarch64": (0xC00000B7, 277, {
        "write": 64, "pread": 67, "pwrite": 68, "writev": 66, "pwritev": 70, "fsync": 82, "fdatasync": 83,
        "truncate": 45, "ftruncate": 46, "fallocate": 47, "openat": 56, "mkdirat": 34, "unlinkat": 35,
        "renameat": 38, "renameat2": 276,
    }),
}  # fmt: skip
"""By machine: its name in the filter, the number of `seccomp`, and the numbers of the calls that are watched."""
ARCH, SECCOMP, NUMBERS = CALLS[platform.machine()]
NAMES = {number: name for name, number in NUMBERS.items()}
AT = ("openat", "mkdirat", "unlinkat", "renameat", "renameat2")
RECV, SEND = 0xC0502100, 0xC0182101
NEW_LISTENER, USER_NOTIF, ALLOW, GO_ON = 8, 0x7FC00000, 0x7FFF0000, 1
NO_NEW_PRIVILEGES = 38
PATH_BYTES_MAX = 4096
QUIET_SECONDS_MAX = 60
LAST_WORDS_MAX = 4000


class Call(NamedTuple):
    """One call that is about to be made."""

    name: str
    path: Path
    offset: int = 0
    data: bytes = b""
    """What is written."""
    size: int = 0
    """What is cut to, or how much is read."""
    target: Path | None = None
    """Of a rename."""
    creates: bool = False
    empties: bool = False


class Refuse(NamedTuple):
    """The verdict that the call fails with this error number; None lets it be made, `KILL` ends the process first."""

    errno: int


KILL = "kill"
Verdict = Refuse | str | None


class Ended(NamedTuple):
    """How the child ended."""

    code: int
    """Its exit status, or minus the signal."""
    said: tuple[bytes, ...]
    """What it reported, in order."""
    words: str
    """What it wrote last on its error stream: a traceback, if it fell over."""


def watched(
    run: Callable[[Callable[[bytes], None]], object],
    folder: Path,
    decide: Callable[[Call], Verdict],
    *,
    heard: Callable[[bytes], None] = lambda _: None,
    names: frozenset[str] = frozenset(NUMBERS) - {"pread"},
) -> Ended:
    """Runs `run(say)` in a child, each of its calls on files below `folder` at the mercy of `decide`.

    What the child says is `heard` before any call it makes afterwards is decided.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    errors = os.memfd_create("words")
    with warnings.catch_warnings():
        # It warns where there are threads; the child uses none of them.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _be_watched(run, theirs, errors, names)
    theirs.close()
    listener = _receive_listener(ours)
    said: list[bytes] = []

    def listen() -> None:
        with suppress(BlockingIOError):
            while message := ours.recv(65536, socket.MSG_DONTWAIT):
                said.append(message)
                heard(message)

    try:
        for asked in _asked(listener, child):
            listen()
            call = _call(asked, folder)
            verdict = None if call is None else decide(call)
            if verdict == KILL:
                os.kill(child, signal.SIGKILL)
                break
            _answer(listener, asked.id, verdict if isinstance(verdict, Refuse) else None)
        _, status = os.waitpid(child, 0)
        listen()
        words = os.pread(errors, LAST_WORDS_MAX, max(0, os.fstat(errors).st_size - LAST_WORDS_MAX))
    except BaseException:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        raise
    finally:
        for one in (listener, errors):
            os.close(one)
        ours.close()
    return Ended(os.waitstatus_to_exitcode(status), tuple(said), words.decode(errors="replace"))


# --- in the child -----------------------------------------------------------------------------------


def _be_watched(
    run: Callable[[Callable[[bytes], None]], object], line: socket.socket, errors: int, names: frozenset[str]
) -> None:
    def say(message: bytes) -> None:
        line.send(message)

    code = 70
    try:
        os.dup2(errors, 2)
        listener = _install([NUMBERS[name] for name in sorted(names) if name in NUMBERS])
        line.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [listener]))])
        os.close(listener)
        run(say)
        code = 0
    except BaseException:  # noqa: BLE001 - the parent reads it from the error stream
        import traceback

        traceback.print_exc(file=open(2, "w", closefd=False))  # noqa: SIM115 - pytest has its own sys.stderr
    finally:
        os._exit(code)


def _install(numbers: list[int]) -> int:
    """Puts the filter in place; the listener's descriptor."""
    lines = [(0x20, 0, 0, 4), (0x15, 0, len(numbers) + 1, ARCH), (0x20, 0, 0, 0)]
    lines += [(0x15, len(numbers) - index, 0, number) for index, number in enumerate(numbers)]
    lines += [(0x06, 0, 0, ALLOW), (0x06, 0, 0, USER_NOTIF)]
    program = b"".join(struct.pack("HBBI", *line) for line in lines)
    code = ctypes.create_string_buffer(program)
    filter_ = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(lines), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    listener = libc.syscall(SECCOMP, 1, NEW_LISTENER, filter_)
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return int(listener)


# --- in the parent ----------------------------------------------------------------------------------


class _Asked(NamedTuple):
    id: int
    pid: int
    number: int
    args: tuple[int, ...]


def _receive_listener(ours: socket.socket) -> int:
    _, ancillary, _, _ = ours.recvmsg(1, socket.CMSG_LEN(4))
    [(_, _, packed)] = ancillary
    return int(array.array("i", packed)[0])


def _asked(listener: int, child: int) -> Iterator[_Asked]:
    """The calls the child is halted at, until it has ended."""
    handle = os.pidfd_open(child)
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    poll.register(handle, select.POLLIN)
    try:
        while True:
            ready = dict(poll.poll(QUIET_SECONDS_MAX * 1000))
            if not ready:
                raise TimeoutError("the child neither ends nor does anything")
            if ready.get(listener, 0) & select.POLLIN:
                with suppress(FileNotFoundError):  # it was killed meanwhile
                    buffer = bytearray(80)
                    fcntl.ioctl(listener, RECV, buffer)
                    id_, pid, _, number, _, _, *args = struct.unpack("QIIiIQ6Q", buffer)
                    yield _Asked(id_, pid, number, tuple(args))
            elif handle in ready:
                return
    finally:
        os.close(handle)


def _answer(listener: int, id_: int, refuse: Refuse | None) -> None:
    error, flags = (0, GO_ON) if refuse is None else (-refuse.errno, 0)
    with suppress(FileNotFoundError):  # the child was killed meanwhile
        fcntl.ioctl(listener, SEND, struct.pack("QqiI", id_, 0, error, flags))


def _call(asked: _Asked, folder: Path) -> Call | None:
    """The call in words; None where it is not about a file below the folder, or changes nothing there."""
    name, args, pid = NAMES[asked.number], asked.args, asked.pid
    if name in ("open", "mkdir", "unlink", "rename", "truncate", *AT):
        return _about_names(pid, name, args, folder)
    path = Path(f"/proc/{pid}/fd/{args[0]}").readlink()
    if not path.is_relative_to(folder):
        return None
    match name:
        case "write":
            return Call(name, path, _position(pid, args[0]), _memory(pid, args[1], args[2]))
        case "pwrite":
            return Call(name, path, args[3], _memory(pid, args[1], args[2]))
        case "ftruncate":
            return Call(name, path, size=args[1])
        case "pread":
            return Call(name, path, args[3], size=args[2])
        case "fsync" | "fdatasync":
            return Call(name, path)
    raise NotImplementedError(name)


def _about_names(pid: int, name: str, args: tuple[int, ...], folder: Path) -> Call | None:
    at = name in AT
    path = _named(pid, args[0] if at else None, args[1 if at else 0])
    target = None
    if name.startswith("rename"):
        target = _named(pid, args[2] if at else None, args[3 if at else 1])
    if not path.is_relative_to(folder):
        return None
    if name.startswith("open"):
        flags = args[2 if at else 1]
        creates = bool(flags & os.O_CREAT) and not path.exists()
        if not creates and not flags & os.O_TRUNC:
            return None
        return Call("open", path, creates=creates, empties=bool(flags & os.O_TRUNC))
    if name == "truncate":
        return Call("ftruncate", path, size=args[1])
    plain = "rename" if name.startswith("rename") else name.removesuffix("at")
    return Call(plain, path, target=target)


def _named(pid: int, folder: int | None, address: int) -> Path:
    text = _memory(pid, address, PATH_BYTES_MAX, until=b"\0")
    path = Path(os.fsdecode(text))
    if path.is_absolute():
        return path
    here = "cwd" if folder is None or folder & 0xFFFFFFFF == 0xFFFFFF9C else f"fd/{folder}"
    return Path(f"/proc/{pid}/{here}").readlink() / path


def _memory(pid: int, address: int, size: int, until: bytes = b"") -> bytes:
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:  # noqa: PTH123 - a Path has no unbuffered open
        if not until:
            memory.seek(address)
            return memory.read(size)
        # A text may end just before a page that is not there.
        found = b""
        while until not in found and len(found) < size:
            memory.seek(address + len(found))
            found += memory.read(min(size, 4096 - (address + len(found)) % 4096))
        return found.partition(until)[0]


def _position(pid: int, descriptor: int) -> int:
    line = Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text().splitlines()[0]
    return int(line.split()[1])
