"""While worlds are played, the server's own log stays quiet: a thousand tracebacks of an injected bug help nobody."""

from collections.abc import Iterator

import pytest
import structlog

from tests.simulation.runs import quiet


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """As the command line does it, and as it was afterwards."""
    before = structlog.get_config()
    quiet()
    yield
    structlog.configure(**before)
