"""A freeze keeps what counted, on both databases; exports are functions of it; anyone can recompute it."""

from collections.abc import Callable
from functools import partial

import msgspec
import pytest

from server.evaluation.exports import csv_bytes, json_bytes, safe, table, xlsx_bytes
from server.evaluation.freeze import freeze, recompute_all
from server.follow_up.yearly_report import yearly_report
from server.intake.desk import record
from server.planning.spelled import full_marks
from server.storage import evaluation as store
from server.storage.database import Database
from shared_schema import scoring
from shared_schema.operations import Accepted, Answer, Count, Deliberated, Note, Opened, Submitted
from shared_schema.problems import Problem
from tests.contract.plan import CHECKLIST, INSPECTIONS_PER_SQUAD, device_id, inspection_id, person_id
from tests.contract.talk import NOW_MS, do, outcomes, say
from tests.make import Scribe, make_finding

ALL = [(squad, number) for squad in (1, 2) for number in range(1, INSPECTIONS_PER_SQUAD + 1)]


def hand_in(db: Database, squad: int, number: int, *, wrong: int = 0) -> Scribe:
    """A leader answers everything, three `wrong` occurrences of A03 if asked, and submits."""
    inspection, person = inspection_id(squad, number), person_id(squad, 1)
    scribe = Scribe(device=device_id(squad, 1), person=person, inspection=inspection, epoch=f"E-{inspection}")
    operations = [scribe.write(Opened((person, person_id(squad, 2)), True, True))]
    for item in CHECKLIST.items:
        value = Count(wrong) if item.id == "A03" else full_marks(item)
        operations.append(scribe.write(Answer(item.id, value)))
    deliberated = scribe.write(Deliberated(), bases=(operations[0].id,))
    operations += [deliberated, scribe.write(Submitted(), bases=(deliberated.id,))]
    reply = say(db, operations, device=device_id(squad, 1))
    assert set(outcomes(reply)) == {"accepted"}
    return scribe


def accept(db: Database, squad: int, number: int) -> None:
    """The coordinator accepts."""
    db.write(
        lambda conn: record(
            conn,
            inspection_id(squad, number),
            "coordinator",
            "coordinator",
            Accepted(),
            now_ms=NOW_MS,
        )
    )


@pytest.fixture
def season(db: Database) -> dict[str, Scribe]:
    """A campaign in which everything is handed in and accepted."""
    scribes = {}
    for squad, number in ALL:
        scribes[inspection_id(squad, number)] = hand_in(db, squad, number, wrong=number % 3)
        accept(db, squad, number)
    return scribes


def freeze_now(db: Database) -> str:
    """The id of a freeze made now."""
    return db.write(partial(freeze, campaign="C-1", by="evaluator", now_ms=NOW_MS))


def test_nothing_open_can_be_frozen(db: Database) -> None:
    """A unit not visited, not accepted or still a range blocks the freeze and is named; nothing is kept."""
    hand_in(db, 1, 1)
    with pytest.raises(Problem) as refused:
        freeze_now(db)
    assert refused.value.code == "freeze_blocked"
    assert refused.value.facts["count"] == len(ALL)
    accept(db, 1, 1)
    with pytest.raises(Problem) as refused:
        freeze_now(db)
    assert refused.value.facts["count"] == len(ALL) - 1
    assert db.read(partial(store.latest_freeze, campaign_id="C-1")) is None


def test_what_arrives_later_is_kept_and_moves_nothing(db: Database, season: dict[str, Scribe]) -> None:
    """It is listed as after the freeze; the frozen table keeps its bytes; the standing row does move."""
    version = freeze_now(db)
    before = db.read(lambda conn: json_bytes(table(conn, "C-1")))
    inspection = inspection_id(1, 1)
    late = season[inspection].write(Answer("A06", full_marks(CHECKLIST.items[5])))
    other = Scribe(device=device_id(1, 2), person=person_id(1, 2), inspection=inspection, epoch="E-late")
    dispute = other.write(Answer("A03", Count(7)))
    finding = other.write(make_finding("F-late", "A03"))
    assert outcomes(say(db, [late], device=device_id(1, 1))) == ["accepted"]
    assert outcomes(say(db, [dispute, finding], device=device_id(1, 2))) == ["accepted", "accepted"]
    after = db.read(lambda conn: store.arrived_after(conn, version))
    assert [(row[0], row[1]) for row in after] == [(inspection, one.id) for one in (late, dispute, finding)]
    assert db.read(lambda conn: json_bytes(table(conn, "C-1"))) == before
    assert db.read(lambda conn: store.is_open(conn, inspection))
    assert db.read(recompute_all) == (len(ALL), ())


