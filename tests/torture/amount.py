"""How much of a fault test a run takes: enough to count each time, all of it before a release (`make torture`)."""

import os

SHARE = float(os.environ.get("TORTURE_SHARE") or 0)
"""Of the counts of a release; set by `make torture`."""


def count(usual: int, release: int) -> int:
    """How many: as usual, or so much of a release as was asked for."""
    return max(usual, round(release * min(1.0, SHARE)))


def every(usual: int) -> int:
    """Every how many-th: of all of them before a release."""
    return usual if count(1, 10) == 1 else 1
