"""The Debian package: built, installed on a bare Debian, started there, and used by keys and a pointer."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from server.access.devices import make_enrolment
from server.app import running as serving
from server.settings import Settings
from server.storage import console_inspection, devices
from server.storage.database import Database
from shared_schema.ids import DeviceId, ItemId
from shared_schema.inspection import Item
from shared_schema.operations import Answer, YesNo
from tests.contract.plan import plan
from tests.e2e.bare_debian import PATIENCE_SECONDS, Debian, bare_debian
from tests.e2e.hand_tablet import LEADER, PINS, VISIT, served
from tests.e2e.marks import NEEDS_KIVY
from tests.e2e.pointer import Pointer, start_screen
from tests.e2e.rehearsal import ITEM, NOTE, Act, rehearse

T = TypeVar("T")
PINYIN = "miehuoqi"
"""The keys of `NOTE`."""
ROOT = Path(__file__).resolve().parents[2]
NEEDS = [tool for tool in ("debootstrap", "dpkg-deb", "strip") if shutil.which(tool) is None]
IN_CI = os.environ.get("CI") == "true"
pytestmark = [
    pytest.mark.e2e,
    NEEDS_KIVY,
    # In continuous integration nothing is left out: a missing tool is a failure there.
    pytest.mark.skipif(bool(NEEDS or os.getuid()) and not IN_CI, reason=f"needs root and {', '.join(NEEDS)}"),
]
TYPING = ("xvfb", "xdotool", "xclip", "dbus", "fcitx5", "fcitx5-pinyin", "fcitx5-chinese-addons-bin")

PROFILE = """[Groups/0]
Name=Default
Default Layout=us
DefaultIM=pinyin

[Groups/0/Items/0]
Name=keyboard-us

[Groups/0/Items/1]
Name=pinyin

[GroupOrder]
0=Default
"""
"""The input method's settings: Latin letters, and pinyin when it is switched on."""


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Future[dict[str, list[Act]]]]:
    """The visit as rehearsed with a server of its own, while the package is built."""
    # Not in the thread: where both made a process's first folder at once, one of them failed.
    folder = tmp_path_factory.mktemp("rehearsed")

    def run() -> dict[str, list[Act]]:
        with served(folder) as place:
            return rehearse(place.url, "code-1", LEADER, PINS[LEADER], VISIT)

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(run)


