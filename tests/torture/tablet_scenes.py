"""The scenes of a tablet that are killed and refused at every call: taps, a photo, the handing in, an exchange …"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.torture import tablet_story as story
from tests.torture.points import Program, Scene
from tests.torture.syscalls import Say
from tests.unit.mobile.world import VISIT, Server, Tablet

AGREED = b"agreed"


class Running(NamedTuple):
    """A tablet, and what its squad is about to do."""

    tablet: Tablet
    does: Callable[[Tablet, Say], object]

    def act(self, said: Say) -> None:
        """What the scene is about."""
        self.does(self.tablet, said)

    def look(self, said: frozenset[bytes]) -> None:
        """All that was shown, once; and after an exchange both sides hold the same."""
        found = story.stored(self.tablet)
        assert said - {AGREED} <= found, f"lost: {said - found}"
        if AGREED in said:
            _agree(self.tablet, found)


@contextmanager
def _start(folder: Path, seed: str, does: Callable[[Tablet, Say], object], pages: int) -> Iterator[Program]:
    with story.started(folder, seed) as tablet:
        story.tune(tablet, f"wal_autocheckpoint={pages}")
        yield Running(tablet, does)


def _agree(tablet: Tablet, found: set[bytes]) -> None:
    """Tablet and server hold the same operations, and the server every photo."""
    sql = "SELECT id FROM operation"
    rows = tablet.line.server.db.read(lambda conn: conn.exec_driver_sql(sql).fetchall())
    assert {one for one in found if one.startswith(b"op:")} == {f"op:{op}".encode() for (op,) in rows}
    assert tablet.store.unsent() == {}
    assert tablet.store.photos_to_send() == []
    assert {one for one in found if one.startswith(b"photo:")} == {
        f"photo:{name}".encode() for name in tablet.line.server.photos
    }


def _exchanges(tablet: Tablet, said: Say) -> None:
    """Until nothing is left to say."""
    report = tablet.sync.once()
    assert report.outcome == "done", report
    said(AGREED)


def _hands_in(tablet: Tablet, said: Say) -> None:
    """As far as it has not been done."""
    if tablet.desk.visit(VISIT).inspection.stage != "submitted":
        story.hands_in(tablet, said)


def _with_work(folder: Path) -> None:
    """With answers and a photo that the server has not got."""
    story.prepare(folder)
    with story.started(folder, "work") as tablet:
        story.taps(tablet, lambda _: None)
        story.takes_photo(tablet, 1, lambda _: None)


def _server_restored(folder: Path) -> None:
    """All of it was handed over, and the server has come back from before that."""
    _with_work(folder)
    kept = (folder / "server.db").read_bytes()
    with story.started(folder, "before") as tablet:
        _exchanges(tablet, lambda _: None)
    (folder / "server.db").write_bytes(kept)
    for photo in (folder / "server-photos").rglob("*"):
        if photo.is_file():
            photo.unlink()


def _nothing(folder: Path) -> None:
    """A server alone; the tablet comes out of its box."""
    server = Server(folder)
    server.code(story.DEVICE)
    server.close()
    (folder / story.DEVICE).mkdir()


def _enrols(tablet: Tablet, said: Say) -> None:
    tablet.sync.enrol("code-0001")
    _exchanges(tablet, said)


def _scene(
    does: Callable[[Tablet, Say], object],
    mins: tuple[int, int, int],
    prepare: Callable[[Path], None] = story.prepare,
    pages: int = 1000,
) -> Scene:
    return Scene(prepare, partial(_start, does=does, pages=pages), *mins, story.DEVICE)


SCENES: Mapping[str, Scene] = {
    "answers": _scene(story.taps, (95, 85, 70)),
    "answers and checkpoints": _scene(partial(story.taps, count=8), (165, 185, 130), pages=10),
    "photo": _scene(lambda tablet, said: story.takes_photo(tablet, 1, said), (42, 30, 22)),
    "handing in": _scene(_hands_in, (35, 25, 21)),
    "exchange": _scene(_exchanges, (45, 29, 25), _with_work),
    "exchange with a restored server": _scene(_exchanges, (40, 30, 25), _server_restored),
    "first start": _scene(_enrols, (145, 50, 44), _nothing),
}
