"""`hucha-tablet`: puts the tablet program together from settings, clock, door, worker and app."""

import argparse
import gc
import getpass
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobile import meeting_tools, package, places, practice, purge
from mobile.actions import Desk
from mobile.door import Door, Opened
from mobile.photo_sources import camera, card_folders
from mobile.settings import Settings, from_environment
from mobile.sync import Sync
from mobile.transport import HttpTransport
from mobile.wipe import Wiped, wiped
from mobile.words import when
from mobile.worker import Worker
from shared_schema.locale.filling import fill
from shared_schema.locale.packages import PACKAGES
from shared_schema.locale.unlock import UNLOCK
from shared_schema.problems import Problem
from shared_schema.volumes import read_size

if TYPE_CHECKING:
    from mobile.app import HuchaApp
    from mobile.ui.photo_desk import PhotoTools
    from mobile.ui.tools import Begin

APP = "hucha-tablet 0.1.0"
KIVY = {
    "KIVY_NO_ARGS": "1",
    "KIVY_NO_FILELOG": "1",
    "KIVY_LOG_MODE": "PYTHON",
    "KIVY_IMAGE": "sdl2",
    "KCFG_GRAPHICS_WIDTH": "1280",
    "KCFG_GRAPHICS_HEIGHT": "800",
    "KCFG_GRAPHICS_MULTISAMPLES": "0",
    "KCFG_INPUT_MOUSE": "mouse,disable_multitouch",
    "KCFG_KIVY_EXIT_ON_ESCAPE": "0",
}
"""What Kivy reads when it is imported: the command line is ours, it writes no logs of its own, and one reader of
pictures is enough for it."""


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
    parser.add_argument(
        "--write-package",
        metavar="DIR",
        default="",
        help="不开界面，写出交换包 / write a package, without a screen",
    )
    parser.add_argument(
        "--split",
        metavar="SIZE",
        default="",
        help="分卷大小，如 600M / size of the package's volumes, such as 600M",
    )
    parser.add_argument(
        "--read-package",
        metavar="FILE",
        nargs="+",
        default=[],
        help="不开界面，读入服务器的交换包（或全部分卷） / read a package of the server, or all its volumes",
    )
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
    if asked.write_package or asked.read_package:
        return by_hand(settings, asked)
    before_kivy(settings)
    from mobile.ui.tools import Begin

    begin = Begin(settings.server, asked.enrol, asked.lang or _language(settings), asked.person)
    with assembled(settings, begin) as app:
        app.run()
    return 0


@contextmanager
def assembled(
    settings: Settings, begin: "Begin", clock: Callable[[], int] = clock_ms
) -> Iterator["HuchaApp"]:
    """The whole program, about to run; afterwards everything it opened is closed. Needs `before_kivy` first."""
    # Importing Kivy may open the window, so it waits for `before_kivy`.
    from mobile.app import HuchaApp, post
    from mobile.ui.collector import Collector
    from mobile.ui.gate import Gate
    from mobile.ui.session import Session
    from mobile.ui.tools import Tools

    transports: list[HttpTransport] = []

    def wire(opened: Opened) -> Tools:
        """What the session works with, made anew each time the tablet is unlocked."""
        vault, store = opened

        def connect(server: str) -> Sync:
            for transport in transports:
                transport.close()
            transports[:] = [HttpTransport(server, authority=settings.authority)]
            return Sync(
                store, vault, transports[0], settings.photos, entropy=os.urandom, clock=clock, app=APP
            )

        meeting = meeting_tools.make(opened, worker, settings, entropy=os.urandom, clock=clock, app=APP)
        meeting = meeting._replace(purge=_clearing, clear=purge.tools(store, settings.photos, clock))
        practice.sweep(settings.folder)
        begin_practice = partial(practice.begin, settings.folder, vault, os.urandom, clock)
        desk, photos = Desk(store, os.urandom, clock), photo_tools(opened, settings, clock)
        return Tools(store, desk, connect, os.urandom, door.prove, meeting, photos, begin_practice)

    def on_bug(err: Exception) -> None:
        gate.crashed(err)

    worker = Worker(post, on_bug)
    session = Session(worker)
    door = Door(settings, os.urandom, clock)
    gate = Gate(worker, door, wire, session, begin)
    try:
        yield HuchaApp(session, begin, gate, lock_seconds=settings.lock_minutes * 60, collector=Collector())
    finally:
        session.sync_desk.stop()
        session.photo_desk.stop()
        worker.stop()
        for transport in transports:
            transport.close()
        door.lock()


