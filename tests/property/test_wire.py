"""The exchange's messages to bytes and back, also when damaged, and from other versions."""

from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw, Struct

from shared_schema import wire
from shared_schema.operations import encode, read
from shared_schema.problems import Problem
from tests.make import Scribe, every_body, make_assignment, make_envelope, make_request
from tests.property.strategies import ids, json_values, structs

MESSAGES: tuple[type[Struct], ...] = (
    wire.ExchangeRequest,
    wire.ExchangeReply,
    wire.EnrolRequest,
    wire.EnrolReply,
    wire.ProblemReply,
)


def as_plain(message: Struct) -> Any:
    """A message as plain JSON values."""
    return msgspec.json.decode(wire.encode(message))


@settings(max_examples=150)
@given(message=st.sampled_from(MESSAGES).flatmap(structs))
def test_a_message_comes_back_as_it_was(message: Struct) -> None:
    """decode(encode(x)) = x for every message, and its bytes are the same again."""
    raw = wire.encode(message)
    again = wire.decode(raw, msgspec.json.Decoder(type(message)))
    assert wire.encode(again) == raw
    assert as_plain(again) == as_plain(message)


@settings(max_examples=60)
@given(newer=st.dictionaries(ids.map("newer_{}".format), json_values, min_size=1, max_size=3))
def test_what_a_newer_version_adds_does_not_disturb(newer: dict[str, object]) -> None:
    """Fields this version does not know are passed over, in request and reply."""
    request = make_request([Scribe().write()])
    assert wire.read_request(msgspec.json.encode({**as_plain(request), **newer})) == request
    reply = wire.ExchangeReply(server="s", assignments=(make_assignment(),))
    assert wire.read_reply(msgspec.json.encode({**as_plain(reply), **newer})) == reply


def test_operations_travel_byte_for_byte() -> None:
    """Whatever blanks and order of fields the author's version wrote, request and reply carry the same bytes."""
    plain = msgspec.json.decode(encode(make_envelope()))
    odd = msgspec.json.format(msgspec.json.encode(dict(reversed(plain.items()))), indent=3)
    unknown = encode(make_envelope(Raw(b'{ "x":\t[1 , 2] }'), kind="newer", seq=2))
    for raw in (odd, unknown):
        read(raw)
        request = wire.read_request(wire.encode(wire.ExchangeRequest(device="D-1", ops=(Raw(raw),))))
        assert bytes(request.ops[0]) == raw
        news = wire.News("I-1", 1, (request.ops[0],))
        reply = wire.read_reply(wire.encode(wire.ExchangeReply(server="s", news=(news,))))
        assert bytes(reply.news[0].ops[0]) == raw


def test_an_operation_nobody_can_read_leaves_the_others_readable() -> None:
    """Each operation is taken out of its batch unread: a bad one is that one's problem."""
    good = Scribe().write()
    bad = (b"1", b"null", b'"x"', b"[]", b"{}", b'{"id":7}', b'{"kind":"newer"}')
    request = wire.ExchangeRequest(device="D-1", ops=(*map(Raw, bad), Raw(good.raw)))
    ops = wire.read_request(wire.encode(request)).ops
    assert read(bytes(ops[-1])) == good
    for one in ops[:-1]:
        with pytest.raises(Problem, match="op_malformed"):
            read(bytes(one))


def requests_of_reference() -> list[bytes]:
    """Three requests such as tablets send: a first contact, a full batch of every kind, an idle one."""
    scribe = Scribe()
    every = [scribe.write(body) for body in every_body().values()]
    return [
        wire.encode(wire.ExchangeRequest(device="D-1", app="hucha 0.1")),
        wire.encode(make_request(every, cursors={"I-1": 7}, last_read={"I-1": "op-7"})),
        wire.encode(make_request((), cursors={"I-1": 7, "I-2": 3}, heads=(wire.Head("E-1", 3, "0f" * 32),))),
    ]


@pytest.mark.parametrize("raw", requests_of_reference(), ids=["first", "batch", "idle"])
def test_a_request_cut_or_flipped_anywhere_is_a_problem_or_a_request(raw: bytes) -> None:
    """Every length and a flipped bit at every position: refused whole, or read; never another exception."""
    for length in range(len(raw)):
        with pytest.raises(Problem, match="request_malformed"):
            wire.read_request(raw[:length])
    random = Random(len(raw))
    refused = 0
    for position in range(len(raw)):
        damaged = bytearray(raw)
        damaged[position] ^= 1 << random.randrange(8)
        try:
            wire.read_request(bytes(damaged))
        except Problem as problem:
            assert problem.code in {"request_malformed", "protocol_too_new"}  # noqa: PT017
            refused += 1
    assert refused > len(raw) // 10


@given(noise=st.binary(max_size=300))
def test_noise_is_a_problem(noise: bytes) -> None:
    """Bytes from anywhere."""
    for reader in (wire.read_request, wire.read_reply, wire.read_enrol):
        with pytest.raises(Problem, match="request_malformed"):
            reader(noise)


def test_a_newer_protocol_is_said_to_be_newer() -> None:
    """Also where its request has another shape altogether, the answer names the version and not a field."""
    with pytest.raises(Problem, match="protocol_too_new"):
        wire.read_request(b'{"protocol":3,"everything":"else"}')


def test_requests_have_limits() -> None:
    """Too many bytes or operations are refused before anything is done with them."""
    with pytest.raises(Problem, match="request_too_large"):
        wire.read_request(b" " * (wire.REQUEST_BYTES_MAX + 1))
    many = wire.ExchangeRequest(device="D-1", ops=(Raw(b"{}"),) * (wire.REQUEST_OPS_MAX + 1))
    with pytest.raises(Problem, match="request_malformed"):
        wire.read_request(wire.encode(many))
    with pytest.raises(Problem, match="request_malformed"):
        wire.read_request(b'{"device":"D-1","ops":[' + b"[" * 100_000)


def test_the_digest_of_assignments_depends_on_them_and_on_nothing_else() -> None:
    """The order they are listed in does not matter; any change does."""
    one, two = make_assignment("I-1"), make_assignment("I-2")
    assert wire.assignments_digest([one, two]) == wire.assignments_digest([two, one])
    assert wire.assignments_digest([one]) != wire.assignments_digest([one, two])
    assert wire.assignments_digest([one]) != wire.assignments_digest([make_assignment("I-1", contact="总机")])
