"""Where taking the least loaded squad each time is not enough: going back, making room, evening out."""

from collections import Counter
from collections.abc import Mapping

import pytest

from server.planning.board import Board
from server.planning.lots import Lots
from server.planning.placing import place
from server.planning.records import Candidates, Host, Member, Squad
from shared_schema.ids import PersonId, SquadId, UnitId
from tests.unit.server.planning.district import AUTHORITY, DAYS

SEEDS = [str(seed) for seed in range(40)]


def make_board(
    may: Mapping[str, str], squads: str, days: int = 3, homes: Mapping[str, str] | None = None
) -> Board:
    """Units with the squads that may visit them, by letter: `{"X1": "ab"}`. `homes`: whose people are on which squad.

    Each squad is one person from nowhere who declared an interest in all units that it may not visit.
    """
    homes = homes or {}
    units = sorted({*may, *homes})
    people = {squad: PersonId(f"{squad}0") for squad in squads}
    colleagues = {PersonId(f"{squad}-{unit}"): UnitId(unit) for unit, squad in homes.items()}
    return Board(
        Candidates(
            hosts=(*(Host(code=UnitId(unit)) for unit in units), Host(code=AUTHORITY, visited=False)),
            members=(
                *(Member(id=person, unit=AUTHORITY, experienced=True) for person in people.values()),
                *(Member(id=person, unit=unit) for person, unit in colleagues.items()),
            ),
            days=DAYS[:days],
            interests=tuple(
                (person, UnitId(unit))
                for unit in units
                for squad, person in people.items()
                if squad not in may.get(unit, squads)
            ),
            members_min=1,
            visits_per_day_max=1,
        ),
        tuple(
            Squad(
                code=SquadId(squad),
                members=(person, *(one for one in colleagues if one.startswith(f"{squad}-"))),
                leader=person,
            )
            for squad, person in people.items()
        ),
    )


def left_over(board: Board) -> set[str]:
    return {unit for unit in board.units if unit not in board.squad_of}


@pytest.mark.parametrize("seed", SEEDS)
def test_home_units_of_three_squads_go_round_in_one_direction(seed: str) -> None:
    """Sending the two home units of one squad to both others leaves nobody for the third one's: go back."""
    homes = {"A1": "a", "A2": "a", "B": "b", "C": "c"}
    board = make_board({}, "abc", homes=homes)
    place(board, Lots(seed, 0))
    assert left_over(board) == set()
    ways = {(homes[unit], squad) for unit, squad in board.squad_of.items()}
    assert ways in ({("a", "b"), ("b", "c"), ("c", "a")}, {("b", "a"), ("c", "b"), ("a", "c")})


@pytest.mark.parametrize("seed", SEEDS)
def test_loads_are_evened_out_through_a_third_squad(seed: str) -> None:
    board = make_board(
        dict.fromkeys(("X1", "X2", "X3", "X4"), "ab") | dict.fromkeys(("Y1", "Y2"), "bc"), "abc"
    )
    place(board, Lots(seed, 0))
    assert Counter(board.squad_of.values()) == {"a": 2, "b": 2, "c": 2}


@pytest.mark.parametrize("seed", SEEDS)
def test_room_is_made_in_a_full_squad(seed: str) -> None:
    board = make_board({"X": "ab", "Y": "ac", "Z": "bc"}, "abc", days=1)
    place(board, Lots(seed, 0))
    assert left_over(board) == set()


@pytest.mark.parametrize("seed", SEEDS)
def test_room_is_made_by_moving_a_unit_whose_people_are_on_squads(seed: str) -> None:
    board = make_board({"H": "ab", "X": "a"}, "abc", days=1, homes={"H": "c"})
    place(board, Lots(seed, 0))
    assert board.squad_of == {"H": "b", "X": "a"}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_unit_whose_people_are_on_squads_is_moved_to_even_loads(seed: str) -> None:
    board = make_board({"H1": "ab", "H2": "ab", "X1": "a", "X2": "a"}, "abc", homes={"H1": "c", "H2": "c"})
    place(board, Lots(seed, 0))
    assert [board.load[squad] for squad in board.codes] == [2, 2, 0]


def test_what_nobody_may_visit_stays_off_the_board_and_stops_nothing_else() -> None:
    board = make_board({"X": "a", "Y": "", "Z": "b"}, "ab")
    place(board, Lots("1", 0))
    assert left_over(board) == {"Y"}
    assert [reason.rule for squad in board.codes for reason in board.exclusions(UnitId("Y"), squad)] == [
        "interest"
    ] * 2


def test_of_two_squads_with_home_units_only_one_can_be_visited() -> None:
    board = make_board({}, "ab", homes={"A": "a", "B": "b"})
    place(board, Lots("1", 0))
    (left,) = left_over(board)
    other = SquadId("b" if left == "A" else "a")
    (reason,) = board.exclusions(UnitId(left), other)
    assert (reason.rule, reason.because) == ("reciprocal", ("B" if left == "A" else "A",))


def test_a_home_unit_is_not_counted_against_a_squad_that_is_not_visited() -> None:
    board = make_board({"X": "ab"}, "ab", homes={"A": "a"})
    place(board, Lots("1", 0))
    assert board.squad_of[UnitId("A")] == "b"
    assert left_over(board) == set()
