"""Registers are checked against each other as they are read."""

import shutil
from pathlib import Path

import pytest

import server.demo
from server.planning.files import Registers, read_accounts, read_registers
from shared_schema.problems import Problem

DEMO = Path(server.demo.__path__[0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the demonstration season to spoil."""
    return Path(
        shutil.copytree(DEMO, tmp_path / "season", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    )


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")


def read_everything(folder: Path) -> None:
    read_registers(folder)
    read_accounts(folder / "accounts.csv")


def test_the_demonstration_season_reads(folder: Path) -> None:
    registers = read_registers(folder)
    assert isinstance(registers, Registers)
    assert registers.season.campaign.year == 2026
    assert registers.last_visits[0].people == ("P005", "P012", "P024")


@pytest.mark.parametrize(
    ("file", "old", "new", "column", "cure"),
    [
        ("units.csv", "U018,区科", "U017,区科", "code", "the same as in line 18"),
        ("units.csv", "科创一路2号,沈嘉禾,n,n,n,n,n", "科创一路2号,沈嘉禾,n,n,y,n,n", "has_secret", "应为 y"),
        ("units.csv", "HD-C,U005,", "HD-C,U012,", "parent_system", "its own parent"),
        ("people.csv", "Lu Huaijin,U001", "Lu Huaijin,U901", "unit", "no such unit"),
        ("people.csv", "HDBM-2024-001,2028-06-30", ",2028-06-30", "certified_no", "officers"),
        ("people.csv", "HDBM-2024-001,2028-06-30", "HDBM-2024-001,", "valid_to", "last valid day"),
        ("people.csv", "Wen Ruyu,U006,y,leader,,", "Wen Ruyu,U006,y,leader,X-1,", "certified_no", "only they"),
        ("accounts.csv", "coordinator2,", "coordinator,", "login", "the same as in line"),
        ("accounts.csv", "auditor,demo", "boss,demo", "role", "write one of: inspector"),
        ("interests.csv", "P002,U079", "P099,U079", "person", "no such person"),
        ("interests.csv", "P002,U079", "P002,U979", "unit", "no such unit"),
        ("inventory.csv", "U064-F001,U064,n", "U064-F001,U064,y", "classified", "holds no secrets"),
        ("inventory.csv", "U064-F002,U064", "U064-F001,U064", "register_no", "the same as in line"),
        ("last_year.csv", "U002,P005 P012 P024", "U002,P005 P0l2 P024", "people", "no such person"),
        ("last_year.csv", "U002,", "U001,", "unit", "the same as in line 2"),
        ("last_findings.csv", "U007,D03", "U907,D03", "unit", "no such unit"),
        ("season.yaml", "  year: 2026", "  year: MMXXVI", "campaign.year", "Expected `int`"),
        ("season.yaml", "overdue_cap:", "overdue_roof:", "annual", "overdue"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_named_with_its_place_and_cure(
    folder: Path, file: str, old: str, new: str, column: str, cure: str
) -> None:
    spoil(folder / file, old, new)
    with pytest.raises(Problem) as caught:
        read_everything(folder)
    facts = caught.value.facts
    assert (caught.value.code, facts["file"], facts["column"]) == ("file_invalid", file, column)
    assert cure in str(facts["cure"])
    shown = (folder / file).read_text(encoding="utf-8").splitlines()[int(str(facts["line"])) - 1]
    assert new.strip() in shown or shown == f"{column}:"


def test_every_file_is_needed(folder: Path) -> None:
    (folder / "interests.csv").unlink()
    with pytest.raises(Problem, match=r"interests\.csv.*no such file"):
        read_registers(folder)
