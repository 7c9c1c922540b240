"""A short season on a real server's disk, told as it is saved: enrolment, exchanges, photos, a package, a freeze."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from mobile.transport import Rejected
from server.access.devices import enrol, make_enrolment
from server.evaluation.freeze import freeze, recompute_all
from server.intake import packages
from server.intake.desk import record
from server.intake.rebuild import rebuild
from server.planning.spelled import full_marks
from server.storage.database import Database
from server.storage.package_files import PackageFiles, Piece, Source
from shared_schema import wire
from shared_schema.chance import Chance
from shared_schema.operations import Accepted, Answer, Deliberated, Note, Opened, Operation, Submitted
from shared_schema.wire import UPLOAD_MEDIA_TYPE, ExchangeReply
from tests.contract.files import Files, metadata, pass_for, picture
from tests.contract.plan import CHECKLIST, KEY, PUBLIC_KEY, SQUADS, plan
from tests.contract.talk import NOW_MS, do, outcomes, say
from tests.make import Scribe
from tests.torture.packed import packed
from tests.torture.syscalls import Say

INSPECTION = "I-1"
ITEMS = CHECKLIST.items
BATCH = 12
CODE, NEW_TABLET = "code-0001", "D-9"
STRANGER = "P-9"
CHECKPOINT_PAGES = 40
"""Far more often than SQLite does it by itself, so that a short story has many."""
PHOTO_BYTES = 3000
CARRIED = picture(99, PHOTO_BYTES)
"""A photo that comes in a package."""


class Server(NamedTuple):
    """A server over a folder, without its HTTP."""

    db: Database
    files: Files
    packages: PackageFiles


@contextmanager
def started(folder: Path) -> Iterator[Server]:
    """A server, opened and closed as the program does it."""
    with Database.open(address(folder)) as db:
        files = Files(db, folder / "photos", lambda: NOW_MS)
        try:
            yield Server(db, files, PackageFiles(folder / "packages"))
        finally:
            files.close()


def address(folder: Path) -> str:
    """The address of the database in a folder."""
    return f"sqlite:///{folder / 'server.db'}"


def prepare(folder: Path) -> None:
    """Makes a database with a campaign of one unit in it, and a package that waits on a stick."""
    with Database.open(address(folder)) as db:
        db.write(plan)
        for table, column in (("inspection", "id"), ("inventory", "unit"), ("unit", "id")):
            kept = INSPECTION if table == "inspection" else f"U-{INSPECTION}"
            do(db, f"DELETE FROM {table} WHERE {column} <> ?", kept)
        db.write(lambda conn: make_enrolment(conn, SQUADS[0], CODE, NEW_TABLET, NOW_MS + 1, holder="P-3"))
        (folder / "stick.hcx").write_bytes(packed(db, carried(), [CARRIED]))
        (folder / "photos" / "uploads").mkdir(parents=True)
    with closing(sqlite3.connect(folder / "server.db")) as conn:
        conn.execute("VACUUM")


def tune(db: Database, *pragmas: str) -> None:
    """Sets what is otherwise fixed, on the writer's connection and while the writer has nothing to do."""
    assert db._writer is not None
    assert db._writer._conn is not None
    driver = db._writer._conn.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    for pragma in (f"wal_autocheckpoint={CHECKPOINT_PAGES}", *pragmas):
        driver.execute(f"PRAGMA {pragma}")


# --- what happens -----------------------------------------------------------------------------------


def tell(folder: Path, saved: Say, *, pragmas: tuple[str, ...] = ()) -> None:
    """Plays the season; says of everything that it is saved, once the program says so."""
    with started(folder) as server:
        tune(server.db, *pragmas)
        enrols(server, saved)
        first, *others = batches()
        hands_in(server, [first], saved)
        hands_in(server, [refused()], saved)
        sends_photo(server, 1, saved)
        carries(folder, server, saved)
        hands_in(server, others, saved)
        sends_photo(server, 2, saved)
        closes(server, saved)


def enrols(server: Server, saved: Say) -> None:
    """A new tablet brings its code."""
    request = wire.EnrolRequest(code=CODE, public_key=PUBLIC_KEY)
    device = server.db.write(lambda conn: enrol(conn, request, NOW_MS)).device
    saved(f"device:{device}".encode())


def hands_in(server: Server, handed: list[list[Operation]], saved: Say) -> list[ExchangeReply]:
    """Tablets hand in operations, a batch after the other."""
    replies = []
    for batch in handed:
        reply = say(server.db, batch, device=batch[0].device)
        for one, became in zip(batch, outcomes(reply), strict=True):
            assert became in ("accepted", "duplicate", "author_not_allowed"), became
            saved(f"{'refusal' if became == 'author_not_allowed' else 'op'}:{one.id}".encode())
        replies.append(reply)
    return replies


def sends_photo(server: Server, number: int, saved: Say) -> None:
    """A tablet hands over a photo in two parts, going on from wherever the server is.

    Where what had arrived was damaged, which only the whole tells, it begins anew, once, as the tablet's program does.
    """
    content = picture(number, PHOTO_BYTES)
    try:
        _sends(server, content)
    except Rejected as err:
        if err.problem.code != "photo_wrong_hash":
            raise
        _sends(server, content)
    saved(f"photo:{sha256(content).hexdigest()}".encode())


