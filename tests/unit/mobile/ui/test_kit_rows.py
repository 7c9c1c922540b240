"""What scrolls, without a screen: where it comes to rest."""

import pytest

from mobile.ui.kit_rows import Resting

LITTLE_LONGER = (-12, 0)
"""The range of a list twelve pixels longer than the screen."""


@pytest.mark.parametrize("frame_seconds", [1 / 60, 1 / 15, 1 / 5])
@pytest.mark.parametrize(("pulled_to", "end"), [(-200, -12), (90, 0)])
def test_what_is_pulled_past_an_end_rests_at_that_end(frame_seconds: float, pulled_to: int, end: int) -> None:
    """However slow the frames are; Kivy's own swings back into the list and stays there."""
    effect = Resting(min=LITTLE_LONGER[0], max=LITTLE_LONGER[1], round_value=True)
    effect.start(0, t=0)
    effect.update(pulled_to, t=1)
    effect.stop(pulled_to, t=2)
    assert effect.overscroll
    for _ in range(600):
        effect.update_velocity(frame_seconds)
    assert (effect.value, effect.overscroll, effect.velocity) == (end, 0, 0)
