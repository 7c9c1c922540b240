"""Long pages come a part at a time, and the collector's long pass waits until nobody touches the screen."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from shared_schema.operations import Finding
from tests.e2e import tablet_stage as stage

if TYPE_CHECKING:
    from tests.e2e.screen_driver import Driver

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.xdist_group("screens"),
    pytest.mark.skipif(find_spec("kivy") is None, reason="Kivy has no build for this Python"),
]
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


def test_no_long_pass_of_the_collector_while_the_screen_is_touched() -> None:
    """Full passes come when nobody has touched the screen for a while; what the start made is not looked at again."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.e2e.screen_probe", "passes"],
        capture_output=True,
        text=True,
        env={**os.environ, "KIVY_GL_BACKEND": "mock"},
        check=False,
        timeout=240,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    found = json.loads(run.stdout.splitlines()[-1])
    assert found["touched"] == 0
    assert found["at_rest"] == 1
    assert found["frozen"] > found["looked_at"]
