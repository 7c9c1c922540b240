"""How far colleagues are: who stands on how many items, at which section last; hidden where scores are blind."""

from mobile.colleague_views import Colleagues, colleagues
from tests.unit.mobile.world import ANNA, BEN, COUNT, LEADER, NA, VISIT, YES_NO, Tablet


def test_each_other_member_is_counted_and_placed(one: Tablet) -> None:
    """The section is that of the latest answer; whoever has none yet is said to have none; oneself is left out."""
    one.open_visit()
    one.clock_ms = 1000
    one.answer(YES_NO, True, ANNA)
    one.clock_ms = 2000
    one.answer(COUNT, 1, LEADER)
    found = colleagues(one.desk.visit(VISIT), LEADER, "en")
    rows = {row.person: row for row in found.rows}
    assert LEADER not in rows
    assert (rows[ANNA].answered, rows[ANNA].section) == (1, "A")
    assert ": 1 item, at " in rows[ANNA].text
    assert rows[BEN].text.endswith(": nothing yet")
    assert (rows[BEN].section, rows[BEN].at, found.blind) == ("", "", "")
    one.clock_ms = 3000
    one.desk.not_applicable(ANNA, VISIT, NA, "no_secret")
    latest = {row.person: row for row in colleagues(one.desk.visit(VISIT), BEN, "zh").rows}
    assert (latest[ANNA].answered, latest[ANNA].section) == (2, "B")
    assert (latest[LEADER].answered, latest[LEADER].section) == (1, "A")


def test_where_scores_are_blind_nothing_is_told(one: Tablet) -> None:
    """Not even who has begun; the reason is."""
    one.open_visit()
    one.answer(YES_NO, True, ANNA)
    found = colleagues(one.desk.visit(VISIT), LEADER, "en", blind=True)
    assert found == Colleagues((), found.blind)
    assert "blind" in found.blind
