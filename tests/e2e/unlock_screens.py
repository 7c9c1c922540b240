"""Makes the pictures docs/screens/tablet-unlock*.png again: `python -m tests.e2e.unlock_screens [FOLDER]`."""

import os
import sys
import tempfile
from pathlib import Path

from mobile.door import Door
from mobile.settings import Settings
from tests.e2e import tablet_stage as stage
from tests.unit.mobile import sealed

DOCS = Path(__file__).resolve().parents[2] / "docs/screens"
WRONG = "000111"


def main() -> None:
    """A wrong PIN, the wait after the third in high contrast, and the pad in English."""
    os.environ.update(
        KIVY_NO_ARGS="1", KIVY_NO_FILELOG="1", KIVY_LOG_MODE="PYTHON", KIVY_HOME=tempfile.mkdtemp()
    )
    os.environ.update(KCFG_GRAPHICS_WIDTH="1280", KCFG_GRAPHICS_HEIGHT="800")
    os.environ.setdefault("SDL_VIDEODRIVER", "offscreen")
    from mobile.ui.theme import theme
    from tests.e2e.screen_driver import Driver, behind_a_door

    def enter(driver: Driver, pin: str) -> None:
        for digit in pin:
            driver.gate.type(digit)
        driver.gate.enter()
        driver.until(lambda: not driver.gate.busy)

    out = Path(sys.argv[1]) if sys.argv[1:] else DOCS
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(Path(folder) / "data", secrets=Path(folder) / "secrets")
        door = Door(settings, os.urandom, lambda: stage.MORNING_MS, sealed.QUICK)
        opened = door.open_unprotected()
        assert opened is not None
        stage.enrol(opened.store, "tab-1")
        for names, pin in ((sealed.CHEN, sealed.PIN), (sealed.LIN, sealed.OTHER)):
            door.give_pin(names, pin)
        door.lock()
        with behind_a_door(settings, lambda: stage.MORNING_MS, language="en", person="p-chen") as driver:
            driver.picture(out / "tablet-unlock-en.png")
        with behind_a_door(settings, lambda: stage.MORNING_MS, language="zh", person="p-chen") as driver:
            enter(driver, WRONG)
            for digit in sealed.PIN[:3]:
                driver.gate.type(digit)
            driver.picture(out / "tablet-unlock.png")
            for _ in range(3):
                driver.gate.erase()
            for _ in range(2):
                enter(driver, WRONG)
            theme.palette = "high_contrast"
            driver.picture(out / "tablet-unlock-contrast.png")


if __name__ == "__main__":
    main()
