"""What a reply changes where it is not what one hopes for."""

from base64 import b64encode
from collections.abc import Callable, Mapping

import msgspec
import pytest
from msgspec.structs import replace

from mobile import photos
from mobile.pauses import PAUSE_MS, pause_ms
from mobile.player import draw
from mobile.transport import Rejected
from shared_schema import wire
from shared_schema.operations import Envelope, encode
from tests.unit.mobile.world import ANNA, COUNT, SCENE, VISIT, YES_NO, Server, Tablet, quiet


def with_news(*raws: bytes) -> Callable[[bytes], bytes]:
    """Adds operations to the news of a reply, as a server of another version might send them."""

    def change(body: bytes) -> bytes:
        reply = wire.read_reply(body)
        [news] = [one for one in reply.news if one.inspection == VISIT]
        more = replace(news, ops=(*news.ops, *map(msgspec.Raw, raws)))
        return wire.encode(replace(reply, news=(more,)))

    return change


def test_news_that_cannot_be_read_is_kept_as_bytes_and_stops_nothing(one: Tablet, two: Tablet) -> None:
    """It waits in the file for a version that can; the same again is not kept twice."""
    raw = b'{"no":"envelope"}'
    one.open_visit()
    quiet(one, two)
    for number in range(2):
        two.answer(YES_NO, True, ANNA)
        two.answer(COUNT, number, ANNA)
        two.meet()
        one.line.change = with_news(raw)
        assert one.meet().news == 2
    one.line.change = lambda reply: reply
    assert one.store._rows("SELECT raw FROM operation WHERE status = 'unreadable'") == [(raw,)]
    one.reopen()
    assert len(one.standing(f"answer/{YES_NO}")) == 1
    assert one.fold() == two.fold()


def test_news_of_which_only_the_envelope_can_be_read_is_held_as_on_the_server(one: Tablet) -> None:
    """An older server took it in when it did not know the kind: both show a range, and not each another score."""
    odd = Envelope(
        id="odd", inspection=VISIT, person=ANNA, device="T-2", epoch="E", seq=1, kind="answer",
        body=msgspec.Raw(b'{"item":7}'),
    )  # fmt: skip
    one.open_visit()
    one.line.change = with_news(encode(odd))
    one.meet()
    one.line.change = lambda reply: reply
    for _ in range(2):
        assert [held.id for held in one.desk.visit(VISIT).inspection.held] == ["odd"]
        one.reopen()


def test_a_tablet_that_was_turned_away_hands_its_photos_over_too(server: Server, one: Tablet) -> None:
    """Its operation lies in quarantine and may be admitted: the picture must not go with the tablet's keys."""
    one.open_visit()
    taken = photos.take(draw("a", 64, 48), one.folder / "photos", one.vault)
    one.desk.attach_photo(ANNA, VISIT, SCENE, taken)
    server.db.write(lambda conn: conn.exec_driver_sql("UPDATE device SET revoked_at_ms = 1"))
    one.line.before_reply = lambda: setattr(one.line, "fault", "photo")
    cut = one.sync.once()
    one.line.before_reply = lambda: None
    assert (cut.outcome, cut.revoked, one.store.sync_state().photos_left) == ("offline", True, 1)
    report = one.sync.once()
    assert (report.outcome, report.revoked, report.photos) == ("done", True, 1)
    assert server.photos == [taken.sha256]


@pytest.mark.parametrize("code", ["photo_too_large", "request_too_large"])
def test_one_photo_the_server_will_not_take_keeps_no_other(
    one: Tablet, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """The others go; people are told of the one, and it waits."""
    one.open_visit()
    taken = [photos.take(draw(name, 64, 48), one.folder / "photos", one.vault) for name in "abc"]
    for photo in taken:
        one.desk.attach_photo(ANNA, VISIT, SCENE, photo)
    real, least = one.line.files, b64encode(min(photo.sha256 for photo in taken).encode()).decode()

    def picky(method: str, name: str, body: bytes, headers: dict[str, str]) -> Mapping[str, str]:
        if least in headers.get("upload-metadata", ""):
            raise Rejected(wire.ProblemReply(code, "", "", facts={"limit_bytes": "9"}))
        return real(method, name, body, headers)

    monkeypatch.setattr(one.line, "files", picky)
    report = one.sync.once()
    assert (report.outcome, report.photos, report.problem) == ("failed", 2, code)
    state = one.store.sync_state()
    assert (state.photos_left, state.problem, state.unsent) == (1, code, 0)
    assert pause_ms(one.store.journal(), b"    ") == PAUSE_MS


def two_photos(tablet: Tablet) -> None:
    """Two, taken and attached."""
    for name in "ab":
        taken = photos.take(draw(name, 64, 48), tablet.folder / "photos", tablet.vault)
        tablet.desk.attach_photo(ANNA, VISIT, SCENE, taken)


def test_what_is_wrong_with_a_photo_stays_told_though_records_were_exchanged_after_it(
    one: Tablet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two photos goes what was recorded meanwhile; that it worked says nothing of the photo."""
    one.open_visit()
    two_photos(one)
    real, asked = one.line.files, list[str]()

    def picky(method: str, name: str, body: bytes, headers: dict[str, str]) -> Mapping[str, str]:
        asked.append(method)
        if len(asked) == 1:
            one.answer(YES_NO, True)
            raise Rejected(wire.ProblemReply("photo_too_large", "", "", facts={"limit_bytes": "9"}))
        return real(method, name, body, headers)

    monkeypatch.setattr(one.line, "files", picky)
    report = one.sync.once()
    assert (report.outcome, report.photos, report.problem) == ("failed", 1, "photo_too_large")
    state = one.store.sync_state()
    assert (state.photos_left, state.problem, state.unsent) == (1, "photo_too_large", 0)


def test_a_photo_server_that_turns_the_tablet_away_ends_the_run(
    one: Tablet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would turn away each of them."""
    one.open_visit()
    two_photos(one)
    asked: list[str] = []

    def closed(method: str, name: str, body: bytes, headers: dict[str, str]) -> Mapping[str, str]:
        asked.append(method)
        raise Rejected(wire.ProblemReply("busy", "", "", retry=True))

    monkeypatch.setattr(one.line, "files", closed)
    assert one.sync.once().problem == "busy"
    assert len(asked) == 1
    assert one.store.journal().retry
