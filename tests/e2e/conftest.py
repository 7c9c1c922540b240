"""What the tests of screens start from: a tablet with visits, and the app on it. Kivy is imported only when used."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared_schema.problems import Problem
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


@pytest.fixture
def begin(tablet: stage.Stage) -> Iterator[Callable[..., "Driver"]]:
    """Starts the app at a place of the open visit, with a camera that gives these pictures."""
    from tests.e2e import photo_stage
    from tests.e2e.photo_hand import prove
    from tests.e2e.screen_driver import running

    with ExitStack() as stack:

        def at(
            *pictures: bytes | Problem,
            item: str = "F02",
            section: str = "",
            person: str = stage.LEADER,
            cards: tuple[Path, ...] = (),
            pins: bool = True,
        ) -> "Driver":
            stack.close()
            store, desk = tablet.open()
            if desk.visit(stage.VISIT).inspection.stage == "prepared":
                stage.open_visit(desk)
            camera = photo_stage.Camera(pictures) if pictures else None
            tools = photo_stage.tools(tablet, camera, cards, seed=str(store.head().seq))
            driver = stack.enter_context(
                running(
                    store, desk, photos=tools, prove=prove if pins else None, language="zh", person=person
                )
            )
            pane = "items" if section else "item"
            wanted = {"item": "" if section else item, "section": section, "pane": pane}
            driver.shown(lambda: driver.session.go(inspection=stage.VISIT, **wanted))
            driver.settle()
            return driver

        yield at
