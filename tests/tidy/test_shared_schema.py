"""The pure core: points are exact and no clock is read."""

import ast
from pathlib import Path

import pytest

from tests.tidy.tree import name_of, python_files, syntax_of

CLOCK_METHODS = {"fromtimestamp", "now", "today", "utcnow"}
MODULES = python_files("shared_schema")


def refused_types(tree: ast.Module) -> set[int]:
    """The nodes that only ask `isinstance(value, float)`, as what reads YAML must, to refuse one."""
    asked = [
        call.args[1]
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "isinstance"
    ]
    return {id(node) for types in asked for node in ast.walk(types)}


def is_float(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=float() | complex()):
            return True
        case ast.Name(id="float" | "complex"):
            return True
        case _:
            return False


def lines_where(path: Path, nodes: list[ast.AST]) -> list[str]:
    return [f"{name_of(path)}:{getattr(node, 'lineno', 0)}" for node in nodes]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_number_is_a_float(path: Path) -> None:
    tree = syntax_of(path)
    refused = refused_types(tree)
    floats = [node for node in ast.walk(tree) if is_float(node) and id(node) not in refused]
    assert lines_where(path, floats) == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_clock_is_read(path: Path) -> None:
    """`datetime` is here for days and their arithmetic only."""
    calls = [node for node in ast.walk(syntax_of(path)) if isinstance(node, ast.Call)]
    reads = [
        call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr in CLOCK_METHODS
    ]
    assert lines_where(path, [*reads]) == []
