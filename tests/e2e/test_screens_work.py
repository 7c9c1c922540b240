"""The work list, looked at and tapped: what every line says, and where a tap leads."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from mobile.settling import Journal, Settlement
from shared_schema.checklist import to_bytes
from shared_schema.ids import digest
from tests.e2e import tablet_stage as stage
from tests.e2e.marks import SCREENS

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

pytestmark = SCREENS
Start = Callable[..., "Driver"]


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("zh", "这次检查的清单需要更新版本的应用：请升级，或换一台平板；已记录的内容不会丢失。"),
        (
            "en",
            "This visit's checklist needs a newer app: update, or take another tablet; nothing recorded is lost.",
        ),
    ],
)
def test_a_visit_whose_checklist_is_too_new_says_so_and_does_not_open(
    tablet: stage.Stage, start: Start, language: str, sentence: str
) -> None:
    """On its line, and in full when it is tapped; the people are all there though no visit can be shown."""
    content = to_bytes(stage.checklist()).replace(b'"type":"clauses"', b'"type":"foreseen"')
    store, _ = tablet.open()
    known = [replace(one, checklist=digest(content)) for one, _ in store.assignments().values()]
    store.settle(Settlement(Journal(), assignments=known, checklists=[(digest(content), content)]))
    store.close()
    driver = start(language=language)
    assert len(list(driver.widgets("PersonLine"))) == len(stage.MEMBERS)
    driver.shown(lambda: driver.tap(driver.widget("PersonLine", person=stage.SECOND)))
    row = driver.widget("WorkLine", key=stage.VISIT)
    assert row.open_text == sentence
    driver.tap(row)
    driver.settle()
    assert driver.widget("Sheet", title=row.unit)
    assert driver.session.shown.screen == "work"
    driver.press("close")
    driver.settle()
    assert driver.session.shown.screen == "work"


@pytest.mark.parametrize(
    ("language", "today", "squad"), [("zh", "今天", "第三检查组"), ("en", "Today", "Squad 3")]
)
def test_todays_visit_stands_first_and_says_so_and_every_line_names_its_squad(
    tablet: stage.Stage, start: Start, language: str, today: str, squad: str
) -> None:
    """By the tablet's clock; what is under way on another day stays in its place."""
    store, desk = tablet.open()
    stage.open_visit(desk, stage.BLIND)
    known = [
        replace(one, planned_date="2026-11-21" if one.inspection == "visit-water" else one.planned_date)
        for one, _ in store.assignments().values()
    ]
    store.settle(Settlement(Journal(), assignments=known))
    store.close()
    driver = start(language=language, person=stage.SECOND)
    driver.settle()
    rows = sorted(driver.widgets("WorkLine"), key=lambda row: -row.y)
    assert [row.key for row in rows] == [
        "visit-water",
        "visit-archive",
        "visit-heping",
        "visit-finance",
        "visit-school",
    ]
    assert [row.weekday == today for row in rows] == [True, False, False, False, False]
    assert all(squad in row.address for row in rows)
