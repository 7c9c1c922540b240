"""The server of a world: the real exchange, projection and storage, called as the route calls them."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from mobile.transport import Rejected
from server.access import devices
from server.intake import packages
from server.intake.exchange import exchange
from server.intake.packages import Way
from server.intake.photos import has_photo
from server.problems import reply
from server.storage import op_log, registers, states
from server.storage.database import Connection, Database
from server.storage.package_files import PackageFiles
from server.storage.packages import PackageRow
from server.storage.rows import stored
from shared_schema import merge
from shared_schema.ids import DeviceId, InspectionId, SquadId
from shared_schema.problems import Problem
from shared_schema.wire import DEVICE_HEADER, SIGNATURE_HEADER, ProblemReply
from tests.contract.files import Files


class Killed(Exception):
    """The server was killed before its commit."""


class Logged(NamedTuple):
    """One operation of the server's log."""

    number: int
    op: str
    raw: bytes
    held: bool


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
        self.db = Database.open(self._url, create=False)
        self._now_ms = 0
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
        return self.files.carry(method, name, body, headers, cut=cut)

    def take_package(self, path: Path, now_ms: int, entropy: Callable[[int], bytes]) -> Path | None:
        """What `hucha take-package` does with this file; where the receipt lies. Raises Problem."""
        way = self._way(entropy)
        (source,) = way.files.incoming([path]).whole
        return packages.take(way, source, by="coord", now_ms=now_ms).path

    def give_package(
        self, device: str, now_ms: int, entropy: Callable[[int], bytes]
    ) -> tuple[PackageRow, Path]:
        """What `hucha give-package` does. Raises Problem."""
        return packages.give(self._way(entropy), device, by="coord", now_ms=now_ms)

    def _way(self, entropy: Callable[[int], bytes]) -> Way:
        return Way(self.db, self.files.store, PackageFiles(self.folder / "packages"), entropy)

    def has_photo(self, sha256: str) -> bool:
        """Whether a photo is here, whole and noted."""
        return has_photo(self.db, self.files.store, sha256)

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

    def refused(self) -> set[bytes]:
        """The bytes of everything refused and kept."""
        return self.db.read(
            lambda conn: {bytes(row[0]) for row in op_log.run(conn, "SELECT raw FROM refusal")}
        )

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
        self.db.write(lambda conn: registers.put_inspections(conn, [row]))

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
        self.db = Database.open(self._url, create=False)
        self._open_files()

    def close(self) -> None:
        """Closes the database."""
        self.files.close()
        self.db.close()


def _copy_file(source: Path, target: Path) -> None:
    for suffix in ("", "-wal"):
        (target / f"server.db{suffix}").unlink(missing_ok=True)
        if (source / f"server.db{suffix}").exists():
            shutil.copyfile(source / f"server.db{suffix}", target / f"server.db{suffix}")
    (target / "server.db-shm").unlink(missing_ok=True)
