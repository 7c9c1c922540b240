"""The sync center, tapped through: what it shows, serving and meeting over real loopback HTTP, diagnostics."""

import itertools
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mobile import relay
from mobile.relay import Meet
from mobile.relay_server import RelayServer
from mobile.settling import Journal, Settlement
from mobile.store import Store
from mobile.sync_views import Storage
from mobile.transport import HttpTransport
from mobile.vault import Vault
from shared_schema.operations import YesNo
from shared_schema.wire import Peer
from tests.e2e import tablet_stage as stage

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.xdist_group("screens"),
    pytest.mark.skipif(find_spec("kivy") is None, reason="Kivy has no build for this Python"),
]
LOOPBACK = "127.0.0.1"


class Colleague:
    """Another tablet of the squad, without a screen."""

    def __init__(self, folder: Path) -> None:
        made = stage.set_up(folder, "tab-2")
        self.vault = Vault.headless(folder)
        self.store, self.desk = made.open()

    def answer(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        return relay.answer(
            self.store, self.vault, body, headers, entropy=_entropy, now_ms=stage.MORNING_MS
        ).body


_counter = itertools.count(1)


def _entropy(count: int) -> bytes:
    return next(_counter).to_bytes(count, "big")


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
def driver(tablet: stage.Stage, colleague: Colleague, tmp_path: Path) -> Iterator["Driver"]:
    """The app on a tablet with its sync center open; it and its colleague know each other."""
    from mobile.ui.sync_desk import MeetingTools
    from tests.e2e.screen_driver import running

    store, desk = tablet.open()
    vault = Vault.headless(tablet.folder)
    _introduce((store, vault, "tab-1"), (colleague.store, colleague.vault, "tab-2"))
    lines: list[HttpTransport] = []
    apps: list[Driver] = []

    def meet(address: Any) -> Meet:
        lines.append(HttpTransport(address.url))
        return Meet(store, vault, lines[-1].sync, entropy=_entropy, clock=lambda: stage.MORNING_MS,
                    address=address.code, expected=address.device)  # fmt: skip

    def serve(_: Any, learned: Any) -> RelayServer:
        def answer(body: bytes, headers: Mapping[str, str]) -> bytes:
            def run() -> relay.Answered:
                return relay.answer(store, vault, body, headers, entropy=_entropy, now_ms=stage.MORNING_MS)

            asked: Future[relay.Answered] = apps[0].session._worker.ask(run, lambda one: learned(one.device))
            return asked.result(30).body

        return RelayServer(answer, host=LOOPBACK, port=0)

    tools = MeetingTools(
        meet, serve, lambda: ("192.168.43.1",), lambda: Storage(10**10, 10**6),
        lambda _: "diagnostics.txt",
        take_package=lambda session: session.tell("taken", "check"),
    )  # fmt: skip
    with running(store, desk, meeting=tools, language="zh", person=stage.LEADER) as driver:
        apps.append(driver)
        driver.shown(lambda: driver.root.ids.bottom.dispatch("on_exchange"))
        driver.until(lambda: driver.session.sync_desk.center)
        driver.settle()
        yield driver
    for line in lines:
        line.close()


def test_it_opens_from_the_bar_and_goes_back(driver: "Driver") -> None:
    """What is where, and the way back to the work list."""
    assert {"同步中心", "记录", "服务器已收", "平板 tab-2", "尚无服务器回执"} <= driver.texts()
    driver.shown(driver.session.leave)
    assert "同步中心" not in driver.texts()
    assert driver.session.shown.screen == "work"


def test_colleagues_meet_by_a_typed_address(driver: "Driver", colleague: Colleague) -> None:
    """What the other one has is here after one tap; a wrong address and a silent one are sentences."""
    told: list[str] = []
    driver.session.bind(on_told=lambda _, text, icon: told.append(text))
    stage.open_visit(colleague.desk)
    server = RelayServer(colleague.answer, host=LOOPBACK, port=0)
    field = driver.field("center.address")
    driver.scroll_to(field)
    for typed, expected in (
        ("不是地址", "地址 / address 填写有误"),
        (f"{LOOPBACK}:{server.port}#tab-9", "未能互通"),
        (f"{LOOPBACK}:{server.port}", "已与 tab-2 互通：收到 1 条，交出 0 条"),
    ):
        told.clear()
        driver.type_into(field, typed)
        driver.app.shell._screens["sync"].meet()
        driver.until(lambda: told)
        assert expected in told[0]
    assert driver.inspection(stage.VISIT).stage == "opened"
    driver.until(lambda: driver.session.sync_desk.center.peers[0].address)
    server.stop()
    told.clear()
    driver.app.shell._screens["sync"].meet()
    driver.until(lambda: told)
    assert "没有连上" in told[0]


def test_colleagues_come_while_this_tablet_serves(driver: "Driver", colleague: Colleague) -> None:
    """The address is shown with its square code, and what a visitor brings is on the screen at once."""
    from threading import Thread

    driver.scroll_to(driver.pressable("供队友连接"))
    driver.press("center.serve")
    desk = driver.session.sync_desk
    driver.until(lambda: desk.code)
    assert desk.code == f"{desk.serving}#tab-1"
    assert driver.widget("SquareCode").texture is not None
    stage.open_visit(colleague.desk)
    colleague.desk.answer(stage.SECOND, stage.VISIT, "A06", YesNo(False))
    reports: list[relay.MeetingReport] = []

    assert desk._server is not None
    port = desk._server.port

    def visit() -> None:
        with closing(HttpTransport(f"http://{LOOPBACK}:{port}")) as line:
            asking = Meet(colleague.store, colleague.vault, line.sync, entropy=_entropy, clock=lambda: 1)
            reports.append(asking.once())

    before = driver.session.shown
    # The store of the colleague is used on this thread alone once the visitor is done.
    thread = Thread(target=visit)
    thread.start()
    end = time.monotonic() + 30
    while thread.is_alive() and time.monotonic() < end:
        driver.pump()
    thread.join()
    assert [(one.outcome, one.given) for one in reports] == [("done", 2)]
    driver.until(lambda: driver.session.shown is not before)
    assert driver.inspection(stage.VISIT).items
    driver.until(lambda: any("我替它带 2 条" in text for text in driver.texts()))
    driver.press("center.serve_stop")
    assert (desk.serving, desk.code) == ("", "")


def test_packages_appear_with_their_callable_and_diagnostics_are_shown(driver: "Driver") -> None:
    """What is not built in has no button; diagnostics can be read before they are handed over."""
    told: list[str] = []
    driver.session.bind(on_told=lambda _, text, icon: told.append(text))
    assert "导出数据包" not in driver.texts()
    driver.scroll_to(driver.pressable("导入数据包"))
    driver.press("center.take_package")
    assert told == ["taken"]
    driver.scroll_to(driver.pressable("诊断信息"))
    driver.press("center.diagnose")
    driver.until(lambda: any("device: tab-1" in text for text in driver.texts()))
    assert any("不含答案、姓名和单位" in text for text in driver.texts())


def test_every_target_is_large_enough(driver: "Driver") -> None:
    """Whatever can be pressed is at least 48 dp high and wide."""
    small = [
        (type(widget).__name__, widget.width, widget.height)
        for widget in driver.root.walk(restrict=True)
        if hasattr(widget, "on_release") and not widget.disabled and widget.opacity and widget.width > 1
        if widget.height < 48 or widget.width < 48
    ]
    assert small == []
