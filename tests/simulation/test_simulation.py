"""Worlds from fixed seeds and one that the commit chooses: no law is ever broken, and every fault is met."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.simulation.__main__ import main
from tests.simulation.checks import LAWS
from tests.simulation.faults import FAULTS
from tests.simulation.runs import Result, holds, play, read_faults, read_seeds, sum_up

FIXED = range(1, 25)
PARTS = 2
"""So many tests share the fixed seeds, for several processes to run them side by side."""


def seed_of_the_commit() -> int:
    """A seed that every commit changes; 0 where there is no repository."""
    found = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return int(found.stdout[:8], 16) if found.returncode == 0 else 0


def lawful(results: list[Result]) -> None:
    """No law was broken and nothing fell over; says how to play it again."""
    for one in results:
        assert not one.crash, f"--seeds {one.seed}: {one.crash}"
        assert not one.broken, f"--seeds {one.seed}: {one.broken}"
    assert holds(sum_up(results))


@pytest.mark.parametrize("part", range(PARTS))
def test_no_law_is_broken_whatever_goes_wrong(part: int) -> None:
    """With all faults together; and the worlds are worth it: they hold taps, disputes, and most faults."""
    results = [play(seed, frozenset(FAULTS)) for seed in FIXED[part::PARTS]]
    lawful(results)
    summary = sum_up(results)
    assert summary["operations"] > 25 * len(results)
    assert summary["disputes"] > 2 * len(results)
    met = [name for name, count in summary["faults"].items() if count]
    assert len(met) >= len(FAULTS) - 6, f"met only {met}"


def test_every_fault_is_met_somewhere() -> None:
    """A fault that is never injected proves nothing; the first sixty worlds meet them all."""
    met: set[str] = set()
    for seed in range(1, 61):
        result = play(seed, frozenset(FAULTS), twins=False)
        lawful([result])
        met |= {name for name, count in result.faults.items() if count}
        if met == set(FAULTS):
            return
    pytest.fail(f"never met: {', '.join(set(FAULTS) - met)}")


def test_the_seed_of_this_commit() -> None:
    """One world that nobody has played before."""
    lawful([play(seed_of_the_commit(), frozenset(FAULTS), twins=True)])


@pytest.mark.parametrize("faults", ["none", "server_restored,tablet_restored,tablet_cloned,stale_screen"])
def test_no_law_is_broken_in_other_weather(faults: str) -> None:
    """Without any fault, and with nothing but files that come back from the past."""
    lawful([play(seed, read_faults(faults)) for seed in (41, 42, 43)])


def test_a_seed_repeats_a_world_exactly() -> None:
    """The same seed: the same taps, the same faults, the same end."""
    assert play(9, frozenset(FAULTS)) == play(9, frozenset(FAULTS))


def test_a_run_ends_with_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Progress goes to the error stream, and all that is counted into one line."""
    assert main(["--seeds", "3-4", "--jobs", "1"]) == 0
    out, err = capsys.readouterr()
    (line,) = out.splitlines()
    summary = json.loads(line)
    assert (summary["seeds"], [summary[law] for law in LAWS]) == (2, [0] * len(LAWS))
    assert set(summary["faults"]) == set(FAULTS)
    assert "2 of 2 worlds" in err


@pytest.mark.parametrize("asked", [["--seeds", "9-3"], ["--seeds", "x"], ["--faults", "rain"]])
def test_nonsense_is_named(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be played is said in one line."""
    assert main(asked) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_seeds_are_read_as_people_write_them() -> None:
    """One, or from the first to the last."""
    assert list(read_seeds("7")) == [7]
    assert list(read_seeds("1-3")) == [1, 2, 3]
