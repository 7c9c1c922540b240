"""How squads are formed from the pool."""

from server.planning.forming import form_squads
from server.planning.lots import Lots
from server.planning.records import Member
from shared_schema.ids import PersonId, UnitId

SEEDS = [Lots(str(seed), 0) for seed in range(20)]


def make_pool(size: int, leaders: int, experienced: int) -> tuple[Member, ...]:
    return tuple(
        Member(id=PersonId(f"P{n:02}"), unit=UnitId(f"U{n}"), leader=n < leaders, experienced=n < experienced)
        for n in range(size)
    )


def test_thirty_people_make_six_squads_of_four_and_two_of_three() -> None:
    for lots in SEEDS:
        squads = form_squads(make_pool(30, 8, 22), 8, lots)
        assert [len(squad.members) for squad in squads] == [4, 4, 4, 4, 4, 4, 3, 3]
        assert len({person for squad in squads for person in squad.members}) == 30


def test_each_squad_is_led_by_a_leader_as_long_as_there_are_any() -> None:
    for lots in SEEDS:
        squads = form_squads(make_pool(30, 5, 22), 8, lots)
        leading = [squad.leader for squad in squads]
        assert {f"P{n:02}" for n in range(5)} <= set(leading)
        assert all(person < "P22" for person in leading), "the others are led by somebody experienced"


def test_each_squad_has_somebody_experienced_as_long_as_there_are_enough() -> None:
    for lots in SEEDS:
        squads = form_squads(make_pool(30, 0, 8), 8, lots)
        assert all(sum(person < "P08" for person in squad.members) == 1 for squad in squads)


def test_colleagues_are_kept_apart_where_sizes_allow() -> None:
    pool = tuple(
        Member(id=PersonId(f"P{n}"), unit=UnitId(f"U{n % 2}"), leader=n < 2, experienced=True)
        for n in range(4)
    )
    home = {member.id: member.unit for member in pool}
    for lots in SEEDS:
        for squad in form_squads(pool, 2, lots):
            assert {home[person] for person in squad.members} == {"U0", "U1"}


def test_officers_are_on_call_for_squads_but_not_members() -> None:
    officers = tuple(
        Member(id=PersonId(f"O{n}"), unit=UnitId("SA1"), officer=True, experienced=True) for n in range(3)
    )
    squads = form_squads((*make_pool(30, 8, 22), *officers), 8, SEEDS[0])
    on_call = [squad.officer for squad in squads]
    assert on_call[:3] == on_call[3:6]
    assert set(on_call) == {"O0", "O1", "O2"}
    assert not {person for squad in squads for person in squad.members} & set(on_call)


def test_without_people_there_are_no_squads() -> None:
    assert form_squads((), 8, SEEDS[0]) == ()
    assert len(form_squads(make_pool(2, 0, 2), 8, SEEDS[0])) == 2


def test_codes_sort_as_they_are_counted() -> None:
    codes = [squad.code for squad in form_squads(make_pool(12, 0, 12), 12, SEEDS[0])]
    assert codes == sorted(codes)
    assert codes[0] == "S01"
