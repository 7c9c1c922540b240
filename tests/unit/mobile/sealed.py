"""Tablets with PINs, and plain ones of version 0.1, as tests of the vault start from."""

import os
import sqlite3
from pathlib import Path

from mobile import photos
from mobile.actions import Desk
from mobile.drafts import Draft
from mobile.keyring import Keyring, Names, Strength
from mobile.photo_marks import Cover
from mobile.player import draw
from mobile.secret import DeviceSecret
from mobile.store import Store
from mobile.vault import Vault
from shared_schema.operations import Count, Finding
from tests.e2e import tablet_stage as stage
from tests.e2e import traces

QUICK = Strength(passes=1, memory_kib=8, lanes=1)
CHEN, LIN = Names("p-chen", "陈向东", "Chen Xiangdong"), Names("p-lin", "林晓喆", "Lin Xiaozhe")
PIN, OTHER = "270418", "918273"
NOW_MS = 1_780_000_000_000
SEED = b"the device's Ed25519 seed, 32 B."
CANARIES = {
    "a note": "综合执法队的台账柜没有上锁 CANARY-NOTE",
    "a finding": "一台涉密计算机连过互联网 CANARY-FINDING",
    "a unit": "和平街道办事处",
    "a name": "陈向东",
    "a person's id": "p-chen",
    "an English name": "Chen Xiangdong",
    "an answer's item": '"A03"',
    "a caption": "机房门锁 CANARY-CAPTION",
}
"""What must not be found in any file."""
TRACES = {
    **traces.of_texts(CANARIES),
    **traces.of_keys({"the key": SEED}),
    "SQLite": (b"SQLite format 3",),
}


def secret(folder: Path) -> DeviceSecret:
    """The secret of the device, beside the data and not in it."""
    return DeviceSecret(folder / "secrets", os.urandom)


def keyring(folder: Path) -> Keyring:
    """The keyring of the tablet in a folder."""
    return Keyring(folder / "data" / "keyring.json", secret(folder), os.urandom, QUICK)


def unlocked(folder: Path, pin: str = PIN, person: str = "p-chen") -> Vault:
    """The vault, by PIN."""
    ring = keyring(folder)
    return Vault(folder / "data", ring.unlock(person, pin, NOW_MS), ring.read().store_salt)


def store_path(folder: Path) -> Path:
    return folder / "data" / "tablet.db"


def photos_path(folder: Path) -> Path:
    return folder / "data" / "photos"


def with_pin(folder: Path) -> None:
    """A tablet on which one person has set a PIN, with a visit under way."""
    ring = keyring(folder)
    master = ring.set_up()
    ring.add(CHEN, PIN, master)
    vault = Vault(folder / "data", master, ring.read().store_salt)
    vault.make_key(SEED)
    store = Store.open(store_path(folder), vault)
    work(folder, store, vault)
    store.close()


def work(folder: Path, store: Store, vault: Vault) -> None:
    """A visit with everything that must not be read by others."""
    if store.identity() is None:
        stage.enrol(store, "tab-1")
    desk = Desk(store, os.urandom, lambda: NOW_MS)
    stage.open_visit(desk)
    desk.answer(stage.LEADER, stage.VISIT, "A03", Count(2))
    desk.note(stage.LEADER, stage.VISIT, "A03", CANARIES["a note"])
    desk.record_finding(
        stage.LEADER, stage.VISIT, Finding(finding="", item="A03", fact=CANARIES["a finding"])
    )
    taken = photos.take(draw("canary", 320, 240), photos_path(folder), vault)
    desk.attach_photo(stage.LEADER, stage.VISIT, "F02", taken)
    draft(folder, desk, vault)


def draft(folder: Path, desk: Desk, vault: Vault) -> None:
    """A photo with a stamp that waits for a colleague: one face was covered, and the picture as taken is destroyed."""
    stamp = f"{CANARIES['a unit']}\nF02\n{CANARIES['a name']}"
    first = photos.take(draw("draft", 320, 240), photos_path(folder), vault, stamp)
    covers = [Cover(2000, 2000, 5000, 5000)]
    taken = photos.redraw(first.sha256, photos_path(folder), vault, covers, stamp)
    desk.drafts.keep(
        Draft(
            evidence="ev-canary",
            inspection=stage.VISIT,
            item="F02",
            person=stage.LEADER,
            at_ms=NOW_MS,
            sha256=taken.sha256,
            size_bytes=taken.size_bytes,
            width=taken.width,
            height=taken.height,
            caption=CANARIES["a caption"],
            stamp=stamp,
            covered=True,
        )
    )
    photos.destroy(first.sha256, photos_path(folder))


def plain_tablet(folder: Path) -> None:
    """The same as version 0.1 left it: a plain store, plain photos, a plain key."""
    data = folder / "data"
    vault = Vault.headless(folder / "making")
    store = Store.open(folder / "making" / "tablet.db", vault)
    data.mkdir()
    stage.enrol(store, "tab-1")
    work(folder, store, vault)
    store.close()
    decrypt(folder / "making" / "tablet.db", store_path(folder), vault)
    for path in photos_path(folder).iterdir():
        path.write_bytes(vault.fetch(path))
    (data / "device.key").write_bytes(SEED)


def decrypt(sealed: Path, plain: Path, vault: Vault) -> None:
    """A plain store with the same content."""
    connection = vault.connect(sealed)
    connection.execute(f"ATTACH DATABASE '{plain}' AS plain KEY ''")
    connection.execute("SELECT sqlcipher_export('plain')").fetchall()
    [(version,)] = connection.execute("PRAGMA user_version").fetchall()
    connection.execute(f"PRAGMA plain.user_version = {version}")
    connection.commit()
    connection.close()
    opened = sqlite3.connect(plain)
    opened.execute("PRAGMA journal_mode=WAL")
    opened.close()


def contents(store: Store) -> list[object]:
    """Everything in the file's tables."""
    tables = [
        name for (name,) in store._rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
    ]
    return [(table, store._rows(f"SELECT * FROM {table} ORDER BY 1, 2")) for table in tables]


def found_in(folder: Path) -> dict[str, list[str]]:
    """By file, what of the canaries can be read in it."""
    return traces.found_in(folder, TRACES)
