"""The sync center, tapped through: what it shows, serving and meeting over real loopback HTTP, diagnostics."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mobile import meeting_tools, places, relay
from mobile.addresses import Address
from mobile.door import Opened
from mobile.meeting_tools import MeetingTools
from mobile.relay import Host, Meet
from mobile.relay_server import RelayServer
from mobile.sealing import sealing_for
from mobile.settings import Settings
from mobile.settling import Journal, Settlement
from mobile.store import Store
from mobile.transport import HttpTransport, Offline, Rejected
from mobile.vault import Vault
from mobile.worker import Worker
from shared_schema.operations import YesNo
from shared_schema.package import start_bytes
from shared_schema.wire import Peer
from tests.e2e import photo_stage
from tests.e2e import tablet_stage as stage
from tests.e2e.marks import SCREENS

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

pytestmark = SCREENS
LOOPBACK = "127.0.0.1"


class Colleague:
    """Another tablet of the squad, without a screen."""

    def __init__(self, folder: Path) -> None:
        made = stage.set_up(folder, "tab-2")
        self.vault = Vault.headless(folder)
        self.store, self.desk = made.open()
        self.host = Host(self.store, self.vault, os.urandom)

    def answer(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        return self.host.answer(body, headers, stage.MORNING_MS).body


class Center(NamedTuple):
    """The app with its sync center open, and what it says."""

    driver: "Driver"
    told: list[str]
    stick: Path
    """Is plugged in."""

    @property
    def screen(self) -> Any:
        return self.driver.app.shell._screens["sync"]

    def says(self, act: Callable[[], object]) -> str:
        """The next sentence."""
        self.told.clear()
        act()
        self.driver.until(lambda: self.told)
        return self.told[0]


def _introduce(*tablets: tuple[Store, Vault, str]) -> None:
    peers = tuple(Peer(name, vault.make_key(bytes(32)), f"平板 {name}") for _, vault, name in tablets)
    for store, _, _ in tablets:
        store.settle(Settlement(Journal(last_success_ms=stage.MORNING_MS), peers=peers))


@pytest.fixture
def colleague(tmp_path: Path) -> Iterator[Colleague]:
    made = Colleague(tmp_path / "other")
    yield made
    made.store.close()


@pytest.fixture
def purged() -> list[object]:
    return []


@pytest.fixture
def center(
    tablet: stage.Stage, colleague: Colleague, tmp_path: Path, purged: list[object]
) -> Iterator[Center]:
    """The app on a tablet with its sync center open; it and its colleague know each other."""
    from tests.e2e.screen_driver import running

    store, desk = tablet.open()
    vault = Vault.headless(tablet.folder)
    _introduce((store, vault, "tab-1"), (colleague.store, colleague.vault, "tab-2"))
    stick = tmp_path / "media" / "KINGSTON"
    stick.mkdir(parents=True)

    def tools(worker: Worker) -> MeetingTools:
        made = meeting_tools.make(
            Opened(vault, store),
            worker,
            Settings(tablet.folder),
            entropy=os.urandom,
            clock=lambda: stage.MORNING_MS,
            app="hucha-tablet test",
            port=0,
        )
        return made._replace(
            addresses=lambda: ("192.168.43.1",),
            places=lambda: places.removable([tmp_path / "media"], lambda path: path == stick),
            purge=purged.append,
        )

    with running(store, desk, meeting=tools, language="zh", person=stage.LEADER) as driver:
        told: list[str] = []
        driver.session.bind(on_told=lambda _, text, icon: told.append(text))
        driver.shown(lambda: driver.root.ids.bottom.dispatch("on_exchange"))
        driver.until(lambda: driver.session.sync_desk.center)
        driver.settle()
        yield Center(driver, told, stick)


@pytest.fixture
def driver(center: Center) -> "Driver":
    return center.driver


def visits(colleague: Colleague, driver: "Driver", port: int) -> relay.MeetingReport:
    """The colleague meets the tablet that serves there; its store is used by one thread after the other."""
    reports: list[relay.MeetingReport] = []

    def visit() -> None:
        with closing(HttpTransport(f"http://{LOOPBACK}:{port}")) as line:
            asking = Meet(colleague.store, colleague.vault, line.meet, entropy=os.urandom, clock=lambda: 1)
            reports.append(asking.once())

    thread = Thread(target=visit)
    thread.start()
    end = time.monotonic() + 30
    while thread.is_alive() and time.monotonic() < end:
        driver.pump()
    thread.join()
    return reports[0]


def test_it_opens_from_the_bar_and_goes_back(driver: "Driver") -> None:
    """What is where, and the way back to the work list."""
    assert {"同步中心", "记录", "服务器已收", "平板 tab-2", "尚无服务器回执"} <= driver.texts()
    assert driver.widget("Counted").height == 0, "nothing is under way, and room is kept for it"
    driver.shown(driver.session.leave)
    assert "同步中心" not in driver.texts()
    assert driver.session.shown.screen == "work"


def test_colleagues_meet_by_the_code_on_the_others_screen(
    center: Center, colleague: Colleague, tablet: stage.Stage
) -> None:
    """Held before this one's camera; there is nothing to type, and what is no address is a sentence."""
    driver, desk = center.driver, center.driver.session.photo_desk
    server = RelayServer(colleague.answer, host=LOOPBACK, port=0)
    code = Address(f"http://{LOOPBACK}:{server.port}", "tab-2").code
    camera = photo_stage.Camera((photo_stage.with_code("WIFI:S:guest;;"), photo_stage.with_code(code)))
    desk.admit(photo_stage.tools(tablet, camera))
    driver.until(lambda: not driver.pressable_icon("camera").hidden)
    driver.scroll_to(driver.field("center.address"))
    for expected in ("地址 / address 填写有误", "已与 tab-2 互通"):
        assert expected in center.says(lambda: driver.tap(driver.pressable_icon("camera")))
    server.stop()


