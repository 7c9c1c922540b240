"""The sync board: numbers expected, received, accepted; who is silent; whose clock is off; squads side by side."""

import pytest

from server.console import board
from server.storage import console_progress as progress
from server.storage import registers
from tests.unit.server.console.desk import Console

HOUR_MS = 3600 * 1000


def tablets(made: Console, *due: str, later_ms: int = 0) -> dict[str, board.Tablet]:
    """The campaign's tablets by id."""
    found = made.db.read(
        lambda conn: board.tablets(conn, made.season.campaign, made.season.now_ms + later_ms, due)
    )
    return {one.line.id: one for one in found}


def test_every_tablet_says_what_is_expected_and_what_has_come(looked_at: Console) -> None:
    """Numbers it told of count as expected; gaps are not received; a fork is one number twice."""
    found = tablets(looked_at)[looked_at.trouble.quiet]
    assert [(gap.first, gap.last) for gap in found.gaps] == [(3, 5)]
    assert [fork.seq for fork in found.forks] == [7]
    assert (found.missing, found.clock_off) == (5, True), "3 to 5, and 8 and 9 it told of"
    assert found.line.accepted == found.received + 1, "both branches of the fork are kept"
    busy = tablets(looked_at)[looked_at.trouble.busy]
    assert busy.missing == 0
    assert busy.line.refused == 8


@pytest.mark.parametrize(("later_ms", "stale"), [(-7 * HOUR_MS, False), (0, True)])
def test_silence_is_told_of_squads_that_are_out_only(looked_at: Console, later_ms: int, stale: bool) -> None:
    """After a day; never of a tablet that was turned away."""
    first, second = (team.squad for team in looked_at.season.plan.teams[:2])
    quiet, revoked = looked_at.trouble.quiet, looked_at.trouble.revoked
    assert tablets(looked_at, first, later_ms=later_ms)[quiet].stale is stale
    assert not tablets(looked_at, second, later_ms=later_ms)[quiet].stale
    assert not tablets(looked_at, first, later_ms=1000 * HOUR_MS)[revoked].stale


def test_a_squads_visits_for_another_campaign_are_not_counted(looked_at: Console) -> None:
    """As the demonstration's first squad has three to try a tablet with."""
    campaign, season = looked_at.season.campaign, looked_at.season
    squad = season.plan.teams[0].squad

    class Undo(Exception):
        pass

    def other(conn: object) -> None:
        before = progress.squad_board(conn, campaign)  # type: ignore[arg-type]
        registers.put_inspections(
            conn,  # type: ignore[arg-type]
            [
                {
                    "id": "TRY-1",
                    "campaign": "TRY",
                    "unit": season.plan.registers.units[0].code,
                    "squad": squad,
                    "planned_date": "2026-05-11",
                    "checklist": "0" * 64,
                    "responsible_person": "P001",
                }
            ],
        )
        assert progress.squad_board(conn, campaign) == before  # type: ignore[arg-type]
        assert [(one.squad, one.expected) for one in progress.squad_board(conn, "TRY")] == [(squad, 1)]  # type: ignore[arg-type]
        raise Undo

    with pytest.raises(Undo):
        looked_at.db.write(other)


def test_the_board_says_it_in_words(looked_at: Console) -> None:
    """Gap, fork, clock, photos, and the way to what waits."""
    page = looked_at.desk("coordinator").get("/campaigns/HD-2026-HC/progress").text
    for said in ("缺 3–5", "分叉 1 处", "时钟快 2 小时", "quarantine?why=op_late", "应收", "入账"):
        assert said in page
    assert "/tablets/" not in looked_at.desk("evaluator").get("/campaigns/HD-2026-HC/progress").text
