"""A tablet that cannot be opened: a sentence in the language shown, and a way on from every one of these screens."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mobile import good_copy
from mobile.door import Door
from mobile.settings import Settings
from mobile.tables import SCHEMA_VERSION
from shared_schema.locale.unlock import UNLOCK
from shared_schema.problems import Language, Problem
from tests.e2e import tablet_stage as stage
from tests.e2e.marks import SCREENS
from tests.unit.mobile import sealed

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

pytestmark = SCREENS
PIN = sealed.PIN


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "data", secrets=tmp_path / "secrets")


@pytest.fixture
def door(settings: Settings) -> Door:
    """A tablet with one PIN, locked."""
    door = Door(settings, os.urandom, lambda: stage.MORNING_MS, sealed.QUICK)
    opened = door.open_unprotected()
    assert opened is not None
    stage.enrol(opened.store, "tab-1")
    door.give_pin(sealed.CHEN, PIN)
    door.lock()
    return door


def tries(driver: "Driver") -> None:
    """The person types their PIN."""
    for digit in PIN:
        driver.gate.type(digit)
    driver.gate.enter()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_damaged_store_without_a_copy_says_what_to_do_and_leads_back(
    settings: Settings, door: Door, language: str
) -> None:
    """To the PIN; once the file is mended, the same way leads in."""
    from tests.e2e.screen_driver import behind_a_door

    good_copy.path_of(settings.store_path).unlink()
    whole = settings.store_path.read_bytes()
    settings.store_path.write_bytes(os.urandom(len(whole)))
    with behind_a_door(settings, lambda: stage.MORNING_MS, language=language, person="p-chen") as driver:
        tries(driver)
        driver.until(lambda: driver.gate.step == "damaged")
        driver.settle()
        assert UNLOCK["damaged.none"][language == "en"] in driver.texts()
        driver.press("problem.retry")
        driver.until(lambda: driver.gate.step == "enter" and not driver.gate.busy)
        for path in settings.folder.glob("tablet.db-*"):
            path.unlink()
        settings.store_path.write_bytes(whole)
        tries(driver)
        driver.until(lambda: driver.gate.step == "" and driver.session.shown is not None)


def _newer(settings: Settings, door: Door) -> None:
    vault, store = door.unlock("p-chen", PIN)
    store.close()
    with contextlib.closing(vault.connect(settings.store_path)) as connection:
        connection.execute("PRAGMA user_version = 9999")
    door.lock()


def _keyless(settings: Settings, _: Door) -> None:
    (settings.folder / "keyring.json").write_bytes(b"{")


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    ("code", "harm"),
    [("schema_too_new", _newer), ("keys_lost", _keyless), ("disk_full", lambda *_: None)],
)
def test_what_cannot_be_opened_is_said_in_a_sentence_with_a_way_back(
    settings: Settings,
    door: Door,
    monkeypatch: pytest.MonkeyPatch,
    language: Language,
    code: str,
    harm: Callable[[Settings, Door], None],
) -> None:
    """*Try again* tries again, and a full disk says what makes room."""
    from tests.e2e.screen_driver import behind_a_door

    harm(settings, door)
    if code == "disk_full":
        monkeypatch.setattr(Door, "_proven", _no_room)
        for path in settings.folder.glob("*.reserve"):
            path.unlink()
    with behind_a_door(settings, lambda: stage.MORNING_MS, language=language, person="p-chen") as driver:
        if code != "keys_lost":
            tries(driver)
        driver.until(lambda: driver.gate.step == "problem")
        driver.settle()
        texts = driver.texts()
        sentence = Problem(code, path=str(settings.folder / "keyring.json"), theirs=9999, ours=SCHEMA_VERSION)
        assert sentence.message(language) in texts
        assert (UNLOCK["problem.full"][language == "en"] in texts) == (code == "disk_full")
        driver.press("problem.retry")
        expected = "problem" if code == "keys_lost" else "enter"
        driver.until(lambda: driver.gate.step == expected and not driver.gate.busy)


def _no_room(*_: object) -> bytes:
    raise Problem("disk_full")