def test_colleagues_meet_by_a_typed_address(center: Center, colleague: Colleague) -> None:
    """What the other one has is here after one tap; a wrong address and a silent one are sentences."""
    driver = center.driver
    stage.open_visit(colleague.desk)
    server = RelayServer(colleague.answer, host=LOOPBACK, port=0)
    field = driver.field("center.address")
    driver.scroll_to(field)
    for typed, expected in (
        ("不是地址", "地址 / address 填写有误"),
        (f"{LOOPBACK}:{server.port}#tab-9", "未能互通"),
        (f"{LOOPBACK}:{server.port}", "已与 tab-2 互通：收到 1 条，交出 0 条"),
    ):
        driver.type_into(field, typed)
        assert expected in center.says(center.screen.meet)
    assert driver.inspection(stage.VISIT).stage == "opened"
    driver.until(lambda: driver.session.sync_desk.center.peers[0].address)
    server.stop()
    assert "没有连上" in center.says(center.screen.meet)


def test_colleagues_come_while_this_tablet_serves(center: Center, colleague: Colleague) -> None:
    """The address is shown with its square code; what a visitor brings is said, and on the screen at once."""
    driver = center.driver
    driver.scroll_to(driver.pressable("供组员连接"))
    driver.press("center.serve")
    desk = driver.session.sync_desk
    driver.until(lambda: desk.code)
    assert desk.code == f"{desk.serving}#tab-1"
    assert driver.widget("SquareCode").texture is not None
    stage.open_visit(colleague.desk)
    colleague.desk.answer(stage.SECOND, stage.VISIT, "A06", YesNo(False))
    assert desk._server is not None
    port = desk._server.port
    before = driver.session.shown
    report = visits(colleague, driver, port)
    assert (report.outcome, report.given) == ("done", 2)
    driver.until(lambda: driver.session.shown is not before)
    assert driver.inspection(stage.VISIT).items
    driver.until(lambda: any("我替它带 2 条" in text for text in driver.texts()))
    assert "平板 tab-2 已连接本平板，带来 2 条记录" in center.told
    driver.until(lambda: driver.pressable("停止接收"))
    driver.scroll_to(driver.pressable("停止接收"))
    driver.press("center.serve_stop")
    assert (desk.serving, desk.code) == ("", "")
    assert visits(colleague, driver, port).outcome == "offline"


