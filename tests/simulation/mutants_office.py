"""Deliberate bugs in what full disks, quarantine, the lock, revoked tablets and a new checklist rest on."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, TypeVar

import msgspec
import pytest

from mobile.store import Store
from mobile.store_file import StoreFile
from server.intake import projection, quarantine
from server.storage import op_log, registers
from server.storage.database import Connection, Database
from server.storage.op_log import Refusal
from shared_schema.problems import Problem
from tests.simulation.mutants import MUTANTS, mutant

__all__ = ["MUTANTS"]

T = TypeVar("T")


@mutant("lost", "diverged", "stalled", "repeated", faults="server_full", worlds=20)
def answers_though_nothing_could_be_saved(patch: pytest.MonkeyPatch) -> None:
    """The server answers what it has worked out, and only then finds out that the disk has no room for it."""
    write = Database.write

    def hasty(self: Database, run: Callable[[Connection], T]) -> T:
        try:
            return write(self, run)
        except Problem as problem:
            if problem.code != "disk_full":
                raise
        with self._write_engine.connect() as conn, conn.begin() as transaction:
            conn.exec_driver_sql("PRAGMA max_page_count=1000000")
            answered = run(conn)
            transaction.rollback()
        return answered

    patch.setattr(Database, "write", hasty)


@mutant(
    "lost", "hidden", "diverged", "overruled", "stalled", "score_mismatch", faults="tablet_full", worlds=20
)
def shows_a_tap_that_found_no_room(patch: pytest.MonkeyPatch) -> None:
    """The tablet goes on as if its disk had kept the tap."""
    write, record = StoreFile._write, Store.record
    tapping = False

    @contextmanager
    def careless(self: StoreFile) -> Iterator[None]:
        try:
            with write(self):
                yield
        except Problem as problem:
            if problem.code != "disk_full" or not tapping:
                raise

    def tap(self: Store, *given: Any) -> None:
        nonlocal tapping
        tapping = True
        try:
            record(self, *given)
        finally:
            tapping = False

    patch.setattr(StoreFile, "_write", careless)
    patch.setattr(Store, "record", tap)


@mutant("lost", faults="revoked", worlds=20)
def drops_what_a_revoked_tablet_brings(patch: pytest.MonkeyPatch) -> None:
    """A tablet that was turned away is answered, and what it handed over is thrown away."""
    refuse = op_log.refuse

    def dropping(conn: Connection, refusals: Iterable[Refusal], *, now_ms: int) -> None:
        refuse(conn, [one for one in refusals if one.problem != "device_revoked"], now_ms=now_ms)

    patch.setattr(op_log, "refuse", dropping)


@mutant(
    "score_mismatch", "overruled", "hidden", "diverged", faults="late,late_after_lock,admitted", worlds=30
)
def admits_without_counting(patch: pytest.MonkeyPatch) -> None:
    """What is admitted from quarantine goes into the log, and the rows stay as they were."""
    idle = SimpleNamespace(project=lambda *_, **__: None, checklist_of=projection.checklist_of)
    patch.setattr(quarantine, "projection", idle)


@mutant("score_mismatch", faults="checklist_changed", worlds=20)
def changes_the_checklist_under_answers(patch: pytest.MonkeyPatch) -> None:
    """An inspection that has begun is put on the new version of the checklist."""
    put, find = registers.put_inspections, registers.inspection

    def put_anyway(conn: Connection, rows: Any) -> None:
        with pytest.MonkeyPatch.context() as inner:

            def unbegun(conn: Connection, name: str) -> Any:
                row = find(conn, name)
                return None if row is None else msgspec.structs.replace(row, last_number=0)

            inner.setattr(registers, "inspection", unbegun)
            put(conn, rows)

    patch.setattr(registers, "put_inspections", put_anyway)


@mutant("stalled", faults="checklist_changed", worlds=20)
def turns_away_what_is_about_a_removed_item(patch: pytest.MonkeyPatch) -> None:
    """What was answered under the version before is refused, as if nobody had ever been asked."""
    patch.setattr(projection, "versions_of", lambda *_: [])
