"""A server and two enrolled tablets for every test that asks for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.mobile.world import Server, Tablet


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


@pytest.fixture
def one(tmp_path: Path, server: Server) -> Iterator[Tablet]:
    """The leader's tablet, with its assignments."""
    made = Tablet(tmp_path, server, "T-1")
    made.meet()
    yield made
    made.close()


@pytest.fixture
def two(tmp_path: Path, server: Server) -> Iterator[Tablet]:
    """A colleague's tablet, with its assignments."""
    made = Tablet(tmp_path, server, "T-2")
    made.meet()
    yield made
    made.close()
