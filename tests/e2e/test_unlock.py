"""Setting up, unlocking, locking and losing a tablet, by touch."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mobile.door import Door
from mobile.keyring import TRIES_MAX, Names
from mobile.settings import Settings
from mobile.store import Store
from shared_schema.operations import Count
from tests.e2e import tablet_stage as stage
from tests.e2e.marks import SCREENS
from tests.unit.mobile import sealed

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

pytestmark = SCREENS
PIN, OTHER, WRONG = "270418", "918273", "000111"
Start = Callable[..., "Driver"]


def _left(driver: "Driver", tries: int) -> bool:
    return bool(driver.gate.left == tries)


def _signed_in(driver: "Driver", person: str) -> bool:
    return bool(driver.session.place.person == person)


class Watch:
    """The tablet's clock."""

    now_ms = stage.MORNING_MS

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "data", secrets=tmp_path / "secrets")


@pytest.fixture
def door(settings: Settings, watch: Watch) -> Door:
    """A tablet that is enrolled, and on which nobody has set a PIN."""
    door = Door(settings, os.urandom, watch, sealed.QUICK)
    opened = door.open_unprotected()
    assert opened is not None
    stage.enrol(opened.store, "tab-1")
    opened.store.close()
    return door


@pytest.fixture
def start(settings: Settings, watch: Watch, door: Door) -> Iterator[Start]:
    """Starts the app; a second start is a restart."""
    from tests.e2e.screen_driver import behind_a_door

    with ExitStack() as stack:

        def begin(**asked: object) -> "Driver":
            stack.close()
            return stack.enter_context(behind_a_door(settings, watch, **{"language": "zh", **asked}))  # type: ignore[arg-type]

        yield begin


def with_pins(door: Door) -> None:
    """The leader has one, and a member."""
    opened = door.open_unprotected()
    assert opened is not None
    door.give_pin(sealed.CHEN, PIN)
    door.give_pin(sealed.LIN, OTHER)
    door.lock()


def type_pin(driver: "Driver", pin: str) -> None:
    """Digit by digit on the pad, then the tick."""
    driver.until(lambda: not driver.gate.busy)
    for key in (*pin, "enter"):
        driver.tap(driver.widget("PinKey", key=key))


def unlock(driver: "Driver", person: str = "p-chen", pin: str = PIN) -> None:
    """Name, then PIN."""
    driver.tap(driver.widget("PersonLine", person=person))
    type_pin(driver, pin)
    driver.until(lambda: driver.gate.step == "")
    driver.until(lambda: driver.session.shown is not None)


def test_the_first_person_sets_a_pin_and_works_on(start: Start) -> None:
    """Choosing a name asks for a new PIN twice; two that differ are asked for again; a weak one is not taken."""
    driver = start()
    driver.tap(driver.widget("PersonLine", person="p-chen"))
    assert "请设置您的 PIN" in driver.texts()
    type_pin(driver, "123456")
    assert any("不能是连续数字" in text for text in driver.texts())
    type_pin(driver, PIN)
    assert "请再输入一次" in driver.texts()
    type_pin(driver, OTHER)
    assert "两次输入不一致，请重新设置。" in driver.texts()
    type_pin(driver, PIN)
    type_pin(driver, PIN)
    driver.until(lambda: driver.session.shown.screen == "work")
    assert driver.session.place.person == "p-chen"
    assert driver.gate.protected


def test_a_restart_asks_for_the_pin_and_comes_back_to_the_same_place(start: Start, door: Door) -> None:
    """Nothing of the visit is on the screen before; afterwards the item that was open is open again."""
    with_pins(door)
    driver = start()
    assert {"平板已锁定", "陈向东", "林晓喆"} <= driver.texts()
    unlock(driver)
    driver.shown(lambda: driver.session.go(inspection=stage.VISIT, item="A03", pane="item"))
    driver = start()
    assert not {"和平街道办事处", "责任制落实与制度建设"} & driver.texts()
    unlock(driver)
    assert (driver.session.place.inspection, driver.session.place.item) == (stage.VISIT, "A03")
    assert "和平街道办事处" in driver.texts()


