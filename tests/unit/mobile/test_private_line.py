"""The line between two tablets that meet, and what somebody on the same hotspot can do to it: nothing."""

from collections.abc import Callable, Mapping
from random import Random

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec.structs import replace

from mobile import private_line, relay
from mobile.private_line import Asked, Line, Lines, greet
from mobile.relay import Meet, MeetingReport
from mobile.settling import Journal, Settlement
from mobile.sync import drive
from mobile.transport import Offline, Rejected
from shared_schema.greeting import (
    LINE_HEADER,
    Hello,
    Welcome,
    hello_text,
    line_name,
    read_hello,
    read_welcome,
    welcome_text,
)
from shared_schema.problems import Problem
from shared_schema.wire import DEVICE_HEADER, SIGNATURE_HEADER, ExchangeRequest, encode
from tests.unit.mobile.world import ANNA, COUNT, YES_NO, Server, Tablet, reply_of

Changed = Callable[[bytes], bytes]


class Hotspot:
    """A network on which somebody writes everything down, and may change what passes."""

    def __init__(self, to: Tablet) -> None:
        self.host = relay.Host(to.store, to.vault, to._chance.bytes)
        self.requests: list[tuple[bytes, Mapping[str, str]]] = []
        self.answers: list[bytes] = []
        self.there: Changed = lambda body: body
        self.back: Changed = lambda body: body

    def post(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        self.requests.append((body, headers))
        answer = self.answer(self.there(body), headers)
        self.answers.append(answer)
        return self.back(answer)

    def answer(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        try:
            return self.host.answer(body, headers, 7).body
        except Problem as problem:
            raise Rejected(reply_of(problem)) from problem

    def told(self, body: bytes, headers: Mapping[str, str]) -> str:
        """The code with which a message is refused; empty where it is answered."""
        try:
            self.host.answer(body, headers, 7)
        except Problem as problem:
            return problem.code
        return ""


def meets(asking: Tablet, hotspot: Hotspot, expected: str = "") -> MeetingReport:
    made = Meet(
        asking.store, asking.vault, hotspot.post, entropy=asking._chance.bytes, clock=lambda: 5,
        expected=expected,
    )  # fmt: skip
    return made.once()


def greeted(asking: Tablet, hotspot: Hotspot) -> Line:
    return drive(greet(asking.store, asking.vault, hotspot.post, entropy=asking._chance.bytes))


def signed(tablet: Tablet, request: ExchangeRequest) -> tuple[bytes, dict[str, str]]:
    body = encode(request)
    return body, {DEVICE_HEADER: tablet.device, SIGNATURE_HEADER: tablet.vault.sign(body)}


def test_nobody_on_the_hotspot_reads_along(one: Tablet, two: Tablet, three: Tablet) -> None:
    """Of what was tapped not a word passes in the clear, and no two meetings look alike."""
    tapped, theirs = one.answer(COUNT, 2), two.answer(YES_NO, False, ANNA)
    hotspot = Hotspot(two)
    assert (meets(one, hotspot).news, one.fold()) == (1, two.fold())
    passed = b"".join([*(body for body, _ in hotspot.requests), *hotspot.answers])
    for secret in (tapped.id, theirs.id, tapped.inspection, ANNA, COUNT, "answer", "holds", tapped.epoch):
        assert secret.encode() not in passed
    again = Hotspot(two)
    meets(one, again)
    assert not {body for body, _ in hotspot.requests} & {body for body, _ in again.requests}


def test_a_greeting_written_down_opens_nothing(one: Tablet, two: Tablet, three: Tablet) -> None:
    """Played again it is welcomed, and what was sealed for the line of that time is not opened on the new one."""
    one.answer(COUNT, 2)
    hotspot = Hotspot(two)
    meets(one, hotspot)
    before, [met] = two.store.links(), two.store.meetings()
    (hello, _), *sealed = hotspot.requests
    assert len(sealed) >= 2
    again = Hotspot(two)
    welcome = again.answer(hello, {})
    name = line_name(hello, welcome)
    for number, (body, headers) in enumerate(sealed, 1):
        assert again.told(body, headers) == "line_gone"
        assert again.told(body, {LINE_HEADER: f"{name}.{number}"}) in ("signature_invalid", "line_gone")
        assert again.told(body, {LINE_HEADER: f"{name}.1"}) == "signature_invalid"
    assert (two.store.links(), two.store.meetings()) == (before, (met,))


def test_a_message_played_again_gets_the_answer_it_had_and_changes_nothing(
    one: Tablet, two: Tablet, three: Tablet
) -> None:
    """The network may bring the last one twice; an earlier one is out of its turn."""
    one.answer(COUNT, 2)
    hotspot = Hotspot(two)
    meets(one, hotspot)
    before = two.store.links()
    *earlier, (body, headers) = hotspot.requests[1:]
    two.answer(YES_NO, False, ANNA)
    two.answer(YES_NO, True, ANNA)
    assert hotspot.answer(body, headers) == hotspot.answers[-1]
    assert earlier
    assert {hotspot.told(*one) for one in earlier} == {"line_gone"}
    assert two.store.links()[: len(before)] == before


def test_what_was_changed_on_the_way_is_not_opened(one: Tablet, two: Tablet, three: Tablet) -> None:
    """Any bit of any message, in either direction: the meeting fails, and neither tablet has changed."""
    chance = Random(7)

    def flipped(body: bytes) -> bytes:
        at = chance.randrange(len(body))
        return body[:at] + bytes([body[at] ^ 1 << chance.randrange(8)]) + body[at + 1 :]

    one.answer(COUNT, 2)
    two.answer(YES_NO, False, ANNA)
    before = two.store.links(), one.store.links(), two.store.meetings(), one.store.meetings()
    problems = set()
    for which in range(2):
        for way in ("there", "back"):
            for _ in range(60):
                hotspot = Hotspot(two)
                passed = 0

                def change(body: bytes, which: int = which) -> bytes:
                    nonlocal passed
                    passed += 1
                    return flipped(body) if passed == which + 1 else body

                setattr(hotspot, way, change)
                report = meets(one, hotspot)
                problems.add(report.problem)
                assert report.outcome == "failed"
                # The second request only asks what the other one holds, so before it is answered nothing moves.
                assert (
                    two.store.links(), one.store.links(),
                ) == before[:2]  # fmt: skip
    assert problems <= {
        "signature_invalid", "peer_unknown", "request_malformed", "line_gone"
    }, problems  # fmt: skip
    assert "signature_invalid" in problems


def test_somebody_in_between_with_keys_of_their_own_is_found_out(
    one: Tablet, two: Tablet, three: Tablet
) -> None:
    """Whoever puts another key into either greeting cannot sign for it; nor can a colleague for another's."""
    other = X25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw().hex()

    def hello(body: bytes) -> bytes:
        return encode(replace(read_hello(body), key=other))

    def signed_by_another(body: bytes) -> bytes:
        text = hello_text("T-1", "", other)
        return encode(replace(read_hello(body), key=other, signature=three.vault.sign(text)))

    for change in (hello, signed_by_another):
        hotspot = Hotspot(two)
        hotspot.there = change
        assert meets(one, hotspot).problem == "signature_invalid"
    hotspot = Hotspot(two)
    hotspot.back = lambda body: encode(replace(read_welcome(body), key=other))
    assert meets(one, hotspot).problem == "signature_invalid"
    # A colleague who takes the greeting for their own has no key to it.
    hotspot.there = lambda body: encode(
        Hello(device="T-3", key=read_hello(body).key,
              signature=three.vault.sign(hello_text("T-3", "", read_hello(body).key)))
    )  # fmt: skip
    hotspot.back = lambda body: body
    assert meets(one, hotspot).problem == "signature_invalid"


def test_a_welcome_written_down_is_not_taken(one: Tablet, two: Tablet, three: Tablet) -> None:
    """It answers one greeting, and every meeting has another."""
    hotspot = Hotspot(two)
    meets(one, hotspot)
    welcome = hotspot.answers[0]
    again = Hotspot(two)
    again.back = lambda _: welcome
    assert meets(one, again).problem == "signature_invalid"
    assert len(again.requests) == 1


def test_a_tablet_turned_away_or_unknown_is_not_welcomed(
    server: Server, one: Tablet, two: Tablet, three: Tablet
) -> None:
    """Nor one that means another tablet; the one that asks does not go on with a stranger either."""
    key = X25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw().hex()
    hotspot = Hotspot(two)

    def told(device: str, by: Tablet, to: str = "") -> str:
        greeting = Hello(device=device, to=to, key=key, signature=by.vault.sign(hello_text(device, to, key)))
        return hotspot.told(encode(greeting), {})

    assert told("T-1", one) == ""
    assert told("T-1", one, "T-2") == ""
    assert told("T-1", one, "T-3") == "peer_unknown"
    assert told("T-1", three) == "signature_invalid"
    assert told("T-9", one) == "peer_unknown"
    assert told("T-2", two) == "peer_unknown"
    assert meets(one, hotspot, expected="T-3").problem == "peer_unknown"
    stranger = Welcome(device="T-9", key=key, signature="0" * 128)
    hotspot.back = lambda _: encode(stranger)
    assert meets(one, hotspot).problem == "peer_unknown"
    two.store.settle(_turned_away(two, "T-1"))
    assert told("T-1", one) == "device_revoked"


def _turned_away(tablet: Tablet, device: str) -> Settlement:
    peers = [replace(one, revoked=one.device == device) for one in tablet.store.peers()]
    return Settlement(Journal(last_success_ms=1), peers=peers)


def test_a_tablet_that_is_turned_away_in_the_middle_is_told_no_more(
    one: Tablet, two: Tablet, three: Tablet
) -> None:
    """The line stands, and every request is judged anew."""
    hotspot = Hotspot(two)
    line = greeted(one, hotspot)
    line.send(*signed(one, ExchangeRequest(device="T-1")))
    two.store.settle(_turned_away(two, "T-1"))
    with pytest.raises(Rejected, match="device_revoked"):
        line.send(*signed(one, ExchangeRequest(device="T-1")))


def test_nobody_speaks_for_another_over_their_own_line(one: Tablet, two: Tablet, three: Tablet) -> None:
    """A colleague who has another's signed request, from the server's wire perhaps, cannot use it."""
    hotspot = Hotspot(two)
    request, headers = signed(one, ExchangeRequest(device="T-1"))
    with pytest.raises(Rejected, match="signature_invalid"):
        greeted(three, hotspot).send(request, headers)
    assert hotspot.told(request, headers) == "request_malformed"
    assert two.store.meetings() == ()


def test_a_key_without_a_secret_is_refused(one: Tablet, two: Tablet, three: Tablet) -> None:
    """With the key 0 every secret would be the same, and known to all."""
    key = "0" * 64
    hello = Hello(device="T-1", key=key, signature=one.vault.sign(hello_text("T-1", "", key)))
    hotspot = Hotspot(two)
    assert hotspot.told(encode(hello), {}) == "request_malformed"

    def weak(body: bytes) -> bytes:
        text = welcome_text("T-2", hotspot.requests[-1][0], key)
        return encode(Welcome(device="T-2", key=key, signature=two.vault.sign(text)))

    hotspot.back = weak
    assert meets(one, hotspot).problem == "request_malformed"


def test_lines_end_with_the_serving_and_do_not_pile_up(one: Tablet, two: Tablet, three: Tablet) -> None:
    """One proven line for each tablet; greetings alone push only the oldest out."""
    hotspot = Hotspot(two)
    line = greeted(one, hotspot)
    hotspot.host = relay.Host(two.store, two.vault, two._chance.bytes)
    with pytest.raises(Rejected, match="line_gone"):
        line.send(*signed(one, ExchangeRequest(device="T-1")))
    lines = Lines(two.store, two.vault, two._chance.bytes)
    asked: list[Asked] = []

    def answer(one: Asked) -> bytes:
        asked.append(one)
        return b"so"

    def post(body: bytes, headers: Mapping[str, str]) -> bytes:
        if LINE_HEADER not in headers:
            return lines.welcome(body)[0]
        return lines.answer(headers[LINE_HEADER], body, answer)

    for tablet in (one, one, one, three):
        made = drive(greet(tablet.store, tablet.vault, post, entropy=tablet._chance.bytes))
        assert made.send(b"this", {SIGNATURE_HEADER: "00" * 64}) == b"so"
    assert [(one.device, one.body) for one in asked] == [("T-1", b"this")] * 3 + [("T-3", b"this")]
    assert len(lines._ends) == 2
    for _ in range(private_line.LINES_MAX + 5):
        drive(greet(one.store, one.vault, post, entropy=one._chance.bytes))
    assert len(lines._ends) == private_line.LINES_MAX


def test_greetings_that_were_written_down_end_no_line_in_use(one: Tablet, two: Tablet, three: Tablet) -> None:
    """However often they are played again; whoever has spoken over a line goes on speaking over it."""
    hotspot = Hotspot(two)
    line = greeted(one, hotspot)
    line.send(*signed(one, ExchangeRequest(device="T-1")))
    for _ in range(private_line.LINES_MAX + 5):
        hotspot.host.answer(hotspot.requests[0][0], {}, 7)
    line.send(*signed(one, ExchangeRequest(device="T-1")))
    assert meets(three, hotspot).outcome == "done"


def test_a_tablet_that_greets_anew_each_time_is_never_kept_out(
    one: Tablet, two: Tablet, three: Tablet
) -> None:
    """Its line before ends with the first word over the next."""
    hotspot = Hotspot(two)
    for _ in range(private_line.LINES_MAX + 3):
        line = greeted(one, hotspot)
        line.send(*signed(one, ExchangeRequest(device="T-1")))


def test_what_no_line_says_is_refused(one: Tablet, two: Tablet, three: Tablet) -> None:
    """A label that names no line, or no number."""
    hotspot = Hotspot(two)
    line = greeted(one, hotspot)
    for label in ("", "x", f"{line._name}", f"{line._name}.", f"{line._name}.-1", f"{line._name}.2"):
        assert hotspot.told(b"x", {LINE_HEADER: label}) in ("line_gone", "request_malformed")
    for number in ("1" * 5000, "01", "\N{ARABIC-INDIC DIGIT ONE}"):
        assert hotspot.told(b"x", {LINE_HEADER: f"{line._name}.{number}"}) == "line_gone"
    assert hotspot.told(b"", {LINE_HEADER: f"{line._name}.1"}) == "signature_invalid"
    assert hotspot.told(b"x" * 200, {LINE_HEADER: f"{line._name}.1"}) == "signature_invalid"


def test_a_line_that_breaks_is_no_error(one: Tablet, two: Tablet, three: Tablet) -> None:
    """Offline is a state; the next meeting greets anew."""
    one.answer(COUNT, 2)
    hotspot = Hotspot(two)

    def cut(_: bytes) -> bytes:
        raise Offline

    hotspot.back = cut
    assert meets(one, hotspot).outcome == "offline"
    hotspot.back = lambda body: body
    report = meets(one, hotspot)
    assert (report.outcome, report.given) == ("done", 1)
    assert msgspec.json.decode(hotspot.requests[0][0])["device"] == "T-1"
