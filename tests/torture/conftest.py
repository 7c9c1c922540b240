"""A folder in memory for disks that are made and looked at by the thousand; quiet logs; and counts that are told."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from tests.torture.share import quickest_folder

COUNTED = "counted"
Count = Callable[[str], None]


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


@pytest.fixture
def count(record_property: Callable[[str, object], None]) -> Count:
    """Says how much a test has done; told at the end of the run."""
    return lambda line: record_property(COUNTED, line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was counted, a line each."""
    reports = [one for kind in ("passed", "failed") for one in terminalreporter.stats.get(kind, [])]
    for report in reports:
        for name, line in getattr(report, "user_properties", []):
            if name == COUNTED and report.when == "call":
                terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {line}")
