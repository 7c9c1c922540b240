"""A visit on a real tablet's disk, told as it is shown: taps, photos, exchanges with a server, the handing in."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from mobile import photos
from mobile.store import Store
from mobile.vault import Vault
from shared_schema.operations import read
from tests.torture.syscalls import Say
from tests.unit.mobile.world import ANNA, COUNT, LEADER, NOW_MS, SCENE, VISIT, YES_NO, Server, Tablet

DEVICE = "T-1"
CHECKPOINT_PAGES = 25
"""Far more often than SQLite does it by itself, so that a short story has many."""
PLACE = "ui.place"


class OldServer(Server):
    """A server on the file it had before."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "server.db"
        self.now_ms = NOW_MS
        self._codes = 100
        self._open()


@contextmanager
def started(folder: Path, seed: str) -> Iterator[Tablet]:
    """The tablet of this folder and its server; no two runs with one seed."""
    server = OldServer(folder)
    try:
        tablet = Tablet(folder, server, DEVICE, seed=seed, enrolled=False)
        try:
            yield tablet
        finally:
            tablet.close()
    finally:
        server.close()


class Alone(NamedTuple):
    """A tablet as it starts, without a server."""

    folder: Path
    vault: Vault
    store: Store


@contextmanager
def alone(folder: Path) -> Iterator[Alone]:
    """The tablet of this very folder, opened and closed."""
    vault = Vault.headless(folder)
    store = Store.open(folder / "tablet.db", vault)
    try:
        yield Alone(folder, vault, store)
    finally:
        store.close()


def prepare(folder: Path) -> None:
    """A server, a tablet with a visit opened, and a colleague's answers waiting on the server."""
    server = Server(folder)
    tablet = Tablet(folder, server, DEVICE)
    tablet.meet()
    tablet.open_visit()
    tablet.meet()
    other = Tablet(folder, server, "T-2")
    other.meet()
    for number in range(5):
        other.answer(COUNT, number, ANNA)
    other.meet()
    other.close()
    tablet.close()
    server.close()


def tune(tablet: Tablet, *pragmas: str) -> None:
    """Sets what is otherwise fixed."""
    for pragma in (f"wal_autocheckpoint={CHECKPOINT_PAGES}", *pragmas):
        tablet.store._db.execute(f"PRAGMA {pragma}")


# --- what happens -----------------------------------------------------------------------------------


def tell(folder: Path, shown: Say, *, pragmas: tuple[str, ...] = ()) -> None:
    """Plays the visit; says of each tap and photo that it was shown as saved, once it is."""
    with started(folder, "story") as tablet:
        tune(tablet, *pragmas)
        taps(tablet, shown)
        takes_photo(tablet, 1, shown)
        tablet.meet()
        taps(tablet, shown, 8)
        takes_photo(tablet, 2, shown)
        hands_in(tablet, shown)
        tablet.meet()


def taps(tablet: Tablet, shown: Say, count: int = 6) -> None:
    """So many answers, and after each the place where the screen is."""
    for number in range(count):
        one = tablet.answer(COUNT, number) if number % 2 else tablet.answer(YES_NO, number % 4 == 0)
        shown(f"op:{one.id}".encode())
        before = int(tablet.store.setting(PLACE, "0"))
        tablet.store.set_setting(PLACE, str(before + 1))
        shown(f"place:{before + 1}".encode())


def takes_photo(tablet: Tablet, number: int, shown: Say) -> None:
    """A photo is taken in and put on an item."""
    out = BytesIO()
    Image.new("RGB", (64, 48), (60 * number % 256, 90, 60)).save(out, "PNG")
    taken = photos.take(out.getvalue(), photos_folder(tablet.folder), tablet.vault)
    one = tablet.desk.attach_photo(LEADER, VISIT, SCENE, taken)
    shown(f"op:{one.id}".encode())
    shown(f"photo:{taken.sha256}".encode())


def hands_in(tablet: Tablet, shown: Say) -> None:
    """The squad has deliberated, and the leader hands the visit in."""
    for one in (tablet.desk.deliberate(LEADER, VISIT), tablet.desk.submit(LEADER, VISIT)):
        shown(f"op:{one.id}".encode())


# --- what is there afterwards -----------------------------------------------------------------------


def photos_folder(folder: Path) -> Path:
    """Where a tablet's photos lie."""
    return folder / "photos"


def stored(tablet: Tablet | Alone) -> set[bytes]:
    """What is there on an open tablet; asserts that all of it is whole."""
    store, vault = tablet.store, tablet.vault
    rows = store._rows("SELECT id, epoch, seq, hash, own, raw FROM operation ORDER BY epoch, seq")
    links = [(epoch, seq, hash_, read(raw).prev) for _, epoch, seq, hash_, own, raw in rows if own]
    before = ("", 0, "")
    for epoch, seq, hash_, prev in links:
        expected = (before[1] + 1, before[2]) if before[0] == epoch else (1, "")
        assert (seq, prev) == expected, f"{epoch} {seq} does not follow on {before}"
        before = (epoch, seq, hash_)
    found = {f"op:{op}".encode() for op, *_ in rows}
    assert len(found) == len(rows), "an operation is there twice"
    place = int(store.setting(PLACE, "0"))
    found |= {f"place:{number}".encode() for number in range(1, place + 1)}
    for (name,) in store._rows("SELECT sha256 FROM photo WHERE status <> 'missing'"):
        there = photos.fetch(name, photos_folder(tablet.folder), vault)
        assert there is not None, "a photo is noted that is not whole"
        found.add(f"photo:{name}".encode())
    assert (verdict := store._rows("PRAGMA integrity_check")) == [("ok",)], verdict
    return found


def is_sound(tablet: Tablet | Alone) -> None:
    """Every page of the file is what was once written there, by the file's own key."""
    # This looks at the file alone, in which a page that a checkpoint was just writing may lie in pieces.
    tablet.store._rows("PRAGMA wal_checkpoint(TRUNCATE)")
    assert (verdict := tablet.store._rows("PRAGMA cipher_integrity_check")) == [], verdict
