"""Blind scoring and leads to verify, tapped through on the tablet's screens."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from mobile.settling import Journal, Settlement
from shared_schema.operations import Count
from shared_schema.wire import Lead
from tests.e2e import tablet_stage as stage
from tests.e2e.marks import SCREENS

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

pytestmark = SCREENS
Start = Callable[..., "Driver"]
LEADS = (Lead("L-1", "核实涉密笔记本去向", "E01", "线索 3 号"), Lead("L-2", "看值班室交接本"))


def told(tablet: stage.Stage, **changes: object) -> None:
    """What the coordinator tells of the visit arrives."""
    store, _ = tablet.open()
    assigned = [
        replace(one, **changes) if one.inspection == stage.VISIT else one
        for one, _ in store.assignments().values()
    ]
    store.settle(Settlement(journal=Journal(last_success_ms=stage.MORNING_MS), assignments=assigned))
    store.close()


@pytest.fixture
def blind(tablet: stage.Stage) -> stage.Stage:
    """A visit scored blind, on which a colleague has answered A03 and closed."""
    told(tablet, blind=True)
    store, desk = tablet.open()
    stage.open_visit(desk)
    desk.answer(stage.SECOND, stage.VISIT, "A03", Count(4))
    for person in (stage.SECOND, stage.THIRD):
        desk.close_scoring(person, stage.VISIT, person)
    store.close()
    return tablet


def test_a_colleagues_answer_appears_when_all_have_closed(start: Start, blind: stage.Stage) -> None:
    """Before: no answer, no progress, no dispute. The leader closes, and both stand side by side."""
    driver = start(person=stage.LEADER)
    driver.shown(lambda: driver.session.go(inspection=stage.VISIT, section="A"))
    driver.settle()
    assert "独立评分" in driver.texts()
    assert [zone.text for zone in driver.row("A03").zones][1] == ""
    driver.shown(lambda: driver.session.do("answer", "A03", Count(1), seen=driver.row("A03").row.seen))
    assert driver.root.ids.bottom.disputes == 0
    driver.press("blind.close")
    driver.settle()
    driver.shown(lambda: driver.press("blind.close"))
    driver.settle()
    assert driver.root.ids.bottom.disputes == 1
    assert "独立评分" not in driver.texts()
    driver.shown(lambda: driver.session.go(item="A03", pane="item"))
    assert {value.text for value in driver.widgets("DisputeValue")} == {"4 项", "1 项"}


def test_who_has_closed_waits_and_the_leader_can_close_for_another(start: Start, tablet: stage.Stage) -> None:
    """The banner names whom everybody waits for; the leader's way out asks for a reason."""
    told(tablet, blind=True)
    store, desk = tablet.open()
    stage.open_visit(desk)
    desk.close_scoring(stage.LEADER, stage.VISIT, stage.LEADER)
    desk.close_scoring(stage.THIRD, stage.VISIT, stage.THIRD)
    store.close()
    driver = start(person=stage.LEADER)
    driver.shown(lambda: driver.session.go(inspection=stage.VISIT, section="A"))
    driver.settle()
    assert "等待：林晓喆" in driver.texts()
    assert not driver.row("A03").active
    driver.press("blind.other")
    driver.settle()
    driver.press("blind.other_record")
    assert "请选择组员并写明原因。" in driver.texts()
    driver.tap(driver.widget("Tick", text="林晓喆"))
    driver.type_into(driver.field("blind.other_reason"), "临时离开")
    driver.shown(lambda: driver.press("blind.other_record"))
    assert driver.session.shown.visit.head.scoring is None
    assert driver.row("A03").active


def test_leads_are_seen_and_their_outcome_recorded(start: Start, tablet: stage.Stage) -> None:
    """From the work list to the lead's outcome, with a note; the lead's item shows it too."""
    told(tablet, leads=LEADS)
    store, desk = tablet.open()
    stage.open_visit(desk)
    store.close()
    driver = start(person=stage.LEADER)
    assert any("2 条线索待核实" in text for text in driver.texts())
    driver.shown(lambda: driver.session.go(inspection=stage.VISIT, section="A"))
    driver.settle()
    driver.press("lead.see")
    driver.settle()
    assert "核实涉密笔记本去向" in driver.texts()
    driver.press("lead.record")
    driver.settle()
    driver.press("save")
    assert "请选择属实或查无此事。" in driver.texts()
    driver.tap(driver.widget("Segment", key="untrue"))
    driver.type_into(driver.field("lead.note"), "交接本齐全")
    driver.shown(lambda: driver.press("save"))
    (lead,) = driver.inspection(stage.VISIT).leads
    assert (lead.value.verified, lead.value.note) == (False, "交接本齐全")
    driver.shown(lambda: driver.session.go(item="E01", pane="item"))
    assert any("核实涉密笔记本去向" in text for text in driver.texts())
