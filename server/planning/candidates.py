"""From the registers as handed in to what the draw may know."""

import datetime as dt
from collections.abc import Sequence

from server.planning.records import Candidates, DrawFacts, Host, Interest, LastVisit, Member, Person, Unit
from shared_schema.ids import UnitId


def candidates_of(
    units: Sequence[Unit],
    people: Sequence[Person],
    interests: Sequence[Interest],
    last_visits: Sequence[LastVisit],
    facts: DrawFacts,
    days: Sequence[dt.date],
) -> Candidates:
    """All units are visited; homes of people that are not among them (the authority) are not.

    Officers whose certificate runs out before the last day are left out.
    """
    codes = {unit.code for unit in units}
    elsewhere = {person.unit for person in people} - codes
    return Candidates(
        hosts=(
            *(Host(code=unit.code, parents=_parents(unit, codes)) for unit in units),
            *(Host(code=code, visited=False) for code in elsewhere),
        ),
        members=tuple(
            Member(
                id=person.id,
                unit=person.unit,
                experienced=person.experienced,
                leader=person.role == "leader",
                officer=person.role == "officer",
            )
            for person in people
            if person.valid_to is None or all(person.valid_to >= day for day in days)
        ),
        days=tuple(days),
        squad_count=facts.squads,
        interests=tuple((interest.person, interest.unit) for interest in interests),
        last_year=tuple((visit.unit, visit.people) for visit in last_visits),
        members_min=facts.members_min,
        visits_per_day_max=facts.visits_per_day_max,
        repeat_people_max=facts.repeat_people_max,
    )


def _parents(unit: Unit, codes: set[UnitId]) -> tuple[str, ...]:
    """Parents that are units themselves; areas and systems hold many units and exclude nobody."""
    return tuple(sorted({unit.parent_area, unit.parent_system} & codes))
