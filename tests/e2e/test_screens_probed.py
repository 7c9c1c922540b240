"""What processes of their own find: Kivy takes density, size and graphics once, and the collector is one for each."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from tests.e2e.marks import DRAWN, SCREENS
from tests.e2e.picture_list import PICTURES

pytestmark = SCREENS
FRAME_CALLS, ALL_CALLS = 390, 132_000
"""What nineteen of twenty frames and all of them may call; 375 to 379 and 130 000 were counted when this was set."""


UPRIGHT = (
    "work", "prepared", "dispute", "veto", "findings", "computers", "interviews", "closing", "sign", "photo-cover",
    "center", "package", "start",
)  # fmt: skip


def probe(program: str, *asked: str, **environment: str) -> Any:
    """What a fresh process finds."""
    run = subprocess.run(
        [sys.executable, "-m", f"tests.e2e.{program}", *asked],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("size", "density", "look", "names"),
    [
        ("1024x600", "1", "en-1.3", (*PICTURES, "unlock-wait", "damaged")),
        ("800x1280", "1.5", "zh-1.3", UPRIGHT),
    ],
)
def test_every_screen_and_sheet_fits(size: str, density: str, look: str, names: Sequence[str]) -> None:
    """Where it is narrowest, lying and upright, with the largest type; `screen_fit` alone looks at the rest."""
    asked = ["--size", size, "--density", density, "--looks", look, "--only", ",".join(names)]
    assert probe("screen_fit", *asked) == []


def test_a_visit_is_drawn_for_real_and_no_label_is_cut_off() -> None:
    found = probe("screen_probe", "drawn", **DRAWN)
    assert found["cut"] == []
    assert found["labels"] > 100
    assert found["colours"] > 200, "hardly anything is on the picture"


def test_a_frame_of_scrolling_calls_little_of_our_code() -> None:
    """Counted in calls, which are the same on every machine; milliseconds are the benchmark's to tell."""
    found = probe("screen_probe", "scroll")
    assert found["items"] >= 290
    assert found["calls_p95"] <= FRAME_CALLS, found
    assert found["calls"] <= ALL_CALLS, found


def test_the_first_frame_loads_no_screen_that_it_does_not_show() -> None:
    """Neither a visit with its pages and sheets nor the sync center; soon after it they are all there.

    Nor does it load what only photos, an exchange or a colleague's tablet needs of other packages.
    """
    assert probe("screen_probe", "start") == {"screen": "work", "early": [], "left": []}


def test_no_long_pass_of_the_collector_while_the_screen_is_touched() -> None:
    """Full passes come when nobody has touched the screen for a while; what the start made is not looked at again."""
    found = probe("screen_probe", "passes")
    assert found["touched"] == 0
    assert found["at_rest"] == 1
    assert found["frozen"] > found["looked_at"]


def test_what_a_short_pass_leaves_is_looked_at_again_only_when_nobody_watches() -> None:
    """And of a sheet, which goes soon, nothing is kept; while it is there it is looked through once."""
    found = probe("screen_probe", "passes")
    assert found["left"] < found["frozen"] / 10
    assert found["unwatched"] == 1
    assert found["under_a_sheet"] == [1, 1]
    assert not found["sheet_kept"]
