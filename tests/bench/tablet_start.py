"""The start of the tablet's program: `python -m tests.bench.tablet_start FOLDER PERSON [VISIT]`.

A process of its own that imports nothing but the program, so that its CPU until the first frame is the program's.
Prints that, and what it costs to read a visit that nothing has read before: its operations folded, seen and scored.
Without a visit it goes to the work list.
"""

import gc
import json
import os
import sys
import time
from pathlib import Path

from mobile.main import KIVY

FRAME_SECONDS = 1 / 60


def main() -> None:
    """Starts the program over the folder's store, as `mobile.main` does once it is unlocked."""
    folder, person, visits = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    for key, value in KIVY.items():
        os.environ.setdefault(key, value)
    gc.disable()
    from kivy.base import EventLoop, runTouchApp

    from mobile.actions import Desk
    from mobile.app import HuchaApp, post
    from mobile.store import Store
    from mobile.ui.session import Session
    from mobile.ui.tools import Begin, Tools
    from mobile.vault import Vault
    from mobile.worker import Worker

    imported_s = time.process_time()
    store = Store.open(folder / "tablet.db", Vault.headless(folder))
    desk = Desk(store, os.urandom, lambda: 0)
    began = time.process_time()
    for visit in visits:
        desk.visit(visit, person)  # type: ignore[arg-type]
    read_ms = (time.process_time() - began) * 1000
    worker = Worker(post)
    session = Session(worker, Tools(store, desk, None, os.urandom))  # type: ignore[arg-type]
    HuchaApp(session, Begin(person=person))._run_prepare()
    runTouchApp(embedded=True)
    while session.shown is None:
        EventLoop.idle()
        time.sleep(FRAME_SECONDS)
    for _ in range(3):
        EventLoop.idle()
    found = {
        "imports_cpu_s": round(imported_s, 3),
        "first_frame_cpu_s": round(time.process_time(), 3),
        "read_visit_ms": round(read_ms, 1),
    }
    print(json.dumps(found), flush=True)
    # The window's own shutdown is no part of a start.
    os._exit(0)


if __name__ == "__main__":
    main()
