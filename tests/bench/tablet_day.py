"""The program itself, from its start behind a PIN through a whole visit: `python -m tests.bench.tablet_day FOLDER`.

A process of its own, because Kivy takes its settings when it is imported. Of the start both the processor's time and
the clock's are told: Argon2 is made to take its time, on several cores. Of frames, the time of the screens' own thread,
so that a busy machine tells much the same; while a photo is made, the clock's too: that thread waits for the
interpreter.
"""

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mobile.settings import Settings

if TYPE_CHECKING:
    from mobile.ui.gate import Gate
    from tests.e2e.hand import Hand

FRAME_SECONDS = 1 / 60
LOOK_SECONDS = 3.0
"""A person looks at what is there; so long nothing is touched, and memory is tidied."""
LONG_MS = 100
SLOWEST = 12
FULL_PASS = 2
"""The collector's generation whose pass looks through everything."""
WIDTH, HEIGHT = 4000, 3000
PICTURE, STARTED = "12mp.jpg", "HUCHA_BENCH_STARTED"
PINS = {"p-chen": "270418", "p-lin": "918273"}
MOVES = ("section", "scroll", "item", "answer")
SECTIONS = ("A", "B", "C", "D", "E", "F")
"""Those whose rows are on the screen without scrolling the list of sections."""


class Frame(NamedTuple):
    """One turn of the screens' loop, and what the person was doing."""

    doing: str
    cpu_ms: float
    wall_ms: float


def settings_of(folder: Path) -> Settings:
    """A tablet whose camera gives one picture of 12 million pixels, and whose server is out of reach."""
    return Settings(
        folder / "data",
        server="http://127.0.0.1:9",
        secrets=folder / "secrets",
        camera=f"cat {folder / PICTURE}",
    )


def set_up(folder: Path) -> None:
    """An enrolled tablet of two persons with PINs, and a visit of 292 items that nobody has begun."""
    from PIL import Image

    from mobile.door import Door
    from tests.e2e import tablet_stage as stage
    from tests.e2e.screen_probe import three_hundred
    from tests.unit.mobile.sealed import CHEN, LIN

    folder.mkdir(parents=True)
    Image.effect_noise((WIDTH, HEIGHT), 60).convert("RGB").save(folder / PICTURE, quality=85)
    door = Door(settings_of(folder), os.urandom, lambda: stage.MORNING_MS)
    opened = door.open_unprotected()
    assert opened is not None
    opened.vault.make_key(os.urandom(32))
    opened.vault.make_sealing_key(os.urandom(32))
    stage.enrol(opened.store, "tab-1", of=three_hundred())
    for names in (CHEN, LIN):
        door.give_pin(names, PINS[names.person])
    door.lock()


def _start(app: Any, begun_s: float) -> dict[str, Any]:
    """To the first frame of the names to choose from, then from the last digit of a PIN to the first frame of work."""
    from kivy.base import EventLoop, runTouchApp

    app._run_prepare()
    runTouchApp(embedded=True)
    gate: Gate = app.gate

    def until(shown: Callable[[], object]) -> tuple[float, float]:
        while not shown():
            EventLoop.idle()
            time.sleep(FRAME_SECONDS)
        for _ in range(3):
            EventLoop.idle()
        return time.process_time(), time.time()

    locked = until(lambda: gate.step == "people")
    gate.ask("p-chen")
    for digit in PINS["p-chen"]:
        gate.type(digit)
    typed = until(lambda: True)
    gate.enter()
    opened = until(lambda: gate.step == "" and app.session.shown is not None)
    return {
        "unlock_screen_cpu_s": round(locked[0], 3),
        "unlock_screen_wall_s": round(locked[1] - begun_s, 3),
        "pin_to_work_cpu_s": round(opened[0] - typed[0], 3),
        "pin_to_work_wall_s": round(opened[1] - typed[1], 3),
    }


