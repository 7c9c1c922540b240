"""The way to the server over real HTTP on this machine, and what goes wrong on it."""

import gzip
import threading
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mobile.transport import REPLY_BYTES_MAX, HttpTransport, Offline, Rejected

Seen = list[tuple[str, str, bytes, dict[str, str]]]


class Desk:
    """A server that answers as told and remembers what it was asked."""

    def __init__(self) -> None:
        self.seen: Seen = []
        self.answer: tuple[int, bytes] = (200, b"fine")
        self.encoding = ""
        self.retry_after = ""
        self.endless = b""
        """What is sent again and again, without an end."""
        desk = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _take(self) -> None:
                if desk.endless:
                    self._pour()
                    return
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                desk.seen.append((self.command, self.path, body, headers))
                status, content = desk.answer
                if status == 0:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                if desk.retry_after:
                    self.send_header("retry-after", desk.retry_after)
                if desk.encoding:
                    self.send_header("content-encoding", desk.encoding)
                self.end_headers()
                self.wfile.write(content)

            def _pour(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self.send_response(desk.answer[0])
                self.send_header("transfer-encoding", "chunked")
                if desk.encoding:
                    self.send_header("content-encoding", desk.encoding)
                self.end_headers()
                self.close_connection = True
                with suppress(OSError):
                    while True:
                        self.wfile.write(b"%x\r\n%b\r\n" % (len(desk.endless), desk.endless))

            do_POST = do_PATCH = do_HEAD = _take  # noqa: N815 - named by the library

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self._thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self._thread.join()


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.close()


@pytest.fixture
def transport(desk: Desk) -> Iterator[HttpTransport]:
    made = HttpTransport(desk.url + "/")
    yield made
    made.close()


def test_requests_arrive_byte_for_byte(desk: Desk, transport: HttpTransport) -> None:
    """Enrolment, exchange and photo, each at its address, with its headers."""
    assert transport.enrol(b"e") == b"fine"
    assert transport.sync(b"s", {"hucha-device": "D-1"}) == b"fine"
    told = transport.files("PATCH", "ab12", b"\xff\xd8", {"content-type": "application/offset+octet-stream"})
    assert [(method, path, body) for method, path, body, _ in desk.seen] == [
        ("POST", "/enrol", b"e"),
        ("POST", "/sync", b"s"),
        ("PATCH", "/files/ab12", b"\xff\xd8"),
    ]
    assert desk.seen[1][3]["hucha-device"] == "D-1"
    assert desk.seen[1][3]["content-type"] == "application/json"
    assert desk.seen[2][3]["content-type"] == "application/offset+octet-stream"
    assert told["content-length"] == "4"


def test_the_servers_no_is_told_with_its_code(desk: Desk, transport: HttpTransport) -> None:
    """Code, facts and whether to try again."""
    desk.answer = (
        403,
        '{"code":"device_revoked","zh":"停用","en":"revoked","facts":{"device":"D"}}'.encode(),
    )
    with pytest.raises(Rejected) as caught:
        transport.sync(b"", {})
    assert (caught.value.problem.code, caught.value.problem.facts, caught.value.problem.retry) == (
        "device_revoked",
        {"device": "D"},
        False,
    )


@pytest.mark.parametrize(
    ("status", "code", "retry"),
    [
        (502, "busy", True),
        (404, "request_malformed", False),
        (302, "request_malformed", False),
        (413, "request_too_large", False),
    ],
)
def test_what_is_not_our_server_is_told_by_its_status(
    desk: Desk, transport: HttpTransport, status: int, code: str, retry: bool
) -> None:
    """A proxy's page or a sign-in page of a network is no reply."""
    desk.answer = (status, b"<html>")
    with pytest.raises(Rejected) as caught:
        transport.sync(b"", {})
    problem = caught.value.problem
    assert (problem.code, problem.retry, problem.facts) == (code, retry, {"where": f"HTTP {status}"})


@pytest.mark.parametrize(
    ("said", "facts"), [("7", {"wait_seconds": "7"}), ("Wed, 21 Oct 2026", {}), ("-1", {}), ("", {})]
)
def test_how_long_a_busy_server_asks_to_wait_is_told(
    desk: Desk, transport: HttpTransport, said: str, facts: dict[str, str]
) -> None:
    """In whole seconds, as our server says it; a date from something in between is not looked at."""
    desk.answer, desk.retry_after = (503, b"<html>"), said
    with pytest.raises(Rejected) as caught:
        transport.sync(b"", {})
    assert caught.value.problem.facts == {"where": "HTTP 503", **facts}


def test_no_server_and_a_lost_reply_are_offline(desk: Desk, transport: HttpTransport) -> None:
    """Offline is a state: nobody there, or the line broke before the reply."""
    desk.answer = (0, b"")
    with pytest.raises(Offline):
        transport.sync(b"", {})
    nobody = HttpTransport("http://127.0.0.1:9")
    with pytest.raises(Offline):
        nobody.enrol(b"")
    nobody.close()


@pytest.mark.parametrize(
    "typed", ["http://10.0.0.2:8470：", "http://10.0.0.2:port", "http://" + "a" * 70 + ".b"]
)
def test_an_address_that_is_none_is_said(typed: str) -> None:
    """As a Chinese keyboard types it; the program comes up with it, and says so at each try."""
    transport = HttpTransport(typed)
    with pytest.raises(Rejected) as caught:
        transport.enrol(b"")
    assert caught.value.problem.code == "form_invalid"
    assert not caught.value.problem.retry
    transport.close()


def test_a_server_below_a_path_is_reached(desk: Desk) -> None:
    """The address may have a path."""
    below = HttpTransport(desk.url + "/hucha/")
    below.sync(b"", {})
    below.close()
    assert desk.seen[0][1] == "/hucha/sync"


def test_a_reply_that_does_not_unpack_is_a_lost_one(desk: Desk, transport: HttpTransport) -> None:
    """Something in between garbled it; sending again is harmless."""
    desk.encoding = "gzip"
    with pytest.raises(Offline):
        transport.sync(b"", {})
    desk.encoding = ""
    assert transport.sync(b"", {}) == b"fine"


def bomb() -> bytes:
    """Twice as much as is taken, of blanks, packed."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    blanks = bytes(1 << 20)
    return b"".join(packer.compress(blanks) for _ in range(2 * REPLY_BYTES_MAX >> 20)) + packer.flush()


@pytest.mark.parametrize(("encoding", "status"), [("", 500), ("gzip", 200), ("gzip, gzip", 200)])
def test_a_reply_without_an_end_fills_no_memory(
    desk: Desk, transport: HttpTransport, encoding: str, status: int
) -> None:
    """Whoever answers in the server's place, packed or not: it is given up, and the next one is read as ever."""
    desk.endless, desk.encoding = (bomb() if encoding else bytes(1 << 16)), encoding
    desk.answer = (status, b"fine")
    tracemalloc.start()
    with pytest.raises(Rejected) as caught:
        transport.sync(b"", {})
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.problem.facts == {"where": f"over {REPLY_BYTES_MAX} bytes"}
    assert caught.value.problem.retry
    assert most < 4 * REPLY_BYTES_MAX
    desk.endless, desk.encoding, desk.answer = b"", "", (200, b"fine")
    assert transport.sync(b"", {}) == b"fine"


def test_what_follows_the_end_of_a_packed_reply_fills_no_memory(desk: Desk, transport: HttpTransport) -> None:
    """Something in between garbled it, or goes on for ever."""
    desk.endless, desk.encoding = gzip.compress(b"fine"), "gzip"
    with pytest.raises(Offline):
        transport.sync(b"", {})
