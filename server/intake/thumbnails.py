"""Small pictures for pages: made once, when first looked at, by a process that may take little and fall over.

Decoding is bounded: one picture at a time, in a process with limits of memory and time; a few may wait. What it
cannot make a picture of is remembered, so that it is not tried with every look.
"""

import subprocess
import sys
import threading
from pathlib import Path

import structlog

from server.intake import thumbnail_maker
from server.intake.thumbnail_maker import LENGTH
from server.storage.photo_store import PhotoStore
from server.storage.thumbnail_files import ThumbnailFiles
from shared_schema.problems import Problem
from shared_schema.wire import PHOTO_BYTES_MAX, PHOTO_PIXELS_MAX

PICTURE_SECONDS_MAX = 10.0
"""A picture that takes longer is not made."""
PICTURES_PER_PROCESS = 200
CPU_SECONDS_MAX = 120
"""Of one process, over all its pictures."""
WAITING_MAX = 16
WAIT_SECONDS_MAX = 20.0
REFUSED_MAX = 10_000

log = structlog.get_logger(__name__)


class Thumbnails:
    """The small pictures of one server's photos. Used from any thread."""

    def __init__(
        self, photos: PhotoStore, files: ThumbnailFiles, *, seconds_max: float = PICTURE_SECONDS_MAX
    ) -> None:
        self._photos = photos
        self._files = files
        self._seconds_max = seconds_max
        self._turn = threading.Lock()
        self._places = threading.BoundedSemaphore(WAITING_MAX)
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0
        self._refused: set[str] = set()

    def close(self) -> None:
        """Ends the process."""
        with self._turn:
            self._end()

    def get(self, sha256: str) -> bytes:
        """The small picture of a photo, a JPEG without anything but its pixels.

        Raises not_found, photo_type (no picture can be made of it), photo_too_large, busy (too many at once).
        """
        found = self._files.get(sha256)
        if found is not None:
            return found
        if sha256 in self._refused:
            raise Problem("photo_type")
        if not self._places.acquire(blocking=False):
            raise Problem("busy")
        try:
            if not self._turn.acquire(timeout=WAIT_SECONDS_MAX):
                raise Problem("busy")
            try:
                return self._files.get(sha256) or self._make(sha256)
            finally:
                self._turn.release()
        finally:
            self._places.release()

    def _make(self, sha256: str) -> bytes:
        content = self._photos.get(sha256)
        if len(content) > PHOTO_BYTES_MAX:
            raise Problem("photo_too_large", limit_bytes=PHOTO_BYTES_MAX)
        used = self._process is not None
        small = self._ask(content)
        if not small and used and self._process is None:
            small = self._ask(content)  # it ended with the time or memory that earlier pictures had used up
        if not small:
            log.warning("no_thumbnail", photo=sha256)
            if len(self._refused) < REFUSED_MAX:
                self._refused.add(sha256)
            raise Problem("photo_type")
        try:
            self._files.put(sha256, small)
        except Problem as problem:
            # Without room for them they are made anew each time; the picture is shown all the same.
            log.warning("thumbnail_not_kept", code=problem.code)
        return small

    def _ask(self, content: bytes) -> bytes:
        """What the process makes of it; nothing where it takes too long or falls over, and then there is a new one."""
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        given_up = threading.Timer(self._seconds_max, process.kill)
        given_up.start()
        try:
            process.stdin.write(LENGTH.pack(len(content)) + content)
            process.stdin.flush()
            head = process.stdout.read(LENGTH.size)
            size = LENGTH.unpack(head)[0] if len(head) == LENGTH.size else -1
            small = process.stdout.read(size) if size > 0 else b""
        except OSError:
            size, small = -1, b""
        finally:
            given_up.cancel()
            given_up.join()
        self._made += 1
        if process.poll() is not None or len(small) != size:
            self._end()
        return small if len(small) == size else b""

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is not None and (
            self._made >= PICTURES_PER_PROCESS or self._process.poll() is not None
        ):
            self._end()
        if self._process is None:
            command = [
                sys.executable,
                "-I",
                str(Path(thumbnail_maker.__file__)),
                str(PHOTO_PIXELS_MAX),
                str(CPU_SECONDS_MAX),
            ]
            self._process = subprocess.Popen(  # noqa: S603 - our own file, no argument from outside
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}
            )
            self._made = 0
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue  # it was still holding bytes for a process that is gone
        process.wait()
