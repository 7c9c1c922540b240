"""One console for all tests that only look."""

from collections.abc import Iterator

import pytest

from tests.unit.server.console.desk import Console, console


@pytest.fixture(scope="session")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console over the season of one squad."""
    with console(tmp_path_factory.mktemp("console")) as made:
        yield made
