"""The view of one photo: locking, enlarging, moving, and targets large enough for a thumb."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.e2e.marks import SCREENS
from tests.e2e.photo_hand import scene, take, view

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

pytestmark = SCREENS
Begin = Callable[..., "Driver"]


def test_locking_takes_the_picture_off_the_screen_and_out_of_memory(begin: Begin) -> None:
    """Neither the view nor any small picture is left."""
    from mobile.ui.thumbnails import kept as small

    driver = begin(scene())
    take(driver)
    view(driver)
    driver.until(lambda: len(small) > 0)
    driver.session.photo_desk.shut()
    driver.settle()
    assert (len(small), driver.root.sheet) == (0, None)


def test_a_picture_is_enlarged_moved_and_never_lost(begin: Begin) -> None:
    """By the buttons, by a double tap, by two fingers; it is held at its edges."""
    from kivy.tests.common import UnitTestTouch

    driver = begin(scene())
    take(driver)
    shown = view(driver)
    area = shown.ids.area
    icons = {one.icon: one for one in shown.walk(restrict=True) if type(one).__name__ == "IconPush"}
    spot = area.spot(5000, 5000)
    driver.tap(icons["plus"])
    assert area.zoom == 1.5
    driver.drag([spot, (spot[0] + 400, spot[1]), (spot[0] + 4000, spot[1])])
    assert area.spot(0, 0)[0] == pytest.approx(area.right - area.spot(10_000, 0)[0], abs=2), (
        "narrower than the screen"
    )
    for _ in range(2):
        driver.tap(icons["plus"])
    for direction, edge in ((4000, 0), (-4000, 10_000)):
        driver.drag([spot, (spot[0] + direction / 10, spot[1]), (spot[0] + direction, spot[1])])
        assert area.spot(edge, 0)[0] == pytest.approx(area.right if edge else area.x, abs=2)
    driver.tap(icons["fit"])
    assert area.zoom == 1
    first, second = UnitTestTouch(500, 400), UnitTestTouch(700, 400)
    first.touch_down()
    second.touch_down()
    second.touch_move(900, 400)
    driver.pump()
    assert area.zoom == pytest.approx(2, rel=0.05)
    second.touch_up()
    first.touch_up()


def test_everything_to_press_is_large_enough_for_a_thumb(begin: Begin) -> None:
    """48 dp at least, on the card, in the view, while marking, at the screening."""
    from kivy.metrics import dp

    driver = begin(scene())
    take(driver)
    view(driver)

    def check() -> None:
        for widget in driver.root.sheet.walk(restrict=True):
            if hasattr(widget, "on_release") and widget.width > 1 and not getattr(widget, "hidden", False):
                shown = widget.parent is None or widget.parent.height > 1
                assert not shown or widget.disabled or min(widget.size) >= dp(48), (widget, widget.size)

    check()
    driver.press("photo.edit")
    driver.settle()
    check()
    driver.press("cancel")
    driver.press("photo.screen")
    driver.settle()
    check()
