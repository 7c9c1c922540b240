"""The way between tablets and server: requests and replies get lost, come late, twice, cut off or garbled."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from mobile.transport import Offline, Rejected
from shared_schema.packing import BEGINNING_BYTES
from shared_schema.wire import read_reply, read_request
from tests.simulation.hub import Killed

if TYPE_CHECKING:
    from tests.simulation.tablets import Tablet
    from tests.simulation.world import World


class Letter(NamedTuple):
    """A request as it was sent."""

    body: bytes
    headers: Mapping[str, str]


class Network:
    """All lines between the tablets and the server of a world; every tablet's Transport."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.under_way: list[Letter] = []
        """Requests that have not arrived yet, though their tablets have long given them up."""
        self.sent: list[Letter] = []
        """Requests that have arrived, in order."""

    def enrol(self, body: bytes) -> bytes:
        """Tablets come enrolled."""
        raise NotImplementedError

    def sync(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """A request through the network and its reply back. Raises Offline, Rejected."""
        weather = self.world.weather
        if weather.strikes("lost_request", 0.06):
            raise Offline("lost on the way")
        if weather.strikes("delayed", 0.06):
            self.under_way.append(Letter(body, headers))
            raise Offline("no reply yet")
        damage = self.world.random.random(), self.world.random.random()
        if weather.strikes("damaged_request", 0.05):
            body = _damaged(body, *damage)
        if weather.strikes("server_killed", 0.04):
            try:
                self.world.hub.exchange(body, headers, self.world.now_ms, killed=True)
            except Killed:
                raise Offline("the server is gone") from None
        if weather.strikes("repeated", 0.08):
            self.deliver(body, headers)
        reply = self.world.hand.answers(body, headers, self.deliver(body, headers))
        if weather.strikes("lost_reply", 0.08):
            raise Offline("the reply is lost")
        cut = int(self.world.random.random() * len(reply))
        return reply[:cut] if weather.strikes("cut_reply", 0.03) else reply

    def files(self, method: str, name: str, body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        """A request of a photo's upload through the network, and the answer's headers. Raises Offline, Rejected."""
        weather, hub, now_ms = self.world.weather, self.world.hub, self.world.now_ms
        if weather.strikes("lost_request", 0.1):
            raise Offline("lost on the way")
        cut = int(self.world.random.random() * len(body))
        if weather.strikes("photo_cut", 0.3) and body:
            return hub.carry(method, name, body, headers, now_ms, cut=cut)
        if weather.strikes("damaged_request", 0.1) and body:
            body = body[:cut] + bytes([body[cut] ^ 1]) + body[cut + 1 :]
        lie = self.world.hand.takes_photo(method, body, headers)
        if lie is not None:
            return lie
        answer = hub.carry(method, name, body, headers, now_ms)
        if weather.strikes("lost_reply", 0.1):
            raise Offline("the reply is lost")
        return answer

    def deliver(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """A request reaches the server. Raises Rejected."""
        reply = self.world.hub.exchange(body, headers, self.world.now_ms)
        self.sent.append(Letter(body, headers))
        told = read_reply(reply)
        self.world.hand.keeps(body, headers, reply, revoked=told.revoked)
        for receipt in (told.receipt, *told.relayed):
            for one in self.world.hub.unheld(receipt) if receipt else ():
                self.world.office.broken.append(
                    f"lost: a receipt says that {one} is on the server, and it is not"
                )
        for inspections in self.world.inspections.values():
            self.world.touched.update(inspections)
        return reply

    def late_letter(self) -> None:
        """A request arrives that was long given up; which of them is chance."""
        if self.under_way:
            letter = self.under_way.pop(int(self.world.random.random() * len(self.under_way)))
            try:
                self.deliver(*letter)
            except Rejected:
                return


def names_in(world: "World", body: bytes) -> set[str]:
    """The ids of a request's operations, whatever the server knows by now of the bases they name."""
    known = {one[: 2 * BEGINNING_BYTES]: one for one in world.journal.committed | world.hub.ids()}
    request = read_request(body, find=lambda begun: [known.get(one, "") for one in begun])
    return {json.loads(bytes(raw))["id"] for raw in request.ops}


class Cable:
    """A line between two tablets, for one meeting; it breaks and garbles as the network does."""

    def __init__(self, world: "World", to: "Tablet") -> None:
        self.world = world
        self.to = to
        self._host = to.host()
        self._place = 0
        """So many requests have gone over it."""

    def meet(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """A request to the other tablet and its answer back. Raises Offline, Rejected."""
        weather = self.world.weather
        damage = self.world.random.random(), self.world.random.random()
        if weather.strikes("lost_request", 0.06):
            raise Offline("out of reach")
        if weather.strikes("damaged_request", 0.05):
            body = _damaged(body, *damage)
        if weather.strikes("repeated", 0.08):
            self.to.serve(self._host, body, headers)
        self._place += 1
        answer = self.world.hand.between_tablets(self.to.serve(self._host, body, headers), self._place)
        if weather.strikes("lost_reply", 0.08):
            raise Offline("the answer is lost")
        cut = int(self.world.random.random() * len(answer))
        return answer[:cut] if weather.strikes("cut_reply", 0.03) else answer


def _damaged(body: bytes, where: float, how: float) -> bytes:
    at = int(where * len(body))
    if how < 0.4:
        return body[:at]
    return body[:at] + bytes([body[at] ^ (1 << int(how * 8))]) + body[at + 1 :]
