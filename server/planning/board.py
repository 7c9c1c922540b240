"""The board on which units are placed with squads: what excludes what, and how full each squad is."""

from collections.abc import Collection

from server.planning.records import Candidates, Exclusion, Member, Rule, Squad
from shared_schema.ids import PersonId, SquadId, UnitId


class Board:
    """Which squad visits which unit so far. Exclusions that no placing can change are worked out once."""

    def __init__(self, candidates: Candidates, squads: tuple[Squad, ...]) -> None:
        self.units = [host.code for host in candidates.hosts if host.visited]
        self.codes = [squad.code for squad in squads]
        self.visits_max = len(candidates.days) * candidates.visits_per_day_max
        self.squad_of: dict[UnitId, SquadId] = {}
        self.load: dict[SquadId, int] = dict.fromkeys(self.codes, 0)
        people = {member.id: member for member in candidates.members}
        self._homes = {squad.code: {people[person].unit for person in squad.members} for squad in squads}
        self._squads_from: dict[UnitId, set[SquadId]] = {}
        for code, homes in self._homes.items():
            for unit in homes:
                self._squads_from.setdefault(unit, set()).add(code)
        self._standing = _standing_exclusions(candidates, squads, people)

    def is_linked(self, unit: UnitId) -> bool:
        """Whether the unit's own people visit others, so that its visit can be half of a reciprocal pair."""
        return unit in self._squads_from

    def standing(self, unit: UnitId, squad: SquadId) -> tuple[Exclusion, ...]:
        """What excludes the squad whatever else is drawn."""
        return self._standing.get((unit, squad), ())

    def reciprocal(self, unit: UnitId, squad: SquadId) -> tuple[UnitId, ...]:
        """Home units of the squad that are visited by people of this unit."""
        own = self._squads_from.get(unit)
        if own is None:
            return ()
        return tuple(sorted(home for home in self._homes[squad] if self.squad_of.get(home) in own))

    def may(self, unit: UnitId, squad: SquadId) -> bool:
        """Whether no rule between people and units excludes the squad as things stand."""
        return not self.standing(unit, squad) and not self.reciprocal(unit, squad)

    def is_full(self, squad: SquadId) -> bool:
        """Whether the squad has as many visits as its days can hold."""
        return self.load[squad] >= self.visits_max

    def exclusions(self, unit: UnitId, squad: SquadId) -> tuple[Exclusion, ...]:
        """Every rule by which the squad may not visit the unit as things stand; empty when it may."""
        found = self.standing(unit, squad)
        conflicts = self.reciprocal(unit, squad)
        if conflicts:
            found += (Exclusion(squad=squad, rule="reciprocal", because=conflicts),)
        if not found and self.is_full(squad) and self.squad_of.get(unit) != squad:
            found = (Exclusion(squad=squad, rule="days_full"),)
        return found

    def put(self, unit: UnitId, squad: SquadId) -> None:
        """Place the unit, or move it."""
        self.take(unit)
        self.squad_of[unit] = squad
        self.load[squad] += 1

    def take(self, unit: UnitId) -> None:
        """Take the unit off the board if it is there."""
        squad = self.squad_of.pop(unit, None)
        if squad is not None:
            self.load[squad] -= 1


def _standing_exclusions(
    candidates: Candidates, squads: tuple[Squad, ...], people: dict[PersonId, Member]
) -> dict[tuple[UnitId, SquadId], tuple[Exclusion, ...]]:
    parents = {host.code: set(host.parents) for host in candidates.hosts}
    interests = set(candidates.interests)
    last_year = {unit: set(visitors) for unit, visitors in candidates.last_year}
    found: dict[tuple[UnitId, SquadId], tuple[Exclusion, ...]] = {}
    for squad in squads:
        unfit = _unfit(squad, people, candidates.members_min)
        everybody = (*squad.members, *((squad.officer,) if squad.officer else ()))
        for unit, above in parents.items():
            homes = {person: people[person].unit for person in everybody}
            again = last_year.get(unit, set()) & set(squad.members)
            because: dict[Rule, Collection[PersonId]] = {
                "own_unit": [person for person, home in homes.items() if home == unit],
                "parent_unit": [
                    person
                    for person, home in homes.items()
                    if home != unit and (home in above or unit in parents.get(home, set()))
                ],
                "interest": [person for person in everybody if (person, unit) in interests],
                "same_as_last_year": again if len(again) > candidates.repeat_people_max else (),
            }
            named = [
                Exclusion(squad=squad.code, rule=rule, because=tuple(sorted(who)))
                for rule, who in because.items()
                if who
            ]
            if unfit or named:
                found[unit, squad.code] = (*unfit, *named)
    return found


def _unfit(squad: Squad, people: dict[PersonId, Member], members_min: int) -> tuple[Exclusion, ...]:
    unfit = []
    if len(squad.members) < members_min:
        unfit.append(Exclusion(squad=squad.code, rule="squad_too_small"))
    if not any(people[person].experienced for person in squad.members):
        unfit.append(Exclusion(squad=squad.code, rule="nobody_experienced"))
    return tuple(unfit)
