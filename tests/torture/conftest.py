"""A folder in memory for disks that are made and looked at by the thousand; and logs that cost nothing."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.torture.share import quickest_folder


@pytest.fixture(scope="module", autouse=True)
def quiet_logs() -> Iterator[None]:
    """What the server logs of faults it is meant to meet would bury what a test says."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.configure(**before)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A folder to lay disks out in."""
    folder = Path(tempfile.mkdtemp(prefix="hucha-torture-", dir=quickest_folder(tmp_path)))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
