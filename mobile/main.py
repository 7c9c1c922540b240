"""`hucha-tablet`: puts the tablet program together from settings, clock, door, worker and app."""

import argparse
import logging
import os
import sys
import time
from collections.abc import Sequence

from mobile.actions import Desk
from mobile.door import Door, Opened
from mobile.settings import Settings, from_environment
from mobile.sync import Sync
from mobile.transport import HttpTransport
from mobile.worker import Worker

APP = "hucha-tablet 0.1.0"
KIVY = {
    "KIVY_NO_ARGS": "1",
    "KIVY_NO_FILELOG": "1",
    "KIVY_LOG_MODE": "PYTHON",
    "KCFG_GRAPHICS_WIDTH": "1280",
    "KCFG_GRAPHICS_HEIGHT": "800",
    "KCFG_GRAPHICS_MULTISAMPLES": "0",
    "KCFG_INPUT_MOUSE": "mouse,disable_multitouch",
    "KCFG_KIVY_EXIT_ON_ESCAPE": "0",
}
"""What Kivy reads when it is imported: the command line is ours, and it writes no logs of its own."""


def read_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="hucha-tablet", description="互查平板 / the inspection tablet. Later starts need no arguments."
    )
    parser.add_argument("--server", metavar="URL", default="", help="服务器地址 / address of the server")
    parser.add_argument("--enrol", metavar="CODE", default="", help="一次性注册码 / one-time enrolment code")
    parser.add_argument(
        "--data", metavar="DIR", default="", help="数据目录 / where this tablet keeps its data"
    )
    parser.add_argument("--lang", choices=["zh", "en"], default="", help="界面语言 / language")
    parser.add_argument("--person", metavar="ID", default="", help="使用人编号 / who is using it")
    return parser.parse_args(arguments)


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings: the command line before the environment."""
    settings = from_environment(
        {**os.environ, **({"HUCHA_TABLET_DATA": arguments.data} if arguments.data else {})}
    )
    return settings._replace(server=arguments.server or settings.server)


def clock_ms() -> int:
    """The tablet's clock; a fact in operations that decides nothing."""
    return time.time_ns() // 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the tablet until its window is closed."""
    asked = read_arguments(arguments)
    settings = settings_of(asked)
    for key, value in {**KIVY, "KIVY_HOME": str(settings.folder / "kivy")}.items():
        os.environ.setdefault(key, value)
    _quiet_kivy()
    # Importing Kivy may open the window, so it waits for the settings above.
    from mobile.app import HuchaApp, post
    from mobile.ui.gate import Gate
    from mobile.ui.session import Begin, Session, Tools

    transports: list[HttpTransport] = []

    def wire(opened: Opened) -> Tools:
        """What the session works with, made anew each time the tablet is unlocked."""
        vault, store = opened

        def connect(server: str) -> Sync:
            for transport in transports:
                transport.close()
            transports[:] = [HttpTransport(server)]
            return Sync(
                store, vault, transports[0], settings.photos, entropy=os.urandom, clock=clock_ms, app=APP
            )

        return Tools(store, Desk(store, os.urandom, clock_ms), connect, os.urandom, door.prove)

    def on_bug(err: Exception) -> None:
        gate.crashed(err)

    worker = Worker(post, on_bug)
    session = Session(worker)
    begin = Begin(settings.server, asked.enrol, asked.lang or _language(settings), asked.person)
    door = Door(settings, os.urandom, clock_ms)
    gate = Gate(worker, door, wire, session, begin)
    try:
        HuchaApp(session, begin, gate, lock_seconds=settings.lock_minutes * 60).run()
    finally:
        worker.stop()
        for transport in transports:
            transport.close()
        door.lock()
    return 0


def _quiet_kivy() -> None:
    """Kivy's errors only, and not its surprise at a desk without xclip: the tablet pastes nothing by mouse."""
    logger = logging.getLogger("kivy")
    logger.setLevel(logging.ERROR)
    logger.addFilter(lambda record: "Cutbuffer" not in record.getMessage())


def _language(settings: Settings) -> str:
    """English only where it was asked for: an unset language must not undo what the person chose."""
    return "en" if settings.language == "en" else ""


if __name__ == "__main__":
    sys.exit(main())
