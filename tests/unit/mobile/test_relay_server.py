"""The tablet's own server over real loopback HTTP: three tablets and a real server; limits, stalls and addresses."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import closing, suppress

import pytest

from mobile import relay
from mobile.addresses import Address, own_addresses, read_address
from mobile.relay import Meet
from mobile.relay_server import AT_ONCE_MAX, CONNECTIONS_EACH_MAX, RelayServer
from mobile.transport import HttpTransport, Offline
from mobile.worker import Worker
from shared_schema.greeting import SEAL_BYTES, Hello
from shared_schema.problems import Problem
from shared_schema.wire import REQUEST_BYTES_MAX, encode
from tests.unit.mobile.world import ANNA, COUNT, YES_NO, Server, Tablet, quiet

LOOPBACK = "127.0.0.1"


class Serving:
    """A tablet that serves, with its store on a worker as in the program."""

    def __init__(self, tablet: Tablet) -> None:
        self.worker = Worker(lambda job: job())
        self.tablet = tablet
        self.learned: list[str] = []

        host = relay.Host(tablet.store, tablet.vault, tablet._chance.bytes)

        def answer(body: bytes, headers: Mapping[str, str]) -> bytes:
            def run() -> relay.Answered:
                return host.answer(body, headers, 1)

            return self.worker.ask(run, lambda one: self.learned.append(one.device)).result(10).body

        self.server = RelayServer(answer, host=LOOPBACK, port=0)
        self.url = f"http://{LOOPBACK}:{self.server.port}"

    def stop(self) -> None:
        self.server.stop()
        self.worker.stop()


@pytest.fixture
def serving(two: Tablet, three: Tablet) -> Iterator[Serving]:
    made = Serving(two)
    yield made
    made.stop()


def over_http(asking: Tablet, url: str) -> relay.MeetingReport:
    with closing(HttpTransport(url)) as transport:
        return Meet(
            asking.store, asking.vault, transport.meet, entropy=asking._chance.bytes, clock=lambda: 5
        ).once()


def test_a_squad_on_a_hotspot(
    server: Server, one: Tablet, two: Tablet, three: Tablet, serving: Serving
) -> None:
    """The first and the third meet the second, which carries both to the server and gives them its receipts."""
    taps = [one.answer(COUNT, number) for number in range(50)]
    theirs = three.answer(YES_NO, False, ANNA)
    assert over_http(one, serving.url).given == 50
    report = over_http(three, serving.url)
    assert (report.news, report.given) == (50, 1)
    assert three.standing(f"answer/{COUNT}") == {taps[-1].id}
    over_http(one, serving.url)
    assert one.standing(f"answer/{YES_NO}") == {theirs.id}
    serving.worker.ask(two.meet).result(30)
    assert {one.raw for one in (*taps, theirs)} <= set(server.log())
    over_http(one, serving.url)
    assert all(waiting.arrived for waiting in one.store.own_waiting())
    assert set(serving.learned) == {"T-1", "T-3"}
    quiet(one, three)
    assert one.fold() == three.fold()


def test_two_ask_at_once(one: Tablet, two: Tablet, three: Tablet, serving: Serving) -> None:
    """The store is used by one thread, whoever asks."""
    for number in range(20):
        one.answer(COUNT, number)
        three.answer(YES_NO, bool(number % 2), ANNA)
    reports: list[relay.MeetingReport] = []
    threads = [
        threading.Thread(target=lambda asking=asking: reports.append(over_http(asking, serving.url)))
        for asking in (one, three)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [report.outcome for report in reports] == ["done", "done"]
    assert two.store.carrying() == {"T-1": 20, "T-3": 20}


def test_a_line_cut_at_any_byte_changes_nothing(
    one: Tablet, two: Tablet, three: Tablet, serving: Serving
) -> None:
    """A request that breaks off is none; the next meeting brings all of it."""
    one.answer(COUNT, 2)
    bodies: list[bytes] = []

    def cut(body: bytes, headers: Mapping[str, str]) -> bytes:
        bodies.append(body)
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        whole = f"POST /meet HTTP/1.1\r\ncontent-length: {len(body)}\r\n{head}\r\n".encode() + body
        for at in range(0, len(whole), 97):
            with socket.create_connection((LOOPBACK, serving.server.port), timeout=5) as line:
                line.sendall(whole[:at])
        raise Offline

    Meet(one.store, one.vault, cut, entropy=one._chance.bytes, clock=lambda: 5).once()
    assert bodies
    before = serving.worker.ask(two.store.carrying).result(10)
    assert before == {}
    assert over_http(one, serving.url).given == 1


def test_limits_and_strangers_over_http(serving: Serving) -> None:
    """Too large, without a length, another path or method, nobody's signature: a stable code each."""

    def ask(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> tuple[int, str]:
        with closing(http.client.HTTPConnection(LOOPBACK, serving.server.port, timeout=5)) as line:
            line.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers.items():
                line.putheader(name, value)
            line.endheaders(body)
            reply = line.getresponse()
            return reply.status, json.loads(reply.read())["code"]

    too_much = {"content-length": str(REQUEST_BYTES_MAX + SEAL_BYTES + 1)}
    assert ask("POST", "/meet", too_much) == (413, "request_too_large")
    assert ask("POST", "/meet", {}) == (400, "request_malformed")
    assert ask("POST", "/enrol", {"content-length": "0"}) == (404, "not_found")
    assert ask("GET", "/meet", {}) == (404, "not_found")
    assert ask("POST", "/meet", {"content-length": "2"}, b"{}") == (400, "request_malformed")
    stranger = encode(Hello(device="T-9", key="0" * 64, signature="0" * 128))
    assert ask("POST", "/meet", {"content-length": str(len(stranger))}, stranger) == (403, "peer_unknown")


def call(url: str) -> bytes:
    with closing(HttpTransport(url)) as transport:
        return transport.meet(b"", {})


def ask_from(address: str, port: int) -> None:
    """A request of another tablet of the hotspot."""
    with closing(http.client.HTTPConnection(LOOPBACK, port, timeout=10, source_address=(address, 0))) as line:
        line.request("POST", "/meet", b"")
        assert line.getresponse().read() == b"{}"


def test_whoever_opens_line_after_line_keeps_no_colleague_out(
    one: Tablet, two: Tablet, three: Tablet, serving: Serving
) -> None:
    """Somebody on the hotspot, who need not be of the squad: no thread and no place for each of their lines."""
    one.answer(COUNT, 2)
    before = threading.active_count()
    opened = []
    for number in range(40):
        line = socket.create_connection((LOOPBACK, serving.server.port), 5, ("127.0.0.2", 0))
        opened.append(line)
        with suppress(OSError):
            line.sendall(b"POST /meet HTTP/1.1\r\ncontent-length: 8000000\r\n\r\n" + bytes(number))
    assert over_http(one, serving.url).given == 1
    assert threading.active_count() - before <= CONNECTIONS_EACH_MAX + 1
    for line in opened:
        line.close()


@pytest.mark.parametrize(
    "trickle", [b"POST /meet HTTP/1.1\r\n", b"POST /meet HTTP/1.1\r\ncontent-length: 9000\r\n\r\n"]
)
def test_a_request_that_trickles_for_ever_is_given_up(trickle: bytes) -> None:
    """Each byte comes in time, and the whole would take weeks."""
    server = RelayServer(lambda *_: b"{}", host=LOOPBACK, port=0, request_seconds=0.5)
    try:
        with socket.create_connection((LOOPBACK, server.port), timeout=5) as line:
            line.sendall(trickle)
            sent = 0
            with suppress(OSError):  # a broken pipe, or a line that is reset
                for _ in range(100):
                    time.sleep(0.05)
                    line.sendall(b"a")
                    sent += 1
            assert sent < 50
    finally:
        server.stop()


def test_a_crowd_and_a_stall_are_sent_away() -> None:
    """Beyond so many at once a tablet is told to try again; a request that stalls is given up."""
    gate: Future[bytes] = Future()
    waiting = threading.Semaphore(0)

    def answer(_: bytes, __: Mapping[str, str]) -> bytes:
        waiting.release()
        return gate.result(10)

    server = RelayServer(answer, host=LOOPBACK, port=0, stall_seconds=0.2)
    url = f"http://{LOOPBACK}:{server.port}"
    try:
        threads = [
            threading.Thread(target=ask_from, args=(f"127.0.0.{2 + number}", server.port))
            for number in range(AT_ONCE_MAX)
        ]
        for thread in threads:
            thread.start()
        for _ in threads:
            waiting.acquire(timeout=5)
        with pytest.raises(Exception, match="busy"):
            call(url)
        gate.set_result(b"{}")
        for thread in threads:
            thread.join()
        with socket.create_connection((LOOPBACK, server.port), timeout=5) as line:
            line.sendall(b"POST /meet HTTP/1.1\r\ncontent-length: 5\r\n\r\nab")
            assert b"503" in line.recv(4096)
    finally:
        server.stop()
    with pytest.raises(Offline):
        call(url)


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("192.168.43.1", Address("http://192.168.43.1:8481")),
        (" http://192.168.43.1:9000/ ", Address("http://192.168.43.1:9000")),
        ("http://10.0.0.2:8481#T-2", Address("http://10.0.0.2:8481", "T-2")),
        ("tablet-2.local", Address("http://tablet-2.local:8481")),
    ],
)
def test_an_address_as_typed_or_scanned(typed: str, address: Address) -> None:
    assert read_address(typed) == address
    assert read_address(address.code) == address


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "不是地址",
        "https://x",
        "a b",
        "10.0.0.2:0",
        "10.0.0.2:99999",
        "x/y",
        "10.0.0.2:port",
        "10.0.0.2:" + "9" * 5000,
    ],
)
def test_what_is_no_address_is_said(typed: str) -> None:
    with pytest.raises(Problem, match="form_invalid"):
        read_address(typed)


def test_a_tablet_knows_its_own_addresses() -> None:
    assert own_addresses()
    assert all(len(one.split(".")) == 4 for one in own_addresses())
