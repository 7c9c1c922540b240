"""The way to the server: the Transport protocol and the one over HTTP; the only network code."""

import logging
import zlib
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec
from msgspec.structs import replace

from shared_schema.problems import REGISTRY
from shared_schema.wire import ProblemReply

if TYPE_CHECKING:
    import ssl

    import httpx

_log = logging.getLogger(__name__)

CONNECT_SECONDS = 10
WRITE_SECONDS = 30
REPLY_SECONDS = 60
"""Each for one step: a connection, a piece of the request that gets off, a piece of the reply that arrives. A slow line
takes as long as it needs while anything moves; one where nothing moves is given up, and `sync` sends less next time."""

REPLY_BYTES_MAX = 64 * 1024 * 1024
"""Unpacked: ten times what a server says to a squad with very many visits. More would fill the tablet's memory."""

_problem_decoder = msgspec.json.Decoder(ProblemReply)


class Offline(Exception):
    """No server was reached, or its reply did not arrive: a state, not an error."""


class Rejected(Exception):
    """The server was reached and said no to the whole request, or is not one that this tablet may believe."""

    def __init__(self, problem: ProblemReply) -> None:
        super().__init__(problem.code)
        self.problem = problem


class Transport(Protocol):
    """How a tablet's requests reach the server. Every method raises Offline and Rejected."""

    def enrol(self, body: bytes) -> bytes:
        """The reply to an enrolment."""
        ...

    def sync(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """The reply to one exchange."""
        ...

    def files(self, method: str, name: str, body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        """One request to `/files`, or to the upload of that name; the headers of the answer, in lower case."""
        ...


class HttpTransport:
    """Over HTTP. The address comes from the settings alone: proxies of the environment are not asked.

    With an `authority`, a PEM file, a server is believed that stands on one of its certificates, and no other.

    There are no cookies, no redirects and no logins to follow, so requests go to httpx's transport
    directly, which takes half the time of its client.
    """

    def __init__(
        self,
        base_url: str,
        *,
        reply_seconds: float = REPLY_SECONDS,
        connect_seconds: float = CONNECT_SECONDS,
        authority: str = "",
    ) -> None:
        # It costs a third of a second of a slow processor, and the first frame needs no server.
        import httpx

        self._httpx = httpx
        self._base: httpx.URL | None = None
        # A typed address that is none is said when it is used: a start that knows no other must come up all the same.
        with suppress(httpx.InvalidURL):
            self._base = httpx.URL(base_url.rstrip("/"))
        timeout = httpx.Timeout(reply_seconds, connect=connect_seconds, write=WRITE_SECONDS)
        self._extensions = {"timeout": timeout.as_dict()}
        self._transport = httpx.HTTPTransport(trust_env=False, verify=_only(authority) if authority else True)

    def enrol(self, body: bytes) -> bytes:
        """`POST /enrol`."""
        return self._send("POST", "/enrol", body, {}).content

    def sync(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """`POST /sync`."""
        return self._send("POST", "/sync", body, headers).content

    def files(self, method: str, name: str, body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        """`/files` and `/files/{name}`."""
        reply = self._send(method, f"/files/{name}" if name else "/files", body, headers)
        return reply.headers

    def meet(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """`POST /meet` of another tablet."""
        return self._send("POST", "/meet", body, headers).content

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def _send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> "_Reply":
        if self._base is None:
            raise Rejected(_no_address())
        url = self._base.copy_with(path=self._base.path.rstrip("/") + path)
        given = {"content-type": "application/json", "accept-encoding": "gzip", **headers}
        request = self._httpx.Request(method, url, content=body, headers=given, extensions=self._extensions)
        try:
            reply = _read(self._transport.handle_request(request))
        except UnicodeError as err:  # of a name that no host can have
            raise Rejected(_no_address()) from err
        except (self._httpx.TransportError, zlib.error) as err:
            if why := _untrusted(err):
                raise Rejected(_untrusted_server(why)) from err
            raise Offline(str(err) or type(err).__name__) from err
        if HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
            return reply
        raise Rejected(_waiting(_problem(method, reply), reply))


class _Reply(NamedTuple):
    """An answer, read whole."""

    status: int
    headers: Mapping[str, str]
    """In lower case."""
    content: bytes


def _read(reply: "httpx.Response") -> _Reply:
    """The answer; no more of it is taken in, and unpacked, than this tablet has room for.

    Raises Rejected, zlib.error.
    """
    headers = {name.lower(): value for name, value in reply.headers.items()}
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16) if headers.get("content-encoding") == "gzip" else None
    content = bytearray()
    try:
        for part in reply.iter_raw():
            if unpacker is not None and unpacker.eof:
                raise zlib.error("something follows its end")
            room = REPLY_BYTES_MAX + 1 - len(content)
            content += part[:room] if unpacker is None else unpacker.decompress(part, room)
            if len(content) > REPLY_BYTES_MAX:
                facts = {"where": f"over {REPLY_BYTES_MAX} bytes"}
                raise Rejected(ProblemReply("request_malformed", zh="", en="", retry=True, facts=facts))
    finally:
        reply.close()
    return _Reply(reply.status_code, headers, bytes(content))


def _only(authority: str) -> "ssl.SSLContext":
    """Trusts the certificates of this file and no others. Of one that cannot be read, none: work goes on offline."""
    import ssl

    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks names, and speaks TLS 1.2 or later
    try:
        trusting.load_verify_locations(authority)
    except OSError as err:  # ssl.SSLError is one
        _log.error("no certificate could be read from %s: %s", authority, err)
    return trusting


def _untrusted(err: BaseException | None) -> str:
    """What is wrong with the server's certificate, if that is the cause: waiting does not mend it."""
    import ssl

    while err is not None:
        if isinstance(err, ssl.SSLCertVerificationError):
            return err.verify_message or str(err)
        err = err.__cause__ or err.__context__
    return ""


def _no_address() -> ProblemReply:
    facts = {"field": "服务器地址 / server address", "cure": "如 / such as http://192.168.43.1:8470"}
    return ProblemReply("form_invalid", zh="", en="", retry=False, facts=facts)


def _untrusted_server(why: str) -> ProblemReply:
    _log.warning("the server's certificate is not trusted: %s", why)
    code = "server_untrusted"
    return ProblemReply(code=code, zh="", en="", retry=REGISTRY[code].retry, facts={"why": why})


def _waiting(problem: ProblemReply, reply: _Reply) -> ProblemReply:
    """The problem, with how many seconds the server asks to wait before the next try, where it says so."""
    seconds = reply.headers.get("retry-after", "")
    if not (seconds.isascii() and seconds.isdigit()):
        return problem
    return replace(problem, facts={"wait_seconds": seconds[:9], **problem.facts})


_BODILESS = {
    401: "token_expired",
    404: "not_found",
    409: "upload_offset",
    410: "not_found",
    415: "photo_type",
    422: "photo_wrong_hash",
    423: "upload_taken_over",
    507: "disk_full",
}
"""What a refusal of HEAD means, which by its nature says nothing but its status."""


def _problem(method: str, reply: _Reply) -> ProblemReply:
    """What the server said; of something in between that is not our server, its status."""
    if method == "HEAD" and reply.status in _BODILESS:
        code = _BODILESS[reply.status]
        return ProblemReply(code=code, zh="", en="", retry=REGISTRY[code].retry)
    try:
        return _problem_decoder.decode(reply.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        code = "busy" if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "request_malformed"
        if reply.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            code = "request_too_large"  # a proxy with a smaller limit than ours: less at a time gets through
        facts = {"where": f"HTTP {reply.status}"}
        return ProblemReply(code=code, zh="", en="", retry=code == "busy", facts=facts)
