"""What a coordinator, an evaluator and the administrators do at the console, and what it leaves behind."""

import re
from collections.abc import Iterator

import pytest

from server.storage import console_inspection as store
from server.storage.console_reads import Filter, inspections
from shared_schema.operations import DisputeSettled
from tests.unit.server.console.desk import Console, Desk, console


@pytest.fixture(scope="module")
def acted_on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console whose season these tests change."""
    with console(tmp_path_factory.mktemp("actions")) as made:
        yield made


def stage(made: Console, inspection: str) -> str:
    """Where an inspection stands."""
    return str(made.db.read(lambda conn: store.view_of(conn, inspection)).stage)


def seen(page: str, action: str) -> list[str]:
    """The operations that a form carries as what its author saw."""
    form = re.search(rf'<form[^>]*action="[^"]*/{action}".*?</form>', page, re.DOTALL)
    assert form, f"the page offers no {action}"
    return re.findall(r'name="seen" value="([^"]+)"', form[0])


def settle(desk: Desk, inspection: str, keep: int, reason: str = "查看原始登记簿") -> tuple[str, list[str]]:
    """Settles the first dispute of a page for the value at that place; the field, and what was seen."""
    page = desk.get(f"/inspections/{inspection}").text
    found = re.search(r'name="field" value="([^"]+)"', page)
    assert found
    saw = seen(page, "settle")
    answer = desk.post(
        f"/inspections/{inspection}/settle",
        {"field": found[1], "seen": saw, "kept": saw[keep], "reason": reason},
    )
    assert answer.status == 303, answer.text
    assert "done=settled" in answer.headers["location"]
    return found[1], saw


def test_settling_lets_exactly_the_chosen_value_stand_with_its_reason(acted_on: Console) -> None:
    """As one operation whose bases are what the coordinator saw."""
    desk, inspection = acted_on.desk("coordinator"), acted_on.season.disputed[0]
    before = acted_on.db.read(lambda conn: store.view_of(conn, inspection))
    field, saw = settle(desk, inspection, keep=1)
    view = acted_on.db.read(lambda conn: store.view_of(conn, inspection))
    assert {cell.field for cell in before.disputes} - {cell.field for cell in view.disputes} == {field}
    log = acted_on.db.read(lambda conn: store.log_of(conn, inspection))
    newest = log[-1].operation
    chosen = next(entry.operation for entry in log if entry.operation.id == saw[1])
    assert isinstance(newest.body, DisputeSettled)
    assert set(newest.bases) == set(saw)
    assert (newest.person, newest.device) == (acted_on.logins["coordinator"], "console")
    assert newest.body.reason == "查看原始登记簿"
    assert bytes(newest.body.decision.body) in chosen.raw
    page = desk.get(f"/inspections/{inspection}").text
    assert "查看原始登记簿" in page
    assert acted_on.trail("operation.settled")[0].what == inspection


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"kept": "", "reason": "x"}, "form_invalid"),
        ({"kept": "someone.elses", "reason": "x"}, "form_invalid"),
        ({"reason": ""}, "form_invalid"),
        ({"field": "answer/B01"}, "not_disputed"),
        ({"field": "nonsense"}, "not_disputed"),
    ],
)
def test_a_settlement_without_choice_or_reason_changes_nothing(
    acted_on: Console, fields: dict[str, str], code: str
) -> None:
    """Nor does one about another field than the chosen value's."""
    desk, inspection = acted_on.desk("coordinator"), acted_on.season.disputed[0]
    log = acted_on.db.read(lambda conn: store.log_of(conn, inspection))
    op = next(entry.operation.id for entry in log if entry.operation.kind == "answer")
    form = {"field": "answer/A01", "seen": op, "kept": op, "reason": "why"} | fields
    answer = desk.post(f"/inspections/{inspection}/settle", form)
    assert answer.status in {400, 409}
    assert code in answer.text
    assert len(acted_on.db.read(lambda conn: store.log_of(conn, inspection))) == len(log)


