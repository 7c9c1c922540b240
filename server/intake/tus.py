"""tus 1.0.0 as bytes on the wire: what a request's headers ask for, and the headers of the answer. Pure.

https://tus.io/protocols/resumable-upload: core, creation, creation-with-upload, termination, expiration. Not the
checksum extension: it throws away what arrived of a part that is damaged, and the whole has a hash anyway.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from email.utils import formatdate
from typing import NamedTuple

from shared_schema.problems import Problem
from shared_schema.wire import PHOTO_BYTES_MAX, TUS_VERSION, UPLOAD_MEDIA_TYPE

EXTENSIONS = "creation,creation-with-upload,termination,expiration"
METHODS = ("OPTIONS", "POST", "HEAD", "PATCH", "DELETE", "GET")
"""GET is none of tus's own; what was handed in can be read back with it, and its clients' own tests do so."""
METADATA_BYTES_MAX = 4096

Headers = Mapping[str, str]
"""Names in lower case."""

_NUMBER = re.compile(r"[0-9]{1,15}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEY = re.compile(r"[!-+\--~]+")  # any ASCII but blanks and commas


class Creation(NamedTuple):
    """A new upload as its sender describes it."""

    size_bytes: int
    metadata: str
    sha256: str
    """Hex; empty where the sender does not name it."""
    has_body: bool
    body_bytes: int | None


class Part(NamedTuple):
    """Bytes that go on at an offset; `body_bytes` is None where their number is not announced."""

    offset: int
    body_bytes: int | None


def method_of(method: str, headers: Headers) -> str:
    """What is asked for, also by clients whose networks let only GET and POST through."""
    return headers.get("x-http-method-override", method).strip().upper()


def check_version(headers: Headers) -> None:
    """Raises tus_version_unsupported."""
    theirs = headers.get("tus-resumable", "")
    if theirs != TUS_VERSION:
        raise Problem("tus_version_unsupported", theirs=theirs[:20] or "?", ours=TUS_VERSION)


def read_creation(headers: Headers) -> Creation:
    """Raises request_malformed, photo_too_large, photo_type (for nothing at all), upload_media_type."""
    if "upload-defer-length" in headers:
        raise _malformed("upload-defer-length: name the Upload-Length")
    if "upload-concat" in headers:
        raise _malformed("upload-concat: send the photo whole")  # or half of it would become a photo
    size_bytes = _number(headers, "upload-length")
    if size_bytes > PHOTO_BYTES_MAX:
        raise Problem("photo_too_large", limit_bytes=PHOTO_BYTES_MAX)
    if size_bytes == 0:
        raise Problem("photo_type")
    body_bytes = _body_bytes(headers)
    has_body = body_bytes != 0
    if has_body:
        _check_media_type(headers)
        if body_bytes is not None and body_bytes > size_bytes:
            raise Problem("request_too_large", limit_bytes=size_bytes)
    metadata = headers.get("upload-metadata", "").strip()
    sha256 = _metadata(metadata).get("sha256", "").lower()
    if sha256 and not _SHA256.fullmatch(sha256):
        raise _malformed("upload-metadata: sha256")
    return Creation(size_bytes, metadata, sha256, has_body, body_bytes)


def read_part(headers: Headers) -> Part:
    """Raises upload_media_type, request_malformed."""
    _check_media_type(headers)
    return Part(_number(headers, "upload-offset"), _body_bytes(headers))


def _check_media_type(headers: Headers) -> None:
    if headers.get("content-type", "").partition(";")[0].strip().lower() != UPLOAD_MEDIA_TYPE:
        raise Problem("upload_media_type", wanted=UPLOAD_MEDIA_TYPE)


def _body_bytes(headers: Headers) -> int | None:
    if "transfer-encoding" in headers:
        return None
    return _number(headers, "content-length") if "content-length" in headers else 0


def _number(headers: Headers, name: str) -> int:
    text = headers.get(name, "").strip()
    if not _NUMBER.fullmatch(text):
        raise _malformed(name)
    return int(text)


def _metadata(header: str) -> dict[str, str]:
    """By key, the values; bytes that are no text are left out, because we use none of them."""
    if len(header) > METADATA_BYTES_MAX:
        raise _malformed(f"upload-metadata: over {METADATA_BYTES_MAX} bytes")
    found: dict[str, str] = {}
    for pair in header.split(",") if header else ():
        key, _, value = pair.strip().partition(" ")
        if not _KEY.fullmatch(key) or key in found:
            raise _malformed("upload-metadata")
        try:
            found[key] = base64.b64decode(value.strip(), validate=True).decode(errors="replace")
        except binascii.Error as err:
            raise _malformed(f"upload-metadata: {key[:40]}") from err
    return found


def _malformed(where: str) -> Problem:
    return Problem("request_malformed", where=where)


# --- answers ---------------------------------------------------------------------------------------


def abilities() -> dict[str, str]:
    """What OPTIONS answers."""
    return {
        "tus-version": TUS_VERSION,
        "tus-extension": EXTENSIONS,
        "tus-max-size": str(PHOTO_BYTES_MAX),
        "allow": ", ".join(METHODS),
    }


def expiry(at_ms: int) -> dict[str, str]:
    """Until when an unfinished upload can go on, as HTTP writes dates."""
    return {"upload-expires": formatdate(at_ms // 1000, usegmt=True)}
