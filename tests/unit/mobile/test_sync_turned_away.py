"""A tablet that was turned away destroys its keys: by then the server has signed for every photo."""

from collections.abc import Mapping

from tests.unit.mobile.test_package import photographed
from tests.unit.mobile.world import Server, Tablet


def turn_away(server: Server) -> None:
    server.db.write(lambda conn: conn.exec_driver_sql("UPDATE device SET revoked_at_ms = 1"))


def test_a_photo_that_a_restored_server_has_lost_is_handed_over_once_more(
    one: Tablet, server: Server
) -> None:
    """A tablet that was turned away is not told which photos are wanted; what the receipt leaves out, it sees."""
    one.open_visit()
    one.meet()
    copy = server.backup()
    taken = photographed(one)
    one.meet()
    assert server.photos == [taken]
    one.meet()
    server.restore(copy)
    turn_away(server)
    report = one.sync.once()
    assert (report.outcome, report.revoked) == ("done", True)
    assert server.photos == [taken]


def test_only_what_the_server_has_signed_for_is_handed_over(one: Tablet, server: Server) -> None:
    """Whoever sits in between says that a photo has arrived whole: its keys stay until the server has it."""
    one.open_visit()
    one.meet()
    taken = photographed(one)
    turn_away(server)
    send = one.line.files

    def between(method: str, name: str, body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        return {"location": "/files/x", "upload-offset": "99999999"}

    one.line.files = between  # type: ignore[method-assign]
    report = one.sync.once()
    assert (report.outcome, report.revoked, server.photos) == ("done", False, [])
    one.line.files = send  # type: ignore[method-assign]
    report = one.sync.once()
    assert (report.outcome, report.revoked, server.photos) == ("done", True, [taken])
