"""How much of a torture a run takes: a share of it each time, all of it before a release (`make torture`)."""

import os
import shutil
from pathlib import Path

SHARE = float(os.environ.get("TORTURE_SHARE", "0.002"))
"""Of the counts of a release. Set by `make torture`, to 1 unless SHARE says otherwise."""
ALL_POINTS_SHARE = 0.1
"""From this share on every point is visited, not every n-th."""
PARTS = 8 if SHARE >= ALL_POINTS_SHARE else 1
"""Into how many tests one count is cut, so that they can run beside each other."""
MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 256 * 1024**2


def part_of(release: int) -> int:
    """How many of so many one of the parts takes."""
    return max(1, round(release * SHARE / PARTS))


def at_least(usual: int, release: int) -> int:
    """How many: as usual, or the share of a release where that is more."""
    return max(usual, round(release * SHARE))


def stride(usual: int) -> int:
    """Every how many-th point is visited: every one before a release."""
    return 1 if SHARE >= ALL_POINTS_SHARE else usual


def quickest_folder(otherwise: Path) -> Path:
    """Where files that need not last are made quickest: in memory, if there is enough of it."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MEMORY_BYTES_MIN
    return MEMORY if roomy else otherwise
