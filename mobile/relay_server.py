"""A tablet's own small HTTP server: colleagues' tablets on the same hotspot or cable call `POST /meet` on it.

It reads a request whole, has it answered elsewhere (on the thread that owns the store), and sends the
answer. It knows nothing of what is inside, and keeps no log: requests name people. Loaded when it first serves.
"""

import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from shared_schema.greeting import SEAL_BYTES
from shared_schema.problems import Problem
from shared_schema.wire import REQUEST_BYTES_MAX, ProblemReply, encode

STALL_SECONDS = 30
"""A request that stalls for so long is given up, and so is one that the store does not get to."""
AT_ONCE_MAX = 8
"""A squad has few tablets; whoever comes beyond is told to try again."""
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

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A line that breaks is nothing to tell anybody: the other tablet asks again."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "hucha-tablet", ""
    answer: Answer
    room: threading.Semaphore

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
