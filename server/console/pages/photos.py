"""Photos: only those that stand on an inspection, only to those who may read it, never as anything but a picture."""

from litestar import Response, get
from litestar.params import FromPath

from server.console.context import console_of
from server.console.policy import allow
from server.console.render import AnyRequest
from server.storage import console_inspection as store
from shared_schema.problems import Problem

PHOTO = allow("coordinator", "evaluator", read="read.photo")
SMALL = allow("coordinator", "evaluator", read="read.thumbnail")
SUFFIX = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}


SANDBOX = "default-src 'none'; sandbox"


@get("/inspections/{inspection:str}/photos/{evidence:str}", opt=PHOTO, sync_to_thread=True)
def photo(request: AnyRequest, inspection: FromPath[str], evidence: FromPath[str]) -> Response[bytes]:
    """The bytes of one photo."""
    picture = _picture(request, inspection, evidence)
    if picture.media_type not in SUFFIX:
        raise Problem("not_found", what=evidence)
    content = console_of(request).photos.get(picture.sha256)
    return _answer(content, picture.media_type, f"hucha-{picture.sha256[:12]}")


@get("/inspections/{inspection:str}/photos/{evidence:str}/small", opt=SMALL, sync_to_thread=True)
def thumbnail(request: AnyRequest, inspection: FromPath[str], evidence: FromPath[str]) -> Response[bytes]:
    """A small picture of one photo, for pages with many."""
    picture = _picture(request, inspection, evidence)
    content = console_of(request).thumbnails.get(picture.sha256)
    return _answer(content, "image/jpeg", f"hucha-{picture.sha256[:12]}-small")


def _picture(request: AnyRequest, inspection: str, evidence: str) -> store.Picture:
    found = console_of(request).db.read(lambda conn: store.pictures(conn, inspection))
    picture = next((one for one in found if one.evidence == evidence and one.here), None)
    if picture is None:
        raise Problem("not_found", what=evidence)
    return picture


def _answer(content: bytes, media_type: str, name: str) -> Response[bytes]:
    """Never as anything but a picture, and nowhere kept: the edge forbids storing what a page shows."""
    headers = {
        "content-disposition": f'inline; filename="{name}.{SUFFIX[media_type]}"',
        "content-security-policy": SANDBOX,
    }
    return Response(content, media_type=media_type, headers=headers)