def test_a_forged_frozen_sheet_is_found(db: Database, season: dict[str, Scribe]) -> None:
    """Recomputing from the log names the inspection and both figures."""
    freeze_now(db)
    rows = db.read(partial(store.frozen_rows, freeze_id=None))
    forged = msgspec.json.decode(rows[0].sheet)
    forged["percent"] = "99.99"
    do(
        db,
        "UPDATE frozen_sheet SET sheet = ? WHERE inspection = ?",
        msgspec.json.encode(forged),
        rows[0].inspection,
    )
    (found,) = db.read(recompute_all).differences
    assert rows[0].inspection in found
    assert "99.99" in found


def test_a_sheet_frozen_by_an_earlier_engine_differs_by_its_figures_alone(
    db: Database, season: dict[str, Scribe], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who made it is no difference; what it says is, and then both engines are named."""
    freeze_now(db)
    rows = db.read(partial(store.frozen_rows, freeze_id=None))
    monkeypatch.setattr(scoring, "ENGINE_VERSION", "99")
    assert db.read(recompute_all) == (len(ALL), ())
    forged = {**msgspec.json.decode(rows[0].sheet), "percent": "99.99"}
    sheet, inspection = msgspec.json.encode(forged), rows[0].inspection
    do(db, "UPDATE frozen_sheet SET sheet = ? WHERE inspection = ?", sheet, inspection)
    (found,) = db.read(recompute_all).differences
    assert f"99.99 {forged['grade']} by engine {forged['engine_version']}" in found
    assert found.endswith("by engine 99")


def test_an_inspection_that_could_not_be_worked_out_stops_the_freeze_and_no_table(
    db: Database, season: dict[str, Scribe]
) -> None:
    """Its row stands in the table without a figure; it cannot be frozen."""
    do(
        db,
        "UPDATE score_sheet SET status = ?, sheet = ? WHERE inspection = ?",
        "error",
        b"",
        inspection_id(1, 1),
    )
    made_of = db.read(lambda conn: table(conn, "C-1"))
    assert len(made_of.scored) == len(ALL)
    assert [one.sheet.percent is None for one in made_of.scored].count(True) == 1
    assert csv_bytes(made_of).count(b"\n") == len(ALL) + 1
    with pytest.raises(Problem) as refused:
        freeze_now(db)
    assert refused.value.facts["count"] == 1


def test_freezing_the_same_again_is_the_same_freeze(db: Database, season: dict[str, Scribe]) -> None:
    """Its name is made from its content, so two evaluators cannot make two of one."""
    assert freeze_now(db) == freeze_now(db)
    late = season[inspection_id(1, 1)].write(Note(CHECKLIST.items[0].id, "补充"))
    say(db, [late], device=device_id(1, 1))
    assert len({row.freeze for row in db.read(partial(store.frozen_rows, freeze_id=None))}) == 1


@pytest.mark.parametrize("make", [csv_bytes, xlsx_bytes, json_bytes])
def test_the_same_sheets_give_the_same_bytes(
    db: Database, season: dict[str, Scribe], make: Callable[..., bytes]
) -> None:
    """Whenever the file is made."""
    first = db.read(lambda conn: make(table(conn, "C-1")))
    assert db.read(lambda conn: make(table(conn, "C-1"))) == first
    assert len(first) > 1000


def test_the_report_counts_only_what_was_handed_in(db: Database) -> None:
    """A visit still going on is not a unit inspected."""
    hand_in(db, 1, 1)
    open_visit = Scribe(
        device=device_id(1, 1), person=person_id(1, 1), inspection=inspection_id(1, 2), epoch="E-2"
    )
    say(
        db, [open_visit.write(Opened((person_id(1, 1), person_id(1, 2)), True, True))], device=device_id(1, 1)
    )
    figures, lines = db.read(lambda conn: yearly_report(conn, "C-1", {"units_inspected": 78}))
    assert figures.units == len(ALL)
    assert figures.units_inspected == 1
    assert (lines[0].this_year, lines[0].last_year) == (1, 78)


@pytest.mark.parametrize("text", ["=1+1", "+86", "-2", "@x", "\t=1", "\r=1"])
def test_no_text_becomes_a_formula(text: str) -> None:
    """A leading quote keeps a spreadsheet from taking it for one; other text stays as it is."""
    assert safe(text) == "'" + text
    assert safe("区财政局 =1") == "区财政局 =1"