def test_a_wrong_pin_says_how_many_tries_are_left_and_makes_wait(
    start: Start, door: Door, watch: Watch
) -> None:
    """The pad is closed while one has to wait, and a restart does not open it."""
    with_pins(door)
    driver = start()
    driver.tap(driver.widget("PersonLine", person="p-chen"))
    for left in (9, 8, 7):
        type_pin(driver, WRONG)
        driver.until(partial(_left, driver, left))
    driver.until(lambda: driver.gate.wait_seconds)
    assert any(text.startswith("请等待 0:") for text in driver.texts())
    driver = start(person="p-chen")
    driver.until(lambda: driver.gate.wait_seconds)
    before = driver.gate.digits
    driver.tap(driver.widget("PinKey", key="5"))
    assert driver.gate.digits == before
    watch.now_ms += 31_000
    driver = start(person="p-chen")
    assert "还可以试 7 次" in driver.texts()
    type_pin(driver, PIN)
    driver.until(lambda: driver.gate.step == "")


def test_the_tenth_wrong_pin_destroys_everything_and_says_what_to_do(
    start: Start, door: Door, settings: Settings, watch: Watch
) -> None:
    """The keys are gone, a restart says so too, and the tablet can be set up anew."""
    with_pins(door)
    driver = start(person="p-chen")
    for _ in range(TRIES_MAX - 1):
        type_pin(driver, WRONG)
        driver.until(lambda: not driver.gate.busy)
        watch.now_ms += 3_600_000
        driver.gate.wait_seconds = 0
    type_pin(driver, WRONG)
    driver.until(lambda: driver.gate.step == "wiped")
    assert "本机数据已销毁" in driver.texts()
    assert not any((settings.folder / name).exists() for name in ("keyring.json", "tablet.db", "device.key"))
    assert list(settings.secrets.iterdir()) == []
    driver = start()
    assert "本机数据已销毁" in driver.texts()
    driver.press("wiped.anew")
    driver.until(lambda: driver.session.shown is not None)
    assert "这台平板还没有注册" in driver.texts()


def test_locking_forgets_the_keys_and_keeps_the_place(start: Start, door: Door) -> None:
    """The same person goes on in the same sheet with what was typed in it; nothing under the cover can be touched."""
    with_pins(door)
    driver = start()
    unlock(driver)
    driver.shown(lambda: driver.session.go(inspection=stage.VISIT, item="A03", pane="item"))
    driver.press("visit.open")
    driver.settle()
    sheet = driver.root.sheet
    tools = driver.session._tools
    vault = driver.gate._door._vault
    driver.gate.lock()
    assert vault is not None
    driver.until(lambda: vault.locked)
    driver.settle()
    assert "陈向东" in driver.texts()
    with pytest.raises(Exception, match="closed"):
        tools.store.setting("x")
    driver.tap_at(60, 60)
    assert driver.root.sheet is sheet
    type_pin(driver, PIN)
    driver.until(lambda: driver.gate.step == "")
    driver.until(lambda: driver.session._opened is not None)
    driver.settle()
    assert driver.root.sheet is sheet
    assert driver.session.place.item == "A03"


def test_what_was_typed_when_the_tablet_locked_is_there_after_a_kill(start: Start, door: Door) -> None:
    """Locked by hand or by the system, before the half second is over after which drafts are written."""
    from mobile.ui.memory import memory

    with_pins(door)
    driver = start()
    unlock(driver)
    for lock in (driver.gate.lock, driver.app.on_pause):
        memory.keep_draft("x", f"typed before {lock.__name__}")
        lock()
        driver.until(lambda: not driver.gate.busy)
        # Nothing but the file knows of it.
        memory._kept.clear()
        type_pin(driver, PIN)
        driver.until(lambda: driver.gate.step == "" and driver.session._opened is not None)
        driver.settle()
        assert memory.draft("x") == f"typed before {lock.__name__}"


