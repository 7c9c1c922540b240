"""A checklist file is reported on by file, line, item and cure; nothing is written."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from server.planning.checklists import check_checklist, check_file, read_checklist
from server.planning.commands import checklist_commands
from server.planning.yaml_marks import read_yaml
from shared_schema.checklist import from_bytes, to_bytes
from shared_schema.problems import Problem

DATA = Path(__file__).parents[3] / "data"
DEFAULT = (DATA / "checklist_default.yaml").read_bytes()


def test_the_default_checklist_loads_with_its_two_slipped_quotes_pointed_out() -> None:
    """73 items of 100 points; the English that stands in the Chinese of two grades is taken out."""
    checked = check_checklist(DEFAULT, "default.yaml")
    assert checked.errors == ()
    assert checked.checklist is not None
    assert len(checked.checklist.items) == 73
    assert checked.checklist.grade("nonconform").en == "Does not conform"
    slips = [remark for remark in checked.warnings if remark.issue.kind == "english_in_zh"]
    assert [remark.line for remark in slips] == [29, 31]
    assert from_bytes(to_bytes(checked.checklist)) == checked.checklist


def test_an_error_names_its_line_and_item() -> None:
    """Where to look, what is wrong there, and what to write instead."""
    broken = DEFAULT.replace(b'deduct: "0.25", unit: \xe4\xbb\xb6}', b"deduct: 0.25, unit: \xe4\xbb\xb6}", 1)
    line = next(at for at, row in enumerate(broken.splitlines(), 1) if b"deduct: 0.25, unit" in row)
    (remark,) = check_checklist(broken, "default.yaml").errors
    assert remark.message("en") == (
        f"default.yaml {line}, B06, sections[1].items[5].rule.deduct: 0.25 is unquoted and was read as a binary "
        'fraction, which is not exact; quote it: "0.25"'
    )
    with pytest.raises(Problem, match="checklist_invalid"):
        read_checklist(broken, "default.yaml")


def test_what_is_missing_is_reported_where_it_should_be() -> None:
    """There is no line of its own, so it is the item's."""
    broken = DEFAULT.replace(b"        response: yes_no\n", b"", 1)
    (remark,) = check_checklist(broken, "default.yaml").errors
    row = broken.splitlines()[remark.line - 1]
    assert remark.issue.kind == "missing"
    assert b"id: A06" in row


def test_lines_are_found_through_aliases_and_merge_keys() -> None:
    """The line of a merged value is where it is written."""
    written = read_yaml(
        b"base: &base\n  x: 1\n  y: 2\nuse:\n  <<: *base\n  y: 3\nmany:\n  - a\n  - b\n", "f.yaml"
    )
    assert written.data["use"] == {"x": 1, "y": 3}
    assert written.line(("use", "x")) == 2
    assert written.line(("use", "y")) == 6
    assert written.line(("many", 1)) == 9
    assert written.line(("use", "z")) == 4


UNREADABLE = [
    (b"a: [1\nb: 2", "not valid YAML"),
    (b"a: 1\nb: 2\na: 3\n", "“a” stands twice: remove one"),
    (b"a: \xff\xfe", "not valid YAML"),
    (b"a: &a [*a]", "an alias contains itself"),
    (b"a: !!python/object/apply:os.system ['true']", "not valid YAML"),
    (b"x" * 2_000_001, "over 2000000 bytes"),
    (b"[" * 5000, "nested too deeply"),
    (
        b"a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + b"".join(
            b"%c: &%c [%s]\n" % (98 + at, 98 + at, b",".join([b"*%c" % (97 + at)] * 10)) for at in range(7)
        ),
        "too much content",
    ),
]


@pytest.mark.parametrize(("content", "said"), UNREADABLE, ids=range(len(UNREADABLE)))
def test_an_unreadable_file_is_said_to_be_one(content: bytes, said: str) -> None:
    """With its line, and without running or exploding anything."""
    with pytest.raises(Problem, match="file_invalid") as caught:
        read_yaml(content, "f.yaml")
    assert said in caught.value.message("en")
    assert caught.value.facts["line"] == (3 if "twice" in said else caught.value.facts["line"])


def test_checking_a_file_returns_how_it_went(tmp_path: Path) -> None:
    """0 usable, 1 with errors, 2 unreadable; the last line counts."""
    said: list[str] = []
    assert check_file(DATA / "checklist_default.yaml", said.append) == 0
    assert said[-1] == "0 errors, 8 warnings"
    file = tmp_path / "list.yaml"
    file.write_text("sections: []", encoding="utf-8")
    assert check_file(file, said.append) == 1
    assert said[-1].startswith("9 errors")
    assert check_file(tmp_path / "none.yaml", said.append) == 2
    file.write_text("a: [", encoding="utf-8")
    assert check_file(file, said.append, "zh") == 2
    assert "不是有效的 YAML" in said[-1]


def test_the_commands_end_with_that_number() -> None:
    """As `make check` and scripts want it."""
    runner = CliRunner()
    checked = runner.invoke(
        checklist_commands, ["check", str(DATA / "checklist_default.yaml"), "--language", "zh"]
    )
    assert (checked.exit_code, "引号位置有误" in checked.output) == (0, True)
    tested = runner.invoke(checklist_commands, ["test", str(DATA / "scoring_cases.yaml")])
    assert (tested.exit_code, tested.output) == (0, "21 variants, 0 mismatches\n")
