"""The roster of a squad: what the registers say to its tablets, worked out once for each edition of them."""

from collections import OrderedDict
from typing import NamedTuple

from server.storage import assignments, devices, registers
from server.storage.database import Connection
from server.storage.edition import edition
from shared_schema.ids import PersonId, SquadId
from shared_schema.roles import Role
from shared_schema.wire import Assignment, Peer, assignments_digest, peers_digest

ROSTERS_MAX = 512


class Roster(NamedTuple):
    """A squad's people, inspections and tablets."""

    members: dict[PersonId, Role]
    assignments: tuple[Assignment, ...]
    assignments_digest: str
    peers: tuple[Peer, ...]
    peers_digest: str


_rosters: OrderedDict[tuple[str, SquadId], Roster] = OrderedDict()
"""Only the thread of the one writer gets here; of several databases in one process each has its own editions."""


def roster(conn: Connection, squad: SquadId) -> Roster:
    """The roster of a squad."""
    key = (edition(conn), squad)
    if key not in _rosters:
        _rosters[key] = _made(conn, squad)
        while len(_rosters) > ROSTERS_MAX:
            _rosters.popitem(last=False)
    _rosters.move_to_end(key)
    return _rosters[key]


def _made(conn: Connection, squad: SquadId) -> Roster:
    assigned = assignments.of_squad(conn, squad)
    peers = tuple(
        Peer(one.id, one.public_key, one.name, one.revoked_at_ms is not None)
        for one in devices.of_squad(conn, squad)
    )
    return Roster(
        registers.squad_members(conn, squad),
        assigned,
        assignments_digest(assigned),
        peers,
        peers_digest(peers),
    )
