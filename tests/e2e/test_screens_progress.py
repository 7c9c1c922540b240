"""How far a long work is, on the screen: a package being written and stopped, an exchange under way."""

import os
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from PIL import Image

from mobile import meeting_tools, photos, places
from mobile.door import Opened
from mobile.meeting_tools import MeetingTools
from mobile.progress import Report, Stopped
from mobile.settings import Settings
from mobile.store import Store
from mobile.sync import Steps, SyncReport
from mobile.vault import Vault
from mobile.worker import Worker
from shared_schema import package as format_
from tests.e2e import tablet_stage as stage
from tests.e2e.marks import SCREENS

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

pytestmark = SCREENS
WAIT_SECONDS = 20
WRITTEN = {"zh": "已写入 {} / 3 张照片", "en": "{} of 3 photos written"}
SENT = {
    "zh": {"已发送 30 / 40 条记录", "已收到 7 条记录", "已发送 1 / 2 张照片"},
    "en": {"30 of 40 records sent", "7 records received", "1 of 2 photos sent"},
}


class Photos:
    """The tablet's photos, of which the next waits until it is let through."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.through = threading.Semaphore(0)
        fetch = photos.fetch

        def one(*args: Any) -> bytes | None:
            assert self.through.acquire(timeout=WAIT_SECONDS)
            return fetch(*args)

        monkeypatch.setattr(photos, "fetch", one)
        # Of each photo all but its end leaves when it is its turn, the end with the next one.
        monkeypatch.setattr(format_, "CHUNK_BYTES", 100)

    def pass_(self, count: int) -> None:
        """Lets so many through."""
        self.through.release(count)


class Exchange:
    """With a server: thirty records are through, and the second photo waits for the line."""

    def __init__(self) -> None:
        self.ends = threading.Event()

    def steps(self, report: Report) -> Steps[SyncReport]:
        """Tells how far it is, and waits."""
        report("records_sent", 30, 40)
        report("records_received", 7, 0)
        report("photos_sent", 1, 2)
        yield lambda: self.ends.wait(WAIT_SECONDS)
        try:
            report("photos_sent", 2, 2)
        except Stopped:
            return SyncReport("stopped")
        return SyncReport("done")


class Center(NamedTuple):
    """The app with its sync center open."""

    driver: "Driver"
    stick: Path
    exchange: Exchange


@pytest.fixture(params=["zh", "en"])
def center(request: pytest.FixtureRequest, tablet: stage.Stage, tmp_path: Path) -> Iterator[Center]:
    """On a tablet with three photos to hand over, and a stick that is plugged in."""
    from tests.e2e.screen_driver import running

    store, desk = tablet.open()
    vault, exchange = Vault.headless(tablet.folder), Exchange()
    with_photos(store, vault, desk, tablet.folder / "photos")
    stick = tmp_path / "media" / "KINGSTON"
    stick.mkdir(parents=True)

    def tools(worker: Worker) -> MeetingTools:
        made = meeting_tools.make(
            Opened(vault, store), worker, Settings(tablet.folder), entropy=os.urandom, clock=lambda: 1
        )
        return made._replace(
            places=lambda: places.removable([tmp_path / "media"], lambda path: path == stick)
        )

    with running(
        store,
        desk,
        connect=lambda _: exchange,
        meeting=tools,
        language=request.param,
        person=stage.LEADER,
    ) as driver:
        driver.shown(lambda: driver.root.ids.bottom.dispatch("on_exchange"))
        driver.until(lambda: driver.session.sync_desk.center)
        driver.settle()
        yield Center(driver, stick, exchange)
        exchange.ends.set()


def with_photos(store: Store, vault: Vault, desk: Any, folder: Path) -> None:
    """Three that the server has not got, and its key to seal them for it."""
    identity = store.identity()
    assert identity is not None
    key = X25519PrivateKey.generate().public_key().public_bytes_raw().hex()
    store.enrol_again(identity._replace(sealing_key=key))
    stage.open_visit(desk)
    for shade in (10, 20, 30):
        out = BytesIO()
        Image.new("RGB", (64, 48), (shade, 120, 30)).save(out, "PNG")
        taken = photos.take(out.getvalue(), folder, vault)
        desk.attach_photo(stage.LEADER, stage.VISIT, "F02", taken)


def says(driver: "Driver", text: str) -> None:
    driver.until(lambda: text in driver.texts())


def begin_to_write(driver: "Driver") -> None:
    from mobile.ui.words import say

    driver.scroll_to(driver.pressable(say("center.give_package")))
    driver.press("center.give_package")
    driver.until(lambda: driver.root.sheet)
    driver.settle()
    driver.press("center.write")


def test_a_package_says_how_many_photos_are_written_and_is_there_at_the_end(
    center: Center, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked at one by one, then written one by one; then the code, and no count is left."""
    driver, gate = center.driver, Photos(monkeypatch)
    language = driver.session.shown.language
    begin_to_write(driver)
    gate.pass_(1)
    says(driver, {"zh": "核对照片 1 / 3 张", "en": "Looking at photos: 1 of 3"}[language])
    gate.pass_(4)
    says(driver, WRITTEN[language].format(1))
    assert driver.widget("Progress", value=pytest.approx(1 / 3))
    gate.pass_(1)
    driver.until(lambda: not driver.session.sync_desk.packages.busy)
    driver.settle()
    [file] = center.stick.iterdir()
    assert file.stem.removeprefix("hucha-") in driver.texts()
    assert not any("/ 3" in text or "of 3" in text for text in driver.texts())


