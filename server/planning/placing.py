"""Placing every unit with a squad: no exclusion broken, loads as even as the exclusions allow.

Three steps. Units whose own people are on squads come first, by backtracking, because only their visits can be
half of a reciprocal pair. The others follow, each to the least loaded squad that may. Then loads are evened out
by moving visits from fuller to emptier squads, through third squads where needed. What could not be placed is
tried again until nothing moves; a unit still left over is excluded everywhere as the board then stands.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from server.planning.board import Board
from server.planning.lots import Lots
from shared_schema.ids import SquadId, UnitId

STEPS_MAX = 3000
"""Steps of one search before the unit it got stuck at is set aside; a whole district needs under a hundred."""


class _Drawn(NamedTuple):
    """What chance says: the place of each unit among all, and of each squad for one unit."""

    unit: Mapping[str, int]
    squad: Mapping[UnitId, Mapping[str, int]]


def place(board: Board, lots: Lots) -> None:
    """Fill the board. Units that found no squad stay off it."""
    drawn = _Drawn(
        unit=lots.places("unit", board.units),
        squad={unit: lots.places(f"squad/{unit}", board.codes) for unit in board.units},
    )
    order = sorted(board.units, key=lambda unit: (_freedom(board, unit), drawn.unit[unit]))
    linked = [unit for unit in order if board.is_linked(unit)]
    while stuck := _search(board, linked, drawn):
        linked.remove(stuck)
    placing = True
    while placing:
        _even_out(board, drawn)
        left = [unit for unit in order if unit not in board.squad_of]
        placing = sum(_put_somewhere(board, unit, drawn) for unit in left) > 0


def _freedom(board: Board, unit: UnitId) -> int:
    return sum(not board.standing(unit, squad) for squad in board.codes)


def _options(board: Board, unit: UnitId, drawn: _Drawn) -> list[SquadId]:
    options = [squad for squad in board.codes if not board.is_full(squad) and board.may(unit, squad)]
    return sorted(options, key=lambda squad: (board.load[squad], drawn.squad[unit][squad]))


def _search(board: Board, order: Sequence[UnitId], drawn: _Drawn) -> UnitId | None:
    """Place all of `order`; otherwise leave the board as it was and return the unit where it got stuck."""
    choices: list[list[SquadId]] = []
    deepest = 0
    for _ in range(STEPS_MAX):
        placed = len(choices)
        if placed == len(order):
            return None
        options = _options(board, order[placed], drawn)
        while not options and choices:
            board.take(order[len(choices) - 1])
            options = choices.pop()
        if not options:
            break
        board.put(order[len(choices)], options.pop(0))
        choices.append(options)
        deepest = max(deepest, len(choices))
    for unit in order[: len(choices)]:
        board.take(unit)
    return order[min(deepest, len(order) - 1)]


def _put_somewhere(board: Board, unit: UnitId, drawn: _Drawn) -> bool:
    """Place the unit with its best squad; where all that may are full, make room in one of them."""
    options = _options(board, unit, drawn)
    if options:
        board.put(unit, options[0])
        return True
    for squad in (code for code in board.codes if board.may(unit, code)):
        moves = _moves(board, squad, board.visits_max - 1, drawn)
        if moves:
            # What is moved was visited by this squad, so nobody from there is on it and it still may visit the unit.
            _move(board, moves)
            board.put(unit, squad)
            return True
    return False


def _even_out(board: Board, drawn: _Drawn) -> None:
    """Move visits until no chain of moves ends in a squad with two visits less. Each round lowers the spread."""
    moved = True
    while moved:
        moved = False
        for squad in sorted(board.codes, key=lambda code: -board.load[code]):
            moves = _moves(board, squad, board.load[squad] - 2, drawn)
            if moves:
                _move(board, moves)
                moved = True
                break


def _moves(board: Board, start: SquadId, load_max: int, drawn: _Drawn) -> list[tuple[UnitId, SquadId]]:
    """Moves that take one visit off `start` and end in a squad of at most this load; empty if there are none."""
    return _chain(board, start, load_max, drawn) or _linked_move(board, start, load_max, drawn)


def _chain(board: Board, start: SquadId, load_max: int, drawn: _Drawn) -> list[tuple[UnitId, SquadId]]:
    """Moves through any number of squads, of units that cannot be half of a reciprocal pair.

    So the moves cannot disturb each other, and the first chain found is the shortest.
    """
    came: dict[SquadId, tuple[SquadId, UnitId]] = {}
    queue = [start]
    for squad in queue:
        for unit in _visited_by(board, squad, drawn):
            if board.is_linked(unit):
                continue
            for other in board.codes:
                if other == start or other in came or board.standing(unit, other):
                    continue
                came[other] = (squad, unit)
                queue.append(other)
                if board.load[other] <= load_max:
                    return _path(came, start, other)
    return []


def _path(
    came: dict[SquadId, tuple[SquadId, UnitId]], start: SquadId, end: SquadId
) -> list[tuple[UnitId, SquadId]]:
    path = []
    while end != start:
        before, unit = came[end]
        path.append((unit, end))
        end = before
    return path


def _linked_move(board: Board, squad: SquadId, load_max: int, drawn: _Drawn) -> list[tuple[UnitId, SquadId]]:
    """The one move of a unit that can be half of a reciprocal pair, as things stand."""
    for unit in filter(board.is_linked, _visited_by(board, squad, drawn)):
        for other in _options(board, unit, drawn):
            if other != squad and board.load[other] <= load_max:
                return [(unit, other)]
    return []


def _visited_by(board: Board, squad: SquadId, drawn: _Drawn) -> list[UnitId]:
    units = (unit for unit, by in board.squad_of.items() if by == squad)
    return sorted(units, key=drawn.unit.__getitem__)


def _move(board: Board, moves: list[tuple[UnitId, SquadId]]) -> None:
    for unit, squad in moves:
        board.put(unit, squad)
