"""Reads a checklist YAML file and reports every error by file, line and item; writes nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from server.planning.yaml_marks import Written, read_yaml
from shared_schema.checklist import Checklist, checklist_hash
from shared_schema.checklist_issues import Issue
from shared_schema.checklist_reader import examine
from shared_schema.problems import Language, Problem

Out = Callable[[str], object]
"""Takes one line for the person at the keyboard."""


class Remark(NamedTuple):
    """One issue of a checklist file with its line."""

    file: str
    line: int
    issue: Issue

    def message(self, language: Language = "zh") -> str:
        """File line, item, what, cure."""
        item = f"{self.issue.item}, " if self.issue.item else ""
        return (
            f"{self.file} {self.line}, {item}{self.issue.place}: "
            f"{self.issue.what(language)}; {self.issue.cure(language)}"
        )


class Checked(NamedTuple):
    """A checklist file as read; the checklist is None while there are errors."""

    checklist: Checklist | None
    errors: tuple[Remark, ...]
    warnings: tuple[Remark, ...]


def check_checklist(content: bytes, file: str, lenient: bool = False) -> Checked:
    """The checklist in a YAML file with everything wrong or doubtful about it. Raises file_invalid."""
    return check_written(read_yaml(content, file), lenient)


def check_written(written: Written, lenient: bool = False) -> Checked:
    """As `check_checklist`, from a file already read."""
    examined = examine(written.data, lenient)

    def remarks(issues: tuple[Issue, ...]) -> tuple[Remark, ...]:
        found = [Remark(written.file, written.line(issue.path), issue) for issue in issues]
        return tuple(sorted(found, key=lambda remark: remark.line))

    errors = remarks(examined.errors)
    return Checked(None if errors else examined.checklist, errors, remarks(examined.warnings))


def read_checklist(content: bytes, file: str) -> Checklist:
    """The checklist in a YAML file. Raises file_invalid, checklist_invalid (with `remarks`)."""
    checked = check_checklist(content, file)
    if checked.checklist is None:
        first = checked.errors[0].message("zh")
        raise Problem("checklist_invalid", count=len(checked.errors), first=first, remarks=checked.errors)
    return checked.checklist


def check_file(path: Path, out: Out, language: Language = "en") -> int:
    """Prints what is wrong with a checklist file. 0 when it may be used, 1 with errors, 2 when unreadable."""
    try:
        checked = check_checklist(path.read_bytes(), path.name)
    except OSError as err:
        out(f"{path}: {err.strerror}")
        return 2
    except Problem as problem:
        out(problem.message(language))
        return 2
    for remark in checked.warnings:
        out(f"warning: {remark.message(language)}")
    for remark in checked.errors:
        out(f"error: {remark.message(language)}")
    if checked.checklist is None:
        out(f"{len(checked.errors)} errors, {len(checked.warnings)} warnings")
        return 1
    checklist = checked.checklist
    out(
        f"{checklist.code} {checklist.version}: {len(checklist.items)} items, {checklist.total_points} points, "
        f"hash {checklist_hash(checklist)}"
    )
    out(f"0 errors, {len(checked.warnings)} warnings")
    return 0
