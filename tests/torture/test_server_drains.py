"""A real server told to end, or stopped for a while, with requests under way: answered, or asked again (F25)."""

import random
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from server.settings import Settings
from server.storage.database import Database
from shared_schema import wire
from shared_schema.operations import Note, Operation
from tests.contract.talk import ask
from tests.make import Scribe, make_request
from tests.torture.conftest import Count
from tests.torture.server_load import ITEM, KEY, REPLY_SECONDS, TabletOnTheLine, look, prepare
from tests.torture.server_process import ServerProcess
from tests.torture.share import at_least

DRAINED_SECONDS_MAX = 10.0
ENDS = at_least(1, 200)
"""So often it is told to end under load."""
STOPS = at_least(1, 20)
STOPPED_SECONDS = REPLY_SECONDS + 1
"""Longer than a tablet waits for an answer."""
TABLETS = 3
STEP_SECONDS = 0.05
PATIENCE_SECONDS = 30.0
ENDED = {0, -signal.SIGTERM}

pytestmark = pytest.mark.e2e


def until(holds: Callable[[], bool], what: str) -> None:
    """Waits, as long as a busy machine may need."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(STEP_SECONDS)


class Half:
    """A request whose head and first bytes have arrived."""

    def __init__(self, server: ServerProcess) -> None:
        self.op: Operation = Scribe(device="D-1").write(Note(ITEM, "在途"))
        body = wire.encode(make_request([self.op]))
        head = (
            f"POST /sync HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\nexpect: 100-continue\r\n"
            f"{wire.DEVICE_HEADER}: D-1\r\n{wire.SIGNATURE_HEADER}: {KEY.sign(body).hex()}\r\n\r\n"
        )
        self._rest = body[50:]
        self._line = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_SECONDS)
        self._line.sendall(head.encode())
        # The server asks for the body only once it has the request in hand: no guess at how long that takes.
        assert self._line.recv(1000).startswith(b"HTTP/1.1 100")
        self._line.sendall(body[:50])

    def finish(self) -> bytes:
        """Sends the rest; all that comes until the server closes the line."""
        self._line.sendall(self._rest)
        return self.answer()

    def answer(self) -> bytes:
        """All that comes until the server closes the line."""
        parts = []
        try:
            while part := self._line.recv(65536):
                parts.append(part)
        except ConnectionResetError:
            pass
        self._line.close()
        return b"".join(parts)


def refuses(port: int) -> bool:
    """Whether nobody listens there any more."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS).close()
    except ConnectionRefusedError:
        return True
    return False


def stored(data: Path) -> list[bytes]:
    with Database.open(Settings(data=data).database_url) as db:
        return [bytes(raw) for (raw,) in ask(db, "SELECT raw FROM operation")]


def test_a_request_under_way_is_answered_before_the_server_ends(tmp_path: Path) -> None:
    """SIGTERM in the middle of a body: nobody new is let in, the rest is read, committed and answered; then it ends."""
    prepare(tmp_path)
    server = ServerProcess(tmp_path)
    server.start()
    half = Half(server)
    server.send(signal.SIGTERM)
    until(lambda: refuses(server.port), "it still lets others in")
    answer = half.finish()
    assert answer.startswith(b"HTTP/1.1 200"), answer
    assert server.wait(DRAINED_SECONDS_MAX) in ENDED
    assert stored(tmp_path) == [half.op.raw]


def test_a_request_that_does_not_come_holds_nobody_up(tmp_path: Path) -> None:
    """SIGTERM in the middle of a body of which nothing more comes: given up in time, and nothing of it is stored."""
    prepare(tmp_path)
    server = ServerProcess(tmp_path)
    server.start()
    half = Half(server)
    server.send(signal.SIGTERM)
    began = time.monotonic()
    ended = server.wait(PATIENCE_SECONDS)
    took = time.monotonic() - began
    assert not half.answer().startswith(b"HTTP/1.1 2")
    assert ended in ENDED
    assert took <= DRAINED_SECONDS_MAX
    assert stored(tmp_path) == []


def test_a_server_told_to_end_or_stopped_for_a_while_loses_nothing(tmp_path: Path, count: Count) -> None:
    """Under load: it drains in time each time, is stopped for longer than tablets wait, and once it is killed."""
    passes = prepare(tmp_path)
    rnd = random.Random(20261125)
    server = ServerProcess(tmp_path)
    server.start()
    tablets = [TabletOnTheLine(server, passes, number) for number in range(TABLETS)]
    drained: list[float] = []
    troubles = ["end"] * ENDS + ["stop"] * STOPS
    rnd.shuffle(troubles)
    try:
        for trouble in troubles:
            time.sleep(rnd.uniform(0.3, 1.2))
            if trouble == "stop":
                server.send(signal.SIGSTOP)
                time.sleep(STOPPED_SECONDS)
                server.send(signal.SIGCONT)
                continue
            began = time.monotonic()
            assert server.end(signal.SIGTERM) in ENDED
            drained.append(time.monotonic() - began)
            server.start()
        before = len(tablets[0].acknowledged)
        until(lambda: len(tablets[0].acknowledged) > before, "nothing goes on afterwards")
        assert server.end(signal.SIGKILL) == -signal.SIGKILL
        server.start()
    finally:
        for tablet in tablets:
            tablet.end()
        ended = server.end(signal.SIGTERM)
    assert ended in ENDED
    assert [text for tablet in tablets for text in tablet.refused] == []
    count(
        f"{ENDS} times ended, slowest {max(drained):.1f} s, {STOPS} times stopped; {look(tmp_path, tablets)}"
    )
    assert len(drained) == ENDS
    assert max(drained) <= DRAINED_SECONDS_MAX
    assert sum(tablet.lost_replies for tablet in tablets) >= STOPS, "a stop met nobody"
