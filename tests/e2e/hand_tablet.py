"""A running tablet in a process of its own, as `tests.e2e.hand_program` drives it: started, told what to do, killed."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from mobile import photos
from mobile.door import Door
from mobile.settings import Settings as TabletSettings
from server.access.devices import make_enrolment
from server.app import running
from server.settings import Settings
from server.storage.database import Connection, Database
from tests.contract.plan import inspection_id, person_id, plan
from tests.e2e import traces
from tests.e2e.hand_program import CLOCK_MS, Said

LEADER, SECOND, VISIT = person_id(1, 1), person_id(1, 2), inspection_id(1, 1)
PINS = {LEADER: "270418", SECOND: "918273"}

ROOT = Path(__file__).resolve().parents[2]
LOG = "log.txt"


class Tablet:
    """One running tablet. All that it writes lies in its folder: data, secrets, home, temporary files, its output."""

    def __init__(self, folder: Path, camera: Path | None = None) -> None:
        self.folder = folder
        home, scratch = folder / "home", folder / "tmp"
        for one in (home, scratch):
            one.mkdir(parents=True, exist_ok=True)
        # Of what this test run has set for its own Kivy nothing may decide where the tablet writes.
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("KIVY_", "XDG_"))
        }
        environment |= {
            "HOME": str(home),
            "TMPDIR": str(scratch),
            "SQLITE_TMPDIR": str(scratch),
            "HUCHA_TABLET_DATA": str(folder / "data"),
            "HUCHA_TABLET_SECRETS": str(folder / "secrets"),
            "HUCHA_TABLET_CAMERA": "off" if camera is None else f"cat {camera}",
        }
        self._log = (folder / LOG).open("ab")
        self.program = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.hand_program"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=ROOT,
            env=environment,
        )
        self.lasted: dict[str, float] = {}
        """By the name of a call, how many seconds it took last."""
        self.said = self._read()

    def _read(self) -> Said:
        assert self.program.stdout is not None
        line = self.program.stdout.readline()
        # Killed in the middle of a line, it has not said it.
        if not line.endswith(b"\n"):
            raise EOFError(self.log()[-3000:])
        return msgspec.json.decode(line, type=Said)

    def log(self) -> str:
        """What it wrote to its error output."""
        return (self.folder / LOG).read_text(encoding="utf-8")

    def do(self, name: str, *arguments: object) -> Said:
        """One call of the hand; waits until it is done. Raises EOFError where the tablet has ended."""
        began = time.monotonic()
        self.begin(name, *arguments)
        self.said = self._read()
        self.lasted[name] = time.monotonic() - began
        return self.said

    def begin(self, name: str, *arguments: object) -> None:
        """The same, not waited for."""
        assert self.program.stdin is not None
        self.program.stdin.write(msgspec.json.encode([name, *arguments]) + b"\n")
        self.program.stdin.flush()

    def look(self) -> dict[str, Any]:
        """What its screen says of the visit."""
        found: dict[str, Any] = self.do("look").given
        return found

    def kill(self) -> Said | None:
        """Ends it as a dead battery does; what it had just said."""
        self.program.kill()
        rest, _ = self.program.communicate()
        self._log.close()
        return msgspec.json.decode(rest, type=Said) if rest.endswith(b"\n") else None


class Place(NamedTuple):
    """A running server with a code for each of two tablets."""

    db: Database
    url: str
    folder: Path


def _code(number: int, conn: Connection) -> None:
    make_enrolment(conn, "S-1", f"code-{number}", f"T-{number}", 2**52)


@contextmanager
def served(folder: Path) -> Iterator[Place]:
    """A server of its own, with the small campaign."""
    settings = Settings(data=folder / "server", port=0, log_level="error")
    with Database.open(settings.database_url) as db, running(settings, db) as url:
        db.write(plan)
        for number in (1, 2):
            db.write(partial(_code, number))
        yield Place(db, url, folder)


# --- what it leaves behind --------------------------------------------------------------------------

TEXTS = {
    "a name": "成员2",
    "an English name": "Member 2",
    "a person's id": f'"{LEADER}"',
    "a unit": "单位1",
    "an address": "人民路1号",
    "an answer's item": '"A06"',
    "a photo's item": '"F02"',
    "the leader's PIN": PINS[LEADER],
    "the member's PIN": PINS[SECOND],
    "a practice's lead": "值班交接本缺页",
    "a practice's person": "练习组员甲",
}
"""What every visit of the small campaign brings with it."""


def secrets_of(folder: Path, person: str, camera: Path) -> traces.Traces:
    """What only the door opens: keys, and stretches of pictures as taken and as kept. Asked of a copy."""
    copy = folder.with_name(f"{folder.name}-copy")
    shutil.copytree(folder, copy)
    door = Door(TabletSettings(copy / "data", secrets=copy / "secrets"), os.urandom, lambda: CLOCK_MS)
    vault, _ = door.unlock(person, PINS[person])
    keys = {
        "the master key": vault.master,
        "the store's key": vault._store_key,
        "the files' key": vault._file_key,
    }
    keys |= {name: vault.fetch(copy / "data" / name) for name in ("device.key", "sealing.key")}
    (secret,) = (copy / "secrets").iterdir()
    keys["the device's secret"] = secret.read_bytes()
    pictures = {"a picture as taken": camera.read_bytes()}
    for one in photos.held(copy / "data" / "photos"):
        for name, fetch in (("a photo", photos.fetch), ("a thumbnail", photos.fetch_thumbnail)):
            pictures[name] = fetch(one, copy / "data" / "photos", vault) or b""
    door.lock()
    shutil.rmtree(copy)
    return {**traces.of_keys(keys), **traces.of_pictures(pictures)}


def readable(folder: Path, sought: traces.Traces) -> dict[str, list[str]]:
    """By file, what can be read in all that a tablet has left.

    Not counted are the device's secret where it is kept, and what Kivy copies of its own pictures.
    """
    found = traces.found_in(folder, sought)
    for name, hits in list(found.items()):
        secret = name.startswith("secrets/") and hits == ["the device's secret"]
        if secret or (hits == ["a PNG"] and (folder / name).read_bytes() in _logos()):
            del found[name]
    return found


@cache
def _logos() -> frozenset[bytes]:
    spec = find_spec("kivy")
    assert spec is not None
    assert spec.origin is not None
    return frozenset(one.read_bytes() for one in Path(spec.origin).parent.glob("data/logo/*.png"))
