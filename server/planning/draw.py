"""The double random draw: who visits whom, and when; repeatable from its seed by anyone.

A pure function. The rules it keeps:

- own_unit, parent_unit: nobody enters their own unit, its parent, or a unit whose parent theirs is;
- interest: nobody enters a unit they declared an interest in;
- reciprocal: if a member from unit A visits B, no member from B visits A in the same campaign;
- same_as_last_year: at most `repeat_people_max` of last year's visitors come again;
- squad_too_small, nobody_experienced: at least `members_min` members, one of them experienced;
- days_full: at most `visits_per_day_max` visits a squad and day; a second one only when no day is left free;
- loads are even: no visit can be moved to a squad with two or more visits less without breaking a rule above.

Officers are on call for their squad: the first two rules bind them as well, the others count members only.

Chance enters through lots alone (see `lots`). Squads and visits are drawn in attempts 0, 1, 2 …, and the first
attempt that places every unit with a real choice stands; if there is none, the one with the fewest left over,
then the fewest forced. A choice is forced when every other squad is excluded by a rule between people and units;
it stands, but it is listed with its reasons and needs a written one. A unit that no squad may visit is listed
with what excludes each squad and is left to people.
"""

from server.planning.board import Board
from server.planning.forming import form_squads
from server.planning.lots import Lots, canonical, inputs_hash
from server.planning.placing import place
from server.planning.records import Assignment, Candidates, DrawResult, Exclusion, Explained
from shared_schema.ids import SquadId, UnitId

METHOD = "hucha-draw/1"
ATTEMPTS_MAX = 12


def draw(candidates: Candidates, seed: str) -> DrawResult:
    """The result for these candidates and this seed, whatever the order of their rows."""
    candidates = canonical(candidates)
    _must_be_whole(candidates)
    best: DrawResult | None = None
    for attempt in range(ATTEMPTS_MAX):
        result = _attempt(candidates, seed, attempt)
        if best is None or _badness(result) < _badness(best):
            best = result
        if _badness(result) == (0, 0):
            break
    assert best is not None
    return best


def _badness(result: DrawResult) -> tuple[int, int]:
    return len(result.infeasible), len(result.forced)


def _attempt(candidates: Candidates, seed: str, attempt: int) -> DrawResult:
    lots = Lots(seed, attempt)
    squads = candidates.squads or form_squads(candidates.members, candidates.squad_count, lots)
    board = Board(candidates, squads)
    place(board, lots)
    visits = (visit for squad in board.codes for visit in _dates(board, squad, candidates, lots))
    return DrawResult(
        method=METHOD,
        seed=seed,
        inputs_hash=inputs_hash(candidates),
        attempt=attempt,
        squads=squads,
        assignments=tuple(sorted(visits, key=lambda visit: visit.unit)),
        forced=_forced(board),
        infeasible=tuple(
            Explained(unit=unit, exclusions=_exclusions(board, unit))
            for unit in board.units
            if unit not in board.squad_of
        ),
    )


def _dates(board: Board, squad: SquadId, candidates: Candidates, lots: Lots) -> list[Assignment]:
    """The squad's visits, shuffled over its days: one a day first, second ones only when days run out."""
    days = {day.isoformat(): day for day in candidates.days}
    slots = [
        (turn, days[day])
        for turn in range(1, candidates.visits_per_day_max + 1)
        for day in lots.shuffled(f"day/{squad}/{turn}", days)
    ]
    units = lots.shuffled(f"order/{squad}", (unit for unit, by in board.squad_of.items() if by == squad))
    return [
        Assignment(unit=unit, squad=squad, day=day, turn=turn)
        for unit, (turn, day) in zip(units, slots, strict=False)
    ]


def _forced(board: Board) -> tuple[Explained, ...]:
    return tuple(
        Explained(unit=unit, squad=board.squad_of[unit], exclusions=_exclusions(board, unit))
        for unit in board.units
        if unit in board.squad_of
        and not any(board.may(unit, other) for other in board.codes if other != board.squad_of[unit])
    )


def _exclusions(board: Board, unit: UnitId) -> tuple[Exclusion, ...]:
    others = (squad for squad in board.codes if squad != board.squad_of.get(unit))
    return tuple(exclusion for squad in others for exclusion in board.exclusions(unit, squad))


def _must_be_whole(candidates: Candidates) -> None:
    """Readers see to this; a caller that builds candidates in another way hears of it here."""
    people = [member.id for member in candidates.members]
    named = {person for squad in candidates.squads for person in (*squad.members, squad.leader)}
    for what, codes in (
        ("unit", [host.code for host in candidates.hosts]),
        ("person", people),
        ("squad", [squad.code for squad in candidates.squads]),
        ("squad member", [person for squad in candidates.squads for person in squad.members]),
    ):
        if len(set(codes)) != len(codes):
            raise ValueError(f"a {what} is given twice")
    if not named <= set(people):
        raise ValueError(f"squads name people who are not given: {sorted(named - set(people))}")
