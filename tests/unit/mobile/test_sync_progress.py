"""An exchange tells how many records and photos it has sent, of how many, and how many came."""

import pytest

from mobile import sync, uploads
from mobile.progress import Count, Watch
from mobile.sync import drive
from tests.unit.mobile.test_package import photographed
from tests.unit.mobile.world import YES_NO, Server, Tablet


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
    # Each before it goes, with its only piece, and when it is there.
    assert by_word["photos_sent"] == [(0, 2), (0, 2), (1, 2), (1, 2), (1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("word", "enough"), [("records_sent", 0), ("records_sent", 2), ("photos_sent", 0), ("photos_sent", 1)]
)
def test_one_that_is_stopped_keeps_what_was_done_and_the_next_does_the_rest(
    one: Tablet, server: Server, monkeypatch: pytest.MonkeyPatch, word: str, enough: int
) -> None:
    """Before anything, between two requests, and between two pieces of a photo; nothing is lost."""
    one.open_visit()
    for ok in (True, False, True):
        one.answer(YES_NO, ok)
    for shade in (10, 20):
        photographed(one, shade)
    monkeypatch.setattr(sync, "REQUEST_OPS_MAX", 2)
    monkeypatch.setattr(sync, "OPS_LEAST", 2)
    monkeypatch.setattr(uploads, "PART_BYTES", 100)
    journal, watch = one.store.journal(), Watch()

    def report(told: str, done: int, whole: int) -> None:
        watch.stopped = watch.stopped or (told, done) == (word, enough)
        watch(told, done, whole)

    assert drive(one.sync.steps(report)).outcome == "stopped"
    assert one.store.journal().attempts == journal.attempts  # it is no failure
    assert len(server.log()) == (enough if word == "records_sent" else 6)
    assert drive(one.sync.steps()).outcome == "done"
    assert (len(server.log()), len(server.photos)) == (6, 2)
    assert one.store.sync_state().unsent == one.store.sync_state().photos_left == 0


def test_where_there_is_nothing_to_send_nothing_is_counted(one: Tablet) -> None:
    watch = Watch()
    drive(one.sync.steps(watch))
    assert watch.at == {"records_sent": Count(0, 0), "records_received": Count(0, 0)}
