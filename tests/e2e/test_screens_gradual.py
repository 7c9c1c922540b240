"""What the first frame does not need comes later, long pages a part at a time, the collector's long pass at rest."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shared_schema.operations import Finding
from tests.e2e import tablet_stage as stage
from tests.e2e.marks import SCREENS

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

pytestmark = SCREENS
FINDINGS = 30


def test_the_last_page_comes_a_part_before_each_frame(
    start: Callable[..., "Driver"], tablet: stage.Stage
) -> None:
    """Its steps at once, thirty findings by the handful; a second look makes nothing anew that did not change."""
    store, desk = tablet.open()
    stage.open_visit(desk)
    for number in range(FINDINGS):
        desk.record_finding(
            stage.LEADER, stage.VISIT, Finding(finding=f"f-{number}", item="A03", fact="一台")
        )
    store.close()
    driver = start(person=stage.LEADER)
    page = driver.app.visit.pages["@closing"]
    driver.session.go(inspection=stage.VISIT, section="@closing")
    while not (page.steps.ids.held.children and driver.session.shown.place.section == "@closing"):
        driver.pump()
    assert len(page.findings.ids.held.children) < FINDINGS
    assert not page.signatures.ids.held.children
    driver.settle()
    assert len(page.findings.ids.held.children) == FINDINGS
    assert page.signatures.ids.held.children
    stayed = list(page.findings.ids.held.children)
    driver.shown(lambda: driver.session.go(section="A"))
    driver.shown(lambda: driver.session.go(section="@closing"))
    driver.settle()
    assert page.findings.ids.held.children == stayed


def probed(what: str) -> dict[str, Any]:
    """What a process of its own finds: Kivy and the collector are one for each process."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.e2e.screen_probe", what],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def test_the_first_frame_loads_no_screen_that_it_does_not_show() -> None:
    """Neither a visit with its pages and sheets nor the sync center; soon after it they are all there."""
    assert probed("start") == {"screen": "work", "early": [], "left": []}


def test_no_long_pass_of_the_collector_while_the_screen_is_touched() -> None:
    """Full passes come when nobody has touched the screen for a while; what the start made is not looked at again."""
    found = probed("passes")
    assert found["touched"] == 0
    assert found["at_rest"] == 1
    assert found["frozen"] > found["looked_at"]
