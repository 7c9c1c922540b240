"""Clearing a tablet: only what the server's signed word says a backup holds, and nothing is forgotten by it."""

import secrets
import shutil
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path

import pytest
from msgspec.structs import replace
from PIL import Image

from mobile import handover, photos, purge
from mobile.clearing import Holding
from mobile.photos import Taken
from mobile.purge import Plan
from mobile.views import work_rows
from server.intake import backups, desk
from server.intake.restore import restore
from server.storage.backup_files import BackupFiles
from server.storage.database import Database
from server.storage.photo_files import PhotoFiles
from shared_schema import wire
from shared_schema.ids import InspectionId
from shared_schema.inspection import Stage
from shared_schema.operations import Accepted, Body, Locked, Returned, read
from shared_schema.problems import Problem
from shared_schema.spans import spans
from shared_schema.wire import OpStatus
from tests.unit.mobile.test_relay import meets
from tests.unit.mobile.world import ANNA, COUNT, LEADER, NOW_MS, SCENE, VISIT, YES_NO, Server, Tablet, quiet

OTHER_VISIT = InspectionId("I-2")
LATER_MS = NOW_MS + 90 * 86_400_000
"""Long after the planned day of every visit."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path)
    yield one
    one.close()


@pytest.fixture
def tablets(tmp_path: Path, server: Server) -> Iterator[tuple[Tablet, Tablet]]:
    both = (Tablet(tmp_path, server, "T-1"), Tablet(tmp_path, server, "T-2"))
    yield both
    for one in both:
        one.close()


class Keeping:
    """The server's backups."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.files = BackupFiles(server.path.parent / "backups")
        self._now_ms = NOW_MS

    def __call__(self) -> None:
        backups.back_up(self.server.db, self.server.files.store, self.files, clock=self._clock)

    def _clock(self) -> int:
        self._now_ms += 1
        return self._now_ms

    def restore(self) -> None:
        """The machine is lost; the server is made again from the newest backup."""
        server = self.server
        server.close()
        for one in server.path.parent.glob("server.db*"):
            one.unlink()
        for one in server.path.parent.glob("server-photos/??/*"):
            one.unlink()
        restore(
            self.files,
            lambda: Database.open(f"sqlite:///{server.path}"),
            PhotoFiles(server.path.parent / "server-photos"),
            now_ms=NOW_MS,
            entropy=secrets.token_bytes,
        )
        server._open()


@pytest.fixture
def keep(server: Server) -> Keeping:
    return Keeping(server)


def a_picture(tablet: Tablet, shade: int = 1) -> Taken:
    """The same each time."""
    out = BytesIO()
    Image.new("RGB", (40, 30), (shade, 90, 200)).save(out, "PNG")
    return photos.take(out.getvalue(), tablet.folder / "photos", tablet.vault)


def a_visit(one: Tablet, other: Tablet) -> str:
    """Both record something, with a photo, and hand it over; the photo's hash."""
    one.meet()
    one.open_visit()
    taken = a_picture(one)
    one.desk.attach_photo(LEADER, VISIT, SCENE, taken)
    one.meet()
    other.meet()
    other.answer(YES_NO, True)
    quiet(one, other)
    return taken.sha256


def open_another(tablet: Tablet) -> None:
    tablet.desk.open_visit(
        LEADER, OTHER_VISIT, members=[LEADER, ANNA], task_letter_shown=True, recusal_asked=True
    )


def cleared(tablet: Tablet, now_ms: int = LATER_MS) -> purge.Purged:
    return purge.clear(tablet.store, purge.plan(tablet.store, now_ms), tablet.folder / "photos")


def why(tablet: Tablet, now_ms: int = LATER_MS) -> str:
    return {one.inspection: one.why for one in purge.plan(tablet.store, now_ms).parts}[VISIT]


def test_only_what_a_backup_holds_goes(tablets: tuple[Tablet, Tablet], keep: Keeping) -> None:
    one, other = tablets
    a_visit(one, other)
    assert why(one, NOW_MS) == "under_way"
    assert why(one) == "no_backup", "a receipt alone is not enough"
    assert cleared(one) == (0, 0, 0)
    keep()
    assert why(one) == "no_backup", "the tablet has not heard of it yet"
    one.meet()
    assert why(one) == ""
    one.answer(YES_NO, False)
    assert why(one) == "pending"
    assert cleared(one).visits == 0
    quiet(one, other)
    assert why(one) == "no_backup", "what came later is not in it"
    keep()
    one.meet()
    assert why(one) == ""


