"""A private line between two tablets that meet: each has shown who it is, and nobody on the hotspot reads along.

What passes is sealed by keys that exist for this meeting only, one for each direction, and numbered. A message
that was changed, comes from somebody else or out of its turn is not opened; the same one once more gets the very
answer it got before.
"""

from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping
from functools import partial
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mobile.handover import Entropy, identity_of, peer_of
from mobile.signatures import signed_by
from mobile.store import Store
from mobile.transport import Rejected
from mobile.vault import Vault
from shared_schema.greeting import (
    LINE_HEADER,
    SEALED_MEDIA_TYPE,
    Hello,
    Welcome,
    hello_text,
    line_name,
    read_hello,
    read_welcome,
    welcome_text,
)
from shared_schema.ids import digest
from shared_schema.problems import Problem
from shared_schema.wire import SIGNATURE_HEADER, ProblemReply, encode

KEY_BYTES = 32
SIGNATURE_BYTES = 64
LINES_MAX = 16
"""A squad has few tablets: of lines that nobody has spoken over the one greeted longest ago gives way, and its tablet
greets anew.
"""

Post = Callable[[bytes, Mapping[str, str]], bytes]
"""Carries a body and headers to the other tablet; gives the answer. Raises Offline, Rejected."""


class Asked(NamedTuple):
    """A request that came over a line."""

    device: str
    """Who has the other end."""
    signature: str
    body: bytes


# --- the one that asks ------------------------------------------------------------------------------


