"""A hand in a line without TLS: it keeps what passes, sends it again, changes it, and answers in the server's place."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mobile.transport import Rejected
from shared_schema.proofs import reply_text
from shared_schema.wire import DEVICE_HEADER, UPLOAD_MEDIA_TYPE, signature_of, signed_reply

if TYPE_CHECKING:
    from tests.simulation.world import World

KEPT_MAX = 60
_WAYS = ("kept", "kept", "other", "changed", "unsigned", "key")


class Forged(bytes):
    """A reply that was not given to this request, by the server or another tablet: no tablet may believe it."""


class Passed(NamedTuple):
    """What went over the line once."""

    device: str
    asked: bytes
    reply: bytes
    revoked: bool
    """Whether the reply turns the tablet away."""


class Hand:
    """Whoever sits there, in one world."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._random = world.weather.later
        self._kept: list[Passed] = []
        self._said: list[tuple[int, bytes]] = []
        """What tablets answered each other, and at which place of a meeting."""
        self._stranger = Ed25519PrivateKey.from_private_bytes(self._random.randbytes(32))

    def keeps(self, body: bytes, headers: Mapping[str, str], reply: bytes, *, revoked: bool) -> None:
        """Keeps a request and its reply."""
        self._kept = [*self._kept, Passed(headers[DEVICE_HEADER], body, reply, revoked)][-KEPT_MAX:]

    def answers(self, body: bytes, headers: Mapping[str, str], reply: bytes) -> bytes:
        """What arrives at the tablet in place of the server's reply; mostly that."""
        if not self._world.weather.strikes("forged_reply", 0.06):
            return reply
        mine = [one.reply for one in self._kept if one.device == headers[DEVICE_HEADER] and one.asked != body]
        others = [one for one in self._kept if one.device != headers[DEVICE_HEADER]]
        # What does most harm: the other tablet was turned away, and this one would destroy what it holds.
        others = [one for one in others if one.revoked] or others
        _, plain = signature_of(reply)
        match self._random.choice(_WAYS):
            case "kept" if mine:
                made = self._random.choice(mine)
            case "other" if others:
                made = self._random.choice(others).reply
            case "unsigned":
                made = plain
            case "key":
                made = signed_reply(self._stranger.sign(reply_text(body, plain)).hex(), plain)
            case _:
                at = int(self._random.random() * len(reply))
                made = reply[:at] + bytes([reply[at] ^ 1]) + reply[at + 1 :]
        return Forged(made)

    def takes_photo(self, method: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str] | None:
        """Answers that these bytes of a photo have arrived, and lets none of them pass."""
        if headers.get("content-type") != UPLOAD_MEDIA_TYPE or not body:
            return None
        if not self._world.weather.strikes("forged_photo", 0.3):
            return None
        offset = int(headers.get("upload-offset", "0")) + len(body)
        named = {"location": f"/files/{self._random.randbytes(16).hex()}"} if method == "POST" else {}
        return {"upload-offset": str(offset), **named}

    def between_tablets(self, answer: bytes, place: int) -> bytes:
        """What arrives of a tablet's answer to another one: it, or what some tablet said at that place before."""
        said = [one for at, one in self._said if at == place and one != answer]
        self._said = [*self._said, (place, answer)][-KEPT_MAX:]
        if said and self._world.weather.strikes("replayed", 0.05):
            return Forged(self._random.choice(said))
        return answer

    def replays(self) -> None:
        """A request arrives that arrived long ago."""
        sent = self._world.network.sent
        if sent and self._world.weather.strikes("replayed", 0.03):
            try:
                self._world.network.deliver(*self._random.choice(sent))
            except Rejected:
                return
