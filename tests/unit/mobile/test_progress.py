"""How far a long work is: asked for, never in the work's way, and stopped from outside."""

import pytest

from mobile.progress import Count, Stopped, Watch


def test_the_counts_told_last_are_there_in_the_order_in_which_they_began() -> None:
    watch = Watch()
    watch("photos_checked", 0, 3)
    before = watch.at
    watch("photos_written", 1, 3)
    watch("photos_checked", 3, 3)
    assert list(watch.at.items()) == [("photos_checked", Count(3, 3)), ("photos_written", Count(1, 3))]
    assert before == {"photos_checked": Count(0, 3)}, "another thread may be reading it"


def test_a_work_that_is_stopped_ends_with_the_next_it_tells() -> None:
    watch = Watch()
    watch("photos_written", 1, 3)
    watch.stopped = True
    with pytest.raises(Stopped):
        watch("photos_written", 2, 3)
    assert watch.at == {"photos_written": Count(1, 3)}
