"""Docs show what is so: every example runs as printed, and every list of columns, codes and settings is whole."""

import io
import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from msgspec import Struct
from openpyxl import load_workbook

from mobile import settings as tablet_settings
from server.evaluation import exports
from server.planning.checklists import read_checklist
from server.settings import PREFIX, Settings
from server.storage import tables
from server.storage.database import Database
from shared_schema import wire
from shared_schema.operations import Envelope
from shared_schema.problems import REGISTRY
from tests.tidy.tree import PACKAGES, ROOT, python_files

DOCS = ROOT / "docs"
CHECKLISTS, DATA, WIRE, GLOSSARY, OPERATORS = (
    DOCS / f"{name}.md" for name in ("checklists", "data", "wire", "glossary", "for-operators")
)
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# file: (\S+)\n")


class Fence(NamedTuple):
    """One fenced block of a page."""

    language: str
    content: str
    line: int


def fences(page: Path, language: str) -> list[Fence]:
    whole = page.read_text(encoding="utf-8")
    found = (Fence(one[1], one[2], whole.count("\n", 0, one.start()) + 1) for one in FENCE.finditer(whole))
    return [one for one in found if one.language == language]


def rows_under(page: Path, heading: str) -> Iterator[list[str]]:
    """The cells of the tables between a heading and the next one of its level or above, row by row."""
    level = heading.split(" ", maxsplit=1)[0]
    inside = False
    for line in page.read_text(encoding="utf-8").splitlines():
        if re.match(rf"#{{1,{len(level)}}} ", line):
            inside = line == heading
        elif inside and line.startswith("| "):
            yield [cell.strip() for cell in line.split("|")[1:-1]]


def codes_in(rows: Iterator[list[str]], column: int = 0) -> list[str]:
    return [code for row in rows for code in re.findall(r"`([^`]+)`", row[column])]


def line_of(fence: Fence) -> str:
    return f"line {fence.line}"


# --- docs/checklists.md -----------------------------------------------------------------------------


def hucha(arguments: list[str]) -> str:
    from server.__main__ import main

    return CliRunner().invoke(main, arguments, catch_exceptions=False).output


