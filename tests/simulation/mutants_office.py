"""Deliberate bugs in what full disks, quarantine, the lock, receipts, photos and a new checklist rest on."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, TypeVar

import msgspec
import pytest

from mobile.store import Store
from mobile.store_file import StoreFile
from mobile.transport import Offline
from mobile.uploads import Uploads
from server.intake import judge, projection, quarantine, uploads
from server.storage import chains, op_log, registers
from server.storage.database import Connection, Database
from server.storage.op_log import Refusal
from server.storage.partials import Note
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


@mutant("overruled", faults="late,late_after_lock", worlds=20)
def counts_what_comes_after_the_lock(patch: pytest.MonkeyPatch) -> None:
    """A lock keeps nothing out."""
    patch.setattr(judge.Judge, "_lock", lambda *_: None)


@mutant("lost", faults="poison", worlds=12)
def drops_what_it_refuses(patch: pytest.MonkeyPatch) -> None:
    """What is refused is answered, and not kept in quarantine."""
    patch.setattr(op_log, "refuse", lambda *_, **__: None)


@mutant("lost", "diverged", faults="small_pages,server_restored,delayed", worlds=20)
def signs_for_more_than_is_here(patch: pytest.MonkeyPatch) -> None:
    """A receipt names the last operation there is, whatever is missing before it."""

    def furthest(conn: Connection, device: Any, epoch: str, tip: chains.Tip) -> chains.Tip:
        links = chains._links(conn, device, epoch, 0, None)
        return chains.Tip(links[-1][0], links[-1][2]) if links else tip

    patch.setattr(chains, "_furthest", furthest)


@mutant("lost", faults="photo_cut,lost_request", worlds=12)
def says_too_soon_that_a_photo_is_there(patch: pytest.MonkeyPatch) -> None:
    """A photo that the line has cut counts as handed over."""
    send = Uploads.send

    def hasty(self: Uploads, *given: Any) -> Any:
        try:
            yield from send(self, *given)
        except Offline:
            return

    patch.setattr(Uploads, "send", hasty)


@mutant("lost", faults="damaged_request", worlds=20)
def keeps_a_photo_as_it_came(patch: pytest.MonkeyPatch) -> None:
    """Whatever bytes have arrived are kept under the hash that was named."""

    class Blind:
        def __init__(self, note: Note) -> None:
            self.hexdigest = lambda: note.sha256

    finish = uploads.Uploads.finish

    def trusting(self: Any, device: Any, name: str, note: Note, now_ms: int, *_: Any) -> None:
        finish(self, device, name, note, now_ms, Blind(note))  # type: ignore[arg-type]

    patch.setattr(uploads.Uploads, "finish", trusting)
