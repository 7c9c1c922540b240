"""What a test run needs before anything of Hucha is imported: a Kivy that keeps to itself, and screens only with it."""

import atexit
import gc
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from tests.e2e.marks import HAS_KIVY

# A busy machine is no failure, and a failure can be had again: here by its printed blob, in CI always.
settings.register_profile("here", deadline=None, print_blob=True)
settings.register_profile("ci", parent=settings.get_profile("here"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")

# Importing Kivy reads these: no command line, no log file, no settings in the home folder, no window on a desk.
KIVY_HOME = tempfile.mkdtemp(prefix="hucha-kivy-")
atexit.register(shutil.rmtree, KIVY_HOME, ignore_errors=True)
os.environ.update(KIVY_NO_ARGS="1", KIVY_NO_FILELOG="1", KIVY_LOG_MODE="PYTHON", KIVY_HOME=KIVY_HOME)
os.environ.setdefault("SDL_VIDEODRIVER", "offscreen")
# Drawing in software takes nine tenths of a frame, and these tests look at widgets: only who says so draws for real.
os.environ.setdefault("KIVY_GL_BACKEND", "mock")
# Whoever imports Kivy first opens the one window of the process: its size must not depend on which test that is.
os.environ.update(
    KCFG_GRAPHICS_WIDTH="1280",
    KCFG_GRAPHICS_HEIGHT="800",
    KCFG_GRAPHICS_MAXFPS="0",
    KCFG_GRAPHICS_MULTISAMPLES="0",
)

IMPORTS_KIVY = re.compile(r"^\s*(?:from|import) (?:kivy|mobile\.(?:app|main|ui))\b", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leaves out tests of screens where Kivy has no build for this Python; everything else runs."""
    if HAS_KIVY or collection_path.suffix != ".py":
        return None
    return bool(IMPORTS_KIVY.search(collection_path.read_text(encoding="utf-8"))) or None


def pytest_report_header() -> list[str]:
    """Says so when screens are not tested."""
    return [] if HAS_KIVY else ["no Kivy for this Python: tests of the tablet's screens are left out"]


def pytest_collection_finish() -> None:
    """All that was imported and collected stays to the end: a pass of the collector need not look at it each time."""
    gc.freeze()


@pytest.fixture(autouse=True)
def _fresh_logs() -> Iterator[None]:
    """A server that ran in this process has said where logs go, which may be closed by now, and which are worth it."""
    before = structlog.get_config()
    structlog.reset_defaults()
    yield
    structlog.configure(**before)