class Line:
    """The end of the tablet that asks; uses no store, so that it can be spoken over from any thread."""

    def __init__(self, post: Post, name: str, secret: bytes) -> None:
        self._post = post
        self._name = name
        self._asks, self._answers = _ciphers(name, secret)
        self._number = 0

    def send(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """A signed request and its answer. Raises Offline, Rejected; signature_invalid for one not sealed for us."""
        self._number += 1
        content = bytes.fromhex(headers[SIGNATURE_HEADER]) + body
        sealed = self._asks.encrypt(_nonce(self._number), content, None)
        told = {LINE_HEADER: f"{self._name}.{self._number}", "content-type": SEALED_MEDIA_TYPE}
        answer = self._post(sealed, told)
        try:
            return self._answers.decrypt(_nonce(self._number), answer, None)
        except InvalidTag as err:
            raise rejected(Problem("signature_invalid")) from err


def greet(
    store: Store, vault: Vault, post: Post, *, entropy: Entropy, expected: str = ""
) -> Generator[Callable[[], Any], Any, Line]:
    """Greets the tablet at the end of `post`, as steps; `expected` is which one it must be, empty: any of the squad.

    Raises Offline, Rejected; peer_unknown or device_revoked, request_malformed, signature_invalid for whoever answers
    and is not one of the squad, and device_unknown, device_revoked before anything is sent.
    """
    me = identity_of(store).device
    own = X25519PrivateKey.from_private_bytes(entropy(KEY_BYTES))
    key = own.public_key().public_bytes_raw().hex()
    hello = encode(
        Hello(device=me, to=expected, key=key, signature=vault.sign(hello_text(me, expected, key)))
    )
    answered = yield partial(post, hello, {})
    welcome = read_welcome(answered)
    peer = peer_of(store, welcome.device)
    if expected not in ("", peer.device):
        raise Problem("peer_unknown", device=peer.device)
    if not signed_by(peer.public_key, welcome.signature, welcome_text(peer.device, hello, welcome.key)):
        raise Problem("signature_invalid")
    return Line(post, line_name(hello, answered), _agreed(own, welcome.key))


# --- the one that is asked --------------------------------------------------------------------------


class _End:
    """The other end of a line."""

    def __init__(self, device: str, name: str, secret: bytes) -> None:
        self.device = device
        self.asks, self.answers = _ciphers(name, secret)
        self.number = 0
        self.last: tuple[str, bytes] = ("", b"")
        """The digest of the request answered last, and its sealed answer: the network may bring it twice."""


class Lines:
    """The lines of a tablet that serves, from when it began to until it stops."""

    def __init__(self, store: Store, vault: Vault, entropy: Entropy) -> None:
        self._store = store
        self._vault = vault
        self._entropy = entropy
        self._ends: OrderedDict[str, _End] = OrderedDict()

    def welcome(self, body: bytes) -> tuple[bytes, str]:
        """The answer to a greeting, and who greeted.

        Raises request_malformed, peer_unknown, device_revoked, signature_invalid.
        """
        me = identity_of(self._store).device
        hello = read_hello(body)
        peer = peer_of(self._store, hello.device)
        if hello.to not in ("", me):
            raise Problem("peer_unknown", device=me)
        if not signed_by(peer.public_key, hello.signature, hello_text(hello.device, hello.to, hello.key)):
            raise Problem("signature_invalid")
        own = X25519PrivateKey.from_private_bytes(self._entropy(KEY_BYTES))
        key = own.public_key().public_bytes_raw().hex()
        secret = _agreed(own, hello.key)
        signature = self._vault.sign(welcome_text(me, body, key))
        answer = encode(Welcome(device=me, key=key, signature=signature))
        name = line_name(body, answer)
        self._ends[name] = _End(peer.device, name, secret)
        if len(self._ends) > LINES_MAX:
            # A greeting may be one that somebody wrote down: it takes no line from those who have shown who they are,
            # while others are there that nobody has spoken over.
            earlier = list(self._ends)[:-1]
            del self._ends[next((one for one in earlier if not self._ends[one].number), earlier[0])]
        return answer, peer.device

    def answer(self, label: str, sealed: bytes, answer: Callable[[Asked], bytes]) -> bytes:
        """The sealed answer to a sealed request; `answer` is not asked about one that was answered before.

        Raises line_gone, signature_invalid, and what `answer` does; a request so refused may come once more.
        """
        name, _, number = label.partition(".")
        end = self._ends.get(name)
        if end is not None and (number, digest(sealed)) == (str(end.number), end.last[0]):
            return end.last[1]
        if end is None or number != str(end.number + 1):
            raise Problem("line_gone")
        try:
            content = end.asks.decrypt(_nonce(end.number + 1), sealed, None)
        except InvalidTag as err:
            raise Problem("signature_invalid") from err
        reply = answer(Asked(end.device, content[:SIGNATURE_BYTES].hex(), content[SIGNATURE_BYTES:]))
        if not end.number:
            # Now it is certain who has the other end: a greeting alone somebody may have written down.
            self._ends = OrderedDict(
                (other, one) for other, one in self._ends.items() if other == name or one.device != end.device
            )
        end.number += 1
        end.last = digest(sealed), end.answers.encrypt(_nonce(end.number), reply, None)
        return end.last[1]


# --- small ------------------------------------------------------------------------------------------


def rejected(problem: Problem) -> Rejected:
    """A Problem as the other tablet would have told it."""
    facts = {name: str(fact) for name, fact in problem.facts.items()}
    return Rejected(ProblemReply(problem.code, "", "", facts=facts))


def _agreed(own: X25519PrivateKey, key: str) -> bytes:
    try:
        return own.exchange(X25519PublicKey.from_public_bytes(bytes.fromhex(key)))
    except ValueError as err:  # a key with which every secret would be the same
        raise Problem("request_malformed", where="key") from err


def _ciphers(name: str, secret: bytes) -> tuple[ChaCha20Poly1305, ChaCha20Poly1305]:
    """What seals requests, and what seals answers. The keys come from all that was said in greeting."""
    derived = HKDF(SHA256(), length=2 * KEY_BYTES, salt=bytes.fromhex(name), info=b"hucha meeting 1")
    keys = derived.derive(secret)
    return ChaCha20Poly1305(keys[:KEY_BYTES]), ChaCha20Poly1305(keys[KEY_BYTES:])


def _nonce(number: int) -> bytes:
    """A key seals each number once: an answer that was sealed is sent again as it is."""
    return number.to_bytes(12, "big")
