"""Handing a photo over on a line that breaks: it goes on while the line carries anything, and then it rests."""

from collections.abc import Mapping

import pytest

from mobile import uploads
from mobile.transport import Offline
from tests.unit.mobile.test_package import photographed
from tests.unit.mobile.world import YES_NO, Line, Server, Tablet

ASKED_MAX = 60


class Narrow(Line):
    """A line that carries one part of a photo, and then of each so many bytes; what has none gets through."""

    carries = 0
    parts = 1

    def files(self, method: str, name: str, body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        self.asked.append((method, name, len(body)))
        assert len(self.asked) < ASKED_MAX, "it asks for ever"
        if body and not self.parts:
            return self.server.files.carry(method, name, body, headers, cut=self.carries)
        self.parts -= bool(body)
        return self.server.files.carry(method, name, body, headers)


@pytest.fixture
def narrow(one: Tablet, monkeypatch: pytest.MonkeyPatch) -> Narrow:
    """The line of a tablet that has taken a photo of several parts."""
    monkeypatch.setattr(uploads, "PART_BYTES", 100)
    monkeypatch.setattr(uploads, "PART_BYTES_MIN", 100)
    line = Narrow(one.line.server)
    one.line = line
    one.reopen()
    one.open_visit()
    photographed(one)
    return line


def test_a_line_that_carries_no_byte_of_a_photo_is_offline(one: Tablet, narrow: Narrow) -> None:
    """Though each question is answered: what is recorded meanwhile does not wait for what cannot get through."""
    report = one.sync.once()
    assert (report.outcome, report.photos) == ("offline", 0)
    assert len(narrow.asked) <= 5
    asked = len(narrow.asked)
    report = one.sync.once()
    assert report.outcome == "offline"
    assert len(narrow.asked) <= asked + 3
    assert one.store.journal().attempts == 1, "and a pause follows"


def test_a_line_that_carries_some_of_each_part_carries_the_photo(one: Tablet, narrow: Narrow) -> None:
    narrow.carries = 60
    assert one.meet().photos == 1
    assert len(narrow.asked) > 8


def test_an_answer_that_nothing_of_a_part_is_there_is_not_asked_for_ever(one: Tablet, narrow: Narrow) -> None:
    """Whatever sits in between and swallows each part: the next try follows after a pause."""
    send = narrow.files

    def files(method: str, name: str, body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        return send(method, name, b"" if method == "PATCH" else body, headers)

    narrow.files = files  # type: ignore[method-assign]
    assert one.sync.once().outcome == "failed"
    assert one.store.journal().attempts == 1, "and a pause follows"


@pytest.mark.parametrize("offset", ["9" * 5000, "-1", "", "\N{ARABIC-INDIC DIGIT ONE}"])
def test_an_offset_that_no_upload_has_is_no_error_of_the_program(
    one: Tablet, narrow: Narrow, offset: str
) -> None:
    """Whatever sits in between and answers: it is not our server, and it is tried again later."""
    narrow.files = lambda *_: {"location": "/files/x", "upload-offset": offset}  # type: ignore[method-assign]
    report = one.sync.once()
    assert (report.outcome, report.problem) == ("failed", "request_malformed")


def test_what_is_recorded_while_photos_go_does_not_wait_for_the_last_of_them(
    one: Tablet, server: Server
) -> None:
    """On a slow line a visit's photos take hours: between two of them its records are exchanged."""
    one.open_visit()
    for shade in (10, 20, 30):
        photographed(one, shade)
    tapped = []

    class Slow(Line):
        def files(self, method: str, name: str, body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
            if not self.asked:
                tapped.append(one.answer(YES_NO, True).raw)
            self.asked.append((method, name, len(server.log())))
            return self.server.files.carry(method, name, body, headers)

    one.line = line = Slow(server)
    one.reopen()
    assert one.meet().photos == 3
    assert tapped[0] in server.log()
    first, *later = [held for _, _, held in line.asked]
    assert later == [first + 1] * len(later)


def test_a_server_that_forgets_each_part_after_a_cut_is_not_sent_them_for_ever(
    one: Tablet, narrow: Narrow
) -> None:
    """It says that a part arrived, the line breaks, and it is back where it was: that carries nothing."""

    def files(method: str, name: str, body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        narrow.asked.append((method, name, len(body)))
        assert len(narrow.asked) < ASKED_MAX, "it asks for ever"
        if method == "PATCH" and headers["upload-offset"] != "0":
            raise Offline
        offset = len(body) if method == "PATCH" else 0
        return {"location": "/files/x", "upload-offset": str(offset)}

    narrow.files = files  # type: ignore[method-assign]
    assert one.sync.once().outcome == "offline"
