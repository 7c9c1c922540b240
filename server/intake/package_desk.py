"""Packages as people hand them over: several files at once, each with what became of it, and refusals on record."""

import hashlib
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from server.access import audit
from server.intake import packages
from server.intake.packages import Way
from server.intake.photos import hash_on
from server.problems import facts_of
from server.storage import packages as register
from server.storage.disk import disk_problems
from server.storage.package_files import Source
from server.storage.packages import PackageRow
from shared_schema.problems import Problem
from shared_schema.volumes import Volume

AT_ONCE_MAX = 2
"""A package being taken holds up to 128 MB of messages."""
PATIENCE_SECONDS = 60.0

_turns = threading.BoundedSemaphore(AT_ONCE_MAX)


class Handed(NamedTuple):
    """A file, and what the person calls it."""

    path: Path
    name: str


class Outcome(NamedTuple):
    """What became of one file: taken, waiting for other volumes, or refused for this problem."""

    name: str
    row: PackageRow | None = None
    receipt: PackageRow | None = None
    known: bool = False
    """Whether the same package had been taken before."""
    volume: Volume | None = None
    missing: tuple[int, ...] = ()
    problem: Problem | None = None
    digest: str = ""
    """Of what was refused: the package's own where its beginning can be read, else of the whole file."""
    path: Path | None = None
    """Where the receipt lies."""


def take_all(way: Way, files: Iterable[Handed], *, campaign: str, by: str, now_ms: int) -> list[Outcome]:
    """Takes in whatever whole packages these files come to. One that is refused keeps none of the others.

    Every refusal leaves its line in the audit trail; `campaign` is "" where nobody said for which it was.
    """
    found: list[Outcome] = []
    for one in files:
        for outcome in _of_file(way, one, by=by, now_ms=now_ms):
            if outcome.problem is not None:
                _record_refusal(way, outcome, campaign, by, now_ms)
            # Volumes that only waited for this one are no longer news.
            found = [earlier for earlier in found if not _supersedes(outcome, earlier)]
            found.append(outcome)
    return found


def _of_file(way: Way, file: Handed, *, by: str, now_ms: int) -> Iterator[Outcome]:
    try:
        with disk_problems():  # it may lie on a worn disc
            incoming = way.files.incoming([file.path])
    except Problem as problem:
        yield Outcome(file.name, problem=problem, digest=_digest_of(file.path))
        return
    for volume, missing in incoming.waiting:
        yield Outcome(file.name, volume=volume, missing=missing)
    for source in incoming.whole:
        yield _taken(way, source, file.name, by=by, now_ms=now_ms)


def _taken(way: Way, source: Source, name: str, *, by: str, now_ms: int) -> Outcome:
    if not _turns.acquire(timeout=PATIENCE_SECONDS):
        return Outcome(name, problem=Problem("busy"), digest=_digest_of(*_paths(source)))
    digest = ""
    try:
        with disk_problems():
            digest = way.files.digest_of(source)
        known = way.db.read(lambda conn: register.get(conn, digest)) is not None
        try:
            with disk_problems():
                taken = packages.take(way, source, by=by, now_ms=now_ms)
        except Problem as problem:
            if not problem.kind.retry:
                way.files.forget(
                    digest
                )  # every volume was sound, so it was written wrong: more of it does not help
            raise
        return Outcome(name, row=taken.row, receipt=taken.receipt, known=known, path=taken.path)
    except Problem as problem:
        return Outcome(name, problem=problem, digest=digest or _digest_of(*_paths(source)))
    finally:
        _turns.release()


def _paths(source: Source) -> list[Path]:
    return [piece.path for piece in source.pieces]


def _digest_of(*paths: Path) -> str:
    """The SHA-256 of what cannot be read as a package; of volumes, one after the other. "" if not even that can be."""
    so_far = hashlib.sha256()
    try:
        for path in paths:
            hash_on(so_far, path)
    except OSError:
        return ""
    return so_far.hexdigest()


def _supersedes(outcome: Outcome, earlier: Outcome) -> bool:
    if earlier.volume is None:
        return False
    ours = outcome.volume.package if outcome.volume else outcome.row.digest if outcome.row else ""
    return earlier.volume.package == ours


def _record_refusal(way: Way, outcome: Outcome, campaign: str, by: str, now_ms: int) -> None:
    """Leaves a line: the list of refusals is read from the audit trail, which nobody can shorten."""
    assert outcome.problem is not None
    problem = outcome.problem
    facts = {f"fact.{name}": text for name, text in facts_of(problem).items()}
    way.db.write(
        lambda conn: audit.record(
            conn,
            now_ms,
            by,
            "package.refused",
            outcome.name,
            campaign=campaign,
            code=problem.code,
            digest=outcome.digest,
            **facts,
        )
    )


class Given(NamedTuple):
    """The packages that were made, and the tablets of which no key is known, so that none can be sealed to them."""

    made: list[PackageRow]
    keyless: list[str]


def give_all(way: Way, devices: Iterable[str], *, by: str, now_ms: int) -> Given:
    """A package for each of these tablets that can be given one.

    Raises device_unknown, device_revoked, disk_full; package_keys_missing where it is so of all of them.
    """
    given = Given([], [])
    for device in devices:
        try:
            given.made.append(packages.give(way, device, by=by, now_ms=now_ms)[0])
        except Problem as problem:
            if problem.code != "package_keys_missing":
                raise
            given.keyless.append(device)
    if not given.made:
        raise Problem("package_keys_missing")
    return given
