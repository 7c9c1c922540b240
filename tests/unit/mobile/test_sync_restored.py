"""A server restored from a backup that lacks what its console has written since."""

import pytest

from server.intake import desk, news
from shared_schema.operations import Locked
from tests.unit.mobile.world import COUNT, VISIT, YES_NO, Server, Tablet, quiet


@pytest.mark.parametrize("page", [1000, 2])
def test_what_is_late_stays_late_however_much_is_read_again_first(
    one: Tablet, two: Tablet, server: Server, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """Until all is read nobody knows that the lock is lost; what it does not cover waits for that."""
    monkeypatch.setattr(desk, "_check", lambda *_: None)
    one.open_visit()
    for number in range(6):
        one.answer(COUNT, number)
    quiet(one, two)
    copy = server.backup()
    two.answer(YES_NO, True)
    lock = Locked()
    server.db.write(lambda conn: desk.record(conn, VISIT, "xu", "coordinator", lock, now_ms=server.now_ms))
    quiet(one, two)
    refused = "SELECT problem FROM refusal"
    assert server.db.read(lambda conn: conn.exec_driver_sql(refused).fetchall()) == [("op_late",)]
    before = sorted(server.log())
    server.restore(copy)
    monkeypatch.setattr(news, "REPLY_OPS_MAX", page)
    quiet(two)
    assert server.db.read(lambda conn: conn.exec_driver_sql(refused).fetchall()) == [("op_late",)]
    assert sorted(server.log()) == before
