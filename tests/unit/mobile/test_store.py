"""The tablet's file: what is committed stays, whatever happens between two statements."""

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from mobile import engine
from mobile.actions import Desk
from mobile.photos import Taken
from mobile.store import Store
from mobile.sync import Sync
from mobile.tables import SCHEMA_VERSION
from mobile.vault import Vault
from shared_schema.chance import Chance
from shared_schema.merge import dump
from shared_schema.problems import Problem
from tests.unit.mobile.world import COUNT, LEADER, NOW_MS, SCENE, VISIT, YES_NO, Server, Tablet, quiet


class Killed(BaseException):
    """The process ends here."""


class FailingConnection(engine.Connection):  # type: ignore[misc]
    """Ends the process before its n-th statement, whatever that is."""

    left = -1
    count = 0

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        type(self).count += 1
        if type(self).left == 0:
            raise Killed
        type(self).left -= 1
        return super().execute(sql, parameters)


class FailingVault(Vault):
    """Opens files through a connection that ends the process at the n-th statement."""

    def connect(self, path: Path) -> engine.Connection:
        with patch.object(engine, "connect", partial(engine.connect, factory=FailingConnection)):
            return super().connect(path)


@pytest.fixture
def failing() -> type[FailingConnection]:
    FailingConnection.left = -1
    FailingConnection.count = 0
    return FailingConnection


def _survives(
    run: Callable[[Tablet], object], tablet: Tablet, failing: type[FailingConnection]
) -> tuple[list[bytes], list[bytes]]:
    """Runs it with an end before its every statement in turn; the contents found in the file after each end."""
    kept = tablet.backup()
    before = _content(tablet)
    found = []
    for number in range(1000):
        tablet.restore(kept)
        tablet.close()
        vault = FailingVault.headless(tablet.folder)
        failing.left = -1
        store = Store.open(tablet.path, vault)
        tablet.store, tablet.vault = store, vault
        chance = Chance("killed").bytes
        tablet.desk = Desk(store, chance, lambda: NOW_MS)
        tablet.sync = Sync(
            store, vault, tablet.line, tablet.folder / "photos", entropy=chance, clock=lambda: NOW_MS
        )
        failing.left = number
        try:
            run(tablet)
        except Killed:
            done = False
        else:
            done = True
        failing.left = -1
        store.close()
        tablet.open()
        found.append(_content(tablet))
        if done:
            assert number > 3, "the end never came: nothing was tested"
            assert found[-1] != before, "it did nothing"
            return [before, found[-1]], found
    raise AssertionError("it never came to its end")


def _content(tablet: Tablet) -> bytes:
    """Everything in the file that is about operations, and the fold of it."""
    rows = tablet.store._rows("SELECT id, own, status, hash FROM operation ORDER BY position")
    cursors = sorted(tablet.store.cursors().items())
    photos = tablet.store._rows("SELECT * FROM photo")
    return repr((rows, cursors, photos)).encode() + dump(tablet.store.state(VISIT))


PHOTO = Taken("ab" * 32, 1000, "image/jpeg", 640, 480)
TAPS: dict[str, Callable[[Tablet], object]] = {
    "answer": lambda tablet: tablet.answer(COUNT, 2),
    "photo": lambda tablet: tablet.desk.attach_photo(LEADER, VISIT, SCENE, PHOTO),
}


@pytest.mark.parametrize("tap", TAPS)
def test_an_end_before_any_statement_of_a_tap_leaves_all_or_nothing(
    one: Tablet, failing: type[FailingConnection], tap: str
) -> None:
    """After each of them the file is as before the tap or as after it."""
    one.open_visit()
    allowed, found = _survives(TAPS[tap], one, failing)
    assert set(found) == set(allowed)


def test_an_end_before_any_statement_of_an_exchange_leaves_all_or_nothing(
    server: Server, one: Tablet, two: Tablet, failing: type[FailingConnection]
) -> None:
    """A reply is settled whole or not at all, and the next exchange brings the same."""
    one.open_visit()
    quiet(one, two)
    for number in range(3):
        one.answer(COUNT, number)
        two.answer("A09", number)
    two.meet()
    allowed, found = _survives(lambda tablet: tablet.meet(), one, failing)
    assert set(found) == set(allowed)
    assert len(found) > 15, "an exchange has more statements than this"
    quiet(one, two)
    assert one.fold() == two.fold()


