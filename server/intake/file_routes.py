"""`/files` and everything below it, handed to the desk for uploads as it comes: tus has verbs of its own."""

from litestar.handlers import ASGIRouteHandler, asgi
from litestar.types import Receive, Scope, Send

from server.intake.upload_desk import UploadDesk

PATH = "/files"


def files_route(desk: UploadDesk) -> ASGIRouteHandler:
    """The route of all verbs, for new uploads and for those that have a name."""

    @asgi(PATH, is_mount=True, copy_scope=False)
    async def files(scope: Scope, receive: Receive, send: Send) -> None:
        name = scope["path"].removeprefix(PATH).strip("/")
        await desk.answer(scope, name, receive, send)  # type: ignore[arg-type]

    return files
