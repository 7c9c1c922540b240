"""Bases shortened on the way: only for a server that says it finds them, and whole as soon as it does not."""

from collections.abc import Mapping

import pytest

from mobile.transport import Rejected
from shared_schema import wire
from shared_schema.operations import Operation
from shared_schema.problems import Problem
from tests.unit.mobile.world import ANNA, COUNT, LEADER, VISIT, YES_NO, Server, Tablet, quiet


def forms(tablet: Tablet) -> list[str]:
    """Of each request with operations since it was last asked, how its bases are named."""
    found = [_form(body) for body in tablet.line.requests]
    tablet.line.requests.clear()
    return [one for one in found if one]


def _form(body: bytes) -> str:
    try:
        return "whole" if wire.read_request(body).ops else ""
    except Problem as problem:
        return {"bases_unknown": "shortened"}[problem.code]


def record(tablet: Tablet, number: int) -> list[Operation]:
    """Three changes; from the second time on each has what stood there as its base."""
    return [
        tablet.answer(COUNT, number),
        tablet.answer(YES_NO, bool(number % 2)),
        tablet.desk.note(LEADER, VISIT, YES_NO, f"第 {number} 次"),
    ]


def began(tablet: Tablet) -> list[Operation]:
    """A visit with three fields filled in, and the server has them."""
    written = [tablet.open_visit(), *record(tablet, 1)]
    tablet.meet()
    tablet.line.requests.clear()
    return written


def test_a_server_that_finds_bases_gets_them_shortened_and_stores_what_was_written(
    server: Server, one: Tablet
) -> None:
    written = began(one)
    for number in (2, 3):
        written += record(one, number)
        one.meet()
    assert forms(one) == ["shortened", "shortened"]
    assert server.log() == [op.raw for op in written]


def test_after_a_start_the_first_request_is_whole(server: Server, one: Tablet) -> None:
    """What the server can is heard anew: it may be another program by now."""
    began(one)
    one.reopen()
    record(one, 2)
    one.meet()
    record(one, 3)
    one.meet()
    assert forms(one) == ["whole", "shortened"]


def test_a_restored_server_that_lost_the_bases_gets_all_of_it(server: Server, one: Tablet) -> None:
    copy = server.backup()
    written = began(one)
    server.restore(copy)
    written += record(one, 2)
    assert one.meet().refused == 0
    quiet(one)
    assert forms(one)[:2] == ["shortened", "whole"]
    assert sorted(server.log()) == sorted(op.raw for op in written)


def test_for_the_rest_of_a_run_nothing_is_shortened_any_more(
    server: Server, one: Tablet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much waits, no more than one request of a run is in vain."""
    monkeypatch.setattr("mobile.sync.REQUEST_OPS_MAX", 6)
    copy = server.backup()
    began(one)
    server.restore(copy)
    for number in range(2, 8):
        record(one, number)
    one.meet()
    assert forms(one).count("shortened") == 1
    assert one.store.sync_state().unsent == 0


def test_a_colleagues_operation_that_the_server_has_not_got_is_named_whole(
    server: Server, one: Tablet, two: Tablet
) -> None:
    """Its author is out of reach; what was decided on it is not held up."""
    began(one)
    quiet(one, two)
    copy = server.backup()
    theirs = [two.answer(COUNT, 7, ANNA), two.answer(YES_NO, True, ANNA)]
    quiet(two, one)
    server.restore(copy)
    mine = [one.answer(COUNT, 8), one.answer(YES_NO, False)]
    assert {base for op in mine for base in op.bases} & {op.id for op in theirs}
    one.meet()
    assert {op.raw for op in mine} <= set(server.log())
    quiet(one, two)
    assert {op.raw for op in (*mine, *theirs)} <= set(server.log())


def older(tablet: Tablet) -> None:
    """The server's program is from before: it reads no bases that are shortened, and says nothing of them."""
    real = tablet.line.handle

    def handle(body: bytes, headers: Mapping[str, str]) -> bytes:
        if _form(body) == "shortened":
            raise Rejected(wire.ProblemReply("request_malformed", "", ""))
        return real(body, headers)

    def change(body: bytes) -> bytes:
        reply = wire.read_reply(body)
        said = {name: getattr(reply, name) for name in reply.__struct_fields__ if name != "finds_bases"}
        return wire.encode(wire.ExchangeReply(**said))

    tablet.line.handle = handle  # type: ignore[method-assign]
    tablet.line.change = change


def test_an_older_server_is_never_sent_shortened_bases(server: Server, one: Tablet) -> None:
    one.reopen()
    older(one)
    written = began(one)
    for number in (2, 3):
        written += record(one, number)
        one.meet()
    assert forms(one) == ["whole", "whole"]
    assert server.log() == [op.raw for op in written]


def test_a_server_that_became_older_is_sent_them_once_and_still_packed(server: Server, one: Tablet) -> None:
    """Its operator went back to the last version while tablets were at work."""
    written = began(one)
    older(one)
    for number in (2, 3):
        written += record(one, number)
        one.meet()
    assert all(body.startswith(wire.PACKED) for body in one.line.requests)
    assert forms(one) == ["shortened", "whole", "whole"]
    assert server.log() == [op.raw for op in written]


def test_a_server_that_never_finds_anything_is_no_endless_loop(one: Tablet) -> None:
    """A bug there ends in a problem that people see, with all that was recorded."""
    began(one)
    record(one, 2)

    def handle(body: bytes, headers: Mapping[str, str]) -> bytes:
        raise Rejected(wire.ProblemReply("bases_unknown", "", "", retry=True))

    one.line.handle = handle  # type: ignore[method-assign]
    assert one.sync.once().problem == "bases_unknown"
    assert forms(one) == ["shortened", "whole"]
    assert one.store.sync_state().unsent == 3


def test_what_turns_every_message_down_is_no_server_that_reads_none_packed(one: Tablet) -> None:
    """The page of a hotspot where somebody must sign in first: afterwards all goes in few bytes, as before."""
    handle = one.line.handle

    def page(body: bytes, headers: object) -> bytes:
        raise Rejected(wire.ProblemReply("request_malformed", "", "", facts={"where": "HTTP 302"}))

    one.line.handle = page  # type: ignore[method-assign]
    assert one.sync.once().problem == "request_malformed"
    one.line.handle = handle  # type: ignore[method-assign]
    one.line.requests.clear()
    one.meet()
    assert all(asked.startswith(wire.PACKED) for asked in one.line.requests)
