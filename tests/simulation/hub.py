"""The server of a world: the real exchange, projection and storage, called as the route calls them."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
from sqlalchemy import event

from mobile.transport import Rejected
from server.access import devices
from server.intake import packages
from server.intake.exchange import exchange
from server.intake.packages import Way
from server.problems import reply
from server.storage import op_log, photos, registers, states
from server.storage.database import Connection, Database
from server.storage.package_files import PackageFiles
from server.storage.packages import PackageRow
from server.storage.rows import stored
from shared_schema import merge
from shared_schema.checklist import Checklist, from_bytes
from shared_schema.ids import DeviceId, InspectionId, SquadId, digest
from shared_schema.problems import Problem
from shared_schema.wire import DEVICE_HEADER, SIGNATURE_HEADER, ProblemReply, Receipt
from tests.contract.files import Files

T = TypeVar("T")
NO_ROOM = frozenset({"disk_full", "busy"})
HELD_MS = 2
"""So long the writer waits for another process. In earnest that is seconds; what it says then is the same."""
PAGES_MAX = 2**30
"""What SQLite takes for no limit."""


class Killed(Exception):
    """The server was killed before its commit."""


class Logged(NamedTuple):
    """One operation of the server's log."""

    number: int
    op: str
    raw: bytes
    held: bool


class Waiting(NamedTuple):
    """One refused operation in quarantine."""

    device: str
    hash: str
    problem: str
    op: str
    raw: bytes


class Copy(NamedTuple):
    """The server's file as it once was."""

    folder: Path
    log_length: int


