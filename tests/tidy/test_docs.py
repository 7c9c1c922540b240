"""Docs name real things: files, make targets, commands and settings; and every command is named in them."""

import importlib
import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import click
import pytest

from tests.tidy.tree import ROOT, files, name_of, text_of

# History: what these name was there when they were written.
HISTORY = ("docs/changelog.md", "docs/decisions/")
# Where a running program keeps its data; there only while it runs.
RUNTIME = ("var/", ".venv/")
PATH_SUFFIXES = "css|csv|html|js|json|kv|md|png|py|sh|toml|ttf|txt|woff2|xlsx|yaml|yml"
PATH = re.compile(rf"(?:[\w.@*-]+/)+(?:[\w.*-]+\.(?:{PATH_SUFFIXES}))?")


def docs() -> list[Path]:
    pages = [
        path
        for path in files()
        if path.suffix == ".md" and (path.parent == ROOT or name_of(path).startswith("docs/"))
    ]
    return [path for path in pages if not name_of(path).startswith(HISTORY)]


def fences(text: str) -> list[str]:
    return re.findall(r"^```[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def spans(text: str) -> list[str]:
    """The `code` within sentences."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`\n]+)`", prose)


def code_lines(text: str) -> list[str]:
    """Every piece of code, comments apart: spans, and the lines of fenced blocks."""
    lines = [line for fence in fences(text) for line in fence.splitlines()]
    return [re.sub(r"(^|\s)#.*", "", line).strip() for line in [*lines, *spans(text)]]


def words_after(program: str, text: str) -> Iterator[list[str]]:
    """What follows each call of a program, up to the first thing that is not a plain word."""
    for line in code_lines(text):
        for call in re.split(r"&&|\|\||[;|]", line):
            words = call.split()
            while words and (re.fullmatch(r"[A-Z_]+=\S*|\$|sudo|exec", words[0])):
                words.pop(0)
            if len(words) > 1 and words[0].split("/")[-1] == program:
                yield [word for word in words[1:] if re.fullmatch(r"[a-z][a-z0-9-]*", word)]


@cache
def make_targets() -> frozenset[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE))


@cache
def commands() -> dict[str, click.Command]:
    """The commands of `hucha`, those of a group as `group command`."""
    module = importlib.import_module("server.__main__")
    groups = [value for value in vars(module).values() if isinstance(value, click.Group)]
    nested = [command for group in groups for command in group.commands.values()]
    roots = [group for group in groups if group not in nested]
    assert len(roots) == 1, "server.__main__ has one click group at the top"
    found: dict[str, click.Command] = {}

    def collect(group: click.Group, before: str) -> None:
        for name, command in group.commands.items():
            found[before + name] = command
            if isinstance(command, click.Group):
                collect(command, f"{before}{name} ")

    collect(roots[0], "")
    return found


def is_there(name: str, page: Path) -> bool:
    name = name.rstrip("/")
    for folder in (ROOT, page.parent):
        if "*" in name and any(folder.glob(name)):
            return True
        if "*" not in name and (folder / name).exists():
            return True
    return False


@pytest.mark.parametrize("page", docs(), ids=name_of)
def test_every_file_named_is_there(page: Path) -> None:
    named = {span for span in spans(text_of(page) or "") if PATH.fullmatch(span)}
    assert sorted(name for name in named if not name.startswith(RUNTIME) and not is_there(name, page)) == []


@pytest.mark.parametrize("page", docs(), ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", text_of(page) or "")
    inside = [unquote(target.split("#")[0]) for target in targets if not re.match(r"[a-z]+:|#", target)]
    assert [target for target in inside if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", docs(), ids=name_of)
def test_every_make_target_named_is_there(page: Path) -> None:
    named = {words[0] for words in words_after("make", text_of(page) or "") if words}
    assert sorted(named - make_targets()) == []


@pytest.mark.parametrize("page", docs(), ids=name_of)
def test_every_command_named_is_there(page: Path) -> None:
    unknown = set()
    for words in words_after("hucha", text_of(page) or ""):
        name = words[0] if words else ""
        if name and name not in commands():
            unknown.add(name)
        elif name and isinstance(commands()[name], click.Group):
            unknown |= {f"{name} {word}" for word in words[1:2]} - commands().keys()
    assert sorted(unknown) == []


@pytest.mark.parametrize("page", docs(), ids=name_of)
def test_every_setting_named_is_there(page: Path) -> None:
    """A setting is read from `HUCHA_…`, which the settings modules spell out or make from a field's name."""
    sources = [ROOT / "server/settings.py", ROOT / "mobile/settings.py"]
    known = "\n".join(path.read_text(encoding="utf-8") for path in sources if path.exists())
    named = set(re.findall(r"\bHUCHA_[A-Z0-9_]+\b", text_of(page) or ""))
    fields = {name: name.removeprefix("HUCHA_").lower() for name in named}
    assert (
        sorted(
            n for n in named if n not in known and not re.search(rf"^\s+{fields[n]}\s*:", known, re.MULTILINE)
        )
        == []
    )


@pytest.mark.skipif(not docs(), reason="there are no docs yet")
def test_every_command_that_exists_is_named() -> None:
    leaves = {name for name, command in commands().items() if not isinstance(command, click.Group)}
    said = {
        " ".join(words[:count])
        for page in docs()
        for words in words_after("hucha", text_of(page) or "")
        for count in (1, 2)
    }
    assert sorted(leaves - said) == []


@pytest.mark.skipif(not docs(), reason="there are no docs yet")
def test_every_make_target_that_make_lists_is_named() -> None:
    """`make` alone lists those with a `##`; a reader of the docs finds each of them there, too."""
    listed = set(
        re.findall(r"^([a-z][a-z-]*):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    said = {words[0] for page in docs() for words in words_after("make", text_of(page) or "") if words}
    assert sorted(listed - said - {"help"}) == []


def test_no_two_pictures_are_the_same() -> None:
    """A picture that equals another shows something else than its name says."""
    shown: dict[bytes, list[str]] = {}
    for path in files():
        if path.suffix in (".png", ".webp") and name_of(path).startswith("docs/"):
            shown.setdefault(path.read_bytes(), []).append(name_of(path))
    assert [sorted(names) for names in shown.values() if len(names) > 1] == []