@pytest.mark.parametrize("way", ["button", "beside"])
def test_a_package_that_is_stopped_leaves_nothing_and_can_be_written_again(
    center: Center, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """By the button that says so, or by sending the sheet away."""
    driver, gate = center.driver, Photos(monkeypatch)
    told: list[str] = []
    driver.session.bind(on_told=lambda _, text, icon: told.append(text))
    begin_to_write(driver)
    gate.pass_(5)
    says(driver, WRITTEN[driver.session.shown.language].format(1))
    assert [path.suffix for path in center.stick.iterdir()] == [".part"]
    if way == "button":
        driver.press("progress.stop_writing")
    else:
        driver.tap_at(20, 400)
        driver.settle()
    gate.pass_(1)
    driver.until(lambda: told)
    assert told[0].startswith(("已停止写出", "Writing was stopped"))
    assert list(center.stick.iterdir()) == []
    gate.pass_(6)
    if way == "button":
        driver.press("center.write")
    else:
        begin_to_write(driver)
    driver.until(lambda: [path.suffix for path in center.stick.iterdir()] == [".hcx"])


def test_an_exchange_counts_what_is_sent_and_received_until_it_ends(center: Center) -> None:
    driver = center.driver
    expected = SENT[driver.session.shown.language]
    assert not expected & driver.texts()
    driver.session.server = "http://127.0.0.1:9"
    driver.press("sync.now")
    driver.until(lambda: expected <= driver.texts())
    assert len(list(driver.widgets("Progress"))) == 2
    # The bar says the same in a word or two, wherever one is.
    assert (
        driver.root.ids.bottom.sync_text
        == {"zh": "照片 1/2", "en": "Photos 1/2"}[driver.session.shown.language]
    )
    center.exchange.ends.set()
    driver.until(lambda: not driver.session.syncing)
    driver.settle()
    assert not expected & driver.texts()


def test_an_exchange_is_stopped_after_what_is_on_the_line(center: Center) -> None:
    """It says that it is stopping, and then that it has; another one can be begun at once."""
    from mobile.ui.words import say

    driver = center.driver
    told: list[str] = []
    driver.session.bind(on_told=lambda _, text, icon: told.append(text))
    driver.session.server = "http://127.0.0.1:9"
    driver.press("sync.now")
    # Each of its lines moves the button.
    driver.until(lambda: SENT[driver.session.shown.language] <= driver.texts())
    driver.settle()
    driver.press("progress.stop_exchange")
    says(driver, say("progress.stopping"))
    center.exchange.ends.set()
    driver.until(lambda: told)
    driver.settle()
    assert told == [say("progress.stopped_exchange")]
    assert not driver.session.syncing
    assert not driver.pressable(say("sync.now")).disabled
    driver.press("sync.now")
    driver.until(lambda: len(told) > 1)
    assert told[1] != told[0]
