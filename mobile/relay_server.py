"""A tablet's own small HTTP server: colleagues' tablets on the same hotspot or cable call `POST /meet` on it.

It reads a request whole, has it answered elsewhere (on the thread that owns the store), and sends the
answer. It knows nothing of what is inside, and keeps no log: requests name people. Loaded when it first serves.
"""

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any

from shared_schema.greeting import SEAL_BYTES
from shared_schema.problems import Problem
from shared_schema.wire import REQUEST_BYTES_MAX, ProblemReply, encode

STALL_SECONDS = 30
"""A request that stalls for so long is given up, and so is one that the store does not get to."""
AT_ONCE_MAX = 8
"""A squad has few tablets; whoever comes beyond is told to try again."""
CONNECTIONS_MAX = 32
CONNECTIONS_EACH_MAX = 3
"""From one address: whoever is on the hotspot and opens more keeps no colleague out."""
REQUEST_SECONDS_MAX = 180
"""For a request and its answer, however steadily it trickles: 8 MiB take so long at 50 kB a second."""
READ_BYTES = 64 * 1024
STOP_SECONDS_MAX = 0.05
"""The screens wait for the server to stop: locking comes before everything else."""

Answer = Callable[[bytes, Mapping[str, str]], bytes]
"""The answer to a request's body and headers. Raises Problem; TimeoutError where it takes too long."""


class RelayServer:
    """The server, from the moment it is made until `stop`. Raises OSError where the port is taken."""

    def __init__(
        self,
        answer: Answer,
        *,
        host: str = "0.0.0.0",  # noqa: S104 - a colleague's tablet comes over whatever network there is
        port: int,
        stall_seconds: float = STALL_SECONDS,
        request_seconds: float = REQUEST_SECONDS_MAX,
    ) -> None:
        handler = type(
            "Handler",
            (_Handler,),
            {
                "answer": staticmethod(answer),
                "room": threading.Semaphore(AT_ONCE_MAX),
                "timeout": stall_seconds,
            },
        )
        self._server = _Server((host, port), handler)
        self._server.request_seconds = request_seconds
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(STOP_SECONDS_MAX,), name="relay", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Takes no more requests; those being answered are not waited for."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_seconds: float = REQUEST_SECONDS_MAX

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.open: dict[socket.socket, tuple[str, float]] = {}
        """By connection, from where it comes and when its request began; only what the dictionary does in one step."""
        super().__init__(address, handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether there is room for one more connection from there."""
        held = list(self.open.values())
        same = sum(one == client_address[0] for one, _ in held)
        if len(held) >= CONNECTIONS_MAX or same >= CONNECTIONS_EACH_MAX:
            return False
        self.open[request] = client_address[0], monotonic()
        return True

    def shutdown_request(self, request: Any) -> None:
        """The connection is over."""
        self.open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Gives up what has trickled for too long; called a few times a second."""
        for connection, (_, began) in list(self.open.items()):
            if monotonic() - began > self.request_seconds:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A line that breaks is nothing to tell anybody: the other tablet asks again."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "hucha-tablet", ""
    answer: Answer
    room: threading.Semaphore
    server: _Server

    def handle_one_request(self) -> None:
        """Each request of a connection has its time."""
        if self.connection in self.server.open:
            self.server.open[self.connection] = self.client_address[0], monotonic()
        super().handle_one_request()

    def do_POST(self) -> None:
        """`POST /meet`."""
        if not self.room.acquire(blocking=False):
            self._refuse(Problem("busy"))
            return
        try:
            self._reply(200, self.answer(self._body(), dict(self.headers.items())))
        except Problem as problem:
            self._refuse(problem)
        except TimeoutError:
            self._refuse(Problem("busy"))
        except OSError:
            self.close_connection = True
        except Exception:
            self._refuse(Problem("internal", reference="-"))
            raise
        finally:
            self.room.release()

    def do_GET(self) -> None:
        """Nothing is served to a browser."""
        self._refuse(Problem("not_found", what=self.path[:100]))

    def _body(self) -> bytes:
        if self.path != "/meet":
            raise Problem("not_found", what=self.path[:100])
        given = self.headers.get("content-length", "")
        if not given.isdecimal():
            raise Problem("request_malformed", where="content-length")
        length = int(given)
        if length > REQUEST_BYTES_MAX + SEAL_BYTES:
            raise Problem("request_too_large", limit_bytes=REQUEST_BYTES_MAX)
        parts: list[bytes] = []
        while length:
            part = self.rfile.read(min(length, READ_BYTES))
            if not part:
                raise ConnectionError("cut off")
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def _refuse(self, problem: Problem) -> None:
        facts = {name: str(fact) for name, fact in problem.facts.items()}
        told = ProblemReply(
            problem.code, problem.message("zh"), problem.message("en"), problem.kind.retry, facts
        )
        self.close_connection = True  # what follows on this line may be the rest of a body that was not read
        self._reply(problem.kind.status, encode(told))

    def _reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class names it so
        """Nothing is written down."""