def by_hand(settings: Settings, asked: argparse.Namespace) -> int:
    """Writes or reads a package and says what came of it; 2 for a Problem."""
    door = Door(settings, os.urandom, clock_ms)
    if wiped(settings.folder) is not None:
        # Opened without a screen it would be set up anew, and destroyed again at the next start.
        note = door.seen().wiped
        print(*(() if note is None else _destroyed(note)), sep="\n", file=sys.stderr)
        return 2
    which = 1 if "en" in (asked.lang, settings.language) else 0
    try:
        vault, store = door.open_unprotected() or door.unlock(asked.person, getpass.getpass("PIN: "))
        tools = package.Tools(store, vault, settings.photos, os.urandom, clock_ms, APP)
        try:
            if asked.read_package:
                paths = [Path(one).absolute() for one in asked.read_package]
                with places.usable(paths[0].parent):
                    told = package.read(tools, paths)
                keys = ["told", *(key for key in ("late", "revoked") if getattr(told, key))]
                print(*(fill(PACKAGES[f"package.{key}"][which], told._asdict()) for key in keys), sep="\n")
            if asked.write_package:
                split_bytes = read_size(asked.split) if asked.split else 0
                folder = Path(asked.write_package)
                with places.usable(folder):
                    written = package.write(tools, folder, split_bytes)
                keys = ["written", *(["left"] if written.photos_left else [])]
                said = (fill(PACKAGES[f"package.{key}"][which], written._asdict()) for key in keys)
                print(*written.files, *said, sep="\n")
        finally:
            door.lock()
    except Problem as problem:
        print(f"{problem.code}: {problem.message('zh')}\n{problem.message('en')}", file=sys.stderr)
        return 2
    return 0


def _destroyed(note: Wiped) -> Iterator[str]:
    """What the screen says of a tablet that was destroyed, in both languages."""
    facts = {"when": when(note.at_ms), "count": len(note.left), "name": "".join(note.left[:1])}
    keys = ("title", note.reason, f"cure_{note.reason}", *(["left"] if note.left else []))
    return (fill(UNLOCK[f"wiped.{key}"][which], facts) for which in (0, 1) for key in keys)


def photo_tools(opened: Opened, settings: Settings, clock: Callable[[], int]) -> "PhotoTools":
    """What photos need."""
    from mobile.ui.photo_desk import PhotoTools

    return PhotoTools(
        opened.vault,
        settings.photos,
        lambda: camera(settings.camera, settings.photos),
        lambda: card_folders(settings.pictures),
        os.urandom,
        clock,
    )


def _clearing(session: Any) -> None:
    """Asks what may be cleared from here; no start needs the sheet that does."""
    from mobile.ui import sheets_purge

    sheets_purge.clearing(session)


def before_kivy(settings: Settings) -> None:
    """What Kivy reads when it is imported; and nothing of what a start makes is garbage, so none is looked for yet."""
    # On a machine where it never ran, Kivy would make the last folder and not the ones above it.
    home = settings.folder / "kivy"
    home.mkdir(parents=True, exist_ok=True)
    for key, value in {**KIVY, "KIVY_HOME": str(home)}.items():
        os.environ.setdefault(key, value)
    _quiet_kivy()
    gc.disable()


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
