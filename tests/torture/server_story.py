"""A short season on a real server database, told as it is saved: exchanges, photos, a freeze, checkpoints."""

import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import event

from server.evaluation.freeze import freeze
from server.intake.desk import record
from server.intake.photos import take_photo
from server.planning.spelled import full_marks
from server.storage.database import Database
from server.storage.photo_files import PhotoFiles
from shared_schema.ids import DeviceId
from shared_schema.operations import Accepted, Answer, Deliberated, Note, Opened, Operation, Submitted
from tests.contract.plan import CHECKLIST, plan
from tests.contract.talk import NOW_MS, do, outcomes, say
from tests.make import Scribe

INSPECTION = "I-1"
ITEMS = CHECKLIST.items
BATCH = 12
CHECKPOINT_PAGES = 40
"""Far more often than SQLite does it by itself, so that a short story has many."""

Say = Callable[[bytes], None]


def address(folder: Path) -> str:
    """The address of the database in a folder."""
    return f"sqlite:///{folder / 'server.db'}"


def prepare(folder: Path) -> None:
    """Makes a database with a campaign of one unit in it."""
    with Database.open(address(folder)) as db:
        db.write(plan)
        for table, column in (("inspection", "id"), ("inventory", "unit"), ("unit", "id")):
            kept = INSPECTION if table == "inspection" else f"U-{INSPECTION}"
            do(db, f"DELETE FROM {table} WHERE {column} <> ?", kept)
    conn = sqlite3.connect(folder / "server.db")
    conn.execute("VACUUM")
    conn.close()


def tell(folder: Path, say_saved: Say, *, pragmas: tuple[str, ...] = (), rounds: int = 1) -> None:
    """Plays the season; says of every operation, photo and freeze that it is saved, once it is."""

    def tune(driver: Any, _record: Any) -> None:
        if isinstance(driver, sqlite3.Connection):
            for pragma in (f"wal_autocheckpoint={CHECKPOINT_PAGES}", *pragmas):
                driver.execute(f"PRAGMA {pragma}")

    db = Database.open(address(folder))
    event.listen(db._write_engine, "connect", tune)
    db.write(lambda conn: tune(conn.connection.driver_connection, None))
    photos = PhotoFiles(folder / "photos")
    for batch in batches(rounds):
        reply = say(db, batch, device=batch[0].device)
        assert set(outcomes(reply)) <= {"accepted", "duplicate"}, outcomes(reply)
        for one in batch:
            say_saved(f"op:{one.id}".encode())
        photo = b"\xff\xd8\xff" + batch[0].raw
        name = sha256(photo).hexdigest()
        take_photo(db, photos, name, photo, device=DeviceId(batch[0].device), now_ms=NOW_MS)
        say_saved(f"photo:{name}".encode())
    db.write(lambda conn: record(conn, INSPECTION, "C", "coordinator", Accepted(), now_ms=NOW_MS))
    say_saved(b"stage:accepted")
    frozen = db.write(partial(freeze, campaign="C-1", by="evaluator", now_ms=NOW_MS))
    say_saved(f"freeze:{frozen}".encode())
    db.close()


def batches(rounds: int = 1) -> Iterator[list[Operation]]:
    """What two tablets send, in order: an inspection from its opening to its submission."""
    leader, other = Scribe(inspection=INSPECTION), Scribe(device="D-2", person="P-2", inspection=INSPECTION)
    opened = leader.write(Opened(("P-1", "P-2"), True, True))
    batch = [opened]
    for _ in range(rounds):
        for item in ITEMS:
            batch.append(leader.write(Answer(item.id, full_marks(item))))
            if len(batch) >= BATCH:
                yield batch
                yield [other.write(Note(one.id, "旁注")) for one in ITEMS[: BATCH // 3]]
                batch = []
    deliberated = leader.write(Deliberated(), bases=(opened.id,))
    yield [*batch, deliberated, leader.write(Submitted(), bases=(deliberated.id,))]


def stored(database: Path, photos: Path) -> set[bytes]:
    """What is there, asked with plain SQLite and none of our code; asserts that the file is whole."""
    conn = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        found = {f"op:{id_}".encode() for (id_,) in conn.execute("SELECT id FROM operation")}
        found |= {f"freeze:{id_}".encode() for (id_,) in conn.execute("SELECT id FROM freeze")}
        found |= {
            f"photo:{name}".encode()
            for (name,) in conn.execute("SELECT sha256 FROM photo")
            if is_whole(photos / name[:2] / name)
        }
        if conn.execute("SELECT stage FROM score_sheet").fetchone() == ("accepted",):
            found.add(b"stage:accepted")
        verdict = conn.execute("PRAGMA integrity_check").fetchall()
        assert verdict == [("ok",)], verdict
    finally:
        conn.close()
    return found


def is_whole(photo: Path) -> bool:
    """Whether a photo is there and is what its name says."""
    return photo.exists() and sha256(photo.read_bytes()).hexdigest() == photo.name
