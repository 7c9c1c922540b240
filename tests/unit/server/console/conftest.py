"""One console for all tests that only look, and one of its own for each that does more."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.server.console.desk import Console, Planted, console, console_over, plant


@pytest.fixture(scope="session")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console over the season of one squad."""
    with console(tmp_path_factory.mktemp("console")) as made:
        yield made


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """A season that is copied for whoever changes it: playing it takes longer than most tests."""
    return plant(tmp_path_factory.mktemp("planted"))


@pytest.fixture
def place(planted: Planted, tmp_path: Path) -> Iterator[Console]:
    """A console over a season of its own."""
    folder = tmp_path / "season"
    shutil.copytree(planted.folder, folder)
    with console_over(planted._replace(folder=folder)) as made:
        yield made
