"""Diagnostics, tapped through: read first, then handed over on a stick, which may be full."""

import errno

import pytest

from mobile import files
from tests.e2e.marks import SCREENS
from tests.e2e.test_screens_sync_center import Center, center, colleague, purged

__all__ = ["center", "colleague", "purged"]

pytestmark = SCREENS


def test_diagnostics_are_read_before_they_are_handed_over(center: Center) -> None:
    """A text that anybody can read, on the stick; removing what is safe has its button where it is built in."""
    driver = center.driver
    driver.scroll_to(driver.pressable("诊断信息"))
    driver.press("center.diagnose")
    driver.until(lambda: any("device: tab-1" in text for text in driver.texts()))
    driver.settle()
    assert "hucha-tab-1.txt" in center.says(lambda: driver.press("center.write"))
    text = (center.stick / "hucha-tab-1.txt").read_text(encoding="utf-8")
    assert "device: tab-1\n" in text
    driver.settle()
    assert driver.root.sheet is None
    for name in ("陈向东", "林晓喆", "和平街道"):
        assert name not in text


def test_diagnostics_that_a_full_stick_does_not_take_are_said_of_the_stick(
    center: Center, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was said that this tablet's disk is full."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "made up")

    monkeypatch.setattr(files, "_write", full)
    driver = center.driver
    driver.scroll_to(driver.pressable("诊断信息"))
    driver.press("center.diagnose")
    driver.until(lambda: any("device: tab-1" in text for text in driver.texts()))
    driver.settle()
    said = center.says(lambda: driver.press("center.write"))
    assert f"{center.stick} 空间不足" in said
    assert not list(center.stick.glob("hucha-tab-1*"))
