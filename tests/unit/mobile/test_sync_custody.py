"""Photos on their way: a receipt for each, however many there are, and no line too bad for a start."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from mobile import sync, uploads
from mobile.pauses import pause_ms
from mobile.transport import Offline, Rejected
from server.intake import photos as server_photos
from server.intake import uploads as server_uploads
from shared_schema.ids import digest
from shared_schema.operations import Operation
from shared_schema.problems import Problem
from shared_schema.wire import ProblemReply
from tests.unit.mobile.test_package import bad_sector, photographed
from tests.unit.mobile.world import YES_NO, Server, Tablet


def test_every_photo_gets_its_receipt_though_none_is_in_a_backup(
    one: Tablet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There may be more than can be asked about at one time, and no backup may ever come."""
    one.open_visit()
    for shade in (10, 20, 30):
        photographed(one, shade)
    one.meet()
    monkeypatch.setattr(sync, "PHOTOS_ASKED_MAX", 2)
    for _ in range(2):
        one.meet()
    assert one.store.figures().photos == {("received", 1): 3}


def test_a_tap_made_while_a_revoked_tablet_hands_over_its_photos_is_handed_over_too(
    one: Tablet, server: Server
) -> None:
    """Its keys are destroyed once everything has gone."""
    one.open_visit()
    one.meet()
    photographed(one)
    server.db.write(lambda conn: conn.exec_driver_sql("UPDATE device SET revoked_at_ms = 1"))
    send, taps = one.line.files, list[Operation]()

    def files(method: str, name: str, body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        if not taps:
            taps.append(one.answer(YES_NO, True))
        return send(method, name, body, headers)

    one.line.files = files  # type: ignore[method-assign]
    report = one.sync.once()
    assert (report.outcome, report.photos, report.revoked) == ("done", 1, True)
    assert one.store.sync_state().unsent == 0


def test_a_photo_taken_while_a_revoked_tablet_hands_over_its_photos_is_handed_over_too(
    one: Tablet, server: Server
) -> None:
    """Its operation goes between two photos, and the picture itself with the next run: its keys stay until then."""
    one.open_visit()
    one.meet()
    for shade in (10, 20):
        photographed(one, shade)
    server.db.write(lambda conn: conn.exec_driver_sql("UPDATE device SET revoked_at_ms = 1"))
    send, late = one.line.files, [30]

    def files(method: str, name: str, body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        if late:
            photographed(one, late.pop())
        return send(method, name, body, headers)

    one.line.files = files  # type: ignore[method-assign]
    report = one.sync.once()
    state = one.store.sync_state()
    assert (report.outcome, report.photos, state.unsent, state.photos_left) == ("done", 2, 0, 1)
    assert not report.revoked
    report = one.sync.once()
    assert (report.revoked, one.store.sync_state().photos_left) == (True, 0)
    assert len(server.photos) == 3


def test_a_photo_that_is_never_taken_does_not_keep_a_revoked_tablet_for_good(
    one: Tablet, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a day the fault may be the server's, and is told; then what else there is has gone, and its keys go."""
    one.open_visit()
    one.meet()
    refused, _ = (photographed(one, shade) for shade in (10, 20))
    server.db.write(lambda conn: conn.exec_driver_sql("UPDATE device SET revoked_at_ms = 1"))
    known, send = server_photos.media_type_of, one.line.files

    def no_photo(path: Path) -> str:
        if digest(path.read_bytes()) == refused:
            raise Problem("photo_type")
        return known(path)

    def in_between(method: str, name: str, body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        raise Rejected(ProblemReply("photo_type", "", "", facts={"signature": "00" * 64}))

    monkeypatch.setattr(server_uploads, "media_type_of", no_photo)
    for _ in range(2):
        report = one.sync.once()
        assert (report.outcome, report.problem, report.revoked) == ("failed", "photo_type", False)
        assert one.store.sync_state().problem == "photo_type", "the last exchange says nothing of a photo"
        server.now_ms += sync.REFUSED_KEPT_MS
    server.now_ms += 1
    one.line.files = in_between  # type: ignore[method-assign]
    report = one.sync.once()
    assert (report.outcome, report.revoked) == ("failed", False), "anybody can say so who sits in the line"
    one.line.files = send  # type: ignore[method-assign]
    report = one.sync.once()
    assert (report.outcome, report.revoked) == ("done", True)
    assert len(server.photos) == 1


@pytest.mark.parametrize(
    ("problem", "revoked"),
    [("request_too_large", True), ("photo_type", False)],
    ids=["what is in between takes no photo", "the server was restored from before it was turned away"],
)
def test_what_may_still_be_taken_is_not_given_up(
    one: Tablet, server: Server, problem: str, revoked: bool
) -> None:
    """Not on another line, or by a server that is mended meanwhile: its keys stay, and it is tried again."""
    one.open_visit()
    one.meet()
    photographed(one)
    copy, send = server.backup(), one.line.files
    server.db.write(lambda conn: conn.exec_driver_sql("UPDATE device SET revoked_at_ms = 1"))

    def files(method: str, name: str, body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        raise Rejected(ProblemReply(problem, "", ""))

    one.line.files = files  # type: ignore[method-assign]
    assert not one.sync.once().revoked
    server.now_ms += sync.REFUSED_KEPT_MS + 1
    if not revoked:
        server.restore(copy)
    report = one.sync.once()
    assert (report.outcome, report.problem, report.revoked) == ("failed", problem, False)
    one.line.files = send  # type: ignore[method-assign]
    report = one.sync.once()
    assert (report.outcome, report.photos, report.revoked) == ("done", 1, revoked)


def test_a_revoked_tablet_with_more_than_one_run_carries_goes_on(
    one: Tablet, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that breaks takes little at a time, and a run ends after so many requests."""
    one.open_visit()
    one.answer(YES_NO, True)
    server.db.write(lambda conn: conn.exec_driver_sql("UPDATE device SET revoked_at_ms = 1"))
    monkeypatch.setattr(sync, "REQUEST_OPS_MAX", 1)
    monkeypatch.setattr(sync, "OPS_LEAST", 1)
    monkeypatch.setattr(sync, "ROUNDS_MAX", 1)
    assert not one.sync.once().revoked
    assert one.sync.once().revoked


def test_a_line_that_never_carries_a_whole_piece_carries_the_photo_all_the_same(
    one: Tablet, server: Server
) -> None:
    """The first piece is cut like any other; each cut leaves something behind, and the next goes on from there."""
    one.open_visit()
    sha256 = photographed(one)
    carry = server.files.carry

    def files(method: str, name: str, body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        return carry(method, name, body, headers, cut=200 if len(body) > 200 else None)

    one.line.files = files  # type: ignore[method-assign]
    for _ in range(9):
        one.sync.once()
    assert server.photos == [sha256]


@pytest.mark.parametrize("error", [Rejected(ProblemReply("internal", "", "", retry=True)), Offline("cut")])
def test_photos_that_never_get_through_are_not_tried_every_few_seconds(
    one: Tablet, server: Server, error: Exception
) -> None:
    """Where the server's photo store is down pauses grow, though every exchange works; operations go each minute."""
    one.open_visit()
    photographed(one)
    files = one.line.files

    def down(*_: object) -> Mapping[str, str]:
        raise error

    one.line.files = down  # type: ignore[method-assign, assignment]
    pauses = []
    for _ in range(12):
        one.answer(YES_NO, True)
        assert one.sync.once().outcome != "done"
        assert one.store.sync_state().unsent == 0
        pauses.append(pause_ms(one.store.journal(), b"\0\0\0\0"))
    assert pauses == [2500, 5000, 10_000, 20_000, *[40_000] * 8]
    assert one.store.sync_state().attempts == 5
    assert one.store.journal().attempts == 1, "as many operations at a time as ever"
    one.line.files = files  # type: ignore[method-assign]
    one.meet()
    assert one.store.sync_state().attempts == 0


def test_a_line_that_breaks_and_carries_something_each_time_is_tried_again_soon(
    one: Tablet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What moves on is no reason to wait longer."""
    for name in ("PART_BYTES", "PART_BYTES_MIN", "PART_BYTES_MAX"):
        monkeypatch.setattr(uploads, name, 100)
    one.reopen()
    one.open_visit()
    photographed(one)
    carry, way = one.line.files, iter("+-- ++-- ++--".replace(" ", ""))

    def files(method: str, name: str, body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        if next(way) == "-":
            raise Offline("cut")
        return carry(method, name, body, headers)

    one.line.files = files  # type: ignore[method-assign]
    for _ in range(3):
        assert one.sync.once().outcome == "offline"
        assert one.store.sync_state().attempts == 1


def test_a_photo_in_a_bad_sector_does_not_keep_a_revoked_tablet_for_good(
    one: Tablet, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can hand it over any more: after a day what else there is has gone, and the keys go."""
    one.open_visit()
    one.meet()
    bad, whole = photographed(one, 10), photographed(one, 20)
    server.db.write(lambda conn: conn.exec_driver_sql("UPDATE device SET revoked_at_ms = 1"))
    bad_sector(monkeypatch, bad)
    report = one.sync.once()
    assert (report.outcome, report.problem, report.revoked) == ("failed", "disk_failing", False)
    server.now_ms += sync.REFUSED_KEPT_MS + 1
    report = one.sync.once()
    assert (report.outcome, report.revoked, [*server.photos]) == ("done", True, [whole])
