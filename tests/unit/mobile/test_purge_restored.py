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
from tests.unit.mobile.world import Tablet, quiet

FIXTURES = (keep, server, tablets)


def test_what_a_restored_server_has_lost_keeps_nothing_later_from_being_cleared(
    tablets: tuple[Tablet, Tablet], keep: Keeping
) -> None:
    """The hole that it leaves in this tablet's chain is never filled: the logs alone say what a backup holds."""
    one, other = tablets
    one.meet()
    keep()
    early = shutil.copytree(keep.files.root, keep.files.root.with_name("early"))
    a_visit(one, other)
    keep()
    one.meet()
    assert cleared(one).visits == 1
    keep.files = BackupFiles(early)
    keep.restore()
    open_another(one)
    quiet(one)
    assert cleared(one).visits == 0, "it is in no backup yet"
    keep()
    one.meet()
    assert cleared(one).visits == 1
    quiet(one, other)
    assert one.store.purged() == {OTHER_VISIT}, "the colleague has brought the first one back"
