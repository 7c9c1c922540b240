"""What the sync center works with, put together for an open tablet: meeting others, packages, room on the disk.

Everything that uses the store runs on the worker's thread; a serving tablet's own threads only wait for it.
"""

import platform
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mobile import package, photos, places
from mobile.addresses import PORT, Address, own_addresses
from mobile.door import Opened
from mobile.places import Place
from mobile.purge import ClearTools
from mobile.relay import Answered, Host, Meet, MeetingReport
from mobile.settings import Settings
from mobile.sync import Steps
from mobile.sync_views import Storage
from mobile.transport import HttpTransport
from mobile.worker import Worker
from shared_schema.problems import Problem

if TYPE_CHECKING:
    from mobile.relay_server import RelayServer

CONNECT_SECONDS = 4
"""A tablet on the same hotspot answers at once or not at all."""

Came = Callable[[Answered], None]
"""Is told, on the screens' thread, of each request of another tablet that was answered."""


class MeetingTools(NamedTuple):
    """What was made for tablets that meet, for packages, and for looking after this tablet."""

    meet: Callable[[Address], Steps[MeetingReport]]
    serve: Callable[[Callable[[], bool], Came], "RelayServer"]
    """Starts taking colleagues' tablets while the first call says so. Raises OSError."""
    addresses: Callable[[], tuple[str, ...]]
    storage: Callable[[], Storage]
    photo_bytes: Callable[[str], int]
    """How long a photo is, by its hash."""
    packages: package.Tools | None = None
    places: Callable[[], tuple[Place, ...]] = lambda: ()
    """What is plugged in."""
    app: str = ""
    platform: str = ""
    purge: Callable[[Any], object] | None = None
    """Removes what has a receipt and lies in a backup; gets the session. None: there is no button for it."""
    clear: ClearTools | None = None


def make(
    opened: Opened,
    worker: Worker,
    settings: Settings,
    *,
    entropy: Callable[[int], bytes],
    clock: Callable[[], int],
    app: str = "",
    port: int = PORT,
) -> MeetingTools:
    """The tools of an open tablet; good until it is locked."""
    vault, store = opened

    def meet(address: Address) -> Steps[MeetingReport]:
        with closing(HttpTransport(address.url, connect_seconds=CONNECT_SECONDS)) as line:
            meeting = Meet(
                store,
                vault,
                line.meet,
                entropy=entropy,
                clock=clock,
                address=address.code,
                expected=address.device,
                app=app,
            )
            return (yield from meeting.steps())

    def serve(still_open: Callable[[], bool], came: Came) -> "RelayServer":
        from mobile.relay_server import STALL_SECONDS, RelayServer

        host = Host(store, vault, entropy)

        def answer(body: bytes, headers: Mapping[str, str]) -> bytes:
            def run() -> Answered:
                if not still_open():
                    raise Problem("tablet_locked")
                return host.answer(body, headers, clock())

            return worker.ask(run, came).result(STALL_SECONDS).body

        return RelayServer(answer, port=port)

    return MeetingTools(
        meet,
        serve,
        own_addresses,
        lambda: Storage(shutil.disk_usage(settings.folder).free, sum(_sizes(settings.folder))),
        lambda sha256: photos.size_bytes(sha256, settings.photos),
        package.Tools(store, vault, settings.photos, entropy, clock, app),
        places.removable,
        app,
        platform.platform(),
    )


def _sizes(folder: Path) -> Iterator[int]:
    for one in folder.rglob("*"):
        try:
            yield one.stat().st_size if one.is_file() else 0
        except OSError:
            continue  # it was there a moment ago
