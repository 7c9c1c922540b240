"""What the console shows is the same on both databases: every query of its pages, over one season."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from server.evaluation import exports
from server.storage import accounts, chains, devices
from server.storage import console_inspection as inspection
from server.storage import console_progress as board
from server.storage import console_quarantine as quarantine
from server.storage import console_reads as reads
from server.storage import console_registers as registers
from server.storage import console_tablets as tablets
from server.storage.console_quarantine import Sift
from server.storage.console_reads import Filter
from server.storage.database import Connection, Database
from shared_schema.ids import DeviceId
from tests.contract.postgres import Postgres
from tests.season import HOUR_MS, Season, fill
from tests.trouble import make_trouble

Query = Callable[[Connection, Season], Any]

QUERIES: dict[str, Query] = {
    "campaigns": lambda conn, _: reads.campaigns(conn),
    "draw": lambda conn, season: reads.draw_of(conn, season.campaign),
    "stages": lambda conn, season: board.stage_counts(conn, season.campaign),
    "stage of each": lambda conn, season: reads.stages_of(conn, season.campaign),
    "squads' board": lambda conn, season: board.squad_board(conn, season.campaign),
    "squads' board of a day": lambda conn, season: board.squad_board(conn, season.campaign, "2026-12-31"),
    "tablets": lambda conn, season: tablets.tablets(conn, season.campaign),
    "runs": lambda conn, season: tablets.runs(conn, season.campaign),
    "delivered": lambda conn, season: tablets.delivered_since(conn, "T-lost", season.now_ms - 5 * HOUR_MS),
    "refused of one": lambda conn, _: tablets.refused(conn, "T-lost"),
    "names of tablets": lambda conn, _: tablets.names(conn, ["T-lost", "nothing"]),
    "codes": lambda conn, season: tablets.codes(conn, season.campaign, season.now_ms),
    "gaps": lambda conn, _: chains.gaps(conn),
    "forks": lambda conn, _: chains.forks(conn),
    "waiting": lambda conn, season: quarantine.waiting(conn, season.campaign, Sift()),
    "waiting, late": lambda conn, season: quarantine.waiting(conn, season.campaign, Sift(why="op_late")),
    "waiting, one tablet": lambda conn, season: quarantine.waiting(
        conn, season.campaign, Sift(tablet="T-lost")
    ),
    "waiting, another squad": lambda conn, season: quarantine.waiting(
        conn, season.campaign, Sift(squad=season.plan.teams[1].squad)
    ),
    "waiting of one visit": lambda conn, season: quarantine.of_inspection(conn, season.locked[0]),
    "no such refusal": lambda conn, season: quarantine.one(conn, season.campaign, "T-lost", "none"),
    "reasons": lambda conn, season: quarantine.reasons(conn, season.campaign),
    "admitted": lambda conn, season: quarantine.admitted(conn, season.campaign),
    "admitted to one visit": lambda conn, season: quarantine.admitted_to(conn, season.locked[0]),
    "holders": lambda conn, _: devices.holders(conn, DeviceId("T-lost")),
    "disputes": lambda conn, season: board.open_disputes(conn, season.campaign),
    "list": lambda conn, season: reads.inspections(conn, season.campaign, Filter()),
    "second page": lambda conn, season: reads.inspections(conn, season.campaign, Filter(page=2)),
    "search": lambda conn, season: reads.inspections(conn, season.campaign, Filter(q="u0%_委")),
    "search in Chinese": lambda conn, season: reads.inspections(conn, season.campaign, Filter(q="委")),
    "search, any case": lambda conn, season: reads.inspections(conn, season.campaign, Filter(q="OFFICE")),
    "one stage": lambda conn, season: reads.inspections(conn, season.campaign, Filter(stage="submitted")),
    "prepared": lambda conn, season: reads.inspections(conn, season.campaign, Filter(stage="prepared")),
    "one squad": lambda conn, season: reads.inspections(
        conn, season.campaign, Filter(squad=season.plan.teams[0].squad)
    ),
    "one grade": lambda conn, season: reads.inspections(conn, season.campaign, Filter(grade="conform")),
    "open grades": lambda conn, season: reads.inspections(conn, season.campaign, Filter(grade="open")),
    "disputed": lambda conn, season: reads.inspections(conn, season.campaign, Filter(only="disputed")),
    "held": lambda conn, season: reads.inspections(conn, season.campaign, Filter(only="held")),
    "findings": lambda conn, season: reads.findings(conn, season.campaign),
    "open findings": lambda conn, season: reads.findings(conn, season.campaign, "open"),
    "fixed findings": lambda conn, season: reads.findings(conn, season.campaign, "fixed"),
    "repeats": lambda conn, season: reads.findings(conn, season.campaign, "repeat"),
    "disputed findings": lambda conn, season: reads.findings(conn, season.campaign, "disputed"),
    "freezes": lambda conn, season: reads.freezes(conn, season.campaign),
    "after a freeze": lambda conn, season: reads.after_freeze(conn, season.campaign, "none"),
    "units": lambda conn, season: registers.units(conn, season.campaign),
    "one unit": lambda conn, season: registers.units(conn, season.campaign, "U003"),
    "people": lambda conn, season: registers.people(conn, season.campaign),
    "visits": lambda conn, season: registers.visits(conn, season.campaign),
    "squads": lambda conn, season: registers.squads(conn, season.campaign),
    "checklists": lambda conn, _: registers.checklists(conn),
    "line": lambda conn, season: reads.inspection_line(conn, season.disputed[0]),
    "view": lambda conn, season: inspection.view_of(conn, season.disputed[0]),
    "sheet": lambda conn, season: inspection.sheet_of(conn, season.disputed[0]),
    "log": lambda conn, season: inspection.log_of(conn, season.disputed[0]),
    "no operation": lambda conn, season: inspection.log_entry(conn, season.disputed[0], "none"),
    "members": lambda conn, season: inspection.members(conn, season.plan.teams[0].squad),
    "names": lambda conn, _: inspection.person_names(conn, ["P001", "P006", "coordinator", "nobody"]),
    "devices": lambda conn, _: inspection.device_names(conn, ["T006", "console"]),
    "photos": lambda conn, season: inspection.pictures(conn, season.disputed[0]),
    "earlier": lambda conn, _: inspection.earlier_findings(conn, "U007"),
    "campaign of": lambda conn, season: inspection.campaign_of_inspection(conn, season.disputed[0]),
    "accounts": lambda conn, _: [
        (one.login, one.name, one.role, seen) for one, seen in accounts.accounts(conn)
    ],
    "trail": lambda conn, _: accounts.audit_events(conn, action="sign_in", who="x"),
    "trail's people": lambda conn, _: accounts.audit_people(conn),
    "score table": lambda conn, season: exports.export_csv(conn, season.campaign),
}


def season_in(url: str, folder: Path) -> tuple[Database, Season]:
    """A database with the season of one squad and its trouble."""
    db = Database.open(url)
    season = db.write(lambda conn: fill(conn, folder, visits_per_squad=8, squads=1))
    db.write(lambda conn: make_trouble(conn, season))
    return db, season


@pytest.fixture(scope="module")
def both(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[tuple[Database, Season], tuple[Database, Season]]]:
    """The same season in an embedded database and in PostgreSQL."""
    folder = tmp_path_factory.mktemp("both")
    one = season_in(f"sqlite:///{folder / 'hucha.db'}", folder / "photos")
    two = season_in(postgres.url(postgres.make()), folder / "photos")
    yield one, two
    one[0].close()
    two[0].close()


@pytest.mark.parametrize("name", QUERIES)
def test_both_databases_answer_alike(
    both: tuple[tuple[Database, Season], tuple[Database, Season]], name: str
) -> None:
    """The same rows in the same order; and something, where the season has something."""
    answers = [db.read(lambda conn, season=season: QUERIES[name](conn, season)) for db, season in both]  # type: ignore[misc]
    assert answers[0] == answers[1]
    empty = {
        "waiting, another squad",
        "no such refusal",
        "second page",
        "search",
        "held",
        "freezes",
        "after a freeze",
        "no operation",
    }
    empty |= {"repeats", "disputed findings", "trail", "trail's people"}
    assert bool(answers[0] and answers[0] not in (([], 0), ([], 82))) == (name not in empty), answers[0]
