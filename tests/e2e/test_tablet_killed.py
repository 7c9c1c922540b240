"""A tablet's program killed at any moment: every tap it had reported as saved is in the file afterwards."""

import multiprocessing
import random
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from mobile import photos
from mobile.actions import Desk
from mobile.player import draw
from mobile.store import Store
from mobile.vault import Vault
from shared_schema.merge import EMPTY, apply, dump
from shared_schema.operations import Count, EvidenceAttached, Operation, read
from tests.unit.mobile.world import COUNT, LEADER, SCENE, VISIT, Server, Tablet

KILLS = 60
SAVED_LEAST = 200
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
    context.set_forkserver_preload(["tests.e2e.test_tablet_killed"])
    chance = random.Random(11)
    reported: set[str] = set()
    held: list[Operation] = []
    for kill in range(KILLS):
        ours, theirs = context.Pipe(duplex=False)
        program = context.Process(target=tapping, args=(folder, theirs, 1000 + kill))
        program.start()
        theirs.close()
        assert ours.poll(20), "the program does not start"
        time.sleep(chance.random() * 0.05)
        program.kill()
        program.join()
        assert program.exitcode == -9, "it ended by itself: nothing was tested"
        try:
            while True:
                reported.add(ours.recv_bytes().decode())
        except EOFError:
            ours.close()
        held = _reopened(folder)
        assert reported <= {one.id for one in held}, f"lost after kill {kill}"
    assert len(reported) >= SAVED_LEAST
    # What was saved and not yet reported when the program was killed is there too, at most one a kill.
    assert len(held) - 1 - len(reported) <= KILLS


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
