"""Handing over one photo through tus: begun, gone on with after any cut, begun anew when it arrived damaged.

Written as steps, like an exchange: the store is used between the calls to the network, which whoever drives the
steps makes. How far a photo is, is the server's to say; what is noted here is for people to see.
"""

from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from functools import partial
from typing import Any, TypeVar

from mobile.signatures import signed_by
from mobile.store import Store
from mobile.transport import Offline, Rejected, Transport
from shared_schema.problems import Problem
from shared_schema.proofs import refusal_text
from shared_schema.wire import TUS_VERSION, UPLOAD_MEDIA_TYPE, ProblemReply

R = TypeVar("R")
Calls = Generator[Callable[[], Any], Any, R]
"""Work on the store that yields each call to the network and is sent its result, or its Offline or Rejected."""

PART_BYTES = 512 * 1024
PART_BYTES_MIN = 256 * 1024
PART_BYTES_MAX = 4 * 1024 * 1024
QUICK_MS = 2_000
SLOW_MS = 15_000
"""A part that took longer is too large for this line: were it cut, too much would have to go again."""
OFFSET_DIGITS_MAX = 15
AGAIN_MAX: Mapping[str, int] = {
    "upload_offset": 3,  # somebody else went on with it, or what we noted is out of date
    "not_found": 2,  # it expired, or the server was restored
    "photo_wrong_hash": 1,  # it was damaged on its way; twice is no accident
    "request_too_large": 8,  # something in between takes less at a time than our server
}
"""What going on, from where the server is, can put right; and how often in one run that is tried."""


class Uploads:
    """The uploads of one tablet; remembers from one to the next how much this line carries at a time."""

    def __init__(self, store: Store, transport: Transport, clock: Callable[[], int]) -> None:
        self._store = store
        self._transport = transport
        self._clock = clock
        self._part_bytes = PART_BYTES
        self.carried = 0
        """How many bytes have got through since this was made."""
        self._by_name = False
        """Whether an upload is begun without its first bytes: the last time the line did not carry them, and of what
        arrived we had no name to go on with."""

    def send(
        self,
        sha256: str,
        content: bytes,
        token: Mapping[str, str],
        moved_on: Callable[[], None] = lambda: None,
    ) -> Calls[None]:
        """Hands the photo over; at its end the server has it for good. Raises Offline, Rejected.

        `moved_on` is called after each piece, and may raise: the next time goes on from there.
        """
        headers = {**token, "tus-resumable": TUS_VERSION}
        name, offset = self._store.photo_upload(sha256), -1
        moved, again = False, Counter[str]()
        # What is told first is how far it was already: that a question got through carries nothing of the photo.
        furthest = -1 if name else 0
        while offset < len(content):
            try:
                if not name:
                    name, now_at = yield from self._begin(sha256, content, headers)
                elif offset < 0:
                    now_at = yield from self._ask("HEAD", name, b"", headers)
                else:
                    now_at = yield from self._part(name, offset, content, headers)
            except Offline:
                self._by_name = self._by_name or not name
                # The line was cut in the middle. Where it carried something, it is tried again at once.
                if not moved:
                    raise
                moved, offset = False, -1
                self._part_bytes = max(PART_BYTES_MIN, self._part_bytes // 2)
                continue
            except Rejected as err:
                code = err.problem.code
                again[code] += 1
                if again[code] > AGAIN_MAX.get(code, 0):
                    raise
                if code in {"not_found", "photo_wrong_hash"}:
                    name, furthest = "", 0
                if code == "request_too_large":
                    self._smaller(err)
                offset = -1
                continue
            moved = moved or now_at > furthest >= 0
            offset, furthest = now_at, max(furthest, now_at)
            self._store.photo_moved(sha256, name, offset)
            moved_on()

    def _begin(self, sha256: str, content: bytes, headers: Mapping[str, str]) -> Calls[tuple[str, int]]:
        """Names the photo to the server, with its first bytes; what the upload is called, and how far it is."""
        first = b"" if self._by_name else content[: self._part_bytes]
        told = {
            "upload-length": str(len(content)),
            "upload-metadata": f"sha256 {_in_base64(sha256)},filetype {_in_base64('image/jpeg')}",
            "content-type": UPLOAD_MEDIA_TYPE,
        }
        answer = yield partial(self._transport.files, "POST", "", first, {**headers, **told})
        name = answer.get("location", "").rstrip("/").rpartition("/")[2]
        if not name:
            raise Rejected(_unreadable("location"))
        if not first:
            self._store.photo_moved(sha256, name, 0)
            return name, (yield from self._ask("HEAD", name, b"", headers))
        self.carried += _offset(answer)
        return name, _offset(answer)

    def _part(self, name: str, offset: int, content: bytes, headers: Mapping[str, str]) -> Calls[int]:
        part = content[offset : offset + self._part_bytes]
        told = {"upload-offset": str(offset), "content-type": UPLOAD_MEDIA_TYPE}
        began_ms = self._clock()
        now_at = yield from self._ask("PATCH", name, part, {**headers, **told})
        if now_at <= offset:
            # Something in between has swallowed it; at once again would be for ever.
            raise Rejected(_unreadable("upload-offset"))
        self._by_name = False
        self.carried += now_at - offset
        took_ms = self._clock() - began_ms
        # A clock that was set meanwhile makes one wrong guess.
        if took_ms > SLOW_MS:
            self._part_bytes = max(PART_BYTES_MIN, self._part_bytes // 2)
        elif took_ms < QUICK_MS:
            self._part_bytes = min(PART_BYTES_MAX, self._part_bytes * 2)
        return now_at

    def _ask(self, method: str, name: str, body: bytes, headers: Mapping[str, str]) -> Calls[int]:
        answer = yield partial(self._transport.files, method, name, body, headers)
        return _offset(answer)

    def _smaller(self, err: Rejected) -> None:
        if self._part_bytes <= PART_BYTES_MIN // 16:
            raise err
        self._part_bytes //= 2


def _offset(answer: Mapping[str, str]) -> int:
    """How far the upload is. Raises Rejected for an answer that does not say: it is not our server's."""
    text = answer.get("upload-offset", "")
    if not (text.isascii() and text.isdigit() and len(text) <= OFFSET_DIGITS_MAX):
        raise Rejected(_unreadable("upload-offset"))
    return int(text)


def _unreadable(where: str) -> ProblemReply:
    return ProblemReply(code="request_malformed", zh="", en="", retry=True, facts={"where": where})


def _in_base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def about_one_photo(err: Rejected | Problem) -> ProblemReply:
    """What is wrong with this photo and no other: refused, too large for what is in between, in a bad place here.

    Raises `err` where it is about more.
    """
    if isinstance(err, Problem):
        if err.code != "disk_failing":
            raise err
        return ProblemReply(err.code, zh="", en="")
    if not err.problem.code.startswith(("photo_", "request_too_large")):
        raise err
    return err.problem


def never_taken(err: Rejected | Problem, sha256: str, key: str) -> bool:
    """Whether nobody will ever take this photo: it lies in a bad place here, or the server with this key has signed so.

    A server without a key, of before there were any, is believed without.
    """
    if isinstance(err, Problem):
        return True
    code, signature = err.problem.code, err.problem.facts.get("signature", "")
    # What is in between takes something else tomorrow, or another line does.
    return code != "request_too_large" and (not key or signed_by(key, signature, refusal_text(sha256, code)))
