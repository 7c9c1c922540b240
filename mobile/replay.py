"""Scripted inspectors without a window: plays steps on real tablet stores, against a real server over HTTP.

    python -m mobile.replay SCRIPT.jsonl … --server URL --out DIR [--jobs N] [--seed TEXT]

A script has one step a line: {"tablet": name, "at_ms": …, "do": verb, …arguments}. Steps are played in
order; with several jobs, only tablets that never work on the same inspection are played at the same time.
Verbs: those of `actions.Desk`, with `person` and `inspection`; and

    enrol          code, clock_offset_ms            sync       lose: request | reply | repeat | late
    settle_all     reason, keep: a person, whose values stand; where there is none, the harsher ones
    settle         the same for one `field`         close, open
    expect         inspection; unsent, refused, notice, stage, disputes, findings, open, percent, gone …

Any step may say `problem`: the code it must be refused with. The first step that fails ends the run.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import msgspec

from mobile.player import Player, Step, steps_of
from mobile.transport import HttpTransport
from shared_schema.problems import Problem


class Played(NamedTuple):
    """What a run did."""

    steps: int
    taps: int
    syncs: int
    tablets: int


class ScriptFailed(Exception):
    """A step did not go as the script says."""

    def __init__(self, number: int, step: Step, why: str) -> None:
        super().__init__(number, step, why)
        self.number, self.step, self.why = number, step, why

    def __str__(self) -> str:
        return f"step {self.number}: {self.why}\n  {msgspec.json.encode(self.step).decode()}"


def play(steps: Sequence[Step], server: str, out: Path, seed: str = "") -> Played:
    """Plays steps in order, in this process. Raises ScriptFailed."""
    transport = HttpTransport(server)
    players: dict[str, Player] = {}
    syncs = 0
    try:
        for number, step in enumerate(steps, 1):
            name = step["tablet"]
            try:
                if name not in players:
                    players[name] = Player(out / name, transport, seed)
                players[name].play(step)
            except (Problem, AssertionError) as err:
                raise ScriptFailed(number, step, str(err)) from err
            syncs += step["do"] == "sync"
    finally:
        for player in players.values():
            player.close()
        transport.close()
    return Played(len(steps), sum(player.taps for player in players.values()), syncs, len(players))


def play_together(steps: Sequence[Step], server: str, out: Path, seed: str, jobs: int) -> Played:
    """Plays steps in so many processes, each with tablets that share no inspection with another's."""
    shares = [share for share in split(steps, jobs) if share]
    if len(shares) < 2:
        return play(steps, server, out, seed)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(len(shares), mp_context=context) as pool:
        runs = [pool.submit(play, share, server, out, seed) for share in shares]
        done = [run.result() for run in runs]
    return Played(*(sum(figures) for figures in zip(*done, strict=True)))


def split(steps: Iterable[Step], jobs: int) -> list[list[Step]]:
    """The steps in shares of about the same length; tablets that meet on an inspection stay together."""
    group: dict[str, str] = {}

    def leader(name: str) -> str:
        while group.setdefault(name, name) != name:
            name = group[name]
        return name

    kept = list(steps)
    for step in kept:
        tablet = leader(f"tablet {step['tablet']}")
        if "inspection" in step:
            group[tablet] = leader(f"inspection {step['inspection']}")
    groups: dict[str, list[Step]] = {}
    for step in kept:
        groups.setdefault(leader(f"tablet {step['tablet']}"), []).append(step)
    shares: list[list[Step]] = [[] for _ in range(jobs)]
    for one in sorted(groups.values(), key=len, reverse=True):
        min(shares, key=len).extend(one)
    return shares


def main(arguments: Sequence[str] | None = None) -> int:
    """Plays the scripts of a command line and prints what was done as one line of JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m mobile.replay", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("scripts", nargs="+", type=Path, metavar="SCRIPT")
    parser.add_argument("--server", required=True, metavar="URL")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="one folder a tablet")
    parser.add_argument("--jobs", type=int, default=1, metavar="N")
    parser.add_argument("--seed", default="", metavar="TEXT")
    given = parser.parse_args(arguments)
    began = time.monotonic()
    total = Played(0, 0, 0, 0)
    for script in given.scripts:
        steps = steps_of(script.read_bytes().splitlines())
        try:
            played = play_together(steps, given.server, given.out, given.seed, given.jobs)
        except ScriptFailed as err:
            print(f"{script}: {err}", file=sys.stderr)
            return 1
        total = Played(*(sum(pair) for pair in zip(total, played, strict=True)))
    seconds = round(time.monotonic() - began, 2)
    print(msgspec.json.encode({**total._asdict(), "seconds": seconds}).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
