"""What the tests of screens start from: a tablet with visits, and the app on it. Kivy is imported only when used."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e import tablet_stage as stage

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver


@pytest.fixture
def tablet(tmp_path: Path) -> stage.Stage:
    """A tablet with its squad's visits, nothing recorded yet."""
    return stage.set_up(tmp_path / "tablet")


@pytest.fixture
def start(tablet: stage.Stage) -> Iterator[Callable[..., "Driver"]]:
    """Starts the app on the tablet; a second start is a restart."""
    from tests.e2e.screen_driver import running

    with ExitStack() as stack:

        def begin(**asked: str) -> "Driver":
            stack.close()
            return stack.enter_context(running(*tablet.open(), **{"language": "zh", **asked}))

        yield begin


@pytest.fixture
def at_item(start: Callable[..., "Driver"], tablet: stage.Stage) -> Callable[..., "Driver"]:
    """Starts the app with an item of the open visit on the screen."""

    def begin(item: str, person: str = stage.LEADER) -> "Driver":
        store, desk = tablet.open()
        if desk.visit(stage.VISIT).inspection.stage == "prepared":
            stage.open_visit(desk)
        store.close()
        driver = start(person=person)
        driver.shown(lambda: driver.session.go(inspection=stage.VISIT, item=item, pane="item"))
        driver.settle()
        return driver

    return begin