def _sends(server: Server, content: bytes) -> None:
    name = sha256(content).hexdigest()
    headers = pass_for(server.db, NOW_MS, key=KEY)
    told = {"upload-length": str(len(content)), "upload-metadata": metadata(sha256=name)}
    typed = {**headers, "content-type": UPLOAD_MEDIA_TYPE}
    answer = server.files.carry("POST", "", b"", {**headers, **told})
    upload = answer["location"].rpartition("/")[2]
    offset = int(server.files.carry("HEAD", upload, b"", headers)["upload-offset"])
    while offset < len(content):
        part = content[offset : offset + len(content) // 2 + 1]
        here = {**typed, "upload-offset": str(offset)}
        offset = int(server.files.carry("PATCH", upload, part, here)["upload-offset"])


def carries(folder: Path, server: Server, saved: Say) -> None:
    """A package comes on a stick."""
    path = folder / "stick.hcx"
    way = packages.Way(server.db, server.files.store, server.packages, Chance("way").bytes)
    taken = packages.take(way, Source((Piece(path, 0, path.stat().st_size),)), by="C", now_ms=NOW_MS)
    saved(f"package:{taken.row.digest}".encode())
    for one in carried():
        saved(f"op:{one.id}".encode())
    saved(f"photo:{sha256(CARRIED).hexdigest()}".encode())


def closes(server: Server, saved: Say) -> None:
    """The coordinator accepts what was handed in, and the evaluator freezes it."""
    stage = server.db.read(lambda conn: conn.exec_driver_sql("SELECT stage FROM score_sheet").scalar())
    if stage == "submitted":
        server.db.write(lambda conn: record(conn, INSPECTION, "C", "coordinator", Accepted(), now_ms=NOW_MS))
    saved(b"stage:accepted")
    frozen = server.db.write(partial(freeze, campaign="C-1", by="evaluator", now_ms=NOW_MS))
    saved(f"freeze:{frozen}".encode())


def batches() -> Iterator[list[Operation]]:
    """What two tablets send, in order: an inspection from its opening to its submission."""
    leader, other = Scribe(inspection=INSPECTION), Scribe(device="D-2", person="P-2", inspection=INSPECTION)
    opened = leader.write(Opened(("P-1", "P-2"), True, True))
    batch = [opened]
    for item in ITEMS:
        batch.append(leader.write(Answer(item.id, full_marks(item))))
        if len(batch) >= BATCH:
            yield batch
            yield [other.write(Note(one.id, "旁注")) for one in ITEMS[: BATCH // 3]]
            batch = []
    deliberated = leader.write(Deliberated(), bases=(opened.id,))
    yield [*batch, deliberated, leader.write(Submitted(), bases=(deliberated.id,))]


def refused() -> list[Operation]:
    """What somebody writes who is not of this squad: kept in quarantine."""
    return [Scribe(device="D-1", person=STRANGER, epoch="E-9").write(Note(ITEMS[0].id, "？"))]


def carried() -> list[Operation]:
    """What comes in the package."""
    scribe = Scribe(device="D-1", epoch="E-7")
    return [scribe.write(Note(ITEMS[0].id, f"随包第 {number} 条")) for number in (1, 2)]


# --- what is there afterwards -----------------------------------------------------------------------


def stored(folder: Path) -> set[bytes]:
    """What is there, asked with plain SQLite and none of our code; asserts that all of it is whole."""
    with closing(sqlite3.connect(f"file:{folder / 'server.db'}?mode=ro", uri=True)) as conn:

        def column(sql: str) -> list[str]:
            return [value for (value,) in conn.execute(sql)]

        def kept(what: str, sql: str) -> set[bytes]:
            return {f"{what}:{value}".encode() for value in column(sql)}

        found = kept("refusal", "SELECT op FROM refusal")
        found |= kept("freeze", "SELECT id FROM freeze")
        found |= kept("device", "SELECT id FROM device")
        found |= kept("package", "SELECT digest FROM package WHERE direction = 'in'")
        found |= kept("stage", "SELECT stage FROM score_sheet")
        operations = column("SELECT id FROM operation")
        assert len(operations) == len(set(operations)), "an operation is there twice"
        found |= {f"op:{one}".encode() for one in operations}
        for name in column("SELECT sha256 FROM photo"):
            path = folder / "photos" / name[:2] / name
            assert sha256(path.read_bytes()).hexdigest() == name, "a photo is noted that is not whole"
            found.add(f"photo:{name}".encode())
        for name, size in conn.execute("SELECT digest, size_bytes FROM package WHERE direction = 'out'"):
            path = folder / "packages" / "out" / f"{name}.hcx"
            assert path.stat().st_size == size, "a receipt package is noted that is not whole"
        chains = "SELECT device, epoch, seq, prev, hash FROM {} ORDER BY device, epoch, seq"
        _check_chains(conn.execute(chains.format("operation WHERE device <> 'console'")).fetchall())
        verdict = column("PRAGMA integrity_check")
        assert verdict == ["ok"], verdict
    return found


def _check_chains(links: list[tuple[str, str, int, str, str]]) -> None:
    before: tuple[str, str, int, str, str] = ("", "", 0, "", "")
    for link in links:
        device, epoch, seq, prev, _ = link
        expected = (before[2] + 1, before[4]) if before[:2] == (device, epoch) else (1, "")
        assert (seq, prev) == expected, f"{device} {epoch} {seq} does not follow on {before}"
        before = link


def holds(server: Server) -> None:
    """With the product's own eyes: rows and states are what the log makes of them, frozen scores too."""
    report = rebuild(server.db, check=True)
    assert report.differences == (), report.differences
    assert report.errors == ()
    again = server.db.read(recompute_all)
    assert again.differences == (), again.differences
