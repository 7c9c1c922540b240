"""The tablet's app and a real server over HTTP: enrolment, exchange, and life without a network."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from mobile.actions import Desk
from mobile.store import Store
from mobile.sync import Sync
from mobile.transport import HttpTransport
from mobile.vault import Vault
from server.access.devices import make_enrolment
from server.app import running as serving
from server.settings import Settings
from server.storage import devices
from server.storage.database import Database
from shared_schema.operations import YesNo
from shared_schema.problems import Problem
from shared_schema.square_code import EnrolmentCode
from tests.contract.plan import inspection_id, person_id, plan
from tests.e2e.marks import DRAWN, SCREENS

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

pytestmark = SCREENS
CODE, TABLET, LEADER, VISIT = "code-1", "T-1", person_id(1, 1), inspection_id(1, 1)


class Place(NamedTuple):
    """A running server with a code for one tablet."""

    db: Database
    url: str
    folder: Path


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A server of its own for each test."""
    settings = Settings(data=tmp_path / "server", port=0, log_level="error")
    with Database.open(settings.database_url) as db, serving(settings, db) as url:
        db.write(plan)
        db.write(lambda conn: make_enrolment(conn, "S-1", CODE, TABLET, 2**52))
        yield Place(db, url, tmp_path / "tablet")


@pytest.fixture
def held() -> list[bytes]:
    """What is held before the camera, one picture after the other."""
    return []


@pytest.fixture
def driver(place: Place, held: list[bytes]) -> Iterator["Driver"]:
    """The app on a tablet that nobody has enrolled."""
    from tests.e2e import photo_stage
    from tests.e2e.screen_driver import running
    from tests.e2e.tablet_stage import Stage

    vault = Vault.headless(place.folder)
    store = Store.open(place.folder / "tablet.db", vault)

    transports = []

    def connect(server: str) -> Sync:
        transport = HttpTransport(server, reply_seconds=5)
        transports.append(transport)
        return Sync(
            store,
            vault,
            transport,
            place.folder / "photos",
            entropy=os.urandom,
            clock=lambda: 1_795_000_000_000,
        )

    desk = Desk(store, os.urandom, lambda: 1_795_000_000_000)
    photos = photo_stage.tools(Stage(place.folder, TABLET), photo_stage.Camera(held))
    with running(store, desk, connect, photos=photos, language="zh") as started:
        yield started
    for transport in transports:
        transport.close()


def enrol(driver: "Driver", server: str, code: str) -> None:
    """Fills in the two fields and presses the button."""
    driver.type_into(driver.field("start.server"), server)
    driver.type_into(driver.field("start.code"), code)
    driver.press("start.enrol")


def test_a_tablet_is_enrolled_by_hand_and_gets_its_visits(place: Place, driver: "Driver") -> None:
    """Address and code; then the members of its squad are there to choose from."""
    enrol(driver, place.url, CODE)
    driver.until(lambda: "成员1" in driver.texts())
    assert driver.root.ids.bottom.sync_text == "已同步"


def test_a_tablet_is_enrolled_by_the_code_held_before_its_camera(
    place: Place, driver: "Driver", held: list[bytes]
) -> None:
    """What is no code, several codes and a code of something else are said; nothing of a picture is kept."""
    from tests.e2e.photo_stage import scene, with_code

    def said(code: str) -> bool:
        return Problem(code).message("zh") in driver.texts()

    sheet = EnrolmentCode(place.url, CODE).text
    held += (scene("door"), with_code(sheet, "WIFI:S:guest;;"), with_code("WIFI:S:guest;;"), with_code(sheet))
    for code in ("code_unseen", "code_unseen", "code_foreign"):
        driver.press("scan")
        driver.until(partial(said, code))
    driver.press("scan")
    driver.until(lambda: "成员1" in driver.texts())
    assert not list((place.folder / "photos").glob("*"))
    assert not list((place.folder / "camera").glob("*"))


def test_without_a_camera_there_is_nothing_to_scan_with(driver: "Driver") -> None:
    """The address and the code can be typed."""
    desk, start = driver.session.photo_desk, driver.app.screens["start"]
    assert not start.ids.scan.hidden
    assert desk.tools is not None
    desk.admit(desk.tools._replace(camera=lambda: None))
    start.scan()  # it was pulled out as the button was pressed
    driver.until(lambda: Problem("camera_missing").message("zh") in driver.texts())
    driver.until(lambda: not start.ids.scan.disabled)
    start.show(driver.session.shown)
    assert start.ids.scan.hidden


