"""What a coordinator tells a squad before its visit reaches the squad's tablets: leads, and blind scoring."""

from collections.abc import Iterator

import pytest

from server.storage import assignments, briefing, registers
from shared_schema.wire import Assignment
from tests.unit.server.console.desk import Console, console


@pytest.fixture(scope="module")
def acted_on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console whose season these tests change."""
    with console(tmp_path_factory.mktemp("briefing")) as made:
        yield made


def untouched(made: Console) -> str:
    """An inspection of which nothing has been received."""
    campaign = made.db.read(lambda conn: conn.exec_driver_sql("SELECT id FROM campaign").scalar_one())
    return next(iter(made.db.read(lambda conn: briefing.untouched(conn, campaign))))


def assigned(made: Console, inspection: str) -> Assignment:
    """The visit as its squad's tablets get it."""
    row = made.db.read(lambda conn: registers.inspection(conn, inspection))
    assert row is not None
    squad = row.squad
    found = made.db.read(lambda conn: assignments.of_squad(conn, squad))
    return next(one for one in found if one.inspection == inspection)


def test_a_lead_reaches_the_squad_and_can_be_taken_back(acted_on: Console) -> None:
    """With its item and the number of its paper; the page shows it, and who did what is in the audit trail."""
    desk, inspection = acted_on.desk("coordinator"), untouched(acted_on)
    sent = desk.post(
        f"/inspections/{inspection}/leads", {"item": "A03", "text": "核实台账", "paper_ref": "3 号"}
    )
    assert (sent.status, "done=lead" in sent.headers["location"]) == (303, True)
    (lead,) = assigned(acted_on, inspection).leads
    assert (lead.item, lead.text, lead.paper_ref) == ("A03", "核实台账", "3 号")
    assert "核实台账" in desk.get(f"/inspections/{inspection}").text
    desk.post(f"/inspections/{inspection}/leads/{lead.lead}/remove")
    assert assigned(acted_on, inspection).leads == ()


@pytest.mark.parametrize("fields", [{"text": ""}, {"text": "长" * 401}, {"text": "核实", "item": "Z99"}])
def test_a_lead_that_says_nothing_or_names_no_item_is_refused(
    acted_on: Console, fields: dict[str, str]
) -> None:
    """The form is shown again with the cure, and nothing is kept."""
    inspection = untouched(acted_on)
    assert acted_on.desk("coordinator").post(f"/inspections/{inspection}/leads", fields).status in (
        400,
        404,
        422,
    )
    assert assigned(acted_on, inspection).leads == ()


def test_a_visit_is_scored_blind_as_long_as_nothing_of_it_was_recorded(acted_on: Console) -> None:
    """Afterwards somebody may have seen a colleague's answers already."""
    desk, inspection = acted_on.desk("coordinator"), untouched(acted_on)
    assert not assigned(acted_on, inspection).blind
    assert desk.post(f"/inspections/{inspection}/blind", {"blind": "y"}).status == 303
    assert assigned(acted_on, inspection).blind
    desk.post(f"/inspections/{inspection}/blind", {"blind": "n"})
    assert not assigned(acted_on, inspection).blind
    begun = acted_on.season.disputed[0]
    assert desk.post(f"/inspections/{begun}/blind", {"blind": "y"}).status == 409
    assert not assigned(acted_on, begun).blind


def test_a_share_of_the_visits_is_chosen_for_blind_scoring(acted_on: Console) -> None:
    """Rounded up; choosing again for another share starts afresh, and those begun are left alone."""
    desk = acted_on.desk("coordinator")
    campaign = acted_on.db.read(lambda conn: conn.exec_driver_sql("SELECT id FROM campaign").scalar_one())
    open_ = acted_on.db.read(lambda conn: briefing.untouched(conn, campaign))
    assert desk.post(f"/campaigns/{campaign}/blind", {"percent": "5"}).status == 303
    assert len(acted_on.db.read(lambda conn: briefing.blind_inspections(conn, campaign))) == -(
        -len(open_) * 5 // 100
    )
    assert desk.get(f"/campaigns/{campaign}/plan").status == 200
    desk.post(f"/campaigns/{campaign}/blind", {"percent": "0"})
    assert acted_on.db.read(lambda conn: briefing.blind_inspections(conn, campaign)) == []
    assert desk.post(f"/campaigns/{campaign}/blind", {"percent": "101"}).status == 400


def test_the_strip_below_photos_is_switched_for_the_whole_campaign(acted_on: Console) -> None:
    """It reaches the tablets in their assignments; switching to what is so already is no action."""
    desk, inspection = acted_on.desk("coordinator"), untouched(acted_on)
    campaign = acted_on.db.read(lambda conn: conn.exec_driver_sql("SELECT id FROM campaign").scalar_one())
    before = assigned(acted_on, inspection).watermark
    for wanted in (not before, not before, before):
        said = {"watermark": "y" if wanted else "n"}
        assert desk.post(f"/campaigns/{campaign}/watermark", said).status == 303
        assert assigned(acted_on, inspection).watermark == wanted
    lines = acted_on.db.read(
        lambda conn: conn.exec_driver_sql(
            "SELECT count(*) FROM audit_event WHERE action = 'campaign.watermark'"
        ).scalar_one()
    )
    assert lines == 2
    assert "照片下" in desk.get(f"/campaigns/{campaign}/plan").text


def test_only_a_coordinator_may(acted_on: Console) -> None:
    """An evaluator reads what was told and changes nothing."""
    inspection = untouched(acted_on)
    for path in (f"/inspections/{inspection}/leads", f"/inspections/{inspection}/blind"):
        assert acted_on.desk("evaluator").post(path, {"text": "核实", "blind": "y"}).status == 403