class Hub:
    """The open database and what is asked of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._copies = 0
        self.generation = 0
        self.full = False
        self._holder: sqlite3.Connection | None = None
        self.found_no_room: Callable[[str], None] = lambda code: None
        """Told `disk_full` or `busy` whenever that is what the server answered."""
        self._now_ms = 0
        self._open()

    def _open(self) -> None:
        self.db = Database.open(self._url, create=False)
        event.listen(self.db._write_engine, "connect", self._limit)
        self.db.write(self._limit_now)
        self._open_files()

    def _open_files(self) -> None:
        self.files = Files(self.db, self.folder / "photos", lambda: self._now_ms)

    @property
    def _url(self) -> str:
        return f"sqlite:///{self.folder / 'server.db'}"

    def exchange(
        self, body: bytes, headers: Mapping[str, str], now_ms: int, *, killed: bool = False
    ) -> bytes:
        """What `POST /sync` does with these bytes. Raises Rejected with what would be the reply, Killed."""

        def run(conn: Connection) -> bytes:
            answer = exchange(conn, body, device=DeviceId(headers[DEVICE_HEADER]), now_ms=now_ms)
            if killed:
                raise Killed
            return answer

        try:
            with self._noting():
                self.db.read(
                    lambda conn: devices.verify(conn, headers[DEVICE_HEADER], headers[SIGNATURE_HEADER], body)
                )
                return self.db.write(run)
        except Problem as problem:
            raise Rejected(msgspec.json.decode(reply(problem)[1], type=ProblemReply)) from problem

    def carry(
        self,
        method: str,
        name: str,
        body: bytes,
        headers: Mapping[str, str],
        now_ms: int,
        *,
        cut: int | None = None,
    ) -> Mapping[str, str]:
        """What `/files` does with a request, or with its first bytes. Raises Rejected, Offline where it was cut."""
        self._now_ms = now_ms
        try:
            return self.files.carry(method, name, body, headers, cut=cut)
        except Rejected as err:
            self._note(err.problem.code)
            raise

    def write(self, run: Callable[[Connection], T]) -> T:
        """What somebody does at the console. Raises Problem."""
        with self._noting():
            return self.db.write(run)

    def take_package(self, path: Path, now_ms: int, entropy: Callable[[int], bytes]) -> Path | None:
        """What `hucha take-package` does with this file; where the receipt lies. Raises Problem."""
        way = self._way(entropy)
        (source,) = way.files.incoming([path]).whole
        with self._noting():
            return packages.take(way, source, by="coord", now_ms=now_ms).path

    def give_package(
        self, device: str, now_ms: int, entropy: Callable[[int], bytes]
    ) -> tuple[PackageRow, Path]:
        """What `hucha give-package` does. Raises Problem."""
        with self._noting():
            return packages.give(self._way(entropy), device, by="coord", now_ms=now_ms)

    def _way(self, entropy: Callable[[int], bytes]) -> Way:
        return Way(self.db, self.files.store, PackageFiles(self.folder / "packages"), entropy)

    def has_photo(self, sha256: str) -> bool:
        """Whether a photo is here, to the byte, and noted."""
        store = self.files.store
        kept = store.has(sha256) and digest(store.get(sha256)) == sha256
        return kept and self.db.read(lambda conn: photos.has(conn, sha256))

    def photos(self) -> set[str]:
        """Every photo that is noted."""
        return {sha256 for sha256, _ in self.db.read(photos.all_of_them)}

    def unheld(self, receipt: Receipt) -> Iterator[str]:
        """What a receipt says is here, and is not: each chain is followed from its head back to its first operation."""
        sql = " UNION ".join(
            f"SELECT seq, hash, prev FROM {table} WHERE device = ?1 AND epoch = ?2"
            for table in ("operation", "refusal")
        )
        for head in receipt.heads:
            place = (receipt.device, head.epoch)
            rows = self.db.read(lambda conn, place=place: op_log.run(conn, sql, place))  # type: ignore[misc]
            before, hash_ = {(seq, one): prev for seq, one, prev in rows}, head.hash
            for seq in range(head.seq, 0, -1):
                if (seq, hash_) not in before:
                    yield f"{receipt.device} {head.epoch} {seq}"
                    break
                hash_ = before[seq, hash_]
        yield from (f"the photo {one[:8]}" for one in receipt.photos if not self.has_photo(one))

    # --- looking in ---------------------------------------------------------------------------------

    def log(self, inspection: str) -> list[Logged]:
        """The log of an inspection, in order."""
        sql = "SELECT number, id, raw, held FROM operation WHERE inspection = ? ORDER BY number"
        return self.db.read(lambda conn: [Logged(*row) for row in op_log.run(conn, sql, (inspection,))])

    def ids(self) -> set[str]:
        """Every operation of the log."""
        return self.db.read(lambda conn: {row[0] for row in op_log.run(conn, "SELECT id FROM operation")})

    def chain(self, device: str, epoch: str) -> list[tuple[int, str]]:
        """The numbers and hashes of one run of a tablet's operations, as the log has them."""
        sql = "SELECT seq, hash FROM operation WHERE device = ? AND epoch = ? ORDER BY seq"
        return self.db.read(
            lambda conn: [(seq, hash_) for seq, hash_ in op_log.run(conn, sql, (device, epoch))]
        )

    def quarantine(self) -> list[Waiting]:
        """Everything refused and kept."""
        sql = "SELECT device, hash, problem, op, raw FROM refusal ORDER BY device, hash"
        return self.db.read(lambda conn: [Waiting(*row) for row in op_log.run(conn, sql)])

    def checklist(self, inspection: str) -> Checklist:
        """The version of the checklist that an inspection is held to."""
        name = self.row(inspection).checklist
        return _checklist(self.db.read(lambda conn: registers.checklist_content(conn, name)))

    def state(self, inspection: str) -> tuple[int, merge.State | None]:
        """The stored state, and the log number it reaches."""

        def run(conn: Connection) -> tuple[int, merge.State | None]:
            found = states.load(conn, InspectionId(inspection))
            return (0, merge.EMPTY) if found is None else (found.number, found.state)

        return self.db.read(run)

    def rows(self, inspection: str) -> dict[str, list[tuple[object, ...]]]:
        """The score rows of an inspection, by table."""
        found = self.db.read(lambda conn: stored(conn, InspectionId(inspection)))
        return {table: list(rows) for table, rows in found.items()}

    def row(self, inspection: str) -> registers.InspectionRow:
        """The inspection as planned, with its last log number."""
        row = self.db.read(lambda conn: registers.inspection(conn, inspection))
        assert row is not None
        return row

    def assign(self, inspection: str, squad: str) -> None:
        """Gives an inspection to a squad, as a coordinator does."""
        row = msgspec.structs.replace(self.row(inspection), squad=SquadId(squad))
        self.write(lambda conn: registers.put_inspections(conn, [row]))

    # --- faults -------------------------------------------------------------------------------------

    def copy(self) -> Copy:
        """A copy of the file, as a backup takes it between two transactions."""
        self._copies += 1
        folder = self.folder / f"copy-{self._copies}"
        folder.mkdir()
        length = len(self.ids())
        _copy_file(self.folder, folder)
        return Copy(folder, length)

    def restore(self, copy: Copy) -> None:
        """The server comes up again with an old copy of its file."""
        self.close()
        _copy_file(copy.folder, self.folder)
        self.reopen()

    def reopen(self) -> None:
        """The server comes up with the file that is there now."""
        self.generation += 1
        self._open()

    def fill(self) -> None:
        """No page more fits on the disk."""
        self.full = True
        self.db.write(self._limit_now)

    def hold(self) -> None:
        """Another process begins to write to the file, and takes its time."""
        self._holder = sqlite3.connect(self.folder / "server.db", isolation_level=None)
        self._holder.execute("BEGIN IMMEDIATE")

    def ease(self) -> None:
        """There is room again, and nobody else has the file."""
        self._let_go()
        if self.full:
            self.full = False
            self.db.write(self._limit_now)

    def in_trouble(self) -> bool:
        """Whether a request may be answered `disk_full` or `busy`."""
        return self.full or self._holder is not None

    def _let_go(self) -> None:
        if self._holder is not None:
            self._holder.close()
            self._holder = None

    def _limit_now(self, conn: Connection) -> None:
        self._limit(conn.connection.driver_connection)

    def _limit(self, driver: Any, _record: object = None) -> None:
        """What a connection of the writer finds: a disk with or without room, and no time to wait for others."""
        driver.execute(f"PRAGMA busy_timeout={HELD_MS}")
        ((pages,),) = driver.execute("PRAGMA page_count").fetchall()
        driver.execute(f"PRAGMA max_page_count={pages if self.full else PAGES_MAX}")

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except Problem as problem:
            self._note(problem.code)
            raise

    def _note(self, code: str) -> None:
        if code in NO_ROOM:
            assert self.in_trouble(), f"the server says {code} on a good disk"
            self.found_no_room(code)

    def close(self) -> None:
        """Closes the database."""
        self._let_go()
        self.files.close()
        self.db.close()


_checklist = lru_cache(maxsize=8)(from_bytes)


def _copy_file(source: Path, target: Path) -> None:
    for suffix in ("", "-wal"):
        (target / f"server.db{suffix}").unlink(missing_ok=True)
        if (source / f"server.db{suffix}").exists():
            shutil.copyfile(source / f"server.db{suffix}", target / f"server.db{suffix}")
    (target / "server.db-shm").unlink(missing_ok=True)
