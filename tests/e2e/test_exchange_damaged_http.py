"""Reference batches over real HTTP, with every byte flipped and cut at every length (F8 of the fault list).

A server process of its own; raw sockets, so that a line can break anywhere: in the head, in the body, after it.
Whatever arrives otherwise than it was signed changes nothing, and the same batch whole is taken afterwards.
"""

import json
import random
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.settings import Settings
from server.storage.database import Database
from server.storage.tables import ROWS, metadata
from shared_schema import wire
from tests.contract.plan import KEY
from tests.torture.server_process import ServerProcess
from tests.torture.share import at_least, stride
from tests.unit.server.intake.test_exchange_damaged import BATCHES, planned
from tests.unit.server.intake.trials import contents

pytestmark = pytest.mark.e2e

EVERY = 11
"""Of positions, a share each time; all of them before a release."""
RANDOM = at_least(200, 100_000)
SECONDS = 30.0


class Line:
    """One connection after another to a server; it is kept open where the server keeps it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def whole(self, body: bytes, signature: str) -> tuple[int, str]:
        """A whole request: the status, and the code of a problem."""
        head, answer = self._ask(head_of(body, signature) + body)
        status = int(head.split(b" ", 2)[1])
        code = "" if status == 200 else str(json.loads(answer)["code"])
        if b"connection: close" in head.lower():
            self.close()
        return status, code

    def cut(self, sent: bytes) -> None:
        """The beginning of a request, and then the line breaks."""
        with socket.create_connection(("127.0.0.1", self._port), SECONDS) as one:
            one.sendall(sent)

    def _ask(self, request: bytes) -> tuple[bytes, bytes]:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), SECONDS)
        self._socket.sendall(request)
        held = b""
        while b"\r\n\r\n" not in held:
            held += self._more()
        head, _, rest = held.partition(b"\r\n\r\n")
        length = int(
            next(one for one in head.lower().split(b"\r\n") if one.startswith(b"content-length:"))[15:]
        )
        while len(rest) < length:
            rest += self._more()
        return head, rest

    def _more(self) -> bytes:
        assert self._socket is not None
        found = self._socket.recv(65536)
        assert found, "the server hung up"
        return found

    def close(self) -> None:
        """Hangs up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def head_of(body: bytes, signature: str) -> bytes:
    """What stands before a body."""
    lines = (
        "POST /sync HTTP/1.1",
        "host: 127.0.0.1",
        "content-type: application/json",
        f"content-length: {len(body)}",
        f"{wire.DEVICE_HEADER}: D-1",
        f"{wire.SIGNATURE_HEADER}: {signature}",
    )
    return "\r\n".join((*lines, "", "")).encode()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Line]]:
    """The folder of a server process with the small campaign, and a line to it."""
    data = tmp_path_factory.mktemp("served")
    with Database.open(Settings(data=data).database_url) as db:
        db.write(planned)
    server = ServerProcess(data)
    server.start()
    line = Line(server.port)
    yield data, line
    line.close()
    server.end(signal.SIGTERM)


def held(data: Path) -> dict[str, int]:
    """How much is in every table but those that are worked out of others, and may follow a moment later."""
    derived = {table.name for table in ROWS} | {"state", "told"}
    with Database.open(Settings(data=data).database_url, create=False, readonly=True) as db:
        counts = zip(sorted(metadata.tables), db.read(contents), strict=True)
        return {table: count for table, count in counts if table not in derived}


@pytest.mark.parametrize("batch", BATCHES)
def test_damaged_on_a_real_line_nothing_of_it_is_applied(served: tuple[Path, Line], batch: str) -> None:
    """Flipped it is refused by its signature; cut off, in head or body, it is as if it had never been sent."""
    data, line = served
    body = BATCHES[batch]()
    signature = KEY.sign(body).hex()
    before, step, tried = held(data), stride(EVERY), 0
    for at in range(0, len(body), step):
        changed = body[:at] + bytes([body[at] ^ 1 << at % 8]) + body[at + 1 :]
        assert line.whole(changed, signature) == (401, "signature_invalid"), at
        tried += 1
    request = head_of(body, signature) + body
    for at in range(0, len(request), step):
        line.cut(request[:at])
        tried += 1
    for at in range(0, len(body), step):
        assert line.whole(body[:at], signature) == (401, "signature_invalid"), at
        tried += 1
    assert tried >= 3 * len(body) // step
    assert held(data) == before, "something damaged was applied"
    assert line.whole(body, signature) == (200, ""), "the control: undamaged it is taken"
    if batch == "plain-json":
        assert held(data) != before, "the control: what is taken shows"


def test_random_damage_is_refused_with_a_code(served: tuple[Path, Line]) -> None:
    """Several bytes at once, pieces left out, put twice or exchanged."""
    data, line = served
    rnd = random.Random(20261126)
    bodies = [make() for make in BATCHES.values()]
    signatures = [KEY.sign(body).hex() for body in bodies]
    before, tried = held(data), 0
    while tried < RANDOM:
        number = rnd.randrange(len(bodies))
        body = bytearray(bodies[number])
        for _ in range(rnd.randint(1, 8)):
            at, size = rnd.randrange(len(body)), rnd.randint(1, 20)
            piece = body[at : at + size]
            body[at : at + size] = rnd.choice([b"", piece * 2, bytes(reversed(piece)), rnd.randbytes(size)])
        if bytes(body) != bodies[number]:
            assert line.whole(bytes(body), signatures[number]) == (401, "signature_invalid")
            tried += 1
    assert held(data) == before
