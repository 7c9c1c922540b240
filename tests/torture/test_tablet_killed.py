"""A tablet's program killed at any moment: every tap it had reported as saved is in the file afterwards."""

import multiprocessing
import random
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from mobile import photos
from mobile.actions import Desk
from mobile.player import draw
from mobile.store import Store
from mobile.sync import Sync
from mobile.transport import HttpTransport
from mobile.vault import Vault
from server.app import running
from server.intake.rebuild import rebuild
from server.settings import Settings
from shared_schema.merge import EMPTY, apply, dump
from shared_schema.operations import Count, EvidenceAttached, Operation, read
from tests.contract.talk import ask
from tests.torture.share import at_least
from tests.unit.mobile.world import COUNT, LEADER, SCENE, VISIT, Server, Tablet

KILLS = at_least(60, 600)
KILLS_ON_THE_LINE = at_least(8, 100)
SAVED_LEAST = at_least(200, 2_000)
TAPS_MAX = 100_000  # the program would go on until it is killed


def tapping(folder: Path, saved: Connection, seed: int) -> None:
    """The program: taps, and says which are saved once they are; every tenth is a photo."""
    vault = Vault.headless(folder)
    store = Store.open(folder / "tablet.db", vault)
    chance = random.Random(seed)
    desk = Desk(store, chance.randbytes, lambda: 0)
    for number in range(TAPS_MAX):
        if number % 10 == 9:
            taken = photos.take(draw(f"{seed}/{number}", 64, 48), folder / "photos", vault)
            made = desk.attach_photo(LEADER, VISIT, SCENE, taken)
        else:
            made = desk.answer(LEADER, VISIT, COUNT, Count(number % 7))
        saved.send_bytes(made.id.encode())


def exchanging(folder: Path, url: str, acknowledged: Connection, seed: int) -> None:
    """The program with a line to the server: taps, photographs, exchanges; says what it was told is taken."""
    vault = Vault.headless(folder)
    store = Store.open(folder / "tablet.db", vault)
    chance = random.Random(seed)
    desk = Desk(store, chance.randbytes, lambda: 0)
    line = HttpTransport(url)
    sync = Sync(store, vault, line, folder / "photos", entropy=chance.randbytes, clock=lambda: 0)
    for number in range(TAPS_MAX):
        for _ in range(chance.randrange(4)):
            desk.answer(LEADER, VISIT, COUNT, Count(chance.randrange(7)))
        taken = photos.take(draw(f"{seed}/{number}", 160, 120), folder / "photos", vault)
        desk.attach_photo(LEADER, VISIT, SCENE, taken)
        assert sync.once().outcome == "done"
        with_server = store._rows("SELECT id FROM operation WHERE own AND status = 'accepted'")
        handed_over = store._rows("SELECT sha256 FROM photo WHERE status = 'received'")
        acknowledged.send_bytes(" ".join(one for (one,) in (*with_server, *handed_over)).encode())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tablet with an opened visit."""
    server = Server(tmp_path)
    tablet = Tablet(tmp_path, server, "T-1")
    tablet.meet()
    tablet.open_visit()
    tablet.close()
    server.db.close()
    return tablet.folder


@pytest.mark.e2e
def test_every_saved_tap_survives_the_program_being_killed(folder: Path) -> None:
    """After each of many kills the file opens, the chain is whole, and nothing reported as saved is missing."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.torture.test_tablet_killed"])
    chance = random.Random(11)
    reported: set[str] = set()
    held: list[Operation] = []
    for kill in range(KILLS):
        reported |= set(_killed(context, tapping, (folder,), 1000 + kill, chance.random() * 0.05))
        held = _reopened(folder)
        assert reported <= {one.id for one in held}, f"lost after kill {kill}"
    assert len(reported) >= SAVED_LEAST
    # What was saved and not yet reported when the program was killed is there too, at most one a kill.
    assert len(held) - 1 - len(reported) <= KILLS


@pytest.mark.e2e
def test_a_tablet_killed_on_the_line_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """Killed at random while it exchanges and hands over photos: all that it was told is taken is on the server.

    And what it had not been told of is there after one more exchange, each operation once.
    """
    server = Server(tmp_path)
    tablet = Tablet(tmp_path, server, "T-1")
    tablet.meet()
    tablet.open_visit()
    tablet.close()
    acknowledged: set[str] = set()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.torture.test_tablet_killed"])
    chance = random.Random(12)
    settings = Settings(data=tmp_path, port=0, log_level="error")
    under_way = 0
    with running(settings, server.db) as url:
        for kill in range(KILLS_ON_THE_LINE):
            moment = chance.random() * 0.3
            for told in _killed(context, exchanging, (tablet.folder, url), 2000 + kill, moment):
                acknowledged |= set(told.split())
            under_way += _unsettled(tablet.folder)
            assert acknowledged <= _on_the_server(server), f"acknowledged and lost at kill {kill}"
        tablet.open()
        line, folder, entropy = HttpTransport(url), tablet.folder / "photos", random.Random(13).randbytes
        sync = Sync(tablet.store, tablet.vault, line, folder, entropy=entropy, clock=lambda: 0)
        assert sync.once().outcome == "done"
        line.close()
        held = {one for (one,) in tablet.store._rows("SELECT id FROM operation WHERE own")}
        shot = {one for (one,) in tablet.store._rows("SELECT sha256 FROM photo")}
        assert held | shot == _on_the_server(server)
        assert len(shot) >= KILLS_ON_THE_LINE, "hardly a photo was taken"
        assert under_way >= 1, "no kill met anything on its way"
        assert rebuild(server.db, check=True).differences == ()
        tablet.close()
    server.close()


def _killed(
    context: Any, program: Callable[..., None], given: tuple[object, ...], seed: int, after_seconds: float
) -> list[str]:
    """Starts a program, kills it so long after its first word, and tells all that it has said."""
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=program, args=(*given, theirs, seed))
    process.start()
    theirs.close()
    assert ours.poll(60), "the program does not start"
    time.sleep(after_seconds)
    process.kill()
    process.join()
    assert process.exitcode == -9, "it ended by itself: nothing was tested"
    said: list[str] = []
    try:
        while True:
            said.append(ours.recv_bytes().decode())
    except (EOFError, OSError):  # OSError: killed in the middle of a word, which is then none
        ours.close()
    return said


def _unsettled(folder: Path) -> int:
    """How much the file holds that the server has not answered for."""
    store = Store.open(folder / "tablet.db", Vault.headless(folder))
    found = sum(store.unsent().values()) + len(store.photos_to_carry())
    store.close()
    return found


def _on_the_server(server: Server) -> set[str]:
    """Every operation and photo there, by id and hash; each operation once."""
    ops = ask(server.db, "SELECT id FROM operation WHERE device = 'T-1'")
    assert len(ops) == len(set(ops)), "stored twice"
    return {one for (one,) in (*ops, *ask(server.db, "SELECT sha256 FROM photo"))}


def _reopened(folder: Path) -> list[Operation]:
    """The operations in the file, checked against each other and against the photos on the disk."""
    vault = Vault.headless(folder)
    store = Store.open(folder / "tablet.db", vault)
    held = [read(one.raw) for one in store.outbox(TAPS_MAX, 10**9)]
    before = ""
    for number, one in enumerate(held, 1):
        assert (one.seq, one.prev) == (number, before)
        before = one.hash
        if isinstance(one.body, EvidenceAttached):
            assert photos.fetch(one.body.sha256, folder / "photos", vault) is not None
    assert dump(store.state(VISIT)) == dump(apply(EMPTY, held))
    store.close()
    return held
