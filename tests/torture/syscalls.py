"""Every call by which a child process changes files, shown to its parent before the kernel makes it.

Linux itself offers this (seccomp with a listener): the child is halted at each call until the parent says whether
it is made, refused with an error, or the last thing that process ever tried. No tracer and no library of
ours stands in between, so it is the same for SQLite, SQLCipher and plain files, and for every thread.
"""

import array
import ctypes
import faulthandler
import fcntl
import os
import platform
import select
import signal
import socket
import struct
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

CALLS = {
    "x86_64": (0xC000003E, 317, {
        "write": 1, "pread": 17, "pwrite": 18, "writev": 20, "pwritev": 296, "pwritev2": 328, "sendfile": 40,
        "copy_file_range": 326, "fsync": 74, "fdatasync": 75, "truncate": 76, "ftruncate": 77, "fallocate": 285,
        "rename": 82, "mkdir": 83, "rmdir": 84, "unlink": 87, "open": 2, "openat": 257, "openat2": 437,
        "mkdirat": 258, "unlinkat": 263, "renameat": 264, "renameat2": 316,
    }),
    "aarch64": (0xC00000B7, 277, {
        "write": 64, "pread": 67, "pwrite": 68, "writev": 66, "pwritev": 70, "pwritev2": 287, "sendfile": 71,
        "copy_file_range": 285, "fsync": 82, "fdatasync": 83, "truncate": 45, "ftruncate": 46, "fallocate": 47,
        "openat": 56, "openat2": 437, "mkdirat": 34, "unlinkat": 35, "renameat": 38, "renameat2": 276,
    }),
}  # fmt: skip
"""By machine: its name in the filter, the number of `seccomp`, and the numbers of the calls that are watched.

Those that nothing of ours makes today are watched too, so that the day something does they are no blind spot.
"""
ARCH, SECCOMP, NUMBERS = CALLS[platform.machine()]
NAMES = {number: name for name, number in NUMBERS.items()}
AT = ("openat", "mkdirat", "unlinkat", "renameat", "renameat2")
ABOUT_NAMES = ("open", "mkdir", "rmdir", "unlink", "rename", "truncate", *AT)
RECV, SEND = 0xC0502100, 0xC0182101
NEW_LISTENER, USER_NOTIF, ALLOW, GO_ON = 8, 0x7FC00000, 0x7FFF0000, 1
NO_NEW_PRIVILEGES = 38
AT_REMOVEDIR = 0x200
PATH_BYTES_MAX = PAGE_BYTES = 4096
QUIET_SECONDS_MAX = 60
LAST_WORDS_MAX = 12_000
THREAD_ENDS_SECONDS_MAX = 1.0
_OTHERS: set[int] = set()
"""Threads that Python does not know of and that do not end."""


