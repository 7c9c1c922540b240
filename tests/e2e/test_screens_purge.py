"""Clearing a tablet, tapped through: what may go is told, it goes, and a visit is wanted back."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mobile import purge
from mobile.meeting_tools import MeetingTools
from mobile.settling import Journal, Reading, Settlement, Verdict
from mobile.sync_views import Storage
from shared_schema.wire import BackedLog, Held
from tests.e2e import tablet_stage as stage
from tests.e2e.marks import SCREENS

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

pytestmark = SCREENS
LATER_MS = stage.MORNING_MS + 90 * 86_400_000
HEAD = "ab" * 32
OTHER = "visit-archive"


@pytest.fixture
def driver(tablet: stage.Stage, tmp_path: Path) -> Iterator["Driver"]:
    """The app with its sync center open: of one visit the server has signed that a backup holds it, of another not."""
    from mobile.ui import sheets_purge
    from tests.e2e.screen_driver import running

    store, desk = tablet.open()
    made = []
    for visit in (stage.VISIT, OTHER):
        members = [one.person for one in stage.MEMBERS[:2]]
        made.append(
            desk.open_visit(
                stage.LEADER,
                visit,  # type: ignore[arg-type]
                members=members,  # type: ignore[arg-type]
                task_letter_shown=True,
                recusal_asked=True,
            )
        )
    store.settle(
        Settlement(
            Journal(last_success_ms=stage.MORNING_MS),
            verdicts=[Verdict(one.id, "accepted") for one in made],
            receipts=[Held(one.epoch, one.seq, one.hash, one.seq, one.hash) for one in made[:1]],
            news=[Reading(visit, 1, (), HEAD) for visit in (stage.VISIT, OTHER)],
            logs_backed_up=[BackedLog(stage.VISIT, 1, HEAD)],
            read_to_the_end=True,
        )
    )
    tools = MeetingTools(
        meet=lambda _: None,  # type: ignore[arg-type, return-value]
        serve=lambda *_: None,  # type: ignore[arg-type]
        addresses=tuple,
        storage=lambda: Storage(3 * 10**8, 10**6),
        photo_bytes=lambda _: 0,
        purge=sheets_purge.clearing,
        clear=purge.tools(store, tmp_path / "photos", lambda: LATER_MS),
    )
    with running(store, desk, meeting=lambda _: tools, language="zh", person=stage.LEADER) as driver:
        driver.shown(lambda: driver.root.ids.bottom.dispatch("on_exchange"))
        driver.until(lambda: driver.session.sync_desk.center)
        driver.settle()
        yield driver


def shot(driver: "Driver", name: str) -> None:
    """A picture, where somebody wants to look at it."""
    folder = os.environ.get("PICTURES")
    if folder:
        driver.settle(0.6)
        driver.picture(Path(folder) / f"{name}.png")


def test_what_a_backup_holds_goes_and_comes_back_when_wanted(driver: "Driver") -> None:
    told: list[str] = []
    driver.session.bind(on_told=lambda _, text, icon: told.append(text))
    key = driver.pressable("清理已有回执且已备份的数据")
    driver.scroll_to(key)
    shot(driver, "center")
    driver.tap(key)
    driver.until(lambda: any(text.startswith("可清理的检查：1") for text in driver.texts()))
    assert "服务器尚未确认备份，保留：1" in driver.texts()
    shot(driver, "asking")
    driver.settle()
    driver.tap(driver.pressable("清理"))
    driver.until(lambda: told)
    assert told == ["已清理 1 次检查、0 张照片"]
    driver.shown(driver.session.leave)
    driver.settle()
    assert "已清理" in driver.texts()
    shot(driver, "work")
    row = next(one for one in driver.widgets("WorkLine") if one.key == stage.VISIT)
    driver.tap(row)
    driver.until(lambda: "这次检查已清理" in driver.texts())
    shot(driver, "fetching")
    driver.settle()
    told.clear()
    driver.tap(driver.pressable("取回"))
    driver.until(lambda: told)
    store = driver.session._tools.store
    asked = driver.session._worker.ask(lambda: (sorted(store.cursors()), store.purged()))
    driver.until(asked.done)
    assert asked.result() == ([OTHER], frozenset[str]({stage.VISIT})), (
        "the next exchange reads it from the start"
    )