@pytest.fixture
def example_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with every file that the page shows by name, to run its commands in."""
    for fence in fences(CHECKLISTS, "yaml"):
        named = FILE.match(fence.content)
        if named:
            (tmp_path / named[1]).write_text(fence.content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("fence", fences(CHECKLISTS, "yaml"), ids=line_of)
def test_every_example_of_a_checklist_works(fence: Fence, example_files: Path) -> None:
    example = example_files / "example.yaml"
    example.write_text(fence.content, encoding="utf-8")
    if "cases:" in fence.content:
        assert hucha(["checklist", "test", str(example)]).splitlines()[-1].endswith(" 0 mismatches")
    elif "# file: broken.yaml" not in fence.content:
        assert hucha(["checklist", "check", str(example)]).splitlines()[-1] == "0 errors, 0 warnings"


def test_every_command_prints_what_the_page_shows(example_files: Path) -> None:
    for fence in fences(CHECKLISTS, "console"):
        for call in re.split(r"^\$ ", fence.content, flags=re.MULTILINE)[1:]:
            command, _, printed = call.partition("\n")
            assert hucha(shlex.split(command)[1:]) == printed


# --- docs/data.md -----------------------------------------------------------------------------------


def described_tables() -> list[str]:
    return re.findall(r"^### `(\w+)`$", DATA.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_table_has_its_columns_or_is_named_as_left_out() -> None:
    left_out = DATA.read_text(encoding="utf-8").partition("Not for analysis")[2].partition("\n\n")[0]
    named = [*described_tables(), *re.findall(r"`(\w+)`", left_out)]
    assert sorted(named) == sorted(tables.metadata.tables)


@pytest.mark.parametrize("name", described_tables())
def test_every_column_of_a_table_is_described(name: str) -> None:
    described = codes_in(rows_under(DATA, f"### `{name}`"))
    assert sorted(described) == sorted(column.name for column in tables.metadata.tables[name].columns)


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with Database.open(f"sqlite:///{tmp_path_factory.mktemp('data') / 'hucha.db'}") as database:
        yield database


@pytest.mark.parametrize("fence", fences(DATA, "sql"), ids=line_of)
def test_every_query_runs(fence: Fence, empty_database: Database) -> None:
    assert empty_database.read(lambda conn: conn.exec_driver_sql(fence.content).fetchall()) == []


@pytest.fixture(scope="module")
def nothing_scored() -> exports.Table:
    path = ROOT / "server/demo/checklist.yaml"
    checklist = read_checklist(path.read_bytes(), path.name)
    return exports.Table("HD", "互查", "Hucha", "provisional", checklist, (), ())


def test_every_column_of_the_score_table_is_described(nothing_scored: exports.Table) -> None:
    described = codes_in(rows_under(DATA, "## scores.csv"))
    columns = [name for name, _ in exports.columns(nothing_scored)]
    first_section = columns.index("section_A")
    assert described == [*columns[: first_section + 2], columns[-1]]


def test_every_sheet_of_the_workbook_is_described(nothing_scored: exports.Table) -> None:
    book = load_workbook(io.BytesIO(exports.xlsx_bytes(nothing_scored)))
    described = dict(rows_under(DATA, "## scores.xlsx"))
    assert [name for name in described if name not in ("sheet", "---")] == book.sheetnames
    for name in book.sheetnames[1:]:
        assert described[name].split(", ") == [cell.value for cell in book[name][1]]


def test_every_field_of_the_json_is_described(nothing_scored: exports.Table) -> None:
    fields = re.findall(rb'^ "(\w+)":', exports.json_bytes(nothing_scored), re.MULTILINE)
    named = [code for row in rows_under(DATA, "## scores.json") for code in re.findall(r"`(\w+)`", row[0])]
    assert sorted(named) == sorted(field.decode() for field in fields)


# --- docs/wire.md, docs/glossary.md, docs/for-operators.md ------------------------------------------


def test_every_problem_is_described_as_it_is_registered() -> None:
    described = [row[:3] for row in rows_under(WIRE, "## Problems") if row[0].startswith("`")]
    registered = [
        [f"`{code}`", str(kind.status), "yes" if kind.retry else "no"] for code, kind in REGISTRY.items()
    ]
    assert described == registered


@pytest.mark.parametrize(
    ("heading", "head", "message"),
    [
        ("## POST /enrol", "request", wire.EnrolRequest),
        ("## POST /enrol", "reply", wire.EnrolReply),
        ("## POST /sync", "request", wire.ExchangeRequest),
        ("## POST /sync", "reply", wire.ExchangeReply),
        ("## POST /sync", "envelope", Envelope),
    ],
)
def test_every_field_of_a_message_is_described(heading: str, head: str, message: type[Struct]) -> None:
    rows = list(rows_under(WIRE, heading))
    start = [row[0] for row in rows].index(head) + 1
    table = itertools.takewhile(lambda row: row[0].startswith("`"), rows[start:])
    assert sorted(codes_in(iter(table))) == sorted(message.__struct_fields__)


def test_every_code_name_of_the_glossary_is_in_the_code() -> None:
    known = set(
        re.findall(r"\w+", "\n".join(path.read_text(encoding="utf-8") for path in python_files(*PACKAGES)))
    )
    named = [
        code
        for heading in ("## The field", "## Hucha's own")
        for code in codes_in(rows_under(GLOSSARY, heading), column=2)
    ]
    assert named
    assert sorted(set(named) - known) == []


def test_every_setting_is_named_for_operators() -> None:
    settings = {PREFIX + field.upper() for field in Settings.__struct_fields__}
    settings |= set(re.findall(r"HUCHA_\w+", Path(tablet_settings.__file__).read_text(encoding="utf-8")))
    assert sorted(settings - set(re.findall(r"HUCHA_\w+", OPERATORS.read_text(encoding="utf-8")))) == []
