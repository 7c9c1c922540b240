"""A process ended by SIGKILL before its n-th step, for every n: what it leaves behind is looked at each time.

A step is a call that changes files, or an SQL statement. One helper process forks once for each point, so that
nothing runs in it but the scenario.
"""

import logging
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mobile import engine

STEPS = ("open", "write", "fsync", "replace", "unlink", "mkdir")
POINTS_MAX = 2000
log = logging.getLogger(__name__)

Act = Callable[[Path], object]


class CountingConnection(engine.Connection):  # type: ignore[misc]
    """Counts statements as steps."""

    step: Callable[[], None] = staticmethod(lambda: None)

    def execute(self, *arguments: Any) -> Any:
        self.step()
        return super().execute(*arguments)


def _run_until(point: int, act: Callable[[], object]) -> None:
    """Runs it in this process, ended before the step with that number."""
    made = 0

    def step() -> None:
        nonlocal made
        made += 1
        if made > point:
            os.kill(os.getpid(), signal.SIGKILL)

    def stepping(call: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*arguments: Any, **named: Any) -> Any:
            step()
            return call(*arguments, **named)

        return stepped

    for name in STEPS:
        setattr(os, name, stepping(getattr(os, name)))
    CountingConnection.step = staticmethod(step)
    engine.connect = partial(engine.connect, factory=CountingConnection)
    act()


def _every_point(told: Connection, folder: Path, prepare: Act, act: Act, check: Act) -> None:
    """Plays all points, and tells how many there were, or what was wrong after which."""
    before, here = folder / "before", folder / "here"
    before.mkdir(parents=True)
    prepare(before)
    for point in range(POINTS_MAX):
        shutil.rmtree(here, ignore_errors=True)
        shutil.copytree(before, here)
        child = os.fork()
        if child == 0:
            try:
                _run_until(point, lambda: act(here))
            except Exception:
                log.exception("the scenario failed")
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status):
            told.send(f"at step {point} it failed")
            return
        try:
            check(here)
        except BaseException as err:
            told.send(f"after step {point}: {err!r}")
            raise
        if os.WIFEXITED(status):
            told.send(point)
            return
    told.send("it never came to its end")


def killed_everywhere(folder: Path, prepare: Act, act: Act, check: Act) -> int:
    """How many points there were; `check` has held after each, and after the whole. Raises AssertionError."""
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe(duplex=False)
    helper = context.Process(target=_every_point, args=(theirs, folder, prepare, act, check))
    helper.start()
    theirs.close()
    try:
        told = ours.recv()
    except EOFError:
        told = "the helper ended"
    helper.join()
    ours.close()
    assert isinstance(told, int), told
    return told
