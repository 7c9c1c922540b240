"""The screens are kept out of screenshots on Android, with a stand-in for Java; elsewhere nothing is asked."""

import pytest

from mobile.ui import screen_guard
from tests.unit.mobile.java import Java


@pytest.mark.parametrize("here", [True, False])
def test_the_window_is_secure_on_android_only(monkeypatch: pytest.MonkeyPatch, here: bool) -> None:
    java = Java().install(monkeypatch)
    monkeypatch.setattr(screen_guard, "HERE", here)
    screen_guard.guard()
    assert [given for name, given in java.calls if name.endswith("addFlags")] == ([(0x2000,)] if here else [])
