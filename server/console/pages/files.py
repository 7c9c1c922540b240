"""Static files and the margins of printed pages."""

from litestar import Response, get
from litestar.params import FromPath, FromQuery

from server.console.assets import assets, page_css
from server.console.policy import allow_public
from shared_schema.problems import Problem

FOR_EVER = "public, max-age=31536000, immutable"


@get("/static/{mark:str}/{name:path}", opt=allow_public(), sync_to_thread=False)
def static(name: FromPath[str]) -> Response[bytes]:
    """A file of the fixed set; what stands before its name changes with its content and is not looked at."""
    asset = assets().get(name.removeprefix("/"))
    if asset is None:
        raise Problem("not_found", what=name)
    return Response(asset.content, media_type=asset.media_type, headers={"cache-control": FOR_EVER})


@get("/static/page.css", opt=allow_public(), sync_to_thread=False)
def page_margins(version: FromQuery[str] = "", language: FromQuery[str] = "zh") -> Response[bytes]:
    """What a printed page carries in its margins: the marking, the data version and the page number."""
    marking = "INTERNAL" if language == "en" else "内部"
    content = page_css(marking, version).encode()
    return Response(content, media_type="text/css; charset=utf-8", headers={"cache-control": "no-store"})
