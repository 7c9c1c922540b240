"""A Debian with nothing on it but itself, in a folder: programs run in it as on a machine of their own.

It shares only the network with this machine. Needs root, debootstrap, and Debian's packages within reach.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DISPLAY = f":{100 + os.getpid() % 30_000}"
"""Of this run alone: X is found through the network's names, which a folder of its own does not keep apart."""
RELEASE = "bookworm"
ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    # It lives as long as a test, whatever a power cut would leave of it; and flushing takes half the time.
    "DPKG_FORCE": "unsafe-io",
    "DISPLAY": DISPLAY,
    "XMODIFIERS": "@im=fcitx",
    "SDL_IM_MODULE": "fcitx",
    "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/session-bus",
}
PATIENCE_SECONDS = 120


class Debian:
    """One such system, and what is asked of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.running: list[subprocess.Popen[bytes]] = []

    def do(self, *command: str) -> str:
        """Runs a command to its end; its output. Raises CalledProcessError, with the output in its notes."""
        done = subprocess.run(self._inside(command), env=ENVIRONMENT, capture_output=True, text=True)
        if done.returncode:
            raise AssertionError(
                f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
            )
        return done.stdout

    def start(self, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        """Starts a program that stays; what it says is in /tmp/NAME.log in there."""
        with (self.root / "tmp" / f"{Path(command[0]).name}.log").open("ab") as log:
            program = subprocess.Popen(
                self._inside(command),
                env=ENVIRONMENT | environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.running.append(program)
        return program

    def until(self, *command: str, says: str = "") -> str:
        """Repeats a command until it succeeds (and says this); its output."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            done = subprocess.run(self._inside(command), env=ENVIRONMENT, capture_output=True, text=True)
            if done.returncode == 0 and says in done.stdout:
                return done.stdout
            assert time.monotonic() < end, f"{' '.join(command)} said {done.stdout!r} {done.stderr!r}"
            time.sleep(0.2)

    def log(self, program: str) -> str:
        """What a started program has said."""
        return (self.root / "tmp" / f"{program}.log").read_text(encoding="utf-8", errors="replace")

    def _inside(self, command: tuple[str, ...]) -> list[str]:
        return ["chroot", str(self.root), *command]

    def stop(self) -> None:
        """Ends all that was started, last first."""
        for program in reversed(self.running):
            program.kill()
            program.wait()
        # A program's own children are not ours to wait for; they are ended by where they live.
        for place in Path("/proc").glob("[0-9]*/root"):
            try:
                inside = place.readlink() == self.root
            except OSError:
                continue
            if inside:
                os.kill(int(place.parent.name), 9)


def mirror() -> str:
    """Where this machine takes Debian from."""
    for line in _sources():
        if line.startswith("URIs:"):
            return line.split()[1]
        if line.startswith("deb ") and "debian" in line:
            return next(word for word in line.split() if "://" in word)
    raise AssertionError("this machine's sources of packages name no Debian")


def _sources() -> Iterator[str]:
    for path in [*sorted(Path("/etc/apt").glob("sources.list.d/debian*")), Path("/etc/apt/sources.list")]:
        if path.exists():
            yield from path.read_text(encoding="utf-8").splitlines()


@contextmanager
def bare_debian(root: Path) -> Iterator[Debian]:
    """Makes one, with this machine's way to Debian's packages, and takes it away."""
    subprocess.run(
        ["debootstrap", "--variant=minbase", RELEASE, str(root), mirror()],
        check=True,
        env={
            **os.environ,
            "PATH": f"{os.environ['PATH']}:{ENVIRONMENT['PATH']}",
            "DPKG_FORCE": ENVIRONMENT["DPKG_FORCE"],
        },
        stdout=subprocess.DEVNULL,
    )
    for known in ("etc/apt/apt.conf.d", "etc/ssl/certs", "usr/local/share/ca-certificates"):
        if (Path("/") / known).is_dir():
            shutil.copytree(Path("/") / known, root / known, dirs_exist_ok=True, symlinks=True)
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    mounts = [(root / name, ["-t", kind, kind]) for name, kind in (("proc", "proc"), ("dev/shm", "tmpfs"))]
    system = Debian(root.resolve())
    try:
        for place, what in mounts:
            place.mkdir(exist_ok=True)
            subprocess.run(["mount", *what, str(place)], check=True)
        system.do("apt-get", "update", "-q")
        yield system
    finally:
        system.stop()
        for place, _ in reversed(mounts):
            subprocess.run(["umount", "-l", str(place)], check=False)
        shutil.rmtree(root, ignore_errors=True)
