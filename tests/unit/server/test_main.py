"""What the `hucha` command says of a mistake: a sentence in both languages, and never a trace."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from server.__main__ import main


@pytest.mark.parametrize(
    "arguments",
    [
        ["migrate", "--data", "FILE"],
        ["serve", "--data", "FILE", "--port", "0"],
        ["serve", "--data", "FOLDER", "--host", "no.such.host.invalid"],
        ["restore", "FOLDER", "--data", "FILE"],
        ["backup", "/proc/backups", "--data", "MADE"],
        ["take-package", "--data", "MADE", "--out", "FILE", "FOLDER/none.hcx"],
        ["serve", "--data", "MADE", "--port", "99999"],
    ],
)
def test_a_wrong_path_or_address_is_said(tmp_path: Path, arguments: list[str]) -> None:
    places = {name: str(tmp_path / name) for name in ("FILE", "FOLDER", "MADE")}
    (tmp_path / "FILE").write_bytes(b"a letter")
    (tmp_path / "FOLDER").mkdir()
    assert CliRunner().invoke(main, ["migrate", "--data", places["MADE"]]).exit_code == 0
    given = [places.get(head, head) + rest for head, rest in map(_split, arguments)]
    result = CliRunner().invoke(main, given)
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code in (1, 2)
    assert result.output.strip()
    assert (tmp_path / "FILE").read_bytes() == b"a letter"


def _split(argument: str) -> tuple[str, str]:
    head, slash, rest = argument.partition("/")
    return (head, slash + rest) if head else (argument, "")
