"""`hucha plan` and `hucha account`: one's own registers become a campaign, and nobody draws twice."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import server.demo
from server.__main__ import main
from server.access import passwords
from server.planning.campaign import make_plan
from server.storage import accounts, briefing, console_registers
from server.storage.database import Database
from shared_schema.problems import Problem
from tests.contract.talk import ask

CAMPAIGN = "HD-2026-HC"
PASSWORD = "云淡风轻，二零二六年五月"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Registers of one's own: without accounts and without a program."""
    made = tmp_path / "registers"
    ignored = shutil.ignore_patterns("*.py", "__pycache__", "accounts.csv", "phrases.yaml")
    return Path(shutil.copytree(server.demo.__path__[0], made, ignore=ignored))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Where the server keeps its data."""
    return tmp_path / "data"


def hucha(*arguments: object, stdin: str = "") -> Result:
    """Runs the command to its end."""
    return CliRunner().invoke(main, [*map(str, arguments)], input=stdin)


def opened(data: Path) -> Database:
    return Database.open(f"sqlite:///{data / 'hucha.db'}", create=False)


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_check_tells_the_draw_and_writes_nothing(folder: Path, data: Path) -> None:
    told = hucha("plan", folder, "--check", "--data", data)
    assert told.exit_code == 0
    assert "8 个检查组 squads, 82 次检查 visits" in told.output
    assert not data.exists()


def test_a_plan_is_entered_whole_and_its_share_is_scored_blind(folder: Path, data: Path) -> None:
    assert hucha("plan", folder, "--data", data).exit_code == 0
    plan = make_plan(folder)
    with opened(data) as db:
        visits = db.read(lambda conn: console_registers.visits(conn, CAMPAIGN))
        assert {(one.unit, one.squad, one.planned_date) for one in visits} == {
            (one.unit, team.squad, one.day.isoformat()) for team in plan.teams for one in team.visits
        }
        assert len(visits) == len(plan.registers.units) == 82
        assert len(db.read(lambda conn: briefing.blind_inspections(conn, CAMPAIGN))) == 5
        assert ask(db, "SELECT count(*) FROM person") == [(len(plan.registers.people),)]
        assert ask(db, "SELECT count(*) FROM inventory") == [(len(plan.registers.inventory),)]
        assert ask(db, "SELECT who, action, what FROM audit_event") == [
            ("command", "campaign.plan", CAMPAIGN)
        ]


def test_again_after_a_correction_registers_follow_and_what_was_done_since_stays(
    folder: Path, data: Path
) -> None:
    hucha("plan", folder, "--data", data)
    with opened(data) as db:
        db.write(lambda conn: briefing.score_blind(conn, [f"{CAMPAIGN}-U001"], blind=True))
        db.write(lambda conn: briefing.set_watermark(conn, CAMPAIGN, watermark=True))
    change(folder / "units.csv", "中心大道1号1号楼,何书敏", "中心大道9号,何书敏")
    again = hucha("plan", folder, "--data", data)
    assert (again.exit_code, "抽签不变" in again.output) == (0, True)
    with opened(data) as db:
        assert ask(db, "SELECT address FROM unit WHERE id = 'U001'") == [("中心大道9号",)]
        assert db.read(lambda conn: briefing.has_watermark(conn, CAMPAIGN))
        assert db.read(lambda conn: briefing.is_blind(conn, f"{CAMPAIGN}-U001"))


@pytest.mark.parametrize("redrawn", ["another seed", "another pool", "entered without a draw"])
def test_a_draw_stands(folder: Path, data: Path, redrawn: str) -> None:
    hucha("plan", folder, "--data", data)
    with opened(data) as db:
        if redrawn == "entered without a draw":
            db.write(lambda conn: conn.exec_driver_sql("UPDATE campaign SET draw = '{}'"))
        before = ask(db, "SELECT * FROM inspection ORDER BY id")
    if redrawn == "another pool":
        change(folder / "people.csv", "P002,孟初夏,Meng Chuxia,U001,y,inspector,,\n", "")
        change(
            folder / "interests.csv", "P002,U079,配偶在该单位工作,Spouse works in this unit,2026-04-20\n", ""
        )
        last = folder / "last_year.csv"
        last.write_text(last.read_text(encoding="utf-8").replace("P002", "P003"), encoding="utf-8")
    refused = hucha(
        "plan", folder, "--data", data, *(["--seed", "luck"] if redrawn == "another seed" else [])
    )
    assert (refused.exit_code, "campaign_drawn" in refused.output) == (2, True), refused.output
    with opened(data) as db:
        assert ask(db, "SELECT * FROM inspection ORDER BY id") == before


def test_next_years_campaign_stands_beside_it(folder: Path, data: Path) -> None:
    hucha("plan", folder, "--data", data)
    change(folder / "season.yaml", f"code: {CAMPAIGN}", "code: HD-2027-HC")
    assert hucha("plan", folder, "--data", data).exit_code == 0
    with opened(data) as db:
        assert ask(db, "SELECT campaign, count(*) FROM inspection GROUP BY campaign") == [
            (CAMPAIGN, 82),
            ("HD-2027-HC", 82),
        ]
        assert ask(db, "SELECT count(DISTINCT id) FROM squad") == [(16,)]


def test_a_unit_that_nobody_may_visit_is_named_with_every_squads_reason(folder: Path, data: Path) -> None:
    people = [line.split(",")[0] for line in (folder / "people.csv").read_text().splitlines()[1:]]
    with (folder / "interests.csv").open("a", encoding="utf-8") as file:
        file.writelines(f"{one},U040,亲属,kin,2026-04-20\n" for one in people)
    refused = hucha("plan", folder, "--data", data)
    assert refused.exit_code == 2
    assert "U040" in refused.output
    assert all(f"S{number}:" in refused.output for number in range(1, 9)), refused.output
    assert not data.exists()


def test_an_account_signs_in_with_its_password_and_is_made_anew_by_the_same_command(data: Path) -> None:
    made = ("account", "lin", "--name", "林舒然", "--data", data, "--password-file", "-", "--role")
    assert hucha(*made, "coordinator", stdin=f"{PASSWORD}\n").exit_code == 0
    assert hucha(*made, "evaluator", stdin=f"{PASSWORD}!\n").exit_code == 0
    with opened(data) as db:
        row = db.read(lambda conn: accounts.account_of(conn, "lin"))
        assert row is not None
        assert (row.name, row.role) == ("林舒然", "evaluator")
        assert passwords.matches(f"{PASSWORD}!", row.password_hash)
        assert [line for (line,) in ask(db, "SELECT action FROM audit_event")] == ["account.make"] * 2


def test_a_weak_password_makes_no_account(data: Path) -> None:
    refused = hucha(
        "account",
        "lin",
        "--name",
        "林",
        "--data",
        data,
        "--password-file",
        "-",
        "--role",
        "auditor",
        stdin="kurz",
    )
    assert (refused.exit_code, "form_invalid" in refused.output) == (2, True)
    with opened(data) as db:
        assert db.read(lambda conn: accounts.account_of(conn, "lin")) is None


def test_a_plan_without_a_seed_is_drawn_with_the_seasons(folder: Path) -> None:
    assert make_plan(folder).drawn.seed == make_plan(folder, "").drawn.seed == "HD-2026-HC/2026-04-28"
    assert make_plan(folder, "luck").drawn.seed == "luck"
    (folder / "units.csv").unlink()
    with pytest.raises(Problem, match=r"units\.csv"):
        make_plan(folder)
