"""Forming squads from the pool: even in size, somebody experienced in each, colleagues apart."""

from server.planning.lots import Lots
from server.planning.records import Member, Squad
from shared_schema.ids import PersonId, SquadId


def form_squads(members: tuple[Member, ...], count: int, lots: Lots) -> tuple[Squad, ...]:
    """Up to `count` squads, coded S1, S2 …; none when there are no members.

    People are dealt in the order of their lots, those marked as leaders first, then the experienced, then the
    others. Each goes to the smallest squad; of several, to one without a colleague; of these, to the first.
    The first one dealt leads. Officers are dealt round the squads afterwards.
    """
    places = lots.places("people", (member.id for member in members))
    pool = sorted(
        (member for member in members if not member.officer),
        key=lambda member: (not member.leader, not member.experienced, places[member.id]),
    )
    count = min(count, len(pool))
    teams: list[list[Member]] = [[] for _ in range(count)]
    for member in pool:
        number = min(range(count), key=lambda n: (len(teams[n]), _colleagues(member, teams[n]), n))
        teams[number].append(member)
    officers = lots.shuffled("officers", (member.id for member in members if member.officer))
    return tuple(
        Squad(
            code=_code(number, count),
            members=tuple(sorted(member.id for member in team)),
            leader=team[0].id,
            officer=_turn(officers, number),
        )
        for number, team in enumerate(teams)
    )


def _code(number: int, count: int) -> SquadId:
    return SquadId(f"S{number + 1:0{len(str(count))}}")


def _colleagues(member: Member, team: list[Member]) -> int:
    return sum(other.unit == member.unit for other in team)


def _turn(officers: list[PersonId], number: int) -> PersonId | None:
    return officers[number % len(officers)] if officers else None
