"""The work list of 300 visits, opened, searched and scrolled: `python -m tests.bench.tablet_work FOLDER`.

A process of its own, because Kivy takes its settings when it is imported. All times are of the processor.
"""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mobile.settling import Journal, Settlement
from shared_schema.ids import InspectionId
from shared_schema.operations import YesNo
from tests.e2e import tablet_stage as stage

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

VISITS, UNDER_WAY, ANSWERS = 300, 60, 10
FRAMES = 480
SOUGHT = "青年路 18 号和平街道"
"""Typed a character at a time, and taken back in the same way."""


def set_up(folder: Path) -> stage.Stage:
    """A tablet whose squad has so many visits; of some of them a few items are answered."""
    tablet = stage.set_up(folder)
    store, desk = tablet.open()
    known = [assignment for assignment, _ in store.assignments().values()]
    many = [
        replace(known[number % len(known)], inspection=f"visit-{number:03}", blind=False)
        for number in range(VISITS)
    ]
    store.settle(Settlement(journal=Journal(last_success_ms=stage.MORNING_MS), assignments=many))
    items = [item.id for item in stage.checklist().items if item.rule.__class__.__name__ == "BinaryRule"]
    for one in many[:UNDER_WAY]:
        visit = InspectionId(one.inspection)
        stage.open_visit(desk, visit)
        stage.answer(desk, stage.LEADER, {item: YesNo(True) for item in items[:ANSWERS]}, visit)
    store.close()
    return tablet


def _typed(driver: "Driver") -> list[float]:
    """A keystroke, to the frame that shows what is found."""
    screen, times = driver.app.shell._screens["work"], []
    grown = [SOUGHT[:length] for length in range(1, len(SOUGHT) + 1)]
    for text in [*grown, *reversed(grown), ""]:
        began = time.thread_time()
        screen._sought.text = text
        driver.pump(3)
        times.append((time.thread_time() - began) * 1000)
    return times


def main() -> None:
    """Prints what the list costs."""
    from tests.bench.tablet import Frames, resident_mb, spread
    from tests.e2e.screen_driver import running

    tablet = stage.Stage(Path(sys.argv[1]), "tab-1")
    with running(*tablet.open(), language="zh", person=stage.LEADER) as driver:
        driver.settle(2)
        frames, rows = Frames(), driver.app.shell._screens["work"].ids.rows
        with frames.measured() as times:
            for frame in range(FRAMES):
                rows.scroll_y = 1 - frame / FRAMES
                driver.pump()
        found: dict[str, Any] = {"visits": len(rows.data), "scroll_frame": spread(times)}
        rows.scroll_y = 1
        driver.settle()
        found["search_keystroke"] = spread(_typed(driver))
        driver.settle()
        began = time.process_time()
        driver.shown(lambda: driver.session.go(inspection="visit-000"))
        found["open_visit_to_screen_ms"] = round((time.process_time() - began) * 1000, 1)
        found["resident_mb"] = resident_mb()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
