"""Whoever sits between tablet and server on a line without TLS: what they may change, keep and send again."""

from collections.abc import Callable

import pytest
from msgspec import Raw
from msgspec.structs import replace

from shared_schema import wire
from shared_schema.operations import Envelope, encode
from tests.unit.mobile.world import COUNT, LEADER, VISIT, YES_NO, Server, Tablet

LOCKED = Raw(
    encode(
        Envelope(
            id="nobody", inspection=VISIT, person=LEADER, device="console", epoch="E", seq=1, kind="locked",
            body=Raw(b'{"last_number":1}'),
        )
    )
)  # fmt: skip
"""What nobody wrote: were it believed, nothing could be recorded in this visit any more."""


def changed(**fields: Callable[[wire.ExchangeReply], object]) -> Callable[[bytes], bytes]:
    """The reply with other fields, under the signature that it had."""

    def change(body: bytes) -> bytes:
        signature, plain = wire.signature_of(body)
        reply = wire.read_reply(plain)
        other = wire.encode(replace(reply, **{name: make(reply) for name, make in fields.items()}))
        return wire.signed_reply(signature, other) if signature else other

    return change


CHANGES = {
    "turned away": changed(revoked=lambda _: True),
    "no receipt": changed(receipt=lambda _: None),
    "refused": changed(
        statuses=lambda reply: tuple(wire.OpStatus("refused", one.id) for one in reply.statuses)
    ),
    "nothing is left to say": changed(news=lambda _: (), more=lambda _: False),
    "read further than it was": changed(
        news=lambda reply: tuple(replace(one, cursor=one.cursor + 1) for one in reply.news)
    ),
    "what nobody wrote": changed(news=lambda _: (wire.News(VISIT, 1, (LOCKED,), "x"),)),
    "no visits": changed(assignments=lambda _: ()),
    "a tablet of nobody's": changed(peers=lambda _: (wire.Peer("T-9", "0" * 64),)),
    "the signature left out": lambda body: wire.signature_of(body)[1],
    "another signature": lambda body: wire.signed_reply("0" * 128, wire.signature_of(body)[1]),
    "cut in the signature": lambda body: body[:40],
    "cut": lambda body: body[: len(body) - 1],
    "empty": lambda _: b"",
    "a page of the hotspot": lambda _: b"<html>",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_reply_that_was_changed_is_not_used(
    server: Server, one: Tablet, change: Callable[[bytes], bytes]
) -> None:
    """Nothing of it is applied, the person is told, and the next one that gets through makes all good."""
    one.meet()
    one.open_visit()
    one.line.between = change
    assert one.sync.once().problem == "receipt_invalid"
    state = one.store.sync_state()
    assert (state.problem, state.unsent, state.revoked) == ("receipt_invalid", 1, False)
    assert len(one.desk.visits()) == 10
    one.line.between = lambda reply: reply
    assert one.meet().accepted == 1
    assert one.store.sync_state().problem == ""
    assert len(server.log()) == 1


def keeping(tablet: Tablet) -> list[bytes]:
    """The replies that pass from now on, as somebody on the line writes them down."""
    kept: list[bytes] = []

    def keep(reply: bytes) -> bytes:
        kept.append(reply)
        return reply

    tablet.line.between = keep
    return kept


def test_a_reply_to_another_request_says_nothing_of_this_one(server: Server, one: Tablet) -> None:
    """One that said that a record had arrived, kept and sent again for a later record, has not lost that one."""
    one.open_visit()
    one.meet()
    one.answer(COUNT, 1)
    kept = keeping(one)
    one.meet()
    one.answer(YES_NO, False)
    one.line.handle = lambda *_: kept[0]  # type: ignore[method-assign]
    one.line.between = lambda reply: reply
    assert one.sync.once().problem == "receipt_invalid"
    assert one.store.sync_state().unsent == 1
    del one.line.handle
    one.meet()
    assert len(server.log()) == 3


def test_what_another_tablet_was_answered_is_no_answer_here(one: Tablet, two: Tablet) -> None:
    """The signature is over the request, and that names its tablet."""
    for tablet in (one, two):
        tablet.meet()
    kept = keeping(two)
    two.meet()
    one.open_visit()
    one.line.between = lambda _: kept[0]
    assert one.sync.once().problem == "receipt_invalid"
    assert one.store.sync_state().unsent == 1
