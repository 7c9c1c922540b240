"""Builds the Debian package of the tablet program: `make deb` runs it with the interpreter that the tests use.

    PyInstaller -> one folder -> its libraries stripped -> the folders of a Debian package -> dpkg-deb

The package holds its own Python, its libraries and its fonts, so that it installs on a bare Debian without a network
beyond what Debian itself brings (`DEPENDS`). Two builds of one commit on one machine hold the same files.
"""

import argparse
import gzip
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PACKAGE = "hucha-tablet"
DEPENDS = ("libc6 (>= 2.28)", "libgl1", "libegl1", "libmtdev1")
"""What Kivy draws and listens through; SDL, SQLCipher and all else are inside."""
RECOMMENDS = ("fcitx5-pinyin | ibus-libpinyin",)
"""Typing Chinese; a unit may have an input method of its own."""
TOOLS = ("dpkg-deb", "strip")
DESCRIPTION = """\
Description: peer inspection of information protection on a tablet (互查平板)
 Squads record a visit without a network: answers, findings, samples, interviews,
 signatures. Everything is encrypted at rest and signed, and is handed over to the
 server, to a colleague's tablet or into a package to carry by hand."""


def main() -> int:
    """Builds dist/hucha-tablet_VERSION_ARCH.deb and says where it is."""
    parser = argparse.ArgumentParser(prog="make deb", description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="the folder the package is put into")
    out = parser.parse_args().out
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        print(
            f"hucha: building the package needs {' and '.join(missing)}; on Debian: apt-get install -y dpkg binutils"
        )
        return 2
    with tempfile.TemporaryDirectory(prefix="hucha-deb-") as scratch:
        package = build(Path(scratch), out)
    print(f"{package} ({package.stat().st_size / 1e6:.0f} MB)")
    return 0


def build(scratch: Path, out: Path) -> Path:
    """The package, made in a scratch folder and moved to `out` when it is whole."""
    os.environ.setdefault("SOURCE_DATE_EPOCH", _changed_at())
    tree = scratch / "tree"
    program = tree / "usr" / "lib" / PACKAGE
    program.parent.mkdir(parents=True)
    shutil.copytree(_frozen(scratch), program, symlinks=True)
    _strip(program)
    _furnish(tree)
    _control(tree)
    out.mkdir(parents=True, exist_ok=True)
    name = f"{PACKAGE}_{_version()}_{_architecture()}.deb"
    _run("dpkg-deb", "--root-owner-group", "-Zxz", "-z6", "--build", tree, scratch / name)
    return Path(shutil.move(scratch / name, out / name))


def _frozen(scratch: Path) -> Path:
    """What PyInstaller makes of the program: a folder that runs anywhere."""
    _run(
        sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level=ERROR",
        "--distpath", scratch / "frozen", "--workpath", scratch / "work", HERE / f"{PACKAGE}.spec",
    )  # fmt: skip
    return scratch / "frozen" / PACKAGE


def _strip(program: Path) -> None:
    """Takes out of the libraries what only debuggers read: it is more than half of their size."""
    for library in sorted(program.rglob("*.so*")):
        if library.is_file() and not library.is_symlink():
            library.chmod(library.stat().st_mode | stat.S_IWUSR)
            _run("strip", "--strip-unneeded", library)


def _furnish(tree: Path) -> None:
    """The command, the entry in the menu, its icon, and the papers."""
    _put(HERE / f"{PACKAGE}.desktop", tree / f"usr/share/applications/{PACKAGE}.desktop")
    _put(HERE / f"{PACKAGE}.svg", tree / f"usr/share/icons/hicolor/scalable/apps/{PACKAGE}.svg")
    papers = tree / "usr/share/doc" / PACKAGE
    _put(HERE / "copyright", papers / "copyright")
    (papers / "changelog.gz").write_bytes(
        gzip.compress(
            (ROOT / "docs/changelog.md").read_bytes(), 9, mtime=int(os.environ["SOURCE_DATE_EPOCH"])
        )
    )
    command = tree / "usr/bin" / PACKAGE
    command.parent.mkdir(parents=True)
    command.symlink_to(f"../lib/{PACKAGE}/{PACKAGE}")
    program = tree / "usr/lib" / PACKAGE / PACKAGE
    for path in tree.rglob("*"):
        if not path.is_symlink():
            runs = path.is_dir() or path == program
            path.chmod(0o755 if runs else 0o644)


def _control(tree: Path) -> None:
    kilobytes = sum(path.lstat().st_size for path in tree.rglob("*") if path.is_file()) // 1024
    fields = {
        "Package": PACKAGE,
        "Version": _version(),
        "Architecture": _architecture(),
        "Maintainer": "The Hucha developers <hucha@localhost>",
        "Installed-Size": str(kilobytes),
        "Depends": ", ".join(DEPENDS),
        "Recommends": ", ".join(RECOMMENDS),
        "Section": "misc",
        "Priority": "optional",
    }
    lines = [f"{name}: {value}" for name, value in fields.items()]
    control = tree / "DEBIAN" / "control"
    control.parent.mkdir()
    control.write_text("\n".join([*lines, DESCRIPTION, ""]), encoding="utf-8")


def _put(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _version() -> str:
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def _architecture() -> str:
    return _said("dpkg", "--print-architecture")


def _changed_at() -> str:
    """When the sources last changed, in seconds: the time of every file inside."""
    try:
        return _said("git", "-C", str(ROOT), "log", "-1", "--format=%ct")
    except (OSError, subprocess.CalledProcessError):
        return str(int((ROOT / "pyproject.toml").stat().st_mtime))


def _said(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _run(*command: object) -> None:
    # Kivy is imported on the way, and would tell at length what it has not found.
    environment = os.environ | {
        "KIVY_LOG_MODE": "PYTHON",
        "KIVY_NO_FILELOG": "1",
        "SDL_VIDEODRIVER": "offscreen",
    }
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, env=environment)


if __name__ == "__main__":
    sys.exit(main())
