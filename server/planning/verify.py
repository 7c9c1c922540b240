"""Checking a draw: every rule read off the plain result again, sharing no code with what drew it.

Slow on purpose and without any cleverness: for each visit and each squad the rules are asked one by one, so that
a reader can hold this module against the list in `draw`.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator

import msgspec

from server.planning.records import Candidates, DrawResult, Explained, Squad, Violation
from shared_schema.ids import PersonId, SquadId, UnitId


def verify(candidates: Candidates, result: DrawResult) -> list[Violation]:
    """Every rule the result breaks; empty for a good draw. Does not need the seed and draws nothing."""
    check = _Check(candidates, result)
    return [
        *check.inputs(),
        *check.squads(),
        *check.complete(),
        *check.visits(),
        *check.days(),
        *check.loads(),
        *check.explanations(),
    ]


def _hash(candidates: Candidates) -> str:
    rows = msgspec.to_builtins(candidates)
    rows["hosts"] = sorted(rows["hosts"], key=lambda row: str(row["code"]))
    for row in rows["hosts"]:
        row["parents"] = sorted(set(row["parents"]))
    rows["members"] = sorted(rows["members"], key=lambda row: str(row["id"]))
    rows["days"] = sorted(set(rows["days"]))
    rows["squads"] = sorted(rows["squads"], key=lambda row: str(row["code"]))
    for row in rows["squads"]:
        row["members"] = sorted(row["members"])
    rows["interests"] = sorted({tuple(row) for row in rows["interests"]})
    visited = {unit for unit, _ in rows["last_year"]}
    rows["last_year"] = [
        [unit, sorted({who for other, people in rows["last_year"] if other == unit for who in people})]
        for unit in sorted(visited)
    ]
    text = json.dumps(rows, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class _Check:
    def __init__(self, candidates: Candidates, result: DrawResult) -> None:
        self.candidates = candidates
        self.result = result
        self.person = {member.id: member for member in candidates.members}
        self.parents = {host.code: set(host.parents) for host in candidates.hosts}
        self.squad = {squad.code: squad for squad in result.squads}
        self.visited_by = {visit.unit: visit.squad for visit in result.assignments}
        self.load = Counter(visit.squad for visit in result.assignments)

    def inputs(self) -> Iterator[Violation]:
        if self.result.inputs_hash != _hash(self.candidates):
            yield Violation(
                rule="inputs_hash", where="candidates", how="not the candidates this was drawn from"
            )

    def squads(self) -> Iterator[Violation]:
        given = {squad.code: (sorted(squad.members), squad.leader) for squad in self.candidates.squads}
        drawn = {squad.code: (sorted(squad.members), squad.leader) for squad in self.result.squads}
        if given and given != drawn:
            yield Violation(rule="given_squads", where="squads", how="not the squads that were given")
        seats = Counter(person for squad in self.result.squads for person in squad.members)
        for person, number in seats.items():
            if number > 1:
                yield Violation(rule="one_squad_each", where=person)
            if person not in self.person or self.person[person].officer:
                yield Violation(rule="members_from_the_pool", where=person)
        for squad in self.result.squads:
            if squad.leader not in squad.members:
                yield Violation(rule="leader_is_a_member", where=squad.code)
            if squad.officer is not None and not self.person[squad.officer].officer:
                yield Violation(rule="officer_is_certified", where=squad.code)
        if not given:
            sizes = [len(squad.members) for squad in self.result.squads]
            left_out = sum(not member.officer for member in self.candidates.members) - sum(sizes)
            if sizes and (left_out or max(sizes) - min(sizes) > 1):
                yield Violation(rule="even_squads", where="squads")

    def complete(self) -> Iterator[Violation]:
        listed = [visit.unit for visit in self.result.assignments]
        wanted = sorted(host.code for host in self.candidates.hosts if host.visited)
        if sorted([*listed, *(row.unit for row in self.result.infeasible)]) != wanted:
            yield Violation(rule="every_unit_once", where="assignments")
        if listed != sorted(listed):
            yield Violation(rule="sorted", where="assignments")

    def visits(self) -> Iterator[Violation]:
        for visit in self.result.assignments:
            if visit.squad not in self.squad:
                yield Violation(rule="known_squad", where=visit.unit, how=visit.squad)
                continue
            for rule in sorted(self._broken(visit.unit, self.squad[visit.squad])):
                yield Violation(rule=rule, where=visit.unit, how=visit.squad)

    def days(self) -> Iterator[Violation]:
        turns: dict[tuple[SquadId, object], list[int]] = {}
        for visit in self.result.assignments:
            turns.setdefault((visit.squad, visit.day), []).append(visit.turn)
            if visit.day not in self.candidates.days:
                yield Violation(rule="day_in_window", where=visit.unit, how=visit.day.isoformat())
        for (squad, day), numbers in turns.items():
            if len(numbers) > self.candidates.visits_per_day_max:
                yield Violation(rule="visits_per_day", where=squad, how=str(day))
            if sorted(numbers) != list(range(1, len(numbers) + 1)):
                yield Violation(rule="turns_counted", where=squad, how=str(day))
            used = sum(other == squad for other, _ in turns)
            if len(numbers) > 1 and used < len(set(self.candidates.days)):
                yield Violation(rule="one_a_day_first", where=squad, how=str(day))

    def loads(self) -> Iterator[Violation]:
        for visit in self.result.assignments:
            for squad in self.result.squads:
                lighter = self.load[squad.code] <= self.load[visit.squad] - 2
                if lighter and not self._broken(visit.unit, squad):
                    yield Violation(rule="even_loads", where=visit.unit, how=f"{visit.squad} to {squad.code}")

    def explanations(self) -> Iterator[Violation]:
        forced = {row.unit: row for row in self.result.forced}
        for visit in self.result.assignments:
            others = [squad for squad in self.result.squads if squad.code != visit.squad]
            is_forced = all(self._broken(visit.unit, squad) for squad in others)
            if is_forced != (visit.unit in forced):
                yield Violation(rule="forced_choice_named", where=visit.unit)
            if visit.unit in forced and forced[visit.unit].squad != visit.squad:
                yield Violation(rule="forced_choice_named", where=visit.unit)
        for row in (*self.result.forced, *self.result.infeasible):
            yield from self._reasons(row)

    def _reasons(self, row: Explained) -> Iterator[Violation]:
        """The reasons given must be the true ones, and there must be one for each other squad."""
        expected = set()
        for squad in self.result.squads:
            if squad.code == row.squad:
                continue
            broken = self._broken(row.unit, squad)
            if not broken and self._is_full(squad.code):
                broken = {"days_full"}
            if not broken and row.squad is None:
                yield Violation(rule="infeasible_is_true", where=row.unit, how=squad.code)
            expected |= {(squad.code, rule) for rule in broken}
        if {(reason.squad, str(reason.rule)) for reason in row.exclusions} != expected:
            yield Violation(rule="reasons_are_true", where=row.unit)

    def _is_full(self, squad: SquadId) -> bool:
        most = len(set(self.candidates.days)) * self.candidates.visits_per_day_max
        return self.load[squad] >= most

    def _broken(self, unit: UnitId, squad: Squad) -> set[str]:
        """The rules that would be broken if this squad visited the unit and all else stayed as drawn."""
        broken = set()
        if len(squad.members) < self.candidates.members_min:
            broken.add("squad_too_small")
        if not any(self.person[who].experienced for who in squad.members):
            broken.add("nobody_experienced")
        for who in [*squad.members, *([squad.officer] if squad.officer else [])]:
            home = self.person[who].unit
            if home == unit:
                broken.add("own_unit")
            elif home in self.parents[unit] or unit in self.parents.get(home, set()):
                broken.add("parent_unit")
            if (who, unit) in self.candidates.interests:
                broken.add("interest")
        if len(self._again(unit, squad)) > self.candidates.repeat_people_max:
            broken.add("same_as_last_year")
        if self._returns_a_visit(unit, squad):
            broken.add("reciprocal")
        return broken

    def _again(self, unit: UnitId, squad: Squad) -> set[PersonId]:
        rows = [people for visited, people in self.candidates.last_year if visited == unit]
        return {who for people in rows for who in people if who in squad.members}

    def _returns_a_visit(self, unit: UnitId, squad: Squad) -> bool:
        """Whether somebody from this unit visits the home of somebody in the squad."""
        for home in {self.person[who].unit for who in squad.members} - {unit}:
            visitors = self.squad.get(self.visited_by.get(home, SquadId("")))
            if visitors and any(self.person[who].unit == unit for who in visitors.members):
                return True
        return False
