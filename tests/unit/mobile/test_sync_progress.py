"""An exchange tells how many records and photos it has sent, of how many, and how many came."""

import pytest

from mobile import sync
from mobile.progress import Count, Watch
from mobile.sync import drive
from tests.unit.mobile.test_package import photographed
from tests.unit.mobile.world import YES_NO, Tablet


def test_records_and_photos_are_counted_while_they_go(
    one: Tablet, two: Tablet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In requests of two records each; the count goes on from one to the next, and what is left goes down."""
    two.open_visit()
    two.meet()
    one.meet()
    for ok in (True, False, True):
        one.answer(YES_NO, ok)
    two.answer(YES_NO, False)
    two.meet()
    for shade in (10, 20):
        photographed(one, shade)
    monkeypatch.setattr(sync, "REQUEST_OPS_MAX", 2)
    monkeypatch.setattr(sync, "OPS_LEAST", 2)
    told: list[tuple[str, int, int]] = []
    report = drive(one.sync.steps(lambda *one: told.append(one)))
    assert (report.sent, report.news, report.photos) == (5, 1, 2)
    by_word = {
        word: [(done, whole) for told_word, done, whole in told if told_word == word] for word, _, _ in told
    }
    assert by_word["records_sent"] == [(0, 5), (2, 5), (4, 5), (5, 5)]
    assert by_word["records_received"][-1] == (1, 0)
    assert by_word["photos_sent"] == [(0, 2), (1, 2), (1, 2), (2, 2)]


def test_where_there_is_nothing_to_send_nothing_is_counted(one: Tablet) -> None:
    watch = Watch()
    drive(one.sync.steps(watch))
    assert watch.at == {"records_sent": Count(0, 0), "records_received": Count(0, 0)}