def test_the_tablet_locks_itself_when_nobody_touches_it(start: Start, door: Door) -> None:
    """After the time that is set; a touch begins it anew; so does the system's pause at once."""
    with_pins(door)
    driver = start(lock_seconds=300)
    unlock(driver)
    waiting = driver.gate._idle
    assert (waiting.is_triggered, waiting.timeout) == (1, 300)
    driver.tap_at(640, 790)
    assert not waiting.is_triggered
    assert driver.gate._idle.is_triggered
    driver.gate.lock_after(0.01)
    driver.until(lambda: driver.gate.step)
    driver.gate.lock_after(300)
    type_pin(driver, PIN)
    driver.until(lambda: driver.gate.step == "")
    driver.app.on_pause()
    assert driver.gate.step == "enter"


def test_somebody_else_takes_over_with_their_own_pin(start: Start, door: Door) -> None:
    """With one they have had, or by setting their first; every operation names who signed in."""
    with_pins(door)
    driver = start()
    unlock(driver)
    driver.shown(lambda: driver.session.go(inspection=stage.VISIT))
    driver.session.do("open_visit", members=["p-chen", "p-lin"], task_letter_shown=True, recusal_asked=True)
    driver.until(lambda: driver.session.shown.visit.head.stage == "opened")
    for person, pins in (("p-lin", [OTHER]), ("p-zhao", ["445566", "445566"])):
        driver.shown(lambda: driver.session.go(person="", inspection="", section="", item="", pane="items"))
        driver.tap(driver.widget("PersonLine", person=person))
        for pin in pins:
            type_pin(driver, pin)
        driver.until(partial(_signed_in, driver, person))
        driver.shown(lambda: driver.session.go(inspection=stage.VISIT))
        driver.shown(lambda: driver.session.do("answer", "A03", Count(1)))
    standing = driver.inspection(stage.VISIT).items["A03"].answer.standing  # type: ignore[index, union-attr]
    assert {one.person for one in standing} <= {"p-lin", "p-zhao"}
    assert [one.names.person for one in driver.gate.holders] == ["p-chen", "p-lin", "p-zhao"]


def test_a_pin_is_changed_from_the_menu(start: Start, door: Door) -> None:
    """The old one, then the new one twice."""
    with_pins(door)
    driver = start()
    unlock(driver)
    driver.root.ids.top.dispatch("on_menu")
    driver.settle()
    driver.press("unlock.change")
    for pin in (PIN, "445566", "445566"):
        type_pin(driver, pin)
    driver.until(lambda: driver.gate.step == "")
    driver.tap(driver.pressable_icon("lock"))
    type_pin(driver, "445566")
    driver.until(lambda: driver.gate.step == "")


def test_the_leader_takes_away_a_forgotten_pin(start: Start, door: Door) -> None:
    """The member sets another at their next use; no other member is offered this."""
    with_pins(door)
    driver = start()
    unlock(driver, "p-lin", OTHER)
    driver.root.ids.top.dispatch("on_menu")
    driver.settle()
    assert "组员忘记 PIN" not in driver.texts()
    driver = start()
    unlock(driver)
    driver.root.ids.top.dispatch("on_menu")
    driver.settle()
    driver.press("unlock.forgotten")
    driver.settle()
    driver.tap(driver.widget("PersonLine", person="p-lin"))
    driver.until(lambda: len(driver.gate.holders) == 1)
    driver.shown(lambda: driver.session.go(person="", inspection=""))
    driver.settle()
    driver.tap(driver.widget("PersonLine", person="p-lin"))
    driver.until(lambda: "请设置您的 PIN" in driver.texts())


