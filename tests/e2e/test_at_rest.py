"""Nothing that was recorded can be read in any file of a tablet, whatever moment its program is killed at."""

import multiprocessing
import os
import signal
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from mobile import photos
from mobile.player import draw
from mobile.store import Store
from mobile.vault import is_sealed
from tests.unit.mobile import sealed

pytestmark = pytest.mark.e2e


def _visit(folder: Path, told: Connection) -> None:
    """A visit by PIN, then the end by SIGKILL with the store open and its log full."""
    sealed.keyring(folder).add(sealed.CHEN, sealed.PIN, sealed.keyring(folder).set_up())
    vault = sealed.unlocked(folder)
    vault.make_key(sealed.SEED)
    vault.make_sealing_key(sealed.SEED)
    store = Store.open(sealed.store_path(folder), vault)
    sealed.work(folder, store, vault)
    told.send(store.head().seq)
    os.kill(os.getpid(), signal.SIGKILL)


def _scratch(folder: Path, told: Connection) -> None:
    """The same, with temporary files of its own folder, and killed in the middle of writing a picture down."""
    sealed.keyring(folder).add(sealed.CHEN, sealed.PIN, sealed.keyring(folder).set_up())
    vault = sealed.unlocked(folder)
    (folder / "data" / "tmp").mkdir()
    os.environ["TMPDIR"] = os.environ["SQLITE_TMPDIR"] = str(folder / "data" / "tmp")
    tempfile.tempdir = None
    real = os.replace

    def last(source: Path, target: Path) -> None:
        told.send(5)
        os.kill(os.getpid(), signal.SIGKILL)
        real(source, target)

    Path.replace = last  # type: ignore[assignment, method-assign]
    photos.take(draw("canary", 2000, 1500), sealed.photos_path(folder), vault, sealed.CANARIES["a name"])


def _plain_visit(folder: Path, told: Connection) -> None:
    """The same with everything plain: the control that must be found."""
    sealed.plain_tablet(folder)
    told.send(5)
    os.kill(os.getpid(), signal.SIGKILL)


def _killed(folder: Path, visit: Callable[[Path, Connection], None]) -> dict[str, list[str]]:
    """What can be read in the files it leaves."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    program = context.Process(target=visit, args=(folder, theirs))
    program.start()
    assert ours.poll(60)
    assert ours.recv() == 5
    program.join()
    assert program.exitcode == -signal.SIGKILL
    return sealed.found_in(folder / "data")


def test_nothing_that_was_recorded_can_be_read_in_any_file(tmp_path: Path) -> None:
    """Store, log, shared memory, photos, drafts, thumbnails, keys, half-written files: no canary in any of them."""
    assert _killed(tmp_path, _visit) == {}
    names = {path.name for path in (tmp_path / "data").rglob("*") if path.is_file()}
    assert {"tablet.db", "tablet.db-wal", "device.key", "sealing.key", "keyring.json"} < names
    # One attached, one that waits for a colleague, each with its thumbnail; the picture as taken is gone.
    assert sum(name.endswith(".jpg") for name in names) == 4
    store = Store.open(sealed.store_path(tmp_path), sealed.unlocked(tmp_path))
    assert store.head().seq == 5
    store.close()


def test_a_picture_that_was_half_written_cannot_be_read_either(tmp_path: Path) -> None:
    """Killed after its bytes, before its name: what lies there is encrypted, and nothing lies among temporary files."""
    assert _killed(tmp_path, _scratch) == {}
    (half,) = (tmp_path / "data" / "photos").iterdir()
    assert (half.suffix, is_sealed(half)) == (".part", True)
    assert list((tmp_path / "data" / "tmp").iterdir()) == []


def test_the_search_finds_all_of_it_where_it_lies_plain(tmp_path: Path) -> None:
    """Every canary and every mark: a search that finds nothing must be one that can find."""
    hits = {what for found in _killed(tmp_path, _plain_visit).values() for what in found}
    assert hits == {*sealed.CANARIES, *sealed.MARKS}