def test_what_goes_is_gone_and_known_again(tablets: tuple[Tablet, Tablet], keep: Keeping) -> None:
    one, other = tablets
    sha256 = a_visit(one, other)
    keep()
    one.meet()
    fold, heads = one.fold(), one.store.heads(64)
    held = one.store._rows("SELECT count(*) FROM operation")[0][0]
    raws = [bytes(raw) for (raw,) in one.store._rows("SELECT raw FROM operation WHERE length(raw) > 0")]
    done = cleared(one)
    assert (done.visits, done.photos) == (1, 1)
    assert done.operations == len(raws) == held
    assert not photos.photo_path(one.folder / "photos", sha256).exists()
    assert not photos.thumbnail_path(one.folder / "photos", sha256).exists()
    assert one.store._rows("SELECT count(*) FROM operation WHERE length(raw) > 0") == [(0,)]
    assert one.store.heads(64) == heads, "the chain goes on where it was"
    assert one.store.purged() == {VISIT}
    assert [visit.assignment.inspection for visit in one.desk.visits() if visit.purged] == [VISIT]
    (row,) = [row for row in work_rows(one.desk.visits()) if row.purged]
    assert (row.inspection, row.stage_text, row.unsent) == (VISIT, "已清理", 0)
    for blind in (lambda: one.desk.visit(VISIT), lambda: one.answer(YES_NO, True)):
        with pytest.raises(Problem) as refused:
            blind()
        assert refused.value.code == "visit_purged"
    assert one.meet().news == 0, "it is not told again what it had"
    one.reopen()
    one.store.fetch_again(VISIT)
    one.meet()
    assert one.store.purged() == frozenset()
    assert one.fold() == fold
    assert sorted(bytes(raw) for (raw,) in one.store._rows("SELECT raw FROM operation")) == sorted(raws)


def test_news_of_a_cleared_visit_brings_it_back(tablets: tuple[Tablet, Tablet], keep: Keeping) -> None:
    one, other = tablets
    a_visit(one, other)
    keep()
    one.meet()
    cleared(one)
    other.answer(YES_NO, False)
    quiet(other)
    one.meet()
    one.meet()
    assert one.store.purged() == frozenset()
    assert one.fold() == other.fold()


def test_a_server_restored_from_the_backup_has_what_was_cleared(
    tablets: tuple[Tablet, Tablet], keep: Keeping, server: Server
) -> None:
    one, other = tablets
    sha256 = a_visit(one, other)
    keep()
    quiet(one, other)
    log = server.log()
    assert cleared(one).visits == cleared(other).visits == 1
    keep.restore()
    assert server.log() == log
    assert server.photos == [sha256]
    quiet(one, other)
    assert server.log() == log
    assert not one.store.sync_state().problem


def test_after_a_restore_everything_later_comes_back_also_the_consoles(
    tablets: tuple[Tablet, Tablet], keep: Keeping, server: Server
) -> None:
    one, other = tablets
    a_visit(one, other)
    keep()
    one.desk.deliberate(LEADER, VISIT)
    one.desk.submit(LEADER, VISIT)
    quiet(one, other)
    says(server, Returned((("", "请补签字"),)))
    quiet(one, other)
    log = server.log()
    keep.restore()
    assert len(server.log()) < len(log)
    quiet(one, other)
    assert set(server.log()) == set(log)
    one.desk.deliberate(LEADER, VISIT)
    one.desk.submit(LEADER, VISIT)
    quiet(one, other)
    says(server, Accepted())
    quiet(one, other)
    assert len(server.log()) == len(log) + 3
    assert one.fold() == other.fold()


def says(server: Server, body: Body, now_ms: int = NOW_MS) -> None:
    """What the coordinator does at the console."""
    server.db.write(lambda conn: desk.record(conn, VISIT, "coord", "coordinator", body, now_ms=now_ms))


def test_a_locked_visit_goes_before_its_time(
    tablets: tuple[Tablet, Tablet], keep: Keeping, server: Server
) -> None:
    one, other = tablets
    a_visit(one, other)
    one.desk.deliberate(LEADER, VISIT)
    one.desk.submit(LEADER, VISIT)
    quiet(one, other)
    says(server, Accepted())
    says(server, Locked())
    quiet(one, other)
    keep()
    one.meet()
    assert why(one, NOW_MS) == ""
    assert cleared(one, NOW_MS).visits == 1


HOLDING = Holding("I-1", 5, 500, 0, in_backup=True, photos=("a", "b"), photos_in_backup=("a", "b"))


def judged(*holdings: Holding, stages: dict[str, Stage] | None = None) -> Plan:
    given: dict[str, Stage] = stages or {}
    return purge.judge(holdings, lambda one: given.get(one, "locked"), lambda _: "", NOW_MS)


def test_photos_go_first_where_the_rest_must_stay() -> None:
    plan = judged(HOLDING._replace(in_backup=False))
    assert (plan.visits, plan.photos) == ((), ("a", "b"))
    plan = judged(HOLDING._replace(photos_in_backup=("a",)))
    assert (plan.visits, plan.photos, plan.staying("no_backup")) == ((), ("a",), 1)
    plan = judged(HOLDING, stages={"I-1": "opened"})
    assert (plan.visits, plan.photos) == ((), ())


