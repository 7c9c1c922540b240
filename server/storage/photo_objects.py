"""Photos as objects of an S3-compatible store, named by the hash of their bytes.

The store's answer to a put is its word that the object is safe. It is asked again for the length before we
pass that word on, so that a put which a killed store forgot is found while the tablet still has the photo.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from server.storage.photo_files import check_name
from shared_schema.ids import digest
from shared_schema.problems import Problem

if TYPE_CHECKING:
    from obstore.store import S3Store

REQUEST_SECONDS = 30
"""For one request, with all its bytes: a photo of the largest size needs 0.7 MB/s. It is half of what a tablet waits;
then it is told to come again, and keeps the photo, as we keep the bytes."""
TRIES_SECONDS = 10
"""Later than this nothing is tried once more."""
ALLOWED = {"endpoint", "region", "access_key_id", "secret_access_key", "prefix"}


class PhotoObjects:
    """One bucket, or the part of one below a prefix."""

    def __init__(self, store: "S3Store", prefix: str = "") -> None:
        self._store = store
        self._prefix = prefix

    @classmethod
    def open(cls, address: str) -> "PhotoObjects":
        """The bucket of `s3://bucket?endpoint=…&region=…&prefix=…`; keys come from the address, or from AWS_… as usual.

        Raises ValueError, naming the mistake.
        """
        parts = urlsplit(address)
        given = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        if parts.scheme != "s3" or not parts.hostname or set(given) - ALLOWED:
            raise ValueError(
                f"photo_store: s3://bucket?endpoint=…, with {', '.join(sorted(ALLOWED))}; not {parts.scheme}://"
            )
        from obstore.store import S3Store  # takes a while to load, and a server with a disk has no need of it

        prefix = given.pop("prefix", "").strip("/")
        endpoint = given.get("endpoint", "")
        store = S3Store(
            parts.hostname,
            **given,  # type: ignore[arg-type]
            virtual_hosted_style_request=False,
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "timeout": f"{REQUEST_SECONDS}s",
                "connect_timeout": "3s",
            },
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=TRIES_SECONDS)},
        )
        return cls(store, f"{prefix}/" if prefix else "")

    def has(self, sha256: str) -> bool:
        """Whether the photo is there. Raises busy."""
        return self._size(self._key(sha256)) is not None

    def get(self, sha256: str) -> bytes:
        """The photo's bytes, which are what they were. Raises not_found, busy."""
        with _problems(sha256):
            content = bytes(self._store.get(self._key(sha256)).bytes())
        if digest(content) != sha256:
            raise Problem("not_found", what=sha256)
        return content

    def put(self, sha256: str, content: bytes) -> None:
        """Puts a photo. Raises photo_wrong_hash, busy."""
        key = self._key(sha256)
        if digest(content) != sha256:
            raise Problem("photo_wrong_hash")
        self._put(key, content, len(content))

    def keep(self, sha256: str, path: Path) -> None:
        """Puts a file whose hash was checked, and removes it here once it is safe there. Raises busy."""
        self._put(self._key(sha256), path, path.stat().st_size)
        path.unlink()

    def _put(self, key: str, content: bytes | Path, size_bytes: int) -> None:
        with _problems(key):
            # Whole, in one request: a photo is small, and of parts a killed store may keep some.
            self._store.put(key, content, use_multipart=False)
        if self._size(key) != size_bytes:
            raise Problem("busy")

    def _size(self, key: str) -> int | None:
        with _problems(key):
            try:
                return self._store.head(key)["size"]
            except FileNotFoundError:
                return None

    def _key(self, sha256: str) -> str:
        return f"{self._prefix}{check_name(sha256)}"


@contextmanager
def _problems(key: str) -> Iterator[None]:
    """What the store cannot do now, it may do later."""
    from obstore.exceptions import BaseError

    try:
        yield
    except FileNotFoundError as err:
        raise Problem("not_found", what=key) from err
    except (BaseError, OSError) as err:
        raise Problem("busy") from err
