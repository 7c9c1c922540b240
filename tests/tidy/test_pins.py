"""What we take from others: pinned, hashed, as it was fetched, and with no address of where it came from."""

import hashlib
import re
from pathlib import Path

import pytest

from tests.tidy.tree import ROOT, files, name_of, text_of

PINS = ("requirements.txt", "requirements-test.txt")
PEERS = "tests/bench/peers_py/requirements.txt"
LOCKS = ("tests/bench/peers_js/package-lock.json", "tests/contract/tus_js/package-lock.json")
FROM_OTHERS = ("mobile/ui/fonts", "server/console/static/fonts", "server/console/static/vendor")

# Written in halves, so that this file may be read like any other.
REGISTRIES = tuple(
    ".".join(halves)
    for halves in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("npmmirror", "com"),
        ("crates", "io"),
        ("deb.debian", "org"),
        ("archive.ubuntu", "com"),
        ("pypi.tuna.tsinghua", "edu"),
        ("mirrors.aliyun", "com"),
    )
)
# A folder of somebody's machine.
MACHINE_PATH = re.compile(r"(?<![\w.>}$*/-])/(?:home|root|work|Users)/[\w.]")


@pytest.mark.parametrize("name", [*PINS, PEERS, *LOCKS])
def test_pins_name_no_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert re.findall(r"\S*(?:://|--index|--extra-index|--find-links|--trusted-host)\S*", text) == []


@pytest.mark.parametrize("name", [*PINS, PEERS])
def test_every_pin_is_exact_and_hashed(name: str) -> None:
    entries = re.split(r"\n(?=[a-z0-9])", (ROOT / name).read_text(encoding="utf-8"))[1:]
    assert entries
    assert [entry for entry in entries if not re.match(r"[a-z0-9.\[\]-]+==\S+", entry)] == []
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_tests_run_with_what_the_program_runs_with() -> None:
    run, test = (
        dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))
        for name in PINS
    )
    assert run.items() - test.items() == set()


def test_no_file_names_a_package_registry() -> None:
    texts = {path: text_of(path) or "" for path in files()}
    assert [
        (name_of(path), host) for path, text in texts.items() for host in REGISTRIES if host in text
    ] == []


def test_no_file_names_a_folder_of_one_machine() -> None:
    texts = {path: text_of(path) or "" for path in files()}
    found = {name_of(path): MACHINE_PATH.findall(text) for path, text in texts.items()}
    assert {name: paths for name, paths in found.items() if paths} == {}


@pytest.mark.parametrize("folder", FROM_OTHERS)
def test_what_others_made_is_as_it_was_fetched(folder: str) -> None:
    """`make vendor` writes the sums; a file that is not in them came some other way."""
    lines = (ROOT / folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    expected = {name: sum_ for sum_, name in (line.split("  ") for line in lines)}
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (ROOT / folder).iterdir()
        if path.name != "SHA256SUMS" and path.is_file()
    }
    assert found == expected


@pytest.mark.parametrize("folder", FROM_OTHERS)
def test_what_others_made_has_its_licence_beside_it(folder: str) -> None:
    assert [
        path for path in Path(ROOT / folder).iterdir() if "LICENSE" in path.name or path.name == "OFL.txt"
    ]
