"""What the program puts together for the sync center: two open tablets with their workers, over real sockets."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mobile import meeting_tools, photos, sync_views
from mobile.addresses import Address
from mobile.door import Opened
from mobile.meeting_tools import MeetingTools
from mobile.player import draw
from mobile.relay import Answered, MeetingReport
from mobile.settings import Settings
from mobile.worker import Worker
from tests.unit.mobile.world import ANNA, COUNT, LEADER, SCENE, VISIT, YES_NO, Server, Tablet, quiet

WAIT_SECONDS = 30


class Program:
    """A tablet's worker and tools."""

    def __init__(self, tablet: Tablet) -> None:
        self.tablet = tablet
        self.worker = Worker(lambda job: job())
        self.tools: MeetingTools = meeting_tools.make(
            Opened(tablet.vault, tablet.store),
            self.worker,
            Settings(tablet.folder),
            entropy=os.urandom,
            clock=lambda: 5,
            app="test",
            port=0,
        )

    def meet(self, port: int, device: str = "") -> MeetingReport:
        done: list[MeetingReport] = []
        address = Address(f"http://127.0.0.1:{port}", device)
        self.worker.run(lambda: self.tools.meet(address), done.append)
        while not done:
            self.worker.ask(lambda: None).result(WAIT_SECONDS)
        return done[0]


@pytest.fixture
def programs(server: Server, one: Tablet, two: Tablet) -> Iterator[tuple[Program, Program]]:
    one.open_visit()
    quiet(one, two, one)
    made = Program(one), Program(two)
    yield made
    for program in made:
        program.worker.stop()


def test_two_programs_meet(programs: tuple[Program, Program]) -> None:
    """One serves, the other asks; the one that serves is told who came, and with how much."""
    asking, serving = programs
    asking.tablet.answer(COUNT, 2)
    serving.tablet.answer(YES_NO, False, ANNA)
    came: list[Answered] = []
    server = serving.tools.serve(lambda: True, came.append)
    try:
        report = asking.meet(server.port, "T-2")
        assert (report.outcome, report.device, report.news, report.given) == ("done", "T-2", 1, 1)
        assert [(one.device, one.greeting) for one in came][:2] == [("T-1", True), ("T-1", False)]
        assert sum(one.news for one in came) == 1
        [met] = asking.tablet.store.meetings()
        assert met.address == f"http://127.0.0.1:{server.port}#T-2"
        assert asking.meet(server.port, "T-3").problem == "peer_unknown"
    finally:
        server.stop()
    assert asking.meet(server.port).outcome == "offline"


def test_a_tablet_that_serves_no_longer_answers_nobody(programs: tuple[Program, Program]) -> None:
    """Whoever waits when it is locked is told so; the closed store is not touched."""
    asking, serving = programs
    server = serving.tools.serve(lambda: False, lambda _: None)
    try:
        report = asking.meet(server.port)
        assert (report.outcome, report.problem) == ("failed", "tablet_locked")
        assert serving.tablet.store.meetings() == ()
    finally:
        server.stop()


def test_the_room_on_the_disk_and_a_photo_on_its_way_are_measured(programs: tuple[Program, Program]) -> None:
    """In bytes; how far the photo is that was cut in the middle, in percent."""
    program, _ = programs
    tablet = program.tablet
    storage = program.tools.storage()
    assert storage.free > 0
    assert storage.used >= tablet.path.stat().st_size
    taken = photos.take(draw("photo", 640, 480), tablet.folder / "photos", tablet.vault)
    assert program.tools.photo_bytes(taken.sha256) == taken.size_bytes
    assert program.tools.photo_bytes("0" * 64) == 0
    tablet.desk.attach_photo(LEADER, VISIT, SCENE, taken)
    assert tablet.store.figures().moving is None
    tablet.store.photo_moved(taken.sha256, "upload", taken.size_bytes // 2)
    moving = tablet.store.figures().moving
    assert moving == (taken.sha256, taken.size_bytes // 2)
    assert sync_views.percent(moving[1], taken.size_bytes) in (49, 50)
    tablet.store.photo_became(taken.sha256, "received")
    assert tablet.store.figures().moving is None


@pytest.mark.parametrize(("part", "whole", "shown"), [(0, 10, 0), (5, 10, 50), (10, 10, 99), (3, 0, 0)])
def test_a_photo_is_not_all_there_until_it_is_received(part: int, whole: int, shown: int) -> None:
    assert sync_views.percent(part, whole) == shown


def test_packages_are_written_with_the_same_tools(programs: tuple[Program, Program], tmp_path: Path) -> None:
    """The store, keys and photos are this tablet's."""
    from mobile import package

    program, _ = programs
    program.tablet.answer(COUNT, 2)
    assert program.tools.packages is not None
    written = package.write(program.tools.packages, tmp_path)
    assert written.operations == 1
    assert written.files[0].exists()
