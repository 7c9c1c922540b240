"""The tablet's own share of the time and memory: 300 items, a visit of 3 000 operations, a scripted visit; no drawing.

`python -m tests.bench.tablet FOLDER` measures in a process of its own, because Kivy takes its settings when it is
imported; the start is measured by `tablet_start` in another, photos by `tablet_photos`. All times are of the processor,
not of the clock, so that a busy machine tells much the same.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from shared_schema.ids import ItemId
from shared_schema.operations import Count, YesNo
from shared_schema.rules import BinaryRule, PerOccurrenceRule
from tests.bench import tablet_day, tablet_photos, tablet_work
from tests.e2e import tablet_stage as stage
from tests.e2e.screen_probe import three_hundred

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

FRAMES = 480
"""A quick flick through all items: some 35 dp a frame."""
FLING_FRAMES = 60
"""A hard fling: eight times as fast."""
TAPS = 60
STARTS = 3
"""Of which the best counts: the first of them compiles the program and reads it from the disk."""
FRAME_SECONDS = 1 / 60
"""While nothing is to be drawn, the program sleeps this long between two looks, as it does on a screen."""
VISIT_SECTIONS = ("A", "B", "C", "D", "E", "F")
VISIT_TAPS = 16
"""Of each section: with its scrolling about a hundred taps, which is what ten minutes of a visit hold."""
SETTINGS = {
    "KIVY_NO_ARGS": "1", "KIVY_NO_FILELOG": "1", "KIVY_LOG_MODE": "PYTHON", "KIVY_GL_BACKEND": "mock",
    "SDL_VIDEODRIVER": "offscreen",
}  # fmt: skip


def run(folder: Path, operations: int) -> dict[str, Any]:
    """Sets a tablet up and measures it in another process."""
    tablet = stage.set_up(folder / "tablet", of=three_hundred())
    _record(tablet, operations)
    start = [
        _printed(folder, "tablet_start", str(tablet.folder), stage.LEADER, stage.VISIT) for _ in range(STARTS)
    ]
    best = min(start, key=lambda one: float(one["first_frame_cpu_s"]))
    measured = _printed(folder, "tablet", str(tablet.folder))
    tablet_photos.set_up(tablet)
    return {
        "operations": operations,
        "start": best,
        **measured,
        "photos": _printed(folder, "tablet_photos", str(tablet.folder)),
        "day": _day(folder),
        "work_list": _work_list(folder),
    }


def _day(folder: Path) -> dict[str, Any]:
    """The program itself, from its start behind a PIN to the handing in; of several starts the best."""
    days = []
    for number in range(STARTS):
        place = folder / f"day-{number}"
        tablet_day.set_up(place)
        os.environ[tablet_day.STARTED] = str(time.time())
        days.append(_printed(folder, "tablet_day", str(place)))
    return min(days, key=lambda one: float(one["unlock_screen_cpu_s"]))


def _work_list(folder: Path) -> dict[str, Any]:
    """The list of many visits, of which some are under way."""
    tablet = tablet_work.set_up(folder / "many")
    start = [_printed(folder, "tablet_start", str(tablet.folder), stage.LEADER) for _ in range(STARTS)]
    return {
        "first_frame_cpu_s": min(float(one["first_frame_cpu_s"]) for one in start),
        **_printed(folder, "tablet_work", str(tablet.folder)),
    }


def _printed(folder: Path, module: str, *arguments: str) -> dict[str, Any]:
    """What a module of the benchmark prints in a process of its own."""
    # Compiled files are used, as by every installed program: where they may not be written, each start would compile.
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    found = subprocess.run(
        [sys.executable, "-m", f"tests.bench.{module}", *arguments],
        env={**os.environ, **SETTINGS, **compiled, "KIVY_HOME": tempfile.mkdtemp(dir=folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode:
        raise RuntimeError(found.stderr[-3000:])
    measured: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    return measured


def _record(tablet: stage.Stage, operations: int) -> None:
    """An open visit with so many operations: items answered again and again."""
    store, desk = tablet.open()
    stage.open_visit(desk)
    items = [
        (item.id, YesNo if isinstance(item.rule, BinaryRule) else Count)
        for section in three_hundred().sections
        for item in section.items
        if isinstance(item.rule, BinaryRule | PerOccurrenceRule)
    ]
    for number in range(operations - 1):
        item, kind = items[number % len(items)]
        value = YesNo(number % 3 > 0) if kind is YesNo else Count(number // len(items) % 3)
        desk.answer(stage.LEADER, stage.VISIT, item, value)
    store.close()


class Frames:
    """What each turn of the screens' loop costs its thread."""

    def __init__(self) -> None:
        from kivy.base import EventLoop

        self.times_ms: list[float] = []
        idle = EventLoop.idle

        def timed() -> None:
            began = time.thread_time()
            idle()
            self.times_ms.append((time.thread_time() - began) * 1000)

        EventLoop.idle = timed

    @contextmanager
    def measured(self) -> Iterator[list[float]]:
        """Those of a stretch."""
        times: list[float] = []
        self.times_ms = times
        yield times


def spread(times: list[float]) -> dict[str, float]:
    """Middle, nineteen of twenty, longest, and how many."""
    return {
        "p50_ms": round(median(times), 2),
        "p95_ms": round(quantiles(times, n=20)[-1], 2),
        "max_ms": round(max(times), 2),
        "count": len(times),
    }


