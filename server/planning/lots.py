"""Lots: the order chance gives to names, and the hash of what went into the draw."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from server.planning.records import Candidates
from shared_schema.chance import Chance
from shared_schema.ids import PersonId, UnitId, digest

N = TypeVar("N", bound=str)


class Lots:
    """The lots of one attempt. Each purpose has a stream of its own, so that one can be checked without the others.

    The names of a purpose, sorted, are shuffled by `Chance` with the seed `<seed>/<attempt>/<purpose>`, for
    example `HD-2026/0/unit`.
    """

    def __init__(self, seed: str, attempt: int) -> None:
        self._seed = f"{seed}/{attempt}"

    def shuffled(self, purpose: str, names: Iterable[N]) -> list[N]:
        """The names in the order drawn."""
        order = sorted(names)
        Chance(f"{self._seed}/{purpose}").shuffle(order)
        return order

    def places(self, purpose: str, names: Iterable[str]) -> Mapping[str, int]:
        """For each name its place in the order drawn, from 0."""
        return {name: place for place, name in enumerate(self.shuffled(purpose, names))}


def canonical(candidates: Candidates) -> Candidates:
    """The same candidates with every row in order of its code and none twice."""
    visitors: dict[UnitId, set[PersonId]] = {}
    for unit, people in candidates.last_year:
        visitors.setdefault(unit, set()).update(people)
    replace = msgspec.structs.replace
    return replace(
        candidates,
        hosts=tuple(
            replace(host, parents=tuple(sorted(set(host.parents))))
            for host in sorted(candidates.hosts, key=lambda host: host.code)
        ),
        members=tuple(sorted(candidates.members, key=lambda member: member.id)),
        days=tuple(sorted(set(candidates.days))),
        squads=tuple(
            replace(squad, members=tuple(sorted(squad.members)))
            for squad in sorted(candidates.squads, key=lambda squad: squad.code)
        ),
        interests=tuple(sorted(set(candidates.interests))),
        last_year=tuple((unit, tuple(sorted(people))) for unit, people in sorted(visitors.items())),
    )


def inputs_hash(candidates: Candidates) -> str:
    """SHA-256 of the canonical candidates as JSON: rows and keys sorted, no spaces, UTF-8."""
    return digest(msgspec.json.encode(canonical(candidates), order="sorted"))
