"""Where things are on a screen, in a window of 1280x800: for tests that press with a real pointer."""

import os
import tempfile
from pathlib import Path

from mobile.actions import Desk
from mobile.store import Store
from mobile.vault import Vault


def first_screen() -> None:
    """Prints name, x and y (px from the upper left) of what a tablet that nobody has enrolled shows."""
    from tests.e2e.screen_driver import running

    with tempfile.TemporaryDirectory() as folder:
        vault = Vault.headless(Path(folder))
        store = Store.open(Path(folder) / "tablet.db", vault)
        with running(store, Desk(store, os.urandom, lambda: 0), language="zh") as driver:
            from kivy.core.window import Window

            found = {
                "server": driver.field("start.server").ids.entry,
                "code": driver.field("start.code").ids.entry,
                "enrol": driver.pressable("注册平板"),
            }
            for name, widget in found.items():
                x, y = widget.to_window(*widget.center)
                print(name, round(x), round(Window.height - y))
