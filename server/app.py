"""create_app(settings) -> Litestar: wiring, error replies, headers, logs; and serving it."""

import asyncio
import contextlib
import gc
import logging
import secrets
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from importlib import metadata
from typing import Any

import structlog
import uvicorn
from litestar import Litestar, Request, Response, get
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import Message, Scope

from server.access.file_tokens import FileTokens
from server.access.patience import PatientProtocol, patient_body
from server.access.routes import JSON, GivenDatabase, enrol, schemas
from server.access.throttle import Throttle
from server.console import context as console
from server.console.routes import router as console_router
from server.intake import again, projection
from server.intake.file_routes import files_route
from server.intake.routes import ExchangeDesk, sync
from server.intake.thumbnails import Thumbnails
from server.intake.upload_desk import UploadDesk
from server.intake.uploads import Uploads
from server.problems import reply
from server.settings import Settings
from server.storage import migrations
from server.storage.database import Database
from server.storage.disk import Room, make_folder
from server.storage.package_files import PackageFiles
from server.storage.partials import Partials
from server.storage.photo_store import open_photo_store
from server.storage.thumbnail_files import ThumbnailFiles
from shared_schema.problems import Problem

SHUTDOWN_SECONDS = 8
"""So long requests under way are waited for when the server is told to end: it is gone within 10 s, before whoever
told it loses patience and kills it."""
GC_THRESHOLDS = (20_000, 20, 50)
"""How many new objects before those just made are looked through for circles, and after how many times the older ones.
Decoded operations and what is remembered of inspections are many and make no circles: looking through them as often as
Python does by itself took a tenth of an exchange."""
BACKLOG = 2048
CONNECTIONS_MAX = 512
"""With more open at once, the next is answered 503 and when to come again, which the tablet does by itself: below the
1024 files a process may usually have open, and so few that bodies on their way in cannot fill the memory."""
HEADERS = [
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]
"""Where a route does not set its own (the console's pages do)."""

log = structlog.get_logger(__name__)


def create_app(
    settings: Settings,
    db: Database | None = None,
    *,
    clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    entropy: Callable[[int], bytes] = secrets.token_bytes,
) -> Litestar:
    """The server over an open database, or over its own, which it then closes. Raises what opening raises."""
    configure_logs(settings.log_level)
    ours = Database.open(settings.database_url, entropy=entropy) if db is None else None
    database = db or ours
    assert database is not None
    database.write(projection.catch_up)
    database.write(lambda conn: again.judge_again(conn, now_ms=clock()))
    make_folder(settings.upload_dir)  # above it are the photos, also where the database is a server's
    partials = Partials(settings.upload_dir)
    photos = open_photo_store(settings.photo_store, settings.photo_dir)
    room = Room(
        settings.photo_dir,
        warn_percent=settings.disk_warn_percent,
        refuse_percent=settings.disk_refuse_percent,
    )
    uploads = Uploads(database, photos, partials, settings.photo_dir, entropy=entropy, room=room)
    desk = UploadDesk(uploads, FileTokens(database), clock)
    exchanges = ExchangeDesk(database, clock)
    throttle = Throttle()
    thumbnails = Thumbnails(photos, ThumbnailFiles(settings.thumbnail_dir))
    package_files = PackageFiles(settings.package_dir)
    package_files.sweep()

    @contextlib.asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(desk.close)
        await asyncio.to_thread(thumbnails.close)
        if ours is not None:
            await asyncio.to_thread(ours.close)

    app = Litestar(
        route_handlers=[
            healthz,
            enrol,
            sync,
            files_route(desk),
            console_router,
        ],
        dependencies={
            "db": Provide(lambda: database, sync_to_thread=False),
            "clock": Provide(lambda: clock, sync_to_thread=False),
            "exchanges": Provide(lambda: exchanges, sync_to_thread=False),
            "throttle": Provide(lambda: throttle, sync_to_thread=False),
        },
        exception_handlers={Problem: _problem, HTTPException: _http_error, Exception: _bug},
        middleware=[patient_body],
        before_send=[_seal],
        lifespan=[lifespan],
        openapi_config=OpenAPIConfig(
            title="Hucha 互查",
            version=metadata.version("hucha"),
            render_plugins=[WireSchemas()],
        ),
        logging_config=None,
        debug=False,
    )
    parts = console.Console(
        database,
        clock,
        entropy,
        photos,
        thumbnails,
        partials,
        package_files,
        secure=settings.https,
        room=room,
    )
    console.install(app.state, parts)
    return app


