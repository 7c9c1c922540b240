"""Photos: only those that stand on an inspection, only to those who may read it, never as anything but a picture."""

from litestar import Response, get
from litestar.params import FromPath

from server.console.context import console_of
from server.console.policy import allow
from server.console.render import AnyRequest
from server.storage import console_inspection as store
from shared_schema.problems import Problem

PHOTO = allow("coordinator", "evaluator", read="read.photo")
SUFFIX = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}


@get("/inspections/{inspection:str}/photos/{evidence:str}", opt=PHOTO, sync_to_thread=True)
def photo(request: AnyRequest, inspection: FromPath[str], evidence: FromPath[str]) -> Response[bytes]:
    """The bytes of one photo."""
    console = console_of(request)
    found = console.db.read(lambda conn: store.pictures(conn, inspection))
    picture = next((one for one in found if one.evidence == evidence and one.here), None)
    if picture is None or picture.media_type not in SUFFIX:
        raise Problem("not_found", what=evidence)
    content = console.photos.get(picture.sha256)
    name = f"hucha-{picture.sha256[:12]}.{SUFFIX[picture.media_type]}"
    return Response(
        content,
        media_type=picture.media_type,
        headers={
            "content-disposition": f'inline; filename="{name}"',
            "content-security-policy": "default-src 'none'; sandbox",
        },
    )
