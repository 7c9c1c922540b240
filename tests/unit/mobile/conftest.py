"""A server and two enrolled tablets for every test that asks for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.mobile.world import Server, Tablet, quiet


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


@pytest.fixture
def three(tmp_path: Path, server: Server, one: Tablet, two: Tablet) -> Iterator[Tablet]:
    """A third tablet; all have met the server since, so that they know each other."""
    made = Tablet(tmp_path, server, "T-3")
    one.open_visit()
    quiet(one, two, made)
    yield made
    made.close()
