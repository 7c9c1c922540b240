"""What is put together for Android: whole enough that nothing the program imports is left out. It is not built here."""

import ast
import configparser
import sys
from pathlib import Path

import pytest

from mobile.android.stage import stage

BY_ANOTHER_NAME = {
    "argon2": "argon2-cffi",
    "PIL": "pillow",
    "sqlite_utils": "sqlite-utils",
    "jnius": "pyjnius",
}
OPTIONAL = {"cv2"}


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    """The folder buildozer is run in."""
    stage(tmp_path / "stage")
    return tmp_path / "stage"


def requirements(staged: Path) -> dict[str, str]:
    """The packages asked for, with their versions where they are pinned."""
    spec = configparser.ConfigParser(interpolation=None)
    spec.read(staged / "buildozer.spec", encoding="utf-8")
    names = spec["app"]["requirements"].replace("\n", "").split(",")
    return dict((name.strip().partition("==")[::2]) for name in names)


def imported(folder: Path) -> set[str]:
    """The top-level modules that any file here imports."""
    found = set()
    for path in folder.rglob("*.py"):
        if "recipes" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found


def test_all_that_the_program_imports_is_asked_for(staged: Path) -> None:
    own = {"mobile", "shared_schema"}
    foreign = imported(staged) - own - set(sys.stdlib_module_names) - OPTIONAL
    assert {BY_ANOTHER_NAME.get(name, name) for name in foreign} - requirements(staged).keys() == set()


def test_every_pin_is_filled_in(staged: Path) -> None:
    versions = {name: version for name, version in requirements(staged).items() if version}
    assert len(versions) >= 10
    assert "PINNED" not in (staged / "buildozer.spec").read_text(encoding="utf-8")


def test_the_screens_come_with_their_rules_and_fonts_and_other_platforms_stay_behind(staged: Path) -> None:
    files = {path.relative_to(staged).as_posix() for path in staged.rglob("*") if path.is_file()}
    assert {
        "main.py",
        "mobile/main.py",
        "mobile/ui/item.kv",
        "mobile/ui/fonts/NotoSansSC-Regular.ttf",
    } <= files
    assert {name for name in files if name.startswith(("mobile/linux", "mobile/android", "server"))} == set()
    assert "recipes/sqlcipher3/__init__.py" in files
