"""The files of this checkout, as the tidy tests read them."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("mobile", "server", "shared_schema")


def _ignored_patterns() -> list[str]:
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    return [
        ".git",
        *(line.strip().rstrip("/") for line in lines if line.strip() and not line.startswith("#")),
    ]


def _is_ignored(path: Path, patterns: list[str]) -> bool:
    inside = "/" + path.relative_to(ROOT).as_posix()
    return any(
        fnmatch(inside, pattern) if pattern.startswith("/") else fnmatch(path.name, pattern)
        for pattern in patterns
    )


@cache
def files() -> tuple[Path, ...]:
    """Every file that is not ignored, asked of .gitignore and not of git, which may distrust a folder's owner."""
    patterns = _ignored_patterns()

    def walk(folder: Path) -> Iterator[Path]:
        for path in sorted(folder.iterdir()):
            if _is_ignored(path, patterns):
                continue
            if path.is_dir() and not path.is_symlink():
                yield from walk(path)
            else:
                yield path

    return tuple(walk(ROOT))


def python_files(*folders: str) -> list[Path]:
    """The Python files of these top-level folders, or of the whole checkout."""
    return [path for path in files() if path.suffix == ".py" and (not folders or top_of(path) in folders)]


def top_of(path: Path) -> str:
    """The name of the top-level file or folder a path is in."""
    return path.relative_to(ROOT).parts[0]


def name_of(path: Path) -> str:
    """A path as docs and messages write it."""
    return path.relative_to(ROOT).as_posix()


def text_of(path: Path) -> str | None:
    """A file's text, or None for one that is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def syntax_of(path: Path) -> ast.Module:
    """A Python file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=name_of(path))
