"""A program that is killed, or refused by its disk, at exactly the n-th call of a scene; and what must hold then."""

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import wraps
from pathlib import Path
from typing import NamedTuple, ParamSpec, Protocol, TypeVar

from shared_schema.problems import Problem
from tests.torture.syscalls import KILL, NUMBERS, Call, Ended, Refuse, Say, Verdict, watched

BEGIN, HEAL, PROBLEM = b"begin", b"heal", b"problem:"


class Program(Protocol):
    """A running program, in the middle of a scene."""

    def act(self, said: Say) -> None:
        """Does what the scene is about, or does it again; says of everything that it is saved. Raises Problem."""

    def look(self, said: frozenset[bytes]) -> None:
        """Asserts that all that was said is there once, and that nothing is there by half."""


class Scene(NamedTuple):
    """What is killed and refused."""

    prepare: Callable[[Path], None]
    start: Callable[[Path, str], AbstractContextManager[Program]]
    """Starts the program on a folder; no two starts on one folder with the same seed."""
    points_min: int
    """It makes at least so many calls that change files: fewer, and kills no longer reach where they should."""
    touches_min: int
    """And at least so many, between start and end, that a failing disk can refuse."""
    needs_min: int
    """And so many that a full one can."""
    watched: str = ""
    """The folder whose calls count, below the one it is played in."""
    reads: bool = True
    """Whether there is a program that goes on while the disk is full; a start has none before it is done."""


class Fault(NamedTuple):
    """What the disk answers, and how long."""

    errno: int
    lasts: bool
    problems: frozenset[str]
    """What may be said of it."""

    def strikes(self, call: Call) -> bool:
        """Whether this is a call that can fail so."""
        return call.name in (NEEDS_SPACE if self.errno == errno.ENOSPC else TOUCHES_DISK)


NEEDS_SPACE = frozenset({"write", "pwrite", "open", "mkdir", "rename"})
TOUCHES_DISK = NEEDS_SPACE | {"pread", "fsync", "fdatasync", "ftruncate"}
CHANGES = frozenset(NUMBERS) - {"pread"}


P = ParamSpec("P")
T = TypeVar("T")


def _once_more(play: Callable[P, T]) -> Callable[P, T]:
    """Plays again where nothing moved any more: a lock that a fork inherited is free then, a program's own is not."""

    @wraps(play)
    def played(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return play(*args, **kwargs)
        except TimeoutError:
            return play(*args, **kwargs)

    return played


class Stage:
    """A scene, prepared once and played again and again."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self._scene = scene
        self._before, self._here = folder / "before", folder / "here"
        self._before.mkdir()
        scene.prepare(self._before)

    def points(self) -> int:
        """How many calls that change files it makes."""
        return self._killed(-1)[0]

    def kill(self, point: int) -> None:
        """Ends it before its call of that number, starts it again, and lets it do all of it again."""
        _, ended = self._killed(point)
        assert ended.code < 0, f"it was not killed: {ended.words}"
        self._starts_again(frozenset(ended.said), f"after call {point}")

    @_once_more
    def _killed(self, point: int) -> tuple[int, Ended]:
        made = 0

        def decide(_: Call) -> Verdict:
            nonlocal made
            if made == point:
                return KILL
            made += 1
            return None

        def run(say: Say) -> None:
            with self._scene.start(self._here, "first") as program:
                program.act(say)

        ended = self._watched(run, decide, CHANGES)
        assert point >= 0 or ended.code == 0, ended.words
        return made, ended

    def failing_points(self, fault: Fault) -> int:
        """How many calls it makes that can fail so."""
        return self._failing(fault, -1)[0]

    def fail(self, fault: Fault, point: int) -> str | None:
        """Refuses the call of that number (of those that can fail so), and those after it while the fault lasts.

        What was said of it; empty where the program did without that call, None where it made fewer. In the same
        process, once the disk is well again, all of it is done; and again after a start.
        """
        made, ended = self._failing(fault, point)
        if made <= point:
            return None
        problems = {one.removeprefix(PROBLEM).decode() for one in ended.said if one.startswith(PROBLEM)}
        assert problems <= fault.problems, f"at call {point}: {problems}"
        said = {one for one in ended.said if one not in (BEGIN, HEAL) and not one.startswith(PROBLEM)}
        self._starts_again(frozenset(said), f"after call {point} failed")
        return "".join(problems)

    @_once_more
    def _failing(self, fault: Fault, point: int) -> tuple[int, Ended]:
        made, armed = 0, False

        def decide(call: Call) -> Verdict:
            nonlocal made
            if not armed or not fault.strikes(call):
                return None
            made += 1
            strikes = made - 1 == point or (made > point >= 0 and fault.lasts)
            return Refuse(fault.errno) if strikes else None

        def heard(what: bytes) -> None:
            nonlocal armed
            armed = {BEGIN: True, HEAL: False}.get(what, armed)

        def run(say: Say) -> None:
            told: set[bytes] = set()

            def said(what: bytes) -> None:
                told.add(what)
                say(what)

            with self._scene.start(self._here, "first") as program:
                say(BEGIN)
                try:
                    program.act(said)
                except Problem as problem:
                    say(PROBLEM + problem.code.encode())
                if fault.lasts and self._scene.reads:  # what needs no space goes on
                    program.look(frozenset(told))
                say(HEAL)
                program.act(said)
                program.look(frozenset(told))

        ended = self._watched(run, decide, frozenset(NUMBERS), heard)
        assert ended.code == 0, f"at call {point}: {ended.words}"
        return made, ended

    def _watched(
        self,
        run: Callable[[Say], None],
        decide: Callable[[Call], Verdict],
        names: frozenset[str],
        heard: Say = lambda _: None,
    ) -> Ended:
        shutil.rmtree(self._here, ignore_errors=True)
        shutil.copytree(self._before, self._here)
        return watched(run, self._here / self._scene.watched, decide, heard=heard, names=names)

    def _starts_again(self, said: frozenset[bytes], when: str) -> None:
        try:
            with self._scene.start(self._here, "again") as program:
                program.look(said)
                now = set(said)
                program.act(now.add)
                program.look(frozenset(now))
        except Exception as err:
            raise AssertionError(f"{when}: {err!r}") from err


def every(count: int, stride: int) -> Iterator[int]:
    """Every stride-th number below the count, and the last."""
    yield from sorted({*range(0, count, stride), count - 1})
