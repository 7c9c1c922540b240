"""Enrolling: once, again after a lost reply, and again where a restored server has forgotten the tablet."""

from pathlib import Path

import pytest

from shared_schema.problems import Problem
from tests.unit.mobile.world import COUNT, Server, Tablet, quiet


def test_enrolment_can_be_repeated_when_its_reply_was_lost(tmp_path: Path, server: Server) -> None:
    """The key is on the disk before the request leaves, so the same code works again."""
    tablet = Tablet(tmp_path, server, "T-5", enrolled=False)
    code = server.code("T-5")
    steps = tablet.sync.enrol_steps(code)
    next(steps)()
    steps.close()
    tablet.reopen()
    assert tablet.store.identity() is None
    assert tablet.sync.enrol(code).device == "T-5"
    with pytest.raises(Problem, match="enrolment_code_invalid"):
        Tablet(tmp_path, server, "T-6", enrolled=False).sync.enrol("nonsense")
    tablet.close()


def test_a_tablet_the_server_has_forgotten_is_enrolled_again(tmp_path: Path, server: Server) -> None:
    """A server restored from before the enrolment: with a new code it gets back all, under the same id."""
    before = server.backup()
    tablet = Tablet(tmp_path, server, "T-5")
    tablet.meet()
    tablet.open_visit()
    tablet.answer(COUNT, 2)
    quiet(tablet)
    log, head = server.log(), tablet.store.head()
    server.restore(before)
    tablet.answer(COUNT, 3)
    assert tablet.sync.once().problem == "device_unknown"
    tablet.reopen()
    # The new code was made for another id: the tablet's operations name the former one.
    assert tablet.sync.enrol(server.code("T-9")).device == "T-5"
    assert tablet.store.head().epoch == head.epoch
    quiet(tablet)
    assert set(log) < set(server.log())
    assert len(server.log()) == 3
    assert tablet.store.sync_state().refused == 0
    tablet.close()


def test_a_tablet_that_is_known_uses_up_no_code(server: Server, one: Tablet) -> None:
    """A start with a code, on a tablet that works, is a start like any other: offline too."""
    code = server.code("T-9")
    one.line.enrol = lambda _: pytest.fail("it asked")  # type: ignore[method-assign, assignment]
    assert one.sync.enrol(code) == one.store.identity()


def test_a_former_id_that_another_has_by_now_is_refused(tmp_path: Path, server: Server) -> None:
    """Two tablets of one id would be taken for one; the code stays good for another."""
    before = server.backup()
    tablet = Tablet(tmp_path, server, "T-5")
    tablet.meet()
    server.restore(before)
    assert tablet.sync.once().problem == "device_unknown"
    newer = Tablet(tmp_path / "newer", server, "T-5", seed="another")
    code = server.code("T-9")
    with pytest.raises(Problem, match="form_invalid"):
        tablet.sync.enrol(code)
    assert Tablet(tmp_path, server, "T-9", enrolled=False).sync.enrol(code).device == "T-9"
    assert newer.meet().outcome == "done"
    tablet.close()
    newer.close()
