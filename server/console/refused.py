"""Refused operations for people: decoded as far as they can be read, and whether a person may admit them."""

import json
from collections.abc import Iterable
from typing import NamedTuple

from server.intake.quarantine import ADMISSIBLE
from server.storage import console_inspection as inspections
from server.storage.console_quarantine import RefusalLine
from server.storage.database import Connection
from shared_schema.answers import check_answer
from shared_schema.checklist import Checklist
from shared_schema.operations import Operation, Unknown, read
from shared_schema.problems import Problem


class Entry(NamedTuple):
    """One refused operation; `operation` and `checklist` are None where it cannot be read or is about nothing known."""

    line: RefusalLine
    facts: dict[str, str]
    operation: Operation | None
    checklist: Checklist | None
    admissible: bool


def entry_of(conn: Connection, line: RefusalLine) -> Entry:
    """One of them."""
    (found,) = entries(conn, [line])
    return found


def entries(conn: Connection, lines: Iterable[RefusalLine]) -> list[Entry]:
    """Each of them, in order."""
    checklists: dict[str, Checklist] = {}
    found = []
    for line in lines:
        if line.checklist and line.checklist not in checklists:
            checklists[line.checklist] = inspections.checklist_of(conn, line.checklist)
        checklist = checklists.get(line.checklist)
        operation = _read(line.raw)
        found.append(
            Entry(
                line,
                _facts(line.facts),
                operation,
                checklist,
                _may_be_admitted(conn, line, operation, checklist),
            )
        )
    return found


def _read(raw: bytes) -> Operation | None:
    try:
        return read(raw)
    except Problem:
        return None


def _facts(kept: str) -> dict[str, str]:
    return {key: str(value) for key, value in json.loads(kept).items()}


def _may_be_admitted(
    conn: Connection, line: RefusalLine, operation: Operation | None, checklist: Checklist | None
) -> bool:
    """Whether admitting would not be refused in turn: it is of a known inspection, and says what its item takes."""
    if line.problem not in ADMISSIBLE or operation is None or checklist is None:
        return False
    if isinstance(operation.body, Unknown):
        return True
    try:
        check_answer(checklist, operation.body, lambda: inspections.versions_of(conn, checklist))
    except Problem:
        return False
    return True