@pytest.fixture(scope="module")
def package(rehearsed: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as `make deb` builds it."""
    out = tmp_path_factory.mktemp("deb")
    subprocess.run([sys.executable, ROOT / "mobile/linux/build_deb.py", "--out", out], check=True)
    [built] = out.glob("*.deb")
    return built


@pytest.fixture(scope="module")
def debian(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Debian]:
    """A bare Debian on which the package was installed, and a screen with a Chinese input method."""
    with bare_debian(tmp_path_factory.mktemp("bare") / "root") as system:
        shutil.copy(package, system.root / "tmp")
        system.do("apt-get", "install", "-yq", "--no-install-recommends", f"/tmp/{package.name}")
        assert "usage: hucha-tablet" in system.do("hucha-tablet", "--help")
        system.do("apt-get", "install", "-yq", "--no-install-recommends", *TYPING)
        start_screen(system)
        system.start("dbus-daemon", "--session", "--nofork", "--address=unix:path=/run/session-bus")
        system.until("test", "-S", "/run/session-bus")
        profile = system.root / "root/.config/fcitx5/profile"
        profile.parent.mkdir(parents=True)
        profile.write_text(PROFILE, encoding="utf-8")
        system.start("fcitx5")
        system.until("fcitx5-remote", "-n")
        yield system


def until(found: Callable[[], T | None]) -> T:
    """Asks again until there is something."""
    end = time.monotonic() + PATIENCE_SECONDS
    while (row := found()) is None:
        assert time.monotonic() < end, "nothing came"
        time.sleep(0.2)
    return row


def takes_pinyin(pointer: Pointer, act: Act) -> bool:
    """Whether Chinese comes into a field; typed up to five times, for a program may draw before it listens."""
    return any(pointer.in_pinyin(act, PINYIN) == NOTE for _ in range(5))


def begun(debian: Debian, pointer: Pointer, field: Act) -> subprocess.Popen[bytes]:
    """The program, where Chinese can be typed into this field of its first screen.

    Started again, as its users are told to, where it takes none: SDL asks for the input method once, when the window is
    made, and gives a busy machine 300 ms.
    """
    for _ in range(3):
        program = debian.start("hucha-tablet", "--lang", "zh")
        pointer.until_like(field)
        if takes_pinyin(pointer, field):
            return program
        program.kill()
        program.wait()
    raise AssertionError("the program takes no Chinese, however often it is started")


def noted(db: Database) -> Item | None:
    """The item as the server has it, once it has a note."""
    item = db.read(lambda conn: console_inspection.view_of(conn, VISIT)).items.get(ItemId(ITEM))
    return item if item is not None and item.notes else None


def test_the_package_names_what_it_needs_and_is_small_enough_to_carry(package: Path) -> None:
    def field(name: str) -> str:
        said = subprocess.run(
            ["dpkg-deb", "--field", package, name], check=True, capture_output=True, text=True
        )
        return said.stdout.strip()

    assert field("Package") == "hucha-tablet"
    assert "libgl1" in field("Depends")
    assert package.stat().st_size < 60_000_000
    contents = subprocess.run(["dpkg-deb", "--contents", package], check=True, capture_output=True, text=True)
    assert "zxingcpp" in contents.stdout, "what reads square codes is loaded by no import at the start"


def test_a_visit_is_begun_in_chinese_and_outlives_the_program(
    debian: Debian, rehearsed: Future[dict[str, list[Act]]], tmp_path: Path
) -> None:
    """By a real pointer, real keys and a real input method it is enrolled and gets a PIN; out of reach of the server a
    visit is opened, an item answered, a note typed in pinyin, and the program killed. Started again and unlocked, it
    hands over what was recorded.
    """
    acts, pointer = rehearsed.result(), Pointer(debian)
    server, code, enrol = acts["enrol"]
    settings = Settings(data=tmp_path / "server", port=0, log_level="error")
    with Database.open(settings.database_url) as db:
        db.write(plan)
        db.write(lambda conn: make_enrolment(conn, "S-1", "CODE-1", "T-1", 2**52))
        with serving(settings, db) as url:
            program = begun(debian, pointer, server)
            pointer.do([server], url)
            pointer.do([code], "CODE-1")
            pointer.do([enrol])
            pointer.do(acts["sign_up"])
            pointer.until_like(acts["visit"][0])
        tablet = until(lambda: db.read(lambda conn: devices.get(conn, DeviceId("T-1"))))
        assert "hucha-tablet" in tablet.app

        pointer.do(acts["visit"])
        card, note, save = acts["note"]
        pointer.do([card])
        pointer.until_like(note)
        assert takes_pinyin(pointer, note)
        pointer.do([save])
        pointer.until_like(acts["noted"][0])
        assert program.poll() is None, debian.log("hucha-tablet")
        program.kill()
        program.wait()
        assert noted(db) is None

        port = int(url.rpartition(":")[2])
        with serving(Settings(data=settings.data, port=port, log_level="error"), db):
            program = debian.start("hucha-tablet", "--lang", "zh")
            pointer.do(acts["unlock"])
            item = until(lambda: noted(db))
        (note_cell,) = item.notes
        assert (note_cell.value.text, note_cell.standing[0].person) == (NOTE, LEADER)
        assert item.answer is not None
        assert item.answer.value == Answer(ITEM, YesNo(ok=True))
        assert program.poll() is None
        assert "Traceback" not in debian.log("hucha-tablet")