def test_returning_says_what_is_missing_and_accepting_takes_it_in(acted_on: Console) -> None:
    """Submitted, returned with remarks, and another one accepted and locked."""
    desk = acted_on.desk("coordinator")
    first, second = acted_on.season.submitted[:2]
    form = desk.get(f"/inspections/{first}/return", hx_request="true").text
    fields = {
        "seen": seen(form, "return"),
        "item": ["", "A01", "", "C02"],
        "remark": ["请补全访谈", "依据缺文号", "", ""],
    }
    assert desk.post(f"/inspections/{first}/return", fields).status == 303
    assert stage(acted_on, first) == "returned"
    log = acted_on.db.read(lambda conn: store.log_of(conn, first))
    assert getattr(log[-1].operation.body, "remarks", None) == (("", "请补全访谈"), ("A01", "依据缺文号"))

    page = desk.get(f"/inspections/{second}").text
    assert desk.post(f"/inspections/{second}/accept", {"seen": seen(page, "accept")}).status == 303
    assert stage(acted_on, second) == "accepted"
    page = desk.get(f"/inspections/{second}").text
    assert desk.post(f"/inspections/{second}/lock", {"seen": seen(page, "lock")}).status == 303
    assert stage(acted_on, second) == "locked"
    again = desk.post(f"/inspections/{second}/accept", {"seen": seen(page, "lock")})
    assert again.status == 409
    assert "stage_forbids" in again.text


def test_a_return_without_a_remark_is_refused(acted_on: Console) -> None:
    """A squad that is sent back must learn why."""
    desk, inspection = acted_on.desk("coordinator"), acted_on.season.accepted[0]
    answer = desk.post(f"/inspections/{inspection}/return", {"item": [""], "remark": ["  "]})
    assert answer.status == 400
    assert stage(acted_on, inspection) == "accepted"


def test_an_action_refused_to_htmx_keeps_the_page_and_changes_its_notice(acted_on: Console) -> None:
    """Typed text is not lost."""
    desk, inspection = acted_on.desk("coordinator"), acted_on.season.accepted[0]
    answer = desk.post(f"/inspections/{inspection}/return", {"item": [""], "remark": [""]}, hx_request="true")
    assert answer.status == 400
    assert answer.headers["hx-retarget"] == "#notice"
    assert "<html" not in answer.text


def test_what_the_coordinator_did_not_see_is_not_replaced(acted_on: Console) -> None:
    """The bases are the form's, not what happens to stand when it arrives."""
    desk = acted_on.desk("coordinator")
    rows, _ = acted_on.db.read(
        lambda conn: inspections(conn, acted_on.season.campaign, Filter(stage="submitted"))
    )
    inspection = rows[0].id
    page = desk.get(f"/inspections/{inspection}").text
    saw = seen(page, "accept")
    desk.post(f"/inspections/{inspection}/return", {"seen": saw, "item": [""], "remark": ["请核实"]})
    log = acted_on.db.read(lambda conn: store.log_of(conn, inspection))
    returned = log[-1].operation
    assert set(returned.bases) == set(saw)
    answer = desk.post(f"/inspections/{inspection}/accept", {"seen": saw})
    assert answer.status == 409
    assert stage(acted_on, inspection) == "returned"


def test_a_freeze_names_what_is_not_ready_and_changes_nothing(acted_on: Console) -> None:
    """Units not visited or not accepted block it."""
    desk = acted_on.desk("evaluator")
    answer = desk.post(f"/campaigns/{acted_on.season.campaign}/freeze")
    assert answer.status == 409
    assert "freeze_blocked" in answer.text
    assert "U0" in answer.text
    assert not acted_on.trail("freeze")


def test_nobody_locks_their_own_account(acted_on: Console) -> None:
    """Or the last one who could open it again would be gone."""
    desk = acted_on.desk("sysadmin")
    login = acted_on.logins["sysadmin"]
    assert desk.post("/accounts/lock", {"login": login, "disabled": "yes"}).status == 400
    other = acted_on.logins["auditor"]
    auditor = acted_on.desk("auditor")
    assert desk.post("/accounts/lock", {"login": other, "disabled": "yes"}).status == 303
    assert auditor.get("/audit").status == 303
    assert desk.post("/accounts/lock", {"login": other, "disabled": "no"}).status == 303
    assert acted_on.trail("account")[0].action == "account.opened"


def test_accepting_an_open_score_asks_first(looked_at: Console) -> None:
    """Because what is open can then only be put right after a return, and blocks the freeze."""
    desk = looked_at.desk("coordinator")
    rows, _ = looked_at.db.read(
        lambda conn: inspections(conn, looked_at.season.campaign, Filter(stage="submitted"))
    )
    assert {row.percent is None for row in rows} == {True, False}
    for row in rows:
        page = desk.get(f"/inspections/{row.id}").text
        assert ("得分还是区间" in page) == (row.percent is None)