def test_an_end_while_a_new_file_is_made_leaves_one_that_opens(
    tmp_path: Path, failing: type[FailingConnection]
) -> None:
    """Opening is tried again and again, each time ended one statement later."""
    path = tmp_path / "new" / "tablet.db"
    for number in range(100):
        failing.left = number
        try:
            Store.open(path, FailingVault.headless(tmp_path / "new")).close()
        except Killed:
            failing.left = -1
            Store.open(path, Vault.headless(tmp_path / "new")).close()
            for one in path.parent.glob("tablet.db*"):
                one.unlink()
            continue
        break
    else:
        raise AssertionError("it never came to its end")
    failing.left = -1


def test_taps_and_settings_are_there_after_reopening(one: Tablet) -> None:
    """The state is folded again from the file, byte for byte the same."""
    one.open_visit()
    one.answer(COUNT, 3)
    one.answer(YES_NO, False)
    one.store.set_setting("place", "A03")
    before, head = one.fold(), one.store.head()
    one.reopen()
    assert (one.fold(), one.store.head(), one.store.setting("place")) == (before, head, "A03")
    assert one.store.setting("no such", "none") == "none"


def test_the_chain_has_no_gaps_and_each_names_the_one_before(one: Tablet) -> None:
    """Numbers 1, 2, 3 …, each with the hash of the previous operation."""
    taps = [one.open_visit(), one.answer(COUNT, 1), one.answer(COUNT, 2), one.answer(YES_NO, True)]
    assert [tap.seq for tap in taps] == [1, 2, 3, 4]
    assert [tap.prev for tap in taps] == ["", *(tap.hash for tap in taps[:-1])]
    assert len({tap.epoch for tap in taps}) == 1


@pytest.mark.parametrize("harm", ["header", "page", "another"])
def test_a_damaged_file_is_told_and_kept(tmp_path: Path, one: Tablet, harm: str) -> None:
    """Nothing is repaired, replaced or deleted behind people's backs."""
    one.open_visit()
    for number in range(50):
        one.answer(COUNT, number)
    one.close()
    content = bytearray(one.path.read_bytes())
    if harm == "header":
        content[:100] = b"x" * 100
    elif harm == "page":
        for start in range(4096, len(content), 4096):
            content[start : start + 40] = b"\xff" * 40
    else:
        other = sqlite3.connect(tmp_path / "other.db")
        other.execute("CREATE TABLE somebody_elses (x)")
        other.commit()
        other.close()
        content = bytearray((tmp_path / "other.db").read_bytes())
    one.path.write_bytes(content)
    with pytest.raises(Problem, match="store_damaged"):
        Store.open(one.path, one.vault)
    assert one.path.read_bytes() == content
    one.path.unlink()
    one.open()


def test_a_file_of_a_newer_program_is_refused_untouched(one: Tablet) -> None:
    """An older program does not guess at tables it does not know."""
    one.store._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    one.close()
    before = one.path.read_bytes()
    with pytest.raises(Problem, match="schema_too_new"):
        Store.open(one.path, one.vault)
    assert one.path.read_bytes() == before
    connection = one.vault.connect(one.path)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.close()
    one.open()


def test_a_second_program_on_the_same_file_is_refused(one: Tablet) -> None:
    """Two programs would give the same numbers twice."""
    with pytest.raises(Problem, match="store_in_use"):
        Store.open(one.path, one.vault)


def test_a_full_disk_is_told_and_nothing_of_the_tap_is_kept(one: Tablet) -> None:
    """The next tap after space was made continues the chain."""
    one.open_visit()
    [(pages,)] = one.store._rows("PRAGMA page_count")
    one.store._db.execute(f"PRAGMA max_page_count = {pages}")
    kept = 1

    def write_on() -> None:
        nonlocal kept
        for number in range(2000):
            one.desk.note(LEADER, VISIT, "A01", "x" * 2000 + str(number))
            kept += 1

    with pytest.raises(Problem, match="disk_full"):
        write_on()
    assert one.store.head().seq == kept
    one.store._db.execute("PRAGMA max_page_count = 1000000")
    assert one.answer(COUNT, 1).seq == kept + 1
    before = one.fold()
    one.reopen()
    assert one.fold() == before


def test_the_outbox_is_cut_by_bytes_but_never_empty(one: Tablet) -> None:
    """A request stays under what a server takes, and one operation always fits."""
    one.open_visit()
    for number in range(4):
        one.desk.note(LEADER, VISIT, "A01", "x" * 1000 + str(number))
    assert len(one.store.outbox(10, 10**6)) == 5
    assert len(one.store.outbox(10, 3000)) == 3
    assert len(one.store.outbox(3, 10**6)) == 3
    assert len(one.store.outbox(10, 1)) == 1
