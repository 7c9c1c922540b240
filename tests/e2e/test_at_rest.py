"""Nothing that was recorded can be read in any file of a tablet, whatever moment its program is killed at."""

import base64
import multiprocessing
import os
import random
import signal
import tempfile
from collections.abc import Callable
from io import BytesIO
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from PIL import Image

from mobile import photos
from mobile.player import draw
from mobile.store import Store
from mobile.vault import is_sealed
from tests.e2e import traces
from tests.unit.mobile import sealed

pytestmark = pytest.mark.e2e
SECRET = random.Random(1).randbytes(32)
PICTURE = random.Random(2).randbytes(1000)


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
    assert hits == {*sealed.TRACES, "a JPEG", "what a camera wrote"}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_search_finds_any_picture_wherever_it_was_dropped(tmp_path: Path, kind: str) -> None:
    """In the middle of a log, in a file of another name, alone: PNG, WebP, and JPEG whatever it begins with."""
    out = BytesIO()
    Image.effect_noise((64, 48), 60).save(out, kind)
    plain = out.getvalue()
    assert (plain[2:4] == b"\xff\xe0") == (kind == "JPEG")
    begun = {kind: plain}
    if kind == "JPEG":
        # Without its JFIF segment, which each of the sixteen kinds of segment takes the place of.
        rest = plain[2 + 2 + int.from_bytes(plain[4:6]) :]
        begun = {f"APP{n}": b"\xff\xd8\xff" + bytes([0xE0 + n]) + b"\0\x06made" + rest for n in range(16)}
        begun["none"] = b"\xff\xd8" + rest
    chance = random.Random(kind)
    for name, content in begun.items():
        (tmp_path / name).write_bytes(chance.randbytes(1000) + content + chance.randbytes(1000))
    (tmp_path / "noise").write_bytes(chance.randbytes(100_000))
    what = f"a {kind}".replace("WEBP", "WebP")
    assert traces.found_in(tmp_path, {}) == {name: [what] for name in begun}


def test_the_search_finds_texts_and_keys_in_every_form(tmp_path: Path) -> None:
    """As a log, JSON or a program's memory would have them; raw, hex, base64; and a stretch of a picture."""
    planted = {
        "plain": "综合科".encode(), "memory": "综合科".encode("utf-16-le"), "json": b'{"a": "\\u7efc\\u5408\\u79d1"}',
        "raw": SECRET, "hex": SECRET.hex().encode(), "base64": base64.b64encode(SECRET), "cut": PICTURE[300:700],
    }  # fmt: skip
    (tmp_path / "deep" / "er").mkdir(parents=True)
    for name, content in planted.items():
        (tmp_path / "deep" / "er" / name).write_bytes(b"1970 INFO " + content + b"\n")
    sought = {
        **traces.of_texts({"a text": "综合科"}),
        **traces.of_keys({"a key": SECRET}),
        **traces.of_pictures({"a picture": PICTURE}),
    }
    found = traces.found_in(tmp_path, sought)
    assert {name.rpartition("/")[2]: what for name, (what,) in found.items()} == {
        **dict.fromkeys(("plain", "memory", "json"), "a text"),
        **dict.fromkeys(("raw", "hex", "base64"), "a key"),
        "cut": "a picture",
    }
