"""A disk that is really full: what is said then, what goes on, and that all goes on when there is room again.

A small file system of its own where the test may mount one; where it may not, SQLite is held to the pages it has.
"""

import errno
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from shared_schema.problems import Problem
from tests.small_disk import small_disk
from tests.torture import server_story, tablet_story
from tests.torture.conftest import Count
from tests.torture.server_scenes import Running
from tests.torture.server_story import Server
from tests.unit.mobile.world import Tablet

SIZE_BYTES = 4 * 1024 * 1024
BALLAST_STEP_BYTES = 4096
SLACK_BYTES = 128 * 1024
"""What is left free: some more is written before it is full."""
MORE_PAGES = 4
UNLIMITED_PAGES = 1_000_000
TAPS_MAX = 500


class SmallDisk:
    """A folder that can be filled to the brim."""

    def __init__(self, folder: Path, *, mounted: bool) -> None:
        self.folder = folder
        self.mounted = mounted
        self.way = f"a tmpfs of {SIZE_BYTES} bytes" if mounted else "max_page_count, for want of a mount"

    def fill(self, execute: Callable[[str], Any]) -> None:
        """Nearly; `execute` reaches the database that writes here."""
        if not self.mounted:
            ((pages,),) = execute("PRAGMA page_count").fetchall()
            execute(f"PRAGMA max_page_count = {pages + MORE_PAGES}")
            return
        with (self.folder / "ballast").open("wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(BALLAST_STEP_BYTES))
            except OSError as err:
                assert err.errno == errno.ENOSPC  # noqa: PT017 - any other error is not what we wait for
            ballast.truncate(ballast.tell() - SLACK_BYTES)

    def free(self, execute: Callable[[str], Any]) -> None:
        """Somebody made room."""
        if self.mounted:
            (self.folder / "ballast").unlink()
        else:
            execute(f"PRAGMA max_page_count = {UNLIMITED_PAGES}")


@pytest.fixture(params=["a file system", "pages"])
def small(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SmallDisk]:
    """Empty, and not full yet."""
    folder = tmp_path / "small"
    if request.param == "pages":
        folder.mkdir()
        yield SmallDisk(folder, mounted=False)
    else:
        with small_disk(folder, SIZE_BYTES) as mounted:
            yield SmallDisk(folder, mounted=mounted)


def until_full(act: Callable[[], object]) -> int:
    """Does it until the disk is full, which must be said; how often it went well."""
    for done in range(TAPS_MAX):
        try:
            act()
        except Problem as problem:
            said = (problem.code, problem.message("zh").partition("，")[0])
            if said != ("disk_full", "存储空间不足"):
                raise
            return done
    raise AssertionError("it was never full")


def test_a_server_on_a_full_disk_serves_readers_and_goes_on_when_there_is_room(
    small: SmallDisk, count: Count
) -> None:
    server_story.prepare(small.folder)
    told: set[bytes] = set()
    with server_story.started(small.folder) as server:
        program = Running(small.folder, server, server_story.carries)
        first, *others = server_story.batches()
        server_story.hands_in(server, [first], told.add)
        held = Held(server)
        small.fill(held)
        done = until_full(lambda: server_story.hands_in(server, [others.pop(0)], told.add))
        if small.mounted:
            with pytest.raises(Problem, match="disk_full"):
                program.act(told.add)
        program.look(frozenset(told))
        small.free(held)
        server_story.hands_in(server, list(server_story.batches()), told.add)
        server_story.sends_photo(server, 1, told.add)
        program.act(told.add)
        program.look(frozenset(told))
    count(f"{small.way}: full after {done} more requests")


class Held:
    """Runs a pragma on the server's writing connection, and on each that it opens afterwards: no disk grows by that."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._last = "PRAGMA page_count"
        event.listen(server.db._write_engine, "connect", lambda driver, _: driver.execute(self._last))

    def __call__(self, sql: str) -> Any:
        self._last = sql
        return self._server.db.write(lambda conn: conn.exec_driver_sql(sql))


def test_a_tablet_on_a_full_disk_shows_what_it_has_and_goes_on_when_there_is_room(
    small: SmallDisk, tmp_path: Path, count: Count
) -> None:
    played = tmp_path / "played"
    played.mkdir()
    tablet_story.prepare(played)
    shutil.move(played / tablet_story.DEVICE, small.folder / tablet_story.DEVICE)
    (played / tablet_story.DEVICE).symlink_to(small.folder / tablet_story.DEVICE)
    shown: set[bytes] = set()
    with tablet_story.started(played, "full") as tablet:
        tablet_story.taps(tablet, shown.add, 2)
        small.fill(tablet.store._db.execute)
        done = until_full(lambda: tablet_story.taps(tablet, shown.add, 2))
        if small.mounted:
            _photo_is_refused(tablet, shown)
        assert shown <= tablet_story.stored(tablet)
        small.free(tablet.store._db.execute)
        tablet_story.taps(tablet, shown.add, 2)
        tablet_story.takes_photo(tablet, 1, shown.add)
        assert tablet.sync.once().outcome == "done"
        assert shown <= tablet_story.stored(tablet)
        assert list(tablet.folder.rglob("*.part")) == []
    count(f"{small.way}: full after {done} more pairs of taps")


def _photo_is_refused(tablet: Tablet, shown: set[bytes]) -> None:
    before = set(shown)
    # A small photo may still fit where a page of the database does not.
    until_full(lambda: tablet_story.takes_photo(tablet, len(shown), shown.add))
    assert before <= shown
