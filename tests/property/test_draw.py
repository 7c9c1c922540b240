"""Laws of the draw: repeatable, blind to the order of rows, and no rule broken, whatever the district."""

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from server.planning.board import Board
from server.planning.draw import draw
from server.planning.records import Candidates
from server.planning.verify import verify
from tests.property.draw_strategies import candidates, shuffled


@given(candidates(), st.text(max_size=8))
def test_no_rule_is_broken(pool: Candidates, seed: str) -> None:
    assert verify(pool, draw(pool, seed)) == []


@given(candidates(), st.randoms(use_true_random=False))
def test_the_same_seed_draws_the_same_whatever_the_order_of_rows(
    pool: Candidates, order: random.Random
) -> None:
    assert draw(shuffled(pool, order), "seed") == draw(pool, "seed")


@given(candidates(units_max=5, people_max=6))
def test_nobody_is_left_over_where_everybody_can_be_placed(pool: Candidates) -> None:
    """Tried out in full: if some placing keeps every rule, the draw finds one."""
    result = draw(pool, "seed")
    if result.infeasible:
        assert not _some_placing_exists(pool, Board(pool, result.squads))


def _some_placing_exists(pool: Candidates, board: Board) -> bool:
    for squads in itertools.product(board.codes, repeat=len(board.units)):
        for unit, squad in zip(board.units, squads, strict=True):
            board.put(unit, squad)
        fits = all(load <= board.visits_max for load in board.load.values())
        if fits and all(board.may(unit, squad) for unit, squad in board.squad_of.items()):
            return True
    return False