def scrolled(driver: "Driver", frames: Frames, count: int) -> dict[str, float]:
    """A frame while the list of items goes by, from its top to its end in so many of them."""
    rows = driver.app.visit.items.ids.rows
    with frames.measured() as times:
        for frame in range(count):
            rows.scroll_y = 1 - frame / count
            driver.pump()
    return spread(times)


def _taps(driver: "Driver") -> dict[str, float]:
    """From the finger's lifting to the rows that show what was committed, of the whole process."""
    item = next(row.item for row in driver.session.shown.visit.items if row.control == "yes_no")
    times = []
    for number in range(TAPS):
        began = time.process_time()
        before = driver.session.shown
        driver.session.do("answer", ItemId(item), YesNo(number % 2 == 0))
        _shown_after(driver, before)
        times.append((time.process_time() - began) * 1000)
    return spread(times)


def _shown_after(driver: "Driver", before: object) -> None:
    """Waits for other rows without spinning: what is measured is work, and not waiting for it."""
    while driver.session.shown is before:
        driver.pump()
        time.sleep(FRAME_SECONDS)


def _commits(driver: "Driver", folder: Path) -> dict[str, Any]:
    """From the tap to the commit, on the thread that owns the store: what it works, and what it waits.

    It waits for the disk, and on a busy machine for its turn; beside it, what a bare file of this disk waits for.
    """
    session = driver.session
    desk = session.tools.desk  # type: ignore[union-attr]
    item = next(row.item for row in session.shown.visit.items if row.control == "yes_no")
    own: list[float] = []
    waited: list[float] = []

    def tap(number: int) -> None:
        began, began_s = time.thread_time(), time.perf_counter()
        desk.answer(stage.LEADER, stage.VISIT, item, YesNo(number % 2 == 0))
        worked, passed = time.thread_time() - began, time.perf_counter() - began_s
        own.append(worked * 1000)
        waited.append((passed - worked) * 1000)

    for number in range(TAPS):
        session._worker.call(partial(tap, number))
    while len(own) < TAPS:  # without spinning, or the store's thread would wait for this one
        driver.pump()
        time.sleep(FRAME_SECONDS)
    return {"own": spread(own), "waited": spread(waited), "bare_fsync": spread(_fsyncs(folder))}


def _fsyncs(folder: Path) -> list[float]:
    """What one page more in a bare file waits for the disk."""
    times = []
    with (folder / "bare").open("wb") as file:
        for _ in range(TAPS):
            file.write(bytes(4096))
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            times.append((time.perf_counter() - began) * 1000)
    return times


def _in_sight(rows: Any, line: Any) -> bool:
    """Whether all of the row can be touched: above the list lie the filters, and a tap there narrows it to nothing."""
    low, place = rows.to_window(*rows.pos)[1], line.to_window(*line.pos)[1]
    return bool(low <= place and place + line.height <= low + rows.height)


def _visit(driver: "Driver", frames: Frames) -> dict[str, float]:
    """Section by section: scrolled through, items answered, one opened."""
    with frames.measured() as times:
        for section in VISIT_SECTIONS:
            driver.shown(partial(driver.session.go, section=section, item="", only=""))
            rows = driver.app.visit.items.ids.rows
            for place in range(VISIT_TAPS):
                rows.scroll_y = 1 - place / VISIT_TAPS
                driver.pump(5)
                lines = (one for one in driver.widgets("ItemLine") if one.active and one.zones[0].answer)
                line = next((one for one in lines if _in_sight(rows, one)), None)
                if line is not None:
                    driver.tap(line.ids.quick, 0.1 if place % 2 else 0.9)
                    driver.pump(10)
            driver.shown(lambda: driver.session.go(item=driver.session.shown.visit.items[0].item))
            driver.pump(20)
    return spread(times)


def main() -> None:
    """Prints what one tablet's process costs."""
    from mobile.ui.collector import Collector
    from tests.e2e.screen_driver import running

    tablet = stage.Stage(Path(sys.argv[1]), "tab-1")
    # Each measure stands on its own; together they are one walk through the program.
    collector = Collector()
    with running(*tablet.open(), language="zh", person=stage.LEADER) as driver:
        driver.settle(2)
        collector.begin()
        frames = Frames()
        began = time.process_time()
        before = driver.session.shown
        driver.session.go(inspection=stage.VISIT, only="open")
        _shown_after(driver, before)
        opened_ms = (time.process_time() - began) * 1000
        driver.settle(1)
        driver.shown(lambda: driver.session.go(section="A", only=""))
        driver.settle()
        tapped, committed = _taps(driver), _commits(driver, tablet.folder)
        driver.shown(lambda: driver.session.go(only="mine"))
        driver.settle()
        found = {
            "items": len(driver.app.visit.items.ids.rows.data),
            "open_visit_to_screen_ms": round(opened_ms, 1),
            "tap_to_shown": tapped,
            "tap_to_committed": committed,
            "scroll_frame": scrolled(driver, frames, FRAMES),
            "fling_frame": scrolled(driver, frames, FLING_FRAMES),
            "visit_frame": _visit(driver, frames),
            "resident_mb": resident_mb(),
        }
    print(json.dumps(found))


def resident_mb() -> float:
    """What this process holds of the memory."""
    line = next(one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmRSS"))
    return round(int(line.split()[1]) / 1024, 1)


if __name__ == "__main__":
    main()