def test_a_locked_or_paused_tablet_takes_no_visitors(center: Center, colleague: Colleague) -> None:
    """Nothing is listening any more, and a line that was open is answered no longer."""
    driver, desk = center.driver, center.driver.session.sync_desk
    for stop in (driver.app.on_pause, driver.session.shut):
        desk.serve()
        driver.until(lambda: desk.code)
        assert desk._server is not None
        port = desk._server.port
        assert visits(colleague, driver, port).outcome == "done"
        with closing(HttpTransport(f"http://{LOOPBACK}:{port}")) as line:
            steps = Meet(
                colleague.store, colleague.vault, line.meet, entropy=os.urandom, clock=lambda: 1
            ).steps()
            with ThreadPoolExecutor(1) as pool:
                greeted = pool.submit(next(steps))
                driver.until(greeted.done)
                stop()
                asked = pool.submit(steps.send(greeted.result()))
                driver.until(asked.done)
            assert isinstance(asked.exception(), Rejected | Offline)
            steps.close()
        assert not desk.serving
        assert visits(colleague, driver, port).outcome == "offline"


def test_a_tablet_that_was_turned_away_takes_no_visitors(center: Center, colleague: Colleague) -> None:
    """Nothing is told any more from the moment that it knows, and it stops listening."""
    driver, desk = center.driver, center.driver.session.sync_desk
    desk.serve()
    driver.until(lambda: desk.code)
    assert desk._server is not None
    port, store = desk._server.port, driver.session._tools.store
    turned_away = Settlement(Journal(last_success_ms=stage.MORNING_MS), revoked=True)
    driver.session._worker.ask(lambda: store.settle(turned_away)).result(10)
    report = visits(colleague, driver, port)
    assert (report.outcome, report.problem) == ("failed", "device_revoked")
    desk.gather()
    driver.until(lambda: not desk.serving)
    assert visits(colleague, driver, port).outcome == "offline"


def test_only_what_changed_is_drawn_anew_and_only_while_it_is_shown(center: Center) -> None:
    """An exchange in the background makes nothing on a screen that nobody sees."""
    driver, screen = center.driver, center.screen
    places = [screen.ids[name] for name in ("records", "peers", "by_hand", "tablet_acts")]
    before = [list(place.children) for place in places]
    assert all(before)
    driver.session.syncing = True
    driver.settle()
    after = [list(place.children) for place in places]
    assert after[1:] == before[1:]
    driver.session.syncing = False
    driver.shown(driver.session.leave)
    hidden = list(screen.ids.records.children)
    screen.desk.center = screen.desk.center._replace(records=screen.desk.center.records[:1])
    driver.settle()
    assert list(screen.ids.records.children) == hidden


def test_how_far_colleagues_are_is_shown_in_a_visit(center: Center, colleague: Colleague) -> None:
    """Who is at which section and how many items they have answered, as of the meeting."""
    driver = center.driver
    stage.open_visit(colleague.desk)
    for item, answer in (("A06", YesNo(False)), ("B01", YesNo(True))):
        colleague.desk.answer(stage.SECOND, stage.VISIT, item, answer)
    driver.shown(lambda: driver.session.go(inspection=stage.VISIT, section="A"))
    assert "林晓喆：还没有记录" in driver.texts()
    server = RelayServer(colleague.answer, host=LOOPBACK, port=0)
    center.says(lambda: driver.session.sync_desk.meet(f"{LOOPBACK}:{server.port}"))
    driver.until(lambda: any(text.startswith("林晓喆：2 项，正在 ") for text in driver.texts()))
    assert "赵敏：还没有记录" in driver.texts()
    assert not any(text.startswith("陈向东：") for text in driver.texts())
    server.stop()


