"""A small district to change in tests: six units, four people in two squads, one officer, three days."""

import datetime as dt
from typing import Any

import msgspec

from server.planning.records import Candidates, Host, Member, Squad
from shared_schema.ids import PersonId, SquadId, UnitId

MONDAY = dt.date(2026, 5, 11)
DAYS = tuple(MONDAY + dt.timedelta(days=n) for n in range(3))

A, B, C, D, E, F = (UnitId(f"U-{letter}") for letter in "ABCDEF")
AUTHORITY = UnitId("SA1")
ANN, BEA, CAI, DAN, OFFICER = (PersonId(name) for name in ("ann", "bea", "cai", "dan", "officer"))
S1, S2 = SquadId("S1"), SquadId("S2")


def make_candidates(**changes: Any) -> Candidates:
    """Ann of unit A and Bea of B on squad S1, Cai of C and Dan of the authority on S2; A to F are to be visited."""
    return msgspec.structs.replace(
        Candidates(
            hosts=(*(Host(code=unit) for unit in (A, B, C, D, E, F)), Host(code=AUTHORITY, visited=False)),
            members=(
                Member(id=ANN, unit=A, experienced=True, leader=True),
                Member(id=BEA, unit=B),
                Member(id=CAI, unit=C, experienced=True, leader=True),
                Member(id=DAN, unit=AUTHORITY),
                Member(id=OFFICER, unit=AUTHORITY, officer=True),
            ),
            squads=(
                Squad(code=S1, members=(ANN, BEA), leader=ANN),
                Squad(code=S2, members=(CAI, DAN), leader=CAI),
            ),
            days=DAYS,
        ),
        **changes,
    )


def make_hosts(**parents: str) -> tuple[Host, ...]:
    """The six units, some with a parent: `make_hosts(D="U-A")`."""
    return (
        *(
            Host(code=UnitId(f"U-{letter}"), parents=tuple(parents.get(letter, "").split()))
            for letter in "ABCDEF"
        ),
        Host(code=AUTHORITY, visited=False),
    )
