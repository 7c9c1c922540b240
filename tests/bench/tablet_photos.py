"""A visit of 292 items with 200 photos, all of them looked at: `python -m tests.bench.tablet_photos FOLDER`.

A process of its own, because Kivy takes its settings when it is imported. All times are of the processor.
"""

import json
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from mobile import photos
from mobile.vault import Vault
from tests.e2e import tablet_stage as stage
from tests.e2e.screen_probe import three_hundred

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

PHOTOS = 200
SIZE = (1600, 1200)
"""As large as a photo is kept."""
FRAMES = 1200
"""Slow enough for each of the small pictures to be decrypted and drawn."""
OPENED = 10
"""Photos that are opened, one after the other."""


def set_up(tablet: stage.Stage) -> None:
    """Photos of a visit that is open, all kept on the tablet."""
    store, desk = tablet.open()
    items = [item.id for item in three_hundred().items if item.photo != "forbidden"]
    picture = Image.effect_noise(SIZE, 60).convert("RGB")
    for number in range(PHOTOS):
        picture.paste((number, 0, 0), (0, 0, 16, 16))
        content = BytesIO()
        picture.save(content, "JPEG")
        taken = photos.take(content.getvalue(), tablet.folder / "photos", Vault.headless(tablet.folder))
        desk.attach_photo(stage.LEADER, stage.VISIT, items[number % len(items)], taken)
    store.close()


def _opened(driver: "Driver") -> None:
    """Opens photos as a person does who looks through them: a touch, and a look, in which memory is tidied."""
    from mobile.ui.collector import REST_SECONDS

    for line in driver.session.shown.visit.photos.lines[:OPENED]:
        driver.app.photo_acts.view(line)
        driver.until(lambda: [one for one in driver.widgets("PhotoView") if not one.ids.area.loading])
        driver.tap_at(1, 1)
        driver.settle(REST_SECONDS + 0.5)
        driver.app.shell.close(at_once=True)
        driver.settle()


def main() -> None:
    """Prints what the photos cost."""
    from mobile.ui.collector import Collector
    from tests.bench.tablet import FRAMES as FLICK
    from tests.bench.tablet import Frames, resident_mb, scrolled, spread
    from tests.e2e.photo_stage import tools
    from tests.e2e.screen_driver import running

    tablet = stage.Stage(Path(sys.argv[1]), "tab-1")
    collector = Collector()
    with running(*tablet.open(), photos=tools(tablet, None), language="zh", person=stage.LEADER) as driver:
        driver.settle(1)
        collector.begin()
        frames = Frames()
        driver.shown(lambda: driver.session.go(inspection=stage.VISIT, only="open"))
        driver.settle(1)
        found: dict[str, Any] = {"scroll_frame": scrolled(driver, frames, FLICK)}
        driver.shown(lambda: driver.session.go(section="@photos", item="", pane="items", only=""))
        driver.settle(1)
        rows = driver.app.visit.pages["@photos"].ids.rows
        with frames.measured() as times:
            for frame in range(FRAMES):
                rows.scroll_y = 1 - frame / FRAMES
                driver.pump()
        found |= {"photos": len(rows.data), "photo_frame": spread(times)}
        _opened(driver)
        found["resident_mb"] = resident_mb()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
