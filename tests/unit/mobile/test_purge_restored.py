"""Clearing after the server was restored from a backup that does not hold what was cleared here."""

import shutil

from server.storage.backup_files import BackupFiles
from tests.unit.mobile.test_purge import (
    OTHER_VISIT,
    Keeping,
    a_visit,
    cleared,
    keep,
    open_another,
    server,
    tablets,
)
from tests.unit.mobile.world import COUNT, VISIT, Tablet, quiet

FIXTURES = (keep, server, tablets)


def a_backup_of_before(one: Tablet, other: Tablet, keep: Keeping) -> BackupFiles:
    """The backup of before both recorded a visit, which a later one holds."""
    one.meet()
    keep()
    early = shutil.copytree(keep.files.root, keep.files.root.with_name("early"))
    a_visit(one, other)
    keep()
    return BackupFiles(early)


def test_what_a_restored_server_has_lost_keeps_nothing_later_from_being_cleared(
    tablets: tuple[Tablet, Tablet], keep: Keeping
) -> None:
    """The hole that it leaves in this tablet's chain is never filled: the logs alone say what a backup holds."""
    one, other = tablets
    early = a_backup_of_before(one, other, keep)
    one.meet()
    assert cleared(one).visits == 1
    keep.files = early
    keep.restore()
    open_another(one)
    quiet(one)
    assert cleared(one).visits == 0, "it is in no backup yet"
    keep()
    one.meet()
    assert cleared(one).visits == 1
    quiet(one, other)
    assert one.store.purged() == {OTHER_VISIT}, "the colleague has brought the first one back"


def an_older_backup(one: Tablet, other: Tablet, keep: Keeping) -> None:
    """Both have cleared the visit, of which the server then comes up with a part only: nobody has the rest."""
    a_visit(one, other)
    keep()
    early = shutil.copytree(keep.files.root, keep.files.root.with_name("early"))
    one.answer(COUNT, 2)
    quiet(one, other)
    keep()
    quiet(one, other)
    assert (cleared(one).visits, cleared(other).visits) == (1, 1)
    keep.files = BackupFiles(early)
    keep.restore()


def test_a_visit_of_which_a_part_is_lost_opens_with_the_rest_of_it(
    tablets: tuple[Tablet, Tablet], keep: Keeping
) -> None:
    """It said for ever that it was cleared and on the server, and nobody could go on with it."""
    one, other = tablets
    an_older_backup(one, other, keep)
    quiet(one, other)
    for tablet in tablets:
        assert not tablet.store.purged()
        assert tablet.store.lost() == {VISIT: 1}, "and it is told what is gone"
    one.answer(COUNT, 3)
    quiet(one, other)
    assert other.fold() == one.fold()


def test_what_was_lost_comes_back_with_whoever_still_has_it(
    tablets: tuple[Tablet, Tablet], keep: Keeping
) -> None:
    """The newest backup can be read after all."""
    one, other = tablets
    newest = keep.files
    an_older_backup(one, other, keep)
    quiet(one, other)
    keep.files = newest
    keep.restore()
    quiet(one, other)
    for tablet in tablets:
        assert not tablet.store.lost()
        assert not tablet.store.purged()


def test_a_visit_of_which_nothing_is_left_opens_again_too(
    tablets: tuple[Tablet, Tablet], keep: Keeping
) -> None:
    """It was asked back while nobody could be reached, so that no cursor told the server what had been read."""
    one, other = tablets
    early = a_backup_of_before(one, other, keep)
    quiet(one, other)
    assert (cleared(one).visits, cleared(other).visits) == (1, 1)
    keep.files = early
    keep.restore()
    for tablet in tablets:
        tablet.store.fetch_again(VISIT)
    quiet(one, other)
    for tablet in tablets:
        assert not tablet.store.purged()
        assert tablet.store.lost()[VISIT] > 0
    one.open_visit()
    quiet(one, other)
    assert other.fold() == one.fold()
