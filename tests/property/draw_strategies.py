"""What Hypothesis draws for the draw: small districts in which every rule gets its turn."""

import datetime as dt
import random

import msgspec
from hypothesis import strategies as st

from server.planning.records import Candidates, Host, Member, Squad
from shared_schema.ids import PersonId, SquadId, UnitId

FIRST_DAY = dt.date(2026, 5, 11)


@st.composite
def candidates(draw: st.DrawFn, units_max: int = 12, people_max: int = 10) -> Candidates:
    """Candidates from a handful of units, tight enough that often not everybody can be placed."""
    units = [UnitId(f"U{n}") for n in range(draw(st.integers(1, units_max)))]
    homes = [*units, UnitId("SA1")]
    members = tuple(
        Member(
            id=PersonId(f"P{n}"),
            unit=draw(st.sampled_from(homes)),
            experienced=draw(st.integers(0, 3)) > 0,
            leader=draw(st.booleans()),
            officer=draw(st.integers(0, 5)) == 0,
        )
        for n in range(draw(st.integers(0, people_max)))
    )
    some_units = st.lists(st.sampled_from(units), max_size=2).map(tuple)
    some_people = (
        st.lists(st.sampled_from([one.id for one in members]), max_size=4) if members else st.just([])
    )
    return Candidates(
        hosts=tuple(
            Host(code=unit, parents=draw(some_units), visited=unit in units and draw(st.integers(0, 9)) > 0)
            for unit in homes
        ),
        members=members,
        days=tuple(FIRST_DAY + dt.timedelta(days=n) for n in range(draw(st.integers(0, 5)))),
        squads=draw(st.sampled_from([(), _squads(members, 3)])),
        squad_count=draw(st.integers(1, 5)),
        interests=tuple(
            (person, unit) for unit in units for person in draw(some_people) if draw(st.integers(0, 4)) == 0
        ),
        last_year=tuple((unit, tuple(draw(some_people))) for unit in units if draw(st.booleans())),
        members_min=draw(st.integers(1, 2)),
        visits_per_day_max=draw(st.integers(1, 2)),
        repeat_people_max=draw(st.integers(0, 2)),
    )


def _squads(members: tuple[Member, ...], count: int) -> tuple[Squad, ...]:
    """The members in squads one after another, as somebody may hand them in."""
    pool = [member.id for member in members if not member.officer]
    teams = [tuple(pool[number::count]) for number in range(count)]
    return tuple(
        Squad(code=SquadId(f"T{number}"), members=team, leader=team[0])
        for number, team in enumerate(teams)
        if team
    )


def shuffled(given: Candidates, order: random.Random) -> Candidates:
    """The same candidates with every list of rows in another order."""
    names = ("hosts", "members", "days", "squads", "interests", "last_year")
    rows = {name: list(getattr(given, name)) for name in names}
    for one in rows.values():
        order.shuffle(one)
    return msgspec.structs.replace(given, **{name: tuple(one) for name, one in rows.items()})
