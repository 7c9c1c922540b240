"""Looks at the screens in a process of its own: `python -m tests.e2e.screen_probe scroll|passes|start|drawn`.

Kivy takes density, window size and graphics once, when it is imported; so a test that wants others starts this one,
which prints what it found as JSON on its last line.
"""

import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

from msgspec.structs import replace

from mobile.main import KIVY
from shared_schema.checklist import Checklist
from tests.e2e import tablet_stage as stage
from tests.e2e import tablet_story

EDGE_MAX = 200
"""How much ink, of 255, a label's last column may hold."""
FRAMES = 480
"""A quick flick: some 35 dp a frame, 2 000 dp a second."""
NEEDED_LATER = (
    "PIL",
    "http.server",
    "httpx",
    "importlib.metadata",
    "cryptography.hazmat.primitives.serialization",
)
"""What no first frame needs of other people's packages, some 10 ms each."""


def three_hundred() -> Checklist:
    """The default checklist four times over: 292 items."""
    return replace(
        stage.checklist(),
        sections=tuple(
            replace(
                section,
                items=tuple(
                    replace(item, id=f"{item.id}{copy}") for copy in range(4) for item in section.items
                ),
            )
            for section in stage.checklist().sections
        ),
    )


def scroll(folder: Path) -> object:
    """What a frame costs the processor while a list of all items is scrolled from its top to its end."""
    from kivy.base import EventLoop

    from tests.e2e.screen_driver import running

    with running(*stage.set_up(folder, of=three_hundred()).open(), person=stage.LEADER) as driver:
        driver.shown(lambda: driver.session.go(inspection=stage.VISIT, only="open"))
        driver.settle(1)
        rows = driver.app.visit.items.ids.rows
        times = []
        for frame in range(FRAMES):
            rows.scroll_y = 1 - frame / FRAMES
            began = time.thread_time()
            EventLoop.idle()
            times.append((time.thread_time() - began) * 1000)
        rows.scroll_y = 1
        driver.settle(1)
        calls = []
        for frame in range(FRAMES):
            rows.scroll_y = 1 - frame / FRAMES
            with counted() as count:
                EventLoop.idle()
            calls.append(count[0])
        return {
            "items": len(rows.data),
            "p50_ms": median(times),
            "p95_ms": quantiles(times, n=20)[-1],
            "calls_p95": quantiles(calls, n=20)[-1],
            "calls": sum(calls),
        }


def start(folder: Path) -> object:
    """The modules that may come later and have come with the first frame all the same; and those left soon after it.

    Of our own those of `later`, of others' those of `NEEDED_LATER`.
    """
    from kivy.base import EventLoop, runTouchApp

    from mobile.app import HuchaApp, post
    from mobile.ui.later import LATER
    from mobile.ui.session import Session
    from mobile.ui.tools import Begin, Tools
    from mobile.worker import Worker

    store, desk = stage.set_up(folder).open()
    worker = Worker(post)
    session = Session(worker, Tools(store, desk, None, os.urandom))  # type: ignore[arg-type]
    app = HuchaApp(session, Begin(person=stage.LEADER))
    app._run_prepare()
    runTouchApp(embedded=True)
    early: list[str] = []
    session.bind(
        shown=lambda *_: early.extend(name for name in (*LATER, *NEEDED_LATER) if name in sys.modules)
    )
    while session.shown is None:
        EventLoop.idle()
    until = time.monotonic() + 60
    while "_at_visit" not in app.__dict__ and time.monotonic() < until:
        EventLoop.idle()
    worker.stop()
    return {
        "screen": session.shown.screen,
        "early": early,
        "left": [one for one in LATER if one not in sys.modules],
    }


def passes(folder: Path) -> object:
    """The collector's full passes while the screen is touched and much is made, and once it is left alone."""
    from mobile.ui.collector import REST_SECONDS, Collector
    from tests.e2e.screen_driver import running

    full = [0]
    with running(*stage.set_up(folder).open(), person=stage.LEADER) as driver:
        # As in the program: it begins when all has been made beforehand, and the sync center is last.
        driver.until(lambda: "sync" in driver.app.screens._made)
        driver.settle(1)
        collector, over = Collector(), [0]
        collector.begin(lambda: over[0])
        frozen, looked_at = gc.get_freeze_count(), len(gc.get_objects())

        def looked(phase: str, facts: dict[str, int]) -> None:
            full[0] += phase == "start" and facts["generation"] == 2

        gc.callbacks.append(looked)
        kept: list[list[int]] = []
        for _ in range(30):
            driver.tap_at(1, 1)
            kept.extend([number] for number in range(10_000))
        touched = full[0]
        driver.settle(REST_SECONDS + 1)
        at_rest, left = full[0] - touched, len(gc.get_objects())
        collector.unwatched()
        unwatched = full[0] - touched - at_rest
        over[0], before, sheet = 7, full[0], [[number] for number in range(1000)]
        under = []
        for _ in range(2):
            driver.tap_at(1, 1)
            driver.settle(REST_SECONDS + 1)
            under.append(full[0] - before)
        return {
            "touched": touched,
            "at_rest": at_rest,
            "unwatched": unwatched,
            "frozen": frozen,
            "looked_at": looked_at,
            "left": left,
            "under_a_sheet": under,
            "sheet_kept": not any(one is sheet for one in gc.get_objects()),
        }


def drawn(folder: Path) -> dict[str, object]:
    """What is seen of a visit that is drawn for real: how many colours, how many labels, and those whose edge is cut.

    Kivy measures short of what it draws once a label with markup has used the font (2.3.1).
    """
    from PIL import Image

    from tests.e2e.screen_driver import running

    labels, cut = 0, []
    with running(*tablet_story.play(folder).open(), language="zh", person=stage.LEADER) as driver:
        driver.shown(lambda: driver.session.go(inspection=stage.VISIT, item="A03", pane="item"))
        # Not before the driver has said how large the window is to be.
        from kivy.uix.label import Label

        driver.picture(folder / "visit.png")
        for widget in driver.root.walk(restrict=True):
            if isinstance(widget, Label) and widget.text and widget.texture and widget.font_name != "Icons":
                width, height = widget.texture.size
                pixels = widget.texture.pixels
                labels += 1
                if max(pixels[(line * width + width - 1) * 4 + 3] for line in range(height)) > EDGE_MAX:
                    cut.append(widget.text)
    with Image.open(folder / "visit.png") as picture:
        colours = len(picture.convert("RGB").getcolors(picture.width * picture.height) or ())
    return {"colours": colours, "labels": labels, "cut": cut}


@contextmanager
def counted() -> Iterator[list[int]]:
    """Counts the Python functions that are called meanwhile on this thread: the same on every machine."""
    count = [0]

    def called(frame: object, event: str, what: object) -> None:
        if event == "call":
            count[0] += 1

    sys.setprofile(called)
    try:
        yield count
    finally:
        sys.setprofile(None)


def main() -> None:
    """Prints what was found."""
    for key, value in {**KIVY, "KIVY_HOME": tempfile.mkdtemp(), "SDL_VIDEODRIVER": "offscreen"}.items():
        os.environ.setdefault(key, value)
    with tempfile.TemporaryDirectory() as folder:
        looks = {"scroll": scroll, "passes": passes, "start": start, "drawn": drawn}
        found = looks[sys.argv[1]](Path(folder))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
