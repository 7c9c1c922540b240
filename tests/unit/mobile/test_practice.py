"""The practice visit: everything can be tried in it, and nothing of it touches the tablet's own store."""

import os
from pathlib import Path

import pytest

from mobile import practice, views
from mobile.store import Store
from mobile.vault import Vault
from shared_schema.ids import PersonId
from tests.unit.mobile.world import NOW_MS, Tablet


def test_it_has_something_of_every_kind_to_try(tmp_path: Path) -> None:
    """Every control but the rare ones, a dispute to settle, an N/A to consent to, a lead, a finding of last year."""
    vault = Vault.headless(tmp_path)
    begun = practice.begin(tmp_path, vault, os.urandom, lambda: NOW_MS)
    visit = begun.desk.visit(practice.VISIT, practice.LEADER)
    rows = views.item_rows(visit, "P", practice.LEADER)
    assert {row.control for row in rows} == {"yes_no", "count", "clauses", "ratio", "actual"}
    assert {row.state for row in rows} >= {"open", "disputed", "na_without_consent", "problem"}
    assert (views.head(visit, practice.LEADER).leads_open, len(views.earlier_rows(visit))) == (1, 1)
    assert all(row.may_answer for row in rows)
    begun.desk.deliberate(practice.LEADER, practice.VISIT)
    begun.desk.submit(practice.LEADER, practice.VISIT)
    begun.end()


def test_nothing_of_it_is_in_the_tablets_own_store_or_left_behind(one: Tablet) -> None:
    """Its file is another one, sealed like the first, and gone afterwards; the tablet has nothing to send."""
    one.meet()
    before, head = one.store.unsent(), one.store.head()
    begun = practice.begin(one.folder, one.vault, os.urandom, lambda: NOW_MS)
    begun.desk.note(practice.LEADER, practice.VISIT, "P01", "练习里写的字")
    for path in one.folder.glob("practice.db*"):
        assert "练习里写的字".encode() not in path.read_bytes()
    assert (one.store.unsent(), one.store.head()) == (before, head)
    assert practice.VISIT not in one.store.assignments()
    begun.end()
    assert list(one.folder.glob("practice.db*")) == []
    one.meet()


def test_what_was_left_by_a_dead_battery_is_swept_away(tmp_path: Path) -> None:
    """The next practice begins afresh; so does the next start of the program."""
    vault = Vault.headless(tmp_path)
    first = practice.begin(tmp_path, vault, os.urandom, lambda: NOW_MS)
    first.desk.note(practice.LEADER, practice.VISIT, "P01", "看过")
    first.store.close()
    second = practice.begin(tmp_path, vault, os.urandom, lambda: NOW_MS)
    assert second.desk.visit(practice.VISIT, practice.LEADER).inspection.items.keys().isdisjoint({"P07"})
    assert not second.desk.visit(practice.VISIT).inspection.items["P01"].notes  # type: ignore[index]
    second.store.close()
    practice.sweep(tmp_path)
    assert list(tmp_path.glob("practice.db*")) == []


@pytest.mark.parametrize("person", [practice.LEADER, practice.SECOND, practice.THIRD])
def test_its_people_are_nobody_of_the_squad(one: Tablet, person: PersonId) -> None:
    """An operation of theirs could be taken for nobody's work."""
    one.meet()
    members = {
        member.person for assignment, _ in one.store.assignments().values() for member in assignment.members
    }
    assert person not in members
    assert isinstance(one.store, Store)