def test_what_goes_wrong_with_enrolling_is_said(place: Place, driver: "Driver") -> None:
    """A wrong code and a server that is not there are two sentences; the fields stay as they are."""
    enrol(driver, place.url, "not-this")
    driver.until(lambda: "注册码无效、已使用或已过期，请向协调员索取新码。" in driver.texts())
    enrol(driver, "http://127.0.0.1:1", CODE)
    driver.until(lambda: "没有连上服务器：http://127.0.0.1:1。请检查地址和网络后重试。" in driver.texts())


def test_a_start_with_a_new_code_makes_a_forgotten_tablet_known_again(place: Place, driver: "Driver") -> None:
    """A server restored from before the enrolment: what to do is said, and a start with a code does it."""
    from mobile.ui.tools import Begin

    enrol(driver, place.url, CODE)
    driver.until(lambda: driver.session.shown.people)
    driver.until(lambda: not driver.session.syncing)
    place.db.write(lambda conn: conn.exec_driver_sql("DELETE FROM device WHERE id = 'T-1'"))
    place.db.write(lambda conn: make_enrolment(conn, "S-1", "code-2", "T-2", 2**52))
    driver.session.sync()
    driver.until(lambda: "请用注册码注册" in driver.session.shown.sync.text)
    driver.session.begin(Begin(server=place.url, code="code-2"), lambda _: None)
    driver.until(lambda: driver.root.ids.bottom.sync_text == "已同步")
    known = place.db.read(
        lambda conn: conn.exec_driver_sql("SELECT id FROM device WHERE id LIKE 'T-%'").fetchall()
    )
    assert [tuple(row) for row in known] == [("T-1",)]


def test_an_answer_reaches_the_server_with_sync_now(place: Place, driver: "Driver") -> None:
    """Unsent is a word on the bar, and after the exchange the server has the operations."""
    enrol(driver, place.url, CODE)
    driver.until(lambda: driver.session.shown.people)
    driver.until(lambda: not driver.session.syncing)
    session = driver.session
    driver.shown(lambda: session.go(person=LEADER, inspection=VISIT))
    driver.shown(
        lambda: session.do(
            "open_visit", members=[LEADER, person_id(1, 2)], task_letter_shown=True, recusal_asked=True
        )
    )
    driver.shown(lambda: session.do("answer", "A06", YesNo(ok=True)))
    assert driver.root.ids.bottom.sync_text == "2 条未发送"
    driver.root.ids.bottom.dispatch("on_exchange")
    driver.settle()
    driver.press("sync.now")
    driver.until(lambda: driver.root.ids.bottom.sync_text == "已同步")
    stored = place.db.read(lambda conn: conn.exec_driver_sql("SELECT count(*) FROM operation").scalar_one())
    assert stored == 2


def test_without_a_network_the_work_goes_on(place: Place, driver: "Driver") -> None:
    """Offline is a state with a word; nothing waits for it."""
    enrol(driver, place.url, CODE)
    driver.until(lambda: driver.session.shown.people)
    driver.until(lambda: not driver.session.syncing)
    session = driver.session
    driver.shown(lambda: session.go(person=LEADER, inspection=VISIT))
    session._sync = session._tools.connect("http://127.0.0.1:1")
    driver.shown(
        lambda: session.do(
            "open_visit", members=[LEADER, person_id(1, 2)], task_letter_shown=True, recusal_asked=True
        )
    )
    session.sync()
    driver.until(lambda: driver.root.ids.bottom.sync_text == "离线 · 1 条未发送")
    driver.shown(lambda: session.do("answer", "A06", YesNo(ok=True)))
    assert driver.root.ids.bottom.sync_text == "离线 · 2 条未发送"


def test_the_program_enrols_on_its_first_start_and_needs_no_arguments_later(place: Place) -> None:
    """`hucha-tablet --server URL --enrol CODE`, then `hucha-tablet` alone."""
    command = [sys.executable, "-m", "mobile.main", "--data", str(place.folder)]
    secrets = {"HUCHA_TABLET_SECRETS": str(place.folder / "secret")}
    environment = {**os.environ, **DRAWN, **secrets}

    def last_seen() -> int | None:
        row = place.db.read(lambda conn: devices.get(conn, TABLET))
        return None if row is None else row.seen_at_ms

    def start(*more: str, until_after: int) -> int:
        program = subprocess.Popen([*command, *more], env=environment, stderr=subprocess.PIPE)
        try:
            end = time.monotonic() + 60
            while (seen := last_seen() or 0) <= until_after:
                assert program.poll() is None, program.communicate()[1].decode()
                assert time.monotonic() < end, "the tablet did not call"
                time.sleep(0.1)
            return seen
        finally:
            program.kill()
            program.communicate()

    first = start("--server", place.url, "--enrol", CODE, until_after=0)
    assert start(until_after=first) > first
    store = Store.open(place.folder / "tablet.db", Vault.headless(place.folder))
    assert store.identity() is not None
    store.close()