class Watched:
    """A hand whose every call is known to the frames it takes."""

    def __init__(self, hand: "Hand") -> None:
        from kivy.base import EventLoop

        self._hand, self._idle = hand, EventLoop.idle
        self.doing, self.frames = "", list[Frame]()
        self._passes = 0
        gc.callbacks.append(self._collecting)
        EventLoop.idle = self._timed

    def _collecting(self, phase: str, about: dict[str, int]) -> None:
        self._passes += phase == "stop" and about["generation"] == FULL_PASS

    def _timed(self) -> None:
        began, began_s, passes = time.thread_time(), time.perf_counter(), self._passes
        self._idle()
        cpu_s, wall_s = time.thread_time() - began, time.perf_counter() - began_s
        doing = f"{self.doing}, collecting garbage" if self._passes > passes else self.doing
        self.frames.append(Frame(doing, cpu_s * 1000, wall_s * 1000))

    def __call__(self, name: str, *arguments: Any) -> None:
        """One call; after one that records something, a look at what it did."""
        self.doing = " ".join(map(str, (name, *arguments[:1])))
        getattr(self._hand, name)(*arguments)
        if name not in MOVES:
            self.look()

    def look(self) -> None:
        """Nothing is touched for a while."""
        self.doing = "look"
        end = time.monotonic() + LOOK_SECONDS
        while time.monotonic() < end:
            self._hand.driver.pump()
            time.sleep(FRAME_SECONDS)


def _visit(do: Watched) -> None:
    """As two members would: pages, sheets, answers, a photo, the exchange that fails, the signatures."""
    do.look()
    do("enter", "visit-heping")
    do("open_visit", "林晓喆", "赵敏")
    for section in SECTIONS:
        do("section", section)
        for height in (0.75, 0.5, 0.25, 0.0, 1.0):
            do("scroll", height)
        do.look()
    do("section", "A")
    do("answer", "A030", 0.9)
    do("item", "A030")
    do("finding", "综合科台账缺 2 页")
    do("fix", "综合科台账缺 2 页", "缺第 3、4 页", "已找回并归位")
    do("note", "见台账第 7 页")
    do("section", "F")
    do("not_applicable", "F010", "没有要害部位")
    do("item", "F020")
    do("photo")
    do("screened", "林晓喆", PINS["p-lin"])
    do("section", "@photos")
    do("section", "@findings")
    do("section", "@computers")
    do("draw")
    do("check_first", "JC-7")
    do("section", "@interviews")
    do("talk")
    do("sync")
    do("deliberate", "基本符合")
    do("section", "@closing")
    do("accept_all")
    do("sign_drawn", 0)
    do("sign_paper", 1, "笔录第 3 页")
    do("refuse", 3, "对台账一项有异议", "林晓喆")
    do("hand_in")


def told(frames: list[Frame]) -> dict[str, Any]:
    """How long frames took, how many too long, and what the longest were about."""
    from tests.bench.tablet import spread

    photo = [one for one in frames if one.doing.startswith("photo")]
    slowest = sorted(frames, key=lambda one: -one.cpu_ms)[:SLOWEST]
    return {
        "visit_frame": spread([one.cpu_ms for one in frames]),
        f"frames_over_{LONG_MS}_ms": sum(one.cpu_ms > LONG_MS for one in frames),
        "longest": [f"{one.doing}: {one.cpu_ms:.0f} ms ({one.wall_ms:.0f} by the clock)" for one in slowest],
        "photo_12_mp_frame": spread([one.cpu_ms for one in photo]),
        "photo_12_mp_frame_by_the_clock": spread([one.wall_ms for one in photo]),
    }


def main() -> None:
    """Prints what a day with the program costs."""
    folder = Path(sys.argv[1])
    begun_s = float(os.environ[STARTED])
    settings = settings_of(folder)
    from mobile.main import assembled, before_kivy

    before_kivy(settings)
    from mobile.ui.tools import Begin

    with assembled(settings, Begin(settings.server, language="zh"), lambda: 1_795_222_800_000) as app:
        found = _start(app, begun_s)
        from tests.e2e.hand import Hand
        from tests.e2e.screen_driver import Driver

        # What only drives it is no garbage that the program would have to look through.
        gc.freeze()
        # It is started already.
        driver = Driver.__new__(Driver)
        driver.app, driver.bugs = app, []
        driver.settle(1)
        do = Watched(Hand(driver))
        _visit(do)
        print(json.dumps({**found, **told(do.frames)}, ensure_ascii=False), flush=True)
        # The window's own shutdown is no part of a day.
        os._exit(0)


if __name__ == "__main__":
    main()
