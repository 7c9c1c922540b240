"""What a table or a YAML file may look like, and what a person is told when it does not."""

import datetime as dt
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from server.planning.records import Window
from server.planning.tables import read_struct, read_table
from shared_schema.problems import Problem


class Row(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    kind: Literal["street", "bureau"]
    checked: bool
    people: tuple[str, ...]
    since: dt.date
    remark: str = ""
    until: dt.date | None = None


HEADER = "code,kind,checked,people,since,remark,until"


def written(folder: Path, content: str | bytes, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_row_becomes_a_struct_by_the_types_of_its_fields(tmp_path: Path) -> None:
    path = written(tmp_path, f"{HEADER}\nU1,street,y,P1 P2,2026-05-11,,2026-06-01\n")
    assert read_table(path, Row).rows == [
        (
            2,
            Row(
                code="U1",
                kind="street",
                checked=True,
                people=("P1", "P2"),
                since=dt.date(2026, 5, 11),
                until=dt.date(2026, 6, 1),
            ),
        )
    ]


def test_what_a_spreadsheet_adds_is_taken_in_silence(tmp_path: Path) -> None:
    """A byte order mark, CRLF, blank lines, spaces, columns in another order, optional ones left out."""
    content = '\ufeffkind,code,since,people,checked\r\n\r\n street ,"U,1",2026-05-11,,n\r\n,,,,\r\n'
    table = read_table(written(tmp_path, content), Row)
    assert [(line, row.code, row.people) for line, row in table.rows] == [(3, "U,1", ())]


@pytest.mark.parametrize(
    ("content", "line", "column", "cure"),
    [
        ("", 1, "code", "缺少这一列"),
        ("code,kind,checked,people\n", 1, "since", "column is missing"),
        (f"{HEADER},colour\n", 1, "colour", "no such column"),
        (f"{HEADER},code\n", 1, "code", "twice"),
        (f"{HEADER}\nU1,street,y,,2026-05-11\n", 2, "since", "7 cells are needed, 5 found"),
        (f"{HEADER}\n,street,y,,2026-05-11,,\n", 2, "code", "must not be empty"),
        (f"{HEADER}\nU1,village,y,,2026-05-11,,\n", 2, "kind", "write one of: street, bureau"),
        (f"{HEADER}\nU1,street,yes,,2026-05-11,,\n", 2, "checked", "write y or n"),
        (f"{HEADER}\nU1,street,y,,11.5.2026,,\n", 2, "since", "write a date as 2026-05-11"),
        (f"{HEADER}\nU1,street,y,,2026-05-11,,\nU2,street,y,,2026-05-11,,soon\n", 3, "until", "2026-05-11"),
        (f'{HEADER}\n"U1,street,y,,2026-05-11,,\n', 2, "", "quotation mark"),
        (f"{HEADER}\n和平,street".encode("gb18030"), 2, "", "CSV UTF-8"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place_and_cure(
    tmp_path: Path, content: str | bytes, line: int, column: str, cure: str
) -> None:
    with pytest.raises(Problem) as caught:
        read_table(written(tmp_path, content), Row)
    facts = caught.value.facts
    assert (caught.value.code, facts["file"], facts["line"], facts["column"]) == (
        "file_invalid",
        "rows.csv",
        line,
        column,
    )
    assert cure in str(facts["cure"])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"rows\.csv.*no such file"):
        read_table(tmp_path / "rows.csv", Row)


def test_repeated_keys_are_named_with_both_lines(tmp_path: Path) -> None:
    row = "U1,street,y,,2026-05-11,,\n"
    table = read_table(written(tmp_path, f"{HEADER}\n{row}{row}"), Row)
    with pytest.raises(Problem, match=r"line 3, code: .*the same as in line 2"):
        table.must_be_unique("code")


@pytest.mark.parametrize(
    ("content", "line", "column"),
    [
        ("from: 2026-05-11\nto: soon\nweekdays: [1]\n", 2, "to"),
        ("from: 2026-05-11\nto: 2026-05-12\nweekdays:\n  - 1\n  - Monday\n", 5, "weekdays.1"),
        ("from: 2026-05-11\nweekdays: [1]\n", 1, ""),
        ("from: 2026-05-11\nto: [\n", 3, "YAML"),
    ],
)
def test_what_does_not_fit_in_yaml_is_named_with_its_line(
    tmp_path: Path, content: str, line: int, column: str
) -> None:
    with pytest.raises(Problem) as caught:
        read_struct(written(tmp_path, content, "season.yaml"), Window)
    assert (caught.value.code, caught.value.facts["line"], caught.value.facts["column"]) == (
        "file_invalid",
        line,
        column,
    )


def test_weekdays_and_closed_days_make_the_days_of_a_window() -> None:
    window = Window(
        first=dt.date(2026, 6, 17),
        last=dt.date(2026, 6, 23),
        weekdays=(3, 4, 5),
        closed=(dt.date(2026, 6, 19),),
    )
    assert window.days() == (dt.date(2026, 6, 17), dt.date(2026, 6, 18))
