"""Findings that two inspectors recorded otherwise: what the leader sees of them, and what taking one back takes."""

import pytest
from msgspec.structs import replace

from mobile import views
from shared_schema.operations import Finding, FindingWithdrawn
from tests.unit.mobile.world import ANNA, COUNT, LEADER, VISIT, Tablet, quiet


@pytest.fixture
def busy(one: Tablet) -> Tablet:
    """The leader's tablet, on which a finding was recorded."""
    one.meet()
    one.open_visit()
    one.desk.record_finding(LEADER, VISIT, Finding(finding="F-1", item=COUNT, fact="台账缺页"))
    return one


def test_findings_with_the_same_words_are_told_apart_for_whoever_settles(busy: Tablet, two: Tablet) -> None:
    """The leader saw two lines alike, and could not know which of them was severe."""
    quiet(busy, two)
    finding = Finding(finding="F-1", item=COUNT, fact="台账缺页", due="2026-12-01")
    busy.desk.amend_finding(LEADER, VISIT, replace(finding, severity="severe", occurrences=2))
    two.desk.amend_finding(ANNA, VISIT, replace(finding, severity="minor"))
    quiet(busy, two)
    found = views.dispute_rows(busy.desk.visit(VISIT), LEADER)[0].values
    assert {value.text for value in found} == {"台账缺页"}
    assert [value.explanation for value in found] == ["程度：严重\n次数：2", "程度：轻微\n次数：1"]


def test_who_takes_back_their_own_finding_in_dispute_takes_back_as_many_as_they_recorded(
    busy: Tablet, two: Tablet
) -> None:
    """How often it was found comes off the count; it was taken from the value that sorts first, whoever's it was."""
    quiet(busy, two)
    finding = Finding(finding="F-1", item=COUNT, fact="台账缺页")
    busy.desk.amend_finding(LEADER, VISIT, replace(finding, occurrences=2))
    two.desk.amend_finding(ANNA, VISIT, replace(finding, occurrences=5))
    quiet(busy, two)
    for tablet, person, occurrences in ((busy, LEADER, 2), (two, ANNA, 5)):
        (row,) = (one for one in views.finding_rows(tablet.desk.visit(VISIT)) if one.finding == "F-1")
        taken = tablet.desk.withdraw_finding(person, VISIT, "F-1", "记错", seen=row.seen).body
        assert isinstance(taken, FindingWithdrawn)
        assert taken.occurrences == occurrences
