"""`python -m tests.simulation --seeds 1-200`: plays worlds, shows progress, and ends with one line of JSON."""

import argparse
import json
import os
import sys

from tests.simulation.runs import Result, holds, play_all, quiet, read_faults, read_seeds, sum_up


def main(arguments: list[str] | None = None) -> int:
    """Plays the worlds asked for; 1 when a law was broken, 2 when asked for nonsense."""
    parser = argparse.ArgumentParser(prog="simulation", description=__doc__)
    parser.add_argument("--seeds", default=os.environ.get("SEED", "1-200"), help="7 or 1-200")
    parser.add_argument("--faults", default="all", help="all, none, or names with commas")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes")
    asked = parser.parse_args(arguments)
    try:
        seeds, faults = read_seeds(asked.seeds), read_faults(asked.faults)
    except ValueError as err:
        print(err, file=sys.stderr)
        return 2
    quiet()
    results: list[Result] = []
    for result in play_all(seeds, faults, max(1, min(asked.jobs, len(seeds)))):
        results.append(result)
        show(result)
        if len(results) % 10 == 0 or len(results) == len(seeds):
            print(f"{len(results)} of {len(seeds)} worlds", file=sys.stderr, flush=True)
    summary = sum_up(results)
    print(json.dumps(summary), flush=True)
    return 0 if holds(summary) else 1


def show(result: Result) -> None:
    """What went wrong in a world, and how to play it again."""
    for line in result.broken:
        print(f"seed {result.seed}: {line}", file=sys.stderr)
    if result.crash:
        print(f"seed {result.seed} fell over:\n{result.crash}", file=sys.stderr)
    if result.broken or result.crash:
        print(f"to play it again: --seeds {result.seed}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
