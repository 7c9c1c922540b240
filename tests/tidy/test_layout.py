"""Where things are: the top level, packages, module names, sizes, and tests that mirror what they test."""

import os
import re
import subprocess
from collections import Counter
from pathlib import Path

from tests.tidy.tree import PACKAGES, ROOT, files, name_of, python_files, top_of

TOP_LEVEL = {
    ".ci",
    ".editorconfig",
    ".gitattributes",
    ".gitignore",
    "LICENSE",
    "Makefile",
    "README.md",
    "docs",
    "mobile",
    "pyproject.toml",
    "requirements-test.txt",
    "requirements.txt",
    "server",
    "shared_schema",
    "tests",
}

LINES_MAX = 400
LONGER_BECAUSE = {
    "server/storage/tables.py": "one table after another, read as a list",
    "mobile/store.py": "all of the tablet's SQL, one question after another",
    "shared_schema/locale/console.py": "one word after another, read as a list",
    "shared_schema/operations.py": "one kind of operation after another, read as a list",
    "shared_schema/wire.py": "one message after another, read as a list",
    "tests/unit/shared_schema/test_scoring.py": "one fact about scoring after another, read as a list",
}

# Names that say nothing of what is inside, and so take in anything.
NAMES_OF_NOTHING = {"base", "common", "core", "helper", "helpers", "manager", "misc", "util", "utils"}

# Packaging scripts of a platform, run by that platform's tools and not imported.
NOT_IMPORTED = {"mobile/android", "mobile/linux"}


def is_imported(path: Path) -> bool:
    return not any(name_of(path).startswith(folder + "/") for folder in NOT_IMPORTED)


def test_the_top_level_holds_what_it_should_and_no_more() -> None:
    assert {top_of(path) for path in files()} - TOP_LEVEL == set()


def test_every_folder_of_modules_is_a_package() -> None:
    """One without __init__.py is not seen by the rules of who may import whom."""
    folders = {path.parent for path in python_files(*PACKAGES) if is_imported(path)}
    assert [name_of(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_what_stays_holds_nothing_on_the_screen_that_goes() -> None:
    """`fbind` holds whoever is told of a change: the colours and the words would keep every widget ever shown."""
    asked = {name_of(path): path.read_text(encoding="utf-8") for path in python_files("mobile")}
    assert [name for name, text in asked.items() if re.search(r"\b(theme|words)\.fbind\(", text)] == []


def test_no_module_is_named_after_nothing() -> None:
    assert [name_of(path) for path in python_files(*PACKAGES) if path.stem in NAMES_OF_NOTHING] == []


def test_no_module_is_longer_than_it_can_be_read() -> None:
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in python_files()}
    too_long = {name for name, length in lengths.items() if length > LINES_MAX}
    assert too_long - LONGER_BECAUSE.keys() == set()


def test_exceptions_to_the_length_are_still_needed() -> None:
    needed = {name for name in LONGER_BECAUSE if (ROOT / name).exists()}
    lengths = {name: len((ROOT / name).read_text(encoding="utf-8").splitlines()) for name in needed}
    assert {name for name, length in lengths.items() if length <= LINES_MAX} == set()


def test_unit_tests_mirror_the_packages() -> None:
    """`server/intake/exchange.py` is tested in tests/unit/server/intake/test_exchange.py, or test_exchange_….py."""
    astray = []
    for path in python_files("tests"):
        inside = path.relative_to(ROOT)
        if inside.parts[:2] != ("tests", "unit") or not path.name.startswith("test_"):
            continue
        folder = ROOT.joinpath(*inside.parts[2:-1])
        words = path.stem.removeprefix("test_").split("_")
        names = ["_".join(words[:count]) for count in range(len(words), 0, -1)]
        # `__main__` and a package's own folder are tested under their plain names.
        candidates = [folder / form for name in names for form in (f"{name}.py", f"__{name}__.py", name)]
        if not any(candidate.exists() for candidate in candidates):
            astray.append(name_of(path))
    assert astray == []


def test_every_test_is_run_by_the_check_and_once() -> None:
    """What is measured and what runs beside it are two lists: a file in neither would never be run."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    said = subprocess.run(
        ["make", "--no-print-directory", "-n", "check-tests"],
        cwd=ROOT, env=env, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    given = [ROOT / word for word in said.split() if word.startswith("tests/")]
    run = Counter(file for path in given for file in ([path] if path.is_file() else path.rglob("test_*.py")))
    assert run == Counter((ROOT / "tests").rglob("test_*.py"))
