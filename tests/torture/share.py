"""How much of a torture a run takes: a share of it each time, all of it before a release."""

import os
import shutil
from pathlib import Path

RELEASE = os.environ.get("TORTURE") == "release"
"""Set by `make torture`."""
MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 256 * 1024**2


def count(share: int, release: int) -> int:
    """How many: the share of every run, or the count of a release."""
    return release if RELEASE else share


def quickest_folder(otherwise: Path) -> Path:
    """Where files that need not last are made quickest: in memory, if there is enough of it."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MEMORY_BYTES_MIN
    return MEMORY if roomy else otherwise
