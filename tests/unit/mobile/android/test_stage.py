"""What is put together for Android: whole enough that nothing the program imports is left out. It is not built here."""

import ast
import configparser
import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from PIL import Image

from mobile.android.stage import ROOT, stage

BY_ANOTHER_NAME = {
    "argon2": "argon2-cffi",
    "PIL": "pillow",
    "sqlite_utils": "sqlite-utils",
    "jnius": "pyjnius",
}
OPTIONAL = {"cv2", "zxingcpp"}


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    """The folder buildozer is run in."""
    stage(tmp_path / "stage")
    return tmp_path / "stage"


def described(staged: Path) -> configparser.SectionProxy:
    """What buildozer is told of the program."""
    spec = configparser.ConfigParser(interpolation=None)
    spec.read(staged / "buildozer.spec", encoding="utf-8")
    return spec["app"]


def requirements(staged: Path) -> dict[str, str]:
    """The packages asked for, with their versions where they are pinned."""
    names = described(staged)["requirements"].replace("\n", "").split(",")
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


def test_the_camera_needs_androidx_and_its_provider_and_no_permission(staged: Path) -> None:
    """A permission for the camera would have to be granted before another program's camera may be asked."""
    spec = described(staged)
    assert spec["android.enable_androidx"] == "True"
    assert "androidx.core:core:" in spec["android.gradle_dependencies"]
    assert (staged / spec["p4a.hook"]).exists()
    assert "CAMERA" not in spec["android.permissions"]
    assert f"{spec['package.domain']}.{spec['package.name']}" == "cn.hucha.huchatablet"
    assert spec["android.allow_backup"] == "False"


def test_it_has_its_icon(staged: Path) -> None:
    """In the colour of the drawing that the Linux package has."""
    name = described(staged)["icon.filename"].removeprefix("%(source.dir)s/")
    with Image.open(staged / name) as icon:
        assert icon.size == (512, 512)
        assert icon.getpixel((256, 30)) == (0x0B, 0x57, 0xA4, 255)
        assert icon.getpixel((0, 0))[3] == 0  # type: ignore[index]
    assert 'fill="#0b57a4"' in (ROOT / "mobile/linux/hucha-tablet.svg").read_text(encoding="utf-8")


def test_the_recipe_builds_against_openssl_for_one_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for python-for-android: its version is the pinned one, its flags are the OpenSSL recipe's."""
    asked = SimpleNamespace(
        include_flags=lambda arch: f" -I{arch}",
        link_dirs_flags=lambda arch: f" -L{arch}",
        link_libs_flags=lambda: " -lcrypto",
    )

    class Recipe:
        ctx = None

        def get_recipe_env(self, arch: str = "", **_: object) -> dict[str, str]:
            return {"CFLAGS": "-O2", "LDFLAGS": ""}

        def get_recipe(self, name: str, _ctx: object) -> SimpleNamespace:
            assert name in self.depends  # type: ignore[attr-defined]
            return asked

    module = ModuleType("pythonforandroid.recipe")
    module.CompiledComponentsPythonRecipe = Recipe  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pythonforandroid", ModuleType("pythonforandroid"))
    monkeypatch.setitem(sys.modules, "pythonforandroid.recipe", module)
    recipe = runpy.run_path(str(ROOT / "mobile/android/recipes/sqlcipher3/__init__.py"))["recipe"]
    assert recipe.get_recipe_env("arm64-v8a") == {
        "CFLAGS": "-O2 -Iarm64-v8a",
        "LDFLAGS": " -Larm64-v8a",
        "LIBS": " -lcrypto",
    }
    assert f"sqlcipher3=={recipe.version} " in (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert recipe.name in (ROOT / "mobile/android/buildozer.spec").read_text(encoding="utf-8")
