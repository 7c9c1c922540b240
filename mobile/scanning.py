"""Square codes read from one picture of the camera; nothing of the picture is kept."""

import importlib.util

from mobile.files import destroy
from mobile.photo_sources import AndroidSource, PhotoSource
from shared_schema.problems import Problem


def can_scan(source: PhotoSource | None) -> bool:
    """Whether there is a camera, and what reads codes: on Android that is not built yet."""
    return source is not None and importlib.util.find_spec("zxingcpp") is not None


def scan(source: PhotoSource | None) -> str:
    """What the one square code before the camera says; blocks.

    Raises code_unseen, camera_missing where there is none, and what `PhotoSource.take` and reading a picture raise.
    """
    # No start needs them.
    import zxingcpp

    from mobile import pixels

    if source is None:
        raise Problem("camera_missing")
    try:
        picture = source.take()
    finally:
        if isinstance(source, AndroidSource):
            destroy(source.path)
    found = zxingcpp.read_barcodes(
        pixels.grey(picture), formats=zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
    )
    texts = {one.text for one in found}
    if len(texts) != 1:
        raise Problem("code_unseen")
    return texts.pop()