@get("/healthz", media_type=JSON, tags=["operators"], summary="Whether the server and its database answer.")
async def healthz(db: GivenDatabase) -> dict[str, str]:
    """The server's identity. Raises busy while the database does not answer."""
    return {"server": await asyncio.to_thread(db.read, migrations.server_id, joins=True)}


# --- errors ----------------------------------------------------------------------------------------


def _answer(problem: Problem) -> Response[bytes]:
    status, body = reply(problem)
    headers = {"retry-after": "5"} if status in {429, 503, 507} else {}
    return Response(body, status_code=status, media_type=JSON, headers=headers)


def _problem(request: Request[Any, Any, Any], problem: Problem) -> Response[bytes]:
    log.info("refused", path=request.scope["path"], code=problem.code)
    return _answer(problem)


def _http_error(request: Request[Any, Any, Any], err: HTTPException) -> Response[bytes]:
    """What the framework refuses by itself, in our words."""
    match err.status_code:
        case 413:
            handler = request.route_handler
            problem = Problem("request_too_large", limit_bytes=handler.resolve_request_max_body_size() or 0)
        case 404 | 405:
            problem = Problem("not_found", what=request.scope["path"][:200])
        case status if status < 500:
            problem = Problem("request_malformed", where=err.detail[:200])
        case _:
            return _bug(request, err)
    answer = _answer(problem)
    answer.status_code = err.status_code
    return answer


def _bug(request: Request[Any, Any, Any], err: Exception) -> Response[bytes]:
    """Any other exception: logged with its trace, answered with nothing but a reference."""
    reference = secrets.token_hex(6)
    log.error("bug", reference=reference, path=request.scope["path"], exc_info=err)
    return _answer(Problem("internal", reference=reference))


class WireSchemas(JsonRenderPlugin):
    """The OpenAPI document as JSON, with the wire's own schemas, which the framework knows nothing of.

    Pages that draw it fetch scripts from elsewhere, so none is served.
    """

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The document."""
        parts = openapi_schema.get("components", {})
        return super().render(
            request,
            {**openapi_schema, "components": {**parts, "schemas": {**parts.get("schemas", {}), **schemas()}}},
        )


async def _seal(message: Message, _scope: Scope) -> None:
    if message["type"] == "http.response.start":
        headers = list(message["headers"])
        own = {name.lower() for name, _ in headers}
        message["headers"] = [*headers, *((name, value) for name, value in HEADERS if name not in own)]


# --- logs ------------------------------------------------------------------------------------------


class _StandardError(structlog.PrintLogger):
    """Lines on standard error as it is now. One that cannot be written is lost, and nothing else with it."""

    def __init__(self, *_: object) -> None:
        super().__init__(sys.stderr)

    def msg(self, message: str) -> None:
        # Closed, or a file on a full disk: just then something failed that has to be dealt with, not only told.
        with contextlib.suppress(OSError, ValueError):
            super().msg(message)

    debug = info = warning = error = critical = msg


def configure_logs(level: str) -> None:
    """JSON lines on standard error, of our own and of the libraries; never a secret, never an answer."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_StandardError,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    for name in ("uvicorn", "uvicorn.error", "litestar"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(max(number, logging.WARNING))


# --- serving ---------------------------------------------------------------------------------------


def _server(settings: Settings, db: Database | None) -> tuple[uvicorn.Server, socket.socket]:
    """A server and the socket it will listen on, bound already, so that its port is known and no other's."""
    listening = socket.create_server((settings.host, settings.port), backlog=BACKLOG)
    # Handed to every connection. Without it each reply waits 40 ms for the other side's delayed acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        config = uvicorn.Config(
            create_app(settings, db),
            http=PatientProtocol,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # no header is believed about who is asking
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            limit_concurrency=CONNECTIONS_MAX,
            lifespan="on",
        )
    except BaseException:
        listening.close()
        raise
    return uvicorn.Server(config), listening


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{host}:{port}"


def serve(settings: Settings, db: Database | None = None) -> None:
    """Serves until told to stop (SIGTERM, Ctrl-C), printing the address once it listens."""
    server, listening = _server(settings, db)
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    print(f"互查服务器 Hucha server: {_address(listening)}", flush=True)
    server.run(sockets=[listening])


@contextlib.contextmanager
def running(settings: Settings, db: Database | None = None) -> Iterator[str]:
    """Serves in a thread of its own for as long as the block lasts; gives the address."""
    server, listening = _server(settings, db)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listening]}, name="hucha-server", daemon=True
    )
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise Problem("store_in_use", path=_address(listening))
            time.sleep(0.01)
        yield _address(listening)
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