def test_a_picture_that_stands_elsewhere_stays_while_that_visit_is_under_way() -> None:
    other = HOLDING._replace(inspection="I-2", photos=("b",), photos_in_backup=("b",))
    assert judged(HOLDING, other, stages={"I-2": "opened"}).photos == ("a",)
    assert judged(HOLDING, other).photos == ("a", "b")


def test_a_picture_taken_in_again_after_it_was_cleared_is_there_again(
    tablets: tuple[Tablet, Tablet], keep: Keeping
) -> None:
    """The same file of a card on another visit: that one is under way, and looks at it."""
    one, other = tablets
    sha256 = a_visit(one, other)
    keep()
    one.meet()
    assert cleared(one).photos == 1
    open_another(one)
    one.desk.attach_photo(LEADER, OTHER_VISIT, SCENE, a_picture(one))
    assert cleared(one, NOW_MS).photos == 0
    assert photos.photo_path(one.folder / "photos", sha256).exists()
    one.meet()
    assert one.store.photos_held(OTHER_VISIT)[sha256].status == "received"


def test_what_a_backup_held_of_a_cleared_picture_says_nothing_of_it_taken_in_again(
    tablets: tuple[Tablet, Tablet], keep: Keeping, server: Server
) -> None:
    """The server may have been restored from before it since: it is asked anew, and the file stays until it says so."""
    one, other = tablets
    keep()
    early = shutil.copytree(keep.files.root, keep.files.root.with_name("early"))
    sha256 = a_visit(one, other)
    keep()
    one.meet()
    assert cleared(one).photos == 1
    keep.files = BackupFiles(early)
    keep.restore()
    open_another(one)
    one.desk.attach_photo(LEADER, OTHER_VISIT, SCENE, a_picture(one))
    quiet(one)
    assert server.photos == [sha256]
    held = one.store.photos_held(OTHER_VISIT)[sha256]
    assert (held.status, held.receipt) == ("received", 1)
    assert cleared(one).photos == 0
    keep()
    one.meet()
    assert cleared(one).photos == 1


def test_killed_between_rows_and_files_the_next_run_goes_on(
    tablets: tuple[Tablet, Tablet], keep: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = tablets
    sha256 = a_visit(one, other)
    keep()
    one.meet()
    with monkeypatch.context() as patch:
        patch.setattr(purge, "destroy", lambda path: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            cleared(one)
    one.reopen()
    assert photos.photo_path(one.folder / "photos", sha256).exists()
    assert cleared(one).photos == 1
    assert not photos.photo_path(one.folder / "photos", sha256).exists()


def test_what_came_after_the_backup_is_not_said_to_be_in_it(
    tablets: tuple[Tablet, Tablet], keep: Keeping
) -> None:
    """What was cleared, and what was refused, lies in the backup and is none of the records counted here."""
    one, other = tablets
    a_visit(one, other)
    keep()
    one.meet()
    assert cleared(one).visits == 1
    open_another(one)
    one.meet()
    figures = one.store.figures()
    assert figures.own == {"purged": 2, "accepted": 1}
    assert (figures.receipted, figures.backed_up) == (1, 0)


def test_a_tablet_that_cleared_much_still_gets_what_is_new(
    tablets: tuple[Tablet, Tablet], keep: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it let go of is not handed to it again, page after page, in place of a colleague's news."""
    one, other = tablets
    a_visit(one, other)
    for count in range(4):
        one.answer(COUNT, count)
    quiet(one, other)
    keep()
    one.meet()
    told = spans(one.store.links())
    assert cleared(one).visits == 1
    assert spans(one.store.links(cleared=True)) == told, "no more lines than before"
    open_another(one)
    quiet(one, other)
    note = other.desk.note(ANNA, OTHER_VISIT, YES_NO, "new")
    monkeypatch.setattr(handover, "REPLY_OPS_MAX", 3)
    assert meets(one, other).news == 1
    assert one.store.kept([note.id])


def test_what_no_receipt_covers_stays(tablets: tuple[Tablet, Tablet], keep: Keeping) -> None:
    """A server answers a tap as taken that it has not kept, beside a receipt for an earlier one."""
    one, other = tablets
    a_visit(one, other)
    handle, before = one.line.handle, list[tuple[bytes, Mapping[str, str]]]()

    def between(body: bytes, headers: Mapping[str, str]) -> bytes:
        ops = wire.read_request(body).ops
        if not ops:
            before[:] = [(body, headers)]
            return handle(body, headers)
        taken = tuple(OpStatus("accepted", read(bytes(raw)).id) for raw in ops)
        said = wire.encode(replace(wire.read_reply(handle(*before[0])), statuses=taken))
        return one.line.signed(body, said)

    one.line.handle = between  # type: ignore[method-assign]
    one.meet()
    one.answer(YES_NO, False)
    one.meet()
    assert one.store.sync_state().unsent == 0
    keep()
    one.meet()
    assert why(one) == "no_backup"
    assert cleared(one).operations == 0
    assert one.store.purge([VISIT], []) == 0
