"""The Debian package: built, installed on a bare Debian, started there, and used by keys and a pointer."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.access.devices import make_enrolment
from server.app import running as serving
from server.settings import Settings
from server.storage import devices
from server.storage.database import Database
from server.storage.devices import DeviceRow
from tests.contract.plan import plan
from tests.e2e.bare_debian import PATIENCE_SECONDS, Debian, bare_debian
from tests.e2e.marks import DRAWN, NEEDS_KIVY

ROOT = Path(__file__).resolve().parents[2]
NEEDS = [tool for tool in ("debootstrap", "dpkg-deb", "strip") if shutil.which(tool) is None]
IN_CI = os.environ.get("CI") == "true"
pytestmark = [
    pytest.mark.e2e,
    NEEDS_KIVY,
    # In continuous integration nothing is left out: a missing tool is a failure there.
    pytest.mark.skipif(bool(NEEDS or os.getuid()) and not IN_CI, reason=f"needs root and {', '.join(NEEDS)}"),
]
TYPING = ("xvfb", "xdotool", "xclip", "scrot", "dbus", "fcitx5", "fcitx5-pinyin", "fcitx5-chinese-addons-bin")

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
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
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
        system.start("Xvfb", ":77", "-screen", "0", "1280x800x24", "-nolisten", "tcp")
        system.until("xdotool", "getdisplaygeometry", says="1280 800")
        system.start("dbus-daemon", "--session", "--nofork", "--address=unix:path=/run/session-bus")
        system.until("test", "-S", "/run/session-bus")
        profile = system.root / "root/.config/fcitx5/profile"
        profile.parent.mkdir(parents=True)
        profile.write_text(PROFILE, encoding="utf-8")
        system.start("fcitx5")
        system.until("fcitx5-remote", "-n")
        yield system


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Database, str]]:
    """A server with a code for one tablet."""
    settings = Settings(data=tmp_path / "server", port=0, log_level="error")
    with Database.open(settings.database_url) as db, serving(settings, db) as url:
        db.write(plan)
        db.write(lambda conn: make_enrolment(conn, "S-1", "CODE-1", "T-1", 2**52))
        yield db, url


def places() -> dict[str, tuple[int, int]]:
    """Where on the first screen its fields and its button are: asked of the same screen, drawn here."""
    asking = "from tests.e2e.places import first_screen; first_screen()"
    said = subprocess.run(
        [sys.executable, "-c", asking],
        cwd=ROOT, check=True, capture_output=True, text=True,
        env=os.environ | DRAWN | {"KIVY_NO_ARGS": "1", "KIVY_LOG_MODE": "PYTHON"},
    ).stdout  # fmt: skip
    found = {}
    for line in said.splitlines():
        name, x, y = line.split()
        found[name] = (int(x), int(y))
    return found


def click(debian: Debian, place: tuple[int, int]) -> None:
    """Presses and releases the first button of the pointer there."""
    debian.do("xdotool", "mousemove", *map(str, place), "sleep", "0.2", "click", "1", "sleep", "0.5")


def replace_by(debian: Debian, text: str) -> None:
    """Types over all that stands in the field."""
    debian.do("xdotool", "key", "ctrl+a", "sleep", "0.2", "type", "--delay", "60", text)


def typed_in_pinyin(debian: Debian, field: tuple[int, int], keys: str) -> str:
    """What the field holds after these keys and a space, as the clipboard gives it back; "" where it gives nothing."""
    click(debian, field)
    debian.do("xdotool", "key", "ctrl+a", "sleep", "0.2", "key", "BackSpace")
    debian.do("fcitx5-remote", "-s", "pinyin")
    debian.do("fcitx5-remote", "-o")
    debian.do("xdotool", "type", "--delay", "120", keys)
    debian.do("xdotool", "sleep", "0.5", "key", "space", "sleep", "0.5")
    debian.do("fcitx5-remote", "-c")
    debian.do("scrot", "--overwrite", "/tmp/typed.png")
    debian.do("xdotool", "key", "ctrl+a", "sleep", "0.2", "key", "ctrl+c", "sleep", "0.5")
    return debian.do("sh", "-c", "xclip -selection clipboard -o || true")


def until(found: Callable[[], DeviceRow | None]) -> DeviceRow:
    """Asks again until there is something."""
    end = time.monotonic() + PATIENCE_SECONDS
    while (row := found()) is None:
        assert time.monotonic() < end, "nothing came"
        time.sleep(0.2)
    return row


def test_the_package_names_what_it_needs_and_is_small_enough_to_carry(package: Path) -> None:
    def field(name: str) -> str:
        said = subprocess.run(
            ["dpkg-deb", "--field", package, name], check=True, capture_output=True, text=True
        )
        return said.stdout.strip()

    assert field("Package") == "hucha-tablet"
    assert "libgl1" in field("Depends")
    assert package.stat().st_size < 60_000_000


def test_it_is_started_on_a_bare_debian_typed_into_in_chinese_and_enrolled(
    debian: Debian, server: tuple[Database, str]
) -> None:
    """Real keys, a real input method, a real server; the text comes back by the clipboard."""
    db, url = server
    where = places()
    program = debian.start("hucha-tablet", "--lang", "zh")
    window = debian.until("xdotool", "search", "--class", "hucha-tablet").split()[-1]
    debian.do("xdotool", "windowfocus", "--sync", window)

    # The window is there a moment before the field is, longer so on a busy machine: typed again until it is taken.
    end = time.monotonic() + PATIENCE_SECONDS
    while (typed := typed_in_pinyin(debian, where["server"], "miehuoqi")) != "灭火器":
        assert time.monotonic() < end, f"the field holds {typed!r}"

    replace_by(debian, url)
    click(debian, where["code"])
    replace_by(debian, "CODE-1")
    click(debian, where["enrol"])
    debian.until("sh", "-c", "ls ~/.local/share/hucha-tablet/tablet.db")
    tablet = until(lambda: db.read(lambda conn: devices.get(conn, "T-1")))
    assert "hucha-tablet" in tablet.app
    debian.do("xdotool", "sleep", "2")
    debian.do("scrot", "--overwrite", "/tmp/enrolled.png")
    assert program.poll() is None, debian.log("hucha-tablet")
    assert "Traceback" not in debian.log("hucha-tablet")