Say = Callable[[bytes], None]
"""By which the child tells its parent something."""


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
    run: Callable[[Say], object],
    folder: Path,
    decide: Callable[[Call], Verdict],
    *,
    heard: Callable[[bytes], None] = lambda _: None,
    names: frozenset[str] = frozenset(NUMBERS) - {"pread"},
) -> Ended:
    """Runs `run(say)` in a child, each of its calls on files below `folder` at the mercy of `decide`.

    What the child says is `heard` before any call it makes afterwards is decided. `names` are the calls watched; the
    rest go their way unseen. Raises RuntimeError where the system does not offer this.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    errors = os.memfd_create("words")
    _let_threads_end()
    with warnings.catch_warnings():
        # Forking where there are threads; the child uses none of them.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _be_watched(run, theirs, errors, names)
    theirs.close()
    ear = _Ear(ours, heard)
    try:
        _attend(child, ear, errors, f"{folder}/", decide)
        _, status = os.waitpid(child, 0)
        ear.listen()
        return Ended(os.waitstatus_to_exitcode(status), tuple(ear.said), _words(errors))
    except BaseException as err:
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        if isinstance(err, TimeoutError):
            err.add_note(_words(errors))
        raise
    finally:
        os.close(errors)
        ours.close()


def _let_threads_end() -> None:
    """Waits until threads that were joined are gone from the kernel, too.

    Python's `join` returns before that. On its last steps a thread holds locks of libraries (of OpenSSL, for one), and
    a child that is forked just then has them locked for ever.
    """
    until = time.monotonic() + THREAD_ENDS_SECONDS_MAX
    while left := _tasks() - _OTHERS - {thread.native_id for thread in threading.enumerate()}:
        if time.monotonic() > until:
            _OTHERS.update(left)  # of a library, or of the test run: they stay
        time.sleep(0.001)


def _tasks() -> set[int]:
    return {int(task.name) for task in Path("/proc/self/task").iterdir()}


def _attend(child: int, ear: "_Ear", errors: int, folder: str, decide: Callable[[Call], Verdict]) -> None:
    """Decides about each call of the child, until it has ended or was killed."""
    listener = _receive_listener(ear.line)
    if listener is None:
        os.waitpid(child, 0)
        raise RuntimeError(f"this system does not let a parent watch its child's calls: {_words(errors)}")
    try:
        with Path(f"/proc/{child}/mem").open("rb", buffering=0) as memory:
            for asked in _asked(listener, child):
                ear.listen()
                call = _Reader(child, memory).call(asked, folder)
                verdict = None if call is None else decide(call)
                if verdict == KILL:
                    os.kill(child, signal.SIGKILL)
                    return
                _answer(listener, asked.id, verdict if isinstance(verdict, Refuse) else None)
    finally:
        os.close(listener)


class _Ear:
    """Hears what the child says."""

    def __init__(self, line: socket.socket, heard: Say) -> None:
        self.line = line
        self.said: list[bytes] = []
        self._heard = heard

    def listen(self) -> None:
        with suppress(BlockingIOError):
            while message := self.line.recv(65536, socket.MSG_DONTWAIT):
                self.said.append(message)
                self._heard(message)


def _words(errors: int) -> str:
    size = os.fstat(errors).st_size
    return os.pread(errors, LAST_WORDS_MAX, max(0, size - LAST_WORDS_MAX)).decode(errors="replace")


# --- in the child -----------------------------------------------------------------------------------


def _be_watched(
    run: Callable[[Say], object], line: socket.socket, errors: int, names: frozenset[str]
) -> None:
    code = 70
    try:
        os.dup2(errors, 2)
        # Where it hangs, the parent can say where.
        faulthandler.dump_traceback_later(QUIET_SECONDS_MAX * 0.8, file=2)
        listener = _install([NUMBERS[name] for name in sorted(names) if name in NUMBERS])
        line.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [listener]))])
        os.close(listener)
        run(partial(_say, line))
        code = 0
    except BaseException:  # noqa: BLE001 - the parent reads it from the error stream
        import traceback

        traceback.print_exc(file=open(2, "w", closefd=False))  # noqa: SIM115 - pytest has its own sys.stderr
    finally:
        os._exit(code)


def _say(line: socket.socket, message: bytes) -> None:
    line.send(message)


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


def _receive_listener(ours: socket.socket) -> int | None:
    _, ancillary, _, _ = ours.recvmsg(1, socket.CMSG_LEN(4))
    return int(array.array("i", ancillary[0][2])[0]) if ancillary else None


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


class _Reader(NamedTuple):
    """Puts a call into words, from the memory and the open files of the child."""

    pid: int
    memory: BinaryIO

    def call(self, asked: _Asked, folder: str) -> Call | None:
        """None where it is not about a file below the folder (its path ends in /), or changes nothing there."""
        name, args = NAMES[asked.number], asked.args
        if name in ABOUT_NAMES:
            return self._about_names(name, args, folder)
        path = Path(f"/proc/{self.pid}/fd/{args[2 if name == 'copy_file_range' else 0]}").readlink()
        if not f"{path}/".startswith(folder):
            return None
        match name:
            case "write":
                return Call(name, path, self._position(args[0]), self._bytes(args[1], args[2]))
            case "pwrite":
                return Call(name, path, args[3], self._bytes(args[1], args[2]))
            case "ftruncate":
                return Call(name, path, size=args[1])
            case "pread":
                return Call(name, path, args[3], size=args[2])
            case "fsync" | "fdatasync":
                return Call(name, path)
        raise NotImplementedError(f"{name} of {path}")

    def _about_names(self, name: str, args: tuple[int, ...], folder: str) -> Call | None:
        at = name in AT
        path = self._named(args[0] if at else None, args[1 if at else 0])
        if not f"{path}/".startswith(folder):
            return None
        match name.removesuffix("2").removesuffix("at"):
            case "open" if name != "openat2":
                flags = args[2 if at else 1]
                creates = bool(flags & os.O_CREAT) and not path.exists()
                empties = bool(flags & os.O_TRUNC)
                return Call("open", path, creates=creates, empties=empties) if creates or empties else None
            case "rename":
                return Call("rename", path, target=self._named(args[2] if at else None, args[3 if at else 1]))
            case "truncate":
                return Call("ftruncate", path, size=args[1])
            case "mkdir":
                return Call("mkdir", path)
            case "rmdir":
                return Call("rmdir", path)
            case "unlink":
                return Call("rmdir" if at and args[2] & AT_REMOVEDIR else "unlink", path)
        raise NotImplementedError(f"{name} of {path}")

    def _named(self, folder: int | None, address: int) -> Path:
        path = Path(os.fsdecode(self._text(address)))
        if path.is_absolute():
            return path
        here = "cwd" if folder is None or folder & 0xFFFFFFFF == 0xFFFFFF9C else f"fd/{folder}"
        return Path(f"/proc/{self.pid}/{here}").readlink() / path

    def _bytes(self, address: int, size: int) -> bytes:
        self.memory.seek(address)
        return self.memory.read(size)

    def _text(self, address: int) -> bytes:
        """Up to its zero. A text may end just before a page that is not there."""
        found = b""
        while b"\0" not in found and len(found) < PATH_BYTES_MAX:
            start = address + len(found)
            found += self._bytes(start, PAGE_BYTES - start % PAGE_BYTES)
        return found.partition(b"\0")[0]

    def _position(self, descriptor: int) -> int:
        """Where a plain write goes: to the end, where the file was opened to append."""
        lines = Path(f"/proc/{self.pid}/fdinfo/{descriptor}").read_text().splitlines()
        told = dict(line.split(":", 1) for line in lines[:2])
        if int(told["flags"], 8) & os.O_APPEND:
            return Path(f"/proc/{self.pid}/fd/{descriptor}").stat().st_size
        return int(told["pos"])