def test_a_package_is_written_onto_a_stick(center: Center, tablet: stage.Stage) -> None:
    """What is plugged in is offered, then the eight letters to compare; what cannot be written to is a sentence."""
    driver = center.driver
    key = X25519PrivateKey.generate().public_key().public_bytes_raw().hex()
    store = driver.session._tools.store
    identity = store.identity()
    assert identity is not None
    driver.session._worker.ask(lambda: store.enrol_again(identity._replace(sealing_key=key))).result(10)
    driver.scroll_to(driver.pressable("导出交换包"))
    driver.press("center.give_package")
    driver.until(lambda: driver.root.sheet)
    driver.settle()
    assert "KINGSTON" in driver.texts()
    driver.press("center.write")
    driver.until(lambda: list(center.stick.glob("*.hcx")))
    driver.until(lambda: not driver.session.sync_desk.packages.busy)
    driver.settle()
    [file] = center.stick.glob("*.hcx")
    code = file.stem.removeprefix("hucha-")
    assert {code, file.name} <= driver.texts()
    driver.press("close")
    driver.settle()
    driver.press("center.give_package")
    driver.until(lambda: driver.root.sheet)
    driver.settle()
    center.stick.rename(center.stick.with_name("pulled out"))
    assert "已拔出" in center.says(lambda: driver.press("center.write"))
    assert not center.stick.exists()


def test_a_package_is_read_from_a_folder(center: Center, tmp_path: Path) -> None:
    """Those for this tablet are listed; one that is damaged says so, and nothing changes."""
    driver = center.driver
    (center.stick / "broken.hcx").write_bytes(b"no package")
    key = X25519PrivateKey.generate().public_key().public_bytes_raw().hex()
    sealing = sealing_for(key, bytes(32))
    (center.stick / "others.hcx").write_bytes(start_bytes(sealing.header))
    driver.scroll_to(driver.pressable("导入交换包"))
    driver.press("center.take_package")
    driver.until(lambda: any("broken" in text for text in driver.texts()))
    assert "另有 1 个交换包不是给本平板的" in driver.texts()
    driver.settle()
    label = next(text for text in driver.texts() if text.startswith("broken"))
    assert "交换包" in center.says(lambda: driver.tap(driver.pressable(label)))
    driver.tap(driver.widget("Tick", text="其他文件夹"))
    driver.until(lambda: driver.field("center.folder"))
    driver.settle()
    driver.type_into(driver.field("center.folder"), str(tmp_path / "nowhere"))
    assert "文件夹 / folder" in center.says(lambda: driver.press("center.look"))


def test_what_is_not_built_in_has_no_button(center: Center, purged: list[object]) -> None:
    """Removing what is safe elsewhere is offered only where something does it, and gets the session."""
    driver, desk = center.driver, center.driver.session.sync_desk
    driver.scroll_to(driver.pressable("清理已有回执且已备份的数据"))
    driver.press("center.purge")
    assert purged == [driver.session]
    assert desk.tools is not None
    desk.tools = desk.tools._replace(purge=None, packages=None)
    center.screen._fill()
    driver.settle()
    assert not {"清理已有回执且已备份的数据", "导出交换包", "导入交换包"} & driver.texts()


def test_every_target_is_large_enough(driver: "Driver") -> None:
    """Whatever can be pressed is at least 48 dp high and wide."""
    small = [
        (type(widget).__name__, widget.width, widget.height)
        for widget in driver.root.walk(restrict=True)
        if hasattr(widget, "on_release") and not widget.disabled and widget.opacity and widget.width > 1
        if widget.height < 48 or widget.width < 48
    ]
    assert small == []
