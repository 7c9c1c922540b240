"""Clearing what was judged a while ago: it goes as far as it is still covered, and no further."""

import shutil

from mobile import photos, purge
from mobile.settling import Reading, Settlement
from server.storage.backup_files import BackupFiles
from shared_schema.merge import EMPTY
from tests.unit.mobile.test_purge import (
    LATER_MS,
    Keeping,
    a_picture,
    a_visit,
    cleared,
    keep,
    server,
    tablets,
    why,
)
from tests.unit.mobile.world import ANNA, COUNT, SCENE, VISIT, YES_NO, Tablet, quiet

__all__ = ["keep", "server", "tablets"]


def test_a_photo_that_no_backup_holds_by_then_stays(tablets: tuple[Tablet, Tablet], keep: Keeping) -> None:
    """Somebody looks at what may go; meanwhile the server says, restored, that it has the photo and no backup has."""
    one, other = tablets
    sha256 = a_visit(one, other)
    keep()
    one.meet()
    wanted = purge.plan(one.store, LATER_MS)
    assert wanted.photos == (sha256,)
    one.store.settle(Settlement(journal=one.store.journal(), photos_held=[sha256]))
    assert purge.clear(one.store, wanted, one.folder / "photos").photos == 0
    assert photos.photo_path(one.folder / "photos", sha256).exists()


def test_a_visit_that_somebody_went_on_with_by_then_stays(
    tablets: tuple[Tablet, Tablet], keep: Keeping
) -> None:
    one, other = tablets
    a_visit(one, other)
    keep()
    one.meet()
    wanted = purge.plan(one.store, LATER_MS)
    one.answer(YES_NO, False)
    shown = one.fold()
    assert purge.clear(one.store, wanted, one.folder / "photos").visits == 0
    one.reopen()
    assert one.fold() == shown


def test_a_cleared_visit_is_no_longer_shown(tablets: tuple[Tablet, Tablet], keep: Keeping) -> None:
    one, other = tablets
    a_visit(one, other)
    keep()
    one.meet()
    one.fold()
    assert cleared(one).visits == 1
    assert one.store.state(VISIT) == EMPTY


def test_a_visit_on_both_sides_of_a_fork_goes_when_the_backup_has_all_of_it(
    tablets: tuple[Tablet, Tablet], keep: Keeping
) -> None:
    """Of the chain that forked a backup may hold the other branch: the log up to the cursor says what it has."""
    one, other = tablets
    one.meet()
    one.open_visit()
    early = one.backup()
    one.answer(COUNT, 1)
    quiet(one, other)
    one.restore(early)
    one.answer(COUNT, 2)
    quiet(one, other)
    assert [run.forked for run in one.store.figures().runs] == [True, False]
    keep()
    one.meet()
    assert why(one) == ""
    assert cleared(one).visits == 1


def test_what_a_backup_held_says_nothing_of_a_server_restored_from_an_earlier_one(
    tablets: tuple[Tablet, Tablet], keep: Keeping
) -> None:
    """Its log may be the same again, from what tablets brought: of what they brought no backup is left."""
    one, other = tablets
    a_visit(one, other)
    keep()
    early = shutil.copytree(keep.files.root, keep.files.root.with_name("early"))
    other.answer(COUNT, 3)
    other.desk.attach_photo(ANNA, VISIT, SCENE, a_picture(other, shade=2))
    quiet(other, one)
    keep()
    one.meet()
    other.meet()
    assert why(one) == why(other) == ""
    keep.files = BackupFiles(early)
    keep.restore()
    quiet(other, one)
    assert why(one) == why(other) == "no_backup"
    assert cleared(one).visits == cleared(other).visits == cleared(other).photos == 0
    keep()
    one.meet()
    assert why(one) == ""


def test_a_backup_of_a_log_that_went_another_way_says_nothing(
    tablets: tuple[Tablet, Tablet], keep: Keeping
) -> None:
    """The same number under another hash is another log: the tablet asks about that one, and keeps the visit."""
    one, other = tablets
    a_visit(one, other)
    keep()
    one.meet()
    wanted = purge.plan(one.store, LATER_MS)
    assert (wanted.visits, one.store.logs_to_ask(9)) == ((VISIT,), ())
    number, _ = one.store.cursors()[VISIT]
    other_way = Reading(VISIT, number, [], "0" * 64)
    one.store.settle(Settlement(journal=one.store.journal(), news=[other_way], read_to_the_end=True))
    assert one.store.logs_to_ask(9) == (VISIT,)
    assert why(one) == "no_backup"
    assert purge.clear(one.store, wanted, one.folder / "photos").visits == 0


def test_neither_the_file_nor_its_log_keeps_room_for_what_was_cleared(
    tablets: tuple[Tablet, Tablet], keep: Keeping
) -> None:
    one, other = tablets
    a_visit(one, other)
    keep()
    one.meet()
    assert cleared(one).visits == 1
    assert one.store._rows("PRAGMA freelist_count") == [(0,)]
    assert one.path.with_name(one.path.name + "-wal").stat().st_size == 0


def test_what_was_cleared_is_not_offered_to_a_restored_server(
    tablets: tuple[Tablet, Tablet], keep: Keeping
) -> None:
    """Of it nothing but its place is left: it stays cleared, is refused by nobody, and comes back whole."""
    one, other = tablets
    a_visit(one, other)
    shown = one.fold()
    keep()
    quiet(one, other)
    assert cleared(one).visits == cleared(other).visits == 1
    keep.restore()
    quiet(one, other)
    assert one.store.purged() == {VISIT}
    assert one.store.sync_state().refused == 0
    one.store.fetch_again(VISIT)
    quiet(one)
    assert one.fold() == shown
