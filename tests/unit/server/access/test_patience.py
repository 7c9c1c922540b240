"""Bodies are handed on as they come: nothing of them is lost, added, or taken for the next request."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import pytest
import uvicorn

from server.access import patience
from server.access.patience import PatientProtocol
from shared_schema.chance import Chance

SIZE = 3_000_000


class Place(NamedTuple):
    """A server that keeps what it is sent."""

    address: tuple[str, int]
    bodies: list[bytes]


@contextmanager
def serving(app: Any) -> Iterator[tuple[str, int]]:
    """The address of a server of this app."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=PatientProtocol, log_config=None, access_log=False, lifespan="off")
    config.timeout_graceful_shutdown = 1
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield listening.getsockname()
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture
def place() -> Iterator[Place]:
    bodies: list[bytes] = []

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        pieces, more = [], True
        while more:
            message = await receive()
            assert message["type"] == "http.request"
            pieces.append(message["body"])
            more = message["more_body"]
        bodies.append(b"".join(pieces))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    with serving(app) as address:
        yield Place(address, bodies)


async def refusing(_scope: Any, _receive: Any, send: Any) -> None:
    """An app that answers without having read the body."""
    await send({"type": "http.response.start", "status": 409, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def head(body: bytes) -> bytes:
    return f"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode()


def answers(line: socket.socket, count: int) -> int:
    """How many answers come, of so many that are waited for."""
    got = b""
    line.settimeout(20)
    while got.count(b"ok") < count:
        part = line.recv(10_000)
        if not part:
            break
        got += part
    return got.count(b"200 OK")


@pytest.mark.parametrize("step", [1_000_000, 70_001, 4_099])
def test_bodies_arrive_whole_one_behind_the_other(place: Place, step: int) -> None:
    """Two requests on one connection, the second's first bytes in one piece with the first's last."""
    bodies = [Chance(f"body/{step}/{number}").bytes(SIZE + number) for number in (0, 1)]
    sent = b"".join(head(body) + body for body in bodies)
    with socket.create_connection(place.address) as line:
        for at in range(0, len(sent), step):
            line.sendall(sent[at : at + step])
        assert answers(line, 2) == 2
    assert place.bodies == bodies


def test_a_body_in_chunks_is_parsed(place: Place) -> None:
    """Of one whose length nobody announced, the marks between its pieces are no part of it."""
    body = b"0123456789" * 1000
    with socket.create_connection(place.address) as line:
        line.sendall(CHUNKED)
        for at in range(0, len(body), 1000):
            line.sendall(b"3e8\r\n" + body[at : at + 1000] + b"\r\n")
        line.sendall(b"0\r\n\r\n")
        assert answers(line, 1) == 1
    assert place.bodies == [body]


CHUNKED = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("begun", "goes_on"),
    [
        pytest.param(b"POST / HTTP/1.1\r\n", b"x: " + b"y" * 60_000 + b"\r\n", id="headers"),
        pytest.param(b"POST / HTTP/1.1\r\nx: ", b"y" * 60_000, id="one header"),
        pytest.param(b"POST /", b"y" * 60_000, id="address"),
        pytest.param(CHUNKED + b"3\r\nabc\r\n0\r\n", b"x: " + b"y" * 60_000 + b"\r\n", id="after chunks"),
    ],
)
def test_a_head_without_an_end_is_refused(place: Place, begun: bytes, goes_on: bytes) -> None:
    """The parser would keep all of it."""
    heard = b""
    with socket.create_connection(place.address) as line, suppress(ConnectionError):
        line.settimeout(20)
        line.sendall(begun)
        for _ in range(40):
            line.sendall(goes_on)
            line.settimeout(0.05)
            with suppress(TimeoutError):
                heard += line.recv(1000)
    assert heard.startswith(b"HTTP/1.1 413")
    assert b"request_too_large" in heard
    assert place.bodies == []


def test_what_is_no_http_is_refused_in_our_words(place: Place) -> None:
    with socket.create_connection(place.address) as line:
        line.settimeout(20)
        line.sendall(b"hello, is anybody there?\r\n\r\n")
        heard = b""
        while part := line.recv(1000):
            heard += part
    head, _, body = heard.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert json.loads(body)["code"] == "request_malformed"


def test_many_small_chunks_are_no_large_head(place: Place) -> None:
    """What stands between the pieces of a body is not added up."""
    body = b"0123456789" * 20_000
    with socket.create_connection(place.address) as line:
        line.sendall(CHUNKED)
        line.sendall(b"".join(b"a\r\n" + body[at : at + 10] + b"\r\n" for at in range(0, len(body), 10)))
        line.sendall(b"0\r\n\r\n")
        assert answers(line, 1) == 1
    assert place.bodies == [body]


def test_what_nobody_reads_yet_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender faster than the disk waits; not even half as much more than the limit is held."""
    held: list[int] = []
    begin, done = threading.Event(), threading.Event()

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        import asyncio

        await receive()
        begin.set()
        await asyncio.sleep(0.5)
        held.append(len((await receive())["body"]))
        done.set()

    with serving(app) as address, socket.create_connection(address) as line:
        line.sendall(head(b"x" * (64 * 1024 * 1024)) + b"x" * 1000)
        assert begin.wait(10)
        line.settimeout(0.3)
        with pytest.raises(TimeoutError):
            line.sendall(b"x" * (32 * 1024 * 1024))
        assert done.wait(10)
    # What one read of the socket brings may go over the limit.
    assert patience.BODY_WAITING_BYTES_MAX / 2 < held[0] <= patience.BODY_WAITING_BYTES_MAX + 256 * 1024


@pytest.mark.parametrize("sent", [1, 999, 1000], ids=["one byte", "all but one", "all of it"])
def test_who_sends_on_after_the_answer_and_then_stalls_is_given_up(
    monkeypatch: pytest.MonkeyPatch, sent: int
) -> None:
    """A body that was refused before it came is read on and thrown away; its line must not stay open for good."""
    monkeypatch.setattr(patience, "STALL_SECONDS", 0.3)
    with serving(refusing) as address, socket.create_connection(address) as line:
        line.settimeout(10)
        line.sendall(head(b"x" * 1000))
        assert line.recv(10_000).startswith(b"HTTP/1.1 409")
        line.sendall(b"x" * sent)
        assert line.recv(10_000) == b"", "the connection ends"


def test_a_slow_body_after_the_answer_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sender reads the answer only then; the next request on the same line is answered too."""
    monkeypatch.setattr(patience, "STALL_SECONDS", 0.5)
    with serving(refusing) as address, socket.create_connection(address) as line:
        line.settimeout(10)
        line.sendall(head(b"x" * 8))
        assert line.recv(10_000).startswith(b"HTTP/1.1 409")
        for _ in range(8):
            time.sleep(0.12)
            line.sendall(b"x")
        line.sendall(head(b""))
        assert line.recv(10_000).startswith(b"HTTP/1.1 409")