def test_a_damaged_store_offers_the_last_good_copy(start: Start, door: Door, settings: Settings) -> None:
    """It says what the copy holds, keeps the damaged file, and goes on."""
    with_pins(door)
    driver = start()
    unlock(driver)
    driver.shown(lambda: driver.session.go(inspection=stage.VISIT))
    driver.session.do("open_visit", members=["p-chen", "p-lin"], task_letter_shown=True, recusal_asked=True)
    driver.until(lambda: driver.session.shown.visit.head.stage == "opened")
    driver = start()
    store = settings.store_path
    store.write_bytes(store.read_bytes()[:4096] + b"\xff" * 8192)
    driver.tap(driver.widget("PersonLine", person="p-chen"))
    type_pin(driver, PIN)
    driver.until(lambda: driver.gate.step == "damaged")
    assert any("含本机记录 1 条，其中服务器已收到 0 条" in text for text in driver.texts())
    driver.press("damaged.use")
    driver.until(lambda: driver.session.shown is not None)
    assert driver.session.shown.visit.head.stage == "opened"
    assert (settings.folder / "tablet.db.damaged-1").exists()


def test_a_revoked_tablet_says_so(start: Start, door: Door, settings: Settings) -> None:
    """Its data is destroyed, nothing of it stays on the screen, and what to do is said."""
    with_pins(door)
    driver = start()
    unlock(driver)
    driver.gate.destroy("revoked")
    driver.until(lambda: driver.gate.step == "wiped")
    assert any(text.startswith("协调员已停用本平板") for text in driver.texts())
    assert "和平街道办事处" not in driver.texts()
    assert not settings.store_path.exists()


def test_a_clock_in_1970_is_said_and_stops_nobody(start: Start, door: Door, watch: Watch) -> None:
    """No clock decides anything; the person can set it right."""
    with_pins(door)
    watch.now_ms = 3_600_000
    driver = start()
    assert any("平板时钟显示 1970-01-01 09:00" in text for text in driver.texts())
    unlock(driver)


def test_the_unlock_screen_speaks_the_language_of_last_time(start: Start, door: Door) -> None:
    with_pins(door)  # the store, where it is kept, cannot be read yet
    driver = start(language="en")
    assert {"This tablet is locked", "Chen Xiangdong"} <= driver.texts()
    unlock(driver)
    driver = start(language="")
    driver.press("menu.language_zh")  # is there in English only
    unlock(driver)
    assert driver.session.shown.language == "zh"
    assert Names("p-chen", "陈向东", "Chen Xiangdong") in [one.names for one in driver.gate.holders]


def test_keys_of_the_pad_are_large_enough(start: Start, door: Door) -> None:
    """At least 48 dp either way, gloves or not."""
    from kivy.metrics import dp

    with_pins(door)
    driver = start(person="p-chen")
    keys = list(driver.widgets("PinKey"))
    assert len(keys) == 12
    assert all(min(key.width, key.height) >= dp(48) for key in keys)


def test_a_plain_tablet_of_version_0_1_goes_on_encrypted(tmp_path: Path) -> None:
    """Its visits are there after the first start, and nobody works before setting a PIN."""
    from tests.e2e.screen_driver import behind_a_door

    sealed.plain_tablet(tmp_path)
    settings = Settings(tmp_path / "data", secrets=tmp_path / "secrets")
    with behind_a_door(settings, Watch(), language="zh", person="p-chen") as driver:
        assert driver.session.shown.screen == "people"
        assert driver.inspection(stage.VISIT).stage == "opened"
    assert sealed.found_in(settings.folder) == {}
    door = Door(settings, os.urandom, Watch(), sealed.QUICK)
    opened = door.open_unprotected()
    assert opened is not None
    assert isinstance(opened.store, Store)
    door.lock()


def test_what_went_wrong_is_said_in_the_language_chosen_meanwhile(start: Start, door: Door) -> None:
    """The button stands on the screen itself, and whoever does not read the sentence presses it."""
    with_pins(door)
    driver = start(person="p-chen")
    type_pin(driver, WRONG)
    driver.until(partial(_left, driver, TRIES_MAX - 1))
    assert any(text.startswith("PIN 不正确") for text in driver.texts())
    driver.press("menu.language_en")
    driver.pump(3)
    assert any(text.startswith("The PIN is not right; 9 tries") for text in driver.texts())
